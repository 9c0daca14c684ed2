"""Transactions: whoever holds the pen changes the database, and nobody else does meanwhile.

One transaction for many submits; one bad submit never takes the others with it.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

from tracedesk.store import connections
from tracedesk.store.batch import Batch
from tracedesk.store.errors import StoreError, database_errors, explain
from tracedesk.store.ledger import Tally
from tracedesk.store.work import Work

log = logging.getLogger(__name__)

ZSTD_LEVEL = 1
"""3 KB of JSON takes 8 µs and shrinks to a third; higher levels cost more than they save."""
NOTES_S = 1.0
"""How long a refusal waits for a commit to go along with, before it gets one of its own."""


class Notes:
    """Counts that have no transaction of their own. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tally = Tally()
        self._due: float | None = None

    def __bool__(self) -> bool:
        return bool(self._tally)

    @property
    def due_s(self) -> float | None:
        """Seconds until they must be written; None when there are none."""
        due = self._due
        return None if due is None else max(0.0, due - time.monotonic())

    def take(self) -> Tally:
        """All of them, to be written now."""
        with self._lock:
            taken, self._tally = self._tally, Tally()
            self._due = None
            return taken

    def keep(self, notes: Tally) -> None:
        """Add some, or put back what could not be written. True notes are due soon."""
        with self._lock:
            self._tally.absorb(notes)
            if self._due is None and self._tally:
                self._due = time.monotonic() + NOTES_S


class Pen:
    """The one connection that changes a database. ``with pen:`` waits for it, ``take`` does not."""

    def __init__(self, connection: sqlite3.Connection, path: Path, notes: Notes) -> None:
        self._connection = connection
        self._path = path
        self._file = path.stat().st_ino
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self._notes = notes
        self._held = threading.Lock()
        self._patience_ms = -1
        """How long the connection waits for the database; below 0: not set yet."""

    def take(self) -> bool:
        """Hold the pen from here on, unless somebody does."""
        return self._held.acquire(blocking=False)

    def give_back(self) -> None:
        """Let go of what ``take`` took."""
        self._held.release()

    def __enter__(self) -> "Pen":
        self._held.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.release()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # -- for who holds it --------------------------------------------------------------

    def write(self, works: Sequence[Work], *, patient: bool = True) -> None:
        """Do all of them in one transaction or, should that fail, in one each; what became of each
        is noted in it. Raises an error for which ``is_lock`` is true, with nothing done, when
        another program holds the database for longer than ``LOCK_PATIENCE_S``, or at all."""
        try:
            with self._transaction(patient=patient) as batch:
                for work in works:
                    work.apply(batch)
        except Exception as error:
            if is_lock(error):
                raise
            self._write_apart(works)

    def _write_apart(self, works: Sequence[Work]) -> None:
        for work in works:
            work.result = ()
            try:
                with self._transaction(careful=True) as batch:
                    work.apply(batch)
            except Exception as error:
                if not isinstance(error, (*database_errors(), StoreError)):
                    log.exception("a submit could not be stored")
                work.error = explain(error, self._path)

    @contextlib.contextmanager
    def _transaction(self, *, patient: bool = True, careful: bool = False) -> Iterator[Batch]:
        connection = self._connection
        notes = self._notes.take()
        try:
            self._check_there()
            self._begin(patient=patient)
            batch = Batch(connection, self._compressor, careful=careful)
            if notes:
                batch.tally.absorb(notes)
            yield batch
            batch.finish()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._notes.keep(notes)
            raise

    def _begin(self, *, patient: bool) -> None:
        patience_ms = round(connections.LOCK_PATIENCE_S * 1_000) if patient else 0
        if patience_ms != self._patience_ms:
            self._connection.execute(f"PRAGMA busy_timeout = {patience_ms}").fetchone()
            self._patience_ms = patience_ms
        self._connection.execute("BEGIN IMMEDIATE")

    def _check_there(self) -> None:
        if gone := connections.missing(self._path, self._file):
            what_to_do = "Put it back, or start tracedesk again; until then nothing is accepted."
            raise StoreError(gone, what_to_do)


def is_lock(error: Exception) -> bool:
    """Does another program hold the lock of the database?"""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

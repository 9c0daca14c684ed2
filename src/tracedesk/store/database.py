"""A database file: opened, checked, read from any thread, changed by one writer.

Every thread reads through a connection of its own, and every read is finished when the
method returns, so no reader ever holds the log back. Errors are StoreError, in words.
"""

import contextlib
import sqlite3
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from tracedesk.query.filter import Filter
from tracedesk.store import filter_sql, schema
from tracedesk.store.connections import Connect, Connection, connector, missing
from tracedesk.store.errors import DamagedError, StoreError, database_errors, explain
from tracedesk.store.executions import History
from tracedesk.store.readings import SELECT_READINGS, KeptReading
from tracedesk.store.rows import (
    SELECT_REVISIONS,
    SELECT_TRACE,
    Revision,
    SpanRow,
    StoredRequest,
    TraceRow,
    stored_requests,
    trace_row,
)
from tracedesk.store.sketches import Sketches
from tracedesk.store.values import clean, json_text, number_of

if TYPE_CHECKING:
    from tracedesk.store.encryption import EncryptionSettings
    from tracedesk.store.writer import Writer

__all__ = ["Store", "StoreError"]

CHECKPOINT_PAGES = 16_000
"""The log is folded into the database every 64 MB: each time costs a wait for the disk, and
the fewer the times, the fewer the pages that are written twice."""
READ_CACHE_KIB = 512
"""Pages each reading thread keeps to itself; the system keeps them all, once for everybody."""
_FIND_AT_MOST = 100

_INCREMENTAL = 2
"""Of ``auto_vacuum``: pages that deleted traces leave can be given back to the disk."""

_REQUESTS = (
    "SELECT p.part, r.received_ns, r.method, r.path, r.headers, r.body, p.resources, t.revision"
    " FROM trace t JOIN part p ON p.trace = t.number JOIN request r ON r.id = p.request"
    " WHERE t.number = ? AND t.id = ? ORDER BY p.part"
)
_REQUESTS_MANY = (
    "SELECT t.id, p.part, r.received_ns, r.method, r.path, r.headers, r.body,"
    " p.resources, t.revision FROM json_each(?) AS wanted JOIN trace t ON t.number = wanted.value"
    " JOIN part p ON p.trace = t.number JOIN request r ON r.id = p.request"
    " ORDER BY t.number, p.part"
)
_BODY_SIZES = (
    "SELECT p.trace, sum(r.size) FROM json_each(?) AS wanted JOIN part p ON p.trace = wanted.value"
    " JOIN request r ON r.id = p.request GROUP BY p.trace"
)
_REVISION_REQUESTS = (
    "SELECT p.part, r.received_ns, r.method, r.path, r.headers, r.body, p.resources, p.revision"
    " FROM revision_part p JOIN request r ON r.id = p.request"
    " WHERE p.trace = (SELECT number FROM trace WHERE number = ? AND id = ?) AND p.revision = ?"
    " ORDER BY p.part"
)
_SPANS = (
    "SELECT span_id, position, parent_id, name, kind, start_ns, end_ns, status FROM span"
    " WHERE trace = (SELECT number FROM trace WHERE number = ? AND id = ?) ORDER BY position"
)


class Store:
    """One open database. Make it with ``Store.open``."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.agent_names: filter_sql.AgentNames | None = None
        """Agent id → name, for ``agent:`` in filters; set by whoever knows the agents."""
        self.verdict_of: filter_sql.VerdictOf | None = None
        """Trace id → outcome (None: pending), for ``verdict:`` in filters; called from any
        reading thread. Unset, such a filter is refused."""
        self._connector: Connect
        """How this file is opened, with its key where it has one."""
        self._local = threading.local()
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._open_lock = threading.Lock()
        self._closed = False
        self._writer: Writer | None = None
        self.history = History(self)
        """The executions, for whoever asks more of them than the methods below."""
        self.sketches = Sketches(self)
        """The trees of large traces."""
        self._watch_lock = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._watched = -1
        self._revision = 0
        self._file = 0
        """The inode of the file that was opened."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        encryption: "EncryptionSettings | None" = None,
    ) -> "Store":
        """Open, and create, encrypt or migrate unless ``read_only``. Raises StoreError when the
        file is locked, damaged, unwritable, not ours or newer, or when its key is missing or
        wrong; it is then left untouched."""
        store = cls(path, read_only=read_only)
        try:
            with connector(path, encryption, read_only=read_only) as connect:
                store._connector = connect
                store._begin()
                store._file = path.stat().st_ino
        except OSError as error:
            raise explain(error, path) from error
        except database_errors() as error:
            raise explain(error, path) from error
        return store

    def _begin(self) -> None:
        """Check the database, or make it ready for writing and start the writer."""
        first = self._connect(read_only=self.read_only)
        try:
            if not self.read_only:
                from tracedesk.store.writer import Writer  # a tenth of the start of who only reads

                _prepare(first, self.path)
                self._writer = Writer(first, self.path)
                self._open.discard(first)  # the writer's own from here
            elif schema.check(first, self.path) != schema.VERSION:
                raise StoreError(
                    f"the database {self.path} has no traces yet, or was made by an older"
                    " tracedesk",
                    "Open it once for writing: that brings it up to date.",
                )
            else:
                first.close()
        except BaseException:
            first.close()
            raise

    def forget_summaries(self) -> None:
        """Let every trace be read anew, since the rules of reading changed; waits for it."""
        self.writer.run(
            lambda connection: connection.execute("UPDATE trace SET read_revision = 0")
        ).result()

    def close(self) -> None:
        """Store what was accepted, then close every connection. May be called twice.

        The writer's goes last: only a connection that may write folds the log in as it goes."""
        self._closed = True
        with self._watch_lock:
            self._watch = None
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with connection.reading:
                connection.close()
        if self._writer is not None:
            self._writer.stop()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def writer(self) -> "Writer":
        """The writer; StoreError when the store was opened to be read only."""
        if self._writer is None:
            raise StoreError(f"the database {self.path} was opened to be read only")
        return self._writer

    # -- traces ------------------------------------------------------------------------

    def rows(
        self,
        *,
        where: Filter | None = None,
        agent_id: str | None = None,
        offset: int = 0,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[TraceRow]:
        """A window of the traces that fit, in order of arrival."""
        condition, parameters = self._where(where, agent_id)
        order = "DESC" if newest_first else "ASC"
        return self._trace_rows(
            f"{condition} ORDER BY number {order} LIMIT ? OFFSET ?", [*parameters, limit, offset]
        )

    def numbers(self, where: Filter | None = None, agent_id: str | None = None) -> "array[int]":
        """The numbers of all traces that fit, newest first: eight bytes a trace, so that a list
        of any length can be kept and its rows read as they come into view."""
        condition, parameters = self._where(where, agent_id)
        found = self.query(f"SELECT number FROM trace {condition} ORDER BY number DESC", parameters)
        return array("q", (number for (number,) in found))

    def by_numbers(self, numbers: Iterable[int]) -> list[TraceRow]:
        """The rows of these numbers, in their order; deleted ones are left out."""
        wanted = list(numbers)
        tail = "WHERE number IN (SELECT value FROM json_each(?))"
        rows = {row.number: row for row in self._trace_rows(tail, (json_text(wanted),))}
        return [rows[number] for number in wanted if number in rows]

    def count(self, where: Filter | None = None, agent_id: str | None = None) -> int:
        """How many traces fit."""
        condition, parameters = self._where(where, agent_id)
        count: int = self.query(f"SELECT count(*) FROM trace {condition}", parameters)[0][0]
        return count

    def row(self, trace_id: str) -> TraceRow | None:
        """The trace of this id, or None."""
        rows = self._trace_rows("WHERE number = ? AND id = ?", (number_of(trace_id), trace_id))
        return rows[0] if rows else None

    def find(self, text: str) -> list[TraceRow]:
        """The traces a person means by ``text``, newest first: an id, else an external id,
        else an OTLP trace id, else the beginning of an id. At most 100."""
        if row := self.row(text.lower()):
            return [row]
        for where, values in (
            ("external_id = ?", (text,)),
            ("trace_id = ?", (text.lower(),)),
            ("id >= ? AND id < ?", (text.lower(), text.lower() + "g")),
        ):
            if rows := self._trace_rows(
                f"WHERE {where} ORDER BY number DESC LIMIT {_FIND_AT_MOST}", values
            ):
                return rows
        return []

    def changed_since(self, sequence: int, limit: int = 1_000) -> list[TraceRow]:
        """Traces accepted or changed after ``sequence``, oldest change first."""
        return self._trace_rows("WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit))

    def unread(self) -> list[TraceRow]:
        """Traces that were not read since they last changed, newest first."""
        return self._trace_rows("WHERE read_revision <> revision ORDER BY number DESC", ())

    def requests(self, trace_id: str) -> list[StoredRequest]:
        """The received bodies of a trace, in order of arrival; empty for an unknown id."""
        found = self.query(_REQUESTS, (number_of(trace_id), trace_id))
        with self._errors():
            return stored_requests(found)

    def revisions(self, trace_id: str) -> list[Revision]:
        """The earlier revisions of a trace whose bodies are kept, newest first."""
        found = self.query(SELECT_REVISIONS, (number_of(trace_id), trace_id))
        return [Revision(*values) for values in found]

    def revision_requests(self, trace_id: str, revision: int) -> list[StoredRequest]:
        """The bodies of one earlier revision, in order of arrival; empty when none is kept."""
        found = self.query(_REVISION_REQUESTS, (number_of(trace_id), trace_id, revision))
        with self._errors():
            return stored_requests(found)

    def requests_many(self, trace_ids: Iterable[str]) -> dict[str, list[StoredRequest]]:
        """``requests`` of many traces by one statement: every id, with what it has."""
        found: dict[str, list[StoredRequest]] = {trace_id: [] for trace_id in trace_ids}
        numbers = json_text(sorted({number_of(trace_id) for trace_id in found}))
        with self._errors():
            rows = self.query(_REQUESTS_MANY, (numbers,))
            for (trace_id, *_), request in zip(
                rows, stored_requests(row[1:] for row in rows), strict=True
            ):
                if trace_id in found:
                    found[trace_id].append(request)
        return found

    def body_sizes(self, numbers: Iterable[int]) -> dict[int, int]:
        """Bytes of the received bodies by number of trace; a request of several traces counts
        for each."""
        return dict(self.query(_BODY_SIZES, (json_text(list(numbers)),)))

    def readings(self, numbers: Iterable[int]) -> dict[int, KeptReading]:
        """What is kept of the readings of these traces, by number of trace."""
        found = self.query(SELECT_READINGS, (json_text(list(numbers)),))
        return {values[0]: KeptReading(*values) for values in found}

    def spans(self, trace_id: str) -> list[SpanRow]:
        """The span index of a trace in body order; empty for an unknown id."""
        found = self.query(_SPANS, (number_of(trace_id), trace_id))
        return [SpanRow(*values) for values in found]

    def revision(self) -> int:
        """A number that changes whenever anything in the database changed, whoever did it.
        Cheap enough to be asked ten times a second."""
        with self._watch_lock, self._errors():
            if self._closed:
                return self._revision
            if self._watch is None:
                self._watch = self._connect(read_only=True)
            version = self._watch.execute("PRAGMA data_version").fetchone()[0]
            if version != self._watched:
                self._watched = version
                self._revision += 1
            return self._revision

    def missing(self) -> str:
        """Why nothing can be stored any more: the file was deleted or moved. Blank while it is
        where it was opened; cheap enough to be asked ten times a second."""
        return missing(self.path, self._file)

    # -- connections -------------------------------------------------------------------

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a SELECT, through the connection of the calling thread."""
        with self._errors():
            connection = getattr(self._local, "connection", None)
            if connection is None or self._closed:
                connection = self._local.connection = self._connect(read_only=True)
                filter_sql.add_functions(connection, self._verdict)
                if isinstance(connection, sqlite3.Connection):  # else a page is worth its key
                    connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
            with connection.reading:
                try:
                    found: list[tuple[Any, ...]] = connection.execute(
                        statement, parameters
                    ).fetchall()
                except (UnicodeEncodeError, OverflowError):
                    mended = [clean(parameter) for parameter in parameters]
                    found = connection.execute(statement, mended).fetchall()
            return found

    def _trace_rows(self, tail: str, parameters: Sequence[Any]) -> list[TraceRow]:
        return [trace_row(values) for values in self.query(f"{SELECT_TRACE} {tail}", parameters)]

    def _where(self, where: Filter | None, agent_id: str | None) -> filter_sql.Condition:
        verdicts = self.verdict_of is not None
        return filter_sql.where(where, agent_id, self.agent_names, verdicts=verdicts)

    def _verdict(self, trace_id: str) -> str | None:
        return None if self.verdict_of is None else self.verdict_of(trace_id)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except database_errors() as error:
            raise explain(error, self.path) from error
        except zstandard.ZstdError as error:
            raise DamagedError(self.path) from error

    def _connect(self, *, read_only: bool) -> Connection:
        if self._closed:
            raise StoreError(f"the database {self.path} is closed")
        connection = self._connector(read_only)
        with self._open_lock:
            self._open.add(connection)
        return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check, then set up for writing, then migrate. The check comes first: a database that
    is not ours or newer is not touched."""
    schema.check(connection, path)
    # heard by an empty file only, and only before its first transaction
    connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    # a file that cannot be written opens all the same: only a write lock tells
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the database {path} cannot keep a write-ahead log (its journal mode is {mode})",
            "Put the workspace on a local disk.",
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    schema.migrate(connection, path)

"""SQLCipher: connections that know their key, and a database turned into its other form.

The key is given raw, so no time goes into deriving one. The log and every temporary file are
encrypted like the database itself.
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any, Final, cast

from sqlcipher3 import dbapi2

from tracedesk.store import schema
from tracedesk.store.connections import (
    Closing,
    Connection,
    make_private_file,
    open_here,
    opened,
    options,
)
from tracedesk.store.encryption import half_made
from tracedesk.store.errors import StoreError

_TABLES: Final = (
    "SELECT name FROM {schema}.sqlite_master"
    " WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
)
_CARRIED = ("user_version", "application_id")
"""What a database says of itself outside of its tables."""
_IN_USE_AFTER_S = 1.0


class CipherConnection(Closing, dbapi2.Connection):  # type: ignore[misc]
    """A connection to an encrypted file."""


class Cipher:
    """One encrypted database and its key."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        """``key`` None: the file is a plain one."""
        self._path = path
        self._key = key

    def connect(self, read_only: bool) -> Connection:
        """A connection that can read; nothing was read yet."""
        made = dbapi2.connect(factory=CipherConnection, **options(self._path, read_only=read_only))
        made.execute("PRAGMA cipher_log_level = NONE")  # else it writes to stderr, on the screen
        if self._key is not None:
            made.execute(f'PRAGMA key = "{_raw(self._key)}"')
        return opened(made, self._path, "plain" if self._key is None else "sealed")

    def check(self) -> None:
        """Read something; the library's own errors are raised, see ``wrong_key``."""
        with contextlib.closing(self.connect(True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def wrong_key(error: BaseException) -> bool:
    """Does the error say that the file makes no sense with this key?"""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


def convert(path: Path, source_key: bytes | None, target_key: bytes | None) -> None:
    """Replace the database by its copy under another key, None for a plain one.

    The copy is checked before it takes the place of the original in one step; until then the
    original is what it was. Raises StoreError, the library's errors and OSError.
    """
    if open_here(path) is not None:  # two libraries in one process see no locks of each other
        raise _in_use(path)
    half = half_made(path)
    source = Cipher(path, source_key).connect(False)
    try:
        schema.check(cast(sqlite3.Connection, source), path)
        _take(source, path)
        make_private_file(half)
        counts = _export(source, half, target_key)
        _verify(half, target_key, counts)
        _flush(half)
        half.replace(path)
        _flush(path.parent)
    finally:
        source.close()
        half.unlink(missing_ok=True)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)


def _take(source: Any, path: Path) -> None:
    """Fold the log in and keep everyone else out until the connection is closed."""
    source.execute(f"PRAGMA busy_timeout = {_IN_USE_AFTER_S * 1_000:.0f}")
    try:
        mode = source.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        source.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
        source.execute("BEGIN EXCLUSIVE")
        source.execute("COMMIT")
    except dbapi2.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        mode = "in use"
    if mode != "delete":
        raise _in_use(path)


def _in_use(path: Path) -> StoreError:
    return StoreError(
        f"the database {path} is in use, and cannot be converted meanwhile",
        "Stop the tracedesk that has it open, then try again.",
    )


def _export(source: Any, half: Path, key: bytes | None) -> dict[str, int]:
    """Copy everything; the number of rows of each table."""
    execute = source.execute
    execute("ATTACH DATABASE ? AS half KEY ?", (str(half), "" if key is None else _raw(key)))
    vacuum = execute("PRAGMA main.auto_vacuum").fetchone()[0]
    execute(f"PRAGMA half.auto_vacuum = {vacuum}")
    execute("SELECT sqlcipher_export('half')").fetchone()
    for name in _CARRIED:
        execute(f"PRAGMA half.{name} = {execute(f'PRAGMA main.{name}').fetchone()[0]}")
    counts = _counts(source)
    execute("DETACH DATABASE half")
    return counts


def _verify(half: Path, key: bytes | None, counts: dict[str, int]) -> None:
    with contextlib.closing(Cipher(half, key).connect(True)) as copy:
        found = copy.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)] or _counts(copy) != counts or schema.check(copy, half) == 0:
            raise StoreError(
                "the converted database is not what the original is",
                "The original is as it was. Check it: sqlite3 FILE 'PRAGMA integrity_check'.",
            )


def _counts(connection: Any) -> dict[str, int]:
    names = [name for (name,) in connection.execute(_TABLES.format(schema="main"))]
    count = connection.execute
    return {name: count(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def _flush(path: Path) -> None:
    """Make sure that the disk has it. A folder's entries, where folders can be opened."""
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _raw(key: bytes) -> str:
    return f"x'{key.hex()}'"

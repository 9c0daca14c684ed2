"""What goes wrong with a database file, said in words: what happened and what to do.

Nothing outside the store ever sees an sqlite3 exception.
"""

import sqlite3
import sys
from pathlib import Path


def database_errors() -> tuple[type[Exception], ...]:
    """The errors of the libraries that databases are opened with, for ``except``: an encrypted
    one's are classes of its own, which exist only once it was imported."""
    cipher = sys.modules.get("sqlcipher3.dbapi2")
    return (sqlite3.Error,) if cipher is None else (sqlite3.Error, cipher.Error)


class StoreError(Exception):
    """The store could not do it. Nothing was half-stored.

    ``message`` says what happened and where, ``hint`` what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class Busy(StoreError):  # noqa: N818
    """The write queue stayed full for as long as the caller was ready to wait."""

    def __init__(self) -> None:
        super().__init__(
            "the write queue is full", "Send again in a moment; nothing of this was stored."
        )


class DamagedError(StoreError):
    """The kept body of one trace cannot be unpacked; the rest of the store is fine."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"a stored request in {path} is damaged", "Delete the trace, or send it again."
        )


_EXPLANATIONS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "the database {path} is locked by another program",
        "Close the other program, or wait until its work is done.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "the database {path} is locked by another program",
        "Close the other program, or wait until its work is done.",
    ),
    sqlite3.SQLITE_READONLY: (
        "the database {path} cannot be written",
        "Make the file and its folder writable.",
    ),
    sqlite3.SQLITE_PERM: (
        "the database {path} cannot be read or written",
        "Change the permissions of the file and its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk reported an error for the database {path}",
        "Check that the disk is present and has free space.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the database {path} is damaged",
        "Move it away to start afresh, or save what is readable with `sqlite3 FILE .recover`.",
    ),
    sqlite3.SQLITE_FULL: (
        "the disk is full: the database {path} cannot grow",
        "Free some space, or delete old traces.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the database {path} cannot be opened",
        "Check that its folder exists and that you may read and write it.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "{path} is not a tracedesk database",
        "Choose another workspace, or move the file away.",
    ),
    sqlite3.SQLITE_TOOBIG: (
        "a value is too large for the database {path}",
        "Send smaller texts.",
    ),
}
"""SQLite's primary result code → message and hint."""


def explain(error: BaseException, path: Path | str) -> StoreError:
    """The StoreError that says in words what an sqlite3 (or other) error means for ``path``."""
    if isinstance(error, StoreError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    known = _EXPLANATIONS.get(code & 0xFF) if isinstance(code, int) else None
    if known is not None:
        return StoreError(known[0].format(path=path), known[1])
    if isinstance(error, OSError):
        return StoreError(
            f"the database {path} cannot be opened: {error.strerror or error}",
            "Check that its folder exists and that you may read and write it.",
        )
    return StoreError(f"the database {path} refused: {error}")

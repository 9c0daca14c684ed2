"""Every connection to a database file is opened here, so that a key is never forgotten.

A plain file is opened by sqlite3 of the standard library; one that is encrypted, or shall be,
through ``encryption``. Nobody else may open a database file while this process has a
connection to it: closing any handle lets go of the locks of all (POSIX), and another process
could then take the log away.
"""

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tracedesk.store.errors import database_errors

if TYPE_CHECKING:
    from tracedesk.store.encryption import EncryptionSettings

LOCK_PATIENCE_S = 5.0
"""How long another program may hold the lock before it is reported."""
STATEMENTS = 256
"""Prepared statements kept by the writer; multi-row inserts come in a few sizes."""

_HEADER = b"SQLite format 3\0"

FileKind: TypeAlias = Literal["new", "plain", "sealed"]
"""``new``: missing or empty. ``sealed``: encrypted, or no database at all; only a key can tell."""


_live: "weakref.WeakKeyDictionary[Closing, tuple[tuple[int, int], FileKind]]" = (
    weakref.WeakKeyDictionary()
)
"""The open connections of this process, with the identity of their file and what it is."""
_live_lock = threading.Lock()


class Closing:
    """What a connection of either library has here besides: it closes itself when its thread is
    gone, can be weakly held, and is never closed under a reader."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.reading = threading.Lock()
        """Held while the connection is in use."""

    def close(self) -> None:
        """Close it; the file may be opened otherwise again once all are closed."""
        with _live_lock:
            _live.pop(self, None)
        super().close()  # type: ignore[misc]

    def __del__(self) -> None:
        with contextlib.suppress(*database_errors()):
            super().close()  # type: ignore[misc]


class Connection(Closing, sqlite3.Connection):
    """A connection to a plain file."""


Connect: TypeAlias = Callable[[bool], Connection]
"""Opens a connection to one file; ``True``: to read only."""


def options(path: Path, *, read_only: bool) -> dict[str, Any]:
    """How a connection is opened, by either library."""
    return {
        "database": f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        "uri": True,
        "timeout": LOCK_PATIENCE_S,
        "isolation_level": None,
        "check_same_thread": False,
        "cached_statements": STATEMENTS,
    }


def opened(connection: Connection, path: Path, kind: FileKind) -> Connection:
    """Remember a connection that was just opened."""
    with _live_lock:
        _live[connection] = (_identity(path.stat()), kind)
    return connection


def open_here(path: Path) -> FileKind | None:
    """What the file is, if this process has a connection to it. Raises OSError."""
    identity = _identity(path.stat())
    with _live_lock:
        return next((kind for file, kind in _live.values() if file == identity), None)


def file_kind(path: Path) -> FileKind:
    """What the file is, by its first bytes. Raises OSError when it cannot be read."""
    try:
        if path.stat().st_size == 0:
            return "new"
        if (kind := open_here(path)) is not None:
            return kind
        with path.open("rb") as file:
            return "plain" if file.read(len(_HEADER)) == _HEADER else "sealed"
    except FileNotFoundError:
        return "new"


def missing(path: Path, inode: int) -> str:
    """What became of a database file that was opened as ``inode``; blank while it is there. Into
    a deleted one can still be written, but nobody will ever read it."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            return ""
    return f"the database {path} was deleted or moved while it was open"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def connector(
    path: Path, encryption: "EncryptionSettings | None", *, read_only: bool
) -> Iterator[Connect]:
    """How to connect to the database, which is created, and encrypted if that is wanted, before.
    While this context lasts, no other process does the same. Raises StoreError and OSError."""
    wanted = encryption is not None and encryption.wanted
    if not read_only:
        make_private_file(path)
    if not wanted and file_kind(path) != "sealed":
        yield lambda read_only: _plain(path, read_only)
        return
    from tracedesk.store import encryption as encrypted

    settings = encryption or encrypted.EncryptionSettings()
    with encrypted.cipher_of(path, settings, read_only=read_only) as cipher:
        yield cipher or (lambda read_only: _plain(path, read_only))


def _plain(path: Path, read_only: bool) -> Connection:
    made = sqlite3.connect(factory=Connection, **options(path, read_only=read_only))
    return opened(made, path, "plain")


def make_private_file(path: Path) -> None:
    """Create file and folder for their owner's eyes only; SQLite's log files follow suit."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

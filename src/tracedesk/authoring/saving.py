"""Test-case files written by the program, and taken back: whole, at once, and never over what
somebody else wrote meanwhile.

A file is replaced by one beside it, so whoever reads meanwhile sees the old one or the new one;
its mode, its owner and links to it stay.
"""

import os
import stat
import threading
from functools import partial
from pathlib import Path

import msgspec

from tracedesk.replacing import replace_file
from tracedesk.testcases.positions import MAX_BYTES


class SaveError(Exception):
    """The file was not written; the text says why and what to do. Nothing was changed."""


class ChangedError(SaveError):
    """The file is not what it was when the change was made."""

    def __init__(self, message: str, found: bytes | None) -> None:
        super().__init__(message)
        self.found = found
        """What it holds now; None when it is gone."""


class Saved(msgspec.Struct, frozen=True):
    """One change of one file."""

    path: Path
    before: bytes | None
    """None: the file was not there."""
    after: bytes
    told: str
    """What was done, in a few words."""


def content(path: Path) -> bytes | None:
    """What a file holds; None when it is not there. Raises SaveError."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SaveError(f"{path.name} is not a regular file")
            found = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise SaveError(f"{path.name} cannot be read: {fault.strerror}") from None
    if len(found) > MAX_BYTES:
        raise SaveError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB")
    return found


def _without_waiting(path: str, flags: int) -> int:
    """Open without blocking, lest a named pipe hold everything up."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def save(path: Path, before: bytes | None, after: bytes) -> None:
    """Put ``after`` in the place of ``before``, which is what the file must still hold.

    Raises ChangedError when it does not, SaveError when it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if before is not None and not target.stat().st_mode & 0o222:
            raise SaveError(f"{path.name} is read-only; allow writing first: chmod u+w {path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        look_again = partial(_refuse_changed, target, before)
        replace_file(target, after, new=before is None, look_again=look_again)
    except FileNotFoundError:
        raise ChangedError(f"{path.name} was removed meanwhile", None) from None
    except OSError as fault:
        raise SaveError(f"{path.name} cannot be written: {fault.strerror}") from None


def remove(path: Path, before: bytes) -> None:
    """Remove a file that still holds ``before``. Raises ChangedError and SaveError."""
    _refuse_changed(path, before)
    try:
        path.unlink()
    except OSError as fault:
        raise SaveError(f"{path.name} cannot be removed: {fault.strerror}") from None


def _refuse_changed(path: Path, before: bytes | None) -> None:
    found = content(path)
    if found != before:
        what = "was removed" if found is None else "was changed by another program"
        raise ChangedError(f"{path.name} {what} meanwhile", found)


class Edits:
    """The changes made here, the last on top. Each is taken back only while the file is as the
    change left it; else both the change and what came after are kept. Any thread may use it."""

    def __init__(self) -> None:
        self._done: list[Saved] = []
        self._one_at_a_time = threading.Lock()

    def make(self, path: Path, before: bytes | None, after: bytes, told: str) -> Saved:
        """Write a file and remember what it was. Raises SaveError."""
        saved = Saved(path, before, after, told)
        with self._one_at_a_time:
            save(path, before, after)
            if before != after:
                self._done.append(saved)
        return saved

    @property
    def last(self) -> Saved | None:
        """What ``undo`` would take back."""
        return self._done[-1] if self._done else None

    def undo(self) -> Saved | None:
        """Take back the last change; None when there is none. Raises SaveError, and then the
        change can still be taken back later."""
        with self._one_at_a_time:
            return self._undo()

    def _undo(self) -> Saved | None:
        saved = self.last
        if saved is None:
            return None
        try:
            if saved.before is None:
                remove(saved.path, saved.after)
            else:
                save(saved.path, saved.after, saved.before)
        except ChangedError as fault:
            raise ChangedError(
                f"{fault}, so “{saved.told}” is not undone; press e and take it back by hand,"
                " or undo the later change first",
                fault.found,
            ) from None
        self._done.pop()
        return saved

"""Whether a database is encrypted, whether it shall be, and with which key it is opened.

The file's own first bytes say what it is. A note beside it remembers where its key is kept and
a fingerprint of it, so that a missing key, a wrong key and a damaged file are told apart. A
database is never replaced by an empty one, and never gets a new key while it has one.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tracedesk.store.connections import Connect, FileKind, file_kind
from tracedesk.store.encryption_key import (
    Key,
    KeyPlace,
    fingerprint,
    make_key,
    not_installed,
    place_in_file,
    place_in_keyring,
    read_key,
)
from tracedesk.store.errors import StoreError, database_errors, explain

if TYPE_CHECKING:
    from types import ModuleType

KEY_FILE_VARIABLE = "TRACEDESK_KEY_FILE"
SPARE_BYTES = 8 << 20
"""Disk space beyond the size of the database that a conversion asks for."""


class EncryptionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The ``[storage]`` table, as far as it is about encryption."""

    wanted: bool = False
    key_file: Path | None = None
    """Absolute; None: the key is kept in the system keyring."""
    account: str = ""
    """Under what name the keyring keeps it: the path of the workspace."""

    def place(self, note: "Note | None") -> KeyPlace:
        """Where the key is kept: as the environment says, else the configuration, else where it
        was kept when the database was encrypted, else in the keyring."""
        if named := os.environ.get(KEY_FILE_VARIABLE):
            return place_in_file(Path(os.path.abspath(Path(named).expanduser())))
        if self.key_file is not None:
            return place_in_file(self.key_file)
        return note.place if note is not None else place_in_keyring(self.account)


class Note(msgspec.Struct, frozen=True):
    """What is remembered beside an encrypted database."""

    place: KeyPlace
    fingerprint: str


class EncryptionState(msgspec.Struct, frozen=True):
    """How a database stands, for people."""

    file: FileKind
    encrypted: bool
    wanted: bool
    key: str = ""
    """Where its key is kept, in words; blank when none is needed."""
    problem: StoreError | None = None
    """Why the database cannot be opened as configured."""


def encryption_state(path: Path, settings: EncryptionSettings) -> EncryptionState:
    """How the database stands; nothing is created or changed. Raises OSError."""
    kind, note = file_kind(path), _read_note(path)
    sealed = kind == "sealed" and (settings.wanted or note is not None)
    if not sealed and not settings.wanted:
        return EncryptionState(kind, encrypted=False, wanted=False)
    place, problem = settings.place(note), None
    try:
        if sealed:
            with cipher_of(path, settings, read_only=True):
                pass
        else:
            read_key(place, path.parent)
            _cipher()
    except StoreError as error:
        problem = error
    return EncryptionState(kind, sealed, settings.wanted, str(place), problem)


@contextlib.contextmanager
def cipher_of(
    path: Path, settings: EncryptionSettings, *, read_only: bool
) -> Iterator[Connect | None]:
    """How to connect to a database that is sealed or that shall be; None when the file is no
    encrypted database and need not become one. Raises StoreError."""
    if not settings.wanted:
        if _read_note(path) is not None:
            raise StoreError(
                f"the database {path} is encrypted, and encrypt = true is not set",
                "Set it under [storage] in tracedesk.toml, or run `tracedesk decrypt`.",
            )
        yield None
        return
    if read_only:
        yield _existing(path, settings)[0]
        return
    with _alone(path):
        _sweep(path)
        match file_kind(path):
            case "sealed":
                connect, key = _existing(path, settings)
                if _read_note(path) is None:  # it was lost; the key says again what it said
                    _write_note(path, key)
                yield connect
            case "plain":
                yield _converted(path, settings)
            case "new":
                key = _new_key(path, settings)
                yield _cipher().Cipher(path, key.secret).connect


def decrypt(path: Path, settings: EncryptionSettings) -> str:
    """Turn an encrypted database into a plain one; where its key is still kept, in words.
    Raises StoreError and OSError, and has then changed nothing."""
    if settings.wanted:
        raise StoreError(
            "tracedesk.toml says encrypt = true: the database would be encrypted again",
            "Take that out first, then run `tracedesk decrypt`.",
        )
    with _alone(path):
        _sweep(path)
        if file_kind(path) != "sealed":
            raise StoreError(f"the database {path} is not encrypted")
        key = _key_of(path, settings)
        _check_space(path)
        _in_words(path, lambda: _cipher().convert(path, key.secret, None))
        _note_path(path).unlink(missing_ok=True)
        return str(key.place)


# -- opening ---------------------------------------------------------------------------


def _existing(path: Path, settings: EncryptionSettings) -> tuple[Connect, Key]:
    """How to connect to a database that is encrypted already, and its key."""
    match file_kind(path):
        case "new":
            raise StoreError(f"the database {path} has no traces yet", "Send or import some first.")
        case "plain":
            raise StoreError(
                f"encrypt = true is set, and the database {path} is not encrypted yet",
                "Run `tracedesk encrypt`, or start `tracedesk serve` or the workbench: they do it.",
            )
    key = _key_of(path, settings)
    return _cipher().Cipher(path, key.secret).connect, key


def _key_of(path: Path, settings: EncryptionSettings) -> Key:
    """The key that opens the sealed file. Raises StoreError: missing, wrong, not a database."""
    note = _read_note(path)
    place = settings.place(note)
    secret = read_key(place, path.parent)
    advice = "Put the right key back from your backup; without it the traces cannot be read."
    if note is not None and note.place != place:
        advice = f"When the database was encrypted, its key was in {note.place}."
    if secret is None:
        raise StoreError(f"the key of the database {path} is missing from {place}", advice)
    if note is not None and note.fingerprint != fingerprint(secret):
        raise StoreError(f"the key in {place} is not the one of the database {path}", advice)
    try:
        _cipher().Cipher(path, secret).check()
    except database_errors() as error:
        if not _cipher().wrong_key(error):
            raise explain(error, path) from error
        raise StoreError(
            f"the key in {place} does not open the database {path}",
            "It is the wrong key, or the file is damaged, or it is no tracedesk database.",
        ) from None
    return Key(secret, place)


def _new_key(path: Path, settings: EncryptionSettings) -> Key:
    """The key for a database that is to be encrypted, made unless there is one; and noted."""
    _cipher()
    place = settings.place(_read_note(path))
    key = Key(read_key(place, path.parent) or make_key(place, path.parent), place)
    _write_note(path, key)
    return key


def _converted(path: Path, settings: EncryptionSettings) -> Connect:
    _check_space(path)
    key = _new_key(path, settings)
    _in_words(path, lambda: _cipher().convert(path, None, key.secret))
    connect: Connect = _cipher().Cipher(path, key.secret).connect
    return connect


def _in_words(path: Path, work: Callable[[], object]) -> None:
    try:
        work()
    except database_errors() as error:
        raise explain(error, path) from error


def _cipher() -> "ModuleType":
    """The library behind it, which is an extra."""
    try:
        from tracedesk.store import cipher
    except ImportError:
        raise not_installed() from None
    return cipher


# -- beside the database ---------------------------------------------------------------


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + ".key.json")


def _read_note(path: Path) -> Note | None:
    try:
        return msgspec.json.decode(_note_path(path).read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None


def _write_note(path: Path, key: Key) -> None:
    text = msgspec.json.encode(Note(key.place, fingerprint(key.secret)))
    half = _note_path(path).with_suffix(".half")
    with open(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    half.replace(_note_path(path))


def half_made(path: Path) -> Path:
    """Where a conversion builds the file that will replace ``path``."""
    return path.with_name(path.name + ".converting")


def _sweep(path: Path) -> None:
    """Remove what a conversion that was cut short left behind; the database is whole."""
    half = half_made(path)
    for name in (half.name, f"{half.name}-journal", f"{half.name}-wal", f"{half.name}-shm"):
        half.with_name(name).unlink(missing_ok=True)


def _check_space(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    size = path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if free < size + SPARE_BYTES:
        raise StoreError(
            f"converting the database {path} takes {(size + SPARE_BYTES) >> 20} MB of disk space"
            f" for a while, and only {free >> 20} MB are free",
            "Free some space; the database is as it was.",
        )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While one process creates or converts the database, others that want to wait."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

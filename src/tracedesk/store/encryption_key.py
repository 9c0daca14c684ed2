"""Keys of encrypted databases: 32 random bytes in the system keyring, or in a file of its
owner's that lies elsewhere. A key is never logged, never an argument, and never overwritten.
"""

import contextlib
import os
import secrets
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec

from tracedesk.store.errors import StoreError

SERVICE = "tracedesk"
"""The name under which the keyring keeps our keys, one account a workspace."""
KEY_BYTES = 32


class KeyPlace(msgspec.Struct, frozen=True):
    """Where a key is kept."""

    kind: Literal["file", "keyring"]
    name: str
    """Path of the file, or account in the keyring."""

    def __str__(self) -> str:
        if self.kind == "file":
            return f"the key file {self.name}"
        return f"the system keyring (service {SERVICE}, account {self.name})"


class Key(msgspec.Struct, frozen=True):
    """A key, and where it is kept."""

    secret: bytes
    place: KeyPlace

    def __repr__(self) -> str:
        return f"Key({self.place})"


def not_installed() -> StoreError:
    return StoreError(
        "encryption needs libraries that are not installed",
        "Install them: pip install 'tracedesk[encryption]'.",
    )


def place_in_file(path: Path) -> KeyPlace:
    return KeyPlace("file", str(path))


def place_in_keyring(account: str) -> KeyPlace:
    return KeyPlace("keyring", account)


def fingerprint(key: bytes) -> str:
    """Tells keys apart, and nothing about them."""
    return blake2b(key, digest_size=8, person=b"tracedesk-key").hexdigest()


def read_key(place: KeyPlace, private: Path) -> bytes | None:
    """The key that is kept there, None when there is none. ``private`` is the folder of the
    database. Raises StoreError when the place cannot be used or holds no key."""
    if place.kind == "file":
        return _read_file(Path(place.name), private)
    kept = _keyring(place, "get_password", SERVICE, place.name)
    return None if kept is None else _decoded(kept, place)


def make_key(place: KeyPlace, private: Path) -> bytes:
    """A new key, kept there; the one that another process kept there meanwhile, if it did.
    Raises StoreError."""
    key = secrets.token_bytes(KEY_BYTES)
    if place.kind == "file":
        _write_file(Path(place.name), key)
    else:
        _keyring(place, "set_password", SERVICE, place.name, key.hex())
    kept = read_key(place, private)
    if kept is None:
        raise StoreError(f"{place} did not keep the key", _FILE_INSTEAD)
    return kept


def _decoded(text: str, place: KeyPlace) -> bytes:
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(text.strip())
        if len(key) == KEY_BYTES:
            return key
    raise StoreError(
        f"{place} does not hold a key: {KEY_BYTES * 2} hexadecimal digits are expected",
        "Put the key back from your backup.",
    )


# -- files -----------------------------------------------------------------------------


def _read_file(path: Path, private: Path) -> bytes | None:
    if path.resolve().is_relative_to(private.resolve()):
        raise StoreError(
            f"the key file {path} lies beside the database it opens",
            f"Keep it outside of {private}: whoever copies that folder must not get the key too.",
        )
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077 and os.name == "posix":
                raise StoreError(
                    f"the key file {path} can be read by others (its mode is {mode:04o})",
                    f"Make it yours alone: chmod 600 {path}",
                )
            return _decoded(file.read(KEY_BYTES * 4), place_in_file(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"the key file {path} cannot be read: {error.strerror}", "Mend its permissions."
        ) from None


def _write_file(path: Path, key: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(made, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(
            f"the key file {path} cannot be written: {error.strerror}",
            "Name another one as key_file under [storage] in tracedesk.toml.",
        ) from None


# -- the keyring -----------------------------------------------------------------------

_FILE_INSTEAD = (
    "Unlock or set up the system's keyring, or keep the key in a file: key_file under [storage]"
    " in tracedesk.toml, or TRACEDESK_KEY_FILE."
)


def _keyring(place: KeyPlace, method: str, *arguments: str) -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise not_installed() from None
    try:
        return getattr(keyring, method)(*arguments)
    except keyring.errors.NoKeyringError:
        raise StoreError("this system has no keyring to keep the key in", _FILE_INSTEAD) from None
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        why = str(error) or type(error).__name__
        raise StoreError(f"{place} cannot be used: {why}", _FILE_INSTEAD) from None

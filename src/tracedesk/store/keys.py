"""The keys table. Only hashes are kept: who reads the database learns no key."""

import sqlite3
import time
from typing import Any

import msgspec

from tracedesk.store.database import Store


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key as it is stored. Times are nanoseconds since the epoch."""

    id: str
    name: str
    hash: bytes
    last4: str
    """The end of the key, by which a person tells keys apart."""
    agents: tuple[str, ...] = ()
    """Ids of the agents it may be used for; empty = all."""
    created_ns: int
    expires_ns: int | None = None
    revoked_ns: int | None = None
    used_ns: int | None = None
    """When it was last used, to the minute."""

    def usable(self, now_ns: int) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_ns is None and (self.expires_ns is None or now_ns < self.expires_ns)

    @property
    def masked(self) -> str:
        """The key as it may be shown."""
        return f"mibo_...{self.last4}"

    def state(self, now_ns: int) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_ns is not None:
            return "revoked"
        return "active" if self.usable(now_ns) else "expired"


_COLUMNS = StoredKey.__struct_fields__
_INSERT = f"INSERT INTO key ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM key ORDER BY created_ns"


def add_key(store: Store, key: StoredKey) -> None:
    """Store a key. Raises StoreError."""
    values: list[Any] = list(msgspec.structs.astuple(key))
    values[_COLUMNS.index("agents")] = msgspec.json.encode(key.agents).decode()

    def insert(connection: sqlite3.Connection) -> None:
        connection.execute(_INSERT, values)

    store.writer.run(insert).result()


def list_keys(store: Store) -> list[StoredKey]:
    """All keys, revoked and expired ones too, oldest first. Raises StoreError."""
    keys = []
    for values in store.query(_SELECT):
        fields = dict(zip(_COLUMNS, values, strict=True))
        fields["agents"] = msgspec.json.decode(fields["agents"], type=tuple[str, ...])
        keys.append(StoredKey(**fields))
    return keys


def revoke_key(store: Store, key_id: str) -> bool:
    """Revoke a key; False when there is no such key, or it is revoked already."""

    def revoke(connection: sqlite3.Connection) -> bool:
        changed = connection.execute(
            "UPDATE key SET revoked_ns = ? WHERE id = ? AND revoked_ns IS NULL",
            (time.time_ns(), key_id),
        ).rowcount
        return changed == 1

    return store.writer.run(revoke).result()


def note_use(store: Store, key_id: str, now_ns: int) -> None:
    """Remember that a key was used; nobody waits for it. Raises StoreError when nothing more
    can be written."""

    def note(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE key SET used_ns = ? WHERE id = ?", (now_ns, key_id))

    store.writer.run(note)

"""The ledger: what became of everything that was sent, by agent.

What is stored, replaced, merged or removed is counted in the very transaction that does it,
so that no crash can make the counts disagree with the traces. A refusal has no transaction;
the writer gathers those and commits them with the next one, or after a second.
"""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from tracedesk.store.values import clean

if TYPE_CHECKING:
    from tracedesk.store.database import Store

EVENTS: dict[str, str] = {
    "accepted": "new traces",
    "replaced": "traces sent again under the same id",
    "merged": "further parts of OTLP traces",
    "repeated": "parts that were there already",
    "refused": "requests refused",
    "dropped": "not kept, of requests that were accepted",
    "removed": "traces deleted again",
}
"""Every event that is counted, and what its count is a count of."""

RECEIVED = ("accepted", "replaced", "merged", "repeated")
MESSAGE_CHARS = 300
"""Kept of the message of the latest refusal; none of them quotes a body or a key."""

_UPSERT = (
    "INSERT INTO ledger (agent_id, event, code, count, size, last_ns, message)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " count = count + excluded.count, size = size + excluded.size,"
    " last_ns = max(last_ns, excluded.last_ns),"
    " message = CASE WHEN excluded.message = '' THEN message ELSE excluded.message END"
)
_SELECT = (
    "SELECT agent_id, event, code, count, size, last_ns, message FROM ledger"
    " ORDER BY agent_id, event, code"
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One count. ``last_ns`` is nanoseconds since the epoch."""

    agent_id: str
    """Blank for a request that was refused before its agent was known."""
    event: str
    """One of ``EVENTS``."""
    code: str
    """The error code of a refusal, what was dropped, or why traces were removed."""
    count: int
    size: int
    """Bytes of the bodies, inflated, as far as they were read."""
    last_ns: int
    message: str
    """What the latest refusal of this code said; blank for other events."""


class Ledger(msgspec.Struct, frozen=True):
    """All counts of a database."""

    entries: tuple[Entry, ...] = ()

    def total(self, *events: str, agent_id: str | None = None) -> int:
        """The sum of these events, of one agent or of all."""
        return sum(entry.count for entry in self.of(*events, agent_id=agent_id))

    def of(self, *events: str, agent_id: str | None = None) -> list[Entry]:
        """The counts of these events, the latest first."""
        found = [
            entry
            for entry in self.entries
            if entry.event in events and agent_id in (None, entry.agent_id)
        ]
        return sorted(found, key=lambda entry: -entry.last_ns)

    @property
    def agent_ids(self) -> list[str]:
        """Every agent anything was counted for; blank stands for none, and comes last."""
        return sorted({entry.agent_id for entry in self.entries}, key=lambda name: (not name, name))

    @property
    def kept(self) -> int:
        """How many traces must be stored if the ledger is right."""
        return self.total("accepted") - self.total("removed")


class Counts(msgspec.Struct, frozen=True):
    """What became of what was sent within a time."""

    received: int = 0
    """Traces and parts that were accepted, those that were there already included."""
    refused: int = 0
    """Requests."""
    dropped: int = 0
    """Spans and the like of accepted requests that are not kept."""

    def words(self) -> str:
        """Such as ``1,204 received, 3 refused``."""
        told = [f"{self.received:,} received"]
        told += [f"{self.refused:,} refused"] if self.refused else []
        told += [f"{self.dropped:,} spans or records dropped"] if self.dropped else []
        return ", ".join(told)


def counts_since(before: Ledger, now: Ledger) -> Counts:
    """What was counted between two readings of the ledger."""
    received, refused, dropped = (
        now.total(*events) - before.total(*events)
        for events in (RECEIVED, ("refused",), ("dropped",))
    )
    return Counts(received, refused, dropped)


class Tally:
    """Counts on their way into the ledger. Not thread-safe."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], list[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(
        self, agent_id: str, event: str, code: str, count: int, size: int, at_ns: int, message: str
    ) -> None:
        """Count something; the arguments are the fields of ``Entry``."""
        row = self._rows.get((agent_id, event, code))
        if row is None:
            self._rows[agent_id, event, code] = [count, size, at_ns, message[:MESSAGE_CHARS]]
            return
        row[0] += count
        row[1] += size
        row[2] = at_ns
        if message:
            row[3] = message[:MESSAGE_CHARS]

    def absorb(self, other: "Tally") -> None:
        """Add everything that ``other`` counted."""
        for key, row in other._rows.items():
            self.add(*key, *row)

    def write(self, connection: sqlite3.Connection) -> None:
        """Add the counts to those in the database, inside its transaction."""
        connection.executemany(_UPSERT, _bindable(self._rows))


def _bindable(rows: dict[tuple[str, str, str], list[Any]]) -> Iterable[list[Any]]:
    for key, row in rows.items():
        yield [clean(value) for value in (*key, *row)]


def read_ledger(store: "Store") -> Ledger:
    """The ledger as it is committed. Raises StoreError."""
    return _ledger(store.query(_SELECT))


def ledger_of(connection: sqlite3.Connection) -> Ledger:
    """The ledger as a connection sees it. Raises the database's own errors."""
    return _ledger(connection.execute(_SELECT).fetchall())


def _ledger(rows: Iterable[tuple[Any, ...]]) -> Ledger:
    fields = Entry.__struct_fields__
    return Ledger(tuple(Entry(**dict(zip(fields, row, strict=True))) for row in rows))

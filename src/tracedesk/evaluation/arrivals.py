"""What is new in the store: traces that came, changed or went, heard of a chunk at a time.

At the start that is every trace; what earlier executions say of those is taken up with them.
"""

from collections.abc import Callable

from tracedesk.evaluation.history import Recollection
from tracedesk.evaluation.memo import Entry
from tracedesk.evaluation.noting import Noting
from tracedesk.evaluation.standing import Standing
from tracedesk.store.database import Store

CHUNK = 500
"""Rows taken from the store at once."""


class Arrivals:
    """Used by the evaluator's thread only. ``forget`` is called for each trace that went."""

    def __init__(
        self,
        store: Store,
        standing: Standing,
        noting: Noting,
        recollection: Recollection,
        forget: Callable[[Entry], None],
    ) -> None:
        self._store = store
        self._standing = standing
        self._noting = noting
        self._recollection: Recollection | None = recollection
        """Until all traces that were there at the start have been taken in."""
        self._forget = forget
        self._sequence = 0
        self._revision = -1

    def take(self) -> int:
        """Take one chunk of new and changed traces from the store; their number. Raises
        StoreError."""
        revision = self._store.revision()
        if revision == self._revision:
            return 0
        rows = self._store.changed_since(self._sequence, CHUNK)
        known = self._recollection.of(rows) if self._recollection is not None else {}
        for row in rows:
            self._sequence = max(self._sequence, row.sequence)
            self._standing.take_row(row, known.get(row.id))
            if row.id in known:
                self._noting.add(self._standing.entries[row.id])
        if len(rows) < CHUNK:
            self._revision = revision
            self._recollection = None
        if not rows and self._store.count() != len(self._standing.entries):
            self._forget_deleted()
        return len(rows)

    def _forget_deleted(self) -> None:
        stored = set(self._store.numbers())
        gone = [entry for entry in self._standing.entries.values() if entry.number not in stored]
        for entry in gone:
            self._forget(entry)

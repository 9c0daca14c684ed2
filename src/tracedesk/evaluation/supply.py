"""Stored traces for the evaluator, decoded and read: what it had before is not read again.

Rows are fetched for a few traces at once; bodies, which may be large, are held one by one.
A trace is never older than what the caller has heard of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tracedesk.evaluation.load import Loaded, assembled, reading_settings
from tracedesk.evaluation.memo import KEPT_SPANS, Entry, Newest
from tracedesk.evaluation.readings import Readings
from tracedesk.model.agent import Agent
from tracedesk.reading import read
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow

AHEAD = 32
"""Rows fetched at once: one query costs as much as five rows."""


class Supply:
    """Used by the evaluator's thread only. Methods raise StoreError and nothing else."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        roles: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._store = store
        self._agents = agents
        self._roles = tuple(roles)
        self._loaded: Newest[Loaded] = Newest(KEPT_SPANS)
        self._readings = Readings()
        self._rows: dict[str, TraceRow] = {}

    def pin(self, trace_ids: frozenset[str]) -> None:
        """Keep these decoded, whatever room they take."""
        self._loaded.pinned = trace_ids

    def take(self, entry: Entry, following: Callable[[int], Iterable[Entry]]) -> Loaded | None:
        """The trace of an entry at its present revision; None when it was deleted.

        ``following`` gives the entries that will probably be asked for next, at most so many.
        """
        kept = self._loaded.get(entry.id)
        if kept is not None and kept.row.revision == entry.revision:
            return kept
        row = self._row(entry, following)
        if row is None:
            return None
        agent = self._agents().get(row.agent_id)
        trace = assembled(row, self._store.requests(row.id), agent)
        settings = reading_settings(agent, self._roles)
        reading = self._readings.get(row.id, row.revision, trace, settings)
        if reading is None:
            reading = read(trace, settings)
            self._readings.put(row.id, row.number, row.revision, reading)
        loaded = Loaded(row, trace, reading)
        self._loaded.put(row.id, row.number, loaded, 1 + len(trace.spans))
        return loaded

    def forget(self, trace_id: str) -> None:
        """Let go of a deleted trace."""
        self._loaded.drop(trace_id)
        self._readings.drop(trace_id)
        self._rows.pop(trace_id, None)

    def _row(self, entry: Entry, following: Callable[[int], Iterable[Entry]]) -> TraceRow | None:
        row = self._rows.pop(entry.id, None)
        if row is not None and row.revision >= entry.revision:
            return row
        numbers = dict.fromkeys((entry.number, *(later.number for later in following(AHEAD - 1))))
        self._rows = {found.id: found for found in self._store.by_numbers(numbers)}
        return self._rows.pop(entry.id, None)

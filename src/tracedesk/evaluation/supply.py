"""Stored traces for the evaluator, decoded and read: what it had before is not read again.

Rows and bodies are fetched for a few traces at once, as long as these are small. A trace is
never older than what the caller has heard of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tracedesk.evaluation.likeness import likeness
from tracedesk.evaluation.load import (
    Loaded,
    memory_of,
    reading_settings,
    same_revision,
    stored_trace,
)
from tracedesk.evaluation.memo import Entry, Newest
from tracedesk.evaluation.readings import KEPT_BYTES as READINGS_BYTES
from tracedesk.evaluation.readings import Readings
from tracedesk.model.agent import Agent
from tracedesk.reading import read
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.rows import StoredRequest, TraceRow

AHEAD = 64
"""Traces fetched at once: one query costs as much as ten rows."""

AHEAD_BYTES = 512 * 1024
"""Bodies that are fetched ahead; a trace with more comes alone."""

KEPT_BYTES = 8 << 20
"""Decoded traces kept for the next evaluation: some 600 of five spans, fifty of a hundred. Beyond
it only the open trace is kept."""


class Supply:
    """Used by the evaluator's thread only. Methods raise StoreError and nothing else."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        roles: Sequence[tuple[str, str]] = (),
        kept_bytes: int = KEPT_BYTES,
        readings_bytes: int = READINGS_BYTES,
    ) -> None:
        self._store = store
        self._agents = agents
        self._roles = tuple(roles)
        self._loaded: Newest[Loaded] = Newest(kept_bytes)
        self._readings = Readings(readings_bytes)
        self._rows: dict[str, TraceRow] = {}
        self._bodies: dict[str, list[StoredRequest]] = {}

    def prefer(self, trace_ids: Collection[str], opened: str | None) -> None:
        """Keep these decoded rather than others, and the open one whatever room it takes."""
        self._loaded.prefer(trace_ids, opened)

    def take(self, entry: Entry, following: Callable[[int], Iterable[Entry]]) -> Loaded | None:
        """The trace of an entry at its present revision; None when it was deleted.

        ``following`` gives the entries that will probably be asked for next, at most so many.
        """
        trace_id = entry.id
        kept = self._loaded.get(trace_id)
        if kept is not None and kept.row.revision == entry.revision:
            return kept
        row = self._row(trace_id, entry, following)
        if row is None:
            return None
        agent = self._agents().get(row.agent_id)
        row, requests = same_revision(self._store, row, self._bodies.pop(row.id, None))
        trace = stored_trace(self._store, row, agent, requests)
        settings = reading_settings(agent, self._roles)
        found = self._readings.get(row.id, row.revision, trace, settings)
        if found is None:
            reading = read(trace, settings)
            found = reading, likeness(reading)
            self._readings.put(row.id, row.number, row.revision, *found)
        loaded = Loaded(row, trace, *found)
        if self._loaded.wants(row.id, row.number):
            received = sum(len(request.body) for request in requests or ())
            self._loaded.put(row.id, row.number, loaded, memory_of(trace, received))
        return loaded

    def forget(self, trace_id: str) -> None:
        """Let go of a deleted trace."""
        self._loaded.drop(trace_id)
        self._readings.drop(trace_id)
        self._rows.pop(trace_id, None)
        self._bodies.pop(trace_id, None)

    def _row(
        self, trace_id: str, entry: Entry, following: Callable[[int], Iterable[Entry]]
    ) -> TraceRow | None:
        row = self._rows.pop(trace_id, None)
        if row is not None and row.revision >= entry.revision:
            return row
        self._bodies.pop(trace_id, None)
        numbers = dict.fromkeys((entry.number, *(later.number for later in following(AHEAD - 1))))
        self._rows = {found.id: found for found in self._store.by_numbers(numbers)}
        try:
            self._bodies = self._store.requests_many(self._small())
        except StoreError:  # one of them is damaged: each is then asked for by itself
            self._bodies = {}
        return self._rows.pop(trace_id, None)

    def _small(self) -> list[str]:
        """The fetched traces whose bodies may be held together."""
        left = AHEAD_BYTES
        small: list[str] = []
        sizes = self._store.body_sizes(row.number for row in self._rows.values())
        for row in self._rows.values():
            left -= sizes.get(row.number, 0)
            if left < 0:
                break
            small.append(row.id)
        return small

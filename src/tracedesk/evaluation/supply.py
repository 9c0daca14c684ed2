"""Stored traces for the evaluator, decoded and read, or as they were kept when that was done.

Rows and bodies are fetched for a few traces at once, as long as these are small. A trace is
never older than what the caller has heard of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from tracedesk.evaluation.likeness import likeness
from tracedesk.evaluation.load import (
    Loaded,
    assembled,
    memory_of,
    reading_settings,
    same_revision,
    stored_trace,
)
from tracedesk.evaluation.memo import Entry, Newest
from tracedesk.evaluation.original import Original
from tracedesk.evaluation.readings import Readings, key_of
from tracedesk.model.agent import Agent
from tracedesk.model.trace import Trace
from tracedesk.reading import read
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.readings import KeptReading
from tracedesk.store.rows import StoredRequest, TraceRow

AHEAD = 64
"""Traces fetched at once: one query costs as much as ten rows."""

AHEAD_BYTES = 512 * 1024
"""Bodies that are fetched ahead; a trace with more comes alone."""

KEPT_BYTES = 8 << 20
"""Decoded traces kept for the next evaluation: some 600 of five spans, fifty of a hundred. Beyond
it only the open trace is kept."""

_UNPACKED = 16
"""What may be decoded of a trace that comes as it was kept, for each byte that was kept."""


class Supply:
    """Used by the evaluator's thread only. Methods raise StoreError and nothing else."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        roles: Sequence[tuple[str, str]] = (),
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._store = store
        self._agents = agents
        self._roles = tuple(roles)
        self._loaded: Newest[Loaded] = Newest(kept_bytes)
        self._readings = Readings()
        self._rows: dict[str, TraceRow] = {}
        self._bodies: dict[str, list[StoredRequest]] = {}
        self._kept: dict[int, KeptReading] = {}
        self._new: list[KeptReading] = []
        self._last: Original | None = None

    def prefer(self, trace_ids: Collection[str], opened: str | None) -> None:
        """Keep these decoded rather than others, and the open one whatever room it takes."""
        self._loaded.prefer(trace_ids, opened)

    def take(
        self,
        entry: Entry,
        following: Callable[[int], Iterable[Entry]],
        *,
        anew: bool = False,
        keep: bool = False,
    ) -> Loaded | None:
        """The trace of an entry at its present revision; None when it was deleted.

        ``following`` gives the entries that will probably be asked for next, at most so many.
        ``anew``: read its bodies, whatever is kept of it. ``keep``: what has to be read for this
        is for ``new_readings``.
        """
        if self._last is not None:
            self._last.let_go()  # one at a time, for bodies may be large
        loaded = None if anew else self._loaded.get(entry.id)
        if loaded is None or loaded.row.revision != entry.revision:
            loaded = self._fetch(entry, following, anew=anew, keep=keep)
        self._last = None if loaded is None else loaded.original
        return loaded

    def _fetch(
        self,
        entry: Entry,
        following: Callable[[int], Iterable[Entry]],
        *,
        anew: bool,
        keep: bool,
    ) -> Loaded | None:
        row = self._row(entry.id, entry, following)
        if row is None:
            return None
        agent = self._agents().get(row.agent_id)
        kept = self._kept.pop(row.number, None)
        requests = self._bodies.pop(row.id, None)
        loaded = None if kept is None or anew else self._as_kept(row, agent, kept)
        if loaded is not None and kept is not None:
            received = _UNPACKED * len(kept.value)
        else:
            loaded = self._read(row, agent, requests, keep)
            received = sum(len(request.body) for request in requests or ())
        if self._loaded.wants(row.id, row.number):
            self._loaded.put(row.id, row.number, loaded, memory_of(loaded.trace, received))
        return loaded

    def new_readings(self) -> list[KeptReading]:
        """What was read since, to be kept."""
        new, self._new = self._new, []
        return new

    def forget(self, trace_id: str) -> None:
        """Let go of a deleted trace."""
        self._loaded.drop(trace_id)
        self._rows.pop(trace_id, None)
        self._bodies.pop(trace_id, None)

    # -- one trace ---------------------------------------------------------------------

    def _as_kept(self, row: TraceRow, agent: Agent | None, kept: KeptReading) -> Loaded | None:
        """The trace as it was kept; None when that is of another revision, or read otherwise."""
        if not self._fits(kept, row, agent):
            return None
        settings = reading_settings(agent, self._roles)
        found = self._readings.unpack(
            kept.value, settings, partial(_of_revision, self._store, row, agent)
        )
        if found is None:
            return None
        return Loaded(row, found.trace, found.reading, found.likeness, found.original)

    def _read(
        self,
        row: TraceRow,
        agent: Agent | None,
        requests: Sequence[StoredRequest] | None,
        keep: bool,
    ) -> Loaded:
        row, requests = same_revision(self._store, row, requests)
        trace = stored_trace(self._store, row, agent, requests)
        settings = reading_settings(agent, self._roles)
        reading = read(trace, settings)
        alike = likeness(reading)
        if keep and requests:
            value = self._readings.pack(trace, reading, alike)
            if value is not None:
                key = key_of(agent.type if agent else None, settings)
                self._new.append(KeptReading(row.number, row.revision, key, value))
        return Loaded(row, trace, reading, alike)

    # -- many at once ------------------------------------------------------------------

    def _row(
        self, trace_id: str, entry: Entry, following: Callable[[int], Iterable[Entry]]
    ) -> TraceRow | None:
        row = self._rows.pop(trace_id, None)
        if row is not None and row.revision >= entry.revision:
            return row
        self._bodies.pop(trace_id, None)
        numbers = dict.fromkeys((entry.number, *(later.number for later in following(AHEAD - 1))))
        self._rows = {found.id: found for found in self._store.by_numbers(numbers)}
        self._kept = self._store.readings(numbers)
        try:
            self._bodies = self._store.requests_many(self._small())
        except StoreError:  # one of them is damaged: each is then asked for by itself
            self._bodies = {}
        return self._rows.pop(trace_id, None)

    def _small(self) -> list[str]:
        """Those fetched that have to be read, as far as their bodies may be held together."""
        left = AHEAD_BYTES
        small: list[str] = []
        rows = [row for row in self._rows.values() if not self._is_kept(row)]
        sizes = self._store.body_sizes(row.number for row in rows) if rows else {}
        for row in rows:
            left -= sizes.get(row.number, 0)
            if left < 0:
                break
            small.append(row.id)
        return small

    def _is_kept(self, row: TraceRow) -> bool:
        kept = self._kept.get(row.number)
        return kept is not None and self._fits(kept, row, self._agents().get(row.agent_id))

    def _fits(self, kept: KeptReading, row: TraceRow, agent: Agent | None) -> bool:
        """Whether it is what this program would read of the present revision."""
        key = key_of(agent.type if agent else None, reading_settings(agent, self._roles))
        return kept.revision == row.revision and kept.key == key


def _of_revision(store: Store, row: TraceRow, agent: Agent | None) -> Trace | None:
    """The trace as its bodies make it; None when they cannot be had any more."""
    try:
        requests = store.requests(row.id)
        if not requests or requests[0].revision != row.revision:
            requests = store.revision_requests(row.id, row.revision)
        return assembled(row, requests, agent) if requests else None
    except StoreError:
        return None

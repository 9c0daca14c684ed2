"""The newest result of each case on each trace, held in memory as numbers of shapes.

Only traces whose newest execution is another than before are read again, so what is looked at
for the second time, or after one more trace, costs next to nothing.
"""

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracedesk.model.shape import Shape
from tracedesk.store.shapes import IDS, Outline

if TYPE_CHECKING:
    from tracedesk.store.database import Store

READ_AT_ONCE = 200
"""Traces read between two looks at whether anybody still waits."""


class Newest:
    """The results of one store that count. Thread-safe."""

    def __init__(self, store: "Store") -> None:
        self._reader = store.history.outlines()
        self._lock = threading.Lock()
        self._marks: dict[int, tuple[int, int]] = {}
        self._held: dict[int, tuple[Outline, ...]] = {}
        self._told: dict[bytes, bytes] = {}
        self._fresh: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}

    def outlines(
        self, breathe: Callable[[], None]
    ) -> tuple[Sequence[Outline], Mapping[int, Shape]]:
        """Every case of every trace once, with the shapes that the numbers mean. ``breathe`` is
        called for each trace that is read, and may raise to give up; what was read stays read.
        Raises StoreError."""
        with self._lock:
            marks = self._reader.newest()
            for trace in self._marks.keys() - marks.keys():
                del self._marks[trace], self._held[trace]
            changed = [trace for trace in marks if self._marks.get(trace) != marks[trace]]
            changed.sort(reverse=True)
            for start in range(0, len(changed), READ_AT_ONCE):
                page = changed[start : start + READ_AT_ONCE]
                for trace, outlines in self._reader.of(page).items():
                    self._held[trace] = self._newest_of(outlines)
                    self._marks[trace] = marks[trace]
                    breathe()
            held = [outline for outlines in self._held.values() for outline in outlines]
            return held, dict(self._reader.shapes)

    def _newest_of(self, outlines: list[Outline]) -> tuple[Outline, ...]:
        """Of the executions of one trace, newest first, the newest results; those of replaced
        revisions do not count."""
        revision = max(execution.revision for execution, _ in outlines)
        listed = [outline for outline in outlines if outline[0].revision == revision]
        told = tuple(self._told.setdefault(ids, ids) for _, ids in listed)
        if len(told) > 1:
            fresh = self._fresh.get(told)
            if fresh is None:
                fresh = self._fresh[told] = self._first_told(told)
            told = fresh
        return tuple(
            (execution, ids) for (execution, _), ids in zip(listed, told, strict=True) if ids
        )

    def _first_told(self, told: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Of each case the first of its results."""
        known: set[str] = set()
        fresh = []
        for ids in told:
            kept = array(IDS)
            cases = set()
            for number in array(IDS, ids):
                case = self._reader.shapes[number].case
                if case not in known:
                    kept.append(number)
                    cases.add(case)
            known |= cases
            fresh.append(kept.tobytes())
        return tuple(fresh)

"""What the evaluator remembers: a little of every trace, everything of a few.

Of every stored trace it keeps one shared tuple of outcomes, a few bytes when traces are
alike. Full verdicts and decoded traces are kept for the most recent ones and found again
when needed, so memory does not grow with evidence.
"""

import heapq
from collections import OrderedDict
from typing import Generic, TypeVar

import msgspec

from tracedesk.evaluation.plan import Plan
from tracedesk.evaluation.run import count
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict

KEPT_VERDICTS = 20_000
"""Full verdicts kept, over all traces: a screenful of traces with a hundred assertions."""

KEPT_SPANS = 40_000
"""Spans of decoded traces kept for the next evaluation, about 40 MB."""

SHARED_AT_MOST = 10_000
"""Different results remembered for sharing; when exceeded, sharing starts afresh."""


class Pair(msgspec.Struct, frozen=True, gc=False):
    """What one case said of one trace, without why."""

    outcome: Outcome
    score: float | None
    counts: tuple[int, ...]
    """Assertions by outcome, in the order of ``Outcome``."""


class Known(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The results of one trace: one pair for each case of ``plan``."""

    plan: Plan
    revision: int
    pairs: tuple[Pair, ...]


class Entry(msgspec.Struct, gc=False, eq=False):
    """One stored trace. Changed by the evaluator's thread only; ``known`` is replaced whole."""

    id: str
    number: int
    agent_id: str
    revision: int
    ready_ns: int
    """Wall clock from which it may be evaluated; 0 = at once."""
    read_revision: int
    """Revision whose summary the store has."""
    known: Known | None = None
    due: int = 0
    """Pairs of it that the present run has counted and not yet evaluated."""
    shown: str = ""
    """What the totals count it as."""


class Full(msgspec.Struct, frozen=True):
    """Complete verdicts of one trace by case id, each with the digest of its case."""

    revision: int
    cases: dict[str, tuple[str, CaseVerdict]]
    checks: dict[str, Verdict]
    """Verdicts by check digest, for a case of which only some assertions changed."""


V = TypeVar("V")


class Kept(Generic[V]):
    """Values of the traces used last, bounded by their summed weight.

    What was put longest ago goes first; the pinned key stays. Written by one thread, ``get``
    is safe from any.
    """

    def __init__(self, limit: int) -> None:
        self.pinned: str | None = None
        self._limit = limit
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: str) -> V | None:
        found = self._values.get(key)
        return found[0] if found else None

    def put(self, key: str, value: V, weight: int) -> None:
        """Keep a value; others go until the limit holds again."""
        self.drop(key)
        self._values[key] = (value, weight)
        self._weight += weight
        while self._weight > self._limit and len(self._values) > 1:
            least = next(self._values.__iter__())
            if least == self.pinned:
                self._values.move_to_end(least)
            else:
                self.drop(least)

    def drop(self, key: str) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._weight -= found[1]


class Newest(Generic[V]):
    """Values of the newest traces, bounded by their summed weight.

    An evaluation of all traces walks from new to old; keeping what was used last would then
    keep exactly what the next walk reaches last.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[str, tuple[int, V, int]] = {}
        self._oldest: list[tuple[int, str]] = []
        self._weight = 0

    def get(self, key: str) -> V | None:
        found = self._values.get(key)
        return found[1] if found else None

    def put(self, key: str, number: int, value: V, weight: int) -> None:
        """Keep a value if there is room for it, or older ones to make room."""
        self.drop(key)
        while self._weight + weight > self._limit and self._make_room(number):
            pass
        if self._weight + weight <= self._limit:
            self._values[key] = (number, value, weight)
            heapq.heappush(self._oldest, (number, key))
            self._weight += weight

    def _make_room(self, number: int) -> bool:
        """Drop the oldest value if it is older than ``number``."""
        while self._oldest and self._oldest[0][1] not in self._values:
            heapq.heappop(self._oldest)
        if not self._oldest or self._oldest[0][0] >= number:
            return False
        self.drop(heapq.heappop(self._oldest)[1])
        return True

    def drop(self, key: str) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._weight -= found[2]


class Sharing:
    """Makes equal results one object."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Known] = {}

    def known(self, plan: Plan, revision: int, pairs: tuple[Pair, ...]) -> Known:
        key = (id(plan), revision, pairs)
        found = self._known.get(key)
        if found is None or found.plan is not plan:
            if len(self._known) >= SHARED_AT_MOST:
                self._known.clear()
            found = self._known[key] = Known(plan, revision, pairs)
        return found


def pair_of(verdict: CaseVerdict) -> Pair:
    """A case verdict without its evidence."""
    return Pair(verdict.outcome, verdict.score, tuple(count(verdict.verdicts).values()))

"""What the evaluator remembers: a little of every trace, everything of a few.

Of every stored trace it keeps one shared tuple of outcomes, a few bytes when traces are
alike. Full verdicts and decoded traces are kept for the most recent ones and found again
when needed, so memory does not grow with evidence.
"""

import heapq
from collections.abc import Collection, Iterable, ValuesView
from operator import attrgetter
from typing import Generic, TypeVar

import msgspec

from tracedesk.evaluation.plan import Plan
from tracedesk.evaluation.scores import trace_outcome
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testcases.models import Case

KEPT_VERDICTS = 6_000
"""Full verdicts kept, over all traces: a screenful of traces with a hundred assertions, some
0.8 KB each."""

SHARED_AT_MOST = 10_000
"""Different results remembered for sharing; when exceeded, sharing starts afresh."""


_NUMBER = (1 << 48) - 1
_OUTCOMES = tuple(Outcome)
_AWAITED = attrgetter("awaited")


class Pair(msgspec.Struct, frozen=True, gc=False):
    """What one case said of one trace, without why."""

    outcome: Outcome
    score: float | None
    counts: tuple[int, ...]
    """Assertions by outcome, in the order of ``Outcome``."""
    awaited: bool = False
    """A judge is asked; the result is found again when it answers."""


class Known(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The results of one trace: one pair for each case of ``plan``."""

    plan: Plan
    revision: int
    pairs: tuple[Pair, ...]
    state: str
    """What is shown of a trace with these results, as long as they are up to date."""


class Entry(msgspec.Struct, gc=False, eq=False):
    """One stored trace. Changed by the evaluator's thread only; ``known`` is replaced whole.

    There is one for each trace that is stored, some 200 bytes with its place among ``Entries``.
    """

    code: int
    """Its id as a number, half as large; see ``code_of``."""
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
    noted: int = 0
    """0: the adviser knows nothing of it; 1: that it is there; above: one more than the revision
    whose names it knows."""

    @property
    def id(self) -> str:
        """The id of the trace."""
        digits = f"{self.code:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    @property
    def number(self) -> int:
        """Its number, in which its id ends."""
        return self.code & _NUMBER


def code_of(trace_id: str) -> int:
    """The id of a trace as a number; 0 when it is no id."""
    try:
        return int(trace_id.replace("-", ""), 16) if len(trace_id) == 36 else 0
    except ValueError:
        return 0


class Entries:
    """Entries by the ids of their traces. Written by one thread, read by any."""

    def __init__(self) -> None:
        self._by_code: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_code)

    def __contains__(self, trace_id: str) -> bool:
        return code_of(trace_id) in self._by_code

    def __getitem__(self, trace_id: str) -> Entry:
        return self._by_code[code_of(trace_id)]

    def get(self, trace_id: str) -> Entry | None:
        return self._by_code.get(code_of(trace_id))

    def holds(self, entry: Entry) -> bool:
        """Whether it is still there."""
        return self._by_code.get(entry.code) is entry

    def values(self) -> ValuesView[Entry]:
        """All of them, in the order in which they were added."""
        return self._by_code.values()

    def add(self, entry: Entry) -> None:
        self._by_code[entry.code] = entry

    def discard(self, entry: Entry) -> None:
        self._by_code.pop(entry.code, None)


class Full(msgspec.Struct, frozen=True):
    """Complete verdicts of one trace by case id, each with the digest of its case."""

    revision: int
    cases: dict[str, tuple[str, CaseVerdict]]
    known_by: tuple[Case, ...]
    """The cases of the plan by which they were found."""

    @property
    def checks(self) -> dict[str, Verdict]:
        """Verdicts by check digest, for a case of which only some assertions changed."""
        return {
            check.digest: verdict
            for case in self.known_by
            if case.id in self.cases
            for check, verdict in zip(case.checks, self.cases[case.id][1].verdicts, strict=False)
        }

    @property
    def weight(self) -> int:
        """What keeping it counts for, in verdicts."""
        return 1 + sum(len(verdict.verdicts) for _, verdict in self.cases.values())

    def covers(self, revision: int, cases: Iterable[Case]) -> bool:
        """Whether all of these cases are in it, as they are now, on this revision."""
        digests = {case_id: digest for case_id, (digest, _) in self.cases.items()}
        return self.revision == revision and all(
            digests.get(case.id) == case.digest for case in cases
        )


V = TypeVar("V")


class Newest(Generic[V]):
    """Values of the newest traces and of preferred ones, bounded by their summed weight.

    An evaluation of all traces walks from new to old; keeping what was used last would then
    keep exactly what the next walk reaches last. One value that is heavier than all may be
    together is kept beside them, as long as it is held. Written by one thread, ``get`` is safe
    from any.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._preferred: frozenset[str] = frozenset()
        self._held: str | None = None
        self._giant: tuple[str, V] | None = None
        self._values: dict[str, tuple[int, V, int]] = {}
        self._oldest: list[tuple[int, str]] = []
        self._weight = 0

    def prefer(self, keys: Collection[str], held: str | None = None) -> None:
        """Let older values make room for these; keep that of ``held`` whatever it weighs."""
        self._preferred, self._held = frozenset(keys), held
        if self._giant is not None and self._giant[0] != held:
            self._giant = None

    def get(self, key: str) -> V | None:
        found, giant = self._values.get(key), self._giant
        if found is None and giant is not None and giant[0] == key:
            return giant[1]
        return found[1] if found else None

    def wants(self, key: str, number: int) -> bool:
        """Whether a value of the weight that they have on average would be kept, so that none is
        made in vain."""
        if not self._values or key in self._values or key in self._preferred or key == self._held:
            return self._limit > 0
        average = self._weight / len(self._values)
        return self._weight + average <= self._limit or number > self._oldest[0][0]

    def put(self, key: str, number: int, value: V, weight: int) -> None:
        """Keep a value if there is room for it, or older ones to make room."""
        listed = key in self._values
        self.drop(key)
        if weight > self._limit:
            if key == self._held:
                self._giant = (key, value)
            return
        self._values[key] = (number, value, weight)
        self._weight += weight
        if not listed:
            heapq.heappush(self._oldest, (number, key))
        while self._weight > self._limit:
            self._make_room(key)

    def _make_room(self, key: str) -> None:
        """Drop the oldest value that is not preferred; where all are, that of ``key``."""
        passed = []
        while self._oldest:
            item = heapq.heappop(self._oldest)
            if item[1] in self._preferred:
                passed.append(item)
            elif item[1] in self._values:
                self.drop(item[1])
                break
        else:
            self.drop(key)
        for item in passed:
            if item[1] in self._values:
                heapq.heappush(self._oldest, item)

    def drop(self, key: str) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._weight -= found[2]
        elif self._giant is not None and self._giant[0] == key:
            self._giant = None


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
            found = self._known[key] = Known(plan, revision, pairs, _state(pairs))
        return found


def _state(pairs: tuple[Pair, ...]) -> str:
    if any(pair.awaited for pair in pairs):
        return "pending"
    outcome = trace_outcome(pair.outcome for pair in pairs)
    return outcome.value if outcome else "none"  # the one text that all entries share


def pair_of(verdict: CaseVerdict) -> Pair:
    """A case verdict without its evidence."""
    outcomes = [found.outcome for found in verdict.verdicts]
    counts = tuple(map(outcomes.count, _OUTCOMES))
    awaited = any(map(_AWAITED, verdict.verdicts))
    return Pair(verdict.outcome, verdict.score, counts, awaited)

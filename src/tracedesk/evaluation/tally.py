"""Results counted so that counts can be added up: any slice of them gives the same numbers
whatever the order, and nothing is read twice for another agent, version or day.

Scores are counted by value and summed exactly at the end; a running sum of floats would
depend on its order.
"""

from collections import Counter
from collections.abc import Iterable
from math import fsum
from typing import TypeVar

import msgspec

from tracedesk.evaluation.scores import STAGES
from tracedesk.evaluation.windows import Result, age_order, time_of
from tracedesk.model.execution import CaseRecord, Execution
from tracedesk.model.shape import Shape, shape_of
from tracedesk.model.verdict import Outcome

T = TypeVar("T")

NO_STAGE = ""
"""Where failures count that no failed assertion explains, such as a threshold not met."""


class Quality(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """100 × points / weight (assertion spec 10.3)."""

    percent: float | None
    """None when nothing was decided."""
    points: float
    """Sum of score × weight of the cases on their traces."""
    weight: float
    results: int
    """Cases on traces with anything decided."""
    missing: int
    """Cases on traces that could not be checked."""
    errors: int
    skipped: int
    """Cases on traces that they were not meant for, or with no judge to ask."""
    assertions_missing: int


class Determinism(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """100 × equal pairs / pairs, within groups of traces of equal input."""

    percent: float | None
    """None without a group of two."""
    equal: int
    pairs: int
    groups: int
    """Inputs that came at least twice."""
    alone: int
    """Traces whose input came once."""
    unknown: int
    """Traces without an input, or with nothing to compare."""


class Hallucination(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """100 × failed / decided, of semantic assertions tagged ``faithfulness``."""

    percent: float | None
    """None when a judge decided none."""
    failed: int
    decided: int
    undecided: int
    """Skipped for want of a judge, missing, or in error."""


class Scores(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The headline numbers of some results, with what they were computed from."""

    traces: int
    quality: Quality
    determinism: Determinism
    hallucination: Hallucination


class CaseTally:
    """The results of one case."""

    __slots__ = (
        "case", "checks", "faithful", "file", "name", "outcomes", "roots", "scores", "seen",
        "stages",
    )  # fmt: skip

    def __init__(self, case: str) -> None:
        self.case = case
        self.name = ""
        self.file = ""
        self.seen: tuple[int, str, str] = (-1, "", "")
        """Of the newest result: when it was found, and its case's name and file."""
        self.outcomes: Counter[Outcome] = Counter()
        self.checks: Counter[Outcome] = Counter()
        self.faithful: Counter[Outcome] = Counter()
        self.scores: Counter[tuple[float, float]] = Counter()
        """(score, weight) → how often."""
        self.stages: Counter[str] = Counter()
        """Stage → failed results with a failure there."""
        self.roots: Counter[str] = Counter()
        """Stage → failed results that broke there first; each failed one counts once."""

    @property
    def decided(self) -> int:
        """Results that are a pass or a failure."""
        return self.outcomes[Outcome.PASS] + self.outcomes[Outcome.FAIL]

    def count(self, shape: Shape, times: int, found_ns: int) -> None:
        """Count results of one shape, the newest of them found then."""
        seen = (found_ns, shape.name, shape.file)
        if seen > self.seen:
            self.seen = seen
            _, self.name, self.file = seen
        self.outcomes[shape.outcome] += times
        if shape.score is not None:
            self.scores[shape.score, shape.weight] += times
        for counter, of in ((self.checks, shape.checks), (self.faithful, shape.faithful)):
            for outcome, number in shape.counts(of):
                counter[outcome] += number * times
        if shape.outcome is Outcome.FAIL:
            stages = stages_of(shape)
            for stage in stages:
                self.stages[stage] += times
            self.roots[stages[0]] += times


def stages_of(shape: Shape) -> list[str]:
    """Where a failed case broke, earliest first; ``NO_STAGE`` alone when nothing says."""
    return [stage for stage in STAGES if stage in shape.stages] or [NO_STAGE]


class Tally:
    """Results of many cases on many traces."""

    def __init__(self) -> None:
        self.cases: dict[str, CaseTally] = {}
        self.traces: dict[str, Execution] = {}
        """Trace id → the newest of its executions counted here."""
        self.first_ns: int | None = None
        """When the earliest of the traces happened."""

    def add(self, execution: Execution, record: CaseRecord) -> None:
        """Count one result."""
        self.trace(execution)
        self.count(shape_of(record, execution.errors), 1, execution.started_ns)

    def count(self, shape: Shape, times: int, found_ns: int) -> None:
        """Count results of one shape, the newest of them found then."""
        tally = self.cases.get(shape.case)
        if tally is None:
            tally = self.cases[shape.case] = CaseTally(shape.case)
        tally.count(shape, times, found_ns)

    def trace(self, execution: Execution) -> None:
        """Count the trace of an execution, once however often it is given."""
        known = self.traces.get(execution.trace)
        if known is execution:
            return
        at = time_of(execution)
        if self.first_ns is None or at < self.first_ns:
            self.first_ns = at
        if known is None or age_order(execution) > age_order(known):
            self.traces[execution.trace] = execution

    def outcomes(self) -> Counter[Outcome]:
        """Cases on traces by outcome."""
        return _sum(case.outcomes for case in self.cases.values())

    def scores(self) -> Scores:
        """The headline numbers."""
        return Scores(
            traces=len(self.traces),
            quality=self.quality(),
            determinism=_determinism(self.traces.values()),
            hallucination=_hallucination(_sum(case.faithful for case in self.cases.values())),
        )

    def quality(self) -> Quality:
        """The same formula as ``scores.quality``, over counted scores."""
        outcomes = self.outcomes()
        scores = _sum(case.scores for case in self.cases.values())
        points = fsum(score * weight * n for (score, weight), n in scores.items())
        weight = fsum(weight * n for (_, weight), n in scores.items())
        return Quality(
            percent=100 * points / weight if weight > 0 else None,
            points=points,
            weight=weight,
            results=scores.total(),
            missing=outcomes[Outcome.MISSING],
            errors=outcomes[Outcome.ERROR],
            skipped=outcomes[Outcome.SKIPPED],
            assertions_missing=_sum(case.checks for case in self.cases.values())[Outcome.MISSING],
        )


def tally_of(results: Iterable[Result]) -> Tally:
    """All of some results in one."""
    tally = Tally()
    for execution, record in results:
        tally.add(execution, record)
    return tally


def _sum(counters: Iterable[Counter[T]]) -> Counter[T]:
    total: Counter[T] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _determinism(traces: Iterable[Execution]) -> Determinism:
    """Pairs of traces of one agent and one input that behaved alike."""
    groups: dict[tuple[str, str], Counter[str]] = {}
    unknown = 0
    for trace in traces:
        if not trace.input_key or not trace.behaviour_key:
            unknown += 1
            continue
        groups.setdefault((trace.agent_id, trace.input_key), Counter())[trace.behaviour_key] += 1
    several = [group for group in groups.values() if group.total() > 1]
    pairs = sum(_pairs(group.total()) for group in several)
    equal = sum(_pairs(number) for group in several for number in group.values())
    return Determinism(
        percent=100 * equal / pairs if pairs else None,
        equal=equal,
        pairs=pairs,
        groups=len(several),
        alone=len(groups) - len(several),
        unknown=unknown,
    )


def _pairs(number: int) -> int:
    return number * (number - 1) // 2


def _hallucination(outcomes: Counter[Outcome]) -> Hallucination:
    failed = outcomes[Outcome.FAIL]
    decided = failed + outcomes[Outcome.PASS]
    return Hallucination(
        percent=100 * failed / decided if decided else None,
        failed=failed,
        decided=decided,
        undecided=outcomes.total() - decided,
    )

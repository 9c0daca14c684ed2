"""What counting needs to know of a case as it came out, and nothing of the trace it ran on.

Of a million results only some hundreds differ in shape: shapes are kept once, and results are
counted by them (assertion spec 10.3, 10.4).
"""

from collections.abc import Iterable

import msgspec

from tracedesk.model.execution import CaseRecord
from tracedesk.model.verdict import Outcome

FAITHFULNESS = "faithfulness"
"""Tag of the semantic assertions that ask whether the answer invents anything."""

RUNTIME = "runtime"
"""The stage at which error spans of a trace stand."""

Counts = tuple[int, int, int, int, int]
"""Assertions by outcome, in the order of ``Outcome``."""

NONE: Counts = (0, 0, 0, 0, 0)

_PLACES = {outcome: place for place, outcome in enumerate(Outcome)}


class Shape(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Two results of one shape count alike."""

    case: str
    name: str
    file: str
    outcome: Outcome
    score: float | None
    weight: float
    stages: tuple[str, ...]
    """Of a failure, where its assertions failed, those of weight 0 aside, in alphabetical order;
    and ``runtime`` when spans of the trace ended in error."""
    checks: Counts
    faithful: Counts
    """As ``checks``, of the semantic assertions tagged ``faithfulness`` alone."""

    def counts(self, of: Counts) -> Iterable[tuple[Outcome, int]]:
        """Counts by outcome, those that are none left out."""
        return ((outcome, number) for outcome, number in zip(Outcome, of, strict=True) if number)


def shape_of(record: CaseRecord, errors: int = 0) -> Shape:
    """The shape of a result; ``errors``: spans of its trace that ended in error."""
    checks = [0, 0, 0, 0, 0]
    faithful: list[int] | None = None
    stages: set[str] = set()
    failed = record.outcome is Outcome.FAIL
    for check in record.checks:
        place = _PLACES[check.outcome]
        checks[place] += 1
        if check.tags and FAITHFULNESS in check.tags and check.target == "semantic":
            faithful = faithful or [0, 0, 0, 0, 0]
            faithful[place] += 1
        if failed and check.outcome is Outcome.FAIL and check.weight > 0:
            stages.add(check.stage)
    if failed and errors:
        stages.add(RUNTIME)
    return Shape(
        record.case,
        record.name,
        record.file,
        record.outcome,
        record.score,
        record.weight,
        tuple(sorted(stages)),
        _counts(checks),
        NONE if faithful is None else _counts(faithful),
    )


def _counts(numbers: list[int]) -> Counts:
    a, b, c, d, e = numbers
    return (a, b, c, d, e)

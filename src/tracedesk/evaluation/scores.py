"""Verdicts of assertions → verdict and score of a case, of a trace, of a run.

Pure arithmetic of assertion spec 10.2 to 10.4. Nothing is green by default: a case passes
only when something in it was decided, and a load error outweighs whatever else was found.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tracedesk.model.verdict import FAIL, PASS, CaseVerdict, Outcome, Verdict

STAGES = ("routing", "tool_choice", "parameters", "communication", "runtime")
"""Stages of the failure matrix in the order in which an agent passes through them."""

_WORST = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.PASS, Outcome.SKIPPED)
"""Of all cases of a trace."""

_DECIDING = (Outcome.FAIL, Outcome.ERROR, Outcome.PASS, Outcome.MISSING)
"""Of the assertions of a case without a threshold."""

_TOLERANCE = 1e-9
"""So that a threshold of 0.7 is met by the mean of scores that add up to it."""


class Scored(Protocol):
    """A case that has a score: a verdict, or the record of one."""

    @property
    def score(self) -> float | None: ...
    @property
    def weight(self) -> float: ...


class Staged(Protocol):
    """An assertion that counts under a stage: a verdict, or the record of one."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def weight(self) -> float: ...
    @property
    def stage(self) -> str: ...


def case_outcome(
    verdicts: Sequence[Verdict], threshold: float | None, *, broken: bool = False
) -> Outcome:
    """The verdict of a case. ``broken``: some part of it has a load error."""
    if broken:
        return Outcome.ERROR
    outcomes = [verdict.outcome for verdict in verdicts if verdict.weight > 0]
    if threshold is None:
        return _first(_DECIDING, outcomes) or Outcome.SKIPPED
    if Outcome.ERROR in outcomes:
        return Outcome.ERROR
    score = case_score(verdicts)
    if score is None:
        return Outcome.MISSING if Outcome.MISSING in outcomes else Outcome.SKIPPED
    return PASS if score >= threshold - _TOLERANCE else FAIL


def case_score(verdicts: Iterable[Verdict]) -> float | None:
    """Weighted mean over decided assertions, from 0 to 1; None when none is decided."""
    total = weights = 0.0
    for verdict in verdicts:
        outcome, score = verdict.outcome, verdict.score
        if outcome is PASS or outcome is FAIL:
            weight = verdict.weight
            total += (float(outcome is PASS) if score is None else score) * weight
            weights += weight
    return total / weights if weights > 0 else None


def trace_outcome(outcomes: Iterable[Outcome]) -> Outcome | None:
    """All cases of a trace in one verdict, skipped ones left out; None when there is none.

    A case that errs or is missing is never hidden behind one that passes.
    """
    return _first(_WORST, tuple(outcomes))


def _first(order: Sequence[Outcome], found: Sequence[Outcome]) -> Outcome | None:
    """The first of an order that was found. Not by a set: outcomes are slow to hash."""
    for outcome in order:
        if outcome in found:
            return outcome
    return None


def quality(cases: Iterable[Scored]) -> float | None:
    """100 × the weighted mean of the case scores, over cases with anything decided."""
    total = weights = 0.0
    for case in cases:
        if case.score is not None:
            total += case.score * case.weight
            weights += case.weight
    return 100 * (total / weights) if weights > 0 else None


def root_stage(case: CaseVerdict) -> str | None:
    """The earliest stage at which a case broke; None when no assertion failed."""
    return next(iter(failed_stages(case.verdicts)), None)


def failed_stages(checks: Iterable[Staged]) -> list[str]:
    """The stages at which assertions failed, earliest first; those of weight 0 do not count."""
    failed = {check.stage for check in checks if check.outcome is Outcome.FAIL and check.weight > 0}
    return [stage for stage in STAGES if stage in failed]

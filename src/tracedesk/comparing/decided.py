"""Verdicts on a trace that is still going on: only what nothing to come can turn is shown.

Each assertion is evaluated on the part of the trace that was there. Its verdict then counts as
decided when two things hold: its kind cannot be turned by further calls (a call that was made
stays made, a forbidden call stays made, a limit that is exceeded stays exceeded), and it is the
verdict of the whole trace too. All else is pending: that no call is missing, that none of the
forbidden ones comes, what the answer says and how long it all took is known at the end.

A pending verdict is SKIPPED with the code ``undecided``, so nothing counts it, and never a pass.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from tracedesk.assertions import Settings
from tracedesk.assertions.assertion import Assertion
from tracedesk.evaluation.run import (
    DEFAULT_SETTINGS,
    TraceVerdicts,
    check_verdict,
    combined,
    settings_for,
)
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.query.values import is_number
from tracedesk.testcases.models import Case, Check

UNDECIDED = "undecided"
"""Reason code of a verdict that is pending at a step."""

NOT_YET = "not decided yet at this step"

BROKEN_FOR_GOOD = {
    "node_call": ("called", "count_high"),
    "no_errors": ("errors",),
    "no_loop": ("repeated",),
    "side_effect_once": ("repeated",),
    "tool_policy": ("policy_violated",),
    "call_order": ("wrong_order",),
    "tool_sequence": ("unexpected_call",),
}
"""Per kind the reason codes of failures that name a call which cannot be taken back."""

LIMITS = ("token_limit", "cost_limit", "response_time")
"""Kinds whose number only grows: above a maximum it stays."""

DECIDED_EARLY = frozenset({*BROKEN_FOR_GOOD, *LIMITS, "all_of", "any_of", "not"})
"""Kinds that may be decided before the end; the others are not even evaluated."""

OPEN_SEQUENCES = ("in_order", "contains")
"""Modes of tool_sequence that further calls cannot break."""


def verdicts_so_far(
    whole: TraceVerdicts,
    cases: Iterable[Case],
    trace: Trace,
    reading: Reading,
    agent: Agent | None = None,
    base: Settings = DEFAULT_SETTINGS,
) -> TraceVerdicts:
    """What of the verdicts on the whole trace was decided while only ``trace`` was there."""
    known = {case.id: case for case in cases}
    settings = settings_for(agent, base)
    found = tuple(
        _case_so_far(case, known.get(case.case), trace, reading, agent, settings)
        for case in whole.cases
    )
    return combined(whole.trace, whole.revision, found, stale=whole.stale)


def none_yet(whole: TraceVerdicts) -> TraceVerdicts:
    """The verdicts of a trace before any of them is decided."""
    found = (_all_pending(case) for case in whole.cases)
    return combined(whole.trace, whole.revision, tuple(found), stale=whole.stale)


def _all_pending(whole: CaseVerdict) -> CaseVerdict:
    if whole.outcome in (Outcome.SKIPPED, Outcome.ERROR):
        return whole
    verdicts = tuple(pending(verdict) for verdict in whole.verdicts)
    return replace(whole, outcome=Outcome.MISSING, score=None, verdicts=verdicts, reason=NOT_YET)


def _case_so_far(
    whole: CaseVerdict,
    case: Case | None,
    trace: Trace,
    reading: Reading,
    agent: Agent | None,
    settings: Settings,
) -> CaseVerdict:
    if whole.outcome in (Outcome.SKIPPED, Outcome.ERROR):
        return whole
    if case is None or len(case.checks) != len(whole.verdicts):
        return _all_pending(whole)  # the file was edited since, or the assertions were let go
    verdicts = tuple(
        _so_far(final, check, trace, reading, agent, settings)
        for final, check in zip(whole.verdicts, case.checks, strict=True)
    )
    failed = any(v.outcome is Outcome.FAIL and v.weight > 0 for v in verdicts)
    if failed and case.threshold is None:
        return replace(whole, outcome=Outcome.FAIL, score=None, verdicts=verdicts)
    if all(verdict.reason_code != UNDECIDED for verdict in verdicts):
        return replace(whole, verdicts=verdicts)
    return replace(whole, outcome=Outcome.MISSING, score=None, verdicts=verdicts, reason=NOT_YET)


def _so_far(
    final: Verdict,
    check: Check,
    trace: Trace,
    reading: Reading,
    agent: Agent | None,
    settings: Settings,
) -> Verdict:
    if final.outcome in (Outcome.SKIPPED, Outcome.ERROR):
        return final
    if final.target not in DECIDED_EARLY or check.when is not None:
        return pending(final)
    now = check_verdict(check, trace, reading, agent, settings)
    stays = settled(check.assertion, now) and now.outcome is final.outcome
    return now if stays else pending(final)


def pending(final: Verdict) -> Verdict:
    """The place of a verdict that is not known yet; nothing of its evidence is given away."""
    return replace(
        final,
        outcome=Outcome.SKIPPED,
        reason=NOT_YET,
        reason_code=UNDECIDED,
        missing_kind=None,
        score=None,
        actual=None,
        differences=(),
        evidence=(),
        near_misses=(),
        near_misses_left=0,
        cautions=(),
        children=(),
        judged=None,
    )


def settled(assertion: Assertion, verdict: Verdict) -> bool:
    """Whether nothing that is still to come can turn a verdict on the beginning of a trace."""
    if assertion.target in ("all_of", "any_of", "not"):
        return _settled_by_parts(assertion, verdict)
    if verdict.outcome is Outcome.PASS:
        return _made_for_good(assertion)
    if verdict.outcome is not Outcome.FAIL:
        return False
    if assertion.target in LIMITS:
        return bool(verdict.differences) and all(
            is_number(d.expected) and is_number(d.actual) and d.actual > d.expected
            for d in verdict.differences
        )
    codes = BROKEN_FOR_GOOD.get(assertion.target, ())
    named = any(e.role == "violated" and e.span is not None for e in verdict.evidence)
    return verdict.reason_code in codes and (named or assertion.target == "node_call")


def _made_for_good(assertion: Assertion) -> bool:
    """Whether a pass says that something was done, which stays done."""
    source = assertion.source if isinstance(assertion.source, dict) else {}
    if assertion.target == "tool_sequence":
        return source.get("mode", "in_order") in OPEN_SEQUENCES
    return (
        assertion.target == "node_call"
        and source.get("condition", "MUST_CALL") == "MUST_CALL"
        and source.get("max_calls") is None
        and source.get("occurrence", "any") not in ("last", "every")
    )


def _settled_by_parts(assertion: Assertion, verdict: Verdict) -> bool:
    """all_of fails and any_of passes by one part that is settled; the other way by all of them."""
    parts: Sequence[Assertion] = getattr(assertion.rule, "children", ())
    if assertion.target == "not":
        child = getattr(assertion.rule, "child", None)
        parts = () if child is None else (child,)
    if len(parts) != len(verdict.children):
        return False
    way = {"all_of": Outcome.FAIL, "any_of": Outcome.PASS}.get(assertion.target)
    told = [
        (found.outcome, settled(part, found))
        for part, found in zip(parts, verdict.children, strict=True)
    ]
    if verdict.outcome is way:
        return any(outcome is way and holds for outcome, holds in told)
    return bool(told) and all(holds for _, holds in told)

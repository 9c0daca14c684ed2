"""Evaluation of one assertion on one trace: a pure function that never raises.

Whatever goes wrong inside becomes the verdict ``error``; a claim with zero support is
never a pass (assertion spec 1.2, 2).
"""

import msgspec

from tracedesk.assertions.assertion import Assertion
from tracedesk.assertions.cautions import about_values, joined
from tracedesk.assertions.finding import VACUOUS, Finding
from tracedesk.assertions.settings import Settings
from tracedesk.assertions.trace_index import TraceIndex, index_of
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import FAIL, PASS, Outcome, Support, Verdict
from tracedesk.query.dates import ExpressionError
from tracedesk.query.patterns import PatternTimeoutError

_DEFAULTS = Settings()
_NOTHING = Support()


def evaluate(
    assertion: Assertion,
    trace: Trace,
    reading: Reading,
    settings: Settings = _DEFAULTS,
    line: int = 0,
) -> Verdict:
    """Decide an assertion. ``line`` is carried into the verdict as it is."""
    try:
        return evaluate_on(assertion, index_of(trace, reading, settings), line)
    except Exception as error:  # the last resort: an unforeseen fault is never a pass
        found = Finding(outcome=Outcome.ERROR, reason=_unforeseen(error), code="internal")
        return label(assertion, found, line)


def evaluate_on(assertion: Assertion, index: TraceIndex, line: int = 0) -> Verdict:
    """As ``evaluate``, on a trace that is prepared already. May raise what nobody foresaw."""
    rule = assertion.rule
    if rule is None:
        return label(assertion, load_error(assertion), line)
    try:
        found = rule.evaluate(index)
    except PatternTimeoutError as error:
        found = Finding(outcome=Outcome.ERROR, reason=str(error), code="regex_timeout")
    except ExpressionError as error:
        found = Finding(outcome=Outcome.ERROR, reason=str(error), code="bad_expression")
    except RecursionError:
        found = Finding(
            outcome=Outcome.ERROR, reason="the value is nested too deeply to compare", code="depth"
        )
    if found.differences:
        about = about_values([difference.actual for difference in found.differences])
        if about:
            found.cautions = joined(found.cautions, about)
    if found.outcome is PASS and (found.cautions or not found.evidence):
        found = _guarded(found, index.settings)
    return label(assertion, found, line)


def load_error(assertion: Assertion) -> Finding:
    """An assertion that could not be loaded is an error on every trace."""
    problem = assertion.fault
    reason = "this assertion was not compiled" if problem is None else problem.message
    code = "not_compiled" if problem is None else problem.code
    return Finding(outcome=Outcome.ERROR, reason=reason, code=code)


def _guarded(found: Finding, settings: Settings) -> Finding:
    """A pass as it may stand: not on nothing, not with a caution that counts as missing."""
    if not found.evidence and found.support == _NOTHING:
        return msgspec.structs.replace(
            found, outcome=Outcome.MISSING, missing_kind=VACUOUS, code="nothing_inspected"
        )
    for caution in found.cautions:
        if caution.code in settings.cautions_as_missing:
            return msgspec.structs.replace(
                found,
                outcome=Outcome.MISSING,
                missing_kind=VACUOUS,
                code=caution.code,
                reason=f"{found.reason}; not counted as a pass: {caution.message}",
            )
    return found


def label(assertion: Assertion, found: Finding, line: int) -> Verdict:
    """The verdict of an assertion, from what its rule found."""
    outcome = found.outcome
    score = found.score
    if score is None:
        score = 1.0 if outcome is PASS else 0.0 if outcome is FAIL else None
    return Verdict(  # by position: twenty names would take ten times as long
        outcome,
        found.reason,
        found.code,
        assertion.target,
        assertion.id,
        assertion.name,
        line,
        found.missing_kind,
        score,
        assertion.weight,
        found.expected,
        found.actual,
        found.differences,
        found.evidence,
        found.near_misses,
        found.near_misses_left,
        found.cautions,
        found.support,
        assertion.stage or found.stage or assertion.default_stage,
        found.children,
        found.judged,
    )


def _unforeseen(error: Exception) -> str:
    return f"this assertion could not be evaluated ({type(error).__name__}: {error})"

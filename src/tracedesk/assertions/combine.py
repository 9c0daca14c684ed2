"""all_of, any_of, not: assertions made of assertions (assertion spec 7.8).

The algebra of section 2: NOT turns only pass and fail around, and nothing that is missing,
an error or skipped ever becomes a pass. Children keep their own results.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from tracedesk.assertions.assertion import Assertion
from tracedesk.assertions.engine import evaluate_on
from tracedesk.assertions.fields import INVALID, Field, Shape, list_of, wrong_type
from tracedesk.assertions.finding import THE_TRACE, Finding, plural
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import best, worst
from tracedesk.assertions.semantic import Semantic
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import Outcome, Support, Verdict
from tracedesk.query.problems import Place, Report

_OPPOSITE: Final = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}


def semantic_in(assertion: Assertion) -> list[Semantic]:
    """What of an assertion a judge decides, however deep it stands."""
    rule = assertion.rule
    if isinstance(rule, Combined):
        return [found for child in rule.children for found in semantic_in(child)]
    if isinstance(rule, Negated):
        return semantic_in(rule.child)
    return [rule] if isinstance(rule, Semantic) else []


class Combined:
    """A compiled all_of or any_of."""

    def __init__(
        self,
        name: str,
        children: Sequence[Assertion],
        join: Callable[[list[Outcome]], Outcome],
    ) -> None:
        self.name = name
        self.children = tuple(children)
        self.join = join

    def evaluate(self, index: TraceIndex) -> Finding:
        verdicts = tuple(evaluate_on(child, index) for child in self.children)
        outcome = self.join([verdict.outcome for verdict in verdicts])
        if self._waits(verdicts):
            outcome = Outcome.SKIPPED
        telling = [verdict for verdict in verdicts if verdict.outcome is outcome]
        held = sum(verdict.outcome is Outcome.PASS for verdict in verdicts)
        first = telling[0]
        return _gathered(
            outcome,
            f"{held} of {plural(len(verdicts), 'assertion')} hold; {first.reason}",
            first,
            telling,
            verdicts,
        )

    def _waits(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether an answer that a judge still owes could turn the outcome."""
        owed = [v.outcome is Outcome.SKIPPED and bool(v.awaited) for v in verdicts]
        either = (
            self.join([way if owes else v.outcome for v, owes in zip(verdicts, owed, strict=True)])
            for way in (Outcome.PASS, Outcome.FAIL)
        )
        return any(owed) and len(set(either)) > 1


class Negated:
    """A compiled not."""

    def __init__(self, child: Assertion) -> None:
        self.child = child

    def evaluate(self, index: TraceIndex) -> Finding:
        verdict = evaluate_on(self.child, index)
        outcome = _OPPOSITE.get(verdict.outcome, verdict.outcome)
        words = {
            Outcome.PASS: f"its assertion does not hold, as demanded: {verdict.reason}",
            Outcome.FAIL: f"its assertion holds, but must not: {verdict.reason}",
        }.get(outcome, verdict.reason)
        return _gathered(outcome, words, verdict, [verdict], (verdict,))


def _gathered(
    outcome: Outcome,
    reason: str,
    first: Verdict,
    telling: Sequence[Verdict],
    verdicts: tuple[Verdict, ...],
) -> Finding:
    """One finding out of those children that made it."""
    cautions = {(c.code, c.message): c for verdict in telling for c in verdict.cautions}
    supports = [verdict.support for verdict in verdicts]
    return Finding(
        outcome=outcome,
        reason=reason,
        code=first.reason_code,
        missing_kind=first.missing_kind,
        expected=first.expected,
        actual=first.actual,
        differences=first.differences,
        evidence=tuple(e for verdict in telling for e in verdict.evidence) or THE_TRACE,
        near_misses=first.near_misses,
        near_misses_left=first.near_misses_left,
        cautions=tuple(cautions.values()),
        support=Support(
            spans=max(s.spans for s in supports),
            calls=max(s.calls for s in supports),
            chars=max(s.chars for s in supports),
        ),
        stage=first.stage,
        children=verdicts,
    )


def _read_child(value: Any, path: Place, report: Report) -> Any:
    from tracedesk.assertions.registry import compile_child

    if not isinstance(value, dict):
        return wrong_type(path, report, "an assertion object", value)
    before = report.errors
    position = path[-1] if isinstance(path[-1], int) else 0
    child = compile_child(value, position, path, report)
    return INVALID if report.errors > before else child


CHILD: Final = Shape(_read_child, {"$ref": "#/$defs/child"})


def _all_of(values: dict[str, Any], place: Place, report: Report) -> Combined:
    return Combined("all_of", values["assertions"], worst)


def _any_of(values: dict[str, Any], place: Place, report: Report) -> Combined:
    return Combined("any_of", values["assertions"], best)


def _not(values: dict[str, Any], place: Place, report: Report) -> Negated:
    return Negated(values["assertion"])


_CHILDREN: Final = Field("assertions", list_of(CHILD), "assertion objects", required=True)

KINDS: Final = (
    Kind(
        target="all_of",
        fields=(_CHILDREN,),
        build=_all_of,
        stage="",
        doc="every assertion holds",
    ),
    Kind(
        target="any_of",
        fields=(_CHILDREN,),
        build=_any_of,
        stage="",
        doc="some assertion holds",
    ),
    Kind(
        target="not",
        fields=(Field("assertion", CHILD, "an assertion object", required=True),),
        build=_not,
        stage="",
        doc="the assertion does not hold",
    ),
)

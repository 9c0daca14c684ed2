"""semantic: a criterion for a judge (assertion spec 6.8).

What would be judged is found here, with every missing rule; without a judge the answer is
``skipped``, never a pass.
"""

from typing import Any, Final

from tracedesk.assertions.fields import TEXT, Field, choice, integer, number
from tracedesk.assertions.finding import COMMUNICATION, VACUOUS, Finding, missing
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.subjects import (
    TARGET_FIELDS,
    NodeTarget,
    Subject,
    build_target,
    read_subject,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import Outcome
from tracedesk.query.problems import Place, Report

EVALUATORS: Final = ("criteria",)
DEFAULT_THRESHOLD: Final = 0.7


class Semantic:
    """A compiled semantic assertion; public fields are what a judge is asked with."""

    def __init__(
        self, criteria: str, threshold: float, samples: int, target: NodeTarget | None
    ) -> None:
        self.criteria = criteria
        self.threshold = threshold
        self.samples = samples
        self.target = target

    def subject(self, index: TraceIndex) -> Subject | Finding:
        """The text to judge, or why there is none. Never the whole response for a target."""
        subject = read_subject(self.target, index, COMMUNICATION)
        if isinstance(subject, Subject) and not subject.text.strip():
            reason = "the text is blank, so there is nothing to judge"
            return missing(reason, "empty_response", VACUOUS, stage=COMMUNICATION)
        return subject

    def evaluate(self, index: TraceIndex) -> Finding:
        subject = self.subject(index)
        if isinstance(subject, Finding):
            return subject
        return Finding(
            outcome=Outcome.SKIPPED,
            reason="no judge configured",
            code="no_judge",
            expected=self.criteria,
            evidence=(subject.evidence("inspected"),),
            support=subject.support(),
            stage=COMMUNICATION,
        )


def build(values: dict[str, Any], place: Place, report: Report) -> Semantic | None:
    """Build from read fields."""
    before = report.errors
    target = build_target(values, place, report)
    if report.errors > before:
        return None
    return Semantic(values["criteria"], values["threshold"], values["samples"], target)


KIND: Final = Kind(
    target="semantic",
    fields=(
        Field("criteria", TEXT, "what the text must do, in plain words", required=True),
        *TARGET_FIELDS,
        Field("evaluator", choice(EVALUATORS), "how it is judged", default="criteria"),
        Field(
            "threshold",
            number(0, 1, above=True, low_code="always-true"),
            "passing score, inclusive",
            default=DEFAULT_THRESHOLD,
        ),
        Field("samples", integer(1), "judgements, whose mean decides", default=1),
    ),
    build=build,
    stage=COMMUNICATION,
    doc="a criterion for an AI judge",
)

"""semantic: a criterion for a judge (assertion spec 6.8).

What is judged is found here, with every missing rule, and what a judge knows of it becomes a
finding. Only a judgement passes or fails: no judge is ``skipped``, a question under way is
``skipped`` until its answer is known, and a judge that failed is an ``error``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tracedesk.assertions.fields import BOOLEAN, TEXT, Field, choice, integer, number
from tracedesk.assertions.finding import COMMUNICATION, VACUOUS, Finding, missing
from tracedesk.assertions.judged_calls import calls_text
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.subjects import (
    TARGET_FIELDS,
    NodeTarget,
    Subject,
    build_target,
    read_subject,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.judgement import (
    DEFAULT_THRESHOLD,
    Failure,
    Judge,
    Judged,
    Judgement,
    Pending,
    Question,
    Sample,
    Unasked,
)
from tracedesk.model.verdict import Caution, Outcome
from tracedesk.query.problems import Place, Report

EVALUATORS: Final = ("criteria",)

NO_JUDGE: Final = "no judge configured; set [judge] model in tracedesk.toml to have this decided"

_ROUNDING: Final = 1e-9
"""So that the mean of scores that add up to the threshold meets it."""

_HEURISTIC: Final = Caution(
    "heuristic_judge", "decided by counting words, which is not an AI judgement"
)


class Semantic:
    """A compiled semantic assertion; what is None is left to the judge's settings."""

    def __init__(
        self,
        criteria: str,
        threshold: float | None,
        samples: int | None,
        target: NodeTarget | None,
        include_trace: bool | None = None,
    ) -> None:
        self.criteria = criteria
        self.threshold = threshold
        self.samples = samples
        self.target = target
        self.include_trace = include_trace
        self.scenario: str | None = None
        """Of the case it stands in; whoever loads the case says it before anything is judged."""

    def subject(self, index: TraceIndex) -> Subject | Finding:
        """The text to judge, or why there is none. Never the whole response for a target."""
        subject = read_subject(self.target, index, COMMUNICATION)
        if isinstance(subject, Subject) and not subject.text.strip():
            reason = "the text is blank, so there is nothing to judge"
            return missing(reason, "empty_response", VACUOUS, stage=COMMUNICATION)
        return subject

    def question(self, index: TraceIndex, subject: Subject, judge: Judge) -> Question:
        """What the judge is asked."""
        with_calls = judge.include_trace if self.include_trace is None else self.include_trace
        return Question(
            criteria=self.criteria,
            text=subject.text,
            input=index.reading.input.text,
            calls=calls_text(index) if with_calls else None,
            samples=self.samples or judge.samples,
            scenario=self.scenario,
        )

    def evaluate(self, index: TraceIndex) -> Finding:
        subject = self.subject(index)
        if isinstance(subject, Finding):
            return subject
        judge = index.settings.judge
        if judge is None:
            judged = Judged(state="unasked", threshold=self.threshold or DEFAULT_THRESHOLD)
            return self._undecided(subject, Outcome.SKIPPED, NO_JUDGE, "no_judge", judged)
        threshold = self.threshold or judge.threshold
        answer = judge.judgement(self.question(index, subject, judge))
        if isinstance(answer, Judgement):
            return self._decided(subject, answer, threshold)
        outcome, code, reason, judged = _NOT_DECIDED[type(answer)](answer, threshold)
        return self._undecided(subject, outcome, reason, code, judged)

    def _decided(self, subject: Subject, answer: Judgement, threshold: float) -> Finding:
        score, telling = answer.score, _telling(answer)
        passed = score >= threshold - _ROUNDING
        quotes = _located(subject.text, telling.quotes)
        judged = Judged(
            key=answer.key,
            state="answered",
            model=answer.model,
            threshold=threshold,
            score=score,
            margin=round(score - threshold, 9),
            scores=tuple(sample.score for sample in answer.samples),
            spread=answer.spread,
            rationale=telling.rationale,
            quotes=tuple(subject.text[start:end] for start, end in quotes),
            cached=answer.cached,
            heuristic=answer.heuristic,
        )
        return Finding(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            reason=_told(judged),
            code="" if passed else "score_low",
            score=score,
            expected=self.criteria,
            actual=subject.text,
            evidence=(
                subject.evidence("decided" if passed else "violated"),
                *(subject.evidence("inspected", chars=place) for place in quotes),
            ),
            cautions=_cautions(answer),
            support=subject.support(),
            stage=COMMUNICATION,
            judged=judged,
        )

    def _undecided(
        self, subject: Subject, outcome: Outcome, reason: str, code: str, judged: Judged
    ) -> Finding:
        return Finding(
            outcome=outcome,
            reason=reason,
            code=code,
            expected=self.criteria,
            evidence=(subject.evidence("inspected"),),
            support=subject.support(),
            stage=COMMUNICATION,
            judged=judged,
        )


_Undecided = tuple[Outcome, str, str, Judged]


def _pending(answer: Pending, threshold: float) -> _Undecided:
    judged = Judged(key=answer.key, state="pending", model=answer.model, threshold=threshold)
    return Outcome.SKIPPED, "judge_pending", f"the judge is asked ({answer.model})", judged


def _failed(answer: Failure, threshold: float) -> _Undecided:
    judged = Judged(state="failed", model=answer.model, threshold=threshold)
    return Outcome.ERROR, answer.code, f"the judge could not decide: {answer.message}", judged


def _unasked(answer: Unasked, threshold: float) -> _Undecided:
    judged = Judged(state="unasked", model=answer.model, threshold=threshold)
    return Outcome.SKIPPED, "judge_not_asked", answer.reason, judged


_NOT_DECIDED: Final[Mapping[type, Callable[[Any, float], _Undecided]]] = {
    Pending: _pending,
    Failure: _failed,
    Unasked: _unasked,
}


def _telling(answer: Judgement) -> Sample:
    """The sample nearest to the mean: its rationale speaks for all."""
    return min(answer.samples, key=lambda sample: abs(sample.score - answer.score))


def _told(judged: Judged) -> str:
    """The judgement in a sentence: score, threshold, how it came about, why."""
    assert judged.score is not None, "it is decided"
    assert judged.margin is not None, "it is decided"
    relation = "reaches" if judged.margin >= -_ROUNDING else "is below"
    several = len(judged.scores) > 1
    mean = f"mean of {len(judged.scores)}, spread {judged.spread:.2f}" if several else ""
    origin = "" if judged.heuristic else "cached" if judged.cached else "fresh"
    about = ", ".join(part for part in (judged.model, mean, origin) if part)
    said = f": {judged.rationale}" if judged.rationale else ""
    score = f"score {judged.score:.2f} {relation} {judged.threshold:g}"
    return f"{score} ({judged.margin:+.2f}; {about}){said}"


def _located(text: str, quotes: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Where the quotes are in the text; those that are not in it are left out."""
    places = ((text.find(quote), len(quote)) for quote in quotes if quote)
    return tuple((start, start + length) for start, length in places if start >= 0)


def _cautions(answer: Judgement) -> tuple[Caution, ...]:
    found: tuple[Caution, ...] = (_HEURISTIC,) if answer.heuristic else ()
    if answer.injection:
        message = f"what the judge read seems to instruct it: “{answer.injection}”"
        found += (Caution("judge_injection", message),)
    return found


def build(values: dict[str, Any], place: Place, report: Report) -> Semantic | None:
    """Build from read fields."""
    before = report.errors
    target = build_target(values, place, report)
    if report.errors > before:
        return None
    return Semantic(
        values["criteria"],
        values["threshold"],
        values["samples"],
        target,
        values["include_trace"],
    )


KIND: Final = Kind(
    target="semantic",
    fields=(
        Field("criteria", TEXT, "what the text must do, in plain words", required=True),
        *TARGET_FIELDS,
        Field("evaluator", choice(EVALUATORS), "how it is judged", default="criteria"),
        Field(
            "threshold",
            number(0, 1, above=True, low_code="always-true"),
            "passing score, inclusive; by default the judge's, which is 0.7 unless configured",
        ),
        Field("samples", integer(1), "judgements, whose mean decides; by default the judge's"),
        Field("include_trace", BOOLEAN, "show the judge the calls of the trace besides the text"),
    ),
    build=build,
    stage=COMMUNICATION,
    doc="a criterion for an AI judge",
)

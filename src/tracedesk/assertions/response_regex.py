"""response_regex: a pattern against the extracted text (assertion spec 6.3)."""

from typing import Any, Final

from tracedesk.assertions.fields import TEXT, Field, Shape, choice, wrong_type
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
from tracedesk.model.verdict import FAIL, PASS, Caution, Difference
from tracedesk.query.matchers import pattern_fault
from tracedesk.query.patterns import FLAGS, Pattern, PatternError, PatternTimeoutError
from tracedesk.query.problems import Place, Report
from tracedesk.query.shapes import died_hint
from tracedesk.query.values import shorten, show

_PROBES: Final = ("", "\ue000", "\ue001\n\ue002")
"""Texts that nobody expects; a pattern found in all of them is found in any."""

_PROBE_S: Final = 0.05

MUST_MATCH: Final = "MUST_MATCH"
MUST_NOT_MATCH: Final = "MUST_NOT_MATCH"


class ResponseRegex:
    """A compiled response_regex."""

    def __init__(self, pattern: Pattern, forbids: bool, target: NodeTarget | None) -> None:
        self.pattern = pattern
        self.forbids = forbids
        self.target = target
        self.words = f"{'no match of' if forbids else 'a match of'} {pattern}"

    def evaluate(self, index: TraceIndex) -> Finding:
        subject = read_subject(self.target, index, COMMUNICATION)
        if isinstance(subject, Finding):
            return subject
        text = subject.text
        blank = not text.strip()
        if blank and self.forbids:
            reason = "the text is blank, so there was nothing to inspect"
            return missing(reason, "empty_response", VACUOUS, stage=COMMUNICATION)
        span = self.pattern.search(text, index.settings.regex_timeout_s)
        cautions = (Caution("empty_response", "the text is blank"),) if blank else ()
        holds = (span is None) if self.forbids else (span is not None)
        died = died_hint(self.pattern, text, index.env) if span is None and not holds else ""
        return Finding(
            outcome=PASS if holds else FAIL,
            reason=self._reason(subject, text, span, died),
            code="matched" if span is not None else "not_matched",
            expected=self.words,
            actual=shorten(text) if span is None else text[span[0] : span[1]],
            differences=() if holds else (self._difference(text, span, died),),
            evidence=(subject.evidence("decided" if holds else "violated", chars=span),),
            cautions=cautions,
            support=subject.support(),
            stage=COMMUNICATION,
        )

    def _reason(self, subject: Subject, text: str, span: tuple[int, int] | None, died: str) -> str:
        what = "the response" if subject.of == "response" else "the node's output"
        if span is not None:
            matched = show(text[span[0] : span[1]], 80)
            verb = "must not match" if self.forbids else "matches"
            found = f", but has {matched}" if self.forbids else f": {matched}"
            return f"{what} {verb} {self.pattern}{found} at character {span[0] + 1}"
        if self.forbids:
            return f"{what} does not match {self.pattern}; {len(text)} characters searched"
        return f"{what} does not match {self.pattern}{f': {died}' if died else ''}"

    def _difference(self, text: str, span: tuple[int, int] | None, died: str) -> Difference:
        return Difference(
            path="$",
            expected=self.pattern.text,
            actual=shorten(text) if span is None else text[span[0] : span[1]],
            expected_type="string",
            actual_type="string",
            hint=died,
            wording=self.words,
        )


def _read_flags(value: Any, path: Place, report: Report) -> Any:
    if isinstance(value, str) and not set(value) - set(FLAGS):
        return "".join(sorted(set(value)))
    return wrong_type(path, report, "letters of i, m, s, x", value)


FLAGS_SHAPE: Final = Shape(_read_flags, {"type": "string", "pattern": "^[imsx]*$"})


def build(values: dict[str, Any], place: Place, report: Report) -> ResponseRegex | None:
    """Build from read fields."""
    before = report.errors
    target = build_target(values, place, report)
    try:
        pattern = Pattern(values["pattern"], values["flags"])
    except PatternError as error:
        report.error((*place, "pattern"), "bad-regex", pattern_fault(error))
        return None
    if report.errors > before:
        return None
    forbids = values["condition"] == MUST_NOT_MATCH
    if _matches_anything(pattern):
        code = "contradiction" if forbids else "always-true"
        ends = "pass" if forbids else "fail on any response"
        message = f"{pattern} is found in every text, so this can never {ends}"
        report.warn((*place, "pattern"), code, message)
    return ResponseRegex(pattern, forbids, target)


def _matches_anything(pattern: Pattern) -> bool:
    try:
        return all(pattern.search(text, _PROBE_S) is not None for text in _PROBES)
    except PatternTimeoutError:
        return False


KIND: Final = Kind(
    target="response_regex",
    fields=(
        Field("pattern", TEXT, "searched anywhere", aliases=("regex", "value"), required=True),
        Field("flags", FLAGS_SHAPE, "letters of i, m, s, x", default=""),
        Field(
            "condition",
            choice((MUST_MATCH, MUST_NOT_MATCH), "unknown-condition"),
            "whether it must or must not match",
            default=MUST_MATCH,
        ),
        *TARGET_FIELDS,
    ),
    build=build,
    stage=COMMUNICATION,
    doc="a pattern against the response text",
)

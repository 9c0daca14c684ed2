"""span_query: how many spans fit a selector, and what is true of them (spec 7.3).

Every (span, check) pair is evaluated and reported by itself. With nothing selected a claim
about each span is missing, while a count is decided as usual.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.fields import (
    EXPECTED_MAP,
    INVALID,
    Field,
    Shape,
    choice,
    integer,
    number,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.finding import (
    RUNTIME,
    THE_TRACE,
    WHEN_ABSENT,
    Finding,
    absent,
    missing,
    plural,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import worst
from tracedesk.assertions.selectors import (
    SELECTOR,
    Selection,
    Selector,
    child_count,
    find_attribute,
    span_of,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.trace import Kind as SpanKind
from tracedesk.model.trace import Span, Status
from tracedesk.model.verdict import Caution, Difference, Evidence, Outcome, Support
from tracedesk.query.expected import Expected, in_words
from tracedesk.query.names import nearest
from tracedesk.query.paths import ROOT, PathError, key_step, parse_path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, json_text, show

_LISTED = 50
"""Failing pairs that are reported in full; the rest is counted in the reason."""

Look = Callable[[TraceIndex, int], tuple[str, str, Any]]
"""Looks at one row: root of the evidence path, location, value."""


def _status(span: Span) -> str:
    return {
        Status.OK: "ok",
        Status.ERROR: "error",
        Status.UNSET: "unset",
        Status.SKIPPED: "skipped",
    }[span.status]


def _kind(span: Span) -> str:
    if span.kind is SpanKind.TOOL:
        return "tool"
    return "ai" if span.kind in (SpanKind.AGENT, SpanKind.MODEL) else "node"


def _duration(span: Span) -> Any:
    return ABSENT if span.duration_ns is None else span.duration_ns / 1e6


def _service(index: TraceIndex, row: int) -> Any:
    resources, number_ = index.trace.resources, span_of(index, row).resource
    name = resources[number_].service if 0 <= number_ < len(resources) else None
    return ABSENT if name is None else name


FACTS: Final[Mapping[str, Callable[[TraceIndex, int], Any]]] = {
    "@name": lambda index, row: span_of(index, row).name,
    "@label": lambda index, row: span_of(index, row).label,
    "@kind": lambda index, row: _kind(span_of(index, row)),
    "@status": lambda index, row: _status(span_of(index, row)),
    "@status_message": lambda index, row: span_of(index, row).status_message,
    "@duration_ms": lambda index, row: _duration(span_of(index, row)),
    "@depth": lambda index, row: index.tree.depth[row],
    "@children": child_count,
    "@service": _service,
}
"""Facts that are not attributes."""

_CALL_FACTS: Final = ("@arguments", "@output")


class Check(msgspec.Struct, frozen=True):
    """One entry of ``checks``."""

    key: str
    look: Look
    expected: Expected


class Percentile(msgspec.Struct, frozen=True):
    """``percentile: {p, max_ms}``."""

    p: float
    max_ms: float


class Part(msgspec.Struct):
    """What count, checks or percentile found."""

    outcome: Outcome
    words: str
    code: str
    differences: list[Difference] = []
    evidence: list[Evidence] = []


class SpanQuery:
    """A compiled span_query."""

    def __init__(
        self,
        select: Selector,
        count: tuple[int, float] | None,
        checks: Sequence[Check],
        percentile: Percentile | None,
        values: Mapping[str, Any],
    ) -> None:
        self.select = select
        self.count = count
        self.checks = tuple(checks)
        self.percentile = percentile
        self.quantifier: str = values["quantifier"]
        self.when_absent: str = values["when_absent"]

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.spans:
            reason = "this trace has no spans of its own"
            return missing(reason, "no_structure", stage=RUNTIME)
        selection = self.select.select(index)
        parts = []
        if self.count is not None:
            parts.append(self._count(selection, index))
        if self.checks:
            parts.append(self._checks(selection, index))
        if self.percentile is not None:
            parts.append(self._percentile(self.percentile, selection, index))
        outcome = worst([part.outcome for part in parts])
        telling = [part for part in parts if part.outcome is outcome]
        found = Finding(
            outcome=outcome,
            reason="; ".join(part.words for part in telling),
            code=telling[0].code,
            actual=len(selection.rows),
            differences=tuple(d for part in telling for d in part.differences),
            evidence=tuple(e for part in telling for e in part.evidence) or THE_TRACE,
            cautions=self._cautions(selection, index),
            support=Support(spans=len(index.spans)),
            stage=RUNTIME,
        )
        if outcome is Outcome.MISSING:
            vacuous = any(part.code == "nothing_selected" for part in telling)
            found.missing_kind = "vacuous" if vacuous else "instrumentation"
        return found

    def _cautions(self, selection: Selection, index: TraceIndex) -> tuple[Caution, ...]:
        untimed = selection.untimed
        if self.percentile is not None:
            untimed += sum(span_of(index, r).duration_ns is None for r in selection.rows)
        if not untimed:
            return ()
        message = f"{plural(untimed, 'span')} without both times could not be measured"
        return (Caution("spans_without_times", message),)

    def _count(self, selection: Selection, index: TraceIndex) -> Part:
        assert self.count is not None
        low, high = self.count
        found = len(selection.rows)
        if low <= found <= high:
            return Part(
                Outcome.PASS,
                f"{plural(found, 'span')} selected",
                "count",
                evidence=_spans(selection.rows, index, "decided"),
            )
        bound = f"at least {low}" if found < low else f"at most {int(high)}"
        return Part(
            Outcome.FAIL,
            f"{plural(found, 'span')} selected, expected {bound} ({selection.elimination})",
            "count_low" if found < low else "count_high",
            evidence=_spans(selection.rows, index, "violated"),
        )

    def _absent(self, selection: Selection, index: TraceIndex) -> Part:
        reason = f"no span is selected ({selection.elimination})"
        found = absent(self.when_absent, reason, index, stage=RUNTIME)
        return Part(found.outcome, found.reason, found.code, evidence=list(found.evidence))

    def _checks(self, selection: Selection, index: TraceIndex) -> Part:
        if not selection.rows:
            return self._absent(selection, index)
        good: list[Evidence] = []
        bad: list[tuple[Difference, Evidence]] = []
        for row in selection.rows:
            held, broken = self._of_row(row, index)
            if not broken and self.quantifier == "any":
                label = span_of(index, row).label
                return Part(Outcome.PASS, f"{label} fits all checks", "checked", evidence=held)
            good += held
            bad += broken
        spans = plural(len(selection.rows), "span")
        if not bad:
            words = f"{plural(len(self.checks), 'check')} held on {spans}"
            return Part(Outcome.PASS, words, "checked", evidence=good[:_LISTED])
        more = f"; {len(bad)} failing in {spans}" if len(bad) > 1 else ""
        return Part(
            Outcome.FAIL,
            f"{in_words(bad[0][0])}{more}",
            "check_failed",
            [difference for difference, _ in bad[:_LISTED]],
            [evidence for _, evidence in bad[:_LISTED]],
        )

    def _of_row(
        self, row: int, index: TraceIndex
    ) -> tuple[list[Evidence], list[tuple[Difference, Evidence]]]:
        held: list[Evidence] = []
        broken: list[tuple[Difference, Evidence]] = []
        span = span_of(index, row)
        for check in self.checks:
            of, place, value = check.look(index, row)
            inner = value
            if not check.expected.matches(value, index.env):
                inner = json_text(value)
            if inner is not ABSENT and check.expected.matches(inner, index.env):
                held.append(Evidence(span.span_id, of, place, "decided"))
                continue
            if value is ABSENT and check.expected.matches(value, index.env):
                held.append(Evidence(span.span_id, of, ROOT, "absent_here"))
                continue
            for difference in check.expected.differences(value, index.env, place):
                hint = f"on {span.label}" + (f"; {difference.hint}" if difference.hint else "")
                told = msgspec.structs.replace(difference, hint=hint)
                broken.append((told, Evidence(span.span_id, of, difference.path, "violated")))
        return held, broken

    def _percentile(self, wanted: Percentile, selection: Selection, index: TraceIndex) -> Part:
        if not selection.rows:
            return self._absent(selection, index)
        spans = [span_of(index, row) for row in selection.rows]
        timed = sorted((ns / 1e6, s.span_id) for s in spans if (ns := s.duration_ns) is not None)
        if not timed:
            return Part(Outcome.MISSING, "no selected span has both times", "no_duration")
        rank = max(1, math.ceil(wanted.p / 100 * len(timed)))
        actual, span = timed[rank - 1]
        holds = actual <= wanted.max_ms
        words = f"p{wanted.p:g} of {plural(len(timed), 'span')} is {show(actual)} ms"
        difference = Difference(
            path="$",
            expected=wanted.max_ms,
            actual=actual,
            expected_type="number",
            actual_type="number",
            wording=f"≤ {show(wanted.max_ms)} ms",
        )
        return Part(
            Outcome.PASS if holds else Outcome.FAIL,
            words if holds else f"{words}, expected ≤ {show(wanted.max_ms)} ms",
            "percentile",
            [] if holds else [difference],
            [Evidence(span, "span", "$", "decided" if holds else "violated")],
        )


def _spans(rows: Sequence[int], index: TraceIndex, role: str) -> list[Evidence]:
    return [Evidence(span_of(index, row).span_id, "span", "$", role) for row in rows[:_LISTED]]


def _look(key: str, place: Place, report: Report) -> Look | None:
    """How a check key is read; None after reporting an unknown fact or a bad path."""
    if not key.startswith("@"):
        return lambda index, row: (
            "attributes",
            *find_attribute(span_of(index, row).attributes, key),
        )
    fact = FACTS.get(key)
    if fact is not None:
        return lambda index, row: ("span", f"$[{show(key)}]", fact(index, row))
    name, _, rest = key.partition(".")
    if name not in _CALL_FACTS:
        known = nearest(key, [*FACTS, *_CALL_FACTS])
        report.error(place, "unknown-key", f"unknown fact '{key}'", known, on_key=True)
        return None
    try:
        path = parse_path(rest) if rest else None
    except PathError as error:
        report.error(place, "bad-path", f"'{rest}' is no path: {error}", on_key=True)
        return None
    of = name[1:]

    def look(index: TraceIndex, row: int) -> tuple[str, str, Any]:
        call = index.call_by_id.get(span_of(index, row).span_id)
        state = "absent" if call is None else getattr(call, f"{of}_state")
        if call is None or state == "absent":
            return of, ROOT, ABSENT
        value = getattr(call, of)
        if path is None:
            return of, ROOT, value
        found = path.first(value, descend=True)
        if found[1] is ABSENT:
            return of, f"{ROOT}{key_step(rest)}", ABSENT
        return of, *found

    return look


COUNT_FIELDS: Final = (
    Field("min", integer(), "at least so many spans"),
    Field("max", integer(), "at most so many spans"),
)
PERCENTILE_FIELDS: Final = (
    Field("p", number(0, 100, above=True), "nearest rank, in percent", required=True),
    Field("max_ms", number(), "inclusive", required=True),
)


def _object(fields: tuple[Field, ...], what: str) -> Shape:
    def read(value: Any, path: Place, report: Report) -> Any:
        if not isinstance(value, dict):
            return wrong_type(path, report, f"a map of {what}", value)
        before = report.errors
        found = read_fields(value, fields, path, report, what)
        return INVALID if report.errors > before else found

    properties = {field.name: field.shape.schema for field in fields}
    return Shape(read, {"type": "object", "properties": properties})


def build(values: dict[str, Any], place: Place, report: Report) -> SpanQuery | None:
    """Build from read fields."""
    before = report.errors
    count = _bounds(values, place, report)
    checks = []
    for key, expected in (values["checks"] or {}).items():
        look = _look(key, (*place, "checks", key), report)
        if look is not None:
            checks.append(Check(key, look, expected))
    if report.errors > before:
        return None
    percentile = values["percentile"]
    return SpanQuery(
        values["select"] or Selector((), False, None),
        count,
        checks,
        None if percentile is None else Percentile(percentile["p"], percentile["max_ms"]),
        values,
    )


def _bounds(values: Mapping[str, Any], place: Place, report: Report) -> tuple[int, float] | None:
    """Bounds of the count; existence when nothing else is asked."""
    count = values["count"]
    alone = values["checks"] is None and values["percentile"] is None
    if count is None:
        return (1, math.inf) if alone else None
    low, high = count["min"], count["max"]
    where = (*place, "count")
    if low is None and high is None:
        report.error(where, "missing-field", "'count' needs 'min' or 'max'")
    elif low is not None and high is not None and low > high:
        report.error((*where, "min"), "contradiction", "'min' is above 'max'")
    elif low == 0 and high is None and alone:
        report.error((*where, "min"), "always-true", "every trace has at least 0 spans")
    return low or 0, math.inf if high is None else high


KIND: Final = Kind(
    target="span_query",
    fields=(
        Field("select", SELECTOR, "which spans; all when empty"),
        Field("count", _object(COUNT_FIELDS, "a count"), "how many are selected"),
        Field("checks", EXPECTED_MAP, "attribute, path or @fact → expected value"),
        Field("quantifier", choice(("every", "any")), "for checks", default="every"),
        Field("percentile", _object(PERCENTILE_FIELDS, "a percentile"), "of durations"),
        Field("when_absent", choice(WHEN_ABSENT), "when nothing is selected", default="missing"),
    ),
    build=build,
    stage=RUNTIME,
    doc="how many spans fit, and what is true of them",
)

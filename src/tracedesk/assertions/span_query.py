"""span_query: how many spans fit a selector, and what is true of them (spec 7.3).

Every (span, check) pair is evaluated and reported by itself. With nothing selected a claim
about each span is missing, while a count is decided as usual.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.fields import (
    EXPECTED_MAP,
    EXTENSION_PREFIX,
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
    span_of,
)
from tracedesk.assertions.span_facts import Check, read_key
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import Caution, Difference, Evidence, Outcome, Support
from tracedesk.query.expected import in_words
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import show

_LISTED = 50
"""Failing pairs that are reported in full; the rest is counted in the reason."""


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
            expected=self._expected,
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

    @property
    def _expected(self) -> str | None:
        """The bounds of the count in words; checks tell theirs one by one."""
        if self.count is None:
            return None
        low, high = self.count
        parts = [f"at least {low}"] if low else []
        parts += [f"at most {int(high)}"] if high < math.inf else []
        return f"{' and '.join(parts)} selected"

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
        rows = selection.rows
        if not rows:
            return self._absent(selection, index)
        failing = [set(check.failing(rows, index)) for check in self.checks]
        wrong = set().union(*failing)
        if self.quantifier == "any" and len(wrong) < len(rows):
            row = next(row for row in rows if row not in wrong)
            words = f"{span_of(index, row).label} fits all checks"
            return Part(Outcome.PASS, words, "checked", evidence=self._held([row], index))
        spans = plural(len(rows), "span")
        if not wrong:
            words = f"{plural(len(self.checks), 'check')} held on {spans}"
            return Part(Outcome.PASS, words, "checked", evidence=self._held(rows, index))
        pairs = [
            (row, check)
            for row in rows
            if row in wrong
            for check, rows_of in zip(self.checks, failing, strict=True)
            if row in rows_of
        ]
        told = [pair for row, check in pairs[:_LISTED] for pair in check.broken(row, index)]
        more = f"; {len(pairs)} failing in {spans}" if len(pairs) > 1 else ""
        return Part(
            Outcome.FAIL,
            f"{in_words(told[0][0])}{more}",
            "check_failed",
            [difference for difference, _ in told[:_LISTED]],
            [evidence for _, evidence in told[:_LISTED]],
        )

    def _held(self, rows: Sequence[int], index: TraceIndex) -> list[Evidence]:
        """Where the checks held, the first of them named."""
        shown = rows[: max(1, _LISTED // len(self.checks))]
        return [check.evidence(row, index) for row in shown for check in self.checks]

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
    schema = {
        "type": "object",
        "properties": properties,
        "patternProperties": {f"^{EXTENSION_PREFIX}": {}},
        "additionalProperties": False,
        "minProperties": 1,
        "required": [field.name for field in fields if field.required],
    }
    return Shape(read, schema)


def build(values: dict[str, Any], place: Place, report: Report) -> SpanQuery | None:
    """Build from read fields."""
    before = report.errors
    count = _bounds(values, place, report)
    checks = []
    for key, expected in (values["checks"] or {}).items():
        look = read_key(key, (*place, "checks", key), report)
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

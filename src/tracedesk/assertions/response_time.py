"""response_time: how long the trace, or one node of it, took (assertion spec 6.6)."""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.call_spec import name_test
from tracedesk.assertions.fields import TEXT, Field, number
from tracedesk.assertions.finding import RUNTIME, VACUOUS, Finding, missing
from tracedesk.assertions.http_status import number_evidence
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import Bound, need_one, shares_in_words
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import FAIL, PASS, Evidence, Support
from tracedesk.query.names import NameTest
from tracedesk.query.problems import Place, Report


class ResponseTime:
    """A compiled response_time."""

    def __init__(self, bounds: Sequence[Bound], target: NameTest | None) -> None:
        self.bounds = tuple(bounds)
        self.target = target
        self.expected = " and ".join(bound.words for bound in self.bounds)

    def evaluate(self, index: TraceIndex) -> Finding:
        read = self._of_node(index) if self.target is not None else self._of_trace(index)
        if isinstance(read, Finding):
            return read
        actual, evidence = read
        broken = [bound for bound in self.bounds if not bound.holds(actual)]
        shown = broken or self.bounds
        slow = any(not bound.least for bound in broken)
        return Finding(
            outcome=FAIL if broken else PASS,
            reason="; ".join([bound.margin(actual) for bound in shown])
            + (index.once(_most) if slow and self.target is None else ""),
            code="out_of_bounds" if broken else "within_bounds",
            expected=self.expected,
            actual=actual,
            differences=tuple([bound.difference(actual, "$.duration_ms") for bound in broken]),
            evidence=(evidence, *(index.once(_slowest) if slow else ())),
            support=index.once(_all_spans),
            stage=RUNTIME,
        )

    def _of_trace(self, index: TraceIndex) -> tuple[float, Evidence] | Finding:
        number = index.reading.duration_ms
        if number.value is not None:
            return number.value, index.once(_where)
        tried = "; tried " + ", ".join(number.tried) if number.tried else ""
        return missing(
            f"no duration: no root span has both times, and the body states none{tried}",
            "no_duration",
            stage=RUNTIME,
        )

    def _of_node(self, index: TraceIndex) -> tuple[float, Evidence] | Finding:
        assert self.target is not None
        calls = index.resolve(self.target).calls
        if not calls:
            kind = VACUOUS if index.reading.has_structure else "instrumentation"
            reason = f"node '{self.target.name}' was not executed, so it took no time"
            return missing(reason, "node_not_executed", kind, stage=RUNTIME)
        timed = [
            ((call.end_ns - call.start_ns) / 1e6, call.span)
            for call in calls
            if call.start_ns is not None and call.end_ns is not None
            if call.end_ns >= call.start_ns
        ]
        if not timed:
            reason = f"'{calls[0].label}' was executed, but has no start and end time"
            return missing(reason, "no_duration", stage=RUNTIME)
        longest, span = max(timed, key=lambda pair: pair[0])
        return longest, Evidence(span, "span", "$")


def _where(index: TraceIndex) -> Evidence:
    return number_evidence(index.reading.duration_ms)


def _all_spans(index: TraceIndex) -> Support:
    return Support(spans=len(index.spans))


def _most(index: TraceIndex) -> str:
    """The slowest spans beside the root, which took as long as the trace."""
    root = index.root_span
    return shares_in_words(
        ((s.label, (s.duration_ns or 0) / 1e6) for s in index.slowest if s.span_id != root), "ms"
    )


def _slowest(index: TraceIndex) -> list[Evidence]:
    return [Evidence(span.span_id, "span", "$", "violated") for span in index.slowest]


def build(values: dict[str, Any], place: Place, report: Report) -> ResponseTime | None:
    """Build from read fields."""
    before = report.errors
    need_one(values, ("max_ms", "min_ms"), place, report)
    low, high = values["min_ms"], values["max_ms"]
    if low is not None and high is not None and low > high:
        report.error((*place, "min_ms"), "contradiction", "'min_ms' is above 'max_ms'")
    if low == 0 and high is None:
        report.error((*place, "min_ms"), "always-true", "every duration is at least 0")
    test = None
    if values["target_node"] is not None:
        test = name_test(values["target_node"], "substring", (*place, "target_node"), report)
    if report.errors > before:
        return None
    what = "duration" if test is None else f"{test.name}:"
    bounds = [
        Bound(field, what, "ms", values[field], field == "min_ms")
        for field in ("max_ms", "min_ms")
        if values[field] is not None
    ]
    return ResponseTime(bounds, test)


KIND: Final = Kind(
    target="response_time",
    fields=(
        Field(
            "max_ms",
            number(),
            "inclusive",
            aliases=("max_duration_ms", "threshold_ms", "value"),
        ),
        Field("min_ms", number(), "inclusive"),
        Field("target_node", TEXT, "the duration of this node instead"),
    ),
    build=build,
    stage=RUNTIME,
    doc="how long the trace took, in milliseconds",
)

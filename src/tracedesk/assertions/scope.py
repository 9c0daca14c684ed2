"""Which calls a rule looks at: by kind, below selected spans, by name on lists of spans."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tracedesk.assertions.call_names import Resolution
from tracedesk.assertions.call_spec import name_test, status_fits
from tracedesk.assertions.fields import Field
from tracedesk.assertions.finding import VACUOUS, Finding, missing
from tracedesk.assertions.selectors import SELECTOR, Selector
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.trace import Kind, Span
from tracedesk.model.verdict import Caution
from tracedesk.query.names import FULLY, NO, NameTest
from tracedesk.query.problems import Place, Report

WITHIN_FIELD: Final = Field("within", SELECTOR, "only calls below a selected span")


class Scope(msgspec.Struct, frozen=True):
    """The calls of a kind, in the order they happened, and names resolved over them."""

    calls: Sequence[Call]
    timed: bool
    """Whether times told the order."""
    kind: str
    whole: bool
    """True when the scope is all calls of its kind."""

    def resolve(self, test: NameTest, index: TraceIndex) -> Resolution:
        """The calls that a name means, in body order, whatever their status."""
        if self.whole:
            return index.resolve(test, self.kind)
        return index.resolve_in(test, self.calls)

    def kept(self, call_status: str) -> Sequence[Call]:
        """The calls that stay on the list under ``call_status``."""
        if call_status == "any":
            return self.calls
        return [call for call in self.calls if status_fits(call_status, call)]

    def labels(self, calls: Sequence[Call], index: TraceIndex) -> list[str]:
        """Labels of the calls that were kept; the list may be shared, not to change."""
        if self.whole and calls is self.calls:
            return index.labels_of_kind(self.kind)
        return [call.label for call in calls]

    def cautions(self) -> tuple[Caution, ...]:
        """The caution on a verdict that depends on an order which no times told."""
        if self.timed or len(self.calls) < 2:
            return ()
        return (Caution("order_from_arrival", "not every call has a start time"),)


def scope_of(index: TraceIndex, kind: str, within: Selector | None, stage: str) -> Scope | Finding:
    """The calls of a kind, limited by ``within``; missing when that selects no span."""
    if within is None:
        return Scope(*index.ordered_kind(kind), kind, True)
    selection = within.select(index)
    if not selection.rows:
        reason = f"'within' selects no span: {selection.elimination}"
        return missing(reason, "nothing_selected", VACUOUS, stage=stage)
    calls = within.calls_below(index, index.of_kind(kind))
    return Scope(*index.ordered(calls), kind, False)


def read_names(
    names: Iterable[str], mode: str, place: Place, report: Report
) -> tuple[NameTest, ...]:
    """Names ready for matching; bad patterns are reported and left out."""
    tests = (name_test(name, mode, (*place, i), report) for i, name in enumerate(names))
    return tuple(test for test in tests if test is not None)


def named(tests: Iterable[NameTest], scope: Scope, index: TraceIndex) -> set[str]:
    """Ids of the calls that some of the names mean, each name resolved for itself."""
    return {call.id for test in tests for call in scope.resolve(test, index).calls}


def named_spans(tests: Iterable[NameTest], spans: Sequence[Span], index: TraceIndex) -> set[str]:
    """As ``named``, over spans."""
    found: set[str] = set()
    for test in tests:
        known: dict[tuple[bool, str, tuple[str, ...]], int] = {}
        degrees = []
        for span in spans:
            tool = span.kind is Kind.TOOL
            key = (tool, span.label, span.aliases)
            degree = known.get(key)
            if degree is None:
                names = (span.label, *span.aliases)
                degree = test.test(names, tool, index.settings.regex_timeout_s)
                known[key] = degree
            degrees.append(degree)
        wanted = FULLY if FULLY in degrees else max(degrees, default=NO)
        if wanted != NO:
            found.update(
                span.span_id for span, d in zip(spans, degrees, strict=True) if d == wanted
            )
    return found

"""Which calls a rule looks at: by kind, below selected spans, by name on lists of spans."""

from collections.abc import Iterable, Sequence
from typing import Final

from tracedesk.assertions.call_spec import name_test
from tracedesk.assertions.fields import Field
from tracedesk.assertions.finding import VACUOUS, Finding, missing
from tracedesk.assertions.selectors import SELECTOR, Selector
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.trace import Kind, Span
from tracedesk.query.names import FULLY, NO, NameTest
from tracedesk.query.problems import Place, Report

WITHIN_FIELD: Final = Field("within", SELECTOR, "only calls below a selected span")


def calls_in_scope(
    index: TraceIndex, kind: str, within: Selector | None, stage: str
) -> Sequence[Call] | Finding:
    """The calls of a kind, limited by ``within``; missing when that selects no span."""
    if within is None:
        return index.of_kind(kind)
    selection = within.select(index)
    if not selection.rows:
        reason = f"'within' selects no span: {selection.elimination}"
        return missing(reason, "nothing_selected", VACUOUS, stage=stage)
    return within.calls_below(index, index.of_kind(kind))


def read_names(
    names: Iterable[str], mode: str, place: Place, report: Report
) -> tuple[NameTest, ...]:
    """Names ready for matching; bad patterns are reported and left out."""
    tests = (name_test(name, mode, (*place, i), report) for i, name in enumerate(names))
    return tuple(test for test in tests if test is not None)


def named(tests: Iterable[NameTest], calls: Sequence[Call], index: TraceIndex) -> set[str]:
    """Ids of the calls that some of the names mean, each name resolved for itself."""
    return {call.id for test in tests for call in index.resolve_in(test, calls).calls}


def named_spans(tests: Iterable[NameTest], spans: Sequence[Span], index: TraceIndex) -> set[str]:
    """As ``named``, over spans."""
    found: set[str] = set()
    for test in tests:
        degrees = [
            test.test(
                (span.label, *span.aliases),
                span.kind is Kind.TOOL,
                index.settings.regex_timeout_s,
            )
            for span in spans
        ]
        wanted = FULLY if FULLY in degrees else max(degrees, default=NO)
        if wanted != NO:
            found.update(
                span.span_id for span, d in zip(spans, degrees, strict=True) if d == wanted
            )
    return found

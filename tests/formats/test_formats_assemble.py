"""Stored parts become one trace again: OTLP merges, everything else replaces (spec 9, C15)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.formats.assemble import Part, assemble, merge, merge_spans
from tracedesk.model.trace import Event, Format, Resource, Span, Status, Trace
from tracedesk.testing import make_span

TRACE = "5b8efff798038103d269b633813fc60c"


def part(*resources: list[dict[str, Any]], use: tuple[int, ...] | None = None) -> Part:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]} for spans in resources]}
    return Part(content_type="application/json", body=json.dumps(body).encode(), resources=use)


def wire(span_id: str, **fields: Any) -> dict[str, Any]:
    return {"traceId": TRACE, "spanId": span_id * 16, "name": "x", **fields}


def test_the_last_part_of_a_canonical_trace_replaces_the_others() -> None:
    parts = [
        Part(content_type="", body=b'{"spans":[{"span_id":"%s","name":"x"}]}' % name)
        for name in (b"one", b"two")
    ]

    assert [span.span_id for span in assemble(parts).spans] == ["two"]


def test_parts_of_one_trace_are_merged_in_arrival_order() -> None:
    trace = assemble(
        [part([wire("1", parentSpanId="2" * 16)]), part([wire("2", name="Root")])], trace_id=TRACE
    )

    assert [span.name for span in trace.spans] == ["x", "Root"]
    assert trace.warnings == []
    assert (trace.format, trace.trace_id) == (Format.OTLP, TRACE)


def test_only_the_resources_and_the_trace_asked_for_are_used() -> None:
    other = {**wire("3"), "traceId": "ab" * 16}
    trace = assemble([part([wire("1"), other], [wire("2")], use=(0,))], trace_id=TRACE)

    assert [span.span_id for span in trace.spans] == ["1" * 16]


def test_a_missing_parent_is_told_only_when_no_part_has_it() -> None:
    trace = assemble([part([wire("1", parentSpanId="9" * 16)])], trace_id=TRACE)

    assert [(w.code, w.span) for w in trace.warnings] == [("orphan_parent", "1" * 16)]


def test_a_resent_part_changes_nothing() -> None:
    once = part([wire("1", events=[{"name": "exception"}])])
    first, again = assemble([once], trace_id=TRACE), assemble([once, once], trace_id=TRACE)

    assert [(s.span_id, s.events, s.exception) for s in first.spans] == [
        (s.span_id, s.events, s.exception) for s in again.spans
    ]


def test_no_part_at_all_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        assemble([])


def test_later_fields_win_and_known_ones_stay() -> None:
    started = make_span(
        "s", "early", "p", attributes={"a": 1, "b": 1}, start_ms=0, end_ms=9, status=Status.ERROR
    )
    ended = make_span("s", "late", attributes={"b": 2, "gen_ai.tool.name": "t"}, message="m")
    merged = merge_spans(started, ended)

    assert (merged.name, merged.parent_id, merged.end_ns) == ("late", "p", started.end_ns)
    assert (merged.status, merged.status_message) == (Status.ERROR, "m")
    assert merged.attributes == {"a": 1, "b": 2, "gen_ai.tool.name": "t"}
    assert merged.aliases == ("t",)


def test_resources_are_united_and_spans_point_to_their_own() -> None:
    one = Trace(
        format=Format.OTLP, spans=[make_span("a")], resources=[Resource({"service.name": "x"})]
    )
    two = Trace(
        format=Format.OTLP, spans=[make_span("b")], resources=[Resource({"service.name": "y"})]
    )
    merged = merge([one, two, one])

    assert [r.service for r in merged.resources] == ["x", "y"]
    assert [(s.span_id, s.resource) for s in merged.spans] == [("a", 0), ("b", 1)]
    assert two.spans[0].resource == 0


names = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def parts(draw: st.DrawFn) -> list[Span]:
    """Reports of one span that say disjoint things: each attribute in one of them only."""
    attributes = draw(st.dictionaries(names, st.integers(), max_size=4))
    timed, failed, spoke = (draw(st.integers(0, 3)) for _ in range(3))
    return [
        make_span(
            "s",
            "span",
            attributes={k: v for k, v in attributes.items() if ord(k) % 4 == number},
            start_ms=1.0 if number == timed else None,
            end_ms=2.0 if number == timed else None,
            status=Status.ERROR if number == failed else Status.UNSET,
            events=[Event("exception")] if number == spoke else [],
        )
        for number in range(4)
    ]


@given(parts(), st.permutations(range(4)))
def test_reports_that_do_not_overlap_merge_alike_in_any_order(
    reports: list[Span], order: list[int]
) -> None:
    def merged(spans: list[Span]) -> tuple[Any, ...]:
        trace = merge([Trace(format=Format.OTLP, spans=[span]) for span in spans])
        (span,) = trace.spans
        return (
            dict(sorted(span.attributes.items())),
            span.start_ns,
            span.end_ns,
            span.status,
            span.exception,
            [e.name for e in span.events],
        )

    assert merged([reports[i] for i in order]) == merged(reports)

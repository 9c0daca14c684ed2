"""The span index as columns, and spans made of them one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.store import Incoming, Receipt, Store, sketched
from tracedesk.store.sketched import SketchedSpans, body_order
from tracedesk.testing import make_span, make_tool, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def test_columns_are_in_body_order_and_tell_what_the_rows_tell(
    store: Store, incoming: Make, keep: Keep
) -> None:
    trace = make_trace(
        make_span("z", 'Agent "Ünï" \x1b[31m', start_ms=0, end_ms=9, kind=Kind.AGENT),
        make_tool("m", "book", "z", status=Status.ERROR),
        make_span("a", "untimed", "elsewhere", start_ms=None, end_ms=None),
    )
    (receipt,) = keep(incoming(trace))
    rows, columns = store.spans(receipt.id), store.span_columns(receipt.id)
    assert list(map(columns.span_id, range(3))) == ["z", "m", "a"], "not in the order of their ids"
    assert list(map(columns.parent_id, range(3))) == [None, "z", "elsewhere"]
    assert columns.names == [row.name for row in rows]
    assert columns.starts[2] is None
    sketched = SketchedSpans(columns)
    assert [(s.span_id, s.parent_id, s.name, s.start_ns, s.end_ns) for s in sketched] == [
        (r.span_id, r.parent_id, r.name, r.start_ns, r.end_ns) for r in rows
    ]
    assert [s.status for s in sketched] == [Status.UNSET, Status.ERROR, Status.UNSET]
    assert [s.kind for s in sketched] == [Kind.AGENT, Kind.TOOL, trace.spans[2].kind]
    assert [s.span_id for s in sketched[1:]] == ["m", "a"]
    assert sketched[0].label == sketched[0].name
    assert sketched[1].attributes == {}


def test_a_trace_that_is_not_there_has_no_columns(store: Store) -> None:
    columns = store.span_columns("00000000-0000-4000-8000-000000000001")
    assert len(SketchedSpans(columns)) == 0


@given(st.lists(st.integers(0, 20), unique=True))
def test_places_and_ranks_put_spans_into_body_order_and_back(positions: list[int]) -> None:
    places, ranks = body_order(positions)
    assert [positions[at] for at in places] == sorted(positions)
    assert [places[rank] for rank in ranks] == list(range(len(positions)))


def test_a_trace_that_grows_between_the_two_reads_is_read_again(
    store: Store, otlp: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    (receipt,) = keep(otlp(make_span("b", "first", start_ms=0)))
    query = store.query

    def growing(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if statement == sketched.SELECT_FACTS:
            keep(otlp(make_span("a", "then", "b", start_ms=1)))
        return query(statement, parameters)

    while_it_is_read = store.query(sketched.SELECT_LINKS, (receipt.number, receipt.id))
    monkeypatch.setattr(
        store,
        "query",
        lambda statement, parameters=(): (
            while_it_is_read
            if statement == sketched.SELECT_LINKS
            else growing(statement, parameters)
        ),
    )
    columns = store.span_columns(receipt.id)
    assert [(s.span_id, s.name) for s in SketchedSpans(columns)] == [("b", "first"), ("a", "then")]
    assert columns.parents == [-1, 0]

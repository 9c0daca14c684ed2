"""Folding, searching and jumping, against a naive model that walks the whole tree."""

import pytest
from fake_desk import booking_trace, tree_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.model.trace import Status
from tracedesk.model.tree import ROOT
from tracedesk.testing import make_span, make_tool, make_trace
from tracedesk.tui.view_models.span_tree import SpanRows


def rows_of(trace):
    return SpanRows(tree_of(trace), trace.spans)


def rows_from_parents(parents):
    """Rows of a tree given by each span's parent index, which is below its own, or None."""
    spans = [
        make_span(str(i), parent=None if parent is None else str(parent))
        for i, parent in enumerate(parents)
    ]
    return rows_of(make_trace(*spans))


def naive_visible(rows, kept):
    """Rows with no folded ancestor that belong to the kept ones."""
    return [
        row
        for row in range(len(rows.tree))
        if row in kept and not any(rows.folded[above] for above in rows.tree.ancestors(row))
    ]


@st.composite
def trees(draw):
    count = draw(st.integers(1, 30))
    return [draw(st.none() | st.integers(0, i - 1)) if i else None for i in range(count)]


@settings(max_examples=200)
@given(trees(), st.lists(st.tuples(st.sampled_from("fuatsc"), st.integers(0, 29)), max_size=25))
def test_visible_rows_are_those_of_the_naive_model(parents, steps):
    rows = rows_from_parents(parents)
    everything = set(range(len(parents)))
    kept = everything
    for step, number in steps:
        row = number % len(parents)
        if step == "f":
            rows.fold(row)
        elif step == "u":
            rows.unfold(row)
        elif step == "a":
            rows.fold_all() if number % 2 else rows.unfold_all()
        elif step == "t":
            rows.toggle(row)
        elif step == "s":
            hits = {row, (row * 7) % len(parents)}
            rows.keep(hits)
            kept = hits | {above for hit in hits for above in rows.tree.ancestors(hit)}
        else:
            rows.clear_search()
            kept = everything
        assert list(rows.visible) == naive_visible(rows, kept)


@given(trees(), st.integers(0, 29), st.lists(st.integers(0, 29), max_size=8))
def test_a_revealed_row_is_visible(parents, row, folds):
    rows = rows_from_parents(parents)
    for fold in folds:
        rows.fold(fold % len(parents))
    rows.reveal(row % len(parents))
    assert rows.is_visible(row % len(parents))


@given(trees(), st.lists(st.integers(0, 29), max_size=8))
def test_the_line_of_a_hidden_row_is_the_fold_that_hides_it(parents, folds):
    rows = rows_from_parents(parents)
    for fold in folds:
        rows.fold(fold % len(parents))
    for row in range(len(parents)):
        shown = rows.visible[rows.line_of(row)]
        assert shown == row or shown in rows.tree.ancestors(row)


def test_a_chain_as_deep_as_it_gets_folds_without_recursion():
    depth = 20_000
    rows = rows_from_parents([None, *range(depth - 1)])
    assert rows.fold(0)
    assert list(rows.visible) == [0]
    rows.reveal(depth - 1)
    assert len(rows) == depth


def test_folding_a_leaf_does_nothing():
    rows = rows_from_parents([None, 0])
    assert not rows.fold(1)
    assert not rows.unfold(1)


def test_errors_are_counted_below_a_row_and_not_at_it():
    trace = make_trace(
        make_span("a", status=Status.ERROR),
        make_span("b", parent="a", status=Status.ERROR),
        make_span("c", parent="b", status=Status.ERROR),
        make_span("d"),
    )
    rows = rows_of(trace)
    assert [rows.errors_below(row) for row in range(4)] == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("what", "start", "expected"),
    [
        ("error", "root", ["search", "search"]),
        ("tool", "root", ["search", "book", "search"]),
        ("model", "plan", ["answer", "plan"]),
    ],
)
def test_jumps_go_forward_and_round(what, start, expected):
    rows = rows_of(booking_trace())
    row, found = rows.row_of(start), []
    for _ in expected:
        row = rows.next_of(what, row, 1)
        found.append(rows.span(row).span_id)
    assert found == expected


def test_jumps_go_backward():
    rows = rows_of(booking_trace())
    row = rows.next_of("tool", rows.row_of("root"), -1)
    assert rows.span(row).span_id == "book"


def test_a_jump_to_what_there_is_none_of_goes_nowhere():
    rows = rows_of(make_trace(make_span("a")))
    assert rows.next_of("error", 0, 1) is None
    assert rows.next_of("failure", 0, 1) is None


def test_the_axis_spans_what_is_timed_and_is_absent_otherwise():
    timed = make_trace(make_span("a", start_ms=5, end_ms=9), make_tool("b", "t"))
    assert rows_of(timed).axis.length_ns == 4_000_000
    assert rows_of(make_trace(make_span("a"))).axis is None


def test_an_empty_tree_has_no_rows():
    rows = rows_of(make_trace())
    assert len(rows) == 0
    assert rows.row_of("x") is None


def test_parents():
    rows = rows_from_parents([None, 0, 1])
    assert rows.parent_of(2) == 1
    assert rows.parent_of(0) is None
    assert ROOT == -1


def test_an_id_that_came_twice_leads_to_its_last_row():
    spans = [
        make_span("r"),
        make_span("x", "late", "r", start_ms=9, end_ms=10),
        make_span("x", "early", "r", start_ms=1, end_ms=2),
        make_span("y", "after", "r", start_ms=20, end_ms=30),
    ]
    rows = rows_of(make_trace(*spans))
    assert rows.span(rows.row_of("x")).name == "late"
    assert [rows.row_of(span_id) for span_id in "ry"] == [0, 3]
    assert rows.row_of("z") is None

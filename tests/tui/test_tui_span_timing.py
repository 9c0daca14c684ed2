"""How a span's times stand to its parent's, and how a row says it."""

import pytest
from fake_desk import tree_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.marks import Marks
from tracedesk.tui.view_models.span_line import TimeColumn, columns_for, span_line
from tracedesk.tui.view_models.span_tree import SpanRows


def rows_of(*spans):
    trace = make_trace(*spans)
    return SpanRows(tree_of(trace), trace.spans)


def child(start, end, width=110):
    """The pieces of a child of a span from 100 to 1,100 ms."""
    rows = rows_of(
        make_span("r", start_ms=100, end_ms=1_100),
        make_span("c", "child", "r", start_ms=start, end_ms=end),
        make_span("end", start_ms=0, end_ms=2_000),
    )
    return span_line(rows, rows.row_of("c"), columns_for(width), Marks(), TimeColumn.DURATION)


def text(pieces):
    return "".join(piece.text for piece in pieces)


def test_a_child_that_starts_before_its_parent_is_flagged():
    line = text(child(65, 500))
    assert "± child  starts 35ms before its parent" in line


def test_a_span_that_ends_before_it_starts_is_flagged_with_its_negative_duration():
    line = text(child(500, 300))
    assert "± child  ends 200ms before it starts" in line
    assert "-200ms" in line


def test_a_child_that_outlives_its_parent_is_drawn_so_and_not_flagged():
    pieces = child(500, 1_900)
    assert "─  child  outlives its parent by 800ms" in text(pieces)
    late = next(piece for piece in pieces if piece.role == "bar-late")
    assert set(late.text) <= set("░▏▎▍▌▋▊▉")


def test_a_child_that_starts_after_its_parent_ended_says_so():
    assert "child  starts 400ms after its parent ended" in text(child(1_500, 1_600))


@pytest.mark.parametrize(("start", "end"), [(100, 1_100), (99.5, 1_100.5), (400, None)])
def test_within_a_millisecond_nothing_is_said(start, end):
    line = text(child(start, end))
    assert "─  child  " in line
    assert "parent" not in line


def test_a_narrow_row_says_it_shortly():
    assert "child skew" in text(child(65, 500, width=50))


@pytest.mark.parametrize(
    ("end", "role"), [(590, "dim"), (600, "warm"), (840, "warm"), (850, "hot"), (1_100, "hot")]
)
def test_a_duration_is_yellow_from_half_and_red_from_three_quarters_of_its_parent(end, role):
    pieces = child(100, end)
    assert next(p.role for p in pieces if p.text.strip().endswith(("ms", "1.0s"))) == role


def test_a_skipped_span_is_dim_and_struck():
    rows = rows_of(make_span("a", "not run", status=Status.SKIPPED, start_ms=0, end_ms=1))
    pieces = span_line(rows, 0, columns_for(78), Marks(), TimeColumn.DURATION)
    assert next(p.role for p in pieces if p.text == "not run") == "skipped"
    assert {p.role for p in pieces if p.role.startswith("bar")} == {"bar-faint"}


TIMES = st.none() | st.integers(-(10**3), 10**5) | st.sampled_from([-(2**70), 2**70, 0])


@st.composite
def wild_traces(draw):
    """Spans with any parent, cycles and orphans among them, and any times."""
    count = draw(st.integers(1, 25))
    return [
        make_span(
            str(draw(st.integers(0, count))),
            draw(st.sampled_from(["get", "get", "get", "日本語の長い名前", "", "a" * 300])),
            draw(st.none() | st.integers(0, count + 1).map(str)),
            start_ms=draw(TIMES),
            end_ms=draw(TIMES),
            status=draw(st.sampled_from(list(Status))),
            kind=draw(st.sampled_from(list(Kind))),
        )
        for _ in range(count)
    ]


@settings(max_examples=80, deadline=None)
@given(
    wild_traces(), st.integers(20, 200), st.booleans(), st.sampled_from(list(TimeColumn)),
    st.integers(0, 5), st.lists(st.integers(0, 24), max_size=4),
)  # fmt: skip
def test_no_trace_breaks_a_line_nor_leaves_its_width(spans, width, compact, mode, zooms, toggled):
    rows = rows_of(*spans)
    for row in toggled:
        rows.toggle(row % len(spans))
    rows.time.path = rows.time.find_path(len(spans) - 1)
    for _ in range(zooms):
        if rows.time.window is not None:
            rows.time.window.scale(rows.time.middle(0) or 0, 2)
    columns = columns_for(width, compact=compact)
    for row in rows.visible:
        assert cells(text(span_line(rows, row, columns, Marks(), mode))) == width
    if rows.time.shown is not None and columns.bar:
        assert cells(rows.time.shown.ticks(columns.bar)) == columns.bar
        assert cells(text(rows.time.minimap(columns.bar))) == columns.bar


def test_a_chain_as_deep_as_it_gets_is_painted():
    spans = [make_span("0", start_ms=0, end_ms=10)]
    spans += [make_span(str(i), parent=str(i - 1), start_ms=0, end_ms=10) for i in range(1, 10_000)]
    rows = rows_of(*spans)
    line = text(span_line(rows, 9_999, columns_for(78), Marks(), TimeColumn.DURATION))
    assert line.startswith("⋯9999 ")
    assert cells(line) == 78

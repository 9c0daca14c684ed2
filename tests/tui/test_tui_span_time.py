"""The stretch of time on screen: idle gaps, zoom, panning, the minimap."""

from itertools import groupby

import pytest
from fake_desk import booking_trace, tree_of
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.testing import T0_NS, make_span, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.activity import Activity
from tracedesk.tui.view_models.marks import Marks
from tracedesk.tui.view_models.span_line import TimeColumn, columns_for, span_line
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.time_axis import Axis, Gap, stretches, tick_label
from tracedesk.tui.view_models.window import TimeWindow

S, MS = 1_000_000_000, 1_000_000


def rows_of(*spans):
    trace = make_trace(*spans)
    return SpanRows(tree_of(trace), trace.spans)


def gaps_of(rows):
    return [
        ((gap.start_ns - T0_NS) / MS, (gap.end_ns - T0_NS) / MS) for gap in rows.time.window.idle
    ]


def waiting(**options):
    """An agent that works two seconds, waits forty, and works ten."""
    return [
        make_span("r", "agent", start_ms=0, end_ms=52_000, kind=Kind.AGENT),
        make_span("a", "plan", "r", start_ms=0, end_ms=2_000, kind=Kind.MODEL),
        make_span("b", "answer", "r", start_ms=42_000, end_ms=52_000, kind=Kind.MODEL, **options),
    ]


# -- idle gaps ---------------------------------------------------------------------------


def test_time_in_which_only_roots_and_agents_run_is_idle():
    assert gaps_of(rows_of(*waiting())) == [(2_000, 42_000)]


def test_time_that_any_other_span_claims_is_not():
    busy = make_span("w", "wait for approval", "r", start_ms=1_000, end_ms=43_000)
    inner = make_span("i", "poll", "w", start_ms=1_000, end_ms=1_100)
    assert gaps_of(rows_of(*waiting(), busy, inner)) == []


def test_a_root_alone_is_work():
    assert gaps_of(rows_of(make_span("r", start_ms=0, end_ms=5_000))) == []


def test_time_before_the_first_and_after_the_last_call_is_idle_too():
    rows = rows_of(
        make_span("r", start_ms=0, end_ms=1_000),
        make_span("a", parent="r", start_ms=300, end_ms=600),
    )
    assert gaps_of(rows) == [(0, 300), (600, 1_000)]


def test_a_gap_of_a_twentieth_of_the_trace_is_drawn():
    at_most = [make_span("a", start_ms=0, end_ms=95), make_span("b", start_ms=100, end_ms=100)]
    more = [make_span("a", start_ms=0, end_ms=94), make_span("b", start_ms=100, end_ms=100)]
    assert gaps_of(rows_of(*at_most)) == []
    assert gaps_of(rows_of(*more)) == [(94, 100)]


def test_a_running_span_leaves_nothing_idle_after_it_began():
    assert gaps_of(rows_of(*waiting(), make_span("s", "stream", "r", start_ms=2_000))) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), min_size=1, max_size=20))
def test_gaps_are_where_no_span_is(drawn):
    starts = [start for start, _ in drawn]
    ends = [start + length for start, length in drawn]
    whole = Axis(0, 61)
    gaps = Activity(starts, ends).gaps(whole, share=0)
    idle = {m for gap in gaps for m in range(gap.start_ns, gap.end_ns)}
    busy = {m for start, end in zip(starts, ends, strict=True) for m in range(start, end)}
    assert idle == set(range(61)) - busy


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), min_size=1, max_size=20),
    st.sampled_from([0.05, 0.11, 0.3]),
)
def test_only_gaps_longer_than_their_share_are_found(drawn, share):
    starts = [start for start, _ in drawn]
    ends = [start + length for start, length in drawn]
    busy = {
        m
        for start, end in zip(starts, ends, strict=True)
        for m in range(start, max(end, start + 1))
    }
    idle = [m for m in range(110) if m not in busy]
    runs = [
        [m for _, m in run] for _, run in groupby(enumerate(idle), lambda pair: pair[1] - pair[0])
    ]
    expected = [Gap(run[0], run[-1] + 1) for run in runs if len(run) > 110 * share]
    assert list(Activity(starts, ends).gaps(Axis(0, 110), share)) == expected


def test_what_is_shown_in_a_hurry_learns_of_gaps_and_heights_later():
    trace = make_trace(*waiting(status=Status.ERROR))
    rows = SpanRows(tree_of(trace), trace.spans)
    hurried = SpanRows(tree_of(trace), trace.spans, hurried=True)
    assert hurried.time.window.idle == ()
    assert minimap(hurried, 26) == " " * 25 + "✖"
    hurried.time.take(hurried.time.look_through())
    assert hurried.time.window.shown == rows.time.window.shown
    assert minimap(hurried, 26) == minimap(rows, 26) != " " * 25 + "✖"


# -- the ruler and bars over folded gaps -------------------------------------------------

FOLDED = Axis(0, 60 * S, (Gap(5 * S, 46 * S),))


def test_the_ruler_says_what_a_fold_hides_and_goes_on_with_the_true_time():
    assert FOLDED.ticks(40) == "0       ⋯41s⋯      50s        55s       "


@pytest.mark.parametrize(
    ("start", "end", "drawn"),
    [
        (0, 60, "████████████████████"),
        (0, 5, "█████"),
        (46, 60, "      ██████████████"),
        (20, 30, "     ╎"),
        (4, 47, "    ███"),
    ],
)
def test_bars_over_a_fold(start, end, drawn):
    bar = FOLDED.bar(start * S, end * S, 20)
    assert " " * bar.offset + bar.glyphs == drawn


def test_a_row_too_narrow_for_its_gaps_folds_the_longest():
    axis = Axis(0, 100, (Gap(10, 20), Gap(30, 60), Gap(70, 80)))
    assert [len(stretches(axis, width)) - 1 for width in (7, 8, 16, 80)] == [0, 1, 2, 3]
    assert stretches(axis, 8)[0].end_ns == 30


@st.composite
def axes(draw):
    """An axis with some gaps, anywhere in time."""
    moments = sorted(draw(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=12)))
    first, *inner, last = moments
    gaps = [Gap(a, b) for a, b in zip(inner[::2], inner[1::2], strict=False) if a < b]
    return Axis(first, last, tuple(gaps), first)


@given(axes(), st.integers(1, 120), st.lists(st.integers(-(10**12), 10**12), max_size=8))
def test_moments_keep_their_order_whatever_is_folded(axis, width, moments):
    places = [axis.at(moment, width) for moment in sorted(moments)]
    assert places == sorted(places)
    assert all(0 <= place <= width for place in places)
    assert cells(axis.ticks(width)) == width
    cut = stretches(axis, width)
    assert cut[0].first == 0
    assert cut[-1].last == width
    assert all(part.first < part.last for part in cut)


def test_ticks_are_as_exact_as_their_step():
    assert [tick_label(ns, 10 * MS) for ns in (0, 980 * MS, 12 * S, 12_050 * MS)] == [
        "0", "980ms", "12s", "12.05s",
    ]  # fmt: skip
    assert tick_label(90 * S, 30 * S) == "1m30s" or tick_label(90 * S, 30 * S) == "90s"


# -- zoom and pan ------------------------------------------------------------------------


def shown(window):
    return window.shown.start_ns, window.shown.end_ns


def test_zooming_halves_the_time_around_a_moment():
    window = TimeWindow(Axis(0, 8_000_000))
    assert window.scale(4_000_000, 2)
    assert shown(window) == (2_000_000, 6_000_000)
    assert window.zoom == 2
    assert window.scale(4_000_000, 0.5)
    assert not window.zoomed


def test_zooming_at_an_edge_stays_in_the_trace():
    window = TimeWindow(Axis(0, 8_000_000))
    window.scale(0, 2)
    assert shown(window) == (0, 4_000_000)


def test_zooming_ends_at_a_microsecond_and_at_the_whole():
    window = TimeWindow(Axis(0, 8_000))
    for _ in range(3):
        assert window.scale(4_000, 2)
    assert not window.scale(4_000, 2)
    window.reset()
    assert not window.scale(4_000, 0.5)


def test_panning_moves_and_stops_at_the_ends():
    window = TimeWindow(Axis(0, 8_000_000))
    window.scale(0, 2)
    assert window.pan(0.25)
    assert shown(window) == (1_000_000, 5_000_000)
    for _ in range(4):
        window.pan(0.25)
    assert shown(window) == (4_000_000, 8_000_000)
    assert not window.pan(0.25)


def test_a_folded_gap_is_not_zoomed_into():
    window = TimeWindow(Axis(0, 100 * S), (Gap(10 * S, 90 * S),))
    window.scale(95 * S, 2)
    assert shown(window) == (90 * S, 100 * S)
    window.toggle_idle()
    window.reset()
    window.scale(95 * S, 2)
    assert shown(window) == (50 * S, 100 * S)


@given(st.lists(st.sampled_from(["in", "out", "left", "right", "idle", "reset"]), max_size=30))
def test_the_window_never_leaves_the_trace(steps):
    window = TimeWindow(Axis(0, 100 * S), (Gap(10 * S, 60 * S), Gap(70 * S, 90 * S)))
    for step in steps:
        {
            "in": lambda: window.scale(63 * S, 2),
            "out": lambda: window.scale(5 * S, 0.5),
            "left": lambda: window.pan(-0.25),
            "right": lambda: window.pan(0.25),
            "idle": window.toggle_idle,
            "reset": window.reset,
        }[step]()
        start, end = shown(window)
        assert 0 <= start < end <= 100 * S
        assert window.zoom >= 0.99


def test_what_lies_beside_the_window_says_on_which_side():
    axis = Axis(4 * S, 6 * S)
    assert axis.bar(0, 3 * S, 10).glyphs == "‹"
    assert axis.bar(7 * S, 8 * S, 10).glyphs == "›"
    assert axis.bar(7 * S, None, 10).glyphs == "›"


# -- the minimap -------------------------------------------------------------------------


def minimap(rows, width=24):
    return "".join(piece.text for piece in rows.time.minimap(width))


def test_the_minimap_is_as_high_as_what_runs():
    spans = [make_span("r", start_ms=0, end_ms=400)]
    spans += [make_span(f"a{n}", parent="r", start_ms=0, end_ms=99) for n in range(8)]
    spans += [make_span("b", parent="r", start_ms=100, end_ms=199)]
    spans += [make_span(f"c{n}", parent="r", start_ms=200, end_ms=400) for n in range(4)]
    rows = rows_of(*spans)
    assert minimap(rows, 4) == "█▁▄▄"


def test_errors_and_failures_are_seen_in_it():
    rows = rows_of(*waiting(status=Status.ERROR))
    rows.time.window.toggle_idle()
    assert minimap(rows, 26) == "█" + " " * 20 + "████✖"
    rows.set_failures([1])
    assert minimap(rows, 26) == "█✗" + " " * 19 + "████✖"


def test_the_part_on_screen_is_bracketed():
    rows = rows_of(*[make_span(str(n), start_ms=n, end_ms=n + 1) for n in range(100)])
    rows.time.window.scale(T0_NS + 50 * MS, 4)
    drawn = minimap(rows, 20)
    assert (drawn.index("["), drawn.index("]")) == (7, 12)


@given(st.integers(0, 120), st.integers(0, 12), st.booleans())
def test_the_minimap_fills_its_width(width, zooms, folds):
    rows = rows_of(*booking_trace().spans)
    window = rows.time.window
    for _ in range(zooms):
        window.scale(T0_NS + 8 * S, 2)
    if folds:
        window.toggle_idle()
    assert cells(minimap(rows, width)) == width


def test_a_trace_without_times_has_a_blank_one():
    assert minimap(rows_of(make_span("a")), 5) == "     "


# -- rows over a changed axis ------------------------------------------------------------


def bars(rows, width=78):
    columns = columns_for(width, compact=True)
    lines = (
        "".join(p.text for p in span_line(rows, row, columns, Marks(), TimeColumn.DURATION))
        for row in rows.visible
    )
    return [line[line.index("┃") - 1 : line.rindex("┃") + 1] for line in lines]


def test_a_folded_gap_is_one_column_through_all_rows():
    assert bars(rows_of(*waiting())) == [" ┃█⋯██████┃", " ┃█⋯      ┃", " ┃ ⋯██████┃"]


def test_spans_on_the_critical_path_are_marked():
    rows = rows_of(*waiting(), make_span("x", "aside", "r", start_ms=0, end_ms=10))
    rows.time.path = rows.time.find_path(0)
    assert [bar[0] for bar in bars(rows)] == ["◆", "◆", " ", "◆"]


def test_a_folded_run_is_marked_when_one_of_it_is_on_the_path():
    spans = [make_span("r", start_ms=0, end_ms=100)]
    spans += [make_span(str(n), "get", "r", start_ms=n, end_ms=40 + n * 9) for n in range(3)]
    rows = rows_of(*spans)
    rows.time.path = rows.time.find_path(0)
    assert [bar[0] for bar in bars(rows)] == ["◆", "◆"]
    assert rows.time.told()[0] == "◆ 2 spans 56ms of 100ms"

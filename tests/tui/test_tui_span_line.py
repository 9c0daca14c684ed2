"""What one line of the tree says, told as text."""

import msgspec
import pytest
from fake_desk import booking_trace, booking_verdicts, passing_case, tree_of
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.model.trace import Kind, Status
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.marks import Counts, Marks
from tracedesk.tui.view_models.span_line import (
    TimeColumn,
    columns_for,
    gutter,
    self_time_ns,
    span_line,
)
from tracedesk.tui.view_models.span_tree import SpanRows


def rows_of(trace):
    return SpanRows(tree_of(trace), trace.spans)


def drawn(rows, width=78, marks=None, mode=TimeColumn.DURATION, compact=True):
    columns = columns_for(width, compact=compact)
    return [
        "".join(p.text for p in span_line(rows, row, columns, marks or Marks(), mode)).rstrip()
        for row in rows.visible
    ]


def test_the_booking_trace_on_a_small_screen():
    rows = rows_of(booking_trace())
    marks = Marks((booking_verdicts(), passing_case()), rows.row_of)
    assert drawn(rows, marks=marks) == [
        "▾  A Booking agent                                    12.4s ┃████████┃ ✗1 ?1",
        "├─  M plan                          gpt-4o             1.9s ┃█▎      ┃",
        "├▾✖ T search_flights                                   6.0s ┃ ████▏  ┃",
        "│ ├▸▓ http GET ×3  max 380ms                          Σ1.1s ┃ ▓      ┃",
        "│ └─  parse                                             3ms ┃     ╎  ┃",
        "├─  cache_lookup skipped                               10ms ┃     ╎  ┃",
        "├─  T create_booking                                  210ms ┃     ▎  ┃ ✗1",
        "└─  M answer                        gpt-4o             4.4s ┃     ███┃ ✓2",
        " ◌ cleanup  orphan (parent 3fa9… not received)        400ms ┃      ▏ ┃",
    ]


def lines_with(rows, **options):
    return "\n".join(drawn(rows, **options))


def test_what_a_span_says_stands_left_and_what_we_say_stands_right():
    rows = rows_of(booking_trace())
    shown = drawn(rows, marks=Marks((booking_verdicts(), passing_case()), rows.row_of))
    search = next(line for line in shown if "search_flights" in line)
    booking = next(line for line in shown if "create_booking" in line)
    assert search.index("✖") < search.index("search_flights")
    assert booking.index("create_booking") < booking.index("┃") < booking.index("✗1")
    assert shown[0].endswith("✗1 ?1")  # the root stands for the whole trace


def test_a_folded_row_tells_what_it_hides():
    rows = rows_of(booking_trace())
    marks = Marks((booking_verdicts(), passing_case()), rows.row_of)
    rows.fold(0)
    root = drawn(rows, width=130, marks=marks)[0]
    assert root.startswith("▸○1 A Booking agent (9)")
    assert root.endswith("✗1 ?1 ✓2")


def test_orphans_cycles_and_skipped_spans_say_so():
    trace = make_trace(
        make_span("a", "left", "3fa9c0ffee"),
        make_span("b", "round", "c"),
        make_span("c", "about", "b"),
        make_span("d", "not run", status=Status.SKIPPED),
    )
    text = lines_with(rows_of(trace), width=100)
    assert "◌ left  orphan (parent 3fa9… not received)" in text
    assert "↻ round  cycle (names c… as parent)" in text
    assert "not run skipped" in text


def test_a_running_span_is_hatched_and_an_untimed_one_has_no_bar():
    trace = make_trace(
        make_span("a", start_ms=0, end_ms=800), make_span("b", start_ms=400), make_span("c")
    )
    _, running, untimed = drawn(rows_of(trace), width=78)
    assert "running ┃    ▒▒▒▒┃" in running
    assert "– ┃        ┃" in untimed


def test_deep_rows_say_their_depth_instead_of_running_off():
    spans = [make_span("0")] + [make_span(str(i), parent=str(i - 1)) for i in range(1, 200)]
    last = drawn(rows_of(make_trace(*spans)), width=78)[-1]
    assert last.startswith("⋯199 ")
    assert "199" in last.split("└─")[1]


@pytest.mark.parametrize(
    ("mode", "shown"),
    [(TimeColumn.DURATION, "1.0s"), (TimeColumn.OFFSET, "+500ms"), (TimeColumn.SELF, "700ms")],
)
def test_the_time_column_shows_duration_offset_or_self_time(mode, shown):
    trace = make_trace(
        make_span("first", start_ms=0, end_ms=10),
        make_span("a", start_ms=500, end_ms=1500),
        make_span("b", parent="a", start_ms=600, end_ms=800),
        make_span("c", parent="a", start_ms=700, end_ms=900),
    )
    assert f" {shown} " in drawn(rows_of(trace), mode=mode)[1]


def test_self_time_counts_what_overlaps_once_and_what_outlives_not_at_all():
    trace = make_trace(
        make_span("a", start_ms=0, end_ms=100),
        make_span("b", parent="a", start_ms=50, end_ms=500),
        make_span("c", parent="a", start_ms=60, end_ms=90),
    )
    assert self_time_ns(rows_of(trace), 0) == 50_000_000


@given(st.integers(1, 300), st.text(max_size=60), st.booleans())
def test_a_line_is_exactly_as_wide_as_its_pane(width, name, compact):
    trace = make_trace(
        make_span("a", name, start_ms=0, end_ms=5, attributes={"gen_ai.request.model": name}),
        make_span("b", name, "a", start_ms=1),
    )
    rows = rows_of(trace)
    columns = columns_for(width, compact=compact)
    for row in rows.visible:
        pieces = span_line(rows, row, columns, Marks(), TimeColumn.DURATION)
        assert sum(cells(piece.text) for piece in pieces) == max(width, 4)


def test_the_gutter_keeps_the_worst_when_it_is_narrow():
    counts = Counts(passed=12, failed=3, missing=1, error=2)
    assert "".join(p.text for p in gutter(counts, 7)) == " ✗3 !2 "
    assert "".join(p.text for p in gutter(counts, 20)).rstrip() == " ✗3 !2 ?1 ✓12"


def test_a_pending_green_never_looks_fresh():
    roles = {piece.role for piece in gutter(Counts(passed=2), 12, pending=True)}
    assert roles == {"", "faint"}


def test_a_line_looks_for_model_and_tokens_and_decodes_nothing_else():
    class Huge:
        def peek(self, wanted):
            return {"gen_ai.request.model": msgspec.Raw(b'"gpt-4o"'), "llm.token_count.prompt": 820}

        def attributes(self):
            raise AssertionError("megabytes were decoded to paint one line")

    trace = make_trace(make_span("m", "chat", kind=Kind.MODEL, start_ms=0, end_ms=1))
    trace.spans[0].payload, trace.spans[0]._attributes = Huge(), None
    (line,) = drawn(rows_of(trace), width=160, compact=False)
    assert "gpt-4o" in line
    assert "820↑" in line


def test_what_has_not_begun_at_a_step_is_said_in_words_too():
    rows = rows_of(booking_trace())
    rows.set_seen(bytearray([1, 1] + [0] * (len(rows.tree) - 2)), None)
    times = [line.split("┃")[0].split()[-1] for line in drawn(rows)]
    assert times[:2] == ["12.4s", "1.9s"]
    assert all("to come" in line for line in drawn(rows)[2:])

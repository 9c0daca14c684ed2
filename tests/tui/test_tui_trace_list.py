"""The window over stored traces: the cursor is a trace, whatever arrives or leaves."""

import msgspec
import pytest
from fake_desk import NOW_NS, FakeDesk, booking_desk, passing_case
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.evaluation.run import TraceVerdicts
from tracedesk.model.verdict import Outcome
from tracedesk.query.filter import parse_filter
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.trace_list import (
    Entry,
    TraceList,
    entry_line,
    fetch,
    row_title,
)


def desk_with(count):
    desk = FakeDesk()
    for number in range(count):
        desk.add(make_trace(make_span("a", start_ms=0, end_ms=number)), f"t{number + 1}")
    return desk


def read(desk, model, first=0, count=10):
    return model.install(fetch(desk, model.request(first, count)))


def line_text(entry, width, marked=False):
    return "".join(piece.text for piece in entry_line(entry, width, NOW_NS, marked))


def test_the_newest_comes_first_and_has_the_cursor():
    model = TraceList()
    read(desk_with(3), model)
    assert [model.entry(at).row.name for at in range(3)] == ["t3", "t2", "t1"]
    assert model.entry(model.cursor).row.id == model.cursor_id


def test_the_cursor_stays_with_its_trace_while_others_arrive():
    desk, model = desk_with(5), TraceList()
    read(desk, model)
    model.move_to(2)
    chosen = model.cursor_id
    for number in range(7):
        desk.add(make_trace(make_span("a")), f"new{number}")
    assert read(desk, model) == 7
    assert (model.cursor, model.cursor_id) == (9, chosen)


@given(st.integers(1, 40), st.integers(0, 39), st.integers(0, 30))
def test_the_cursor_is_found_again_wherever_it_moved(stored, cursor, arrived):
    desk, model = desk_with(stored), TraceList()
    read(desk, model, count=80)
    model.move_to(cursor % stored)
    chosen = model.cursor_id
    for _ in range(arrived):
        desk.add(make_trace(make_span("a")), "new")
    read(desk, model, count=80)
    assert model.cursor_id == chosen
    assert model.cursor == cursor % stored + arrived


def test_the_cursor_is_found_again_when_a_filter_hides_others():
    desk, model = desk_with(9), TraceList()
    read(desk, model)
    model.move_to(4)
    chosen = model.cursor_id
    model.where = parse_filter("dur<5ms")
    read(desk, model)
    assert model.total == 5
    assert (model.cursor, model.cursor_id) == (0, chosen)


def test_a_trace_that_the_filter_hides_gives_the_cursor_to_its_neighbour():
    desk, model = desk_with(9), TraceList()
    read(desk, model)
    model.move_to(0)
    model.where = parse_filter("dur<5ms")
    read(desk, model)
    assert model.entry(model.cursor).row.name == "t5"


def test_following_takes_the_newest():
    desk, model = desk_with(3), TraceList()
    read(desk, model)
    model.move_to(2)
    model.follow = True
    desk.add(make_trace(make_span("a")), "newest")
    read(desk, model)
    assert model.entry(model.cursor).row.name == "newest"


def test_an_answer_to_another_filter_is_too_late():
    desk, model = desk_with(3), TraceList()
    late = fetch(desk, model.request(0, 10))
    model.where = parse_filter("dur<1ms")
    assert model.install(late) == 0
    assert model.total == 0


def test_a_move_made_while_rows_were_read_is_kept():
    desk, model = desk_with(5), TraceList()
    read(desk, model)
    asked = model.request(0, 10)
    model.move_to(3)
    chosen = model.cursor_id
    model.install(fetch(desk, asked))
    assert model.cursor_id == chosen


def test_only_a_window_is_read():
    desk, model = desk_with(1_000), TraceList()
    read(desk, model, first=500, count=20)
    assert model.total == 1_000
    assert model.lacks(0, 1)
    assert not model.lacks(500, 20)


def test_marks_are_by_trace():
    desk, model = desk_with(2), TraceList()
    read(desk, model)
    model.toggle_mark()
    assert list(model.marked) == [model.cursor_id]
    model.toggle_mark()
    assert not model.marked


def test_marks_are_walked_down_the_list_and_round():
    desk, model = desk_with(30), TraceList()
    read(desk, model)
    assert not model.go_to_mark(1)
    for position in (3, 8):
        model.move_to(position)
        model.toggle_mark()
    walked = []
    for step in (1, 1, 1, -1, -1):
        model.go_to_mark(step)
        read(desk, model)
        walked.append(model.cursor)
    assert walked == [3, 8, 3, 8, 3]


@pytest.mark.parametrize(
    ("external_id", "name", "title"),
    [
        ("run-5821", "Reservations Agent", "run-5821"),
        (None, "invoke_agent gpt-4o", "invoke_agent gpt-4o"),
        ("485876bdbe94a33f28c40bbcf128e2ce", "invoke_agent", "invoke_agent"),
        ("485876BD-be94-a33f-28c4-0bbcf128e2ce", "invoke_agent", "invoke_agent"),
        ("485876bdbe94a33f28c40bbcf128e2ce", "485876bdbe94a33f28c40bbcf128e2ce", "trace 00000000"),
        (None, "", "trace 00000000"),
    ],
)
def test_a_trace_is_called_by_what_tells_a_person_something(external_id, name, title):
    desk = booking_desk(1)
    row = desk.rows_newest_first()[0]
    row = msgspec.structs.replace(row, external_id=external_id, name=name)
    assert row_title(row) == title


def test_a_trace_that_grows_is_as_old_as_its_last_change():
    desk = booking_desk(1)
    row = msgspec.structs.replace(desk.rows_newest_first()[0], updated_ns=NOW_NS - 3 * 10**9)
    assert line_text(Entry(row, "booking"), 34).endswith(" 3s")


def test_what_a_row_says():
    desk = booking_desk(2)
    newest, older = desk.rows_newest_first()
    failed = Entry(newest, "booking", desk.verdicts(newest.id))
    passed = Entry(older, "booking", desk.verdicts(older.id))
    assert line_text(failed, 34).split() == ["✖", "✗1", "chat-7731", "12.4s", "8s"]
    assert line_text(passed, 76).split() == ["✓1", "chat-7730", "booking", "1.1k", "2.0s", "2m"]
    assert line_text(passed, 34, marked=True).startswith("▪")


def test_a_pending_trace_shows_no_fresh_green():
    desk = booking_desk(1)
    row = desk.rows_newest_first()[0]
    desk.judge(row.id, passing_case(), pending=True)
    pieces = entry_line(Entry(row, "a", desk.verdicts(row.id)), 40, NOW_NS, False)
    assert "ok" not in {piece.role for piece in pieces}
    assert "✓" not in "".join(piece.text for piece in pieces), "colour is not all that tells"


@pytest.mark.parametrize(
    ("counts", "more", "shown"),
    [
        ((9, 0, 0), {"pending": True}, "…   "),
        ((9, 2, 0), {"pending": True}, "…✗2 "),
        ((9, 0, 1), {"pending": True}, "…?1 "),
        ((9, 0, 0), {"stale": frozenset({"case"})}, "~✓9 "),
        ((0, 312, 0), {"stale": frozenset({"case"})}, "~✗+ "),
        ((0, 1_312, 0), {}, "✗1k "),
        ((9, 0, 0), {}, "✓9  "),
    ],
)
def test_what_is_pending_or_stale_is_told_apart_without_colours(counts, more, shown):
    desk = booking_desk(1)
    row = desk.rows_newest_first()[0]
    by_outcome = dict(zip((Outcome.PASS, Outcome.FAIL, Outcome.MISSING), counts, strict=True))
    told = TraceVerdicts(trace=row.id, revision=1, counts=by_outcome, **more)
    assert shown in line_text(Entry(row, "a", told), 40)


@given(st.text(max_size=80), st.integers(24, 200))
def test_a_row_is_as_wide_as_the_list(name, width):
    desk = FakeDesk()
    desk.add(make_trace(make_span("a", start_ms=0, end_ms=3)), name, agent=name)
    entry = Entry(desk.rows_newest_first()[0], name)
    assert cells(line_text(entry, width)) == width


def test_a_place_that_is_not_read_yet_keeps_the_cursor_that_went_there():
    desk, model = desk_with(1_000), TraceList()
    read(desk, model)
    model.move_to(700)
    assert model.cursor_id is None
    read(desk, model, first=690)
    assert model.entry(model.cursor).row.name == "t300"
    assert model.cursor_id == model.entry(700).row.id

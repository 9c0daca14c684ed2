"""After an edit: how many verdicts flipped, which, and the way to each; and marks of traces."""

import pytest
from every_screen import shown
from fake_desk import booking_desk, booking_verdicts, passing_case
from piloting import lines_of, until

from tracedesk.evaluation.flips import Edit, Flipped
from tracedesk.evaluation.run import TraceVerdicts
from tracedesk.model.verdict import Outcome
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.flips import FlipsScreen, FlipsView, deciding_place, flip_line
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.place import Place

LARGE = (160, 45)

CASES = """\
cases:
  - name: Books for %s
    id: books
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: %s}
"""


def flipped(trace="t" * 8, name="Books"):
    return Flipped(trace, "books", name, "testcases/a.yaml", 3, Outcome.PASS, Outcome.FAIL)


def text(pieces):
    return "".join(piece.text for piece in pieces)


def notes(app):
    return [notification.message for notification in app._notifications]


# -- the list of flips -----------------------------------------------------------------


def test_a_flip_in_one_line():
    line = flip_line(flipped(), 80, {"t" * 8: "chat-7731"})
    assert text(line).split() == ["✓→✗", "pass→fail", "chat-7731", "Books", "testcases/a.yaml:3"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_flip_fits_and_shows_nothing_that_acts(width):
    line = text(flip_line(flipped(name="a \x1b[31m name " * 9), width, {}))
    assert "\x1b" not in line
    assert len(line) <= width


def test_the_place_of_a_flip_is_the_assertion_that_failed():
    verdicts = TraceVerdicts(trace="t", revision=1, cases=(passing_case(), booking_verdicts()))
    place = deciding_place(Place("t", "booking.cases.yaml#1", "", None), verdicts)
    assert (place.assertion, place.span) == ("a1", "book")
    place = deciding_place(Place("t", "booking.cases.yaml#2", "", None), verdicts)
    assert (place.assertion, place.span) == ("a1", "answer")
    gone = Place("t", "gone", "", None)
    assert deciding_place(gone, verdicts) == gone


async def test_without_an_edit_there_is_nothing_to_list(workbench):
    async with workbench(size=LARGE) as session:
        await session.press("B")
        session.app.screen_stack[0].desk.edit = Edit(files=("a.yaml",))
        await session.press("B")
        assert notes(session.app) == [
            "No case file was edited since the desk was opened.",
            "No verdict flipped when a.yaml was edited.",
        ]
        assert isinstance(session.app.screen, Workbench)


async def test_what_is_not_listed_is_said(workbench):
    async with workbench(size=LARGE) as session:
        newest = session.app.screen_stack[0].desk.rows_newest_first()[0].id
        session.app.screen_stack[0].desk.edit = Edit(
            files=("testcases/a.yaml",), counts=(("pass→fail", 1_234),), listed=(flipped(newest),)
        )
        await session.press("B")
        title = str(session.app.screen.query_one(".box").border_title)
        assert title == "edited a.yaml: 1,234 pass→fail · 1,233 more are not listed"
        assert session.app.screen.query_one(FlipsView).titles == {newest: "chat-7731"}
        await session.press("escape")
        assert isinstance(session.app.screen, Workbench)


def body(party):
    call = {"gen_ai.tool.name": "create_booking", "gen_ai.tool.call.arguments": {"party": party}}
    return {
        "spans": [
            {"span_id": "a" * 16, "name": f"party of {party}"},
            {"span_id": "b" * 16, "name": "book", "parent_span_id": "a" * 16, "attributes": call},
        ]
    }


async def test_from_an_edit_to_the_assertion_that_flipped(tmp_path, open_desk, call):
    cases = tmp_path / "testcases" / "booking.yaml"
    cases.parent.mkdir()
    cases.write_text(CASES % ("four", 4))
    desk = open_desk()
    for party in (4, 2, 3):
        call(desk, "/public/traces", body(party), content_type="application/json")
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.opened is not None, "a trace is open")
        await until(pilot, lambda: desk.totals() == {"pass": 1, "fail": 2}, "all are judged")
        cases.write_text(CASES % ("two", 2))
        drawer = screen.query_one("#tests-pane")
        await until(
            pilot,
            lambda: (
                "edited booking.yaml: 1 pass→fail, 1 fail→pass · B lists them"
                in str(drawer.border_subtitle)
            ),
            "the drawer says what flipped",
        )
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, FlipsScreen), "the list of flips")
        await until(pilot, lambda: lines_of(app, "#flips")[1:], "it is laid out")
        rows = [line.split()[:5] for line in lines_of(app, "#flips")[:2]]
        assert rows == [
            ["✓→✗", "pass→fail", "party", "of", "4"],
            ["✗→✓", "fail→pass", "party", "of", "2"],
        ]
        await pilot.press("enter")
        await until(pilot, lambda: screen.opened.row.name == "party of 4", "its trace is open")
        await until(
            pilot, lambda: screen.span is not None and screen.span.span_id == "b" * 16, "its span"
        )
        await until(
            pilot,
            lambda: any("node_call create_booking" in line for line in lines_of(app, "#page")),
            "the assertion",
        )


# -- marks -----------------------------------------------------------------------------


async def test_a_trace_is_marked_and_says_so_in_list_and_title(workbench):
    async with workbench(size=LARGE) as session:
        tree = session.screen.query_one("#tree-pane")
        await session.press("m", "b")
        await session.until(lambda: "▼" in session.lines("#traces")[0], "the mark")
        await session.until(lambda: "▼ known bad" in str(tree.border_title), "the words")
        assert "▼" not in "".join(session.lines("#traces")[1:])
        await session.press("enter", "m", "g")
        await session.until(lambda: "▲ known good" in str(tree.border_title), "other words")
        await session.press("m", "u")
        await session.until(lambda: "known" not in str(tree.border_title), "no words")
        await session.until(lambda: "▲" not in session.lines("#traces")[0], "no mark")


async def test_selecting_is_something_else(workbench):
    async with workbench(size=LARGE) as session:
        await session.press("m", "m")
        assert "▪" in session.lines("#traces")[0]
        await session.until(
            lambda: "1 selected" in str(session.screen.query_one("#list-pane").border_subtitle),
            "the list counts it",
        )
        assert session.app.screen_stack[0].desk.rows_newest_first()[0].mark is None


async def test_marks_in_ascii_have_other_letters(workbench):
    desk = booking_desk()
    for at, mark in enumerate(("bad", "good")):
        desk.mark(desk.rows_newest_first()[at], mark)
    async with workbench(desk, size=LARGE, ascii=True) as session:
        x, y = session.screen.query_one("#traces").region.offset
        first, second = shown(session.app)[y : y + 2]
        assert (first[x + 2], second[x + 2]) == ("v", "^")


async def test_a_mark_over_a_real_desk_is_stored(tmp_path, open_desk, call):
    desk = open_desk()
    call(desk, "/public/traces", body(4), content_type="application/json")
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.opened is not None, "the trace is open")
        await pilot.press("m", "g")
        tree = screen.query_one("#tree-pane")
        await until(pilot, lambda: "▲ known good" in str(tree.border_title), "the mark")
        (row,) = desk.store.rows()
        assert row.mark == "good"

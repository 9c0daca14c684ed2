"""The whole screen under a pilot: keys in, text out. Nothing sleeps."""

import pytest
from fake_desk import (
    FakeDesk,
    booking_desk,
    booking_file,
    booking_trace,
    booking_verdicts,
    passing_case,
)

from tracedesk.evaluation.progress import Progress
from tracedesk.model.trace import Status
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.editor import editor_command
from tracedesk.tui.screens.modals import HelpScreen
from tracedesk.tui.screens.value import ValueScreen

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (160, 45)


def tool_trace(*names, errors=()):
    spans = [make_span("r", "agent", start_ms=0, end_ms=100)]
    spans += [
        make_span(n, n, "r", start_ms=i, end_ms=i + 1, status=Status.ERROR if n in errors else 0)
        for i, n in enumerate(names)
    ]
    return make_trace(*spans)


async def test_everything_about_the_newest_trace_is_on_the_large_screen(workbench):
    async with workbench(size=LARGE) as session:
        assert session.lines("#traces")[0].split() == ["✖", "✗1", "chat-7731", "12.4s", "8s"]
        assert "search_flights" in session.lines("#spans")[2]
        assert session.lines("#page")[1] == "  Your table for 4 is booked at 8pm."
        assert "✗ :12 node_call" in session.lines("#results")[2]
        assert session.bar("#breadcrumb") == "traces › chat-7731"
        assert "● :4318" in session.bar("#header")


async def test_the_small_screen_shows_one_pane_and_the_failure_under_the_cursor(workbench):
    async with workbench(size=SMALL) as session:
        assert not session.screen.query_one("#tree-pane").display
        await session.press("enter", "]", "f")
        assert not session.screen.query_one("#list-pane").display
        assert session.bar("#breadcrumb") == "traces › chat-7731 › create_booking"
        strip = "\n".join(session.lines("#failure"))
        assert "✗ booking.cases.yaml:12" in strip
        assert 'actual string "4"' in strip
        await session.press("enter")
        assert session.screen.query_one("#detail-pane").display
        await session.press("escape", "escape")
        assert session.screen.query_one("#list-pane").display


async def test_the_middle_screen_lays_the_list_over_the_tree(workbench):
    async with workbench(size=MIDDLE) as session:
        await session.press("enter")
        assert not session.screen.query_one("#list-pane").display
        await session.press("L")
        assert session.screen.query_one("#list-pane").display
        assert session.screen.query_one("#tree-pane").display
        await session.press("escape")
        assert not session.screen.query_one("#list-pane").display


async def test_tab_walks_the_panes_and_the_footer_follows(workbench):
    async with workbench(size=LARGE) as session:
        seen = []
        for _ in range(4):
            seen.append(session.bar("#footer").split("   ")[0])
            await session.press("tab")
        assert seen == ["Enter open", "Enter detail", "Enter open value", "Enter evidence"]
        assert session.screen.pane == "list"


async def test_a_folded_span_shows_what_it_hides(workbench):
    async with workbench() as session:
        await session.press("enter", "h")
        assert len(session.lines("#spans")) == 2
        assert session.lines("#spans")[0].startswith("▸○1 A Booking agent (9)")
        await session.press("l", "l")
        assert session.screen.span.span_id == "plan"
        await session.press("h")
        assert session.screen.span.span_id == "root"


@pytest.mark.parametrize(
    ("keys", "span"),
    [
        ("]e", "search"), ("]f", "book"), ("]t", "search"), ("]t]t", "book"), ("[t", "book"),
        ("]m", "plan"), ("[m", "answer"), ("G", "lost"), ("Gg", "root"), ("jjp", "root"),
    ],
)  # fmt: skip
async def test_jumps(workbench, keys, span):
    async with workbench() as session:
        await session.press("enter")
        await session.pilot.press(*keys)  # as fast as they can be typed
        await session.settle()
        assert session.screen.span.span_id == span


async def test_a_jump_opens_what_hides_its_goal(workbench):
    async with workbench() as session:
        await session.press("enter", "h", "]", "e")
        assert session.screen.span.span_id == "search"


async def test_the_second_key_of_a_command_is_hinted_at_and_may_be_let_go(workbench):
    async with workbench() as session:
        await session.press("enter", "]")
        assert session.bar("#footer").startswith("]   f next failure  e next error")
        await session.press("j")  # no such command: nothing moves, the footer is back
        assert session.screen.span.span_id == "root"
        assert session.bar("#footer").startswith("Enter detail")


async def test_a_new_trace_arrives_without_moving_what_is_looked_at(workbench):
    desk = booking_desk(60)
    async with workbench(desk, size=LARGE) as session:
        await session.press("G")
        await session.until(lambda: session.screen.traces.entry(59), "the last row is read")
        chosen, lines = session.screen.traces.cursor_id, session.lines("#traces")
        for number in range(5):
            desk.add(tool_trace("a"), f"new-{number}")
        await session.until(lambda: session.screen.traces.total == 65, "five more traces")
        assert session.screen.traces.cursor_id == chosen
        assert session.lines("#traces") == lines
        await session.press("g")
        await session.until(lambda: "new-4" in session.lines("#traces")[0], "the top is read")


async def test_following_opens_the_newest(workbench):
    desk = booking_desk(3)
    async with workbench(desk) as session:
        await session.press("F")
        newest = desk.add(tool_trace("a"), "newest")
        await session.until(lambda: session.screen.opened.row.id == newest, "the newest is open")


async def test_freezing_holds_the_picture_and_counts_what_arrives(workbench):
    desk = booking_desk(3)
    async with workbench(desk) as session:
        await session.press("space")
        desk.add(tool_trace("a"), "unseen")
        await session.until(lambda: session.screen.traces.waiting == 1, "one is waiting")
        assert "unseen" not in "".join(session.lines("#traces"))
        assert "1 new" in str(session.screen.query_one("#list-pane").border_subtitle)
        await session.press("space")
        await session.until(lambda: session.screen.traces.total == 4, "the list moved on")
        assert "unseen" in session.lines("#traces")[0]


async def test_an_open_trace_that_grows_keeps_cursor_and_folds(workbench):
    desk = booking_desk(2)
    async with workbench(desk) as session:
        await session.press("enter", "j", "j", "h", "j", "j")
        chosen = session.screen.span.span_id
        trace = booking_trace()
        trace.spans.insert(1, make_span("late", "late", "root", start_ms=10, end_ms=20))
        desk.grow(session.screen.opened.row.id, trace)
        await session.until(lambda: session.screen.opened.row.revision == 2, "it grew")
        assert session.screen.span.span_id == chosen
        assert any("▸✖ T search_flights (4)" in line for line in session.lines("#spans"))


async def test_verdicts_change_on_the_tree_and_in_the_drawer_when_they_are_judged_again(workbench):
    desk = booking_desk(1)
    async with workbench(desk) as session:
        trace_id = session.screen.opened.row.id
        desk.judge(trace_id, passing_case(), pending=True)
        await session.until(lambda: session.screen.verdicts.pending, "pending verdicts")
        assert "… ✓1".replace(" ", "") in session.lines("#spans")[0].replace(" ", "")
        desk.state = Progress(last_count=3, last_ms=6.0)
        desk.save(booking_file())
        desk.judge(trace_id, passing_case())
        await session.until(lambda: not session.screen.verdicts.pending, "fresh verdicts")
        await session.settle()
        assert "✗" not in session.lines("#spans")[0]
        note = str(session.screen.query_one("#tests-pane").border_subtitle)
        assert note.endswith("3 re-run · 6 ms")
        assert note.startswith("saved ")


async def test_the_drawer_says_how_far_a_run_is_until_it_is_done(workbench):
    desk = booking_desk(1)
    async with workbench(desk) as session:
        box = session.screen.query_one("#tests-pane")
        desk.state = Progress(done=3_120, total=10_000, last_count=3, last_ms=6.0)
        desk.save(booking_file())
        await session.until(
            lambda: str(box.border_subtitle).endswith("3,120 of 10,000 evaluated so far"), "partial"
        )
        desk.state = Progress(last_count=10_000, last_ms=900.0)
        desk.judge(session.screen.opened.row.id, passing_case())
        await session.until(
            lambda: str(box.border_subtitle).endswith("10,000 re-run · 900 ms"), "and the whole"
        )


async def test_enter_on_an_assertion_shows_its_evidence_and_v_goes_back(workbench):
    async with workbench() as session:
        session.screen.go_to_pane("tests")
        await session.press("j", "j", "enter")
        assert session.screen.span.span_id == "book"
        assert session.screen.tab == "verdicts"
        assert session.lines("#page")[:2] == ["Books what was asked for", "✗ booking.cases.yaml:12"]
        await session.press("v")
        assert session.screen.pane == "tests"
        assert session.screen.query_one("#results").result.verdict.assertion == "a1"


async def test_searching_keeps_hits_and_their_ancestors(workbench):
    async with workbench() as session:
        await session.press("enter", "/")
        await session.type("timed out")
        await session.until(lambda: session.screen.rows.searching, "the search is done")
        await session.press("enter")
        names = [line.split("  ")[0] for line in session.lines("#spans")]
        assert len(names) == 2
        assert "search_flights" in session.lines("#spans")[1]
        assert "/timed out · 1 found" in session.bar("#breadcrumb")
        await session.press("escape")
        assert len(session.lines("#spans")) == 11  # the hit stays, so its run is open


async def test_a_search_without_hits_says_so(workbench):
    async with workbench() as session:
        await session.press("enter", "/")
        await session.type("zzz")
        await session.until(
            lambda: session.screen.query_one("#search-bar").has_class("-wrong"), "no hits"
        )
        await session.press("escape")
        assert len(session.lines("#spans")) == 9


async def test_filtering_the_list_and_dropping_the_crumb(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("status:failed")
        await session.until(lambda: session.screen.traces.total == 1, "the filter holds")
        await session.press("enter")
        assert session.bar("#breadcrumb").endswith("status:failed Esc✗")
        await session.press("escape")
        await session.until(lambda: session.screen.traces.total == 12, "the filter is gone")


async def test_a_wrong_filter_says_did_you_mean_and_hides_nothing(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("statsu:failed")
        problem = session.screen.query_one("#filter-bar .problem")
        assert "did you mean 'status'?" in str(problem.render())
        await session.until(lambda: session.screen.traces.total == 12, "all traces are there")


async def test_a_filter_that_nothing_fits_says_so(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("dur>1h")
        await session.until(lambda: session.screen.traces.total == 0, "nothing fits")
        assert session.lines("#traces") == [" no trace fits this filter"]


async def test_tabs_by_number(workbench):
    async with workbench() as session:
        await session.press("enter", "j", "j", "3")
        assert session.lines("#page")[0].startswith("Attributes  2")
        await session.press("4")
        assert session.lines("#page")[0].startswith("exception")
        await session.press("5")
        await session.until(lambda: session.screen.requests is not None, "requests are read")
        await session.settle()
        assert "POST /public/traces" in "\n".join(session.lines("#page"))
        await session.press("1")
        assert session.lines("#page")[0] == "Error  status 2"


async def test_a_value_opens_in_full_and_is_copied(workbench):
    async with workbench() as session:
        await session.press("enter", "j", "j", "tab", "enter")
        assert isinstance(session.app.screen, ValueScreen)
        assert session.lines("ValueView") == ["upstream timed out after 6000 ms"]
        await session.press("y")
        assert session.app.clipboard == "upstream timed out after 6000 ms"
        await session.press("escape")
        assert session.app.screen is session.screen


@pytest.mark.parametrize(
    ("keys", "copied"),
    [("ys", "book"), ("yt", "00000000-0000-4000-8000-000000000012"), ("yv", "create_booking")],
)
async def test_copying(workbench, keys, copied):
    async with workbench() as session:
        await session.press("enter", "]", "f", *keys)
        assert session.app.clipboard == copied


async def test_help_is_about_the_focused_pane(workbench):
    async with workbench() as session:
        await session.press("enter", "?")
        assert isinstance(session.app.screen, HelpScreen)
        told = "  l →           Unfold the span or run of siblings, or go to its first child."
        assert told in session.lines("#modal-page")
        await session.press("escape")
        assert session.screen.pane == "tree"


async def test_the_palette_runs_our_commands(workbench):
    async with workbench() as session:
        await session.press("enter", "ctrl+p")
        await session.type("next error")
        await session.press("enter")
        await session.until(lambda: session.screen.span.span_id == "search", "it jumped")


async def test_the_mouse_moves_opens_and_folds(workbench):
    async with workbench() as session:
        await session.pilot.click("#spans", offset=(10, 2))
        assert session.screen.span.span_id == "search"
        await session.pilot.click("#spans", offset=(1, 2))
        await session.settle()
        assert "▸✖ T search_flights (4)" in session.lines("#spans")[2]
        await session.pilot.click("#spans", offset=(10, 2), times=2)
        await session.settle()
        assert session.screen.pane == "detail"
        await session.pilot.click("#tabs", offset=(18, 0))
        assert session.screen.tab == "attributes"


async def test_an_empty_workbench_says_how_to_send_and_wakes_on_the_first_trace(workbench):
    desk = FakeDesk()
    async with workbench(desk) as session:
        shown = str(session.screen.query_one("#empty").render())
        assert "curl" in shown
        assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in shown
        desk.add(booking_trace(), "first")
        await session.until(lambda: session.screen.opened is not None, "the first trace is open")
        assert not session.screen.has_class("-empty")


async def test_resizing_to_almost_nothing_and_back(workbench):
    async with workbench(size=LARGE) as session:
        await session.press("enter", "j", "j")
        before = session.lines("#spans")
        for size in ((20, 5), (80, 24), (1, 1), (120, 36), LARGE):
            await session.pilot.resize_terminal(*size)
            await session.settle()
        await session.until(lambda: session.lines("#spans") == before, "all is as it was")
        assert session.screen.span.span_id == "search"


async def test_hostile_text_is_shown_and_not_obeyed(workbench):
    hostile = "\x1b]0;owned\x07[red]x[/red][@click=app.quit]y[/]‮evil"
    desk = FakeDesk()
    trace = make_trace(
        make_span(
            "r", hostile, start_ms=0, end_ms=1, status=Status.ERROR, message=hostile,
            attributes={hostile: hostile, "json": {hostile: [hostile]}},
        )
    )  # fmt: skip
    desk.add(trace, hostile, agent=hostile)
    async with workbench(desk) as session:
        await session.press("enter", "1", "2", "3", "4", "5", "6", "3", "tab", "enter")
        await session.press("escape")
        shown = "".join(strip.text for strip in session.app.screen._compositor.render_strips())
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "‮" not in shown
        assert "[red]x[/red]" in shown
        assert "␛]0;owned␇" in shown


async def test_an_unexpected_error_is_told_and_the_app_lives(workbench, monkeypatch):
    async with workbench(strict=False) as session:
        monkeypatch.setattr(session.screen, "action_time_column", lambda: 1 / 0)
        monkeypatch.setattr(session.screen.desk, "load", lambda _: 1 / 0)
        await session.press("enter", "t")
        session.screen.open_trace("another")
        await session.until(lambda: len(session.app._notifications) >= 2, "both were told")
        messages = [n.message for n in session.app._notifications]
        assert all("ZeroDivisionError" in message for message in messages)
        await session.press("j")
        assert session.screen.span.span_id == "plan"


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, None),
        ({"EDITOR": "vim"}, ["vim", "+12", "a b.yaml"]),
        ({"EDITOR": "vim", "VISUAL": "code --wait"}, ["code", "--wait", "--goto", "a b.yaml:12"]),
        ({"EDITOR": "/usr/bin/hx"}, ["/usr/bin/hx", "a b.yaml:12"]),
    ],
)
def test_the_editor_is_asked_for_the_line(environment, command):
    assert editor_command(environment, "a b.yaml", 12) == command


async def test_without_an_editor_e_says_what_to_set(workbench, monkeypatch):
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    async with workbench() as session:
        session.screen.go_to_pane("tests")
        await session.press("j", "j", "E")
        assert any("$EDITOR" in n.message for n in session.app._notifications)


async def test_a_case_without_evidence_leads_to_the_root(workbench):
    async with workbench() as session:
        session.screen.go_to_pane("tests")
        await session.press("j", "j", "j", "enter")  # the missing cost
        assert session.screen.span.span_id == "root"
        assert any("? booking.cases.yaml:19" in line for line in session.lines("#page"))


def test_the_fakes_judge_as_the_tests_expect():
    assert booking_verdicts().incomplete == 1


async def test_an_editor_that_cannot_have_the_terminal_is_told_of(workbench, monkeypatch):
    monkeypatch.setenv("EDITOR", "true")
    async with workbench() as session:
        session.screen.go_to_pane("tests")
        await session.press("j", "j", "E")  # a headless terminal cannot be put aside
        messages = [n.message for n in session.app._notifications]
        assert any("open booking.cases.yaml:12 yourself" in message for message in messages)


async def test_the_editor_opens_at_the_verdict_shown_whichever_pane_shows_it(
    workbench, monkeypatch
):
    monkeypatch.setenv("EDITOR", "true")
    for size in ((160, 45), (80, 24)):
        async with workbench(size=size) as session:
            told = session.app._notifications
            await session.press("enter", "]", "f")
            assert session.screen.pane in ("tree", "detail")
            await session.press("E")
            messages = [n.message for n in told]
            assert any("open booking.cases.yaml:12 yourself" in message for message in messages)


async def test_an_error_while_a_line_is_painted_stays_in_its_line(workbench, monkeypatch):
    async with workbench(strict=False) as session:
        view = session.screen.query_one("#spans")
        paint = view.paint
        monkeypatch.setattr(
            view, "paint", lambda row, width: 1 / 0 if row == 1 else paint(row, width)
        )
        view.repaint()
        await session.settle()
        lines = session.lines("#spans")
        assert lines[1].startswith(" this line could not be drawn: division by zero")
        assert "search_flights" in lines[2]


async def test_ages_grow_and_nothing_else_moves(workbench):
    async with workbench() as session:
        before = session.lines("#traces")
        session.screen.query_one("#traces").repaint()
        assert session.lines("#traces") == before


@pytest.mark.parametrize("pane", ["tree", "detail", "tests"])
async def test_the_list_is_filtered_from_any_pane(workbench, pane):
    async with workbench() as session:
        session.screen.go_to_pane(pane)
        await session.press("f")
        await session.type("status:failed")
        assert session.screen.traces.filter_text == "status:failed"
        await session.press("enter")
        assert session.screen.pane == "list"
        session.screen.go_to_pane(pane)
        await session.press("space")
        assert session.screen.traces.frozen

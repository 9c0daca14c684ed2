"""``:`` and the palette: every action by name, arguments, completion, history, and mistakes."""

import pytest
from textual.widgets import Input, Static

from tracedesk.tui.actions import ACTIONS
from tracedesk.tui.screens.command_line import CommandLine
from tracedesk.tui.screens.commanding import meant_by as traces_meant_by
from tracedesk.tui.view_models.command_line import (
    TAKING,
    History,
    Unknown,
    complete,
    meant_by,
    name_of,
)
from tracedesk.tui.view_models.filter_completion import Candidate


def no_words(command):
    return ()


def offered(text, pane="tree", words=no_words):
    completion = complete(text, len(text), pane, words)
    return [completion.accepted(text, at) for at in range(len(completion.candidates))]


@pytest.mark.parametrize("action", ACTIONS, ids=name_of)
def test_every_action_is_a_command(action):
    name = name_of(action)
    if name in {taking.name for taking in TAKING}:
        return  # the command of that name does what the action does when nothing follows
    meant = meant_by(name, "list").action
    assert meant is not None
    assert (meant.pane, meant.label) == (action.pane, action.label)


@pytest.mark.parametrize(
    ("line", "pane", "name"),
    [
        ("zoom-in", "list", "zoom(1)"),
        (":Zoom-In ", "list", "zoom(1)"),
        ("fold", "detail", "fold_value(False)"),
        ("tests.fold", "detail", "fold_result"),
        ("next-failure", "tests", "jump('failure', 1)"),
        ("down", "tree", "cursor_down"),
        ("q", "tree", None),
    ],
)
def test_a_short_name_means_the_pane_at_work_else_the_only_one(line, pane, name):
    if name is None:
        with pytest.raises(Unknown, match="no command 'q'"):
            meant_by(line, pane)
    else:
        assert meant_by(line, pane).action.name == name


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mtrix", "no command 'mtrix'; did you mean matrix?"),
        ("spans.zom-in", "no command 'spans.zom-in'; did you mean spans.zoom-in?"),
        ("open", "open needs TRACE"),
        ("matrix now", "matrix takes nothing after it"),
        ("fold", "fold is said of several panes: spans.fold, detail.fold, tests.fold"),
        ("xyzzy", "no command 'xyzzy'"),
    ],
)
def test_what_is_not_understood_says_what_was_probably_meant(line, told):
    with pytest.raises(Unknown) as problem:
        meant_by(line, "agents")
    assert str(problem.value).startswith(told)


def test_completion_offers_the_pane_at_work_first_and_words_inside_names():
    assert offered("zoo") == ["spans.zoom-in", "spans.zoom-out"]
    assert offered("fold", "tests")[0] == "tests.fold"
    assert "previous-failure" in offered("fail")
    assert offered("ope")[0] == "open "
    tabs = Candidate("reading"), Candidate("verdicts", "what was asserted")
    assert offered("tab v", words=lambda command: tabs) == ["tab verdicts"]
    assert offered("tab assert", words=lambda command: tabs) == ["tab verdicts"]
    assert complete("zoom", 2, "tree", no_words).candidates == ()


def test_history_walks_back_and_gives_back_what_was_typed():
    history = History(["one", "two"])
    assert [history.step(-1, "th") for _ in range(3)] == ["two", "one", None]
    assert [history.step(1, "") for _ in range(3)] == ["two", "th", None]
    history.add("one")
    assert history.lines == ["two", "one"]


async def test_a_command_is_completed_and_done_in_its_pane(workbench):
    async with workbench() as session:
        await session.press(":")
        await session.type("zoom-i")
        assert "spans.zoom-in" in str(session.app.screen.query_one(".hints", Static).content)
        await session.press("tab")
        assert session.app.screen.query_one(Input).value == "spans.zoom-in"
        await session.press("enter")
        assert session.screen.pane == "tree"
        assert session.screen.rows.time.window.zoomed


async def command(session, line):
    await session.press(":")
    await session.type(line)
    await session.press("enter")


async def test_commands_with_an_argument(workbench, desk):
    newest = max(desk.traces)
    oldest = desk.add(desk.load(newest).trace, "another")
    async with workbench(desk) as session:
        await command(session, "filter name:another")
        assert session.screen.traces.total == 1
        await command(session, "open " + newest[-3:])
        await session.until(lambda: session.screen.opened.row.id == newest, "opened")
        assert session.screen.traces.filter_text == ""
        assert session.screen.traces.cursor_id == newest != oldest
        await command(session, "tab ch")
        assert session.screen.tab == "chat"
        await command(session, "search lost")
        await session.until(lambda: session.screen.rows.searching, "searched")
        await command(session, "search")
        assert not session.screen.rows.searching
        await command(session, "search of which there is nothing")
        note = " nothing in this trace holds that text; Esc shows all spans"
        await session.until(lambda: session.lines("#spans")[0] == note, "it is said in the tree")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("open nowhere", "No stored trace has a name or id with 'nowhere' in it."),
        ("tab vredicts", "No tab 'vredicts'; did you mean verdicts?"),
        ("filter staus:failed", "did you mean 'status'?"),
    ],
)
async def test_an_argument_that_means_nothing_is_named(workbench, line, told):
    async with workbench() as session:
        await command(session, line)
        assert any(told in n.message for n in session.app._notifications)


async def test_a_trace_is_opened_by_its_name_or_a_part_that_only_it_has(workbench, desk):
    newest = desk.load(max(desk.traces)).trace
    first, second = desk.add(newest, "nightly one"), desk.add(newest, "nightly two")
    async with workbench(desk) as session:
        await command(session, "open ghtly o")
        await session.until(lambda: session.screen.opened.row.id == first, "opened by a part")
        await command(session, "open Nightly Two")
        await session.until(lambda: session.screen.opened.row.id == second, "opened by its name")
        await command(session, "open nightly")
        told = [n.message for n in session.app._notifications][-1]
        assert told.startswith("'nightly' fits 2 traces: nightly two (")
        assert session.screen.opened.row.id == second
        await session.press(":")
        await session.type("open ly one")
        hints = str(session.app.screen.query_one(".hints", Static).content)
        assert hints.startswith(f"{first}  nightly one · ")
        await session.press("tab", "enter")
        await session.until(lambda: session.screen.opened.row.id == first, "opened by completion")


async def test_a_mistake_keeps_the_line_open_and_escape_leaves_it(workbench):
    async with workbench() as session:
        await session.press(":")
        await session.type("mtrix")
        await session.press("enter")
        line = session.app.screen
        assert isinstance(line, CommandLine)
        assert "did you mean matrix?" in str(line.query_one(".problem", Static).content)
        await session.press("escape")
        assert session.app.screen is session.screen


async def test_what_was_typed_before_comes_back_with_up(workbench):
    async with workbench() as session:
        await session.press(":")
        await session.type("tab raw")
        await session.press("enter", ":", "up")
        assert session.app.screen.query_one(Input).value == "tab raw"
        await session.press("down")
        assert session.app.screen.query_one(Input).value == ""


async def test_the_palette_has_every_action_on_every_screen(workbench):
    async with workbench() as session:
        wanted = {(a.label[:1].upper() + a.label[1:]) for a in ACTIONS} - {"Palette"}
        listed = [c.title for c in session.app.get_system_commands(session.app.screen)]
        assert set(listed) == wanted
        assert len(listed) == len({(a.label, a.help) for a in ACTIONS}) - 1


async def test_the_palette_lists_once_what_several_panes_have(workbench):
    async with workbench() as session:
        commands = session.app.get_system_commands(session.app.screen)
        [told] = [command.help for command in commands if command.title == "Assert"]
        assert told.endswith("  a · Spans, Detail, Tests")


async def test_an_action_of_another_screen_leads_there_and_says_the_key(workbench):
    async with workbench() as session:
        await session.press(":")
        await session.type("compare.swap")
        await session.press("enter")
        assert session.screen.traces.compared_id == session.screen.opened.row.id
        assert [n.message for n in session.app._notifications][-1] == "x does 'swap' in Compare."


@pytest.mark.parametrize("text", ["", 'a "b" \\ c', "-x", "a,b", "1:2", "x" * 5_000])
def test_any_text_may_be_asked_for(tmp_path, open_desk, text):
    assert traces_meant_by(open_desk(tmp_path).store, text) == []

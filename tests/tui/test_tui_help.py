"""What help and footer say is true: every key of a screen is told, and every one told is bound."""

import pytest
from every_screen import at_failure, failing_desk, home, settled
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tracedesk.tui.actions import help_for
from tracedesk.tui.screens.edit_asking import ChangedScreen, CloseScreen
from tracedesk.tui.screens.flips import FlipsScreen
from tracedesk.tui.screens.modals import HelpScreen, Modal
from tracedesk.tui.screens.value import ValueScreen
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.line_view import LineView

WAYS = {
    "workbench": (), "matrix": ("M",), "scores": ("S", "t", "enter"), "compare": ("w",),
    "agents": ("A",), "editor": ("e",), "log": ("D",), "ledger": ("I",), "help": ("?",),
    "assert": ("enter", "a"), "target": ("enter", "a", "enter"),
    "value": ("enter", "enter", "3", "j", "j", "j", "o"),
    "confirm": ("A", "tab", "n", *"mine", "enter", "escape", "d"),
    "made": ("A", "tab", "n", *"mine", "enter"),
}  # fmt: skip

SAME = {"question_mark": "?", "slash": "/", "colon": ":"}


def ours(node):
    """The keys that a node binds by itself, our own classes only."""
    for cls in type(node).__mro__:
        if cls.__module__.startswith("tracedesk"):
            for binding in cls.__dict__.get("BINDINGS", ()):
                yield from (SAME.get(key, key) for key in binding.key.split(","))


def bound(app):
    """Every key that does something here: of the screen, its panes, and of the app below it."""
    screen = app.screen
    nodes: list[DOMNode] = [screen, *(each for each in screen.query("*") if each.can_focus)]
    if not isinstance(screen, ModalScreen):
        nodes.append(app)
    return {key for node in nodes for key in ours(node)}


def told(pane):
    return [action for _, actions in help_for(pane) for action in actions]


@pytest.fixture
def desk(tmp_path, open_desk, call, monkeypatch):
    return failing_desk(tmp_path, open_desk, call, monkeypatch)


async def test_every_key_of_every_screen_is_told_and_every_one_told_is_bound(desk):
    async with at_failure(desk, (120, 36), ascii=False) as (app, pilot):
        bench = app.screen
        for name, keys in WAYS.items():
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
            screen = app.screen
            panes = ["list", "tree", "detail", "tests"] if screen is bench else [screen.pane]
            listed = [action for pane in panes for action in told(pane)]
            here = bound(app)
            if isinstance(screen, HelpScreen):
                listed = told("box")
            written = {key for action in listed for key in action.keys if " " not in key}
            text = {key for action in listed if action.pane == "typing" for key in action.keys}
            if name == "editor":
                here = {key for key in here if len(key) > 1}  # a letter is typed there
            assert here - written == set(), name
            assert written - here - text == set(), name
            await home(app, pilot, bench)


async def test_what_is_told_of_typing_is_what_the_text_area_does():
    known = {(key, each.action) for each in TextArea.BINDINGS for key in each.key.split(",")}
    for action in told("edit"):
        if action.pane == "typing":
            assert {(key, action.name) for key in action.keys} <= known


async def test_the_help_of_every_screen_opens_and_names_the_keys_that_work_everywhere(desk):
    async with at_failure(desk, (120, 45), ascii=False) as (app, pilot):
        bench = app.screen
        for name in ("matrix", "scores", "compare", "agents", "editor", "value"):
            for key in (*WAYS[name], "f1" if name == "editor" else "?"):
                await pilot.press(key)
                await settled(pilot)
            assert isinstance(app.screen, HelpScreen), name
            page = "\n".join(line.text for line in app.screen.query_one("#modal-page").lines)
            if name != "value":
                assert "Ctrl-o" in page
            if name in ("matrix", "scores", "compare", "agents"):
                assert all(f"  {key} " in page for key in (":", "D", "T", "Esc")), name
            await home(app, pilot, bench)


@pytest.mark.parametrize("screen", [CloseScreen, ChangedScreen])
def test_a_question_names_its_keys_on_its_border(screen):
    asked = screen("file") if screen is CloseScreen else screen("file", b"a", b"b")
    for binding in screen.BINDINGS:
        assert any(f"{key} " in asked.hint for key in binding.key.split(","))


def test_every_box_has_help_of_its_own():
    for box in (ValueScreen, FlipsScreen, *Modal.__subclasses__()):
        assert help_for(box.pane), box


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_help_is_told_in_full_however_narrow(desk, size):
    async with at_failure(desk, size, ascii=False) as (app, pilot):
        await pilot.press("?")
        await settled(pilot)
        page = app.screen.page(app.screen.query_one(LineView).row_width)
        shown = " ".join("".join(piece.text for piece in line.pieces) for line in page)
        told = "".join(shown.split())  # a long name may be folded
        assert "…" not in told.replace("…evaluationpending", "")
        for _, actions in help_for(app.screen.pane):
            assert [a.help for a in actions if a.help.split()[-1] not in told] == []


# -- footers ---------------------------------------------------------------------------


async def clicked(pilot, app, text):
    """Click a key of the footer."""
    footer = app.screen.query_one("#footer", LineLabel)
    await pilot.click("#footer", offset=(footer.render_line(0).text.index(text), 0))
    await settled(pilot)


async def test_keys_of_every_footer_can_be_clicked(desk):
    async with at_failure(desk, (160, 45), ascii=False) as (app, pilot):
        bench = app.screen
        await pilot.press("M")
        await settled(pilot)
        matrix = app.screen
        await clicked(pilot, app, "failures")
        assert matrix.pane == "failures"
        await clicked(pilot, app, "help")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await clicked(pilot, app, "back")
        assert matrix.pane == "matrix"
        before = matrix.looking.preset
        await clicked(pilot, app, "w window")
        assert matrix.looking.preset != before
        await clicked(pilot, app, "Esc")
        assert app.screen is bench

        await pilot.press("S")
        await settled(pilot)
        axis = app.screen.axis
        await clicked(pilot, app, "axis")
        assert app.screen.axis != axis
        await home(app, pilot, bench)

        await pilot.press("w")
        await settled(pilot)
        left = app.screen.left
        await clicked(pilot, app, "x swap")
        assert app.screen.right == left
        await clicked(pilot, app, "next divergence")
        await home(app, pilot, bench)

        await pilot.press("A")
        await settled(pilot)
        await clicked(pilot, app, "add")
        assert isinstance(app.screen, ModalScreen)
        await home(app, pilot, bench)

        await pilot.press("e")
        await settled(pilot)
        await clicked(pilot, app, "help")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await clicked(pilot, app, "Esc close")
        assert app.screen is bench

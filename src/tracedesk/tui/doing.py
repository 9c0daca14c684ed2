"""Doing an action that was chosen by name, wherever it is at home.

An action of a pane is done with that pane at work. One of another screen opens that screen when
the workbench is in front, and says which key does it there.
"""

from typing import TYPE_CHECKING, Any

from textual.app import App

from tracedesk.tui.actions import OWN_SCREEN, OWN_SCREENS, PANE_TITLES, PANES, Action
from tracedesk.tui.view_models.command_line import Meant
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.screen import Screen

OPENERS = ("agents", "matrix", "scores", "compare")
"""Actions of the workbench that open the screens of ``OWN_SCREENS``, in that order."""


def on_workbench(screen: "Screen[Any]") -> bool:
    """Is the workbench in front?"""
    return getattr(screen, "pane", None) in PANES


async def do(app: "App[Any]", action: Action) -> None:
    """Do an action of the registry on the screen in front."""
    screen = app.screen
    pane = getattr(screen, "pane", None)
    lacks = getattr(screen, "lacks_a_trace", None)
    if action.pane in ("", *PANES) and lacks is not None and lacks(action):
        return
    if "." in action.name:
        await app.run_action(action.name.partition(".")[2])
    elif action.pane == "lines":
        if isinstance(app.focused, LineView):
            await app.focused.run_action(action.name)
    elif action.name == "help" or action.pane == pane or (not action.pane and on_workbench(screen)):
        await screen.run_action(action.name)
    elif action.pane in PANES and on_workbench(screen):
        screen.go_to_pane(action.pane)  # type: ignore[attr-defined]
        await screen.run_action(action.name)
    elif action.pane in OWN_SCREEN and (pane in _beside(action.pane) or on_workbench(screen)):
        await _elsewhere(app, action)
    else:
        app.notify(f"{action.label!r} is of another screen; Esc leaves this one.", markup=False)


async def _elsewhere(app: "App[Any]", action: Action) -> None:
    """An action of the other pane of this screen, or of a screen that is to be opened."""
    if on_workbench(app.screen):
        number = next(n for n, panes in enumerate(OWN_SCREENS) if action.pane in panes)
        await app.screen.run_action(OPENERS[number])
    title = PANE_TITLES[action.pane]
    app.notify(f"{action.shown_keys} does {action.label!r} in {title}.", markup=False)


def _beside(pane: str) -> tuple[str, ...]:
    return next(panes for panes in OWN_SCREENS if pane in panes)


async def obey(app: "App[Any]", meant: Meant) -> None:
    """Do what was typed after ``:``."""
    if meant.action is not None:
        await do(app, meant.action)
    elif meant.taking is not None:
        owner = app if meant.taking.everywhere else app.screen
        command = getattr(owner, f"command_{meant.taking.name}", None)
        if command is None:
            app.notify(f"{meant.taking.name} is of the workbench; Esc leads there.")
        else:
            command(meant.argument)

"""The app: themes, the command palette, and that no error ends it. The workbench is a screen."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import msgspec
from rich.console import RenderableType
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.markup import escape
from textual.screen import Screen

from tracedesk.desk import Desk
from tracedesk.query.names import nearest
from tracedesk.tui.actions import ACTIONS, PANE_TITLES, Action
from tracedesk.tui.ascii_mode import ASCII_FILTER, wants_ascii
from tracedesk.tui.circles import avoid_circles
from tracedesk.tui.doing import do, obey
from tracedesk.tui.notices import Notices
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.session import Session, read_session, write_session
from tracedesk.tui.steady import Steady, report
from tracedesk.tui.themes import DARK, THEMES, derived
from tracedesk.tui.view_models.command_line import History, Meant
from tracedesk.tui.view_models.filter_completion import Candidate

TOUR_LOOK_S = 0.2
"""How often it is looked whether there is a trace for the tour to be about."""


class TracedeskApp(Steady, Notices):
    """The workbench over a desk. ``run()`` returns when the user leaves."""

    CSS_PATH = "app.tcss"
    TITLE = "tracedesk"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+p", "command_palette", "Palette", show=False),
        Binding("ctrl+o", "jump_mode", "Jump", show=False),
        Binding("D", "log", "Log", show=False),
        Binding("T", "next_theme", "Theme", show=False),
        Binding("colon", "command_line", "Command", show=False),
    ]

    def __init__(
        self,
        desk: Desk,
        *,
        ascii: bool | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        strict: bool = False,
        after_first_frame: Callable[[], None] | None = None,
        session_file: Path | None = None,
        fresh: bool = False,
        tour_marker: Path | None = None,
    ) -> None:
        """``strict`` lets unexpected errors through, for tests; ``now_ns`` is the clock of ages.

        ``after_first_frame`` is called once the first frame is out: what it starts no longer
        competes with the start of the screen. ``session_file`` remembers where the user was;
        ``fresh`` begins anew, whatever it says. With ``tour_marker`` the tour begins once the
        first trace is open, and the marker says that it was shown.
        """
        super().__init__()
        avoid_circles()
        self._after_first_frame = after_first_frame
        self.desk = desk
        self.strict = strict
        self._ascii = wants_ascii(os.environ) if ascii is None else ascii
        self._now_ns = now_ns
        for theme in THEMES:
            self.register_theme(theme)
        self._tour_marker = tour_marker
        self.session_file = session_file
        known = session_file is not None and not fresh
        self.left = read_session(session_file) if session_file and known else Session()
        self.theme = self.left.theme if self.left.theme in self.available_themes else DARK.name
        self.history = History(self.left.history)

    def on_ready(self) -> None:
        if self._after_first_frame is not None:
            self.call_after_refresh(self._after_first_frame)
        if self._tour_marker is not None:
            self._tour_soon = self.set_interval(TOUR_LOOK_S, self._begin_tour)

    def _begin_tour(self) -> None:
        """Begin the tour once there is something to be shown, unless the user is elsewhere."""
        from tracedesk.tui.screens.tour import seen

        if self.workbench.opened is None or self._tour_marker is None:
            return
        self._tour_soon.stop()
        if self.screen is self.workbench:
            seen(self._tour_marker)
            self.action_tour()

    def get_default_screen(self) -> Screen[None]:
        self.workbench = Workbench(self.desk, self._now_ns, self.left)
        return self.workbench

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave, and remember where the user was."""
        if self.session_file is not None and self._running:
            place = self.workbench.place(self.left)
            history = tuple(self.history.lines)
            kept = msgspec.structs.replace(place, theme=self.theme, history=history)
            write_session(self.session_file, kept)
        super().exit(result, return_code, message)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action there is, those of the pane at work first; what several panes have, once.
        Moves are found by typing."""
        pane = getattr(screen, "pane", "")
        told: dict[tuple[str, str], list[Action]] = {}
        for action in sorted(ACTIONS, key=lambda action: action.pane not in ("", pane)):
            if action.name != "app.command_palette":
                told.setdefault((action.label, action.help), []).append(action)
        for (label, help_), (first, *others) in told.items():
            panes = [PANE_TITLES[a.pane] for a in (first, *others) if a.pane in PANE_TITLES]
            parts = (first.shown_keys if first.keys else "", ", ".join(panes))
            where = " · ".join(filter(None, parts))
            title = label[:1].upper() + label[1:]
            note = escape(f"{help_}  {where}".rstrip())
            yield SystemCommand(title, note, partial(self._do, first), first.palette)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What each painted line passes; the last of it, ASCII where nothing else can be shown."""
        filters = super().get_line_filters()
        return [*filters, ASCII_FILTER] if self._ascii else filters

    # -- commands --------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        self.run_worker(do(self, action), exit_on_error=False)

    # -- colours ---------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our variables, for themes that are not ours."""
        return derived(self.current_theme)

    def action_next_theme(self) -> None:
        """Dark, light, high contrast, and round."""
        ours = [theme.name for theme in THEMES]
        at = ours.index(self.theme) + 1 if self.theme in ours else 0
        self.theme = ours[at % len(ours)]

    def action_themes(self) -> None:
        """All themes, from a list."""
        self.search_themes()

    def command_theme(self, name: str) -> None:
        """The theme of a name; without one, a list of them."""
        known = self.available_themes
        if not name:
            self.search_themes()
        elif name in known or f"tracedesk-{name}" in known:
            self.theme = name if name in known else f"tracedesk-{name}"
        else:
            close = nearest(name, known)
            meant = f"; did you mean {close}?" if close else ""
            self.notify(f"No theme {name[:40]!r}{meant}", severity="warning", markup=False)

    # -- places ----------------------------------------------------------------------

    def action_tour(self) -> None:
        """The tour, over the workbench."""
        from tracedesk.tui.screens.tour import TourScreen

        if self.screen is self.workbench and self.workbench.opened is not None:
            here = self.workbench
            leave = lambda _: here.go_to_pane(here.pane)  # noqa: E731 - where the tour has led
            self.push_screen(TourScreen(), leave)
        else:
            self.notify("The tour needs the workbench with a trace in it.")

    def action_log(self) -> None:
        """What was logged."""
        from tracedesk.tui.screens.log_screen import LogScreen

        self.push_screen(LogScreen(self.desk.workspace.log))

    def action_jump_mode(self) -> None:
        """Label what is on screen, and go where a label is typed."""
        from tracedesk.tui.screens.jump import JumpScreen, places

        near, rows = places(self.screen)
        if near or rows:
            self.push_screen(JumpScreen(near, rows))

    def action_command_line(self) -> None:
        """Ask for a command, and do it on the screen that is in front."""
        from tracedesk.tui.screens.command_line import CommandLine

        pane = getattr(self.screen, "pane", "")
        of_screen = getattr(self.screen, "words_after", lambda command: ())

        def words(command: str) -> Sequence[Candidate]:
            if command == "theme":
                return [Candidate(name) for name in sorted(self.available_themes)]
            return of_screen(command)

        def follow(meant: Meant | None) -> None:
            if meant is not None:
                self.run_worker(obey(self, meant), exit_on_error=False)

        self.push_screen(CommandLine(pane, self.history, words), follow)

    def _handle_exception(self, error: Exception) -> None:
        """Errors outside message handlers, once the app is up; before that there is no app."""
        if self.strict or not self._running or not isinstance(self.screen, Screen):
            super()._handle_exception(error)
        else:
            report(self, error, "painting")

"""The app: themes, the command palette, and that no error ends it. The workbench is a screen."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.markup import escape
from textual.screen import ModalScreen, Screen

from tracedesk.desk import Desk
from tracedesk.tui.actions import ACTIONS, OWN_SCREEN, PANE_TITLES
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.steady import Steady, report
from tracedesk.tui.themes import DARK, THEMES


class TracedeskApp(Steady, App[None]):
    """The workbench over a desk. ``run()`` returns when the user leaves."""

    CSS_PATH = "app.tcss"
    TITLE = "tracedesk"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+p", "command_palette", "Palette", show=False),
    ]

    def __init__(
        self,
        desk: Desk,
        *,
        ascii: bool | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        strict: bool = False,
        after_first_frame: Callable[[], None] | None = None,
    ) -> None:
        """``strict`` lets unexpected errors through, for tests; ``now_ns`` is the clock of ages.

        ``after_first_frame`` is called once the first frame is out: what it starts no longer
        competes with the start of the screen.
        """
        super().__init__()
        self._after_first_frame = after_first_frame
        self.desk = desk
        self.strict = strict
        self.ascii = wants_ascii(os.environ) if ascii is None else ascii
        self._now_ns = now_ns
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_ready(self) -> None:
        if self._after_first_frame is not None:
            self.call_after_refresh(self._after_first_frame)

    def get_default_screen(self) -> Screen[None]:
        return Workbench(self.desk, self._now_ns, ascii=self.ascii)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Our own actions; what belongs to a pane says so."""
        pane = getattr(screen, "pane", None)
        if pane is None or isinstance(screen, ModalScreen):
            return
        for action in ACTIONS:
            everywhere = not action.pane and pane not in OWN_SCREEN
            if not action.palette or not (everywhere or action.pane == pane):
                continue
            title = action.label[:1].upper() + action.label[1:]
            where = f" · {PANE_TITLES[action.pane]}" if action.pane else ""
            yield SystemCommand(
                title,
                escape(f"{action.help}  {action.shown_keys}{where}"),
                lambda name=action.name: self.run_worker(
                    screen.run_action(name), exit_on_error=False
                ),
            )

    def _handle_exception(self, error: Exception) -> None:
        """Errors outside message handlers, once the app is up; before that there is no app."""
        if self.strict or not self._running or not isinstance(self.screen, Screen):
            super()._handle_exception(error)
        else:
            report(self, error, "painting")


def wants_ascii(environment: "os._Environ[str] | dict[str, str]") -> bool:
    """True when asked for, or when the terminal's encoding has no box-drawing characters."""
    asked = environment.get("TRACEDESK_ASCII")
    if asked is not None:
        return asked not in ("", "0")
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return not encoding.startswith("utf")

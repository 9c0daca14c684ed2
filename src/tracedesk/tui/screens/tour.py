"""The tour for who sees the workbench for the first time: five steps, each at its pane.

Shown once a user: a marker in the folder for state says that it was.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Static

from tracedesk.tui.steady import Steady

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 56, 9
"""Cells of a step's box at most."""


class Step(msgspec.Struct, frozen=True):
    """One step, and the pane it is about."""

    pane: str
    title: str
    text: str


STEPS = (
    Step("list", "Traces",
         "What your agents sent, the newest first. ✖ failed by itself, ✗ failed an assertion."
         " j and k move, Enter opens, f filters: status:failed dur>2s."),
    Step("tree", "Spans",
         "What happened, in time. ] f goes to the next failed assertion, ] e to the next error;"
         " h and l fold, / searches. The right edge counts verdicts."),
    Step("detail", "Detail and verdicts",
         "What was said and done: 1 to 6 choose the tab. x explains where a value came from."
         " 6 shows verdicts with expected and actual side by side."),
    Step("tests", "Tests, as you save them",
         "Your test cases on this trace, failing first. Save a file in any editor and it runs at"
         " once; e edits it here, a writes an assertion for what is under the cursor."),
    Step("list", "Help",
         "? lists the keys of the pane, Ctrl-p finds every command, : takes one by name,"
         " Ctrl-o jumps. :tour shows this again."),
)  # fmt: skip


class TourScreen(Steady, ModalScreen[None]):
    """A box at the pane concerned; Enter goes on, Escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right,l,space", "step(1)", "next", show=False),
        Binding("left,h,backspace", "step(-1)", "back", show=False),
        Binding("escape,q", "dismiss", "leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def compose(self) -> ComposeResult:
        yield Static(id="tour", classes="box", markup=False)

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def action_step(self, by: int) -> None:
        """The next step or the one before; after the last the tour is over."""
        if self.at + by >= len(STEPS):
            self.dismiss()
        else:
            self.at = max(0, self.at + by)
            self.show()

    def on_click(self) -> None:
        self.action_step(1)

    def show(self) -> None:
        """Bring the pane to the front, and put the box over it once it stands."""
        step, below = STEPS[self.at], self.app.screen_stack[0]
        if hasattr(below, "set_pane"):
            below.set_pane(step.pane)
        box = self.query_one("#tour", Static)
        hint = f"{self.at + 1} of {len(STEPS)} · Enter next · Esc leaves"
        box.update(Content(step.text))
        box.border_title, box.border_subtitle = Content(step.title), Content(hint)
        self.call_after_refresh(self._place)

    def _place(self) -> None:
        pane = self.app.screen_stack[0].query_one(f"#{STEPS[self.at].pane}-pane")
        region, size = pane.region, self.size
        width = min(WIDTH, size.width - 2)
        x = min(region.x + 3, size.width - width - 1)
        y = min(region.y + 2, size.height - HEIGHT)
        box = self.query_one("#tour", Static)
        box.styles.width = width
        box.styles.offset = Offset(max(x, 1), max(y, 0))


def wanted(environment: Mapping[str, str], terminal: bool, marker: Path) -> bool:
    """Is the tour to begin by itself: for a person at a terminal who has not seen it."""
    return terminal and not environment.get("TRACEDESK_NO_TOUR") and not marker.exists()


def marker_path() -> Path:
    """What says that this user has seen the tour."""
    from platformdirs import user_state_path

    return user_state_path("tracedesk", appauthor=False) / "tour-seen"


def seen(marker: Path) -> None:
    """Remember that the tour was shown."""
    try:
        marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(marker, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as fault:
        log.warning("that the tour was shown could not be kept: %s", fault)

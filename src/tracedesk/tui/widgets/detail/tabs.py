"""The tabs over the detail page: a number key each, a click each."""

from typing import ClassVar

from textual import events
from textual.message import Message

from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells
from tracedesk.tui.widgets.line_label import LineLabel

TABS = ("reading", "chat", "attributes", "events", "raw", "verdicts")
"""In the order of their number keys, from 1."""


class DetailTabs(LineLabel):
    """One line of tab names; the chosen one stands out."""

    SHORT: ClassVar[dict[str, str]] = {"attributes": "attrs"}
    """Names for a pane too narrow for the long ones."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._ends: list[tuple[int, str]] = []

    def choose(self, chosen: str, empty: frozenset[str] = frozenset()) -> None:
        """Show which tab is chosen; tabs with nothing in them are faint."""
        names = {tab: tab.capitalize() for tab in TABS}
        width = self.size.width
        roomy = width >= sum(len(tab) + 4 for tab in TABS)
        if not roomy:
            names = {tab: self.SHORT.get(tab, tab).capitalize() for tab in TABS}
        beside = " " if width >= sum(len(name) + 3 for name in names.values()) else ""
        pieces: list[Piece] = []
        at = 0
        self._ends = []
        for number, tab in enumerate(TABS, 1):
            role = "heading" if tab == chosen else ("faint" if tab in empty else "dim")
            after = "  " if roomy else " "
            for piece in (Piece(f"{number}{beside}", "faint"), Piece(names[tab] + after, role)):
                pieces.append(piece)
                at += cells(piece.text)
            self._ends.append((at, tab))
        self.show(pieces)

    @property
    def starts(self) -> list[tuple[int, str]]:
        """Where each tab begins, in cells from the left."""
        ends = [0, *(end for end, _ in self._ends)]
        return [(start, tab) for start, (_, tab) in zip(ends, self._ends, strict=False)]

    def on_click(self, event: events.Click) -> None:
        for end, tab in self._ends:
            if event.x < end:
                self.post_message(self.Chosen(tab))
                return

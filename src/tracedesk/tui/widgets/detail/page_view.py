"""One page of the detail pane: lines made for the width at hand, each able to open."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.widgets.line_view import LineView

MakePage = Callable[[int], list[Line]]
"""Makes the lines of a page for a width in cells."""


class PageView(LineView):
    """Lines of a page, made again when the pane changes its width."""

    def __init__(self, *, id: str = "page") -> None:
        super().__init__(id=id)
        self.lines: list[Line] = []
        self._make: MakePage | None = None
        self._made_for = 0

    def show(self, make: MakePage | None, *, keep_place: bool = False) -> None:
        """Show another page, from its top unless it is the same page made again."""
        self._make = make
        before = self.lines
        self._lay_out()
        if self.lines != before:
            self.changed(len(self.lines), self.cursor if keep_place else 0)
        if not keep_place:
            self.cursor = 0
            self.scroll_at_once(0)

    def _lay_out(self) -> None:
        self._made_for = self.row_width
        self.lines = self._make(self.row_width) if self._make and self.row_width > 0 else []

    def on_resize(self, event: events.Resize) -> None:
        if self.row_width != self._made_for:
            self._lay_out()
            self.changed(len(self.lines))
        super().on_resize(event)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return self.lines[row].pieces

    @property
    def target(self) -> Line | None:
        """The line under the cursor; of a heading, the line of what it heads."""
        if self.cursor >= len(self.lines):
            return None
        line = self.lines[self.cursor]
        below = self.lines[self.cursor + 1 : self.cursor + 2]
        headed = line.pieces and line.pieces[0].role == "heading" and not line.leads
        return below[0] if headed and below else line


class DetailPage(PageView):
    """The page of the detail pane, with its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("detail")]

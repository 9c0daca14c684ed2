"""A value in full: rows of a ``TextDocument``, more of them as the cursor comes near an end."""

from collections.abc import Iterable

from textual import events

from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.document import TextDocument
from tracedesk.tui.widgets.line_view import LineView

NEAR = 60
"""Rows between the cursor and an end of what is laid out, from which more is laid out."""


class ValueView(LineView):
    """Rows of one text; what lies beyond them is told in characters by the screen around."""

    def __init__(self, *, id: str = "value") -> None:
        super().__init__(id=id)
        self.document: TextDocument | None = None
        self.marked = ""
        """What was searched for; it stands out."""
        self._text = ""
        self._wanted_at = 0

    def show(self, text: str) -> None:
        """Show a text from its beginning."""
        self._text = text
        self.document = None
        self._wanted_at = 0
        self._lay_out()

    def _lay_out(self) -> None:
        """The same place of the text in the width of now."""
        if self.row_width <= 0:
            return
        if self.document is not None:
            self._wanted_at = self.document.offset_of(self.cursor)
        self.document = TextDocument(self._text, self.row_width)
        self.go(self._wanted_at)

    def go(self, offset: int) -> None:
        """Put the cursor on the row that holds an offset."""
        if self.document is None:
            self._wanted_at = offset
            return
        row = self.document.row_at(offset)
        self.changed(self.document.rows, row)
        self.show_row(self.cursor)
        self._grow()

    @property
    def place(self) -> int:
        """Where the row of the cursor starts in the text."""
        return 0 if self.document is None else self.document.offset_of(self.cursor)

    def on_resize(self, event: events.Resize) -> None:
        if self.document is None or self.document.width != max(self.row_width, 4):
            self._lay_out()
        super().on_resize(event)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        text = "" if self.document is None else self.document.row(row)
        at = text.lower().find(self.marked) if self.marked else -1
        if at < 0:
            return [Piece(text)]
        end = at + len(self.marked)
        return [Piece(text[:at]), Piece(text[at:end], "match"), Piece(text[end:])]

    # -- moving ----------------------------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        super().watch_cursor(old, new)
        self._grow()

    def _grow(self) -> None:
        """Lay more out where the cursor comes near an end of what is laid out."""
        document = self.document
        if document is None:
            return
        if document.below and self.cursor >= document.rows - NEAR and document.grow_down():
            self.changed(document.rows)
        if document.above and self.cursor < NEAR and (grown := document.grow_up()):
            top = self.scroll_offset.y
            self.changed(document.rows, self.cursor + grown)
            self.scroll_at_once(top + grown)

    def action_cursor_first(self) -> None:
        self.go(0)

    def action_cursor_last(self) -> None:
        self.go(max(0, len(self._text) - 1))

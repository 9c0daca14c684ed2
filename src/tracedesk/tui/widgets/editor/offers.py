"""The words that may be written at the cursor, in a box beside it."""

from collections.abc import Iterable

from textual.geometry import Offset, Size

from tracedesk.authoring.completion import Completion, Completions
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad
from tracedesk.tui.widgets.line_view import LineView

MOST_LINES = 8
MOST_CELLS = 64


class OffersView(LineView, can_focus=False):
    """A line a word. The text keeps the focus."""

    def __init__(self) -> None:
        super().__init__(id="offers")
        self.found: Completions | None = None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        word = self._words[row]
        name = pad(f" {word.word} ", min(width, max(12, width // 2)))
        return [Piece(name, "accent"), Piece(fit(word.doc, width - cells(name)), "dim")]

    @property
    def _words(self) -> tuple[Completion, ...]:
        return () if self.found is None else self.found.words

    @property
    def chosen(self) -> Completion | None:
        """The word under the cursor."""
        return self._words[self.cursor] if self.cursor < len(self._words) else None

    def offer(self, found: Completions | None, at: Offset, room: Size) -> None:
        """Show words below a place of the screen, above it where there is no room below."""
        self.found = found
        self.display = bool(self._words)
        if not self._words:
            return
        height = min(len(self._words), MOST_LINES)
        width = min(MOST_CELLS, max(20, room.width - 2))
        self.styles.height, self.styles.width = height, width
        below = at.y + 1 + height <= room.height
        y = at.y + 1 if below else max(0, at.y - height)
        self.styles.offset = (max(0, min(at.x, room.width - width - 1)), y)
        self.changed(len(self._words), 0)

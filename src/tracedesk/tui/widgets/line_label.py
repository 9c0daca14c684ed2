"""One line of pieces that is replaced as a whole: header, breadcrumb, footer, tabs."""

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.tui.lines import Piece
from tracedesk.tui.steady import Steady
from tracedesk.tui.text import cells
from tracedesk.tui.widgets.roles import strip_of


class LineLabel(Steady, Widget):
    """Pieces from the left, pieces from the right; the left ones win when it gets narrow."""

    class Clicked(Message):
        """A piece was clicked: ``pieces[at]``; the first ``left`` of them stand on the left."""

        def __init__(self, label: "LineLabel", pieces: Sequence[Piece], at: int, left: int) -> None:
            super().__init__()
            self.label, self.pieces, self.at, self.left = label, pieces, at, left

        @property
        def control(self) -> "LineLabel":
            return self.label

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: Sequence[Piece] = ()
        self._right: Sequence[Piece] = ()

    @property
    def text(self) -> str:
        """What is shown, without its roles."""
        return "".join(piece.text for piece in (*self._left, *self._right))

    def show(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Replace what is shown; paints only when it is something else."""
        if (tuple(left), tuple(right)) != (self._left, self._right):
            self._left, self._right = tuple(left), tuple(right)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Say which piece was clicked; nothing between the left and the right ones."""
        right_from = self.size.width - width_of(self._right)
        room = width_of(self._left)
        if event.x < room:
            pieces, first, x = self._left, 0, event.x
        elif event.x >= right_from:
            pieces, first, x = self._right, len(self._left), event.x - right_from
        else:
            return
        for at, piece in enumerate(pieces, first):
            x -= cells(piece.text)
            if x < 0:
                told = (*self._left, *self._right)
                self.post_message(self.Clicked(self, told, at, len(self._left)))
                return

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        left, right = strip_of(self, self._left), strip_of(self, self._right)
        room = width - right.cell_length
        if left.cell_length + 1 > room:
            return left.adjust_cell_length(width, self.rich_style)
        return Strip.join([left.adjust_cell_length(room, self.rich_style), right])


def width_of(pieces: Sequence[Piece]) -> int:
    """Cells that pieces take."""
    return sum(cells(piece.text) for piece in pieces)

"""One line of pieces that is replaced as a whole: header, breadcrumb, footer, tabs."""

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.tui.lines import Piece
from tracedesk.tui.steady import Steady
from tracedesk.tui.text import ASCII, cells, plain
from tracedesk.tui.widgets.roles import role_style


class LineLabel(Steady, Widget):
    """Pieces from the left, pieces from the right; the left ones win when it gets narrow."""

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
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

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        left = self._strip(self._left)
        right = self._strip(self._right)
        room = width - right.cell_length
        if left.cell_length + 1 > room:
            return left.adjust_cell_length(width, self.rich_style)
        return Strip.join([left.adjust_cell_length(room, self.rich_style), right])

    def _strip(self, pieces: Sequence[Piece]) -> Strip:
        segments = []
        for text, role in pieces:
            shown = plain(text)
            if self.ascii:
                shown = shown.translate(ASCII)
            segments.append(Segment(shown, self.rich_style + role_style(self, role)))
        return Strip(segments)


def width_of(pieces: Sequence[Piece]) -> int:
    """Cells that pieces take."""
    return sum(cells(piece.text) for piece in pieces)

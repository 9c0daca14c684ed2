"""The span tree with its waterfall: one line a span, and the time scale above them."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.model.trace import Span
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import pad, pad_left
from tracedesk.tui.view_models.marks import Marks
from tracedesk.tui.view_models.span_line import (
    Columns,
    TimeColumn,
    columns_for,
    guides,
    span_line,
)
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.widgets.line_view import LineView
from tracedesk.tui.widgets.roles import strip_of


class SpanTreeView(LineView):
    """The rows of the open trace."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("tree")]

    def __init__(self) -> None:
        super().__init__(id="spans")
        self.rows: SpanRows | None = None
        self.marks = Marks()
        self.mode = TimeColumn.DURATION
        self.compact = False
        """True where one pane fills a small screen: bars of eight cells."""

    @property
    def columns(self) -> Columns:
        return columns_for(self.row_width, compact=self.compact)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        if self.rows is None:
            return []
        at = self.rows.visible[row]
        return span_line(
            self.rows, at, columns_for(width, compact=self.compact), self.marks, self.mode
        )

    # -- what is shown ---------------------------------------------------------------

    def show(self, rows: SpanRows | None, marks: Marks, row: int = 0) -> None:
        """Show another trace, or the same one grown, with the cursor on ``row``."""
        self.rows, self.marks = rows, marks
        if rows is None:
            self.changed(0, 0)
        else:
            self.changed(len(rows), rows.line_of(row))

    def set_marks(self, marks: Marks, row: int | None = None) -> None:
        """Newer verdicts; ``row`` is where the cursor was, for rows may have come to stand
        alone meanwhile."""
        self.marks = marks
        if row is None:
            self.repaint()
        else:
            self.rebuilt(row)

    def set_mode(self, mode: TimeColumn) -> None:
        self.mode = mode
        self.repaint()

    @property
    def row(self) -> int | None:
        """The tree row under the cursor."""
        if self.rows is None or not len(self.rows):
            return None
        return self.rows.visible[min(self.cursor, len(self.rows) - 1)]

    @property
    def span(self) -> Span | None:
        """The span under the cursor."""
        row = self.row
        return None if self.rows is None or row is None else self.rows.span(row)

    # -- moving and folding ----------------------------------------------------------

    def rebuilt(self, row: int) -> None:
        """The visible rows are others now; the cursor goes to ``row`` or what hides it."""
        if self.rows is not None:
            self.changed(len(self.rows), self.rows.line_of(row))

    def go(self, row: int) -> None:
        """Put the cursor on a row, unfolding what hides it."""
        if self.rows is None:
            return
        if self.rows.is_visible(row):
            self.cursor = self.rows.line_of(row)
        else:
            self.rows.reveal(row)
            self.rebuilt(row)

    def toggle(self, row: int) -> None:
        if self.rows is not None and self.rows.toggle(row):
            self.rebuilt(row)

    def clicked(self, row: int, x: int) -> None:
        """A click on the fold marker folds."""
        if self.rows is None:
            return
        at = self.rows.visible[row]
        if x == len(guides(self.rows, at, self.columns.label)):
            self.toggle(at)


class TimeRuler(Widget):
    """Column titles and the time scale, aligned with the rows of a tree; below them, where
    there is room or something to say, the whole trace on one line."""

    def __init__(self, tree: SpanTreeView) -> None:
        super().__init__(id="ruler")
        self.spans = tree

    def told(self) -> None:
        """The time on screen may be another one."""
        rows = self.spans.rows
        self.set_class(rows is not None and rows.time.altered, "-altered")
        self.refresh()

    def render_line(self, y: int) -> Strip:
        columns = self.spans.columns
        rows = self.spans.rows
        pieces = self._scale(columns, rows) if y == 0 else self._map(columns, rows)
        return strip_of(self, pieces).adjust_cell_length(self.size.width, self.rich_style)

    def _scale(self, columns: Columns, rows: SpanRows | None) -> list[Piece]:
        left = pad(" span", columns.label + columns.model + columns.tokens)
        pieces = [Piece(left + pad_left(str(self.spans.mode), columns.time), "faint")]
        axis = None if rows is None else rows.time.shown
        if axis is not None and columns.bar:
            pieces.append(Piece("  " + axis.ticks(columns.bar), "dim"))
        return pieces

    def _map(self, columns: Columns, rows: SpanRows | None) -> list[Piece]:
        if rows is None or not columns.bar:
            return []
        said = " " + " · ".join(rows.time.told())
        frame = Piece("┃", "faint")
        left = Piece(pad(said, columns.bar_at - 1), "dim")
        return [left, frame, *rows.time.minimap(columns.bar), frame]

"""The tests drawer: results of the open trace, failing first."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.view_models.results import Result, Results
from tracedesk.tui.widgets.line_view import LineView


class ResultsView(LineView):
    """Files, cases and assertions with their outcome."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("tests")]

    def __init__(self, model: Results) -> None:
        super().__init__(id="results")
        self.model = model
        self._painted: list[Line] = []

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return self.model.rows[row].line.pieces

    @property
    def result(self) -> Result | None:
        """The result under the cursor."""
        rows = self.model.rows
        return rows[self.cursor] if self.cursor < len(rows) else None

    def rebuilt(self, key: str | None) -> None:
        """The rows are others now; the cursor stays with ``key``, or at the top without one."""
        at = 0 if key is None else self.model.index_of(key)
        lines = [row.line for row in self.model.rows]
        if lines != self._painted or not lines:
            self._painted = lines
            self.changed(len(lines), at)
        if key is None:
            self.cursor = 0
            self.scroll_at_once(0)

    def clicked(self, row: int, x: int) -> None:
        result = self.model.rows[row]
        if result.level < 2 and x <= 2 * result.level + 1:
            self.model.toggle(result.key)
            self.rebuilt(result.key)

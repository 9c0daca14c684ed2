"""The list of the Compare screen."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.compared import Compared, compared_line
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_view import LineView


class ComparedView(LineView):
    """A line a pair of calls, or a call that stands alone."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("compare")]

    def __init__(self) -> None:
        super().__init__(id="compare")
        self.model: Compared | None = None

    def show(self, model: Compared, cursor: int) -> None:
        """Other lines, with the cursor on one of them."""
        self.model = model
        self.changed(len(model), cursor)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return [] if self.model is None else compared_line(self.model, row, width)


class DifferenceView(PageView):
    """The page about the line under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("difference")]

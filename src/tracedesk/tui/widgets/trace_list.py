"""The list of stored traces: paints what the view model has, and says what it lacks."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import BindingType

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import WindowMoved
from tracedesk.tui.view_models.trace_list import Snapshot, TraceList, entry_line
from tracedesk.tui.widgets.line_view import LineView


class TraceListView(LineView):
    """One line a trace, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list")]

    def __init__(self, model: TraceList, now_ns: Callable[[], int]) -> None:
        super().__init__(id="traces")
        self.model = model
        self.now_ns = now_ns

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        entry = self.model.entry(row)
        if entry is None:
            return [Piece("  …", "faint")]
        pieces = entry_line(entry, width, self.now_ns(), entry.row.id in self.model.marked)
        compared = entry.row.id == self.model.compared_id
        return [Piece("A", "side-a"), *pieces[1:]] if compared else pieces

    def watch_cursor(self, old: int, new: int) -> None:
        self.model.move_to(new)
        super().watch_cursor(old, new)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.model.lacks(*self.window):
            self.post_message(WindowMoved())

    @property
    def window(self) -> tuple[int, int]:
        """First row on screen, and how many fit."""
        return self.scroll_offset.y, max(1, self.scrollable_content_region.height)

    def show(self, snapshot: Snapshot) -> None:
        """Take over what was read; what the user looks at stays where it is."""
        moved = self.model.install(snapshot)
        filtered = self.model.where is not None
        self.empty_note = " no trace fits this filter" if filtered else ""
        top = self.scroll_offset.y
        with self.prevent(WindowMoved):  # whoever shows a snapshot asks for what it lacks
            self.changed(self.model.total)
            if moved and top and not self.model.follow:
                self.scroll_at_once(max(0, top + moved))
            self.cursor = self.model.cursor
            self.show_row(self.cursor)

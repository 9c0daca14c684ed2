"""What keys do in the span tree: folding, jumping, and the stretch of time on screen."""

from collections.abc import Callable

from textual import on, work

from tracedesk.tui.messages import ActivityRead, PathFound
from tracedesk.tui.screens.sending import Sending
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.window import FACTOR, PAN
from tracedesk.tui.widgets.span_tree import TimeRuler


class Spans(Sending):
    """Actions of the tree."""

    # -- folding ---------------------------------------------------------------------

    def action_unfold(self) -> None:
        row = self.span_view.row
        if self.rows is None or row is None:
            return
        if self.rows.folded[row]:
            self.span_view.toggle(row)
        elif self.rows.has_children(row):
            self.span_view.cursor += 1

    def action_fold(self) -> None:
        """Fold the row, or the run of siblings it is one of; else go to its parent."""
        row = self.span_view.row
        if self.rows is not None and row is not None:
            if self.rows.can_fold(row):
                self.span_view.toggle(row)
            else:
                self.action_parent()

    def action_parent(self) -> None:
        row = self.span_view.row
        if self.rows is not None and row is not None:
            above = self.rows.parent_of(row)
            if above is not None:
                self.span_view.go(above)

    def action_fold_all(self) -> None:
        self._refold(lambda rows: rows.fold_all())

    def action_unfold_all(self) -> None:
        self._refold(lambda rows: rows.unfold_all())

    def _refold(self, change: Callable[[SpanRows], None]) -> None:
        row = self.span_view.row
        if self.rows is not None and row is not None:
            change(self.rows)
            self.span_view.rebuilt(row)

    def open_span(self) -> None:
        """Enter: open a run of siblings, or go to the detail of the span."""
        row = self.span_view.row
        if self.rows is not None and row is not None and self.rows.is_group(row):
            self.span_view.toggle(row)
        else:
            self.go_to_pane("detail")

    def action_jump(self, what: str, step: int) -> None:
        row = self.span_view.row
        if self.rows is None or row is None:
            return
        found = self.rows.next_of(what, row, step)
        if found is None:
            names = {"failure": "failed assertion points at a span", "error": "span failed"}
            self.notify(f"No {names.get(what, what + ' here')}.")
            return
        self.span_view.go(found)
        if what == "failure":
            self.tab = "verdicts"
            self.show_page()
        if self.pane == "list":
            self.go_to_pane("tree")

    # -- time ------------------------------------------------------------------------

    def action_time_column(self) -> None:
        self.span_view.set_mode(self.span_view.mode.next)
        self.show_time()

    def action_zoom(self, step: int) -> None:
        """Show less or more time around the span under the cursor."""
        row = self.span_view.row
        if self.rows is None or row is None or self.rows.time.window is None:
            self.notify("This trace has no times.")
            return
        window = self.rows.time.window
        middle = self.rows.time.middle(row)
        around = window.middle_ns if middle is None else middle
        if window.scale(around, FACTOR**step):
            self.show_time()

    def action_zoom_reset(self) -> None:
        if self.rows is not None and self.rows.time.window is not None:
            self.rows.time.window.reset()
            self.show_time()

    def action_pan(self, step: int) -> None:
        """Move along the time axis; there is nowhere to go while all of it is shown."""
        window = None if self.rows is None else self.rows.time.window
        if window is not None and window.pan(step * PAN):
            self.show_time()
        elif window is not None and not window.zoomed:
            self.notify("The whole trace is on screen; + zooms in.")

    def action_idle(self) -> None:
        """Fold the idle gaps of the time axis, or draw them in full."""
        window = None if self.rows is None else self.rows.time.window
        if window is None or not window.toggle_idle():
            self.notify("No idle gap here is longer than 5% of the trace.")
        self.show_time()

    def show_time(self) -> None:
        """The stretch of time on screen is another one."""
        self.span_view.repaint()
        self.query_one(TimeRuler).told()

    @on(ActivityRead)
    def _activity_read(self, message: ActivityRead) -> None:
        message.rows.time.take(message.activity)
        if message.rows is self.rows:
            self.show_time()

    # -- the critical path -----------------------------------------------------------

    def action_critical_path(self) -> None:
        """Mark the spans on the critical path of the tree under the cursor, or unmark them."""
        row = self.span_view.row
        if self.rows is None or row is None:
            return
        if self.rows.time.path is not None:
            self.rows.time.path = None
            self.show_time()
        else:
            self.find_path(self.rows, row)

    @work(thread=True, exclusive=True, exit_on_error=False, group="path")
    def find_path(self, rows: SpanRows, row: int) -> None:
        """All spans below a root are sorted: a second or two for a million."""
        self.post_message(PathFound(rows, rows.time.find_path(row)))

    @on(PathFound)
    def _path_found(self, message: PathFound) -> None:
        if message.rows is not self.rows:
            return
        if message.path is None:
            self.notify("The root of this span has no duration, so nothing decided when it ended.")
        else:
            message.rows.time.path = message.path
            self.show_time()

    def go_to_pane(self, pane: str) -> None:
        """Show a pane and give it the focus."""
        raise NotImplementedError

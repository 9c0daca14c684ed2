"""The workbench taken up where it was left: filter, trace, span, pane, tab and time column."""

from typing import TYPE_CHECKING

import msgspec

from tracedesk.desk import OpenTrace
from tracedesk.tui.actions import PANES
from tracedesk.tui.screens.commanding import Commanding
from tracedesk.tui.session import Session
from tracedesk.tui.view_models.fold_memory import Folded, remembered
from tracedesk.tui.view_models.span_line import TimeColumn
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.widgets.detail.tabs import TABS

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts


class Resuming(Commanding):
    """Remembers its place, and goes back there."""

    _left: Session | None = None
    """Where to go once the trace of that place is there."""

    _folds: tuple[Folded, ...] = ()
    """What was folded in the traces looked at last."""

    def take_up(self, left: Session) -> None:
        """Begin where the workbench was left; what is gone by now is passed over."""
        self._folds = left.folds
        if left.tab in TABS:
            self.tab = left.tab
        if left.time in list(TimeColumn):
            self.span_view.set_mode(TimeColumn(left.time))
        if left.trace:
            self.traces.cursor_id, self.traces.cursor_number = left.trace, left.number
            self._left = left
        if left.filter:
            self.set_filter(left.filter)

    def place(self, left: Session) -> Session:
        """Where the workbench is now, in what is remembered."""
        opened, span = self.opened, self.span
        self._keep_folds()
        left = msgspec.structs.replace(left, folds=self._folds)
        if opened is None:
            return msgspec.structs.replace(left, filter=self.traces.filter_text, tab=self.tab)
        return msgspec.structs.replace(
            left,
            trace=opened.row.id,
            number=opened.row.number,
            span="" if span is None else span.span_id,
            pane=self.pane,
            tab=self.tab,
            filter=self.traces.filter_text,
            time=str(self.span_view.mode),
        )

    def show_trace(
        self, opened: OpenTrace, rows: SpanRows, verdicts: "TraceVerdicts | None"
    ) -> None:
        if self.opened is None or self.opened.row.id != opened.row.id:
            self._keep_folds()
            for folds in self._folds:
                if folds.trace == opened.row.id:
                    folds.restore(rows)
        super().show_trace(opened, rows, verdicts)
        left = self._left
        if left is None or opened.sketch:
            return
        self._left = None
        if left.trace == opened.row.id and self.pane == "list":
            row = rows.row_of(left.span) if left.span else None
            if row is not None:
                self.span_view.go(row)
            if left.pane in PANES:
                self.go_to_pane(left.pane)

    def leave_trace(self) -> None:
        self._keep_folds()
        super().leave_trace()

    def _keep_folds(self) -> None:
        """Remember what is folded in the open trace."""
        if self.opened is not None and self.rows is not None and self.latest is None:
            latest = Folded.of(self.opened.row.id, self.rows)
            self._folds = remembered(self._folds, latest)

"""The failure matrix: cases × stages, and below it what stands behind the chosen cell."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tracedesk.evaluation.matrix import failures_of, matrix_of
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.counting import CountingScreen
from tracedesk.tui.view_models.counted import cell_title, matrix_head
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.widgets.counted import FailuresView, MatrixView
from tracedesk.tui.widgets.field_bar import FieldBar
from tracedesk.tui.widgets.line_label import LineLabel


class MatrixScreen(CountingScreen):
    """Where cases break."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("M", "close", "close", show=False)]
    title_text = "failure matrix"

    def compose(self) -> ComposeResult:
        yield LineLabel(ascii=self.ascii, id="header")
        with Vertical(id="matrix-pane", classes="pane"):
            yield LineLabel(ascii=self.ascii, id="matrix-head")
            yield MatrixView(ascii=self.ascii)
        with Vertical(id="failures-pane", classes="pane"):
            yield FailuresView(self.now_ns, ascii=self.ascii)
        yield FieldBar("f", "status:failed dur>2s env=production", id="count-filter")
        yield LineLabel(ascii=self.ascii, id="footer")

    def on_mount(self) -> None:
        self.go_home()

    @property
    def view(self) -> MatrixView:
        return self.query_one(MatrixView)

    def go_home(self) -> None:
        self.view.focus()

    def show(self) -> None:
        assert self.gathered is not None
        matrix = matrix_of(self.gathered.survey.tally(self.choice))
        self.view.empty_note = self.why_empty()
        self.view.show(matrix)
        failing = sum(row.failed > 0 for row in matrix.rows)
        note = "* where most failures of a case began"
        self.titled("matrix", f"{failing:,} of {len(matrix.rows):,} cases fail", note)
        self.show_cell()

    def show_cell(self) -> None:
        """Column names, and the failures of the chosen cell."""
        matrix, row = self.view.matrix, self.view.row
        head = self.query_one("#matrix-head", LineLabel)
        failures = self.query_one(FailuresView)
        if matrix is None or row is None or self.gathered is None:
            head.show([])
            failures.show((), {}, with_case=False)
            self.titled("failures", "Failures")
            return
        head.show(matrix_head(matrix, self.view.row_width, self.view.column))
        stage = self.view.stage
        found = failures_of(
            self.gathered.survey.failures(self.choice), case=row.case or None, stage=stage
        )
        cell = row.cells[stage]
        failures.empty_note = (
            " nothing failed here" if cell.evaluated else " nothing was decided here"
        )
        failures.show(found, self.titles, with_case=not row.case)
        title, meaning = cell_title(matrix, row, stage)
        kept = f"the newest {len(found):,} of " if len(found) < cell.failures else ""
        self.titled("failures", f"{title} · {kept}{cell.failures:,} of {cell.evaluated:,}", meaning)

    @on(CursorMoved, "#matrix")
    def _cell_chosen(self) -> None:
        self.show_cell()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 20, "-low")
        self.call_after_refresh(self.show_cell)

    # -- keys ------------------------------------------------------------------------

    def action_stage(self, step: int) -> None:
        self.view.move(step)

    def action_open_cell(self) -> None:
        if self.query_one(FailuresView).failures:
            self.query_one(FailuresView).focus()
        else:
            self.notify("Nothing failed here.")

    def action_open_failure(self) -> None:
        found = self.query_one(FailuresView).failure
        if found is not None:
            self.dismiss()
            self.show_place(Place(found.trace, found.case, found.assertion, found.span))

    def action_leave(self) -> None:
        if self.pane == "failures":
            self.go_home()
        else:
            super().action_leave()

    @on(LineOpened, "#matrix")
    def _cell_opened(self) -> None:
        self.action_open_cell()

    @on(LineOpened, "#failures")
    def _failure_opened(self) -> None:
        self.action_open_failure()

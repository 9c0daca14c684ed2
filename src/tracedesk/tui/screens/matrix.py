"""The failure matrix: cases × stages, and below it what stands behind the chosen cell."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.worker import get_current_worker

from tracedesk.evaluation.gather import Gathered
from tracedesk.evaluation.matrix import Failure, Row, failures_by, matrix_of
from tracedesk.evaluation.trends import Choice, Failed
from tracedesk.tui.bindings import bindings
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.counting import CountingScreen
from tracedesk.tui.view_models.counted import cell_title, matrix_head
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.widgets.counted import (
    READ_AT_ONCE,
    FailuresView,
    FailuresWanted,
    MatrixView,
)
from tracedesk.tui.widgets.field_bar import FieldBar
from tracedesk.tui.widgets.line_label import LineLabel

FailuresByRow = dict[int, Failure | None]


class FailuresRead(Message):
    """What some failures of a cell say."""

    def __init__(
        self, failed: Sequence[Failed], read: FailuresByRow, titles: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.failed = failed
        self.read = read
        self.titles = titles


class FailuresFound(FailuresRead):
    """What failed in a cell was found, and the first of it read."""

    def __init__(
        self,
        row: Row,
        stage: str,
        failed: Sequence[Failed],
        read: FailuresByRow,
        titles: Mapping[str, str],
    ) -> None:
        super().__init__(failed, read, titles)
        self.row = row
        self.stage = stage


class MatrixScreen(CountingScreen):
    """Where cases break."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("matrix screen")]
    title_text = "failure matrix"

    def compose(self) -> ComposeResult:
        yield LineLabel(id="header")
        with Vertical(id="matrix-pane", classes="pane"):
            yield LineLabel(id="matrix-head")
            yield MatrixView()
        with Vertical(id="failures-pane", classes="pane"):
            yield FailuresView(self.now_ns)
        yield FieldBar("f", "status:failed dur>2s env=production", id="count-filter")
        yield LineLabel(id="footer")

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
            failures.show((), with_case=False)
            self.titled("failures", "Failures")
            return
        head.show(matrix_head(matrix, self.view.row_width, self.view.column))
        self.find_failures(self.gathered, self.choice, row, self.view.stage)

    @work(thread=True, exclusive=True, exit_on_error=False, group="failures")
    def find_failures(self, gathered: Gathered, choice: Choice, row: Row, stage: str) -> None:
        """Find what failed in a cell, and read the first of it."""
        worker = get_current_worker()
        failed: list[Failed] = []
        if row.cells[stage].failures:
            failed = gathered.survey.failing(choice, case=row.case or None, stage=stage)
        if worker.is_cancelled:
            return
        read, titles = self._read(failed, 0, stage)
        if not worker.is_cancelled:
            self.post_message(FailuresFound(row, stage, failed, read, titles))

    @work(thread=True, exit_on_error=False, group="failures")
    def read_failures(self, failed: Sequence[Failed], first: int, stage: str) -> None:
        """Read some more of what failed."""
        read, titles = self._read(failed, first, stage)
        self.post_message(FailuresRead(failed, read, titles))

    def _read(
        self, failed: Sequence[Failed], first: int, stage: str
    ) -> tuple[FailuresByRow, dict[str, str]]:
        page = failed[first : first + READ_AT_ONCE]
        found = failures_by(self.desk.gatherer.read(page), stage)
        titles = self.titles_of(each.execution.trace for each in page)
        by_row = {
            row: found.get((each.execution.number, each.shape.case))
            for row, each in enumerate(page, first)
        }
        return by_row, titles

    @on(FailuresFound)
    def _failures_found(self, message: FailuresFound) -> None:
        matrix = self.view.matrix
        if matrix is None or self.view.row is not message.row or self.view.stage != message.stage:
            return
        cell = message.row.cells[message.stage]
        view = self.query_one(FailuresView)
        view.empty_note = " nothing failed here" if cell.evaluated else " nothing was decided here"
        view.show(message.failed, with_case=not message.row.case)
        view.read(message.read, message.titles)
        title, meaning = cell_title(matrix, message.row, message.stage)
        self.titled("failures", f"{title} · {cell.failures:,} of {cell.evaluated:,}", meaning)

    @on(FailuresWanted)
    def _failures_wanted(self, message: FailuresWanted) -> None:
        self.read_failures(self.query_one(FailuresView).failed, message.first, self.view.stage)

    @on(FailuresRead)
    def _failures_read(self, message: FailuresRead) -> None:
        view = self.query_one(FailuresView)
        if view.failed is message.failed:
            view.read(message.read, message.titles)

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
        if self.query_one(FailuresView).failed:
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

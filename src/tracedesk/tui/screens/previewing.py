"""What an assertion would turn over, listed before it is written: for the boxes of ``a``."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from tracedesk.authoring.candidates import Candidate
from tracedesk.authoring.preview import Preview
from tracedesk.authoring.saving import SaveError
from tracedesk.authoring.targets import Target
from tracedesk.desk import Desk, OpenTrace
from tracedesk.query.text import counted
from tracedesk.testcases.edit import EditError
from tracedesk.tui.lines import Piece
from tracedesk.tui.screens.flips import FlipsScreen
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.steady import report
from tracedesk.tui.text import fit, plain
from tracedesk.tui.view_models.trace_list import row_title
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from tracedesk.evaluation.flips import Flipped

Go = Callable[["Flipped"], None]
"""Shows a flip on its trace, in the workbench."""


class PreviewMade(Message):
    """What was asked for, or why it cannot be known."""

    def __init__(self, found: Preview | str) -> None:
        super().__init__()
        self.found = found


class Previewing(Modal):
    """A box with a candidate under the cursor and a place that it would be written to."""

    doing = ""
    """What its workers do, for the report of an unexpected error."""

    def __init__(self, desk: Desk, opened: OpenTrace, go: Go) -> None:
        super().__init__()
        self.desk, self.opened, self.go = desk, opened, go

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 20, "-low")
        self.set_class(event.size.height < 14, "-short")

    def tell(self, effect: str) -> None:
        """Say above the lines what the candidates say of the stored traces."""
        width = self.query_one(LineView).row_width
        self.query_one("#over", LineLabel).show([Piece(fit(f" {plain(effect)}", width), "dim")])

    def chosen(self) -> tuple[Target, Candidate] | None:
        """Where what would be written; None where nothing is chosen."""
        raise NotImplementedError

    def action_preview_flips(self) -> None:
        """List which verdicts would flip."""
        if (chosen := self.chosen()) is not None:
            self._preview_flips(*chosen)

    @work(thread=True, exclusive=True, exit_on_error=False, group="preview")
    def _preview_flips(self, target: Target, candidate: Candidate) -> None:
        worker, opened = get_current_worker(), self.opened
        try:
            found: Preview | str | None = self.desk.author.preview(
                target,
                candidate.assertion,
                opened.row,
                opened.trace,
                lambda: worker.is_cancelled,
            )
        except (EditError, SaveError) as fault:
            found = str(fault)
        if found is not None and not worker.is_cancelled:
            self.post_message(PreviewMade(found))

    @on(PreviewMade)
    def _preview_made(self, message: PreviewMade) -> None:
        found = message.found
        if isinstance(found, str):
            self.notify(found, severity="warning", markup=False)
            return
        over = f"of {counted(found.traces, 'trace')}"
        if not found.edit.counts:
            self.notify(f"No verdict would flip {over}.", markup=False)
            return
        titles = {trace: row_title(row) for trace, row in found.rows.items()}
        title = f"Would flip {over}: {found.edit.kinds}"
        self.app.push_screen(FlipsScreen(found.edit, titles, self._go, title=title))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            report(self, event.worker.error, self.doing)

    def _go(self, flip: "Flipped") -> None:
        self.dismiss()
        self.go(flip)

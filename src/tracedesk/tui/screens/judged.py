"""From the workbench to matrix and scores, and back to the very span and assertion; evaluation
paused, cancelled, and in trouble."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from tracedesk.desk import Desk, OpenTrace
from tracedesk.tui.screens.moves import Moves
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.widgets.detail.page_view import PageView

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.store.rows import TraceRow


HEED_S = 0.5
"""How often it is looked whether evaluation is held up."""

CALM = 6
"""Looks without trouble after which the same trouble is news again: it is tried again and again
while it lasts."""


class PlaceFound(Message):
    """The trace of a failure was looked up; None when it is no longer stored."""

    def __init__(self, place: Place, row: "TraceRow | None") -> None:
        super().__init__()
        self.place = place
        self.row = row


class Judged(Moves):
    """The workbench as the place where failures are looked at."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        super().__init__(desk, now_ns)
        self._place: Place | None = None
        """Where to go once its trace is open and its verdicts are known."""
        self._at_span = False
        self._jump_later: int | None = None
        """The step to a failure that was asked for before the failures were known."""
        self.held_up: tuple[bool, str] = (False, "")
        """Whether evaluation is paused, and its trouble, as the header says."""
        self._told_trouble, self._calm = "", 0
        self.missing = ""
        """Why nothing can be stored any more, as the header says."""

    # -- evaluation ------------------------------------------------------------------

    def action_hold(self) -> None:
        """Pause evaluation, or have it go on."""
        paused = self.desk.hold_evaluation()
        told = "is paused: what is due stays pending until H" if paused else "goes on"
        self.notify(f"Evaluation {told}.", markup=False)

    def action_cancel_run(self) -> None:
        """Leave undone what is being evaluated."""
        if self.desk.cancel_evaluation():
            self.notify("Cancelled; what was left undone stays pending until H, H.", markup=False)
        else:
            self.notify("Nothing is being evaluated.", markup=False)

    def heed_evaluation(self) -> None:
        """Show in the header what holds evaluation up, and tell of new trouble."""
        progress = self.desk.progress()
        if progress is None:
            return
        held_up = (progress.paused, progress.trouble)
        if held_up != self.held_up:
            self.read_state()
        self._calm = 0 if progress.trouble else self._calm + 1
        if self._calm >= CALM:
            self._told_trouble = ""
        if progress.trouble and progress.trouble != self._told_trouble:
            self._told_trouble = progress.trouble
            told = f"Evaluation waits: {progress.trouble}"
            self.notify(told, severity="warning", markup=False)

    def heed_store(self) -> None:
        """Show in the header that the database is gone, or is there again."""
        if (missing := self.desk.store.missing()) != self.missing:
            self.missing = missing
            self.read_state()

    # -- matrix and scores -----------------------------------------------------------

    def action_matrix(self) -> None:
        from tracedesk.tui.screens.matrix import MatrixScreen

        self.app.push_screen(MatrixScreen(self.desk, self.now_ns, self.go_to_place))

    def action_scores(self) -> None:
        from tracedesk.tui.screens.scores import ScoresScreen

        self.app.push_screen(ScoresScreen(self.desk, self.now_ns, self.go_to_place))

    def go_to_place(self, place: Place) -> None:
        """Show a failure on its trace."""
        self.find_place(place)

    @work(thread=True, exclusive=True, exit_on_error=False, group="place")
    def find_place(self, place: Place) -> None:
        """Look a trace up, to show a failure on it."""
        self.post_message(PlaceFound(place, self.desk.store.row(place.trace)))

    @on(PlaceFound)
    def _place_found(self, message: PlaceFound) -> None:
        row = message.row
        if row is None:
            self.notify("That trace is no longer stored.", severity="warning")
            return
        self._place, self._at_span = message.place, False
        self.set_filter("")  # which might hide it
        self.traces.follow = False
        self.traces.cursor_id, self.traces.cursor_number = row.id, row.number
        self.refresh_rows()
        self.open_trace(row.id)
        self._arrive()

    def show_trace(
        self, opened: OpenTrace, rows: SpanRows, verdicts: "TraceVerdicts | None"
    ) -> None:
        super().show_trace(opened, rows, verdicts)
        self._arrive()
        self._jump_on()

    def set_verdicts(self, verdicts: "TraceVerdicts | None") -> None:
        super().set_verdicts(verdicts)
        self._arrive()
        self._jump_on()

    def action_jump(self, what: str, step: int) -> None:
        """Jump now, or to a failure once it is known where this trace fails: keys may come faster
        than a trace is read."""
        if what == "failure" and self._being_read():
            self._jump_later = step
            self.set_timer(HEED_S, self._tell_waiting)
        else:
            self._jump_later = None
            super().action_jump(what, step)

    def _being_read(self) -> bool:
        """Whether the trace that was asked for, or what was found on it, is not there yet."""
        if self.wanted is None:
            return False
        here = self.opened is not None and self.opened.row.id == self.wanted
        return not here or self.verdicts is None or self.verdicts.brief

    def _tell_waiting(self) -> None:
        if self._jump_later is not None:
            self.notify("The verdicts of this trace are not known yet; the jump will follow.")

    def _jump_on(self) -> None:
        step, self._jump_later = self._jump_later, None
        if step is not None:
            self.action_jump("failure", step)

    def _arrive(self) -> None:
        """Go as far as what was read by now allows: to the span, then to the assertion."""
        place, opened = self._place, self.opened
        if place is None or opened is None or opened.row.id != place.trace or opened.sketch:
            return
        if not self._at_span:
            self._at_span = True
            row = None if self.rows is None or not place.span else self.rows.row_of(place.span)
            self.span_view.go(row or 0)
            self.go_to_pane("tree")
            self.action_tab("verdicts")
            self.call_after_refresh(self._arrive)  # once the page of that span is there
            return
        key = f"{place.case}:{place.assertion}"
        told = any(line.key == key for line in self.query_one("#page", PageView).lines)
        if told:
            self._show_verdict(place.assertion, place.case)
        if told or (self.verdicts is not None and not self.verdicts.brief and not self._waits()):
            self._place = None

    def _waits(self) -> bool:
        return self.verdicts is None or self.verdicts.pending

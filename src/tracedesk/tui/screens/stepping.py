"""Stepping through the open trace: what was there at each moment, and which verdicts were decided.

The tree dims what was not there yet at once; the trace of the moment is read and evaluated in a
worker, and until it answers the verdicts are pending. Nothing of the trace itself changes, and
leaving shows it as it was.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from tracedesk.desk import Desk, OpenTrace
from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.screens.comparing import Comparing
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.widgets.line_label import LineLabel

if TYPE_CHECKING:
    from tracedesk.comparing.moments import Moments, Order
    from tracedesk.evaluation.run import TraceVerdicts


MOMENTS, STEP = "the moments of a trace", "one step of a trace"
"""What the workers do. Told here, since else all of their arguments are written out, which takes
a tenth of a second for a large trace."""


class MomentsRead(Message):
    """The steps through a trace are known."""

    def __init__(self, opened: OpenTrace, moments: "Moments") -> None:
        super().__init__()
        self.opened = opened
        self.moments = moments


class SeenRead(Message):
    """Which rows were there at a step, and which came last."""

    def __init__(self, moments: "Moments", step: int, seen: bytearray, row: int) -> None:
        super().__init__()
        self.moments = moments
        self.step = step
        self.seen = seen
        self.row = row


class StepRead(Message):
    """The open trace was read and evaluated as of a step."""

    def __init__(
        self, moments: "Moments", step: int, partial: OpenTrace, verdicts: "TraceVerdicts | None"
    ) -> None:
        super().__init__()
        self.moments = moments
        self.step = step
        self.partial = partial
        self.verdicts = verdicts


class Stepping(Comparing):
    """The workbench while a trace is stepped through."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        super().__init__(desk, now_ns)
        self.moments: Moments | None = None
        """The steps, while a trace is stepped through."""
        self.step = 0
        self._begins = False
        """The steps are being found."""
        self._ahead = 0
        """Steps asked for meanwhile."""
        self._partial: OpenTrace | None = None
        """The open trace as of the step, once it was read."""
        self._whole: TraceVerdicts | None = None
        """The verdicts on all of the trace, which leaving shows again."""

    # -- keys ------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        """One step on or back; the first one begins."""
        if self.moments is None:
            if self._begins:
                self._ahead = max(0, self._ahead + by)
            else:
                self._begin("start order")
        else:
            wanted = max(0, min(self.step + by, len(self.moments) - 1))
            if wanted != self.step:
                self._go_to_step(wanted)

    def action_step_order(self) -> None:
        """Step by the other order, from its beginning; the first one begins by arrival."""
        self._begin("arrival order" if self.moments is None else self.moments.order.other)

    def _begin(self, order: str) -> None:
        opened = self.opened
        if opened is None or not len(opened.tree):
            self.notify("There is no trace here to step through.")
        elif opened.sketch:
            self.notify("The trace is still being decoded; step once it is there.")
        else:
            self._begins, self._ahead = True, 0
            self.read_moments(opened, order)

    def work_failed(self, group: str) -> None:
        super().work_failed(group)
        if group == "moments":
            self._begins = False

    def action_back(self) -> None:
        if self.moments is not None:
            self.end_steps()
        else:
            super().action_back()

    # -- reading ---------------------------------------------------------------------

    @work(thread=True, exclusive=True, exit_on_error=False, group="moments", description=MOMENTS)
    def read_moments(self, opened: OpenTrace, order: "Order | str") -> None:
        """Find the steps of a trace."""
        from tracedesk.comparing.moments import Order

        self.post_message(MomentsRead(opened, self.desk.moments(opened, Order(order))))

    @on(MomentsRead)
    def _moments_read(self, message: MomentsRead) -> None:
        self._begins = False
        if message.opened is not self.opened:
            return
        if self.moments is None:
            self._whole = self.verdicts
        self.moments = message.moments
        self._make_room(True)
        self._go_to_step(min(self._ahead, len(message.moments) - 1))
        if len(message.moments) == 1:
            self.notify(f"All of it came at once: there is one step in {message.moments.order}.")

    def _go_to_step(self, step: int) -> None:
        moments, opened = self.moments, self.opened
        if moments is None or opened is None:
            return
        if step <= self.step:  # what is decided by now stays so, but was not decided before
            super().set_verdicts(undecided(self._whole))
        self.step, self._partial = step, None
        self._show_banner()
        self.read_step(opened, moments, step, self._whole)

    @work(thread=True, exclusive=True, exit_on_error=False, group="step", description=STEP)
    def read_step(
        self, opened: OpenTrace, moments: "Moments", step: int, whole: "TraceVerdicts | None"
    ) -> None:
        """Read and evaluate what was there at a step."""
        worker = get_current_worker()
        self.post_message(SeenRead(moments, step, moments.seen(step), moments.row(step)))
        if step + 1 >= len(moments):
            self.post_message(StepRead(moments, step, opened, whole))
            return
        trace = moments.trace(step)
        if not worker.is_cancelled:
            reading, verdicts = self.desk.evaluate_as_of(opened, trace, whole)
            then = msgspec.structs.replace(opened, trace=trace, reading=reading)
            self.post_message(StepRead(moments, step, then, verdicts))

    @on(SeenRead)
    def _seen_read(self, message: SeenRead) -> None:
        if message.moments is self.moments and message.step == self.step and self.rows is not None:
            self.rows.set_seen(message.seen, partial(message.moments.partial, message.step))
            self.span_view.repaint()
            self.span_view.go(message.row)
            self.show_page()

    @on(StepRead)
    def _step_read(self, message: StepRead) -> None:
        if message.moments is self.moments and message.step == self.step:
            self._partial = message.partial
            super().set_verdicts(message.verdicts)
            self.show_page(keep_place=True)

    # -- what is shown ---------------------------------------------------------------

    def set_verdicts(self, verdicts: "TraceVerdicts | None") -> None:
        """Newer verdicts on the whole trace decide the step anew."""
        if self.moments is None:
            super().set_verdicts(verdicts)
        else:
            self._whole = verdicts
            self._go_to_step(self.step)

    def show_trace(
        self, opened: OpenTrace, rows: SpanRows, verdicts: "TraceVerdicts | None"
    ) -> None:
        """Another trace, or the same one grown, has other steps."""
        self._forget_steps()
        super().show_trace(opened, rows, verdicts)

    def leave_trace(self) -> None:
        self._forget_steps()
        super().leave_trace()

    def end_steps(self) -> None:
        """Show all of the trace again."""
        whole = self._whole
        self._forget_steps()
        self.span_view.repaint()
        self.set_verdicts(whole)
        self.show_page()
        self.show_bars()

    def _forget_steps(self) -> None:
        self.moments = self._partial = self._whole = None
        self.step = self._ahead = 0
        self._begins = False
        self._make_room(False)
        if self.rows is not None:
            self.rows.set_seen(None, None)

    def _make_room(self, shown: bool) -> None:
        """Show or hide the banner, which moves all that stands below it."""
        if self.has_class("-stepping") != shown:
            self.set_class(shown, "-stepping")
            self.call_after_refresh(self.query_one("#tree-pane").refresh)

    def _page(self, width: int) -> list[Line]:
        """The page of the span as it was at the step."""
        row = self.span_view.row
        if self.moments is None or self.rows is None or row is None or self.tab == "raw":
            return super()._page(width)
        if not self.rows.is_seen(row):
            return [line(Piece(" not there yet at this step", "faint"))]
        if self._partial is None:
            return [line(Piece(" reading this step …", "faint"))]
        opened, self.opened = self.opened, self._partial
        try:
            return super()._page(width)
        finally:
            self.opened = opened

    def notes(self) -> list[str]:
        """The tree has a banner of its own; where it is not in sight this says the step."""
        hidden = self.moments is not None and self.has_class("-narrow") and self.pane != "tree"
        return [*super().notes(), *([self._told()] if hidden else [])]

    def _told(self) -> str:
        """``step 5 of 8 · at +1.4s · arrival order``."""
        moments = self.moments
        assert moments is not None, "only asked while there are steps"
        at = moments.at(self.step)
        where = f"step {self.step + 1:,} of {len(moments):,}"
        return " · ".join(filter(None, (where, f"at {at}" if at else "", str(moments.order))))

    def _show_banner(self) -> None:
        keys = [Piece(f"{key} {label}  ", "dim") for key, label in STEP_KEYS]
        banner = self.query_one("#step-bar", LineLabel)
        banner.show([Piece(f" {self._told()} ", "heading")], keys)
        self.show_bars()


STEP_KEYS = ((".", "on"), (",", "back"), ("o", "order"), ("Esc", "ends"))


def undecided(whole: "TraceVerdicts | None") -> "TraceVerdicts | None":
    """The verdicts of a trace of which nothing is known yet."""
    if whole is None:
        return None
    from tracedesk.comparing.decided import none_yet

    return none_yet(whole)

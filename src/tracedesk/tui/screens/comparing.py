"""From the workbench to comparing: which trace is A, the nearest one that passes, reading anew."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from tracedesk.desk import Desk
from tracedesk.tui.lines import Line
from tracedesk.tui.screens.flips import Backtests
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.view_models.trace_list import row_title
from tracedesk.tui.widgets.trace_list import TraceListView

if TYPE_CHECKING:
    from tracedesk.comparing.comparison import Comparison
    from tracedesk.comparing.nearest import Nearest
    from tracedesk.comparing.rereading import Reread
    from tracedesk.store.rows import TraceRow


NOT_COMPARED = "Compare first: w with the nearest that passes, W marks A and W compares with it."
"""Said where divergences are walked that nobody has looked for."""


class NearestFound(Message):
    """The traces of an agent were looked through for one that passes."""

    def __init__(self, row: "TraceRow", nearest: "Nearest") -> None:
        super().__init__()
        self.row = row
        self.nearest = nearest


class RereadDone(Message):
    """A trace was decoded anew; None when it is no longer stored."""

    def __init__(self, row: "TraceRow", differences: "Sequence[Reread] | None") -> None:
        super().__init__()
        self.row = row
        self.differences = differences


class Comparing(Backtests):
    """The workbench as the place where traces are chosen to be compared."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        super().__init__(desk, now_ns)
        self.marked_a: TraceRow | None = None
        """The trace that others are compared with."""
        self.diverging: dict[str, Sequence[str]] = {}
        """Ids of the spans of each compared trace that differ in the other one, in call order."""

    def notes(self) -> list[str]:
        """What the breadcrumb says beside the way to the span."""
        return [] if self.marked_a is None else [f"A is {row_title(self.marked_a)} · W compares"]

    def action_compare(self) -> None:
        """Mark A, or compare A with the chosen trace; A itself again takes the mark away."""
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to compare.")
        elif self.marked_a is None:
            self._mark_a(row)
            self.notify(
                f"{row_title(row)} is A; W on another trace compares.", timeout=3, markup=False
            )
        elif self.marked_a.id == row.id:
            self._mark_a(None)
        else:
            self._compare(self.marked_a, row)

    def _mark_a(self, row: "TraceRow | None") -> None:
        self.marked_a = row
        self.traces.compared_id = None if row is None else row.id
        self.query_one(TraceListView).repaint()
        self.show_bars()

    def _compare(self, left: "TraceRow", right: "TraceRow", note: str = "") -> None:
        from tracedesk.tui.screens.compare import CompareScreen

        self.app.clear_notifications()  # which would lie over what is compared
        self.app.push_screen(
            CompareScreen(
                self.desk, left, right, self._show_compared, self.put_on_clipboard,
                note=note, compared=self._was_compared,
            )
        )  # fmt: skip

    def _was_compared(self, left: str, right: str, comparison: "Comparison") -> None:
        """Remember where two traces diverge, for walking it in their trees."""
        self.diverging[left] = comparison.diverging(left=True)
        self.diverging[right] = comparison.diverging(left=False)

    def action_jump(self, what: str, step: int) -> None:
        if what == "divergence":
            self._jump_divergence(step)
        else:
            super().action_jump(what, step)

    def _jump_divergence(self, step: int) -> None:
        """The next or previous span that differs from the trace this one was compared with."""
        here, rows = self.span_view.row, self.rows
        if rows is None or here is None or self.opened is None:
            return
        spans = self.diverging.get(self.opened.row.id)
        if spans is None:
            self.notify(NOT_COMPARED, markup=False)
            return
        places = (rows.row_of(span_id) for span_id in spans)
        found = sorted(place for place in places if place is not None)
        if not found:
            self.notify("No call of this trace differs in the one it was compared with.")
            return
        at = bisect_right(found, here) if step > 0 else bisect_left(found, here) - 1
        self.span_view.go(found[at % len(found)])
        if self.pane == "list":
            self.go_to_pane("tree")

    def _show_compared(self, row: "TraceRow", span_id: str) -> None:
        """Show a span that was compared, in its own trace."""
        self.go_to_place(Place(row.id, "", "", span_id or None))

    # -- the nearest that passes -----------------------------------------------------

    def action_compare_nearest(self) -> None:
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to compare.")
        else:
            self.notify("Looking for the nearest passing trace …", timeout=2)
            self.find_nearest(row)

    @work(thread=True, exclusive=True, exit_on_error=False, group="nearest")
    def find_nearest(self, row: "TraceRow") -> None:
        """Look through the traces of the agent, newest first."""
        from tracedesk.comparing.nearest import nearest_passing

        worker = get_current_worker()
        found = nearest_passing(
            self.desk.store, row, self._outcome_of, lambda: worker.is_cancelled
        )  # fmt: skip
        if not worker.is_cancelled:
            self.post_message(NearestFound(row, found))

    def _outcome_of(self, trace_id: str) -> str | None:
        verdicts = self.desk.verdicts(trace_id)
        return None if verdicts is None or verdicts.pending else verdicts.outcome

    @on(NearestFound)
    def _nearest_found(self, message: NearestFound) -> None:
        found = message.nearest
        if found.row is None:
            why = found.why_none
            self.notify(f"{why[0].upper()}{why[1:]}.", severity="warning")
            return
        passes = found.outcome == "pass"
        what, why = ("passes", "") if passes else ("fails nothing", "; none like it passes")
        among = f"of the newest {found.looked:,} " if found.bounded else ""
        note = f"A is the nearest {among}that {what} · {found.likeness:.0%} alike{why}"
        self._compare(found.row, message.row, note)

    # -- reading anew ----------------------------------------------------------------

    def action_reread(self) -> None:
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to read anew.")
        else:
            self.read_anew(row)

    @work(thread=True, exclusive=True, exit_on_error=False, group="reading anew")
    def read_anew(self, row: "TraceRow") -> None:
        """Decode a trace from its kept bytes by the rules of this moment."""
        self.post_message(RereadDone(row, self.desk.reread(row.id)))

    @on(RereadDone)
    def _reread_done(self, message: RereadDone) -> None:
        title = row_title(message.row)
        if message.differences is None:
            self.notify(f"{title} is no longer stored.", severity="warning", markup=False)
            return
        if message.differences:
            self.app.push_screen(RereadScreen(title, message.differences))
        else:
            self.notify(f"{title} reads as it did before.", markup=False)
        if self.opened is not None and self.opened.row.id == message.row.id:
            self.read_trace(message.row.id)


class RereadScreen(Modal):
    """What of a trace reads differently by today's rules."""

    def __init__(self, title: str, differences: "Sequence[Reread]") -> None:
        super().__init__()
        self.title_text = f"Re-read · {title} · {len(differences):,} differ"
        self._differences = differences

    def page(self, width: int) -> list[Line]:
        page = Page(width)
        for found in self._differences:
            page.heading(found.what)
            page.prose(f"before  {found.before}", "dim")
            page.prose(f"now     {found.after}")
        return page.lines

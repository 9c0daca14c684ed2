"""What each key does: the methods behind the action registry."""

import os
import subprocess
from collections.abc import Callable

from textual.app import SuspendNotSupported
from textual.widget import Widget

from tracedesk.desk import Desk
from tracedesk.model.mark import Mark
from tracedesk.tui.actions import PANES
from tracedesk.tui.editor import editor_command
from tracedesk.tui.screens.modals import HelpScreen
from tracedesk.tui.screens.spans import Spans
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.drawer.results_view import ResultsView
from tracedesk.tui.widgets.line_view import LineView
from tracedesk.tui.widgets.trace_list import TraceListView

VIEWS = {"list": "#traces", "tree": "#spans", "detail": "#page", "tests": "#results"}
"""The list that has the focus in each pane."""


class Moves(Spans):
    """Actions of the workbench."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        super().__init__(desk, now_ns)
        self._sought: tuple[str, str] | None = None
        """A span and the key of the verdict that its page shall show."""

    # -- panes -----------------------------------------------------------------------

    def set_pane(self, pane: str) -> None:
        """Name the pane that is at work; the stylesheet shows it where only one fits."""
        self.update_classes({f"-{other}": other == pane for other in PANES})
        self.pane = pane
        self.show_bars()

    def go_to_pane(self, pane: str) -> None:
        """Show a pane and give it the focus."""
        self.set_pane(pane)
        self.query_one(VIEWS[pane], LineView).focus()

    def panes(self) -> list[str]:
        """The panes that Tab walks."""
        if self.has_class("-empty"):
            return []
        hidden = {"list"} if self.has_class("-medium") and self.pane != "list" else set()
        return [pane for pane in PANES if pane not in hidden]

    def action_next_pane(self, step: int) -> None:
        panes = self.panes()
        if panes:
            at = panes.index(self.pane) if self.pane in panes else 0
            self.go_to_pane(panes[(at + step) % len(panes)])

    def action_show_list(self) -> None:
        self.go_to_pane("list")

    def action_back(self) -> None:
        """Drop the last crumb: a search, then the filter, then the pane."""
        if self.pane != "list" and self.leave_revision():
            pass
        elif self.attribute_text:
            self.attribute_text = ""
            self.show_page()
        elif self.rows is not None and self.rows.searching:
            self.drop_search()
        elif self.pane == "list":
            if self.traces.filter_text:
                self.set_filter("")
            elif self.has_class("-medium") and self.opened is not None:
                self.go_to_pane("tree")
        else:
            back = {"detail": "tree", "tests": "tree", "tree": "list"}
            self.go_to_pane(back[self.pane])
        self.show_bars()

    # -- opening ---------------------------------------------------------------------

    def action_open(self) -> None:
        """Enter, by the pane that has the focus."""
        {
            "list": self._open_trace_row,
            "tree": self.open_span,
            "detail": self.open_value,
            "tests": self._open_evidence,
        }[self.pane]()

    def _open_trace_row(self) -> None:
        trace_id = self.traces.cursor_id
        if trace_id is not None:
            self.open_trace(trace_id)
            self.go_to_pane("tree")

    def _open_evidence(self) -> None:
        result = self.query_one(ResultsView).result
        if result is None:
            return
        if result.verdict is None:
            if result.level < 2:
                self.results.toggle(result.key)
                self.query_one(ResultsView).rebuilt(result.key)
            elif result.line.file:
                self.edit_here(result.line.file, result.line.line)
            return
        span_id = result.span
        if span_id is not None:
            self.go_to_span(span_id)
        elif self.rows is not None and len(self.rows.tree):
            self.span_view.go(0)
            self.go_to_pane("tree")
        self.action_tab("verdicts")
        self._show_verdict(result.verdict.assertion, result.case.case if result.case else "")

    def _show_verdict(self, assertion: str, case: str) -> None:
        """Bring one verdict of the page to its top, now and when the page of its span is made
        again, which the move of the cursor there may cause later than this."""
        span = self.span
        self._sought = None if span is None else (span.span_id, f"{case}:{assertion}")
        self._find_sought()

    def _find_sought(self) -> None:
        if self._sought is None or self.tab != "verdicts":
            return
        span_id, key = self._sought
        if self.span is None or self.span.span_id != span_id:
            self._sought = None
            return
        page = self.query_one("#page", PageView)
        for at, line in enumerate(page.lines):
            if line.key == key:
                page.cursor = at
                page.scroll_at_once(at)
                return

    def show_page(self, *, keep_place: bool = False) -> None:
        super().show_page(keep_place=keep_place)
        if not keep_place:
            self._find_sought()

    def go_to_span(self, span_id: str) -> None:
        """Show a span in the tree, whatever hides it."""
        row = None if self.rows is None else self.rows.row_of(span_id)
        if row is None:
            self.notify("That span is not in this trace.", severity="warning")
            return
        self.span_view.go(row)
        self.go_to_pane("tree")

    def action_to_tests(self) -> None:
        """From a span to what was asserted of it."""
        span = self.span
        if span is None:
            return
        view = self.query_one(ResultsView)
        at = self.results.for_span(None if self.whole_trace else span.span_id)
        if at is None and not self.whole_trace:
            self.notify("No assertion looked at this span.")
            return
        key = None if at is None else self.results.rows[at].key
        view.rebuilt(key)
        self.go_to_pane("tests")
        if at is not None:
            view.cursor = at

    # -- traces ----------------------------------------------------------------------

    def action_follow(self) -> None:
        self.traces.follow = not self.traces.follow
        self.refresh_rows()

    def action_freeze(self) -> None:
        self.traces.frozen = not self.traces.frozen
        self.traces.waiting = 0
        self.refresh_rows()

    def action_mark(self) -> None:
        self.traces.toggle_mark()
        view = self.query_one(TraceListView)
        view.repaint()
        view.cursor += 1

    def action_jump_mark(self, step: int) -> None:
        if self.traces.go_to_mark(step):
            self.refresh_rows()
        else:
            self.notify("No trace is selected; mm selects the one under the cursor.")

    def action_know(self, mark: str) -> None:
        """Mark the trace under the cursor as known good or known bad."""
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to mark.")
        else:
            self.mark_trace(row, Mark(mark))

    # -- detail and tests ------------------------------------------------------------

    def action_tab(self, tab: str) -> None:
        self.tab = tab
        self.show_page()
        if self.has_class("-narrow") and self.pane != "detail" and self.opened is not None:
            self.go_to_pane("detail")

    def action_xray(self) -> None:
        """Explain the values of the reading, or go back to them."""
        self.xray = not (self.xray and self.tab == "reading")
        self.action_tab("reading")

    def action_fold_result(self) -> None:
        view = self.query_one(ResultsView)
        result = view.result
        if result is None:
            return
        key = result.key
        if result.level >= 2:  # from an assertion, fold the case it belongs to
            above = [r for r in self.results.rows[: view.cursor] if r.level < result.level]
            if not above:
                return
            key = above[-1].key
        self.results.toggle(key)
        view.rebuilt(key)

    def action_edit_externally(self) -> None:
        found = self.line_shown()
        if found is None:
            self.notify("No test case is shown here; e makes one.")
        else:
            self.edit(*found)

    def line_shown(self) -> tuple[str, int] | None:
        """File and line of the verdict that is shown: in the drawer that of its cursor, beside a
        span the first one on the Verdicts page, else the worst that points at the span."""
        beside = self.pane in ("tree", "detail")
        if beside and self.tab == "verdicts":
            page = self.query_one("#page", PageView)
            chosen = page.target if self.pane == "detail" or page.cursor else None
            for line in (chosen, *(line for line in page.lines if line.key)):
                if line is not None and line.file:
                    return line.file, line.line
        if beside and self.span is not None:
            found = self.results.line_for_span(None if self.whole_trace else self.span.span_id)
            if found is not None:
                return found
        result = self.query_one(ResultsView).result
        if result is not None and result.line.file:
            return result.line.file, result.line.line
        return None

    def edit(self, file: str, line: int) -> None:
        """Open a file at a line in ``$VISUAL`` or ``$EDITOR``, the app put aside meanwhile."""
        path = self.desk.workspace.root / file
        command = editor_command(os.environ, str(path), line)
        if command is None:
            self.notify(
                "Set $EDITOR to the editor you like, then press E again.", severity="warning"
            )
            return
        problem = ""
        try:
            with self.app.suspend():
                subprocess.run(command, check=False)
        except OSError as error:
            problem = f"{command[0]} could not be started: {error.strerror}"
        except SuspendNotSupported:
            problem = f"this terminal cannot be put aside; open {file}:{line} yourself"
        if problem:
            self.notify(problem, severity="error", markup=False)

    # -- copying ---------------------------------------------------------------------

    def action_copy(self, what: str) -> None:
        text = self._to_copy(what)
        if text:
            self.put_on_clipboard(text)
        else:
            self.notify(f"There is no {what} here to copy.")

    def _to_copy(self, what: str) -> str:
        row = self.chosen_row
        if what == "selected trace":
            return "\n".join(self.traces.marked)
        if what == "trace id":
            return "" if row is None else row.id
        if what == "id of the sender":
            return "" if row is None else row.external_id or row.trace_id or ""
        if what == "span id":
            return "" if self.span is None else self.span.span_id
        line = self.query_one("#page", PageView).target if self.pane == "detail" else None
        if line is not None and line.value is not None:
            return line.value.text if what == "value" else line.value.path
        if what == "value" and line is not None:
            return line.text.strip()
        if self.span is None:
            return ""
        return self.span.label if what == "value" else self.span.place

    # -- everything else -------------------------------------------------------------

    def action_agents(self) -> None:
        from tracedesk.tui.screens.agents import AgentsScreen

        self.app.push_screen(AgentsScreen(self.desk))

    def action_ledger(self) -> None:
        self.read_ledger()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.pane))


def pane_of(widget: Widget | None) -> str:
    """The pane that a widget stands in; blank for none."""
    for node in widget.ancestors_with_self if widget is not None else ():
        if node.id and node.id.endswith("-pane"):
            return node.id.removesuffix("-pane")
    return ""

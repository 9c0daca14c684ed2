"""The one main screen: panes by width, what changes in them, and the bars around.

Messages from workers and widgets end here or in ``hearing``; view models decide, widgets paint.
Which pane stands where is the stylesheet's affair: this screen only names the situation in
classes.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from tracedesk.desk import Desk
from tracedesk.evaluation.showing import Showing
from tracedesk.tui.actions import footer_for
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import (
    CursorMoved,
    LineOpened,
    RowsRead,
    StateRead,
    VerdictsRead,
    WindowMoved,
)
from tracedesk.tui.screens.hearing import Hearing
from tracedesk.tui.screens.judged import HEED_S
from tracedesk.tui.screens.keyed import Keyed
from tracedesk.tui.screens.moves import pane_of
from tracedesk.tui.screens.work import database_name
from tracedesk.tui.session import Session
from tracedesk.tui.text import plain
from tracedesk.tui.view_models import bars
from tracedesk.tui.widgets.detail.page_view import DetailPage
from tracedesk.tui.widgets.detail.tabs import DetailTabs
from tracedesk.tui.widgets.drawer.failure import FailureStrip
from tracedesk.tui.widgets.drawer.results_view import ResultsView
from tracedesk.tui.widgets.field_bar import FieldBar
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.pane import Pane
from tracedesk.tui.widgets.span_tree import SpanTreeView, TimeRuler
from tracedesk.tui.widgets.trace_list import TraceListView

if TYPE_CHECKING:
    from tracedesk.testcases.models import CaseFile

POLL_S = 0.05
"""How often the desk is asked whether anything changed; asking is three integers. Of newer results
of the open trace the screen is told."""

PROGRESS_S = 0.1
"""How often the header is read anew while something is being evaluated."""

REST = 4
"""Rest after reading the list, in times of what the reading took: a fifth of the time at most."""

KEYS_REST_S = 0.25
"""Least rest between two readings of the list while keys are pressed; they come first."""

AGES_S = 1.0
"""How often the ages in the list are painted anew."""

PREVIEW_S = 0.12
"""Rest of the cursor on a trace before it is opened beside the list: a little longer than
between two presses of a hurried hand, so that walking the list reads no trace."""

VAST, WIDE, MEDIUM = 180, 140, 100
"""Columns from which there are three panes, with room beside the bars; three; and two."""


class Workbench(Keyed, Hearing):
    """Traces, spans, detail and tests on one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("")]
    AUTO_FOCUS = ""

    def __init__(self, desk: Desk, now_ns: Callable[[], int], left: Session | None = None) -> None:
        """``left`` is where the workbench was left the last time."""
        super().__init__(desk, now_ns)
        self._begin_at = left
        self.add_class("-list", update=False)
        self._seen: tuple[int, int, int] | None = None
        self._files: Sequence[CaseFile] = ()
        self._showing = Showing(self._results_changed)
        self._reading = False
        self._read_again = False
        self._asked_at = 0.0
        self._rest_until = 0.0
        self._moved_at = 0.0
        self._preview: Timer | None = None
        self._state = bars.HeaderState(state="starting")
        self._endpoint_told = ""

    def compose(self) -> ComposeResult:
        yield LineLabel(id="header")
        yield LineLabel(id="breadcrumb")
        with Horizontal(id="body"):
            with Pane(id="list-pane", classes="pane"):
                yield TraceListView(self.traces, self.now_ns)
                yield FieldBar(
                    "f", "status:failed dur>2s agent:name", id="filter-bar", complete=self.complete
                )
            with Pane(id="tree-pane", classes="pane"):
                yield LineLabel(id="step-bar")
                tree = SpanTreeView()
                yield TimeRuler(tree)
                yield tree
                yield FieldBar("/", "name, attribute, argument or error", id="search-bar")
            with Pane(id="detail-pane", classes="pane"):
                yield DetailTabs()
                yield DetailPage()
                yield FieldBar("/", "attribute name or value", id="attribute-bar")
        with Pane(id="tests-pane", classes="pane"):
            yield ResultsView(self.results)
        yield FailureStrip(id="failure")
        yield Static(id="empty", markup=False)
        yield LineLabel(id="footer")

    def on_mount(self) -> None:
        self.go_to_pane("list")
        if self._begin_at is not None:
            self.take_up(self._begin_at)
        self.poll()
        self.desk.showing = self._showing
        self.set_interval(POLL_S, self.poll)
        self.set_interval(AGES_S, self.query_one(TraceListView).repaint)
        self.set_interval(HEED_S, self.heed_evaluation)
        self.set_interval(HEED_S, self.heed_store)

    def on_unmount(self) -> None:
        self.desk.showing = None

    # -- what changed ----------------------------------------------------------------

    def _results_changed(self, trace_id: str) -> None:
        """There are newer results of the open trace. Called by the evaluator's thread."""
        self.post_message(VerdictsRead(trace_id, self.desk.verdicts(trace_id)))

    def poll(self) -> None:
        """Compare the desk's revisions with those last seen, and read what is behind."""
        if perf_counter() < self._rest_until:
            return
        revision = self.desk.revision()
        if revision == self._seen:
            return
        seen, self._seen = self._seen or (-1, -1, -1), revision
        stored, judged = revision[0] != seen[0], revision[1] != seen[1]
        saved = self._heed_save()
        if stored or judged:
            self.refresh_rows()
        if stored and self.opened is not None:
            self.read_if_grown(self.known_row or self.opened.row)
        if (judged or saved) and self.opened is not None:
            self.read_verdicts(self.opened.row.id)
        elif saved:
            self.show_results()
        self.read_state()
        self._show_empty()

    def _heed_save(self) -> bool:
        """Whether the test-case files are others than before."""
        files, self._files = self._files, self.desk.files
        saved = files is not self._files
        if saved and files:
            self.saved_ns = self.now_ns()
        return saved

    def _show_empty(self) -> None:
        """How to send the first trace, with the address as it is by now."""
        if self.has_class("-empty"):
            empty = self.query_one("#empty", Static)
            room = self.size.width - empty.gutter.width
            how = bars.in_shell_lines(self.desk.sending_examples(), room)
            empty.update(Content(bars.EMPTY + how))

    def refresh_rows(self) -> None:
        """Read the window of the list again; one reading at a time, the last one counts."""
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        self._asked_at = perf_counter()
        view = self.query_one(TraceListView)
        first, count = view.window
        self.read_rows(self.traces.request(first, max(count, self.size.height)))

    def work_failed(self, group: str) -> None:
        super().work_failed(group)
        if group == "rows":
            self._reading = False
        elif group == "open":
            self.wanted = None

    @on(WindowMoved)
    def _window_moved(self) -> None:
        self.refresh_rows()

    @on(RowsRead)
    def _rows_read(self, message: RowsRead) -> None:
        self._reading = False
        snapshot = message.snapshot
        # In a flood the answers take longer; then they are asked for less often.
        now = perf_counter()
        moving = now - self._moved_at < 2 * KEYS_REST_S
        self._rest_until = now + max(REST * (now - self._asked_at), KEYS_REST_S * moving)
        if self.traces.frozen and snapshot.request.where is self.traces.where:
            self.traces.waiting = max(0, snapshot.total - self.traces.total)
        else:
            view = self.query_one(TraceListView)
            view.show(snapshot)
            self._preview_soon()
        self._show_list_title()
        self.set_class(
            not snapshot.total and self.traces.where is None and self.opened is None, "-empty"
        )
        self._show_empty()
        view = self.query_one(TraceListView)
        if self._read_again or (not self.traces.frozen and self.traces.lacks(*view.window)):
            self._read_again = False
            self.refresh_rows()

    @on(StateRead)
    def _state_read(self, message: StateRead) -> None:
        endpoint = self.desk.endpoint
        notice = self.missing or endpoint.message
        self.held_up = (message.progress.paused, message.progress.trouble)
        self._state = bars.HeaderState(
            state="failed" if self.missing else endpoint.state,
            url=endpoint.url,
            message=notice,
            activity=self.desk.activity,
            database=database_name(self.desk),
            traces=message.total,
            totals=message.totals,
            done=message.progress.done,
            queued=message.progress.total,
            paused=message.progress.paused,
            trouble=message.progress.trouble,
            received=message.counts.received,
            refused=message.counts.refused,
        )
        self.show_bars()
        self._tell_endpoint(notice)
        self.retitle("tests", subtitle=self.saved_note())
        if message.progress.busy and not message.progress.paused:
            self.set_timer(PROGRESS_S, self.read_state)

    def _tell_endpoint(self, message: str) -> None:
        """Say once in full what the header had to cut."""
        if message == self._endpoint_told:
            return
        self._endpoint_told = message
        if message and plain(message) not in self.query_one("#header", LineLabel).text:
            self.notify(message, severity="warning", timeout=10, markup=False)

    # -- the open trace --------------------------------------------------------------

    def _preview_soon(self) -> None:
        """Open the trace under the cursor once the cursor rests there."""
        wanted = self.traces.cursor_id
        if self._preview is not None:
            self._preview.stop()
        if wanted is None or (self.opened is not None and self.opened.row.id == wanted):
            return
        if self.opened is None or self.has_class("-wide") or self.traces.follow:
            delay = 0.0 if self.opened is None else PREVIEW_S
            self._preview = (
                self.set_timer(delay, lambda: self.open_trace(wanted)) if delay else None
            )
            if not delay:
                self.open_trace(wanted)

    @on(VerdictsRead)
    def _verdicts_read(self, message: VerdictsRead) -> None:
        if self.known_row is not None and message.trace_id == self.known_row.id:
            self._heed_save()
            self.verdicts_arrived(message.verdicts)
        self.call_after_refresh(self._showing.painted)

    # -- cursors ---------------------------------------------------------------------

    @on(CursorMoved)
    def _cursor_moved(self) -> None:
        self._moved_at = perf_counter()

    @on(CursorMoved, "#traces")
    def _trace_chosen(self) -> None:
        self._show_list_title()
        self._preview_soon()

    @on(CursorMoved, "#spans")
    def _span_chosen(self) -> None:
        self.show_page()
        self.show_failure()
        self.show_bars()

    @on(LineOpened)
    def _line_opened(self, message: LineOpened) -> None:
        self.action_open()

    @on(DetailTabs.Chosen)
    def _tab_chosen(self, message: DetailTabs.Chosen) -> None:
        self.action_tab(message.tab)

    # -- layout ----------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.update_classes(
            {
                "-vast": width >= VAST,
                "-wide": width >= WIDE,
                "-medium": MEDIUM <= width < WIDE,
                "-narrow": width < MEDIUM,
                "-tall": height >= 45,
                "-low": height < 24,
                "-short": height < 16,
                "-tiny": height < 8,
            }
        )
        self.span_view.compact = width < MEDIUM
        self.call_after_refresh(self._after_resize)

    def _after_resize(self) -> None:
        self._show_empty()
        self.go_to_pane(self.pane)
        self.show_bars()
        self.refresh_rows()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        pane = pane_of(event.widget)
        if pane and pane != self.pane:
            self.set_pane(pane)
        self.show_bars()

    # -- bars ------------------------------------------------------------------------

    def show_bars(self) -> None:
        """Header, breadcrumb and footer for what is on screen now."""
        width = self.size.width
        state = msgspec.structs.replace(self._state, agent=self.traces.agent)
        self.query_one("#header", LineLabel).show(*bars.header(state, width))
        crumbs = bars.breadcrumb(self.crumbs(), self.filters(), width, self.notes())
        self.query_one("#breadcrumb", LineLabel).show(*crumbs)
        self.query_one("#footer", LineLabel).show(self._footer(width))

    def _footer(self, width: int) -> list[Piece]:
        """The keys that work now: of a two-key command, of an open field, or of the pane."""
        if self.prefix:
            return bars.prefix_hint(self.prefix, width)
        over = () if self.focused is None else self.focused.ancestors
        if field := next((node for node in over if isinstance(node, FieldBar)), None):
            return bars.field_keys(completes=field.complete is not None)
        return bars.footer(footer_for("" if self.has_class("-empty") else self.pane), width)

    def _show_list_title(self) -> None:
        model = self.traces
        at = model.cursor + 1 if model.total else 0
        notes = [f"frozen · {model.waiting:,} new"] if model.frozen else []
        notes += ["following"] if model.follow else []
        notes += [f"{len(model.marked)} selected"] if model.marked else []
        self.retitle("list", f"Traces · {at:,} of {model.total:,}", " · ".join(notes))

    def saved_note(self) -> str:
        progress = self.desk.progress()
        if progress is None:
            return ""
        note = bars.saved_note(
            self.saved_ns, progress.last_count, progress.last_ms, progress.pairs,
            bars.so_far(progress.done, progress.total, paused=progress.paused),
        )  # fmt: skip
        edit = self.desk.last_edit()
        turned = f"{edit} · B lists them" if edit is not None and edit.counts else ""
        return " · ".join(filter(None, (note, turned)))

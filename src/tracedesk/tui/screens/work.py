"""Everything that may block, in worker threads that post messages and touch no widget."""

from pathlib import Path
from typing import Any

from textual import work
from textual.worker import Worker, WorkerState, get_current_worker

from tracedesk.desk import Desk, OpenTrace
from tracedesk.evaluation.progress import Progress
from tracedesk.model.mark import Mark
from tracedesk.store.rows import TraceRow
from tracedesk.tui.circles import let_go
from tracedesk.tui.messages import (
    ActivityRead,
    ChatRead,
    ExplainedRead,
    LedgerRead,
    RequestsRead,
    RowsRead,
    SearchDone,
    StateRead,
    TraceGone,
    TraceMarked,
    TraceRead,
    VerdictsRead,
)
from tracedesk.tui.screens.footed import Footed
from tracedesk.tui.steady import report
from tracedesk.tui.view_models.search import find
from tracedesk.tui.view_models.span_line import model_and_tokens
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.trace_list import Request, fetch

ROWS_AHEAD = 200
"""Rows whose attributes are looked through before a trace is shown: some screens of them."""

HURRIED_FROM = 200_000
"""Spans from which a sketch is shown before it is known when it was at work: for fewer of them
that takes less than a tenth of a second, and nothing on screen changes afterwards."""


class Work(Footed):
    """The workers of the workbench."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    @work(thread=True, exit_on_error=False, group="rows")
    def read_rows(self, request: Request) -> None:
        """A window of the trace list. Asked for one at a time, so none is ever cancelled."""
        snapshot = fetch(self.desk, request)
        self.desk.on_screen([entry.row.id for entry in snapshot.entries])
        self.post_message(RowsRead(snapshot))

    @work(thread=True, exclusive=True, exit_on_error=False, group="state")
    def read_state(self) -> None:
        """Totals and progress for the header."""
        desk = self.desk
        progress = desk.progress() or Progress()
        self.post_message(StateRead(desk.store.count(), desk.totals(), progress, desk.counts()))

    @work(thread=True, exclusive=True, exit_on_error=False, group="ledger")
    def read_ledger(self) -> None:
        """What became of everything that was sent."""
        self.post_message(LedgerRead(self.desk.ledger(), self.desk.counts()))

    @work(thread=True, exclusive=True, exit_on_error=False, group="open")
    def read_trace(self, trace_id: str) -> None:
        """A trace with its tree, reading and verdicts; first in line for evaluation.

        Of a large one its tree comes first, while the rest is still being decoded.
        """
        sketch = self.desk.sketch(trace_id)
        if sketch is not None:
            self._trace_was_read(trace_id, sketch)
        self._trace_was_read(trace_id, self.desk.load(trace_id))

    def _trace_was_read(self, trace_id: str, opened: OpenTrace | None) -> None:
        rows, hurried = None, False
        if opened is not None:
            self.desk.show(trace_id)
            hurried = opened.sketch and len(opened.tree) >= HURRIED_FROM
            rows = SpanRows(opened.tree, opened.trace.spans, hurried=hurried)
            # made here rather than on the screen's own thread: the index, and the first rows
            rows.row_of("")
            for row in range(min(len(rows), ROWS_AHEAD)):
                rows.told(row, model_and_tokens)
        if not get_current_worker().is_cancelled:
            verdicts = self.desk.verdicts(trace_id)
            self.post_message(TraceRead(trace_id, opened, rows, verdicts))
            if rows is not None and hurried:
                self.post_message(ActivityRead(rows, rows.time.look_through()))

    @work(thread=True, exclusive=True, exit_on_error=False, group="grown")
    def read_if_grown(self, known: TraceRow) -> None:
        """The open trace again, when its content is another one by now; else its row, when it
        was marked."""
        row = self.desk.store.row(known.id)
        if row is None:
            self.post_message(TraceGone(known.id))
        elif row.revision != known.revision:
            self.read_trace(known.id)
        elif (row.mark, row.mark_note) != (known.mark, known.mark_note):
            self.post_message(TraceMarked(row))

    @work(thread=True, exit_on_error=False, group="mark")
    def mark_trace(self, row: TraceRow, mark: Mark) -> None:
        """Keep what is known of a trace; the list shows it once it is stored."""
        if not self.desk.mark(row, mark):
            self.post_message(TraceGone(row.id))

    @work(thread=True, exclusive=True, exit_on_error=False, group="verdicts")
    def read_verdicts(self, trace_id: str) -> None:
        """The verdicts of the open trace."""
        self.post_message(VerdictsRead(trace_id, self.desk.verdicts(trace_id)))

    @work(thread=True, exclusive=True, exit_on_error=False, group="requests")
    def read_requests(self, row: TraceRow, *, earlier: bool) -> None:
        """The wire bytes of a trace, or of an earlier revision of it."""
        store = self.desk.store
        found = store.revision_requests(row.id, row.revision) if earlier else store.requests(row.id)
        self.post_message(RequestsRead(row, found, store.revisions(row.id)))

    @work(thread=True, exclusive=True, exit_on_error=False, group="open")
    def read_revision(self, row: TraceRow, revision: int) -> None:
        """What a trace was before it was replaced, with the verdicts that it would get now."""
        opened = self.desk.load_revision(row, revision)
        rows = None if opened is None else SpanRows(opened.tree, opened.trace.spans)
        verdicts = None if opened is None else self.desk.evaluate(opened)
        if not get_current_worker().is_cancelled:
            self.post_message(TraceRead(row.id, opened, rows, verdicts, revision))

    @work(thread=True, exclusive=True, exit_on_error=False, group="explain")
    def read_explained(self, opened: OpenTrace) -> None:
        """Why each value of the open trace's reading is what it is."""
        from tracedesk.evaluation.load import reading_settings
        from tracedesk.reading.explain import explain

        workspace = self.desk.workspace
        settings = reading_settings(workspace.agent(opened.row.agent_id), workspace.roles)
        explained = explain(opened.trace, opened.reading, settings)
        self.post_message(ExplainedRead(opened, explained))

    @work(thread=True, exclusive=True, exit_on_error=False, group="chat")
    def read_chat(self, opened: OpenTrace) -> None:
        """The messages of all model calls of the open trace."""
        from tracedesk.evaluation.load import reading_settings
        from tracedesk.reading.chat import chat_of

        workspace = self.desk.workspace
        settings = reading_settings(workspace.agent(opened.row.agent_id), workspace.roles)
        self.post_message(ChatRead(opened, chat_of(opened.trace, opened.reading, settings)))

    @work(thread=True, exclusive=True, exit_on_error=False, group="search")
    def search_spans(self, rows: SpanRows, text: str) -> None:
        """Rows of the open trace that hold a text."""
        worker = get_current_worker()
        hits = find(rows, text, lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self.post_message(SearchDone(text, rows, hits))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The one place where a worker's failure surfaces."""
        worker: Worker[Any] = event.worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            self.work_failed(worker.group)
            report(self, worker.error, f"reading {worker.group}")
        let_go(worker)

    def work_failed(self, group: str) -> None:
        """A worker of this group ended without an answer."""


def database_name(desk: Desk) -> str:
    """The database as the header names it."""
    return Path(desk.workspace.database).name

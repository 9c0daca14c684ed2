"""What workers found out about the open trace reaches the screen here, if it is still the one."""

from textual import on

from tracedesk.tui.messages import (
    ChatRead,
    ExplainedRead,
    LedgerRead,
    RequestsRead,
    SearchDone,
    TraceGone,
    TraceMarked,
    TraceRead,
)
from tracedesk.tui.screens.editing import Editing
from tracedesk.tui.screens.modals import LedgerScreen
from tracedesk.tui.screens.stepping import Stepping
from tracedesk.tui.view_models.trace_list import row_title


class Hearing(Editing, Stepping):
    """The workbench as far as it is told of its trace."""

    @on(TraceRead)
    def _trace_read(self, message: TraceRead) -> None:
        if message.trace_id != self.wanted or self.stays_on_earlier(message):
            return
        if message.opened is None or message.rows is None:
            self.notify("That trace is no longer stored.", severity="warning")
            return
        self.show_trace(message.opened, message.rows, message.verdicts)

    @on(TraceGone)
    def _trace_gone(self, message: TraceGone) -> None:
        if self.opened is not None and message.trace_id == self.opened.row.id:
            title = row_title(self.opened.row)
            self.notify(f"{title} was removed from the database.", markup=False)
            self.leave_trace()
            self.refresh_rows()

    @on(TraceMarked)
    def _trace_marked(self, message: TraceMarked) -> None:
        self.show_mark(message.row)

    @on(LedgerRead)
    def _ledger_read(self, message: LedgerRead) -> None:
        screen = LedgerScreen(message.ledger, message.counts, self.now_ns(), self.desk.agent_name)
        self.app.push_screen(screen)

    @on(RequestsRead)
    def _requests_read(self, message: RequestsRead) -> None:
        if self.opened is not None and message.row == self.opened.row:
            self.requests, self.revisions = message.requests, message.revisions
            if self.tab == "raw":
                self.show_page(keep_place=True)

    @on(ExplainedRead)
    def _explained_read(self, message: ExplainedRead) -> None:
        if message.opened is self.opened:
            self.explained = message.explained
            self.show_page(keep_place=True)

    @on(ChatRead)
    def _chat_read(self, message: ChatRead) -> None:
        if message.opened is self.opened:
            self.chat = message.chat
            self.show_page(keep_place=True)

    @on(SearchDone)
    def _search_done(self, message: SearchDone) -> None:
        if message.rows is self.rows and message.text == self.search_text:
            self.show_hits(message.hits)

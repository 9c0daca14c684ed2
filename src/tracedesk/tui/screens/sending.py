"""Traces that leave the screen: copied as commands or as a page of text, and sent once more."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on, work
from textual.binding import BindingType

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line
from tracedesk.tui.messages import LineOpened, TextMade
from tracedesk.tui.screens.asking import Entries, Field, Form
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.screens.values import Values
from tracedesk.tui.view_models.pages.builder import Page

if TYPE_CHECKING:
    from tracedesk.store.rows import TraceRow

KEY_VARIABLE = "TRACEDESK_API_KEY"
SAME, NEW = "same", "new"
"""Whether a trace that is sent again replaces itself there or becomes another one."""


class Sending(Values):
    """Copying and sending of the chosen trace."""

    def action_copy_trace(self, form: str) -> None:
        """Copy the chosen trace as ``curl`` commands or as a ``digest``, of which a number after
        it is the budget in tokens."""
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to copy.")
        elif self.latest is not None and self.pane != "list":
            self.notify(f"Esc goes to the latest revision first, of which the {form} is made.")
        else:
            self._make_text(form, row)

    @work(thread=True, exclusive=True, exit_on_error=False, group="text to copy")
    def _make_text(self, form: str, row: "TraceRow") -> None:
        kind, _, tokens = form.partition(" ")
        if kind == "curl":
            text = self.desk.curl(row)
        else:
            text = self.desk.digest(row, int(tokens) if tokens else None)
        self.post_message(TextMade(text))

    @on(TextMade)
    def _text_made(self, message: TextMade) -> None:
        if message.text:
            self.put_on_clipboard(message.text)
        else:
            self.notify("No request is kept for this trace.", severity="warning")

    def action_send_again(self, to: str = "") -> None:
        """Ask where to, send, and show the reply; ``to`` is the address offered."""
        row = self.chosen_row
        if row is None:
            self.notify("There is no trace here to send.")
            return
        fields = (
            Field("to", "To", to or self.desk.sending_url, "http://127.0.0.1:4318"),
            Field("identity", "Id", SAME, f"{SAME}, or {NEW} for a trace of its own", (SAME, NEW)),
        )
        title = f"Send again · {row.name}"
        send = SendForm(title, fields, lambda entries: self._send(row, entries), self._sent)
        self.app.push_screen(send)

    def _send(self, row: "TraceRow", entries: Entries) -> "Sent":
        """Called in a worker. Raises UnreachableError and StoreError."""
        from tracedesk.sending.deliver import Sender, told
        from tracedesk.sending.new_id import NewIds
        from tracedesk.sending.outgoing import UnreachableError, of_stored

        identity = entries["identity"] or SAME
        if identity not in (SAME, NEW):
            raise UnreachableError(f"the id is {SAME} or {NEW}")
        new_ids = NewIds()
        lines, trace_id = [], ""
        with Sender(entries["to"], {}, os.environ.get(KEY_VARIABLE)) as sender:
            for request in of_stored(self.desk.store.requests(row.id)):
                answer = sender.send(new_ids.of(request) if identity == NEW else request)
                lines += told(answer)
                trace_id = answer.id or trace_id
        return Sent(tuple(lines) or ("no request is kept for this trace",), trace_id)

    def _sent(self, sent: "Sent") -> None:
        self.app.push_screen(ReplyScreen(sent, self.command_open))

    def command_open(self, text: str) -> None:
        """Open the trace that a text means."""
        raise NotImplementedError


class Sent(msgspec.Struct, frozen=True):
    """What came of sending a trace."""

    lines: tuple[str, ...]
    """The replies, for a person."""
    trace: str = ""
    """Id that the trace was given there; blank when it was given none."""


class SendForm(Form):
    """Asks where a trace is to be sent."""

    verb = "sends"


class ReplyScreen(Modal):
    """What an endpoint answered. Enter opens the trace it speaks of, when that is stored here."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("reply")]
    pane = "reply"
    title_text = "Reply"

    def __init__(self, sent: Sent, go: Callable[[str], None]) -> None:
        super().__init__()
        self._sent, self._go = sent, go
        self.hint = "Enter opens the trace · Esc closes" if sent.trace else "Esc closes"

    def page(self, width: int) -> list[Line]:
        page = Page(width)
        for line in self._sent.lines:
            page.prose(line, indent=1)
        return page.lines

    @on(LineOpened)
    def _line_opened(self) -> None:
        self.action_show_trace()

    def action_show_trace(self) -> None:
        """To the trace that was sent."""
        if self._sent.trace:
            self.dismiss()
            self._go(self._sent.trace)

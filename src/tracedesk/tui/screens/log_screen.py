"""The workspace's log on screen: its tail, live, by level."""

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, line
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.view_models.log import LEVELS, Record, at_least, log_lines, read_tail, records
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_view import LineView

POLL_S = 0.5
"""How often the file is looked at."""


class TailRead(Message):
    """The end of the log is another one."""

    def __init__(self, tail: bytes, found: list[Record]) -> None:
        super().__init__()
        self.tail = tail
        self.found = found


class LogScreen(Modal):
    """What was logged, the newest below; it stays in sight until the cursor leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("log")]
    pane = "log"
    title_text = "Log"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.level = "INFO"
        self._tail: bytes | None = None
        self._found: list[Record] = []

    def lines(self) -> LineView:
        return PageView(id="log")

    def on_mount(self) -> None:
        self.show()
        self.read_log()
        self.set_interval(POLL_S, self.read_log)

    @work(thread=True, exclusive=True, exit_on_error=False, group="log")
    def read_log(self) -> None:
        """Read the end of the log; says nothing when it is the same."""
        tail = read_tail(self.path)
        if tail != self._tail:
            self.post_message(TailRead(tail, records(tail)))

    @on(TailRead)
    def _read(self, message: TailRead) -> None:
        self._tail, self._found = message.tail, message.found
        self.show()

    def action_less(self) -> None:
        """Show only what is graver; after the gravest, everything again."""
        self.level = LEVELS[(LEVELS.index(self.level) + 1) % len(LEVELS)]
        self.show()

    def show(self) -> None:
        """Put the records of the level on the page, its end in sight unless the cursor left it."""
        page = self.query_one(PageView)
        at_end = page.cursor >= page.count - 1
        page.show(self.page, keep_place=not at_end)
        if at_end:
            page.action_cursor_last()
        box = self.query_one(".box")
        box.border_subtitle = Content(f"{self.level} and graver · v level · Esc closes")

    def page(self, width: int) -> list[Line]:
        shown = log_lines(at_least(self._found, self.level), width)
        return shown or [line("nothing of that kind was logged")]

"""The commands of the workbench that take an argument: ``:open``, ``:filter``, ``:tab`` and so on.

Each is a method ``command_<name>`` as ``view_models.command_line`` lists them.
"""

from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from tracedesk.query.names import nearest
from tracedesk.tui.screens.judged import Judged
from tracedesk.tui.widgets.detail.tabs import TABS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracedesk.store.rows import TraceRow


class TracesNamed(Message):
    """The traces that a text means were looked up."""

    def __init__(self, text: str, rows: "Sequence[TraceRow]") -> None:
        super().__init__()
        self.text = text
        self.rows = rows


class Commanding(Judged):
    """The workbench as what commands are given to."""

    def words_after(self, command: str) -> "Sequence[str]":
        """What may follow a command: its completion."""
        if command == "open":
            return [*self.words.of("external"), *self.words.of("id")]
        return TABS if command == "tab" else ()

    def command_open(self, text: str) -> None:
        """Open the trace that a text means."""
        self.find_named(text)

    @work(thread=True, exclusive=True, exit_on_error=False, group="named")
    def find_named(self, text: str) -> None:
        """Look a trace up by what a person calls it."""
        self.post_message(TracesNamed(text, self.desk.store.find(text)))

    @on(TracesNamed)
    def _named(self, message: TracesNamed) -> None:
        rows, said = message.rows, message.text[:60]
        if len(rows) != 1:
            some = ", ".join(row.id[:13] for row in rows[:5])
            told = f"fits {len(rows)} traces: {some}" if rows else "is no stored trace"
            self.notify(f"{said!r} {told}.", severity="warning", markup=False)
            return
        self.go_to_trace(rows[0])

    def go_to_trace(self, row: "TraceRow") -> None:
        """Open a stored trace, whatever filter hides it, with the list's cursor on it."""
        self.set_filter("")
        self.traces.follow = False
        self.traces.cursor_id, self.traces.cursor_number = row.id, row.number
        self.refresh_rows()
        self.open_trace(row.id)
        self.go_to_pane("tree")

    def command_filter(self, text: str) -> None:
        """Filter the list."""
        problem = self.set_filter(text)
        if problem is not None:
            self.notify(str(problem), severity="warning", markup=False)
        else:
            self.go_to_pane("list")

    def command_search(self, text: str) -> None:
        """Search the open trace, or end the search."""
        self.search_text = text
        if self.rows is not None and text:
            self.search_spans(self.rows, text)
        else:
            self.drop_search()
        self.go_to_pane("tree")

    def command_tab(self, name: str) -> None:
        """Choose a tab by its name or the beginning of it."""
        fitting = [tab for tab in TABS if tab.startswith(name.casefold())]
        if len(fitting) == 1:
            self.action_tab(fitting[0])
            return
        close = nearest(name, TABS)
        meant = f"did you mean {close}?" if close else f"there are {', '.join(TABS)}"
        self.notify(f"No tab {name[:40]!r}; {meant}", severity="warning", markup=False)

    def command_send(self, url: str) -> None:
        """Ask how to send the trace once more, the address filled in."""
        self.action_send_again(url)

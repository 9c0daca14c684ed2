"""The commands of the workbench that take an argument: ``:open``, ``:filter``, ``:tab`` and so on.

Each is a method ``command_<name>`` as ``view_models.command_line`` lists them.
"""

from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message

from tracedesk.query.names import nearest
from tracedesk.tui import figures
from tracedesk.tui.screens.judged import Judged
from tracedesk.tui.text import fit, plain
from tracedesk.tui.view_models.filter_completion import Candidate, quoted
from tracedesk.tui.view_models.trace_list import Entry, row_title
from tracedesk.tui.widgets.detail.tabs import TABS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracedesk.store.database import Store
    from tracedesk.store.rows import TraceRow

NAMED_AT_MOST = 5
"""Traces listed where several were meant."""


def meant_by(store: "Store", text: str) -> "list[TraceRow]":
    """The traces that a person means by a text, newest first: what it is the id of, else what it
    is the name of, else what has a name or an id with it as a part. Blocking; raises StoreError."""
    from tracedesk.query.filter import parse_filter

    if not text:
        return []
    if rows := store.find(text):
        return rows
    wanted = quoted(text)
    if rows := store.rows(where=parse_filter(f"name={wanted}")):
        return rows
    parts = {
        row.number: row
        for key in ("name", "external", "id")
        for row in store.rows(where=parse_filter(f"{key}:{wanted}"))
    }
    return [parts[number] for number in sorted(parts, reverse=True)]


def word_for(entry: Entry) -> Candidate:
    """What to type to open a trace: the id that its sender chose, else its own."""
    row, title = entry.row, row_title(entry.row)
    chosen = title == row.external_id
    took = None if row.duration_ms is None else row.duration_ms * 1e6
    told = (row.name if chosen else title, entry.agent, figures.duration(took))
    return Candidate(title if chosen else row.id, plain(" · ".join(filter(None, told))))


class TracesNamed(Message):
    """The traces that a text means were looked up."""

    def __init__(self, text: str, rows: "Sequence[TraceRow]") -> None:
        super().__init__()
        self.text = text
        self.rows = rows


class Commanding(Judged):
    """The workbench as what commands are given to."""

    def words_after(self, command: str) -> "Sequence[Candidate]":
        """What may follow a command: its completion."""
        if command == "open":
            return [word_for(entry) for entry in self.known_traces.values()]
        return [Candidate(tab) for tab in TABS] if command == "tab" else ()

    def command_open(self, text: str) -> None:
        """Open the trace that a text means."""
        self.find_named(text)

    @work(thread=True, exclusive=True, exit_on_error=False, group="named")
    def find_named(self, text: str) -> None:
        """Look a trace up by what a person calls it."""
        self.post_message(TracesNamed(text, meant_by(self.desk.store, text)))

    @on(TracesNamed)
    def _named(self, message: TracesNamed) -> None:
        rows, said = message.rows, plain(message.text[:60])
        if not rows:
            told = f"No stored trace has a name or id with {said!r} in it."
            self.notify(told, severity="warning", markup=False)
            return
        if len(rows) > 1:
            some = ", ".join(
                f"{fit(row_title(row), 30)} ({row.id[:8]})" for row in rows[:NAMED_AT_MOST]
            )
            more = f" and {len(rows) - NAMED_AT_MOST:,} more" if len(rows) > NAMED_AT_MOST else ""
            told = f"{said!r} fits {len(rows):,} traces: {some}{more}. Type more of one, or its id."
            self.notify(told, severity="warning", timeout=10, markup=False)
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

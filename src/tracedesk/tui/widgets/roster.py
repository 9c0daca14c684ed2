"""The two lists of the screen of agents and keys, and the page under them."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType

from tracedesk.roster import AgentEntry, KeyEntry
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.agents import agent_line, key_line, name_width
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_view import LineView
from tracedesk.workspace import Workspace


class AgentsView(LineView):
    """A line an agent."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("agents")]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(id="agents")
        self.workspace = workspace
        self.entries: tuple[AgentEntry, ...] = ()
        self.names = name_width((), 99)

    def show(self, entries: tuple[AgentEntry, ...], workspace: Workspace) -> None:
        """Other agents; the cursor stays with the agent it is on."""
        held = self.entry
        self.entries, self.workspace = entries, workspace
        self.names = name_width([entry.name for entry in entries], self.row_width)
        ids = [entry.id for entry in entries]
        self.changed(len(entries), ids.index(held.id) if held and held.id in ids else None)

    @property
    def entry(self) -> AgentEntry | None:
        """The agent under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return agent_line(self.entries[row], self.workspace, self.names, width)


class KeysView(LineView):
    """A line a key."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("keys")]

    def __init__(self) -> None:
        super().__init__(id="keys")
        self.empty_note = " no keys; n makes one"
        self.entries: tuple[KeyEntry, ...] = ()
        self.names = name_width((), 99)

    def show(self, entries: tuple[KeyEntry, ...]) -> None:
        """Other keys; the cursor stays with the key it is on."""
        held = self.entry
        self.entries = entries
        self.names = name_width([entry.key.name for entry in entries], self.row_width)
        ids = [entry.key.id for entry in entries]
        self.changed(len(entries), ids.index(held.key.id) if held and held.key.id in ids else None)

    @property
    def entry(self) -> KeyEntry | None:
        """The key under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return key_line(self.entries[row], self.names, width)


class SendingPage(PageView, can_focus=False):
    """What to type; it follows the agent under the cursor."""

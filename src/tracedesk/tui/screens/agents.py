"""Agents and keys: who may send, changed in place, and what to type to send as each.

What is shown is read again whenever the desk says that something changed, so a file saved in
an editor and a key revoked in another terminal appear here by themselves.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import Worker, WorkerState

from tracedesk.desk import Desk
from tracedesk.model.agent import Agent
from tracedesk.roster import AgentEntry, KeyEntry, Roster, consequences, read_roster
from tracedesk.store.keys import revoke_key
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.messages import CursorMoved
from tracedesk.tui.screens.agent_forms import agent_fields, agent_settings, key_fields, save_key
from tracedesk.tui.screens.asking import Confirm, Entries, Form
from tracedesk.tui.screens.footed import OwnScreen
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.steady import report
from tracedesk.tui.text import plain
from tracedesk.tui.view_models import bars
from tracedesk.tui.view_models.agents import sending_page, table_head, to_type
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.roster import AgentsView, KeysView, SendingPage
from tracedesk.workspace import CONFIG_NAME

POLL_S = 0.1
REST = 4
"""Rest after reading, in times of what the reading took: counting many traces takes a while."""


class RosterRead(Message):
    """Agents and keys were read."""

    def __init__(self, roster: Roster) -> None:
        super().__init__()
        self.roster = roster


class AgentsScreen(OwnScreen):
    """Two lists, and what to type below them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("agents screen")]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.pane = "agents"
        self.roster = Roster((), ())
        self._seen: tuple[int, int, int] | None = None
        self._reading = False
        self._asked_at = 0.0
        self._rest_until = 0.0

    def compose(self) -> ComposeResult:
        yield LineLabel(id="header")
        with Vertical(id="agents-pane", classes="pane"):
            yield LineLabel(id="agents-head")
            yield AgentsView(self.desk.workspace)
        with Vertical(id="keys-pane", classes="pane"):
            yield LineLabel(id="keys-head")
            yield KeysView()
        with Vertical(id="sending-pane", classes="pane"):
            yield SendingPage(id="sending")
        yield LineLabel(id="footer")

    def on_mount(self) -> None:
        self.agents.focus()
        self.poll()
        self.set_interval(POLL_S, self.poll)

    @property
    def agents(self) -> AgentsView:
        return self.query_one(AgentsView)

    @property
    def keys(self) -> KeysView:
        return self.query_one(KeysView)

    # -- reading ---------------------------------------------------------------------

    def poll(self) -> None:
        """Read again when the desk has changed."""
        revision = self.desk.revision()
        if revision == self._seen or self._reading or perf_counter() < self._rest_until:
            return
        self._seen = revision
        self._reading = True
        self._asked_at = perf_counter()
        self.read()

    @work(thread=True, exit_on_error=False, group="agents")
    def read(self) -> None:
        """Agents and keys from database and configuration."""
        self.post_message(RosterRead(read_roster(self.desk.store, self.desk.workspace)))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        worker: Worker[Any] = event.worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            self._reading = False
            report(self, worker.error, f"reading {worker.group}")

    @on(RosterRead)
    def _roster_read(self, message: RosterRead) -> None:
        now = perf_counter()
        self._reading = False
        self._rest_until = now + REST * (now - self._asked_at)
        self.roster = message.roster
        self.show()

    # -- showing ---------------------------------------------------------------------

    def show(self) -> None:
        """Everything anew, from what was read last."""
        workspace = self.desk.workspace
        self.agents.show(self.roster.agents, workspace)
        self.keys.show(self.roster.keys)
        for view, names in (("agents", self.agents.names), ("keys", self.keys.names)):
            head = table_head(names, self.size.width, keys=view == "keys")
            self.query_one(f"#{view}-head", LineLabel).show(head)
        working = sum(entry.state == "active" for entry in self.roster.keys)
        self._titled("agents", f"Agents · {len(self.roster.agents):,}", CONFIG_NAME)
        demanded = "demanded" if self.desk.keys_demanded else "not demanded on loopback"
        count = f" · {working:,} of {len(self.roster.keys):,} work" if self.roster.keys else ""
        self._titled("keys", f"Keys{count}", demanded)
        self.show_bars()
        self.show_sending()

    def show_bars(self) -> None:
        endpoint = self.desk.endpoint
        left = [
            Piece(" agents and keys", "heading"),
            Piece(f"   {bars.address(endpoint.url)} {endpoint.state}", "dim"),
        ]
        if self.desk.activity:
            left.append(Piece(f"   {plain(self.desk.activity)}", "warn"))
        root = Piece(f"{plain(str(self.desk.workspace.root))} ", "dim")
        self.query_one("#header", LineLabel).show(left, [root])
        self.query_one("#footer", LineLabel).show(self.footer_pieces())

    def show_sending(self) -> None:
        entry, desk = self.agents.entry, self.desk
        self._titled("sending", f"To send as {entry.name}" if entry else "To send", "")

        def page(width: int) -> list[Line]:
            return sending_page(
                entry, desk.workspace, desk.sending_url, width, demanded=desk.keys_demanded
            )

        self.query_one(SendingPage).show(page)

    def _titled(self, pane: str, title: str, note: str) -> None:
        box = self.query_one(f"#{pane}-pane")
        box.border_title = Content(plain(title))
        box.border_subtitle = Content(plain(note))

    @on(CursorMoved, "#agents")
    def _agent_chosen(self) -> None:
        self.show_sending()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.pane = "keys" if isinstance(event.widget, KeysView) else "agents"
        self.show_bars()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 20, "-low")
        self.call_after_refresh(self.show)

    def action_other_list(self) -> None:
        (self.keys if self.pane == "agents" else self.agents).focus()

    # -- agents ----------------------------------------------------------------------

    def action_add_agent(self) -> None:
        def save(entries: Entries) -> Agent:
            from tracedesk.config_edit import add_agent

            put, _ = agent_settings(entries)
            return add_agent(self.desk.workspace.root, put)

        self._ask("Add an agent", agent_fields(None), save, self._agent_saved)

    def action_edit_agent(self) -> None:
        agent = self._configured("edit")
        if agent is None:
            return

        def save(entries: Entries) -> Agent:
            from tracedesk.config_edit import edit_agent

            return edit_agent(self.desk.workspace.root, agent.id, *agent_settings(entries))

        self._ask(f"Agent {agent.name}", agent_fields(agent), save, self._agent_saved)

    def action_remove_agent(self) -> None:
        agent = self._configured("remove")
        if agent is None:
            return
        told = consequences(self.roster, agent) or [
            "Nothing is stored for it, and no key is its own."
        ]
        agree = partial(self.take_out, agent)
        question = f"Remove {agent.name} from {CONFIG_NAME}?"
        self.app.push_screen(Confirm(question, told, agree))

    @work(thread=True, exit_on_error=False, group="agents")
    def take_out(self, agent: Agent) -> None:
        from tracedesk.config_edit import remove_agent
        from tracedesk.workspace import ConfigError

        try:
            remove_agent(self.desk.workspace.root, agent.id)
        except ConfigError as fault:
            self.app.call_from_thread(self._say, str(fault), "error")

    def _configured(self, verb: str) -> Agent | None:
        """The chosen agent, if it stands in the file."""
        entry: AgentEntry | None = self.agents.entry
        if entry is None or entry.agent is None or not self.desk.workspace.has_agents:
            self._say(f"Only an agent of {CONFIG_NAME} can be {verb.rstrip('e')}ed; a adds one.")
            return None
        return entry.agent

    def _agent_saved(self, agent: Agent) -> None:
        self._say(f"Saved {agent.name} in {CONFIG_NAME}.")

    # -- keys ------------------------------------------------------------------------

    def action_new_key(self) -> None:
        entry = self.agents.entry
        for_one = self.pane == "agents" and self.desk.workspace.has_agents
        scope = entry.name if for_one and entry is not None and entry.agent is not None else ""
        names = [agent.name for agent in self.desk.workspace.agents]
        save = partial(save_key, self.desk)
        self._ask("Make a key", key_fields(scope, names), save, self._key_made)

    def _key_made(self, made: tuple[KeyEntry, str]) -> None:
        self.app.push_screen(NewKey(self, *made))

    def action_revoke_key(self) -> None:
        entry = self.keys.entry
        if entry is None:
            self._say("There is no key here.")
        elif entry.state == "revoked":
            self._say("This key is revoked already.")
        else:
            told = [
                f"{entry.key.masked}, for {', '.join(entry.agents) or 'all agents'}.",
                "What sends with it is refused from then on. It cannot be taken back.",
            ]
            agree = partial(self.revoke, entry.key.id)
            question = f"Revoke the key {entry.key.name}?"
            self.app.push_screen(Confirm(question, told, agree))

    @work(thread=True, exit_on_error=False, group="agents")
    def revoke(self, key_id: str) -> None:
        revoke_key(self.desk.store, key_id)

    # -- copying ---------------------------------------------------------------------

    def action_copy_sending(self, what: str) -> None:
        entry = self.agents.entry
        if entry is None or entry.agent is None:
            self._say("Nothing can be sent to an agent that is not configured.")
            return
        desk = self.desk
        curl, variables = to_type(
            entry, desk.workspace, desk.sending_url, demanded=desk.keys_demanded
        )
        self.copy(curl if what == "curl" else variables)

    def copy(self, text: str) -> None:
        """Copy by OSC 52, which works over SSH too."""
        self.app.copy_to_clipboard(text)
        self._say(f"Copied {len(text):,} characters.")

    # -- helpers ---------------------------------------------------------------------

    def _ask(
        self,
        title: str,
        fields: Any,
        submit: Callable[[Entries], Any],
        done: Callable[[Any], None],
    ) -> None:
        self.app.push_screen(Form(title, fields, submit, done))

    def _say(self, text: str, severity: Any = "information") -> None:
        self.notify(text, severity=severity, timeout=4, markup=False)


class NewKey(Modal):
    """A key, shown this once."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("made")]
    pane = "made"

    def __init__(self, opener: AgentsScreen, entry: KeyEntry, secret: str) -> None:
        super().__init__()
        self.title_text = f"The key {entry.key.name}"
        self.hint = "y copies it · c curl · v variables · Esc closes"
        self._opener = opener
        self._entry = entry
        desk = opener.desk
        scope = entry.key.agents
        agent = next(a for a in desk.workspace.agents if not scope or a.id in scope)
        curl, variables = to_type(
            AgentEntry(agent.id, agent.name, agent, 0, ()),
            desk.workspace, desk.sending_url, demanded=True, key=secret,
        )  # fmt: skip
        self._texts = {"key": secret, "curl": curl, "variables": variables}

    def page(self, width: int) -> list[Line]:
        page = Page(width)
        page.add(Piece(f" {self._texts['key']}", "strong"))
        page.blank()
        page.prose("Copy it now: only a hash of it is kept, and it is not shown again.", "warn", 1)
        page.prose(f"It is for {', '.join(self._entry.agents) or 'all agents'}.", "dim", 1)
        for title, name in (("With curl", "curl"), ("With an OpenTelemetry SDK", "variables")):
            page.heading(title)
            for line in self._texts[name].splitlines():
                page.prose(line, "string", 1)
        return page.lines

    def action_copy(self, what: str) -> None:
        self._opener.copy(self._texts[what])

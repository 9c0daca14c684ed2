"""Small screens over the workbench: what they share, the ledger, and the help page."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tracedesk.store.ledger import Counts, Ledger
from tracedesk.tui.actions import PANE_TITLES, PANES, help_for
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.steady import Steady
from tracedesk.tui.text import cells, plain, wrap
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.ledger import ledger_page
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_view import LineView
from tracedesk.tui.widgets.roles import RoleScreen

KEYS_CELLS = 13
"""Cells for the keys of an action, where there is room."""

LEGEND = (
    ("✖", "bad", "the span failed: status 2, or a recorded exception"),
    ("○3", "bad", "spans that failed below a folded one"),
    ("◌", "warn", "orphan: the parent named was not received"),
    ("↻", "warn", "cycle: the spans name one another as parents"),
    ("A M T R", "", "agent, model, tool, retrieval"),
    ("✓ ✗ ? !", "", "assertions that pass, fail, miss what they need, or are in error"),
    ("▲ ▼", "", "traces marked as known good, known bad"),
    ("~2", "warn", "verdicts of a test file that no longer parses"),
    ("…", "faint", "evaluation pending: what is shown is of the past"),
    ("▒", "bar", "begun and not ended; ╎ thinner than an eighth of a cell"),
)


class Modal(Steady, RoleScreen, ModalScreen[None]):
    """A box over the workbench that Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("box")]

    pane = "box"
    """Whose keys are told by the help."""

    title_text = ""
    hint = "Esc closes"

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(plain(self.title_text))
            box.border_subtitle = Content(self.hint)
            yield self.lines()

    def lines(self) -> LineView:
        """What stands in the box: a page, or a list that knows its rows."""
        return PageView(id="modal-page")

    def on_mount(self) -> None:
        view = self.query_one(LineView)
        view.focus()
        if isinstance(view, PageView):
            view.show(self.page)

    def page(self, width: int) -> list[Line]:
        raise NotImplementedError

    def action_help(self) -> None:
        """The keys of this box."""
        self.app.push_screen(HelpScreen(self.pane))


class LedgerScreen(Modal):
    """What became of everything that was sent."""

    title_text = "Ledger"

    def __init__(
        self,
        ledger: Ledger,
        lately: Counts,
        now_ns: int,
        agent_name: Callable[[str], str],
    ) -> None:
        super().__init__()
        self._page = partial(ledger_page, ledger, lately, now_ns=now_ns, agent_name=agent_name)

    def page(self, width: int) -> list[Line]:
        return self._page(width)


class HelpScreen(Modal):
    """Keys of the pane that had the focus, then those that work everywhere, then the signs."""

    def __init__(self, pane: str) -> None:
        super().__init__()
        self.pane = pane
        self.title_text = f"Help · {PANE_TITLES.get(pane, 'tracedesk')}"

    def action_help(self) -> None:
        self.dismiss()

    def page(self, width: int) -> list[Line]:
        page = Page(width)
        for title, actions in help_for(self.pane):
            page.heading(title)
            for action in actions:
                _told(page, action.shown_keys, "accent", action.help)
        if self.pane not in PANES:
            return page.lines
        page.heading("Signs")
        for sign, role, meaning in LEGEND:
            _told(page, sign, role, meaning)
        return page.lines


def _told(page: Page, what: str, role: str, meaning: str) -> None:
    """A key or sign, and beside it all of what it means."""
    lead = f"  {what:<{min(KEYS_CELLS, page.width // 3)}} "
    for folded in wrap(meaning, page.width - cells(lead)):
        page.add(Piece(lead, role), Piece(folded))
        lead = " " * cells(lead)

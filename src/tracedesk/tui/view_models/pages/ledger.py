"""The Ledger page: what became of everything that was ever sent, by agent, refusals first."""

from collections.abc import Callable

from tracedesk.query.text import counted
from tracedesk.store.ledger import EVENTS, RECEIVED, Counts, Entry, Ledger
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.view_models.pages.builder import Page

CELLS = 10


def ledger_page(
    ledger: Ledger,
    lately: Counts,
    width: int,
    *,
    now_ns: int,
    agent_name: Callable[[str], str] = str,
) -> list[Line]:
    """All counts; ``lately`` are those since the workbench was opened."""
    page = Page(width)
    page.prose(f"since this desk was opened: {lately.words()}", "dim", indent=0)
    refused = ledger.of("refused")
    if refused:
        page.heading("Refused", counted(ledger.total("refused"), "request"))
        for entry in refused:
            _refusal(page, entry, agent_name, now_ns)
    for agent_id in ledger.agent_ids:
        if ledger.total(*RECEIVED, "dropped", "removed", agent_id=agent_id):
            _agent(page, ledger, agent_id, agent_name)
    if not ledger.entries:
        page.prose("Nothing was sent yet.", indent=0)
    return page.lines


def _refusal(page: Page, entry: Entry, agent_name: Callable[[str], str], now_ns: int) -> None:
    whose = f" for {agent_name(entry.agent_id)}" if entry.agent_id else ""
    page.add(
        Piece(f"{entry.count:>{CELLS},}  ", "warn"),
        Piece(entry.code, "strong"),
        Piece(f"{whose}, last {figures.age(entry.last_ns, now_ns)} ago", "dim"),
    )
    page.prose(entry.message, indent=CELLS + 2)


def _agent(page: Page, ledger: Ledger, agent_id: str, agent_name: Callable[[str], str]) -> None:
    size = sum(entry.size for entry in ledger.of(*RECEIVED, agent_id=agent_id))
    title = agent_name(agent_id) if agent_id else "no agent"
    page.heading(title, f"{figures.size(size)} received" if size else "")
    for event, told in EVENTS.items():
        if event == "refused":
            continue
        for entry in ledger.of(event, agent_id=agent_id):
            why = f" ({entry.code.replace('_', ' ')})" if entry.code else ""
            page.add(f"{entry.count:>{CELLS},}  {event}", Piece(f"  {told}{why}", "dim"))

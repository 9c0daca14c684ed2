"""Lines of the screen of agents and keys: what one of each says in a width, and what to type."""

from collections.abc import Sequence

from tracedesk.roster import AgentEntry, KeyEntry, routes, sending_lines, since
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import cells, fit, pad
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.workspace import Workspace

NAME_MOST = 28
ROOMY = 100
"""Cells from which a key's line says when it was made and used too."""

KEY_OF_ENVIRONMENT = "$MIBO_API_KEY"
"""Stands for a key in what to type: a stored key cannot be shown again."""

_STATES = {"active": "", "expired": "warn", "idle": "warn", "revoked": "faint"}


def name_width(names: Sequence[str], width: int) -> int:
    """Cells for the column of names: the longest, within reason."""
    return min(max(map(cells, ("name", *names))), NAME_MOST, width // 3)


def agent_line(entry: AgentEntry, workspace: Workspace, names: int, width: int) -> list[Piece]:
    """Name, type, how it is routed to, how many traces and keys."""
    right = f"  {_count(entry.traces, 'trace')}  {pad(_count(len(entry.keys), 'key'), 7)}"
    agent = entry.agent
    if agent is None:
        kind, told, role = "–", "not configured any more", "faint"
    elif not workspace.has_agents:
        kind, told, role = agent.type, "stands in until an agent is added", "dim"
    else:
        kind, role = agent.type, "dim"
        told = " · ".join(routes(agent, workspace)) or "its id, or a key of its own"
    room = width - names - 12 - cells(right)
    return [
        Piece(f" {pad(entry.name, names)}  ", "" if agent else "faint"),
        Piece(pad(kind, 8) + " ", "agent" if agent else "faint"),
        Piece(pad(told, room), role),
        Piece(right, "number" if entry.traces else "faint"),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{' ' if number == 1 else 's'}"


def key_line(entry: KeyEntry, names: int, width: int) -> list[Piece]:
    """Name, what may be shown of the key, whether it works, for whom, and its dates."""
    key = entry.key
    dates = f"  until {since(key.expires_ns):<10} "
    if width >= ROOMY:
        dates = f"  made {since(key.created_ns)}  used {pad(since(key.used_ns), 10)}{dates}"
    room = width - names - 27 - cells(dates)
    faint = "faint" if entry.state != "active" else ""
    return [
        Piece(f" {pad(key.name, names)}  ", faint),
        Piece(pad(key.masked, 15), faint or "key"),
        Piece(pad(entry.state, 8), _STATES[entry.state]),
        Piece(" " + pad(", ".join(entry.agents) or "all agents", room), faint),
        Piece(dates, faint or "dim"),
    ]


def sending_page(
    entry: AgentEntry | None, workspace: Workspace, url: str, width: int, *, demanded: bool
) -> list[Line]:
    """What to type so that traces go to an agent."""
    page = Page(width)
    if entry is None or entry.agent is None:
        page.prose("Nothing can be sent to an agent that is not configured.", "dim", indent=1)
        return page.lines
    curl, variables = to_type(entry, workspace, url, demanded=demanded)
    page.prose(curl, "string", indent=1)
    for variable in variables.splitlines():
        page.prose(variable, "string", indent=1)
    return page.lines


def to_type(
    entry: AgentEntry, workspace: Workspace, url: str, *, demanded: bool, key: str | None = None
) -> tuple[str, str]:
    """A curl line, and variables; with a key where one is known or needed."""
    assert entry.agent is not None
    alone = len(workspace.agents) == 1
    shown = key or (KEY_OF_ENVIRONMENT if demanded else None)
    return sending_lines(url, entry.agent, alone=alone, key=shown)


def table_head(names: int, width: int, *, keys: bool) -> list[Piece]:
    """The names of the columns."""
    columns = f"{pad('key', 15)}{pad('state', 8)} for" if keys else f"{pad('type', 8)} routed by"
    return [Piece(fit(f" {pad('name', names)}  {columns}", width), "faint")]

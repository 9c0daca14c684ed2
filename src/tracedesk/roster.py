"""Who may send, as people see it: agents with their traces and keys, keys with their agents.

The command line and the screen both read this. A key is shown by its name and last four
characters; the whole of it exists only in the moment it is made.
"""

import re
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tracedesk.endpoint.keys import create_key, hash_of
from tracedesk.model.agent import Agent
from tracedesk.query.names import nearest
from tracedesk.query.text import counted, iso
from tracedesk.store.agents import agent_names, traces_by_agent
from tracedesk.store.database import Store
from tracedesk.store.keys import StoredKey, list_keys
from tracedesk.workspace import Workspace

NAME_CHARS = 100
ID_CHARS = 4
"""Fewest characters of an id that name a key: a slip of the hand shall revoke none."""
LAST_YEAR = 2200
"""Times are 64-bit nanoseconds, which end in 2262."""

_AGE = re.compile(r"(\d{1,6}) ?(h|d|w|y)")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7, "y": 24 * 365}


class RosterError(ValueError):
    """What was asked for cannot be done; the text says why, and what could."""


class AgentEntry(msgspec.Struct, frozen=True):
    """An agent that is configured, or of which traces are stored."""

    id: str
    name: str
    agent: Agent | None
    """None when it is not, or no longer, configured."""
    traces: int
    keys: tuple[StoredKey, ...]
    """The keys that work now and reach it."""


class KeyEntry(msgspec.Struct, frozen=True):
    """A key and the agents it is for."""

    key: StoredKey
    agents: tuple[str, ...]
    """Their names, those of removed ones too; empty = all."""
    state: str
    """``active``, ``expired``, ``revoked``, or ``idle``: all its agents were removed."""


class Roster(msgspec.Struct, frozen=True):
    agents: tuple[AgentEntry, ...]
    """In configured order, then those no longer configured."""
    keys: tuple[KeyEntry, ...]
    """Oldest first."""


def read_roster(store: Store, workspace: Workspace) -> Roster:
    """Everybody, by what database and configuration say now. Raises StoreError."""
    now = time.time_ns()
    names = agent_names(store) | {agent.id: agent.name for agent in workspace.agents}
    traces = traces_by_agent(store)
    keys = list_keys(store)
    configured = {agent.id: agent for agent in workspace.agents}
    usable = [key for key in keys if key.usable(now)]
    agents = [
        AgentEntry(
            agent_id,
            names.get(agent_id, agent_id),
            configured.get(agent_id),
            traces.get(agent_id, 0),
            tuple(
                key
                for key in usable
                if agent_id in configured and (not key.agents or agent_id in key.agents)
            ),
        )
        for agent_id in [*configured, *(set(traces) - set(configured))]
    ]
    return Roster(tuple(agents), tuple(_key_entry(key, names, configured, now) for key in keys))


def _key_entry(
    key: StoredKey, names: dict[str, str], configured: dict[str, Agent], now: int
) -> KeyEntry:
    state = key.state(now)
    if state == "active" and key.agents and not set(key.agents) & set(configured):
        state = "idle"
    return KeyEntry(key, tuple(names.get(agent_id, agent_id) for agent_id in key.agents), state)


def make_key(
    store: Store, workspace: Workspace, name: str, agents: Sequence[str], expires: str = ""
) -> tuple[KeyEntry, str]:
    """Make a key for agents given by name or id (none = all); also returns the key itself.

    Raises RosterError and StoreError.
    """
    name = name.strip()
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise RosterError(f"a key's name is one line of 1 to {NAME_CHARS} printable characters")
    scope = dict.fromkeys(_named(workspace, wanted).id for wanted in agents)
    now = time.time_ns()
    key, secret = create_key(
        store, name, list(scope), expires_ns=expiry(expires, now) if expires else None
    )
    configured = {agent.id: agent for agent in workspace.agents}
    names = {agent_id: agent.name for agent_id, agent in configured.items()}
    return _key_entry(key, names, configured, now), secret


def _named(workspace: Workspace, wanted: str) -> Agent:
    agent = workspace.agent(wanted) or workspace.agent(wanted.lower())
    if agent is None:
        names = [agent.name for agent in workspace.agents]
        meant = nearest(wanted, names)
        known = f"did you mean {meant!r}?" if meant else f"there are {', '.join(map(repr, names))}"
        raise RosterError(f"no agent {wanted!r}; {known}")
    return agent


def expiry(text: str, now_ns: int) -> int:
    """When ``90d``, ``2026-12-31`` (to its end) or ``2026-12-31T18:00+01:00`` is, in
    nanoseconds since the epoch; without an offset it is UTC. Raises RosterError."""
    now = datetime.fromtimestamp(now_ns / 1e9, UTC)
    try:
        if age := _AGE.fullmatch(text.strip().lower()):
            moment = now + timedelta(hours=int(age[1]) * _HOURS[age[2]])
        else:
            moment = datetime.fromisoformat(text.strip())
            if len(text.strip()) <= len("2026-12-31"):
                moment += timedelta(days=1, seconds=-1)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RosterError(
            f"{text!r} is no time to expire at; use such as 12h, 90d, 4w, 1y or 2026-12-31"
        ) from None
    if moment <= now:
        raise RosterError(f"{text} is past already; a key expires in the future")
    if moment.year > LAST_YEAR:
        raise RosterError(f"{text} is too far away; leave the expiry out for a key that stays")
    return int(moment.timestamp()) * 1_000_000_000


def find_key(keys: Sequence[StoredKey], text: str) -> StoredKey:
    """The key that a person means: by id, by its own text, by name, by its last four
    characters (also as it is listed), or by the beginning of its id. One that still works is
    meant rather than one that does not. Raises RosterError when that is none or several."""
    wanted = text.strip()
    end, start = wanted.removeprefix("mibo_..."), wanted.lower()
    secret = hash_of(wanted.encode())
    found = [key for key in keys if key.id == start or key.hash == secret]
    found = found or [
        key
        for key in keys
        if wanted == key.name
        or end == key.last4
        or (len(start) >= ID_CHARS and key.id.startswith(start))
    ]
    now = time.time_ns()
    found = [key for key in found if key.usable(now)] or found
    if len(found) > 1 and any(key.usable(now) for key in found):
        listed = "\n".join(f"  {key.id}  {key.masked}  {key.name}" for key in found)
        raise RosterError(f"{text!r} fits {len(found)} keys; give more of the id of one:\n{listed}")
    if found:
        return found[-1]
    meant = nearest(wanted, [key.name for key in keys])
    hint = f"did you mean {meant!r}?" if meant else "tracedesk keys lists them"
    raise RosterError(f"no key {text!r}; {hint}")


def consequences(roster: Roster, agent: Agent) -> list[str]:
    """What removing an agent leaves behind, a line each; empty when that is nothing."""
    told = [
        f"{counted(entry.traces, 'stored trace')} of {agent.name} will stay"
        for entry in roster.agents
        if entry.id == agent.id and entry.traces
    ]
    left = {entry.id: entry.name for entry in roster.agents if entry.agent is not None}
    left.pop(agent.id, None)
    for each in roster.keys:
        scope = each.key.agents
        if each.state == "active" and agent.id in scope:
            others = ", ".join(left[other] for other in scope if other in left)
            then = f"then only for {others}" if others else "then of no use; revoke it"
            told.append(f"the key {each.key.name} ({each.key.masked}) is {then}")
    return told


# -- how traces reach an agent -------------------------------------------------------------


def routes(agent: Agent, workspace: Workspace) -> list[str]:
    """How traces are routed to an agent besides its id and a key of its own, in words."""
    if len(workspace.agents) == 1:
        return ["everything"]
    found = [f"service.name {agent.otlp_service_name}"] if agent.otlp_service_name else []
    for noun, ids in (("workflow", agent.workflow_ids), ("chatflow", agent.chatflow_ids)):
        if ids:
            found.append(f"{noun} {', '.join(ids)}")
    if agent is workspace.agents[0]:
        found.append("what nothing else decides")
    return found


def sending_lines(url: str, agent: Agent, *, alone: bool, key: str | None) -> tuple[str, str]:
    """What to type in a shell so that traces go to this agent: a request, and the variables of
    an OpenTelemetry SDK. ``alone``: there is no other agent; ``key``: None where none is needed."""
    header = f' -H "x-api-key: {key}"' if key else ""
    target = "" if alone else f'"platformId": "{agent.id}", '
    curl = (
        f"curl -s {url}/public/traces -H 'Content-Type: application/json'{header}"
        f' -d \'{{{target}"data": {{"text": "Hello"}}}}\''
    )
    variables = [
        f"export OTEL_EXPORTER_OTLP_ENDPOINT={url}",
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ]
    if key:
        variables.append(f"export OTEL_EXPORTER_OTLP_HEADERS=x-api-key={key}")
    if agent.otlp_service_name:
        variables.append(f"export OTEL_SERVICE_NAME={shlex.quote(agent.otlp_service_name)}")
    elif not alone:
        variables.append(f"export OTEL_RESOURCE_ATTRIBUTES=mibo.platform_id={agent.id}")
    return curl, "\n".join(variables)


def since(ns: int | None) -> str:
    """A day, for a table; a dash for never."""
    return "–" if ns is None else iso(ns)[:10]

"""Which agent a trace belongs to (ingestion spec 8; conflicts C2 to C5).

Candidates are the agents the sender may use. Each shape has its own order of steps; a
request without a key falls back to the first agent where no step hits.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.keys import Access
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.otlp import OtlpResource
from tracedesk.model.agent import Agent
from tracedesk.model.trace import TraceWarning
from tracedesk.query.names import nearest

_THREE_WAYS = (
    "give a target by a key scoped to one agent, by platformId in the body, or by"
    " metadata.mibo.platform_id"
)
_THREE_WAYS_OTLP = (
    "give a target by the resource attribute service.name (the agent's OTLP service name), by a"
    " key scoped to one agent, or by the resource attribute mibo.platform_id"
)

NAMED_AT_MOST = 5
"""Agents listed in a refusal."""


class Routed(msgspec.Struct, frozen=True):
    """The agent that was found, and by which rule."""

    agent: Agent
    routed_by: str
    """``key``, ``platform_id``, ``mibo.platform_id``, ``metadata``, ``service_name``, or
    ``default`` where no rule was needed."""
    warning: TraceWarning | None = None


def route_canonical(
    envelope: Envelope, access: Access, known: Mapping[str, Agent], *, by_workflow: bool
) -> Routed:
    """Route a ``spans`` body. Raises Refused, 400 ``CUSTOM_API_PLATFORM_NOT_FOUND``."""
    target = envelope.platform_id or envelope.hinted_platform_id
    if access.single is not None:
        return _only(access, access.single, target)
    if target is not None:
        if (agent := access.agent(target)) is not None:
            rule = "platform_id" if envelope.platform_id else "mibo.platform_id"
            return Routed(agent, rule)
        if access.everyone and access.agents:
            return _default(access, target)
        raise _refuse_canonical(f"agent {target!r} {_why_not(target, known)}", target, access)
    if by_workflow and (agent := _by_metadata(envelope, access)):
        return Routed(agent, "metadata")
    if access.everyone and access.agents:
        return _default(access, None)
    raise _refuse_canonical("the body names no agent", None, access)


def route_data(envelope: Envelope, access: Access, known: Mapping[str, Agent]) -> Routed:
    """Route an OLD ``data`` body. Raises Refused, 404 ``PLATFORM_NOT_FOUND``."""
    target = envelope.platform_id
    if target is not None:
        if (agent := access.agent(target)) is not None:
            return Routed(agent, "platform_id")
        if not access.everyone:
            raise _refuse_data(target, known, access)
    elif access.single is not None:
        return _only(access, access.single, None)
    if (described := _by_metadata(envelope, access)) is not None:
        return Routed(described, "metadata", _ignored(target))
    if access.everyone and access.agents:
        return _default(access, target)
    raise Refused(
        404,
        "PLATFORM_NOT_FOUND",
        "cannot determine the target agent: give platformId in the body, use a key scoped to one"
        " agent, or send metadata.workflowId (n8n) or metadata.chatflowId (Flowise) of one"
        + _without_marks(f"; {_choice(access)}"),
    )


def route_resource(
    resource: OtlpResource, access: Access, known: Mapping[str, Agent]
) -> Routed | str:
    """Route one resource of an OTLP body, or say why it cannot be routed."""
    service, target = resource.service_name, resource.platform_id
    if service is not None:
        for agent in access.agents:
            if agent.otlp_service_name is not None and agent.otlp_service_name.strip() == service:
                return Routed(agent, "service_name")
    if access.single is not None:
        return _only(access, access.single, target)
    if target is not None and (named := access.agent(target)) is not None:
        return Routed(named, "mibo.platform_id")
    if access.everyone and access.agents:
        return _default(access, target)
    if target is not None:
        meant = _meant(target, access)
        return f"agent {target!r} of mibo.platform_id {_why_not(target, known)}{meant}"
    if service is None:
        return f"the resource has no service.name; {_choice(access)}"
    return f"no agent has the OTLP service name {service!r}" + _did_you_mean(
        service, [a.otlp_service_name for a in access.agents if a.otlp_service_name]
    )


def refuse_otlp(reasons: list[str]) -> Refused:
    """The refusal of an OTLP body none of whose resources can be routed."""
    first = reasons[0] if reasons else "the body names no agent"
    return Refused(400, "CUSTOM_API_PLATFORM_NOT_FOUND", f"{first}; {_THREE_WAYS_OTLP}")


def _only(access: Access, agent: Agent, target: str | None) -> Routed:
    """There is but one agent to choose from; another target is ignored (C2)."""
    differs = target is not None and target.lower() != agent.id.lower()
    rule = "default" if access.everyone else "key"
    return Routed(agent, rule, _ignored(target) if differs else None)


def _default(access: Access, target: str | None) -> Routed:
    return Routed(access.agents[0], "default", _ignored(target))


def _ignored(target: str | None) -> TraceWarning | None:
    if target is None:
        return None
    return TraceWarning(
        "platform_id_ignored", f"platformId {target} is not the agent that was chosen"
    )


def _by_metadata(envelope: Envelope, access: Access) -> Agent | None:
    """C4: chatflow and workflow ids against the agents' settings."""
    metadata, external = envelope.metadata, envelope.external_metadata
    workflows = [
        metadata.get("workflowId"),
        metadata.get("workflow_id"),
        external.get("workflowId"),
    ]
    chatflow = _text(metadata.get("chatflowId"))
    for agent in access.agents:
        if chatflow is not None and chatflow in agent.chatflow_ids:
            return agent
    for workflow in map(_text, workflows):
        for agent in access.agents:
            if workflow is not None and workflow in agent.workflow_ids:
                return agent
    return None


def _text(value: Any) -> str | None:
    """An id as text; n8n and Flowise send texts, hand-written clients numbers too."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


def _why_not(target: str, known: Mapping[str, Agent]) -> str:
    exists = any(agent_id.lower() == target.lower() for agent_id in known)
    return "is outside the agents of this key" if exists else "is unknown"


def _refuse_canonical(problem: str, target: str | None, access: Access) -> Refused:
    hint = "" if target is None else _meant(target, access)
    told = f"{problem}{hint}; {_THREE_WAYS}; {_choice(access)}"
    return Refused(400, "CUSTOM_API_PLATFORM_NOT_FOUND", told)


def _refuse_data(target: str, known: Mapping[str, Agent], access: Access) -> Refused:
    """Clients tell the two cases apart by the word "restricted"."""
    if any(agent_id.lower() == target.lower() for agent_id in known):
        message = f"this key is restricted to other agents than {target}"
    else:
        hint = _without_marks(f"{_meant(target, access)}; {_choice(access)}")
        message = f"no agent has the id {target}{hint}"
    return Refused(404, "PLATFORM_NOT_FOUND", message)


def _without_marks(hint: str) -> str:
    """The hint, unless the name of an agent in it would be taken for one of the words by which
    clients tell the refusals apart (ingestion spec 4.2)."""
    return "" if any(word in hint.lower() for word in ("restricted", "allowed")) else hint


def _choice(access: Access) -> str:
    """The agents that could be named, as far as the sender may know them."""
    if not access.agents:
        return "the agents of this key are no longer configured"
    named = ", ".join(f"{agent.name} ({agent.id})" for agent in access.agents[:NAMED_AT_MOST])
    more = len(access.agents) - NAMED_AT_MOST
    return f"the key is for {named}" + (f" and {more} more" if more > 0 else "")


def _meant(target: str, access: Access) -> str:
    """The agent that an id, or a name where an id belongs, comes nearest to."""
    by_word = {word: agent for agent in access.agents for word in (agent.id, agent.name)}
    word = nearest(target, by_word)
    return "" if word is None else f"; did you mean {by_word[word].id!r} ({by_word[word].name})?"


def _did_you_mean(name: str, candidates: list[str]) -> str:
    meant = nearest(name, candidates)
    return "" if meant is None else f"; did you mean {meant!r}?"

"""Message content in span events: one event a message (semconv until 2025, Strands), or
one event holding whole message lists (the current opt-in form)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tracedesk.model.trace import Event
from tracedesk.reading.messages import Said, event_role, parsed, said

DETAILS = "gen_ai.client.inference.operation.details"

CONTENT_EVENTS = {
    "gen_ai.content.prompt": ("gen_ai.prompt", "user"),
    "gen_ai.content.completion": ("gen_ai.completion", "assistant"),
}
"""Older events with one attribute: event name → attribute, role."""

LISTS: dict[str, tuple[str, ...]] = {
    "input": ("gen_ai.input.messages",),
    "response": ("gen_ai.output.messages",),
    "all": ("gen_ai.input.messages", "gen_ai.output.messages"),
}

EVENT_SOURCES = {
    "response": ("event gen_ai.choice", "event gen_ai.content.completion", f"event {DETAILS}"),
    "input": ("event gen_ai.user.message", "event gen_ai.content.prompt", f"event {DETAILS}"),
}


def each_message(events: Iterable[Event], role: str) -> Iterator[tuple[Said, str]]:
    """Messages in a span's events that matter for ``response``, ``input`` or ``all``, each with
    the name of the event that carries it."""
    for event in events:
        for message in _of(event, role):
            yield message, event.name


def _of(event: Event, role: str) -> Iterable[Said]:
    attributes = event.attributes
    if event.name == DETAILS:
        for name in LISTS[role]:
            if name in attributes:
                yield from said(attributes[name])
        return
    if event.name in CONTENT_EVENTS:
        attribute, spoken = CONTENT_EVENTS[event.name]
        if _wanted(spoken, role) and attribute in attributes:
            value = parsed(attributes[attribute])
            yield from said(value) or said([{"role": spoken, "content": _text(value)}])
        return
    spoken_role = event_role(event.name)
    if spoken_role is not None and _wanted(spoken_role, role):
        yield from _message(spoken_role, attributes)


def _wanted(spoken: str, role: str) -> bool:
    return role == "all" or (spoken == "assistant") == (role == "response")


def _message(role: str, attributes: Mapping[str, Any]) -> Iterable[Said]:
    body = parsed(attributes.get("message", attributes.get("gen_ai.event.content")))
    if isinstance(body, Mapping):
        yield from said([{"role": role, **body}])
        return
    content = body if body is not None else parsed(attributes.get("content"))
    if content is not None:
        calls = parsed(attributes.get("tool_calls"))
        message = {"role": role, "content": content, "tool_calls": calls}
        yield from said([{**message, "tool_call_id": attributes.get("id")}])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

"""Chat messages in every shape that clients write them, flattened to role and text.

Requests for tools inside messages are kept beside the text; they are never calls.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tracedesk.model.peek import opened
from tracedesk.model.reading import Message
from tracedesk.reading.tool_parts import (
    Requested,
    Returned,
    is_bare_request,
    parsed,
    requested,
    returned,
)

__all__ = ["Said", "assistant_text", "event_role", "input_text", "parsed", "said", "text_of"]

ROLES = {
    "": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "user": "user",
    "human": "user",
    "humanmessage": "user",
    "system": "system",
    "developer": "system",
    "systemmessage": "system",
    "tool": "tool",
    "function": "tool",
    "toolmessage": "tool",
    "functionmessage": "tool",
}
"""Role words, lower case, and what they mean; none at all is an assistant's."""

TEXT_PARTS = ("text", "output_text", "input_text", "")
"""Part types that carry text; a part without a type does too."""

_OTHER_PARTS = frozenset({"reasoning", "thinking"})
"""Parts that carry neither text of the message nor a request."""

ITEMS = ("function_call", "function_call_output")
"""Types of items in the Responses API that stand between messages."""

_INNER = ("message", "data", "kwargs")
"""Keys under which wrappers keep the message itself."""
_MAX_WRAPPERS = 4


class Said(msgspec.Struct, frozen=True):
    """One message; ``text`` is None when it has no text part at all."""

    role: str
    text: str | None
    requests: tuple[Requested, ...] = ()
    results: tuple[Returned, ...] = ()

    def message(self) -> Message:
        calls = tuple([(call.name, call.arguments) for call in self.requests])
        return Message(self.role, self.text or "", calls)


class WirePart(msgspec.Struct, gc=False):
    """A message part exactly as specified."""

    type: str
    content: str | None = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    response: Any = None
    result: Any = None


class WireMessage(msgspec.Struct, gc=False):
    """A message exactly as specified; any other form takes the long way."""

    role: str
    parts: list[WirePart]


_QUOTE = b'"'
_decode_messages = msgspec.json.Decoder(list[WireMessage]).decode


def _as_specified(value: Any) -> list[Said] | None:
    """Messages in the current convention's own form, several times quicker; else None."""
    if value.__class__ is msgspec.Raw:
        if memoryview(value)[:1] == _QUOTE:  # clients mostly send messages as JSON text
            value = opened(value)
    elif value.__class__ is not str:
        return None
    try:
        messages = _decode_messages(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    found = []
    for message in messages:
        role = ROLES.get(message.role) or ROLES.get(message.role.strip().lower(), "other")
        parts = message.parts
        if len(parts) == 1 and parts[0].type == "text" and parts[0].content is not None:
            found.append(Said(role, parts[0].content))
            continue
        texts: list[str] = []
        requests: list[Requested] = []
        results: list[Returned] = []
        for part in parts:
            if part.type == "text" and part.content is not None:
                texts.append(part.content)
            elif part.type == "tool_call" and part.name is not None:
                requests.append(Requested(part.id, part.name, parsed(part.arguments)))
            elif part.type == "tool_call_response" and part.content is None:
                value = part.result if part.response is None else part.response
                results.append(Returned(part.id, part.name, parsed(value)))
            elif part.type not in _OTHER_PARTS:
                return None
        found.append(Said(role, "".join(texts) if texts else None, tuple(requests), tuple(results)))
    return found


def said(value: Any) -> list[Said]:
    """The messages of an attribute value: JSON text, a list, or an object holding a list."""
    quick = _as_specified(value)
    if quick is not None:
        return quick
    value = parsed(opened(value))
    if isinstance(value, Mapping):
        inner = value.get("messages", value.get("contents"))
        value = inner if isinstance(inner, list) else [value]
    if not isinstance(value, list):
        return []
    if len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return [message for entry in value if (message := _one(entry)) is not None]


def _one(entry: Any) -> Said | None:
    entry = parsed(entry)
    if not isinstance(entry, Mapping):
        return None
    if entry.get("type") in ITEMS or is_bare_request(entry):
        return Said("other", None, tuple(requested(entry, None)), tuple(returned(entry, None, "")))
    role = entry.get("role")
    for _ in range(_MAX_WRAPPERS):
        if "content" in entry or "parts" in entry:
            break
        role = role or _wrapper_role(entry)
        inner = next((v for key in _INNER if isinstance(v := entry.get(key), Mapping)), None)
        if inner is None:
            break
        entry = inner
        role = entry.get("role") or role
    if role is None:
        role = entry.get("type") if "content" in entry else None
    if not _is_message(entry, role):
        return None
    known = ROLES.get(role.strip().lower() if isinstance(role, str) else "", "other")
    content = entry.get("parts", entry.get("content"))
    if isinstance(content, Mapping) and isinstance(content.get("parts"), list):
        content = content["parts"]  # Gemini wraps the parts of its answer once more
    return Said(
        known,
        text_of(content),
        tuple(requested(entry, content)),
        tuple(returned(entry, content, known)),
    )


def _wrapper_role(entry: Mapping[str, Any]) -> Any:
    """The role a wrapper tells: LangChain's ``type``/``id``, an event's name."""
    path = entry.get("id")
    if isinstance(path, list) and path and isinstance(path[-1], str):
        return path[-1]
    event = entry.get("event.name")
    if isinstance(event, str):
        return event_role(event)
    return entry.get("type")


def event_role(name: str) -> str | None:
    """The role in an event name such as ``gen_ai.user.message``; None for other events."""
    if name == "gen_ai.choice":
        return "assistant"
    parts = name.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "gen_ai" and parts[2] == "message" else None


def _is_message(entry: Mapping[str, Any], role: Any) -> bool:
    if "parts" in entry or "tool_calls" in entry:
        return True
    return "content" in entry and (role is None or isinstance(role, str))


def text_of(content: Any) -> str | None:
    """The text parts of a message, joined without separator; None when there are none."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = content.get("parts", [content])
    texts = _part_texts(content) if isinstance(content, list) else []
    return "".join(texts) if texts else None


def _part_texts(parts: Iterable[Any]) -> list[str]:
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type", "") in TEXT_PARTS:
            text = part.get("content", part.get("text"))
            if isinstance(text, str):
                texts.append(text)
    return texts


def assistant_text(messages: list[Said]) -> str | None:
    """Text of the last assistant message that has any; a blank one only if none has more."""
    blank = None
    for message in reversed(messages):
        if message.role == "assistant" and message.text is not None:
            if message.text.strip():
                return message.text
            blank = message.text
    return blank


def input_text(messages: list[Said]) -> str | None:
    """Latest user message, else system, else everything joined with newlines (spec 14.3)."""
    for role in ("user", "system"):
        for message in reversed(messages):
            if message.role == role and message.text is not None and message.text.strip():
                return message.text
    texts = [message.text for message in messages if message.text]
    return "\n".join(texts) if texts else None

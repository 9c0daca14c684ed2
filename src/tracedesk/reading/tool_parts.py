"""Tools inside messages: what a model asked for and what came back, in every shape that
clients write. A request alone is never a call; a result says that the tool was executed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tracedesk.model import jsontext


class Requested(msgspec.Struct, frozen=True):
    """A tool that a model asked for."""

    id: str | None
    name: str
    arguments: Any


class Returned(msgspec.Struct, frozen=True):
    """What a tool gave back, as a later message carries it."""

    id: str | None
    name: str | None
    value: Any
    failed: bool = False


REQUESTS = ("tool_call", "tool-call", "tool_use", "function_call")
"""Types of message parts, or of whole items (Responses API), that ask for a tool."""

RESULTS = (
    "tool_call_response",
    "tool-result",
    "tool_result",
    "function_call_output",
    "tool_response",
)
"""Types of message parts, or of whole items, that carry a tool's result."""

CALL_IDS = ("tool_call_id", "toolCallId", "tool_use_id", "call_id", "id")
"""An item's own ``id`` comes last: the Responses API has one beside ``call_id``."""

NAMES = ("name", "toolName", "tool_name")
ARGUMENTS = ("arguments", "input", "args")
VALUES = ("response", "result", "output", "content", "value")


def parsed(value: Any) -> Any:
    """JSON text of an object or array parsed once; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return jsontext.parse(value)
        except ValueError:
            return value
    return value


def is_bare_request(entry: Mapping[str, Any]) -> bool:
    """An item of a list of nothing but requests (AI SDK)."""
    return "toolName" in entry and "role" not in entry and entry.get("type") not in RESULTS


def requested(entry: Mapping[str, Any], content: Any) -> Iterator[Requested]:
    """The tools that one message asks for: its ``tool_calls``, then its parts."""
    listed = entry.get("tool_calls")
    for call in listed if isinstance(listed, list) else ():
        if isinstance(call, Mapping):
            function = call.get("function", call)
            if isinstance(function, Mapping) and isinstance(name := function.get("name"), str):
                yield Requested(_id(call), name, parsed(_any(function, ("arguments", "args"))))
    for part in (entry, *(content if isinstance(content, list) else ())):
        if not isinstance(part, Mapping):
            continue
        inner = part.get("function_call", part.get("functionCall"))
        if isinstance(inner, Mapping):
            part = inner
        elif part.get("type") not in REQUESTS and not is_bare_request(part):
            continue
        name = _text(part, NAMES)
        if name is not None:
            yield Requested(_id(part), name, parsed(_any(part, ARGUMENTS)))


def returned(entry: Mapping[str, Any], content: Any, role: str) -> Iterator[Returned]:
    """The tool results that one message carries: its parts, else the message of a tool."""
    found = False
    for part in (entry, *(content if isinstance(content, list) else ())):
        if not isinstance(part, Mapping):
            continue
        inner = part.get("function_response", part.get("functionResponse"))
        if isinstance(inner, Mapping):
            part = inner
        elif part.get("type") not in RESULTS:
            continue
        found = True
        yield _result(part, _any(part, VALUES))
    if not found and role == "tool":
        yield _result(entry, content)


def _result(part: Mapping[str, Any], value: Any) -> Returned:
    value = parsed(value)
    failed = part.get("is_error") is True or part.get("isError") is True
    failed = failed or part.get("status") == "error"
    if isinstance(value, Mapping) and isinstance(kind := value.get("type"), str):
        if kind in ("text", "json", "error-text", "error-json") and "value" in value:
            failed = failed or kind.startswith("error")  # AI SDK 5 and later
            value = parsed(value["value"])
    elif _is_texts(value):
        value = parsed("".join(part["text"] for part in value))
    return Returned(_id(part), _text(part, NAMES), value, failed)


def _is_texts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in value)
    )


def _id(part: Mapping[str, Any]) -> str | None:
    return _text(part, CALL_IDS)


def _text(part: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    for key in keys:
        value = part.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _any(part: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((part[key] for key in keys if part.get(key) is not None), None)

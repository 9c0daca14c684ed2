"""The few ways in which an attribute value holds a text."""

from collections.abc import Callable, Mapping
from typing import Any

from tracedesk.model import jsontext
from tracedesk.model.peek import opened
from tracedesk.reading.messages import Said, assistant_text, input_text, parsed, said
from tracedesk.reading.tables.convention import Read

COMMON_KEYS = ("text", "output", "answer", "response", "result", "content", "message")
"""Keys under which an object states its answer."""

INPUT_KEYS = ("input", "question", "query", "prompt", "user_message", "message", "text", "content")
"""Keys under which an object states the question."""

CHAT_KEYS = ("messages", "generations", "choices")
"""Keys that mark a chat object; without any text in it, it is no text of its own."""

EMPTY_RENDERINGS = frozenset({"[Object]", "[object Object]"})
"""What some exporters write instead of an object; it says nothing."""


def assistant(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """Messages: the last assistant message with text."""
    return assistant_text(said(value))


def user(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """Messages: the latest user message, else system, else all."""
    return input_text(said(value))


def plain(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """A text; a JSON list of texts is joined; other values are dumped."""
    value = opened(value)
    if isinstance(value, str):
        values = parsed(value)
        if isinstance(values, list) and values and all(isinstance(v, str) for v in values):
            return "".join(values)
        return value
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return "".join(value)
    return None if value is None else jsontext.dump(value)


def prompt(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """A text, or messages in JSON; JSON that is neither stays the text it is."""
    return _unwrapped(value, input_text, INPUT_KEYS)


def completion(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """A text, or an object with messages or a common answer key in JSON."""
    return _unwrapped(value, assistant_text, COMMON_KEYS)


def system(value: Any, _: Callable[[], Mapping[str, Any]]) -> str | None:
    """System instructions: a text, or parts in JSON, joined with newlines."""
    value = parsed(opened(value))
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        texts = [
            text
            for part in value
            if isinstance(
                text := part.get("content", part.get("text"))
                if isinstance(part, Mapping)
                else part,
                str,
            )
        ]
        return "\n".join(texts) if texts else None
    return None


def below(*path: str) -> Read:
    """System instructions inside a JSON object."""

    def read(value: Any, attributes: Callable[[], Mapping[str, Any]]) -> str | None:
        value = parsed(opened(value))
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            value = value.get("parts")
        return None if value is None else system(value, attributes)

    return read


def indexed(prefix: str, pick: Callable[[list[Said]], str | None], infix: str = "") -> Read:
    """Messages spread over flat keys such as ``gen_ai.prompt.0.content``."""

    def read(_: Any, attributes: Callable[[], Mapping[str, Any]]) -> str | None:
        return pick(indexed_messages(attributes(), prefix + ".", infix))

    return read


def indexed_messages(attributes: Mapping[str, Any], prefix: str, infix: str = "") -> list[Said]:
    """The messages under ``<prefix><n>.<infix><field>``, by n."""
    fields: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if not name.startswith(prefix):
            continue
        number, _, field = name[len(prefix) :].partition(".")
        if number.isdecimal() and len(number) < 7:
            fields.setdefault(int(number), {})[field.removeprefix(infix)] = value
    return [_indexed_message(fields[number]) for number in sorted(fields)]


def _indexed_message(fields: dict[str, Any]) -> Said:
    content = fields.get("content")
    if content is None:
        texts = [
            v
            for k, v in fields.items()
            if k.startswith("contents.") and k.endswith("message_content.text")
        ]
        content = "".join(t for t in texts if isinstance(t, str)) if texts else None
    elif not isinstance(content, str):
        content = jsontext.dump(content)
    role = fields.get("role", "")
    message = {"role": role, "content": content or "", "tool_call_id": fields.get("tool_call_id")}
    known = said([{**message, "name": fields.get("name"), "tool_calls": _indexed_calls(fields)}])
    if not known:
        return Said("other", content or None)
    return Said(known[0].role, content or None, known[0].requests, known[0].results)


def _indexed_calls(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """``tool_calls.<n>.[tool_call.][function.](id|name|arguments)`` by n, as one list."""
    calls: dict[str, dict[str, Any]] = {}
    for key, value in fields.items():
        if key.startswith("tool_calls."):
            number, _, field = key.removeprefix("tool_calls.").partition(".")
            calls.setdefault(number, {})[field.rpartition(".")[2]] = value
    return list(calls.values())


def _unwrapped(
    value: Any, pick: Callable[[list[Said]], str | None], keys: tuple[str, ...]
) -> str | None:
    value = opened(value)
    content = parsed(value)
    if content is None:
        return None
    if isinstance(content, str):
        text = _quoted(content)
        return None if text in EMPTY_RENDERINGS else text
    found = pick(said(content))
    if found is not None:
        return found
    if isinstance(content, Mapping):
        for key in keys:
            inner = content.get(key)
            if isinstance(inner, str):
                return inner
        if any(isinstance(content.get(key), list) for key in CHAT_KEYS):
            return _generated(content.get("generations"))
    return value if isinstance(value, str) else jsontext.dump(content)


def _generated(generations: Any) -> str | None:
    """The last text of LangChain's ``generations[[{text}]]``; blank ones are tool requests."""
    while isinstance(generations, list) and generations:
        generations = generations[-1]
    text = generations.get("text") if isinstance(generations, Mapping) else None
    return text if isinstance(text, str) and text.strip() else None


def _quoted(text: str) -> str:
    """The text inside one JSON string literal; any other text as it is."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            inner = jsontext.parse(text)
        except ValueError:
            return text
        return inner if isinstance(inner, str) else text
    return text

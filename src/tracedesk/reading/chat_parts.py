"""Where each message of a list stands, and its parts that are no text: pictures and files, which
are named and never shown, and what a model thought aloud.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tracedesk.reading.messages import TEXT_PARTS, parsed
from tracedesk.reading.tool_parts import REQUESTS, RESULTS

THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
"""Types of parts that hold what a model thought."""

_INNER = ("message", "data", "kwargs")
_MIMES = ("mime_type", "media_type", "mediaType", "mimeType", "format")
_NAMES = ("filename", "file_name", "name", "file_id", "id")
_CARRIERS = (
    "url", "uri", "file_uri", "data", "content", "image", "file_data", "bytes", "image_url",
)  # fmt: skip
_DATA_URL = re.compile(r"data:([\w.+/-]{1,80})?[^,]{0,80},")
_SHOWN = 60
"""Characters of an address that are shown."""
_DEPTH = 3


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """JSONPath and value of each message in an attribute: JSON text, a list, or an object that
    holds a list."""
    value, base = parsed(value), "$"
    if isinstance(value, Mapping):
        key = "messages" if "messages" in value else "contents"
        inner = value.get(key)
        if not isinstance(inner, list):
            yield "$", value
            return
        value, base = inner, f"$.{key}"
    if not isinstance(value, list):
        return
    if len(value) == 1 and isinstance(value[0], list):
        value, base = value[0], base + "[0]"
    for at, entry in enumerate(value):
        yield f"{base}[{at}]", parsed(entry)


def text_path(entry: Any) -> str:
    """Where in a message its text stands, when it stands in one place: ``.parts[0].content``."""
    if not isinstance(entry, Mapping):
        return ""
    for key in ("parts", "content"):
        content = entry.get(key)
        if isinstance(content, str):
            return f".{key}"
        if isinstance(content, list):
            texts = [at for at, part in enumerate(content) if _is_text(part)]
            if len(texts) != 1:
                return ""
            part = content[texts[0]]
            field = "content" if isinstance(part, Mapping) and "content" in part else "text"
            return f".{key}[{texts[0]}]" + (f".{field}" if isinstance(part, Mapping) else "")
    return ""


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (
        isinstance(part, Mapping)
        and part.get("type", "") in TEXT_PARTS
        and isinstance(part.get("content", part.get("text")), str)
    )


def thoughts(entry: Any) -> str:
    """What the model thought aloud in this message; blank for nothing."""
    found = []
    for part in _parts(entry):
        if isinstance(part, Mapping) and part.get("type") in THOUGHTS:
            text = next((part[k] for k in ("content", "text", "thinking", "reasoning")
                         if isinstance(part.get(k), str)), "")  # fmt: skip
            found.append(text or "(hidden by the provider)")
    return "\n".join(found)


def media(entry: Any) -> Iterator[str]:
    """The parts that are neither text nor tool call, by name: ``image image/png, 34 kB``."""
    for part in _parts(entry):
        if not isinstance(part, Mapping) or _is_text(part):
            continue
        kind = part.get("type", "")
        known = (*TEXT_PARTS[:-1], *REQUESTS, *RESULTS, *THOUGHTS)
        inner = next((k for k in ("inline_data", "inlineData", "file_data") if k in part), "")
        if kind in known or (not kind and not inner):
            continue
        yield _named(kind if isinstance(kind, str) and kind else inner, part)


def _parts(entry: Any) -> list[Any]:
    for _ in range(_DEPTH):
        if not isinstance(entry, Mapping):
            return []
        content = entry.get("parts", entry.get("content"))
        if isinstance(content, Mapping):
            content = content.get("parts", [content])
        if isinstance(content, list):
            return content
        entry = next((v for key in _INNER if isinstance(v := entry.get(key), Mapping)), None)
    return []


def _named(kind: str, part: Mapping[str, Any]) -> str:
    fields = dict(_fields(part))
    carried = max((fields.get(name, "") for name in _CARRIERS), key=len)
    mime = next((fields[name] for name in _MIMES if fields.get(name)), "")
    called = next((fields[name] for name in _NAMES if fields.get(name)), "")
    head = carried[:200]
    matched = _DATA_URL.match(head)
    if matched:
        mime = mime or matched[1] or ""
        carried = carried[matched.end() :]
    words = [kind.removesuffix("_url"), mime[:_SHOWN], called[:_SHOWN]]
    named = " ".join(dict.fromkeys(filter(None, words)))
    if not matched and re.match(r"[a-z][a-z0-9+.-]{1,15}://", head):
        return f"{named}, {head[:_SHOWN]}"
    return f"{named}, {_size(len(carried) * 3 // 4)}" if carried else named


def _fields(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of a part, those of the objects in it too, outermost last so that they win."""
    level: list[Mapping[str, Any]] = [part]
    found: list[tuple[str, str]] = []
    for _ in range(_DEPTH):
        found += [(k, v) for each in level for k, v in each.items() if isinstance(v, str)]
        level = [v for each in level for v in each.values() if isinstance(v, Mapping)]
    return reversed(found)


def _size(count: int) -> str:
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 999_500 else f"{count / 1e6:.1f} MB"

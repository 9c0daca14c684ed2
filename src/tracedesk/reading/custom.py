"""Reading of Custom API bodies: response, input and tokens by the keys of ``data``
(ingestion spec 11)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracedesk.model import jsontext
from tracedesk.model.built import Built
from tracedesk.model.reading import Source, Text, Usage
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.reading.n8n_nodes import AI_WORDS
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.usage import SHAPES, Count, added, count_in

RESPONSE_KEYS = ("text", "message", "content", "output", "answer", "response")
INPUT_KEYS = ("input", "question", "query", "prompt", "user_message")

AI_NAMES = frozenset({"agent", "llm", "ai"})
"""Whole words of a node type that mark an AI-looking node."""

_WORDS = re.compile(r"[^a-z0-9]+")


def response(trace: Trace, settings: ReadingSettings) -> Text:
    """The first hit of the configured path, the common keys, the last AI-looking node, and
    the whole payload."""
    data = trace.data if isinstance(trace.data, Mapping) else {}
    if settings.response_path:
        found = _configured(trace, data, settings.response_path)
        if found is not None:
            return found
    found = _common(data)
    if found is not None:
        return found
    nodes = [span for span in trace.spans if _is_node(span)]
    for span in reversed(nodes):
        if looks_ai(span):
            text = _text(span.payload.output) if isinstance(span.payload, Built) else None
            if text is not None:
                source = Source(span.span_id, f"{span.place}.output", "last AI-looking node")
                return Text(text=text, source=source)
    if trace.data is None:  # a body that could not be read: there is nothing to quote
        return Text(tried=("data",))
    return Text(text=jsontext.dump(trace.data), source=Source(None, "$.data", "whole payload"))


def _configured(trace: Trace, data: Mapping[str, Any], path: str) -> Text | None:
    for place, start in (("$.data", data), ("$", {"data": data, "metadata": trace.metadata})):
        text = _text(_at(start, path))
        if text is not None:
            source = Source(None, f"{place}.{path}", "configured response path")
            return Text(text=text, source=source)
    return None


def _common(data: Mapping[str, Any]) -> Text | None:
    for key in RESPONSE_KEYS:
        value = data.get(key)
        if is_node(value):
            continue
        text = _text(value)
        if text is not None:
            return Text(text=text, source=Source(None, f"$.data.{key}", f"common key {key}"))
    return None


def is_node(value: Any) -> bool:
    """True for a node entry: an object having ``output``."""
    return isinstance(value, Mapping) and "output" in value


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def _text(value: Any) -> str | None:
    """A text; an object's own common-key text, else its dump; null is no hit."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for key in RESPONSE_KEYS:
            if isinstance(value.get(key), str):
                return str(value[key])
    return jsontext.dump(value)


def _is_node(span: Span) -> bool:
    return (
        isinstance(span.payload, Built)
        and span.kind is not Kind.TOOL
        and span.status is not Status.SKIPPED
    )


def looks_ai(span: Span) -> bool:
    """By its type's words, or because it called tools."""
    payload = span.payload
    if not isinstance(payload, Built):
        return False
    type_ = (payload.type or "").lower()
    return (
        any(word in type_ for word in AI_WORDS)
        or not AI_NAMES.isdisjoint(_WORDS.split(type_))
        or "tools_called" in span.attributes
    )


def input_of(trace: Trace) -> Text:
    """The first common input key of ``data``, then of ``metadata``."""
    tried = []
    for name, place in (("data", trace.data), ("metadata", trace.metadata)):
        for key in INPUT_KEYS:
            tried.append(f"{name}.{key}")
            value = place.get(key) if isinstance(place, Mapping) else None
            if value is not None and not is_node(value):
                text = value if isinstance(value, str) else jsontext.dump(value)
                return Text(text=text, source=Source(None, f"$.{name}.{key}", f"key {key}"))
    return Text(tried=tuple(tried))


def usage(trace: Trace) -> Usage:
    """The token shape in ``data`` itself, else the sum over the node outputs."""
    found = count_in(trace.data)
    if found is not None:
        return counted(found[0], f"$.data{found[1]}")
    return node_usage(trace)


def node_usage(trace: Trace, mend: Callable[[Span, Count], Count] | None = None) -> Usage:
    """The sum of the token shapes in executed nodes' outputs; ``mend`` may correct each."""
    counts: dict[str, Count] = {}
    place = ""
    for span in trace.spans:
        if _is_node(span) and isinstance(span.payload, Built):
            in_output = count_in(span.payload.chosen)
            if in_output is not None:
                place = place or f"{span.payload.output_place}{in_output[1]}"
                count = in_output[0]
                counts[span.span_id] = mend(span, count) if mend else count
    if not counts:
        return Usage(tried=TOKEN_SHAPES)
    plural = "" if len(counts) == 1 else "s"
    spans = tuple((span, count.whole or 0) for span, count in counts.items())
    return counted(added(counts.values()), f"sum of {len(counts)} span{plural}", spans, place)


TOKEN_SHAPES = tuple(dict.fromkeys(".".join(path) for path, _ in SHAPES))
"""What ``tried`` names when no token shape was found."""


def counted(
    count: Count, source: str, spans: tuple[tuple[str, int], ...] = (), place: str = ""
) -> Usage:
    """Usage of one count; ``place`` is where it, or its first share, was read."""
    return Usage(
        input=count.input,
        output=count.output,
        reasoning=count.reasoning,
        total=count.whole,
        source=source,
        spans=spans,
        read_from=Source(spans[0][0] if spans else None, place or source, source),
    )

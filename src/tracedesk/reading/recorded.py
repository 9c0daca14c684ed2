"""How recorded arguments and outputs are decoded: once, when first asked for, and out of the
wrappings that frameworks put around them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tracedesk.model import jsontext
from tracedesk.model.built import ABSENT
from tracedesk.model.peek import opened
from tracedesk.model.reading import NOT_RECORDED, Recorded
from tracedesk.model.trace import Span
from tracedesk.reading.tables.convention import Field
from tracedesk.reading.tables.readers import completion, plain

CAPTURED, NONE, UNREADABLE = "captured", "absent", "unreadable"

Value = tuple[Any, str]
"""A value and its state."""

_NOTHING: Value = (None, NONE)

ENTITY_INPUT = "traceloop.entity.input"
GIVEN_VALUE = "input.value"


def read_value(value: Any) -> Value:
    """A recorded value and its state: JSON text of an object or array is parsed once,
    unparsable ones are ``unreadable``, other text stays text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return jsontext.parse(value), CAPTURED
        except ValueError:
            return value, UNREADABLE
    return value, CAPTURED


def read_encoded(raw: Any) -> Value:
    """The same for a value that may still be encoded."""
    return read_value(opened(raw))


def read_output(raw: Any) -> Value:
    """A tool's result; of a LangChain tool message its content."""
    value, state = read_value(opened(raw))
    if isinstance(value, dict) and value.get("type") == "tool":
        inner = value.get("data")
        if isinstance(inner, dict) and "content" in inner:
            return read_value(inner["content"])
    return value, state


def read_entity_input(raw: Any) -> Value:
    """Arguments out of what OpenLLMetry and LangChain put around them."""
    value, state = read_value(opened(raw))
    if isinstance(value, dict):
        for key in ("inputs", "kwargs", "input"):
            if isinstance(value.get(key), dict) and (value[key] or key != "kwargs"):
                return value[key], state
        text = value.get("input_str")
        if isinstance(text, str):
            return read_value(text)
    return value, state


READERS: Mapping[str, Callable[[Any], Value]] = {ENTITY_INPUT: read_entity_input}
"""Attributes whose arguments are wrapped."""


def recorded(place: str, value: Any) -> Recorded:
    """A value of a body that was decoded already; ``ABSENT`` is not recorded."""
    if value is ABSENT:
        return NOT_RECORDED
    found, state = read_value(value)
    return Recorded(place, None, None, found, state)


def node_output(field: Field, raw: Any, span: Span) -> Recorded:
    """What a node span itself says it gave: messages as text, other values as they are."""
    if field.read in (plain, completion):
        return Recorded(field.attribute, raw, read_encoded)
    return Recorded(field.attribute, raw, partial(_by_field, field, span))


def _by_field(field: Field, span: Span, raw: Any) -> Value:
    text = field.read(raw, partial(getattr, span, "attributes"))
    return _NOTHING if text is None else (text, CAPTURED)


_EVENTS = {"input": ("gen_ai.tool.message", "content"), "output": ("gen_ai.choice", "message")}
"""Events of a tool span that hold its input and output (Strands)."""


def from_event(span: Span, what: str) -> Recorded:
    """Input or output of a tool in the span's events."""
    name, attribute = _EVENTS[what]
    for event in span.events:
        if event.name == name and attribute in event.attributes:
            return recorded(f"event {name}", event.attributes[attribute])
    return NOT_RECORDED

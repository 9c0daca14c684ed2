"""Attributes, events and links in every spelling that a wire format has for them, as plain
JSON values. Nothing here raises on what a sender wrote: what has no meaning is left out.
"""

import base64
import math
from collections.abc import Callable, Iterable
from typing import Any

from tracedesk.formats.values import liberal_nanoseconds
from tracedesk.model.trace import Event


def plain_attributes(value: Any) -> dict[str, Any]:
    """An attribute object as it is, or an OTLP key/value list flattened."""
    if isinstance(value, dict):
        return value
    return key_values(value) if isinstance(value, list) else {}


def key_values(entries: Iterable[Any]) -> dict[str, Any]:
    """``[{key, value: AnyValue}]`` as an object; later keys win, broken entries are left out."""
    found: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(key := entry.get("key"), str):
            found[key] = any_value(entry.get("value"))
    return found


def any_value(value: Any) -> Any:
    """An OTLP ``AnyValue`` object as plain JSON; an empty one is null."""
    if not isinstance(value, dict):
        return value
    for name, content in value.items():
        read = _ANY_VALUE.get(name)
        if read is not None:
            return read(content)
    return value or None


def finite(value: float) -> float | str:
    """NaN and the infinities have no JSON form; they become their names."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def base64_text(value: bytes) -> str:
    """Bytes as base64 text, the one form they have in JSON."""
    return base64.b64encode(value).decode()


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _double(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return finite(float(value))
        except ValueError:
            return value
    return value


def _array(value: Any) -> Any:
    values = value.get("values") if isinstance(value, dict) else value
    return [any_value(v) for v in values] if isinstance(values, list) else []


def _object(value: Any) -> Any:
    values = value.get("values") if isinstance(value, dict) else value
    return key_values(values) if isinstance(values, list) else {}


def _same(value: Any) -> Any:
    return value


_ANY_VALUE: dict[str, Callable[[Any], Any]] = {
    camel_or_snake: read
    for camel, snake, read in (
        ("stringValue", "string_value", _same),
        ("boolValue", "bool_value", _same),
        ("intValue", "int_value", _integer),
        ("doubleValue", "double_value", _double),
        ("arrayValue", "array_value", _array),
        ("kvlistValue", "kvlist_value", _object),
        ("bytesValue", "bytes_value", _same),
    )
    for camel_or_snake in (camel, snake)
}


def events_of(value: Any) -> list[Event]:
    """A list of events in canonical or OTLP spelling; entries without a name are left out."""
    found = []
    for entry in value if isinstance(value, list) else ():
        if not isinstance(entry, dict):
            continue
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        time = entry.get("timeUnixNano", entry.get("time_unix_nano"))
        attributes = plain_attributes(entry.get("attributes"))
        found.append(Event(name, liberal_nanoseconds(time)[0], attributes))
    return found


def links_of(value: Any) -> list[dict[str, Any]]:
    """A list of links as plain objects, their attributes flattened."""
    found = []
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            attributes = plain_attributes(entry.get("attributes"))
            found.append({**entry, "attributes": attributes} if attributes else dict(entry))
    return found


def has_exception(events: Iterable[Event]) -> bool:
    """True when an exception was recorded."""
    return any(event.name == "exception" for event in events)

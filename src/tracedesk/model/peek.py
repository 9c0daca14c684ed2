"""Looking up a few attributes of many spans without decoding their values.

Each payload answers in its own cheapest way; what is still encoded JSON comes back as
``msgspec.Raw`` and is decoded by ``opened``, one value at a time.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.trace import Span

_decode = msgspec.json.Decoder().decode


@runtime_checkable
class Peekable(Protocol):
    """A payload that can tell some attributes without decoding all."""

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        """At least the wanted attributes that are present and not null; values may be
        ``msgspec.Raw``."""

    def eventful(self) -> bool:
        """False when there certainly are no events."""


def peek(span: Span, wanted: frozenset[str]) -> Mapping[str, Any]:
    """At least the wanted attributes of a span that are not null, as cheaply as its payload
    allows."""
    decoded = span._attributes
    if decoded is None:
        find = getattr(span.payload, "peek", None)
        if find is not None:
            found: Mapping[str, Any] = find(wanted)
            return found
        decoded = span.attributes
    if None in decoded.values():
        return {name: value for name, value in decoded.items() if value is not None}
    return decoded


def eventful(span: Span) -> bool:
    """False when the span certainly has no events; nothing is decoded to know."""
    return bool(with_events((span,)))


def with_events(spans: Iterable[Span]) -> list[int]:
    """Indexes of the spans that may have events; nothing is decoded to know."""
    found = []
    for index, span in enumerate(spans):
        ask = getattr(span.payload, "eventful", None)
        if span.events if ask is None else ask():
            found.append(index)
    return found


def opened(value: Any) -> Any:
    """A value that may still be encoded, decoded. Unreadable text becomes None."""
    if value.__class__ is not msgspec.Raw:
        return value
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeError):
        try:
            return jsontext.parse(bytes(value))
        except ValueError:
            return None

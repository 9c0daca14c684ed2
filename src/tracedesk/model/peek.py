"""Looking up a few attributes of many spans without decoding the rest.

A ``Plan`` names what is wanted; each payload answers in its own cheapest way. Of canonical
JSON the *heavy* attributes come back still encoded (``msgspec.Raw``): present, but unread.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.trace import Span


class Plan:
    """Attribute names: ``light`` ones are decoded at once, ``heavy`` ones when asked for."""

    def __init__(self, light: Iterable[str], heavy: Iterable[str] = ()) -> None:
        heavies = frozenset(heavy)
        self.names: tuple[str, ...] = tuple(dict.fromkeys((*light, *heavies)))
        self.wanted = frozenset(self.names)
        fields = [f"a{i}" for i in range(len(self.names))]
        struct = msgspec.defstruct(
            "Picked",
            [
                (field, msgspec.Raw if name in heavies else Any, None)
                for field, name in zip(fields, self.names, strict=True)
            ],
            rename=dict(zip(fields, self.names, strict=True)),
            gc=False,
        )
        self._decode = msgspec.json.Decoder(struct).decode

    def pick(self, text: bytes | msgspec.Raw) -> dict[str, Any]:
        """The wanted attributes of a JSON object. Raises ``msgspec.DecodeError`` or
        UnicodeError where only a tolerant reader gets on."""
        values = msgspec.structs.astuple(self._decode(text))
        return {n: v for n, v in zip(self.names, values, strict=True) if v is not None}


@runtime_checkable
class Peekable(Protocol):
    """A payload that can answer a plan without decoding everything."""

    def peek(self, plan: Plan) -> Mapping[str, Any]:
        """At least the wanted attributes that are present."""


def peek(span: Span, plan: Plan) -> Mapping[str, Any]:
    """At least the wanted attributes of a span, as cheaply as its payload allows."""
    decoded = span._attributes
    if decoded is not None:
        return decoded
    find = getattr(span.payload, "peek", None)
    return span.attributes if find is None else find(plan)  # type: ignore[no-any-return]


def opened(value: Any) -> Any:
    """A heavy value decoded; any other value as it is. Unreadable text becomes None."""
    if isinstance(value, msgspec.Raw):
        try:
            return jsontext.parse(bytes(value))
        except ValueError:
            return None
    return value

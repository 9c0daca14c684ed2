"""The form of a table: which attribute holds what, and how its value is read."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tracedesk.model.trace import Kind

Read = Callable[[Any, Callable[[], Mapping[str, Any]]], str | None]
"""From an attribute's value (and, if asked, all attributes of its span) to the text in it.

None: there is no text; a blank text is a finding of its own."""


class Field(msgspec.Struct, frozen=True):
    """One attribute that may hold a text."""

    attribute: str
    """Its presence makes a span a candidate."""
    read: Read
    rule: str
    """What ``explain`` prints."""
    roots_only: bool = False
    kinds: tuple[Kind, ...] = ()
    """Only spans of these kinds, when not empty."""
    unless: tuple[str, ...] = ()
    """Spans having one of these attributes are no candidates."""


class Tokens(msgspec.Struct, frozen=True):
    """Attributes that count tokens on one span, alternatives in order."""

    input: tuple[str, ...]
    output: tuple[str, ...]
    total: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    whole: tuple[str, str] | None = None
    """Attributes (input, output) that state the whole run on a root."""
    details: str | None = None
    """An attribute holding an object with token counts."""
    kinds: tuple[Kind, ...] = ()
    """Only spans of these kinds count, when not empty."""
    counted: frozenset[str] = frozenset()
    """Attributes that count one span's tokens; filled in by itself."""
    names: frozenset[str] = frozenset()
    """All of the attributes above; filled in by itself."""
    ordered: tuple[str, ...] = ()
    """The same in order."""

    def __post_init__(self) -> None:
        counted = (*self.input, *self.output, *self.total)
        if self.details is not None:
            counted = (self.details,)
        names = (*counted, *self.reasoning, *(self.whole or ()))
        msgspec.structs.force_setattr(self, "counted", frozenset(counted))
        msgspec.structs.force_setattr(self, "names", frozenset(names))
        msgspec.structs.force_setattr(self, "ordered", names)


class Convention(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one convention has names for; an empty field has none."""

    name: str
    response: tuple[Field, ...] = ()
    input: tuple[Field, ...] = ()
    system: tuple[Field, ...] = ()
    messages_in: tuple[str, ...] = ()
    messages_out: tuple[str, ...] = ()
    indexed_messages: tuple[tuple[str, str], ...] = ()
    """Prefix and infix of messages in flat keys, in conversation order."""
    tool_arguments: tuple[str, ...] = ()
    tool_results: tuple[str, ...] = ()
    tokens: Tokens | None = None
    model: tuple[str, ...] = ()
    http_status: tuple[str, ...] = ()

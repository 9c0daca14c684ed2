"""What was read out of a trace: response, input, calls, usage, each with its source.

``None`` means "not there"; it is never the same as ``""`` or ``0``.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import force_setattr


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a value came from, and by which rule."""

    span: str | None
    """Span id; None for a place in the body outside any span."""
    place: str
    """Attribute name, event name, or JSONPath in the body."""
    rule: str
    """The rule that fired, as ``explain`` prints it."""


class Text(msgspec.Struct, frozen=True, gc=False):
    """A text that was found, or the list of what was tried in vain."""

    text: str | None = None
    source: Source | None = None
    tried: tuple[str, ...] = ()
    nearest: str | None = None
    """An unmapped attribute that looks as if it could hold the text, for blanks."""
    nearest_span: str | None = None
    """Id of the span that has it."""


class Recorded(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A value that is decoded or found when first asked for; most of most traces never are.

    Finding is deterministic and never raises, so two threads that ask at once get equal values.
    What it was found in is let go of.
    """

    place: str = ""
    """Attribute or body path of the value; blank when there is none."""
    raw: Any = None
    read: Callable[[Any], tuple[Any, str]] | None = None
    """Gives value and state of ``raw``; None once that is done."""
    found: Any = None
    said: str = "absent"

    @classmethod
    def known(cls, value: Any, state: str = "captured", place: str = "") -> "Recorded":
        """A value that is decoded already."""
        return cls(place, None, None, value, state)

    @property
    def value(self) -> Any:
        if self.read is not None:
            self._open()
        return self.found

    @property
    def state(self) -> str:
        """``captured``, ``absent`` or ``unreadable``."""
        if self.read is not None:
            self._open()
        return self.said

    @property
    def pending(self) -> bool:
        """True while nobody has asked."""
        return self.read is not None

    def _open(self) -> None:
        raw, read = self.raw, self.read  # in this order: another thread may finish in between
        if read is not None:
            found, said = read(raw)
            force_setattr(self, "found", found)
            force_setattr(self, "said", said)
            force_setattr(self, "read", None)
            force_setattr(self, "raw", None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Recorded):
            return NotImplemented
        return (self.value, self.state, self.place) == (other.value, other.state, other.place)

    def __hash__(self) -> int:
        return hash((self.place, self.state))


NOT_RECORDED = Recorded()


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that was executed: a node or a tool (assertion spec 1.1)."""

    id: str
    """Unique in the trace. The span's id, unless the call is known from messages only."""
    tool: bool
    label: str
    aliases: tuple[str, ...] = ()
    given: Recorded = NOT_RECORDED
    gave: Recorded = NOT_RECORDED
    parameters: dict[str, Any] | None = None
    """Resolved parameters of an n8n HTTP Request node; they too may satisfy a check."""
    status: str = "unknown"
    """``ok``, ``error`` or ``unknown``."""
    status_message: str = ""
    type: str | None = None
    """The node's own type, such as ``@n8n/n8n-nodes-langchain.agent``."""
    parent: str | None = None
    """Id of the parent span; None at the top level."""
    order: int = 0
    """Place in ``Reading.calls``, from 0."""
    start_ns: int | None = None
    end_ns: int | None = None
    tools_known: bool = True
    """False for an OLD node entry that came without any tool list."""
    requested_only: bool = False
    """True for a tool that was asked for but not seen to run (Flowise ``calledTools``)."""
    shown_by: str | None = None
    """Id of the span whose messages show the call, when no span of its own does."""

    @property
    def span(self) -> str:
        """Id of the span to look at for this call."""
        return self.id if self.shown_by is None else self.shown_by

    @property
    def arguments(self) -> Any:
        """A tool's input; a node's output."""
        return self.given.value

    @property
    def arguments_state(self) -> str:
        """``captured``, ``absent`` or ``unreadable``."""
        return self.given.state

    @property
    def arguments_place(self) -> str:
        """Attribute or body path the arguments came from; blank when there are none."""
        return self.given.place

    @property
    def output(self) -> Any:
        return self.gave.value

    @property
    def output_state(self) -> str:
        return self.gave.state

    @property
    def output_place(self) -> str:
        return self.gave.place

    @property
    def names(self) -> tuple[str, ...]:
        """Label and aliases, by any of which an assertion finds the call."""
        return (self.label, *self.aliases)


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of the whole trace, counted once."""

    input: int | None = None
    output: int | None = None
    reasoning: int | None = None
    total: int | None = None
    source: str | None = None
    """``root``, ``sum of N spans``, or the place of a body token shape."""
    spans: tuple[tuple[str, int], ...] = ()
    """Span id and its share of the total, for evidence."""
    nested: bool = False
    """True when a summed span has a summed ancestor (caution ``nested_usage``)."""
    partial: bool = False
    """True when some executed model span reports no usage while others do."""
    read_from: Source | None = None
    """Where the first share was read; ``spans`` name the others."""
    tried: tuple[str, ...] = ()
    """Attributes that were looked for in vain, when there is no usage."""


class Number(msgspec.Struct, frozen=True, gc=False):
    """A number that was read, with its source; ``value`` None when it is missing."""

    value: float | None = None
    source: Source | None = None
    tried: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True, gc=False):
    """One chat message, flattened to text."""

    role: str
    text: str
    tool_calls: tuple[tuple[str, Any], ...] = ()
    """Names and arguments the model asked for; requests are not calls."""


class Background(msgspec.Struct, frozen=True, gc=False):
    """What stands behind a response; few checks ask for it."""

    system: Text = Text()
    messages: tuple[Message, ...] = ()
    model: str | None = None
    model_source: Source | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The reading of one trace. Deterministic: the same trace always reads the same."""

    response: Text = Text()
    input: Text = Text()
    calls: tuple[Call, ...] = ()
    """Executed nodes and tools in body order; skipped ones and tools on offer are not here."""
    usage: Usage = Usage()
    http_status: Number = Number()
    duration_ms: Number = Number()
    status: str = "completed"
    """``completed``, ``failed`` or ``partial`` (ingestion spec 16.3)."""
    has_structure: bool = False
    """The trace has call structure (assertion spec 1.1)."""
    recorded_views: tuple[tuple[str, Recorded], ...] = ()
    recorded_background: Recorded = Recorded.known(Background())
    """Holds a ``Background``; of a small trace it is found when first asked for."""

    @property
    def background(self) -> Background:
        found: Background = self.recorded_background.value
        return found

    @property
    def system(self) -> Text:
        return self.background.system

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation of the model that gave the response, in order."""
        return self.background.messages

    @property
    def model(self) -> str | None:
        return self.background.model

    @property
    def model_source(self) -> Source | None:
        return self.background.model_source

    @property
    def views(self) -> tuple[tuple[str, Any], ...]:
        """What json_match reads under ``auto``, in order: name (``response``, ``data``,
        ``attributes``, ``metadata``) and value. A view that does not exist is not listed."""
        return tuple((name, recorded.value) for name, recorded in self.recorded_views)

    @property
    def node_calls(self) -> tuple[Call, ...]:
        """Executed non-tool calls, in order."""
        return tuple(call for call in self.calls if not call.tool)

    @property
    def tool_calls(self) -> tuple[Call, ...]:
        """All tool calls at any level, in order."""
        return tuple(call for call in self.calls if call.tool)

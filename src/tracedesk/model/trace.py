"""A trace as it was received: spans in body order, whatever format carried them.

Attributes and events stay encoded until first asked for: decoding them holds the
interpreter lock, and most spans of most traces are never looked at.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any, Protocol

import msgspec


class Status(IntEnum):
    """What a span says of itself. UNSET counts as success (ingestion spec 14)."""

    UNSET = 0
    OK = 1
    ERROR = 2
    SKIPPED = 3


class Kind(IntEnum):
    """What a span does. TOOL is the spec's ``tool``; all others are its ``node``."""

    NODE = 0
    AGENT = 1
    MODEL = 2
    TOOL = 3
    RETRIEVAL = 4

    @property
    def letter(self) -> str:
        """One letter for the screen, blank for a plain node."""
        return " AMTR"[self]


class Format(StrEnum):
    """The wire format a trace came in (ingestion spec 10.2)."""

    CANONICAL = "canonical"
    OTLP = "otlp"
    CUSTOM = "custom"
    N8N_OPTIMIZED = "n8n_optimized"
    N8N_MANUAL = "n8n_manual"
    N8N_NATIVE = "n8n_native"
    FLOWISE = "flowise"

    @property
    def legacy(self) -> bool:
        """True for the ``data`` bodies of the older era, whose spans are built by us."""
        return self not in (Format.CANONICAL, Format.OTLP)


class TraceWarning(msgspec.Struct, frozen=True, gc=False):
    """A deviation that was tolerated, never hidden (codes: ingestion spec 19)."""

    code: str
    message: str
    span: str | None = None


class Event(msgspec.Struct, frozen=True):
    """An OpenTelemetry span event, such as a recorded exception or a message."""

    name: str
    time_ns: int | None = None
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)


class Resource(msgspec.Struct, frozen=True):
    """Who sent a group of spans: resource attributes and instrumentation scope."""

    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    scope: str = ""

    @property
    def service(self) -> str | None:
        """``service.name``, trimmed; None when absent."""
        name = self.attributes.get("service.name")
        return name.strip() if isinstance(name, str) else None


class Payload(Protocol):
    """The undecoded rest of a span. Implementations live with their format."""

    def attributes(self) -> dict[str, Any]:
        """Plain JSON values by attribute name."""

    def events(self) -> list[Event]:
        """Events in the order received."""

    def links(self) -> list[dict[str, Any]]:
        """Links as plain JSON objects."""


class Decoded:
    """A payload that already is plain values: built spans, merged spans, tests."""

    __slots__ = ("_attributes", "_events", "_links")

    def __init__(
        self,
        attributes: Mapping[str, Any] | None = None,
        events: list[Event] | None = None,
        links: list[dict[str, Any]] | None = None,
    ) -> None:
        self._attributes = dict(attributes or {})
        self._events = events or []
        self._links = links or []

    def attributes(self) -> dict[str, Any]:
        return self._attributes

    def events(self) -> list[Event]:
        return self._events

    def links(self) -> list[dict[str, Any]]:
        return self._links


class Span(msgspec.Struct, gc=False, kw_only=True):
    """One span. Times are integer nanoseconds since the epoch, None when not sent."""

    span_id: str
    name: str
    """The raw name, as sent."""
    parent_id: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    status: Status = Status.UNSET
    status_message: str = ""
    kind: Kind = Kind.NODE
    label: str = ""
    """What the user sees; equal to ``name`` unless that is generic (ingestion spec 15)."""
    aliases: tuple[str, ...] = ()
    """Further names by which assertions find the span, the label not repeated."""
    exception: bool = False
    """True when an exception event was recorded, whatever the status says."""
    synthetic: bool = False
    """True for a root built by us; never matched, counted or selected by assertions."""
    resource: int = 0
    """Index into ``Trace.resources``."""
    place: str = ""
    """JSONPath of the span in the received body, for evidence and "show raw"."""
    payload: Payload = msgspec.field(default_factory=Decoded)
    _attributes: dict[str, Any] | None = None
    _events: list[Event] | None = None

    def __post_init__(self) -> None:
        if not self.label:
            self.label = self.name

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes as plain JSON, decoded on first use. Treat as read-only."""
        found = self._attributes
        if found is None:
            found = self._attributes = self.payload.attributes()
        return found

    @property
    def events(self) -> list[Event]:
        """Events, decoded on first use. Treat as read-only."""
        found = self._events
        if found is None:
            found = self._events = self.payload.events()
        return found

    @property
    def links(self) -> list[dict[str, Any]]:
        """Links to other spans as plain objects."""
        return self.payload.links()

    @property
    def failed(self) -> bool:
        """An own error: status 2 or a recorded exception."""
        return self.status is Status.ERROR or self.exception

    @property
    def failure(self) -> str:
        """Why it failed: the message of its status, else the exception it recorded, as type
        and message. Blank when it tells neither."""
        if self.status_message or not self.exception:
            return self.status_message
        raised = next((e.attributes for e in self.events if e.name == "exception"), {})
        parts = (raised.get("exception.type"), raised.get("exception.message"))
        return ": ".join(str(part) for part in parts if part)

    @property
    def duration_ns(self) -> int | None:
        """End minus start; None when a time is missing or the span runs backwards."""
        if self.start_ns is None or self.end_ns is None or self.end_ns < self.start_ns:
            return None
        return self.end_ns - self.start_ns


class Trace(msgspec.Struct, kw_only=True):
    """Everything one interaction sent, decoded. Spans keep the body's order."""

    format: Format
    spans: list[Span]
    resources: list[Resource] = msgspec.field(default_factory=list)
    trace_id: str | None = None
    """The OTLP trace id, lower-case hex; None for other formats."""
    external_id: str | None = None
    """``externalId`` of an OLD body; the store's record decides the final identity."""
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    external_metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    data: Any = None
    """The ``data`` value of an OLD body, None otherwise."""
    declared_status: str | None = None
    """``completed``, ``failed`` or ``partial`` where an OLD format states it."""
    declared_duration_ms: float | None = None
    """Duration the format itself documents (n8n native, Flowise), in milliseconds."""
    warnings: list[TraceWarning] = msgspec.field(default_factory=list)
    received_ns: int = 0

    def warn(self, code: str, message: str, span: str | None = None) -> None:
        """Record a tolerated deviation."""
        self.warnings.append(TraceWarning(code, message, span))

    @property
    def start_ns(self) -> int | None:
        """Earliest span start, or None when no span is timed."""
        starts = [start for span in self.spans if (start := span.start_ns) is not None]
        return min(starts, default=None)

    @property
    def end_ns(self) -> int | None:
        """Latest span end, or None when no span is timed."""
        ends = [end for span in self.spans if (end := span.end_ns) is not None]
        return max(ends, default=None)

    @property
    def clock_ns(self) -> int:
        """The clock of date expressions: start when known, else receipt (assertion spec 1)."""
        start = self.start_ns
        return self.received_ns if start is None else start

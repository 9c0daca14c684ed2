"""OTLP/protobuf: parsed by the C parser, walked by a hand loop, attributes left in the message.

A payload keeps its span message alive and reads it when first asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.formats.attributes import base64_text, finite
from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.otlp import Gathering, OtlpResource
from tracedesk.formats.spans import NOTHING_PEEKED, classify
from tracedesk.formats.values import MAX_NS, STATUS_NUMBERS
from tracedesk.model.kinds import PEEKED
from tracedesk.model.trace import Event, Span, Status, TraceWarning

_PEEK_AT = {name: at for at, name in enumerate(PEEKED)}


class MessagePayload:
    """Attributes, events and links of a protobuf span message."""

    __slots__ = ("_message",)

    def __init__(self, message: Any) -> None:
        self._message = message

    def attributes(self) -> dict[str, Any]:
        return plain(self._message.attributes)

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        return {
            entry.key: value
            for entry in self._message.attributes
            if entry.key in wanted and (value := any_value(entry.value)) is not None
        }

    def eventful(self) -> bool:
        return len(self._message.events) > 0

    def events(self) -> list[Event]:
        return [
            Event(e.name, e.time_unix_nano or None, plain(e.attributes))
            for e in self._message.events
        ]

    def links(self) -> list[dict[str, Any]]:
        return [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "attributes": plain(link.attributes),
            }
            for link in self._message.links
        ]


class ProtobufReader:
    """Reads one request; ``rejected`` and ``warnings`` tell what was dropped or converted."""

    def __init__(self) -> None:
        self.rejected = 0
        self.warnings: list[TraceWarning] = []

    def read(self, body: bytes) -> list[OtlpResource]:
        """The resources of an ``ExportTraceServiceRequest``. Raises ``FormatError``."""
        try:
            request = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            raise FormatError(
                Fault("", "is not an OTLP trace export request in protobuf", type="protobuf")
            ) from None
        return [self._resource(i, entry) for i, entry in enumerate(request.resource_spans)]

    def _resource(self, index: int, entry: Any) -> OtlpResource:
        gathering = Gathering(index, plain(entry.resource.attributes))
        for at, group in enumerate(entry.scope_spans):
            scope = group.scope.name
            place = f"$.resourceSpans[{index}].scopeSpans[{at}].spans"
            for number, message in enumerate(group.spans):
                trace_id, span_id, name = message.trace_id, message.span_id, message.name
                if not (any(trace_id) and any(span_id) and name and not name.isspace()):
                    self.rejected += 1
                    continue
                span = self._span(message, span_id.hex(), name, f"{place}[{number}]")
                gathering.add(trace_id.hex(), scope, span)
        return gathering.resource

    def _span(self, message: Any, span_id: str, name: str, place: str) -> Span:
        facts = classify(name, _peeked(message.attributes))
        status, text = Status.UNSET, ""
        if message.HasField("status"):
            wire = message.status
            status = STATUS_NUMBERS.get(wire.code, Status.UNSET)
            text = wire.message
        if facts.skipped and status is not Status.ERROR:
            status = Status.SKIPPED
        parent = message.parent_span_id
        start, end = message.start_time_unix_nano, message.end_time_unix_nano
        if start > MAX_NS or end > MAX_NS:
            self.warnings.append(
                TraceWarning("coerced_field", "a time is out of range and was left out", span_id)
            )
        return Span(
            span_id=span_id,
            name=name,
            parent_id=parent.hex() if any(parent) else None,
            start_ns=start if 0 < start <= MAX_NS else None,
            end_ns=end if 0 < end <= MAX_NS else None,
            status=status,
            status_message=text,
            kind=facts.kind,
            label=facts.label,
            aliases=facts.aliases,
            exception=any(event.name == "exception" for event in message.events),
            place=place,
            payload=MessagePayload(message),
        )


def plain(attributes: Iterable[Any]) -> dict[str, Any]:
    """Key/value messages as an object of plain JSON values."""
    return {entry.key: any_value(entry.value) for entry in attributes}


def any_value(value: Any) -> Any:
    """One ``AnyValue`` message as plain JSON; an unset one is null. Its depth is bounded by
    the parser (100 messages)."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value
    if which is None:
        return None
    if which == "array_value":
        return [any_value(v) for v in value.array_value.values]
    if which == "kvlist_value":
        return plain(value.kvlist_value.values)
    if which == "bytes_value":
        return base64_text(value.bytes_value)
    found = getattr(value, which)
    return finite(found) if which == "double_value" else found


def _peeked(attributes: Iterable[Any]) -> tuple[Any, ...]:
    values: list[Any] | None = None
    for entry in attributes:
        at = _PEEK_AT.get(entry.key)
        if at is not None:
            if values is None:
                values = [None] * len(PEEKED)
            values[at] = any_value(entry.value)
    return NOTHING_PEEKED if values is None else tuple(values)

"""OTLP logs, where several SDKs put what was said: each record becomes an event of its span.

A record is joined by trace and span id, whenever it comes and whatever else of the trace is
there. It adds events and nothing else: no log makes a span, moves a time or fails one.
Records that belong to no span are let go and counted.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec

from tracedesk.formats.attributes import any_value, plain_attributes
from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.otlp import OtlpResource
from tracedesk.formats.values import MAX_NS, hex_id, liberal_nanoseconds
from tracedesk.model import jsontext
from tracedesk.model.trace import Event, Format, Payload, Resource, Trace

LOGS_PATH = "/v1/logs"
"""The path tells logs from traces: in protobuf their bytes do not."""

DEFAULT_NAME = "log"
"""Event name of a record that has none."""

_BOM = b"\xef\xbb\xbf"


class LogRecord(msgspec.Struct, frozen=True):
    """One record that belongs to a span, its content not yet decoded."""

    request: bytes
    """Digest of the request that brought it."""
    resource: int
    """Index of its ``resourceLogs`` entry."""
    position: int
    """Place among the records of the request."""
    trace_id: str
    span_id: str
    time_ns: int | None
    """When it happened, else when it was observed."""
    read: Callable[[], tuple[str, dict[str, Any]]]
    """Name and attributes."""

    def event(self) -> Event:
        """The record as an event of its span."""
        name, attributes = self.read()
        return Event(name, self.time_ns, attributes)


class Logs(msgspec.Struct):
    """The records of one request."""

    resources: list[OtlpResource]
    """Who sent them; each has one trace without spans for every trace id it tells of."""
    records: list[LogRecord]
    loose: int
    """Records without trace id or span id."""

    def of(self, resources: Iterable[OtlpResource]) -> int:
        """How many records these resources sent."""
        indexes = {resource.index for resource in resources}
        return sum(record.resource in indexes for record in self.records)


def read_logs(body: bytes, *, protobuf: bool) -> Logs:
    """Read one ``ExportLogsServiceRequest``. Raises ``FormatError``."""
    return _from_protobuf(body) if protobuf else _from_json(body)


class _Gathering:
    """Collects records, and the traces that they tell of, by resource."""

    def __init__(self, body: bytes) -> None:
        self.logs = Logs([], [], 0)
        self._request = blake2b(body, digest_size=8).digest()
        self._position = 0
        self._traces: set[str] = set()

    def resource(self, attributes: dict[str, Any]) -> None:
        """The records that follow were sent by this resource."""
        self.logs.resources.append(
            OtlpResource(index=len(self.logs.resources), attributes=attributes)
        )
        self._traces = set()

    def add(
        self,
        trace_id: str | None,
        span_id: str | None,
        time_ns: int | None,
        read: Callable[[], tuple[str, dict[str, Any]]],
    ) -> None:
        self._position += 1
        if trace_id is None or span_id is None:
            self.logs.loose += 1
            return
        resource = self.logs.resources[-1]
        if trace_id not in self._traces:
            self._traces.add(trace_id)
            sender = [Resource(resource.attributes)]
            resource.traces.append(
                Trace(format=Format.OTLP, spans=[], trace_id=trace_id, resources=sender)
            )
        self.logs.records.append(
            LogRecord(
                self._request, resource.index, self._position, trace_id, span_id, time_ns, read
            )
        )


# -- JSON ------------------------------------------------------------------------------


def _from_json(body: bytes) -> Logs:
    try:
        value = jsontext.parse(body.removeprefix(_BOM))
    except ValueError as error:
        raise FormatError(Fault("", f"cannot be read as JSON: {error}", type="json")) from None
    if not isinstance(value, dict):
        raise FormatError(Fault("", "the body must be a JSON object"))
    entries = _field(value, "resourceLogs")
    if entries is None and value:
        raise FormatError(Fault("resourceLogs", f"is required on {LOGS_PATH}"))
    if not isinstance(entries, list | None):
        raise FormatError(Fault("resourceLogs", "must be a list"))
    gathering = _Gathering(body)
    for entry in entries or ():
        found = entry if isinstance(entry, dict) else {}
        sender = found.get("resource")
        attributes = sender.get("attributes") if isinstance(sender, dict) else None
        gathering.resource(dict(plain_attributes(attributes)))
        for group in _objects(_field(found, "scopeLogs")):
            for record in _objects(_field(group, "logRecords")):
                gathering.add(
                    hex_id(_field(record, "traceId"), 16),
                    hex_id(_field(record, "spanId"), 8),
                    _time(record, "timeUnixNano") or _time(record, "observedTimeUnixNano"),
                    partial(_read_json, record),
                )
    return gathering.logs


def _read_json(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    attributes = dict(plain_attributes(record.get("attributes")))
    severity = _field(record, "severityText")
    return _named(_field(record, "eventName"), attributes, any_value(record.get("body")), severity)


def _time(record: dict[str, Any], field: str) -> int | None:
    return liberal_nanoseconds(_field(record, field))[0]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _field(entry: dict[str, Any], camel: str) -> Any:
    value = entry.get(camel)
    return entry.get(_SNAKE[camel]) if value is None else value


_SNAKE = {
    "resourceLogs": "resource_logs",
    "scopeLogs": "scope_logs",
    "logRecords": "log_records",
    "traceId": "trace_id",
    "spanId": "span_id",
    "timeUnixNano": "time_unix_nano",
    "observedTimeUnixNano": "observed_time_unix_nano",
    "eventName": "event_name",
    "severityText": "severity_text",
}


# -- protobuf --------------------------------------------------------------------------


def _from_protobuf(body: bytes) -> Logs:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    from tracedesk.formats.otlp_protobuf import plain

    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        fault = Fault("", "is not an OTLP logs export request in protobuf", type="protobuf")
        raise FormatError(fault) from None
    gathering = _Gathering(body)
    for entry in request.resource_logs:
        gathering.resource(plain(entry.resource.attributes))
        for group in entry.scope_logs:
            for record in group.log_records:
                time = record.time_unix_nano or record.observed_time_unix_nano
                gathering.add(
                    record.trace_id.hex() if any(record.trace_id) else None,
                    record.span_id.hex() if any(record.span_id) else None,
                    time if 0 < time <= MAX_NS else None,
                    partial(_read_message, record),
                )
    return gathering.logs


def _read_message(record: Any) -> tuple[str, dict[str, Any]]:
    from tracedesk.formats.otlp_protobuf import any_value, plain

    return _named(
        record.event_name, plain(record.attributes), any_value(record.body), record.severity_text
    )


# -- records as events -----------------------------------------------------------------


def _named(
    name: Any, attributes: dict[str, Any], body: Any, severity: Any
) -> tuple[str, dict[str, Any]]:
    """Event name and attributes. An object's fields stand beside the attributes, which win;
    the text of a message is its ``content``, any other body is ``body``."""
    if not isinstance(name, str) or not name.strip():
        name = attributes.get("event.name")
    if not isinstance(name, str) or not name.strip():
        name = DEFAULT_NAME
    spoken = name.startswith("gen_ai.")
    if spoken and isinstance(body, str):
        body = _object_in(body)
    if isinstance(body, Mapping):
        attributes = {**body, **attributes}
    elif body is not None:
        attributes.setdefault("content" if spoken else "body", body)
    if not spoken and isinstance(severity, str) and severity:
        attributes.setdefault("severity", severity)
    return name, attributes


def _object_in(text: str) -> Any:
    """The object that a text holds as JSON, else the text."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return jsontext.parse(text)
    except ValueError:
        return text


class LoggedPayload:
    """The payload of a span, and the events that logs tell of it, behind its own."""

    __slots__ = ("_payload", "_records")

    def __init__(self, payload: Payload, records: list[LogRecord]) -> None:
        self._payload = payload
        self._records = records

    def attributes(self) -> dict[str, Any]:
        return self._payload.attributes()

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        find = getattr(self._payload, "peek", None)
        if find is not None:
            found: Mapping[str, Any] = find(wanted)
            return found
        return {k: v for k, v in self._payload.attributes().items() if v is not None}

    def eventful(self) -> bool:
        return True

    def events(self) -> list[Event]:
        return [*self._payload.events(), *(record.event() for record in self._records)]

    def links(self) -> list[dict[str, Any]]:
        return self._payload.links()


def join(trace: Trace, records: Iterable[LogRecord]) -> None:
    """Add the records to the spans that they name, ordered by time, and by request and place
    in it where times are equal: the same events in whatever order the requests came."""
    by_span: dict[str, list[LogRecord]] = {}
    for record in records:
        by_span.setdefault(record.span_id, []).append(record)
    for span in trace.spans:
        found = by_span.pop(span.span_id, None)
        if found is not None:
            span.payload = LoggedPayload(span.payload, sorted(found, key=_order))
            span._events = None
    if left := sum(map(len, by_span.values())):
        trace.warn("log_without_span", f"{left} log records name spans that were not received")


def _order(record: LogRecord) -> tuple[int, bytes, int]:
    return record.time_ns or 0, record.request, record.position

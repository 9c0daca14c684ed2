"""Converted spans as OTLP JSON, one body a trace.

An id that is no hex of OTLP's length is replaced by one: shorter hex by padding, a UUID by
its digits, anything else by a hash, the same each time; the original is kept beside it.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from tracedesk.formats.exports.records import ExportBody, ExportSpan, Time
from tracedesk.formats.saved_request import OTLP_PATH
from tracedesk.model import jsontext

TRACE_BYTES, SPAN_BYTES = 16, 8

ORIGINAL_TRACE_ID = "tracedesk.original.trace_id"
ORIGINAL_SPAN_ID = "tracedesk.original.span_id"
"""Attributes that keep an id as it was exported."""

INT64 = 2**63
NAMELESS = "unknown"
"""Stands for a name that was left out; OTLP requires one."""

_HEX = re.compile(r"[0-9a-f]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WRAPPING = 512
"""Bytes that a body needs around its spans and resources."""

_encode = msgspec.json.Encoder().encode


def otlp_id(original: str, size: int) -> str:
    """An id of ``size`` bytes in hex for any id text; stable, and never all zero."""
    lower = original.strip().lower()
    digits = lower.replace("-", "") if _UUID.fullmatch(lower) else lower.removeprefix("0x")
    if len(digits) <= 2 * size and _HEX.fullmatch(digits) and digits.strip("0"):
        return digits.zfill(2 * size)
    return sha256(lower.encode()).hexdigest()[: 2 * size]


def bodies(spans: Sequence[ExportSpan], max_body: int) -> Iterator[ExportBody]:
    """A body for each trace, in the order of their first spans; a trace that would exceed
    ``max_body`` bytes is spread over several, which are merged when they are stored."""
    traces: dict[str, list[ExportSpan]] = {}
    for span in spans:
        traces.setdefault(otlp_id(span.trace_id, TRACE_BYTES), []).append(span)
    for trace_id, members in traces.items():
        body = _Body(max_body)
        for span in members:
            if not body.add(span, trace_id):
                yield body.done()
                body = _Body(max_body)
                body.add(span, trace_id)
        yield body.done()


class _Body:
    """Collects the spans of one body, by resource and scope."""

    def __init__(self, limit: int) -> None:
        self._left = limit - _WRAPPING
        self._first: ExportSpan | None = None
        self._resources: dict[bytes, dict[str, list[msgspec.Raw]]] = {}

    def add(self, span: ExportSpan, trace_id: str) -> bool:
        """False, and nothing added, when it is full; the first span is always taken."""
        encoded = _encode(_otlp_span(span, trace_id))
        resource = _encode({"attributes": _attributes(span.resource)})
        size = len(encoded) + len(resource) + len(span.scope) + 64
        if self._first is not None and size > self._left:
            return False
        self._first = self._first or span
        self._left -= size
        scopes = self._resources.setdefault(resource, {})
        scopes.setdefault(span.scope, []).append(msgspec.Raw(encoded))
        return True

    def done(self) -> ExportBody:
        assert self._first is not None, "a body is made for its first span"
        resources = [
            {
                "resource": msgspec.Raw(resource),
                "scopeSpans": [
                    {"scope": {"name": scope}, "spans": spans} for scope, spans in scopes.items()
                ],
            }
            for resource, scopes in self._resources.items()
        ]
        body = _encode({"resourceSpans": resources})
        return ExportBody(body, self._first.line, self._first.place, OTLP_PATH)


def _otlp_span(span: ExportSpan, trace_id: str) -> dict[str, Any]:
    span_id = otlp_id(span.span_id, SPAN_BYTES)
    attributes = dict(span.attributes)
    if span.trace_id.lower() != trace_id:
        attributes[ORIGINAL_TRACE_ID] = span.trace_id
    if span.span_id.lower() != span_id:
        attributes[ORIGINAL_SPAN_ID] = span.span_id
    wire: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": span.name if span.name.strip() else NAMELESS,
        "attributes": _attributes(attributes),
    }
    if span.parent_id is not None:
        wire["parentSpanId"] = otlp_id(span.parent_id, SPAN_BYTES)
    if span.kind:
        wire["kind"] = span.kind
    _set_time(wire, "startTimeUnixNano", span.start)
    _set_time(wire, "endTimeUnixNano", span.end)
    if span.status or span.message:
        wire["status"] = {"code": span.status, "message": span.message}
    if span.events:
        wire["events"] = []
        for event in span.events:
            entry = {"name": event.name, "attributes": _attributes(event.attributes)}
            _set_time(entry, "timeUnixNano", event.time)
            wire["events"].append(entry)
    if span.links:
        wire["links"] = [
            {"traceId": otlp_id(trace, TRACE_BYTES), "spanId": otlp_id(linked, SPAN_BYTES)}
            for trace, linked in span.links
        ]
    return wire


def _set_time(wire: dict[str, Any], field: str, time: Time) -> None:
    if time is not None:
        wire[field] = str(time)


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": _any_value(v)} for k, v in values.items() if v is not None]


def _any_value(value: Any) -> dict[str, Any]:
    """A plain value as ``AnyValue``; objects, and lists of more than scalars, as JSON text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -INT64 <= value < INT64:
        return {"intValue": str(value)}
    if isinstance(value, float) and math.isfinite(value):
        return {"doubleValue": value}
    if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
        return {"arrayValue": {"values": [_any_value(v) for v in value if v is not None]}}
    return {"stringValue": value if isinstance(value, str) else jsontext.dump(value)}

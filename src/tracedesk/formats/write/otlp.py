"""A trace as an OTLP/JSON export request, in the shape that protobuf prescribes: ids in hex,
64-bit numbers as text, attributes as key/value lists.

Ids that OTLP cannot hold become stable ones of the right length, the original kept in the
attribute ``tracedesk.original.span_id``.
"""

import re
from hashlib import blake2b
from itertools import groupby
from math import isfinite
from typing import Any

from tracedesk.formats.write.spans import WrittenSpan, written_spans
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Event, Resource, Trace

ORIGINAL_SPAN_ID = "tracedesk.original.span_id"
SPAN_KIND_INTERNAL = 1
"""The unified trace does not keep the OpenTelemetry kind; the raw form does."""
_INT64 = 2**63
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")


def otlp_body(trace: Trace, reading: Reading, *, trace_id: str, service: str) -> dict[str, Any]:
    """The export request, in plain values. ``trace_id`` names the trace where it has no OTLP
    id of its own; ``service`` where it has no resource."""
    own = trace.trace_id or trace_id.replace("-", "").lower()
    hex_id = own if _TRACE_ID.fullmatch(own) else blake2b(own.encode(), digest_size=16).hexdigest()
    resources = trace.resources or [Resource({"service.name": service})]
    # spans keep their order, so a resource may come several times
    groups = groupby(
        written_spans(trace, reading),
        lambda span: span.resource if span.resource < len(resources) else 0,
    )
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resources[at].attributes)},
                "scopeSpans": [
                    {
                        "scope": _scope(resources[at]),
                        "spans": [_span(span, hex_id) for span in spans],
                    }
                ],
            }
            for at, spans in groups
        ]
    }


def _scope(resource: Resource) -> dict[str, Any]:
    return {"name": resource.scope} if resource.scope else {}


def _span(span: WrittenSpan, trace_id: str) -> dict[str, Any]:
    span_id = _span_id(span.span_id)
    attributes = span.attributes
    if span_id != span.span_id:
        attributes = {**attributes, ORIGINAL_SPAN_ID: span.span_id}
    written: dict[str, Any] = {"traceId": trace_id, "spanId": span_id}
    if span.parent_id is not None:
        written["parentSpanId"] = _span_id(span.parent_id)
    written["name"] = span.name
    written["kind"] = SPAN_KIND_INTERNAL
    if span.start_ns is not None:
        written["startTimeUnixNano"] = str(span.start_ns)
    if span.end_ns is not None:
        written["endTimeUnixNano"] = str(span.end_ns)
    written["attributes"] = _attributes(attributes)
    if span.events:
        written["events"] = [_event(event) for event in span.events]
    if links := [link for link in map(_link, span.links) if link is not None]:
        written["links"] = links
    written["status"] = {"code": span.status} if span.status else {}
    if span.status_message:
        written["status"]["message"] = span.status_message
    return written


def _event(event: Event) -> dict[str, Any]:
    return {
        "timeUnixNano": str(event.time_ns or 0),
        "name": event.name,
        "attributes": _attributes(event.attributes),
    }


def _link(link: dict[str, Any]) -> dict[str, Any] | None:
    """A link in OTLP's spelling; None for one that names no span OTLP could hold."""
    trace_id = str(link.get("traceId") or link.get("trace_id") or "").lower()
    span_id = str(link.get("spanId") or link.get("span_id") or "").lower()
    if not (_TRACE_ID.fullmatch(trace_id) and _SPAN_ID.fullmatch(span_id)):
        return None
    attributes = link.get("attributes")
    told = _attributes(attributes) if isinstance(attributes, dict) else []
    return {"traceId": trace_id, "spanId": span_id, "attributes": told}


def _span_id(text: str) -> str:
    if _SPAN_ID.fullmatch(text):
        return text
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": str(key), "value": any_value(value)} for key, value in attributes.items()]


def any_value(value: Any) -> dict[str, Any]:
    """Plain JSON as an OTLP ``AnyValue``; null is the empty one."""
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int() if -_INT64 <= value < _INT64:
            return {"intValue": str(value)}
        case float() if isfinite(value):
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _attributes(value)}}
        case _:
            return {"stringValue": str(value)}

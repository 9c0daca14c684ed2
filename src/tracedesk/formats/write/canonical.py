"""A trace as the body of ``POST /public/traces``: posted, it is the same trace again.

The format has no resources, no scopes and no span kinds beyond attributes, and no identity:
that is the ``x-request-id`` of whoever posts it.
"""

from typing import Any

from tracedesk.formats.write.spans import WrittenSpan, written_spans
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace


def canonical_body(trace: Trace, reading: Reading) -> dict[str, Any]:
    """The body, in plain values (ingestion spec 3 and 14)."""
    body: dict[str, Any] = {"spans": [_span(span) for span in written_spans(trace, reading)]}
    metadata = dict(trace.metadata)
    if trace.format.legacy and reading.duration_ms.value is not None:
        metadata.setdefault("duration_ms", reading.duration_ms.value)
    if metadata:
        body["metadata"] = metadata
    if trace.external_metadata:
        body["externalMetadata"] = trace.external_metadata
    return body


def _span(span: WrittenSpan) -> dict[str, Any]:
    written: dict[str, Any] = {"span_id": span.span_id, "name": span.name}
    if span.parent_id is not None:
        written["parent_span_id"] = span.parent_id
    if span.start_ns is not None:
        written["start_time_unix_nano"] = str(span.start_ns)
    if span.end_ns is not None:
        written["end_time_unix_nano"] = str(span.end_ns)
    if span.status or span.status_message:
        status: dict[str, Any] = {"code": span.status}
        if span.status_message:
            status["message"] = span.status_message
        written["status"] = status
    written["attributes"] = span.attributes
    if span.events:
        written["events"] = [
            {
                "name": event.name,
                **({} if event.time_ns is None else {"time_unix_nano": str(event.time_ns)}),
                "attributes": event.attributes,
            }
            for event in span.events
        ]
    if span.links:
        written["links"] = span.links
    return written

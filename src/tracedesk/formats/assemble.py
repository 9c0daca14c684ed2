"""From stored parts back to one trace: OTLP parts are merged by span id, all others replace.

Merging is by field (ingestion spec 9): later non-empty fields win, attributes are united
with later values winning, and a known end is never replaced by an absent one.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tracedesk.formats.detect import is_protobuf, read_body
from tracedesk.formats.otlp_logs import LOGS_PATH, LogRecord, join, read_logs
from tracedesk.formats.spans import check_links, classify_by, unique_warnings
from tracedesk.model.trace import Event, Format, Payload, Resource, Span, Status, Trace


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One stored request of a trace."""

    content_type: str
    body: bytes
    """Inflated."""
    resources: tuple[int, ...] | None = None
    """OTLP: the ``resourceSpans`` entries that belong to the trace; None = all."""
    path: str = ""
    """Where it was posted to; ``/v1/logs`` marks OTLP logs."""


def assemble(
    parts: Sequence[Part], *, agent_type: str = "auto", trace_id: str | None = None
) -> Trace:
    """The trace of its stored parts, in arrival order. Raises ``FormatError`` for a body that
    cannot be read and ValueError when there is no part.

    Without ``trace_id`` the last part is the trace; with it, the spans of that OTLP trace are
    merged over all parts, and the records of its logs join them.
    """
    if not parts:
        raise ValueError("a trace has at least one part")
    if trace_id is None:
        last = parts[-1]
        return read_body(last.body, last.content_type).trace(agent_type)
    logs = [part for part in parts if part.path == LOGS_PATH]
    merged = merge(
        [trace for part in parts if part.path != LOGS_PATH for trace in _traces_of(part, trace_id)]
    )
    merged.trace_id = trace_id
    if logs:
        join(merged, [record for part in logs for record in _records_of(part, trace_id)])
    return merged


def _traces_of(part: Part, trace_id: str) -> Iterable[Trace]:
    envelope = read_body(part.body, part.content_type)
    for resource in envelope.resources():
        if part.resources is None or resource.index in part.resources:
            for trace in resource.traces:
                if trace.trace_id == trace_id:
                    trace.warnings = [
                        *trace.warnings,
                        *(w for w in envelope.warnings if _concerns(w.span, trace)),
                    ]
                    trace.metadata = envelope.metadata
                    trace.external_metadata = envelope.external_metadata
                    yield trace


def _records_of(part: Part, trace_id: str) -> Iterable[LogRecord]:
    for record in read_logs(part.body, protobuf=is_protobuf(part.content_type)).records:
        if record.trace_id == trace_id and (
            part.resources is None or record.resource in part.resources
        ):
            yield record


def _concerns(span_id: str | None, trace: Trace) -> bool:
    return span_id is None or any(span.span_id == span_id for span in trace.spans)


def merge(traces: Sequence[Trace]) -> Trace:
    """One trace of OTLP traces with the same id, in arrival order; links are checked anew."""
    merged = Trace(
        format=traces[0].format if traces else Format.OTLP,
        spans=[],
        trace_id=traces[0].trace_id if traces else None,
        received_ns=traces[0].received_ns if traces else 0,
    )
    at: dict[str, int] = {}
    for trace in traces:
        resource_at = [_resource(merged, resource) for resource in trace.resources]
        for span in trace.spans:
            moved = resource_at[span.resource] if span.resource < len(resource_at) else 0
            if moved != span.resource:
                span = copy.copy(span)
                span.resource = moved
            known = at.get(span.span_id)
            if known is None:
                at[span.span_id] = len(merged.spans)
                merged.spans.append(span)
            else:
                merged.spans[known] = merge_spans(merged.spans[known], span)
        merged.metadata = {**merged.metadata, **trace.metadata}
        merged.external_metadata = {**merged.external_metadata, **trace.external_metadata}
        merged.warnings.extend(trace.warnings)
    merged.warnings = unique_warnings(merged.warnings)
    check_links(merged)
    return merged


def _resource(merged: Trace, resource: Resource) -> int:
    try:
        return merged.resources.index(resource)
    except ValueError:
        merged.resources.append(resource)
        return len(merged.resources) - 1


class MergedPayload:
    """Two payloads of one span, united when first asked."""

    __slots__ = ("_earlier", "_later")

    def __init__(self, earlier: Payload, later: Payload) -> None:
        self._earlier = earlier
        self._later = later

    def attributes(self) -> dict[str, Any]:
        return {**self._earlier.attributes(), **self._later.attributes()}

    def events(self) -> list[Event]:
        return self._later.events() or self._earlier.events()

    def links(self) -> list[dict[str, Any]]:
        return self._later.links() or self._earlier.links()


def merge_spans(earlier: Span, later: Span) -> Span:
    """One span of two reports of it."""
    payload = MergedPayload(earlier.payload, later.payload)
    name = later.name or earlier.name
    facts = classify_by(name, payload.attributes().get)
    status = earlier.status if later.status is Status.UNSET else later.status
    if facts.skipped and status is not Status.ERROR:
        status = Status.SKIPPED
    return Span(
        span_id=later.span_id,
        name=name,
        parent_id=later.parent_id or earlier.parent_id,
        start_ns=earlier.start_ns if later.start_ns is None else later.start_ns,
        end_ns=earlier.end_ns if later.end_ns is None else later.end_ns,
        status=status,
        status_message=later.status_message or earlier.status_message,
        kind=facts.kind,
        label=facts.label,
        aliases=facts.aliases,
        exception=any(event.name == "exception" for event in payload.events()),
        resource=later.resource,
        place=later.place,
        payload=payload,
    )

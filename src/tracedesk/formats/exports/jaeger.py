"""Jaeger's JSON, as its query API answers and its UI downloads: traces with their spans and
the processes these ran in.

Source of a rule: jaegertracing/jaeger ``internal/uimodel`` (fields, microseconds, reference
types) and the OpenTelemetry specification "OpenTelemetry to Jaeger Transformation" (status,
kind, scope and event names among tags and log fields). Of the references the first
``CHILD_OF`` to the same trace is the parent, else the first ``FOLLOWS_FROM``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tracedesk.formats.exports import times
from tracedesk.formats.exports.records import (
    ExportEvent,
    ExportFault,
    ExportSpan,
    Record,
    below,
    first,
    mapping,
    objects,
    opened,
    text,
)

KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
"""Values of the tag ``span.kind``, and OTLP's numbers."""

STATUS_CODES = {"OK": 1, "ERROR": 2}
"""Values of the tag ``otel.status_code``, and OTLP's numbers."""

SCOPES = ("otel.scope.name", "otel.library.name")


def convert(records: Sequence[Record]) -> Iterator[ExportSpan | ExportFault]:
    """The spans of Jaeger traces."""
    for found in opened(records):
        if isinstance(found, ExportFault):
            yield found
        else:
            yield from _spans(*found)


def _spans(record: Record, trace: dict[str, Any]) -> Iterator[ExportSpan | ExportFault]:
    processes = mapping(trace.get("processes"))
    if not trace["spans"]:
        yield ExportFault(record.line, below(record.place, "spans"), "the trace has no spans")
    for position, span in enumerate(trace["spans"]):
        place = below(record.place, f"spans[{position}]")
        if not isinstance(span, dict):
            yield ExportFault(record.line, place, "is not an object")
            continue
        span_id = text(span.get("spanID"))
        trace_id = text(span.get("traceID")) or text(trace.get("traceID"))
        if span_id is None or trace_id is None:
            missing = "spanID" if span_id is None else "traceID"
            yield ExportFault(record.line, place, f"has no {missing}")
            continue
        process_id = span.get("processID")
        process = span.get("process")
        if not isinstance(process, dict):
            process = processes.get(process_id) if isinstance(process_id, str) else None
        converted = _span(span, trace_id, span_id, mapping(process))
        converted.line, converted.place = record.line, place
        yield converted


def _span(span: dict[str, Any], trace_id: str, span_id: str, process: dict[str, Any]) -> ExportSpan:
    tags = tags_of(span.get("tags"))
    if isinstance(span.get("warnings"), list):
        tags["jaeger.warnings"] = span["warnings"]
    start = times.since_epoch(span.get("startTime"), times.MICRO)
    parent, links = _references(span, trace_id)
    status, message = status_of(tags)
    service = text(process.get("serviceName"))
    return ExportSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent,
        name=text(span.get("operationName")) or "",
        start=start,
        end=times.end_of(start, span.get("duration"), times.MICRO),
        kind=KINDS.get(str(tags.get("span.kind")).lower(), 0),
        status=status,
        message=message,
        attributes=tags,
        events=[_event(log) for log in objects(span.get("logs"))],
        links=links,
        resource={"service.name": service, **tags_of(process.get("tags"))},
        scope=text(first(tags, *SCOPES)) or "",
    )


def tags_of(value: Any) -> dict[str, Any]:
    """``[{key, type, value}]`` as an object, values of the type they state."""
    return {
        tag["key"]: _typed(tag.get("value"), tag.get("type"))
        for tag in objects(value)
        if isinstance(tag.get("key"), str)
    }


def _typed(value: Any, type_: Any) -> Any:
    if not isinstance(value, str) or not isinstance(type_, str):
        return value
    try:
        match type_.lower():
            case "int64":
                return int(value)
            case "float64":
                return float(value)
            case "bool":
                return {"true": True, "false": False}.get(value.lower(), value)
    except ValueError:
        pass
    return value


def status_of(tags: dict[str, Any]) -> tuple[int, str]:
    """OTLP status code and message among the tags of a Jaeger span."""
    code = STATUS_CODES.get(str(tags.get("otel.status_code")).upper(), 0)
    if not code and str(tags.get("error")).lower() == "true":
        code = STATUS_CODES["ERROR"]
    return code, text(tags.get("otel.status_description")) or ""


def _references(span: dict[str, Any], trace_id: str) -> tuple[str | None, list[tuple[str, str]]]:
    """Parent and links."""
    found = [
        (ref.get("refType"), text(ref.get("traceID")) or trace_id, target)
        for ref in objects(span.get("references"))
        if (target := text(ref.get("spanID"))) is not None
    ]
    parent = text(span.get("parentSpanID"))
    for wanted in ("CHILD_OF", "FOLLOWS_FROM"):
        same = (ref for ref in found if ref[0] == wanted and ref[1] == trace_id)
        chosen = next(same, None) if parent is None else None
        if chosen is not None:
            found.remove(chosen)
            parent = chosen[2]
    links = [(trace, target) for _, trace, target in found if (trace, target) != (trace_id, parent)]
    return parent, links


def _event(log: dict[str, Any]) -> ExportEvent:
    fields = tags_of(log.get("fields"))
    name = text(fields.pop("event", None)) or text(fields.get("message")) or "log"
    return ExportEvent(name, times.since_epoch(log.get("timestamp"), times.MICRO), fields)

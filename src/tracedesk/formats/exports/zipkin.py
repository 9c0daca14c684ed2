"""Zipkin's v2 JSON: spans one by one, of any trace, in any order.

Source of a rule: openzipkin/zipkin-api ``zipkin2-api.yaml`` (fields, microseconds) and the
OpenTelemetry specification "OpenTelemetry to Zipkin Transformation" (``peer.service``,
status among tags, events among annotations). Server and client may share one span id; the
half marked ``shared`` becomes a child of the other, and its service's spans its children.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tracedesk.formats.exports import times
from tracedesk.formats.exports.jaeger import STATUS_CODES
from tracedesk.formats.exports.records import (
    ExportEvent,
    ExportFault,
    ExportSpan,
    Record,
    mapping,
    objects,
    opened,
    text,
)
from tracedesk.model import jsontext

KINDS = {"SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}

_EVENT = re.compile(r'"?([^"{]+?)"?\s*:\s*(\{.*\})', re.DOTALL)
"""How OpenTelemetry writes an event with attributes as an annotation."""

SERVICE = "service.name"


def convert(records: Sequence[Record]) -> Iterator[ExportSpan | ExportFault]:
    """Zipkin spans; those of a shared id told apart."""
    spans: list[ExportSpan] = []
    shared: dict[tuple[str, str], ExportSpan] = {}
    for found in opened(records):
        converted = found if isinstance(found, ExportFault) else _span(*found)
        if isinstance(converted, ExportFault):
            yield converted
            continue
        spans.append(converted)
        if not isinstance(found, ExportFault) and found[1].get("shared") is True:
            shared[converted.trace_id, converted.span_id] = converted
    if shared:
        _part(spans, shared)
    yield from spans


def _part(spans: list[ExportSpan], shared: dict[tuple[str, str], ExportSpan]) -> None:
    """Give the server's half of each shared span an id of its own, below the client's half."""
    both = {(s.trace_id, s.span_id) for s in spans if shared.get((s.trace_id, s.span_id)) is not s}
    halves = {key: half for key, half in shared.items() if key in both}
    for span in spans:
        server = halves.get((span.trace_id, span.parent_id or ""))
        if server is not None and span.resource.get(SERVICE) == server.resource.get(SERVICE):
            span.parent_id = _server_id(server.span_id)
    for (_, span_id), server in halves.items():
        server.span_id, server.parent_id = _server_id(span_id), span_id


def _server_id(span_id: str) -> str:
    return f"{span_id}:server"


def _span(record: Record, span: dict[str, Any]) -> ExportSpan | ExportFault:
    trace_id, span_id = text(span.get("traceId")), text(span.get("id"))
    if trace_id is None or span_id is None:
        missing = "traceId" if trace_id is None else "id"
        return ExportFault(record.line, record.place, f"a Zipkin span without {missing}")
    start = times.since_epoch(span.get("timestamp"), times.MICRO)
    tags = mapping(span.get("tags"))
    status, message = _status(tags)
    kind = text(span.get("kind"))
    local = mapping(span.get("localEndpoint"))
    return ExportSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=text(span.get("parentId")),
        name=text(span.get("name")) or "",
        start=start,
        end=times.end_of(start, span.get("duration"), times.MICRO),
        kind=KINDS.get(kind or "", 0),
        status=status,
        message=message,
        attributes={"zipkin.kind": kind, **_peer(mapping(span.get("remoteEndpoint"))), **tags},
        events=[_event(annotation) for annotation in objects(span.get("annotations"))],
        resource={SERVICE: text(local.get("serviceName"))},
        scope=text(tags.get("otel.scope.name")) or "",
        line=record.line,
        place=record.place,
    )


def _status(tags: dict[str, Any]) -> tuple[int, str]:
    """A tag ``error`` says that the span failed, and may say why."""
    error = tags.get("error")
    code = STATUS_CODES.get(str(tags.get("otel.status_code")).upper(), 0)
    if not code and error is not None and str(error).lower() != "false":
        code = STATUS_CODES["ERROR"]
    why = text(error) if code == STATUS_CODES["ERROR"] else None
    return code, "" if why is None or why.lower() in ("true", "false") else why


def _peer(remote: dict[str, Any]) -> dict[str, Any]:
    return {
        "peer.service": text(remote.get("serviceName")),
        "network.peer.address": text(remote.get("ipv4")) or text(remote.get("ipv6")),
        "network.peer.port": remote.get("port"),
    }


def _event(annotation: dict[str, Any]) -> ExportEvent:
    name = text(annotation.get("value")) or "annotation"
    attributes: dict[str, Any] = {}
    written = _EVENT.fullmatch(name)
    if written is not None:
        try:
            attributes = mapping(jsontext.parse(written[2]))
            name = written[1]
        except ValueError:
            pass
    return ExportEvent(
        name, times.since_epoch(annotation.get("timestamp"), times.MICRO), attributes
    )

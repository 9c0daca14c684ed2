"""The spans of a trace as any span format can say them, whatever format brought them.

What an older ``data`` body said outside of spans is put into attributes that the reading
knows: calls on their own spans, and response, input, usage and status code on one of them.
The root that stands for such a body is left out where the body has nodes, since it is none.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Event, Kind, Span, Status, Trace

OPERATIONS = {Kind.AGENT: "invoke_agent", Kind.MODEL: "chat", Kind.RETRIEVAL: "retrieval"}
"""``gen_ai.operation.name`` of built spans, by kind."""


class WrittenSpan(msgspec.Struct, frozen=True):
    """One span, everything in plain JSON values."""

    span_id: str
    parent_id: str | None
    name: str
    start_ns: int | None
    end_ns: int | None
    status: int
    """0 unset, 1 OK, 2 error."""
    status_message: str
    attributes: dict[str, Any]
    events: list[Event]
    links: list[dict[str, Any]]
    resource: int


def written_spans(trace: Trace, reading: Reading) -> Iterator[WrittenSpan]:
    """The spans in the order of the trace; at least one where the trace has any."""
    if not trace.format.legacy:
        for span in trace.spans:
            yield _written(span, span.attributes, span.parent_id)
        return
    spans = [span for span in trace.spans if not span.synthetic] or trace.spans[:1]
    ids = {span.span_id for span in spans}
    calls = {call.id: call for call in reading.calls}
    bearer = _bearer(spans, reading)
    for span in spans:
        attributes = _of_built(span, calls.get(span.span_id))
        if span is bearer:
            attributes.update(_of_reading(reading))
        yield _written(span, attributes, span.parent_id if span.parent_id in ids else None)


def _written(span: Span, attributes: dict[str, Any], parent_id: str | None) -> WrittenSpan:
    return WrittenSpan(
        span_id=span.span_id,
        parent_id=parent_id,
        name=span.name,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        status=0 if span.status is Status.SKIPPED else int(span.status),
        status_message=span.status_message,
        attributes=attributes,
        events=span.events,
        links=span.links,
        resource=span.resource,
    )


def _bearer(spans: list[Span], reading: Reading) -> Span:
    """The span that bears what the body said of the whole: where the response was read, else
    the last agent or model, else the first that ran."""
    source = reading.response.source
    named = [span for span in spans if source is not None and span.span_id == source.span]
    ran = [span for span in spans if span.status is not Status.SKIPPED]
    spoke = [span for span in ran if span.kind in (Kind.AGENT, Kind.MODEL)]
    return next(iter(named or spoke[-1:] or ran or spans))


def _of_built(span: Span, call: Call | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    built = span.payload if isinstance(span.payload, Built) else None
    if span.kind is Kind.TOOL:
        found["gen_ai.tool.name"] = span.label
        if call is not None and call.arguments_state != "absent":
            found["gen_ai.tool.call.arguments"] = call.arguments
        if call is not None and call.output_state != "absent":
            found["gen_ai.tool.call.result"] = call.output
        return found
    if span.kind in OPERATIONS:
        found["gen_ai.operation.name"] = OPERATIONS[span.kind]
    if built is None:
        return found
    if built.type:
        found["n8n.node.type"] = built.type
    if span.status is Status.SKIPPED:
        found["n8n.node.status"] = "skipped"
    if built.arguments is not ABSENT:
        found["n8n.node.output"] = jsontext.dump(built.arguments)
    if built.parameters:
        found["n8n.node.parameters"] = jsontext.dump(built.parameters)
    return found


def _of_reading(reading: Reading) -> dict[str, Any]:
    usage = reading.usage
    stated = {
        "gen_ai.response.text": reading.response.text,
        "gen_ai.prompt": reading.input.text,
        "gen_ai.response.model": reading.model,
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
        "gen_ai.usage.total_tokens": usage.total,
        "http.response.status_code": reading.http_status.value,
    }
    return {name: value for name, value in stated.items() if value is not None}

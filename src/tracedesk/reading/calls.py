"""The call list: one entry per thing that was executed (assertion spec 1.1).

Skipped and synthetic spans, tools on offer and requests inside messages are not calls. A
span that is also a tool entry is one call.
"""

from collections.abc import Mapping
from typing import Any

from tracedesk.model.built import Built
from tracedesk.model.links import NO_PARENT
from tracedesk.model.peek import eventful, opened
from tracedesk.model.reading import NOT_RECORDED, Call, Recorded
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.reading.expressions import resolve_parameters
from tracedesk.reading.n8n_nodes import is_http_request
from tracedesk.reading.plan import N8N_OUTPUT, N8N_TYPE, Shape
from tracedesk.reading.recorded import (
    CAPTURED,
    GIVEN_VALUE,
    READERS,
    from_event,
    node_output,
    read_encoded,
    read_output,
    recorded,
)
from tracedesk.reading.view import View

STATUS = ("unknown", "ok", "error", "unknown")
"""By ``Status``."""


def calls_of(view: View) -> tuple[Call, ...]:
    """All calls that spans report, in body order."""
    calls: list[Call] = []
    spans, parents, shapes, skipped = view.spans, view.parents, view.shapes, Status.SKIPPED
    for index, span in enumerate(spans):
        if span.status is skipped or span.synthetic:
            continue
        if isinstance(span.payload, Built):
            calls.append(_built_call(view, span, span.payload, len(calls)))
            continue
        above = parents[index]
        parent = None if above == NO_PARENT else spans[above].span_id
        calls.append(_call(view, index, span, shapes[index], parent, len(calls)))
    return tuple(calls)


def _call(view: View, index: int, span: Span, shape: Shape, parent: str | None, order: int) -> Call:
    seen, label, aliases = view.seen[index], span.label, span.aliases
    given = gave = NOT_RECORDED
    type_ = parameters = None
    if shape.tool:
        label, aliases = _tool_names(span, seen, shape)
        given, gave = _arguments(view, index, seen, shape), _result(span, seen, shape)
    elif shape.n8n:  # the output of such a node is what node checks call its arguments
        given = gave = Recorded(N8N_OUTPUT, seen[N8N_OUTPUT], read_encoded)
    elif shape.output is not None:
        gave = node_output(shape.output, seen[shape.output.attribute], span)
    if shape.n8n_type and not shape.tool:
        named = opened(seen[N8N_TYPE])
        type_ = named if isinstance(named, str) else None
        parameters = _parameters(view, index, seen) if is_http_request(type_) else None
    return Call(
        id=span.span_id,
        tool=shape.tool,
        label=label,
        aliases=aliases,
        given=given,
        gave=gave,
        parameters=parameters,
        status=STATUS[span.status],
        status_message=_message(span),
        type=type_,
        parent=parent,
        order=order,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
    )


def _message(span: Span) -> str:
    return span.failure if span.status is Status.ERROR else span.status_message


def _tool_names(span: Span, seen: Mapping[str, Any], shape: Shape) -> tuple[str, tuple[str, ...]]:
    """The tool's own name first; what the span is called stays an alias."""
    for attribute in shape.tool_names:
        name = opened(seen[attribute])
        if isinstance(name, str) and name.strip():
            if name == span.label:
                return name, span.aliases
            others = (span.label, *span.aliases)
            return name, tuple(dict.fromkeys(other for other in others if other != name))
    return span.label, span.aliases


def _arguments(view: View, index: int, seen: Mapping[str, Any], shape: Shape) -> Recorded:
    place = shape.arguments
    if place is None:
        span = view.spans[index]
        return from_event(span, "input") if eventful(span) else NOT_RECORDED
    if place == GIVEN_VALUE:
        return _given_value(view, index, seen[place])
    return Recorded(place, seen[place], READERS.get(place, read_encoded))


def _result(span: Span, seen: Mapping[str, Any], shape: Shape) -> Recorded:
    if shape.result is not None:
        return Recorded(shape.result, seen[shape.result], read_output)
    return from_event(span, "output") if eventful(span) else NOT_RECORDED


def _given_value(view: View, index: int, raw: Any) -> Recorded:
    """``input.value`` of a tool. LangChain's tool step lists the call it runs; the tool's own
    span may hold a bare text only."""
    value, state = read_encoded(raw)
    if not isinstance(value, dict):
        requested = _requested_by_parent(view, index)
        if requested is not None:
            return Recorded.known(requested, CAPTURED, f"{GIVEN_VALUE} of the parent")
    return Recorded.known(value, state, GIVEN_VALUE)


def _requested_by_parent(view: View, index: int) -> dict[str, Any] | None:
    parent = view.parents[index]
    if parent == NO_PARENT:
        return None
    listed, _ = read_encoded(view.seen[parent].get(GIVEN_VALUE))
    wanted = view.spans[index].label
    found = [
        entry["args"]
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
        and entry.get("name") == wanted
        and isinstance(entry.get("args"), dict)
    ]
    return found[0] if len(found) == 1 else None


def _parameters(view: View, index: int, seen: Mapping[str, Any]) -> dict[str, Any] | None:
    value, state = read_encoded(seen.get("n8n.node.parameters"))
    if state != CAPTURED or not isinstance(value, dict):
        return None
    return resolve_parameters(view, index, value)


def _built_call(view: View, span: Span, payload: Built, order: int) -> Call:
    parameters = payload.parameters
    if parameters is not None and span.kind is not Kind.TOOL:
        parameters = (
            resolve_parameters(view, view.index_of(span.span_id), parameters)
            if is_http_request(payload.type)
            else None
        )
    parent = span.parent_id
    return Call(
        id=span.span_id,
        tool=span.kind is Kind.TOOL,
        label=span.label,
        aliases=span.aliases,
        given=recorded(payload.arguments_place, payload.arguments),
        gave=recorded(payload.output_place, payload.output),
        parameters=parameters,
        status=STATUS[span.status],
        status_message=span.status_message,
        type=payload.type,
        parent=None if parent is None or view.spans[view.index_of(parent)].synthetic else parent,
        order=order,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        tools_known=payload.tools_known,
        requested_only=payload.requested_only,
    )

"""The call list: one entry per thing that was executed (assertion spec 1.1).

Skipped and synthetic spans, tools on offer and requests inside messages are not calls. A
span that is also a tool entry is one call.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tracedesk.model import jsontext
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.links import NO_PARENT
from tracedesk.model.peek import opened
from tracedesk.model.reading import Call
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.reading.expressions import resolve_parameters
from tracedesk.reading.n8n_nodes import is_http_request
from tracedesk.reading.tables import ALL
from tracedesk.reading.tables.convention import Field
from tracedesk.reading.tables.readers import completion, plain
from tracedesk.reading.view import TOOL_NAMES, View

STATUS = {Status.OK: "ok", Status.ERROR: "error", Status.UNSET: "unknown"}

ARGUMENTS = tuple(name for table in ALL for name in table.tool_arguments)
RESULTS = tuple(name for table in ALL for name in table.tool_results)

CAPTURED, NONE, UNREADABLE = "captured", "absent", "unreadable"

Value = tuple[Any, str, str]
"""A value, its state and its place."""
_NOTHING: Value = (None, NONE, "")


def read_value(value: Any) -> tuple[Any, str]:
    """A recorded value and its state: JSON text of an object or array is parsed once,
    unparsable ones are ``unreadable``, other text stays text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return jsontext.parse(value), CAPTURED
        except ValueError:
            return value, UNREADABLE
    return value, CAPTURED


def calls_of(view: View) -> tuple[Call, ...]:
    """All calls of a trace, in body order."""
    roles = view.settings.roles
    mapped = {role: tuple(a for a, r in roles if r == role) for role in ("tool_name",) if roles}
    tool_names = (*mapped.get("tool_name", ()), *TOOL_NAMES)
    arguments = (*(a for a, r in roles if r == "tool_arguments"), *ARGUMENTS)
    results = (*(a for a, r in roles if r == "tool_result"), *RESULTS)
    outputs = _output_fields(view)
    calls: list[Call] = []
    for index, span in enumerate(view.spans):
        if span.synthetic or span.status is Status.SKIPPED:
            continue
        payload, seen = span.payload, view.seen[index]
        if isinstance(payload, Built):
            calls.append(_built_call(view, span, payload, len(calls)))
        elif span.kind is Kind.TOOL or (roles and _first(seen, mapped["tool_name"])):
            calls.append(_tool_call(view, index, tool_names, arguments, results, len(calls)))
        else:
            calls.append(_node_call(view, index, len(calls), outputs.get(index)))
    return tuple(calls)


def _first(seen: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = seen.get(name)
        if value is not None:
            return name
    return None


def _value(seen: Mapping[str, Any], names: Iterable[str]) -> Value:
    for name in names:
        if (raw := seen.get(name)) is not None:
            value, state = read_value(opened(raw))
            return value, state, name
    return _NOTHING


def _tool_call(
    view: View,
    index: int,
    tool_names: tuple[str, ...],
    arguments: tuple[str, ...],
    results: tuple[str, ...],
    order: int,
) -> Call:
    span, seen = view.spans[index], view.seen[index]
    given = (
        _event_value(span, "input") if _first(seen, arguments) is None else _value(seen, arguments)
    )
    given = _unwrapped(view, index, given)
    output, output_state, output_place = _value(seen, results)
    if output_state == NONE:
        output, output_state, output_place = _event_value(span, "output")
    label, aliases = _tool_names(span, seen, tool_names)
    return Call(
        id=span.span_id,
        tool=True,
        label=label,
        aliases=aliases,
        arguments=given[0],
        arguments_state=given[1],
        arguments_place=given[2],
        output=_tool_output(output),
        output_state=output_state,
        output_place=output_place,
        status=STATUS[span.status],
        status_message=span.status_message,
        parent=_parent(view, index),
        order=order,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
    )


def _tool_names(
    span: Span, seen: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The tool's own name first; what the span is called stays an alias."""
    for attribute in names:
        name = seen.get(attribute)
        name = opened(name)
        if isinstance(name, str) and name.strip():
            others = (span.label, *span.aliases)
            return name, tuple(dict.fromkeys(other for other in others if other != name))
    return span.label, span.aliases


def _node_call(view: View, index: int, order: int, field: Field | None) -> Call:
    span, seen = view.spans[index], view.seen[index]
    arguments, state, place = None, NONE, ""
    type_ = parameters = None
    if seen:
        raw = seen.get("n8n.node.output")
        if raw is not None:
            arguments, state = read_value(opened(raw))
            place = "n8n.node.output"
        type_ = seen.get("n8n.node.type")
        if not isinstance(type_, str):
            type_ = None
        if is_http_request(type_):
            parameters = _parameters(view, index, seen)
    output, output_state, output_place = arguments, state, place
    if state == NONE and field is not None:
        output, output_state, output_place = _node_output(view, index, field)
    return Call(
        id=span.span_id,
        tool=False,
        label=span.label,
        aliases=span.aliases,
        arguments=arguments,
        arguments_state=state,
        arguments_place=place,
        parameters=parameters,
        output=output,
        output_state=output_state,
        output_place=output_place,
        status=STATUS[span.status],
        status_message=span.status_message,
        type=type_,
        parent=_parent(view, index),
        order=order,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
    )


_OUTPUT_FIELDS: dict[str, tuple[int, Field]] = {}
for _rank, _field in enumerate(field for table in ALL for field in table.response):
    _OUTPUT_FIELDS.setdefault(_field.attribute, (_rank, _field))


def _output_fields(view: View) -> dict[int, Field]:
    """For each span that says anything, the first table row that reads its output."""
    ranked = sorted(
        (_OUTPUT_FIELDS[name][0], name) for name in view.present if name in _OUTPUT_FIELDS
    )
    fields: dict[int, Field] = {}
    for _, name in ranked:
        field = _OUTPUT_FIELDS[name][1]
        for index in view.present[name]:
            fields.setdefault(index, field)
    return fields


def _node_output(view: View, index: int, field: Field) -> Value:
    """What a node span itself says it gave: messages as text, other values as they are."""
    value, span = view.seen[index][field.attribute], view.spans[index]
    if field.read in (plain, completion):
        return (*read_value(opened(value)), field.attribute)
    text = field.read(value, lambda: span.attributes)
    return _NOTHING if text is None else (text, CAPTURED, field.attribute)


def _parameters(view: View, index: int, seen: Mapping[str, Any]) -> dict[str, Any] | None:
    value, state = read_value(opened(seen.get("n8n.node.parameters")))
    if state != CAPTURED or not isinstance(value, dict):
        return None
    return resolve_parameters(view, index, value)


def _built_call(view: View, span: Span, payload: Built, order: int) -> Call:
    given = payload.arguments
    arguments, state = (None, NONE) if given is ABSENT else read_value(given)
    output = payload.output
    result, output_state = (None, NONE) if output is ABSENT else read_value(output)
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
        arguments=arguments,
        arguments_state=state,
        arguments_place=payload.arguments_place if state != NONE else "",
        parameters=parameters,
        output=result,
        output_state=output_state,
        output_place=payload.output_place if output_state != NONE else "",
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


def _parent(view: View, index: int) -> str | None:
    parent = view.parents[index]
    return None if parent == NO_PARENT else view.spans[parent].span_id


def _unwrapped(view: View, index: int, given: Value) -> Value:
    """Arguments out of the wrapping that OpenLLMetry and LangChain put around them."""
    value, state, place = given
    if place == "traceloop.entity.input" and isinstance(value, dict):
        for key in ("inputs", "kwargs", "input"):
            if isinstance(value.get(key), dict) and (value[key] or key != "kwargs"):
                return value[key], state, place
        text = value.get("input_str")
        if isinstance(text, str):
            return (*read_value(text), place)
    if place == "input.value" and not isinstance(value, dict):
        requested = _requested_by_parent(view, index)
        if requested is not None:
            return requested, CAPTURED, "input.value of the parent"
    return given


def _requested_by_parent(view: View, index: int) -> dict[str, Any] | None:
    """LangChain's tool step lists the call it runs; its tool span may hold a bare text only."""
    parent = view.parents[index]
    if parent == NO_PARENT:
        return None
    listed, _ = read_value(opened(view.seen[parent].get("input.value")))
    wanted = view.spans[index].label
    found = [
        entry["args"]
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
        and entry.get("name") == wanted
        and isinstance(entry.get("args"), dict)
    ]
    return found[0] if len(found) == 1 else None


def _tool_output(output: Any) -> Any:
    """The content of a LangChain tool message; any other output as it is."""
    if isinstance(output, dict) and output.get("type") == "tool":
        inner = output.get("data")
        if isinstance(inner, dict) and "content" in inner:
            return read_value(inner["content"])[0]
    return output


_EVENTS = {"input": ("gen_ai.tool.message", "content"), "output": ("gen_ai.choice", "message")}
"""Events of a tool span that hold its input and output (Strands)."""


def _event_value(span: Span, what: str) -> Value:
    name, attribute = _EVENTS[what]
    for event in span.events:
        if event.name == name and attribute in event.attributes:
            value, state = read_value(event.attributes[attribute])
            return value, state, f"event {name}"
    return _NOTHING

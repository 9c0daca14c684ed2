"""Reading of older n8n bodies: the response of the last AI node, the trigger's input, tokens
summed over AI nodes (ingestion spec 12.4, 12.5, 16.4)."""

from collections.abc import Mapping
from typing import Any

from tracedesk.model.built import ABSENT, Built
from tracedesk.model.reading import Source, Text, Usage
from tracedesk.model.trace import Format, Kind, Status, Trace
from tracedesk.reading.custom import TOKEN_SHAPES, counted
from tracedesk.reading.n8n_nodes import (
    Node,
    is_sub_node,
    output_text,
    response_node,
    trigger_node,
    trigger_text,
)
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.usage import Count, added, n8n_counts


def nodes_of(trace: Trace) -> list[Node]:
    """Executed nodes in body order, with raw outputs."""
    found = []
    for index, span in enumerate(trace.spans):
        payload = span.payload
        if (
            isinstance(payload, Built)
            and span.kind is not Kind.TOOL
            and span.status is not Status.SKIPPED
        ):
            found.append(
                Node(
                    span=span.span_id,
                    label=span.label,
                    place=payload.output_place,
                    type=payload.type,
                    output=None if payload.output is ABSENT else payload.output,
                    has_output=payload.output is not ABSENT,
                    index=index,
                    sub_node=is_sub_node(payload.type) or span.parent_id != trace.spans[0].span_id,
                )
            )
    return found


def response(trace: Trace, settings: ReadingSettings) -> Text:
    """The last AI node's text, else the last node's that is no trigger."""
    nodes = nodes_of(trace)
    chosen = response_node(nodes)
    if chosen is not None:
        node, rule = chosen
        text, key = output_text(node.output)
        if text is not None:
            where = f", {key}" if key else ""
            return Text(text=text, source=Source(node.span, node.place, f"{rule}{where}"))
    if not nodes and trace.format is Format.N8N_MANUAL:
        return _entered(trace.data)
    return Text(tried=("last AI node", "last executed node that is no trigger"))


def _entered(data: Any) -> Text:
    """The earliest client sent only what entered the Testing Node."""
    for place, level in (("$.data", data), ("$.data.data", _below(data, "data"))):
        items = _below(level, "input")
        if isinstance(items, list) and items:
            item = items[-1]
            at = f"{place}.input[{len(items) - 1}]"
            if isinstance(item, Mapping) and isinstance(item.get("json"), Mapping):
                item, at = item["json"], f"{at}.json"
            text, key = output_text(item)
            if text is not None:
                place = f"{at}.{key}" if key else at
                return Text(text=text, source=Source(None, place, "last input item"))
    return Text(tried=("last input item",))


def _below(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def input_of(trace: Trace) -> Text:
    """What the trigger received."""
    node = trigger_node(nodes_of(trace))
    if node is None:
        return Text(tried=("trigger node",))
    text, key = trigger_text(node.output)
    if text is None:
        return Text(tried=(f"trigger {node.label}",))
    where = f", {key}" if key else ""
    return Text(text=text, source=Source(node.span, node.place, f"trigger {node.label}{where}"))


def usage(trace: Trace) -> Usage:
    """The sum over all AI nodes, model sub-nodes included."""
    nodes = nodes_of(trace)
    found = n8n_counts(nodes)
    counts: dict[str, Count] = {nodes[i].span: count for i, count in found.items()}
    if not counts:
        return Usage(tried=TOKEN_SHAPES)
    plural = "" if len(counts) == 1 else "s"
    shares = tuple((span, count.whole or 0) for span, count in counts.items())
    place = nodes[next(iter(found))].place
    return counted(added(counts.values()), f"sum of {len(counts)} span{plural}", shares, place)

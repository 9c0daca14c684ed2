"""Custom API bodies (OLD ``data``): whatever JSON a caller pushes, with a node map or a tool
list where it has them (ingestion spec 11)."""

from typing import Any

from tracedesk.formats.build import Builder, entry_status, tools_called
from tracedesk.formats.places import child
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.trace import Format, Kind, Span, Status, Trace

NEVER_NODES = frozenset({"tool_calls", "_http_status", "_metadata"})


def custom_trace(data: dict[str, Any]) -> Trace:
    """The trace of a Custom API body; never fails."""
    builder = Builder(Format.CUSTOM, data, "Custom API request")
    failed = False
    for key, entry in data.items():
        if (
            key in NEVER_NODES
            or not isinstance(entry, dict)
            or "output" not in entry
            or not key.strip()
        ):
            continue
        span = node_entry(builder, key, entry, child("$.data", key))
        failed = failed or span.status is Status.ERROR
    tools_called(builder, data.get("tool_calls"), "$.data.tool_calls", None)
    builder.trace.declared_status = "failed" if failed else "completed"
    return builder.trace


def node_entry(
    builder: Builder, label: str, entry: dict[str, Any], place: str, kind: Kind = Kind.NODE
) -> Span:
    """Add one entry of a node map, with its tools; shared with the n8n flat map."""
    status, message = entry_status(entry)
    tools = entry.get("tools_called")
    type_ = entry.get("type")
    parameters = entry.get("parameters")
    output = entry.get("output", ABSENT)
    if status is Status.SKIPPED and output == {}:
        output = ABSENT
    span = builder.node(
        label,
        Built(
            entry,
            type=type_ if isinstance(type_, str) else None,
            arguments=output,
            arguments_place=child(place, "output"),
            output=output,
            output_place=child(place, "output"),
            parameters=parameters if isinstance(parameters, dict) else None,
            tools_known=isinstance(tools, list),
        ),
        place=place,
        kind=kind,
        status=status,
        status_message=message,
    )
    tools_called(builder, tools, child(place, "tools_called"), span)
    return span

"""Flowise prediction responses pushed as ``data`` (ingestion spec 13): agentflows with their
executed nodes, chatflows and older agentflows with tool lists only."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tracedesk.formats.build import Builder, error_text
from tracedesk.formats.places import child
from tracedesk.model import jsontext
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.trace import Format, Kind, Span, Status, Trace

NODE_STATUS = {
    "FINISHED": Status.OK,
    "ERROR": Status.ERROR,
    "TERMINATED": Status.ERROR,
    "TIMEOUT": Status.ERROR,
    "STOPPED": Status.UNSET,
    "INPROGRESS": Status.UNSET,
}
FAILED = frozenset({"ERROR", "TERMINATED", "TIMEOUT"})
PARTIAL = frozenset({"STOPPED", "INPROGRESS"})

KINDS = (("agent", Kind.AGENT), ("llm", Kind.MODEL), ("retriever", Kind.RETRIEVAL))
"""Start of a node's technical name, and what such a node does."""

MAX_MS = 2**43
"""Later millisecond times do not fit 64-bit nanoseconds."""

Entry = tuple[Mapping[str, Any], str]


def is_flowise(data: Mapping[str, Any]) -> bool:
    """Executed node data, or a chat id together with a text."""
    return "agentFlowExecutedData" in data or (
        "text" in data and ("chatId" in data or "chatMessageId" in data)
    )


def flowise_trace(data: Mapping[str, Any]) -> Trace:
    """The trace of a prediction response; never fails."""
    builder = Builder(Format.FLOWISE, data, "Flowise flow")
    entries = list(executed(data))
    spans = [_node(builder, entry, place) for entry, place in entries]
    _hang_iterations(entries, spans)
    seen = Counter(_signature(s) for s in builder.trace.spans if s.kind is Kind.TOOL)
    listed = [(data.get("usedTools"), "$.data.usedTools")]
    reasoning = data.get("agentReasoning")
    listed += [
        (step.get("usedTools"), f"$.data.agentReasoning[{number}].usedTools")
        for number, step in enumerate(reasoning if isinstance(reasoning, list) else ())
        if isinstance(step, Mapping)
    ]
    for tools, place in listed:
        _trace_tools(builder, tools, place, seen)
    builder.trace.declared_status = _status(data, entries)
    builder.trace.declared_duration_ms = _duration(entries)
    return builder.trace


def executed(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Executed entries with their places; a stored execution keeps them as JSON text."""
    for key in ("agentFlowExecutedData", "executionData"):
        listed = data.get(key)
        if isinstance(listed, str):
            try:
                listed = jsontext.parse(listed)
            except ValueError:
                continue
        if isinstance(listed, list):
            for number, entry in enumerate(listed):
                if isinstance(entry, Mapping) and _label(entry):
                    yield entry, f"$.data.{key}[{number}]"
            return


def _label(entry: Mapping[str, Any]) -> str:
    for key in ("nodeLabel", "nodeId"):
        label = entry.get(key)
        if isinstance(label, str) and label.strip():
            return label
    return ""


def part(entry: Mapping[str, Any], *path: str) -> Any:
    """A value below an entry; None when anything on the way is not there."""
    value: Any = entry
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _node(builder: Builder, entry: Mapping[str, Any], place: str) -> Span:
    output, given = part(entry, "data", "output"), part(entry, "data", "input")
    from_output = isinstance(output, Mapping)
    arguments = output if from_output else ABSENT if given is None else given
    error = part(entry, "data", "error") or part(entry, "data", "output", "error")
    status = entry.get("status")
    technical = part(entry, "data", "name")
    node_id = entry.get("nodeId")
    start, end = _times(entry)
    tools, tools_place = _tools_of(entry, place)
    span = builder.node(
        _label(entry),
        Built(
            dict(entry),
            type=technical if isinstance(technical, str) else None,
            arguments=arguments,
            arguments_place=f"{place}.data." + ("output" if from_output else "input"),
            output=ABSENT if output is None else output,
            output_place=f"{place}.data.output",
            tools_known=from_output,
        ),
        place=place,
        aliases=(node_id,) if isinstance(node_id, str) else (),
        kind=_kind(technical),
        status=NODE_STATUS.get(status, Status.UNSET) if isinstance(status, str) else Status.UNSET,
        status_message=error_text(error),
        start_ns=None if start is None else start * 1_000_000,
        end_ns=None if end is None else end * 1_000_000,
    )
    for number, tool in enumerate(tools):
        _tool(builder, tool, f"{tools_place}[{number}]", span)
    return span


def _kind(technical: Any) -> Kind:
    name = technical.lower() if isinstance(technical, str) else ""
    return next((kind for start, kind in KINDS if name.startswith(start)), Kind.NODE)


def _tools_of(entry: Mapping[str, Any], place: str) -> tuple[list[Any], str]:
    """Tools that ran; where none is listed, those that were asked for."""
    for key in ("usedTools", "calledTools"):
        listed = part(entry, "data", "output", key)
        if isinstance(listed, list) and any(isinstance(tool, Mapping) for tool in listed):
            return listed, f"{place}.data.output.{key}"
    return [], place


def _tool(builder: Builder, tool: Any, place: str, parent: Span | None) -> Span | None:
    if not isinstance(tool, Mapping):
        return None
    requested = "tool" not in tool
    name = tool.get("name") if requested else tool["tool"]
    if not isinstance(name, str) or not name.strip():
        builder.trace.warn("coerced_field", f"{place} names no tool and was left out")
        return None
    key = ("arguments" if "arguments" in tool else "args") if requested else "toolInput"
    error = tool.get("error")
    return builder.tool(
        name,
        Built(
            dict(tool),
            arguments=tool.get(key, ABSENT),
            arguments_place=child(place, key),
            output=tool.get("toolOutput", ABSENT),
            output_place=f"{place}.toolOutput",
            requested_only=requested,
        ),
        place=place,
        parent=parent,
        status=Status.ERROR if error else Status.UNSET,
        status_message=error_text(error),
    )


def _signature(span: Span) -> tuple[str, str]:
    payload = span.payload
    given = payload.arguments if isinstance(payload, Built) else None
    return span.name, "" if given is ABSENT else jsontext.dump(given)


def _trace_tools(builder: Builder, tools: Any, place: str, seen: Counter[tuple[str, str]]) -> None:
    """Trace-level tools; one that a node or an earlier list already told is not repeated."""
    told = seen.copy()
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping):
            signature = (str(tool.get("tool")), jsontext.dump(tool.get("toolInput")))
            if told[signature] > 0:
                told[signature] -= 1
            elif _tool(builder, tool, f"{place}[{number}]", None) is not None:
                seen[signature] += 1


def _hang_iterations(entries: list[Entry], spans: list[Span]) -> None:
    """Children of an iteration come before it; hang them under the next entry of that id."""
    upcoming: dict[str, Span] = {}
    for (entry, _), span in zip(reversed(entries), reversed(spans), strict=True):
        parent = entry.get("parentNodeId", part(entry, "data", "parentNodeId"))
        if isinstance(parent, str) and parent in upcoming and upcoming[parent] is not span:
            span.parent_id = upcoming[parent].span_id
        node_id = entry.get("nodeId")
        if isinstance(node_id, str):
            upcoming[node_id] = span


def _times(entry: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Start and end of an entry in milliseconds."""
    return (
        _milliseconds(part(entry, "data", "output", "timeMetadata", "start")),
        _milliseconds(part(entry, "data", "output", "timeMetadata", "end")),
    )


def _milliseconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value < MAX_MS else None


def _duration(entries: list[Entry]) -> float | None:
    """Last end minus first start; deltas are never added up."""
    times = [_times(entry) for entry, _ in entries]
    starts = [start for start, _ in times if start is not None]
    ends = [end for _, end in times if end is not None]
    if not starts or not ends or ends[-1] < starts[0]:
        return None
    return float(max(ends) - min(starts))


def _status(data: Mapping[str, Any], entries: list[Entry]) -> str:
    statuses = {entry.get("status") for entry, _ in entries if isinstance(entry.get("status"), str)}
    if statuses & FAILED or data.get("success") is False:
        return "failed"
    return "partial" if statuses & PARTIAL else "completed"

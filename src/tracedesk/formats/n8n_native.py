"""n8n's own execution object: ``resultData.runData``, one span per run (ingestion spec 12.3).

Keys of ``runData`` are in no order; ``executionIndex`` is, where every run has one. A tool
run is one call of the agent that asked for it, never a node of its own.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from tracedesk.formats.build import Builder, error_text
from tracedesk.formats.n8n import ROOT_NAME, kind_of_type, one_or_all, unwrapped
from tracedesk.formats.places import child
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.trace import Format, Kind, Span, Status, Trace

MAX_MS = 2**43
"""Later millisecond times do not fit 64-bit nanoseconds."""

RUN_STATUS = {"success": Status.OK, "error": Status.ERROR, "crashed": Status.ERROR}


class Run(msgspec.Struct, kw_only=True):
    """One run of one node."""

    label: str
    number: int
    place: str
    wire: Mapping[str, Any]
    type: str | None
    channel: str
    """``main``, or the sub-node connection such as ``ai_tool``."""
    order: int | None
    span: Span | None = None


def run_data(inner: Any) -> Mapping[str, Any] | None:
    """``resultData.runData`` of an execution's data, when it is there."""
    result = inner.get("resultData") if isinstance(inner, Mapping) else None
    runs = result.get("runData") if isinstance(result, Mapping) else None
    return runs if isinstance(runs, Mapping) else None


def native_trace(data: Any, inner: Mapping[str, Any], place: str) -> Trace:
    """The trace of an execution whose data is ``inner``; the execution itself is around it."""
    builder = Builder(Format.N8N_NATIVE, data, ROOT_NAME)
    workflow = _Workflow(data.get("workflowData") or inner.get("workflowData"))
    runs = _runs(run_data(inner) or {}, f"{place}.resultData.runData", workflow)
    for run in runs:
        if run.channel != "ai_tool":
            run.span = _node(builder, run, workflow)
    agents = _Agents(runs, workflow)
    for run in runs:
        if run.channel == "ai_tool":
            run.span = _tool(builder, run, agents.of(run))
        elif run.channel != "main" and run.span is not None:
            agent = agents.of(run)
            run.span.parent_id = agent.span_id if agent else run.span.parent_id
    root, *_ = builder.trace.spans
    builder.trace.spans = [root, *(run.span for run in runs if run.span is not None)]
    builder.trace.declared_status = _status(data, inner)
    builder.trace.declared_duration_ms = _duration(data)
    return builder.trace


class _Workflow:
    """Types, parameters and sub-node connections by node label."""

    def __init__(self, wire: Any) -> None:
        nodes = wire.get("nodes") if isinstance(wire, Mapping) else None
        self.nodes: dict[str, Mapping[str, Any]] = {
            node["name"]: node
            for node in (nodes if isinstance(nodes, list) else ())
            if isinstance(node, Mapping) and isinstance(node.get("name"), str)
        }
        connections = wire.get("connections") if isinstance(wire, Mapping) else None
        self.connections = connections if isinstance(connections, Mapping) else {}

    def type_of(self, label: str) -> str | None:
        found = self.nodes.get(label, {}).get("type")
        return found if isinstance(found, str) else None

    def parameters_of(self, label: str) -> dict[str, Any] | None:
        found = self.nodes.get(label, {}).get("parameters")
        return found if isinstance(found, dict) else None

    def disabled(self, label: str) -> bool:
        return self.nodes.get(label, {}).get("disabled") is True

    def target_of(self, label: str, channel: str) -> str | None:
        """The node that a sub-node is connected to."""
        wires = self.connections.get(label)
        groups = wires.get(channel) if isinstance(wires, Mapping) else None
        for group in groups if isinstance(groups, list) else ():
            for link in group if isinstance(group, list) else ():
                if isinstance(link, Mapping) and isinstance(link.get("node"), str):
                    return str(link["node"])
        return None


def _runs(wire: Mapping[str, Any], place: str, workflow: _Workflow) -> list[Run]:
    runs = [
        Run(
            label=label,
            number=number,
            place=f"{child(place, label)}[{number}]",
            wire=entry,
            type=workflow.type_of(label),
            channel=_channel(entry),
            order=_index(entry.get("executionIndex")),
        )
        for label, listed in wire.items()
        if label.strip()
        for number, entry in enumerate(listed if isinstance(listed, list) else ())
        if isinstance(entry, Mapping)
    ]
    if all(run.order is not None for run in runs):
        runs.sort(key=lambda run: run.order or 0)
    return runs


def _index(value: Any) -> int | None:
    """A whole number from 0; None for anything else."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole else None


def _channel(entry: Mapping[str, Any]) -> str:
    for part in ("data", "inputOverride"):
        channels = entry.get(part)
        if isinstance(channels, Mapping):
            for name in channels:
                if isinstance(name, str) and name.startswith("ai_"):
                    return name
    return "main"


def _items(channels: Any, channel: str, place: str) -> tuple[Any, str]:
    """JSON of the first non-empty branch: one item as it is, several as a list."""
    branches = channels.get(channel) if isinstance(channels, Mapping) else None
    for number, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, list) and branch:
            at = f"{place}.{channel}[{number}]"
            outputs = [unwrapped(item) for item in branch]
            output, one = one_or_all(outputs, [f"{at}[{i}].json" for i in range(len(branch))])
            return output, one or at
    return ABSENT, ""


def _node(builder: Builder, run: Run, workflow: _Workflow) -> Span:
    output, at = _items(run.wire.get("data"), run.channel, f"{run.place}.data")
    if run.channel != "main" and run.wire.get("error"):
        output, at = ABSENT, ""  # a failed sub-node run records its input in place of output
    status, message = _run_status(run)
    start, end = _times(run)
    return builder.node(
        run.label,
        Built(
            dict(run.wire),
            type=run.type,
            arguments=output,
            arguments_place=at,
            output=output,
            output_place=at,
            parameters=workflow.parameters_of(run.label),
        ),
        place=run.place,
        kind=Kind.MODEL if run.channel == "ai_languageModel" else kind_of_type(run.type),
        status=Status.SKIPPED if workflow.disabled(run.label) else status,
        status_message=message,
        start_ns=start,
        end_ns=end,
    )


def _tool(builder: Builder, run: Run, agent: Span | None) -> Span:
    given, given_at = _items(run.wire.get("inputOverride"), "ai_tool", f"{run.place}.inputOverride")
    output, at = _items(run.wire.get("data"), "ai_tool", f"{run.place}.data")
    if run.wire.get("error"):
        output, at = ABSENT, ""
    status, message = _run_status(run)
    start, end = _times(run)
    return builder.tool(
        run.label,
        Built(
            dict(run.wire),
            type=run.type,
            arguments=given,
            arguments_place=given_at,
            output=output,
            output_place=at,
            parameters=_inner_query(given),
        ),
        place=run.place,
        parent=agent,
        status=status,
        status_message=message,
        start_ns=start,
        end_ns=end,
    )


def _inner_query(given: Any) -> dict[str, Any] | None:
    """The model's own arguments where n8n wraps them as ``{query: {…}}``."""
    if isinstance(given, Mapping) and len(given) == 1 and isinstance(given.get("query"), dict):
        return dict(given["query"])
    return None


class _Agents:
    """Finds the run that a sub-node run belongs to."""

    def __init__(self, runs: list[Run], workflow: _Workflow) -> None:
        self._workflow = workflow
        self._runs: dict[str, list[Run]] = {}
        for run in runs:
            if run.span is not None:
                self._runs.setdefault(run.label, []).append(run)
        agents = [r.span for r in runs if r.span is not None and r.span.kind is Kind.AGENT]
        self._only = agents[0] if len(agents) == 1 else None

    def of(self, run: Run) -> Span | None:
        """By the run's source, else by the workflow's connections, else the only agent."""
        sources = run.wire.get("source")
        source = sources[0] if isinstance(sources, list) and sources else None
        found = source if isinstance(source, Mapping) else {}
        connected = self._workflow.target_of(run.label, run.channel)
        for label in (found.get("previousNode"), connected):
            owners = self._runs.get(label, []) if isinstance(label, str) else []
            if owners and label != run.label:
                number = _index(found.get("previousNodeRun"))
                last = number is None or number >= len(owners)
                return owners[-1 if last or number is None else number].span
        return self._only


def _run_status(run: Run) -> tuple[Status, str]:
    error = run.wire.get("error")
    text = run.wire.get("executionStatus")
    status = RUN_STATUS.get(text, Status.UNSET) if isinstance(text, str) else Status.UNSET
    return (Status.ERROR if error else status), error_text(error)


def _times(run: Run) -> tuple[int | None, int | None]:
    """Start and end in nanoseconds, from the run's milliseconds."""
    start, took = _index(run.wire.get("startTime")), _index(run.wire.get("executionTime"))
    if start is None or not 0 < start < MAX_MS:
        return None, None
    end = None if took is None or took >= MAX_MS - start else start + took
    return start * 1_000_000, None if end is None else end * 1_000_000


def _status(data: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    result = inner.get("resultData")
    if isinstance(result, Mapping) and result.get("error"):
        return "failed"
    if data.get("status") in ("error", "crashed"):
        return "failed"
    return "partial" if data.get("finished") is False else "completed"


def _duration(data: Mapping[str, Any]) -> float | None:
    """The execution's own stop minus start, in milliseconds; never a sum of runs."""
    times = list(_moments(data.get("startedAt"), data.get("stoppedAt")))
    if len(times) < 2:
        return None
    took = (times[1] - times[0]).total_seconds() * 1000
    return took if took >= 0 else None


def _moments(*texts: Any) -> Iterator[datetime]:
    for text in texts:
        if isinstance(text, str):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                continue
            if moment.tzinfo is not None:
                yield moment

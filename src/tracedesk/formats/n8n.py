"""n8n ``data`` bodies of the Testing Node: the flat map of auto-detect mode and the list of
manual mode (ingestion spec 12.1, 12.2), each at both depths it is met at (C9)."""

from collections.abc import Iterator, Mapping
from typing import Any

from tracedesk.formats.build import Builder, tools_called
from tracedesk.formats.custom_api import node_entry
from tracedesk.formats.places import child
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.trace import Format, Kind, Status, Trace

TRACE_STATUS = {"success": "completed", "partial": "partial", "error": "failed"}

ROOT_NAME = "n8n workflow"

KINDS = (("lm", Kind.MODEL), ("embeddings", Kind.MODEL), ("agent", Kind.AGENT))
"""Start of a node type's last segment, and what such a node does."""


def kind_of_type(type_: str | None) -> Kind:
    """What a node does, by its type; a plain node when that does not tell."""
    last = (type_ or "").rpartition(".")[2].lower()
    return next((kind for start, kind in KINDS if last.startswith(start)), Kind.NODE)


def levels(data: Mapping[str, Any], status: Any) -> Iterator[tuple[Any, Any, str]]:
    """The body itself, then ``body.data``: status, inner ``data`` and its place."""
    yield status, data, "$.data"
    yield data.get("status"), data.get("data"), "$.data.data"


def is_flat_map(status: Any, inner: Any) -> bool:
    """A root status beside a map that holds nodes with ``output``."""
    return (
        isinstance(status, str)
        and isinstance(inner, Mapping)
        and any(isinstance(entry, Mapping) and "output" in entry for entry in inner.values())
    )


def is_manual(status: Any, inner: Any) -> bool:
    """No root status and a node list, or the input list of the earliest client."""
    return (
        status is None
        and isinstance(inner, Mapping)
        and (
            isinstance(inner.get("nodes"), list)
            or ("nodes" not in inner and isinstance(inner.get("input"), list))
        )
    )


def flat_trace(data: Any, status: Any, inner: Mapping[str, Any], place: str) -> Trace:
    """The trace of a flat node map."""
    builder = Builder(Format.N8N_OPTIMIZED, data, ROOT_NAME)
    for label, entry in inner.items():
        if not isinstance(entry, Mapping) or not label.strip():
            continue
        if "output" in entry or isinstance(entry.get("status"), str):
            type_ = entry.get("type")
            kind = kind_of_type(type_ if isinstance(type_, str) else None)
            node_entry(builder, label, dict(entry), child(place, label), kind)
    builder.trace.declared_status = TRACE_STATUS.get(status, "completed")
    return builder.trace


def manual_trace(data: Any, inner: Mapping[str, Any], place: str) -> Trace:
    """The trace of a manual node list; without one there is no node structure."""
    builder = Builder(Format.N8N_MANUAL, data, ROOT_NAME)
    types = _listed_types(inner)
    for index, entry in enumerate(inner.get("nodes") or ()):
        at = f"{place}.nodes[{index}]"
        label = entry.get("nodeName", entry.get("name")) if isinstance(entry, Mapping) else None
        if not isinstance(label, str) or not label.strip():
            builder.trace.warn("coerced_field", f"{at} names no node and was left out")
            continue
        _manual_node(builder, label, entry, types, at)
    builder.trace.declared_status = "completed"
    return builder.trace


def _manual_node(
    builder: Builder, label: str, entry: Mapping[str, Any], types: dict[str, str], at: str
) -> None:
    items = entry.get("items")
    listed = items if isinstance(items, list) else []
    outputs = [unwrapped(item) for item in listed]
    type_ = entry.get("type")
    if not isinstance(type_, str) or type_ in ("", "unknown"):
        type_ = types.get(label)
    skipped = entry.get("_notExecuted") is True
    places = [item_place(listed, i, at) for i in range(len(listed))]
    output, output_place = one_or_all(outputs, places)
    tools = [
        (found, f"{places[i]}.tools_called")
        for i, output_item in enumerate(outputs)
        if isinstance(output_item, Mapping)
        and isinstance(found := output_item.get("tools_called"), list)
    ]
    parameters = entry.get("parameters")
    error = entry.get("error")
    span = builder.node(
        label,
        Built(
            dict(entry),
            type=type_,
            arguments=output,
            arguments_place=output_place or f"{at}.items",
            output=output,
            output_place=output_place or f"{at}.items",
            parameters=parameters if isinstance(parameters, dict) else None,
            tools_known=bool(tools),
        ),
        place=at,
        kind=kind_of_type(type_),
        status=Status.SKIPPED if skipped else Status.ERROR if error else Status.UNSET,
        status_message=error if isinstance(error, str) else "",
    )
    for found, tool_place in tools:
        tools_called(builder, found, tool_place, span)


def _listed_types(inner: Mapping[str, Any]) -> dict[str, str]:
    """Node types by label out of the workflow that entered the Testing Node."""
    entered = inner.get("input")
    first = unwrapped(entered[0]) if isinstance(entered, list) and entered else None
    nodes = first.get("nodes") if isinstance(first, Mapping) else None
    return {
        label: node["type"]
        for node in (nodes if isinstance(nodes, list) else ())
        if isinstance(node, Mapping)
        and isinstance(label := node.get("name", node.get("nodeName")), str)
        and isinstance(node.get("type"), str)
    }


_ITEM_KEYS = frozenset({"json", "pairedItem", "binary", "error", "index"})
"""Keys of n8n's item wrapper; an object with any other key is the item itself (C10)."""


def is_wrapped(item: Any) -> bool:
    """True for ``{json: {…}}`` with nothing else that matters."""
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("json"), Mapping)
        and _ITEM_KEYS.issuperset(item)
    )


def unwrapped(item: Any) -> Any:
    """The item's own JSON."""
    return item["json"] if is_wrapped(item) else item


def item_place(items: list[Any], index: int, at: str) -> str:
    """Where item ``index`` of a node at ``at`` stands."""
    return f"{at}.items[{index}]" + (".json" if is_wrapped(items[index]) else "")


def one_or_all(outputs: list[Any], places: list[str]) -> tuple[Any, str]:
    """One item as it is, several as a list, none as absent; and its place if it has one."""
    if not outputs:
        return ABSENT, ""
    return (outputs[0], places[0]) if len(outputs) == 1 else (outputs, "")

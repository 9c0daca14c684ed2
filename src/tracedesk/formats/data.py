"""Which parser reads an older ``data`` body: the agent's type, or a look at its shape (C21).

No ``data`` body is refused here: what no parser knows stays readable as the text it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tracedesk.formats import n8n
from tracedesk.formats.build import Builder
from tracedesk.formats.custom_api import custom_trace
from tracedesk.formats.flowise import flowise_trace, is_flowise
from tracedesk.formats.n8n_native import native_trace, run_data
from tracedesk.model.trace import Format, Trace


class Body(NamedTuple):
    """What the parsers may look at."""

    data: dict[str, Any]
    status: Any
    """``status`` at the body's root."""
    metadata: dict[str, Any]


def read(body: Body, agent_type: str) -> Trace:
    """The trace of a ``data`` body for an agent of this type. Never fails."""
    trace = PARSERS.get(agent_type, _sniffed)(body)
    trace.warn("legacy", "the body has the older data shape, which the hosted product refuses")
    return trace


def _custom(body: Body) -> Trace:
    return custom_trace(body.data)


def _flowise(body: Body) -> Trace:
    return flowise_trace(body.data)


def _n8n(body: Body) -> Trace:
    found = _optimized(body) or _manual(body) or _native(body)
    if found is not None:
        return found
    trace = Builder(Format.N8N_OPTIMIZED, body.data, n8n.ROOT_NAME).trace
    trace.warn(
        "n8n_shape_unrecognised",
        "neither a flat node map, a node list nor execution data; no nodes were read",
    )
    return trace


def _sniffed(body: Body) -> Trace:
    found = _native(body) or _optimized(body)
    if found is None and _surely_manual(body.data):
        found = _manual(body)
    if found is not None:
        return found
    return _flowise(body) if is_flowise(body.data) else _custom(body)


def _optimized(body: Body) -> Trace | None:
    for status, inner, place in n8n.levels(body.data, body.status):
        if n8n.is_flat_map(status, inner):
            return n8n.flat_trace(body.data, status, inner, place)
    return None


def _manual(body: Body) -> Trace | None:
    for status, inner, place in n8n.levels(body.data, body.status):
        if n8n.is_manual(status, inner):
            return n8n.manual_trace(body.data, inner, place)
    return None


def _native(body: Body) -> Trace | None:
    for _, inner, place in n8n.levels(body.data, body.status):
        if run_data(inner) is not None:
            return native_trace(body.data, inner, place)
    return None


def _surely_manual(data: dict[str, Any]) -> bool:
    """Custom bodies may have ``nodes`` or ``input`` too; only n8n names nodes like this."""
    inner = data.get("data")
    for level in (data, inner if isinstance(inner, dict) else {}):
        nodes = level.get("nodes")
        if isinstance(nodes, list):
            return any(isinstance(node, dict) and "nodeName" in node for node in nodes)
        if isinstance(level.get("input"), list) and "workflowId" in level:
            return True
    return False


PARSERS: dict[str, Callable[[Body], Trace]] = {
    "custom": _custom,
    "http": _custom,
    "n8n": _n8n,
    "flowise": _flowise,
}
"""By agent type; any other type looks at the body."""

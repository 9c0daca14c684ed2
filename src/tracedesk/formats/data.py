"""Which parser reads an older ``data`` body: the agent's type, or a look at its shape (C21)."""

from typing import Any, NamedTuple

from tracedesk.formats.custom_api import custom_trace
from tracedesk.model.trace import Trace


class Body(NamedTuple):
    """What the parsers may look at."""

    data: dict[str, Any]
    status: Any
    """``status`` at the body's root."""
    metadata: dict[str, Any]


def read(body: Body, agent_type: str) -> Trace:
    """The trace of a ``data`` body. Never fails: what a parser does not know stays readable."""
    trace = custom_trace(body.data)
    trace.warn("legacy", "the body has the older data shape, which the hosted product refuses")
    return trace

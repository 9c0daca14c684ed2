"""Builders for tests, ours and our users': traces and spans in one line each."""

from collections.abc import Iterable, Mapping
from typing import Any

from tracedesk.model.kinds import kind_of, names_of
from tracedesk.model.trace import (
    Decoded,
    Event,
    Format,
    Kind,
    Resource,
    Span,
    Status,
    Trace,
)

T0_NS = 1_780_000_000_000_000_000
"""Start of the first built span, in nanoseconds since the epoch (2026-05-28)."""


def make_span(
    span_id: str,
    name: str | None = None,
    parent: str | None = None,
    *,
    attributes: Mapping[str, Any] | None = None,
    start_ms: float | None = None,
    end_ms: float | None = None,
    status: Status = Status.UNSET,
    message: str = "",
    kind: Kind | None = None,
    events: Iterable[Event] = (),
) -> Span:
    """A span; times are milliseconds after ``T0_NS``, the kind is read off the attributes."""
    found = dict(attributes or {})
    name = span_id if name is None else name
    actual_kind = kind_of(found.get) if kind is None else kind
    label, aliases = names_of(name, actual_kind, found.get)
    recorded = list(events)
    return Span(
        span_id=span_id,
        name=name,
        parent_id=parent,
        start_ns=None if start_ms is None else T0_NS + round(start_ms * 1e6),
        end_ns=None if end_ms is None else T0_NS + round(end_ms * 1e6),
        status=status,
        status_message=message,
        kind=actual_kind,
        label=label,
        aliases=aliases,
        exception=any(event.name == "exception" for event in recorded),
        payload=Decoded(found, recorded),
    )


def make_tool(
    span_id: str,
    name: str,
    parent: str | None = None,
    *,
    arguments: Any = None,
    result: Any = None,
    **span: Any,
) -> Span:
    """A tool call with GenAI attributes; arguments and result are kept as given."""
    attributes = {"gen_ai.tool.name": name}
    if arguments is not None:
        attributes["gen_ai.tool.call.arguments"] = arguments
    if result is not None:
        attributes["gen_ai.tool.call.result"] = result
    return make_span(span_id, name, parent, attributes=attributes, **span)


def make_trace(*spans: Span, format: Format = Format.CANONICAL, **fields: Any) -> Trace:
    """A trace of the given spans, as if just received."""
    fields.setdefault("received_ns", T0_NS)
    fields.setdefault("resources", [Resource()])
    return Trace(format=format, spans=list(spans), **fields)

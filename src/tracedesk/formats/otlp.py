"""The part of OTLP that JSON and protobuf share: spans gathered by resource and trace id."""

from typing import Any

import msgspec

from tracedesk.model.trace import Format, Resource, Span, Trace


class OtlpResource(msgspec.Struct, kw_only=True):
    """One ``resourceSpans`` entry: who sent it, and its spans by trace."""

    index: int
    """Position in the request."""
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    traces: list[Trace] = msgspec.field(default_factory=list)
    """One per trace id, in the order of their first spans."""

    @property
    def service_name(self) -> str | None:
        """``service.name``, trimmed; None when absent or blank."""
        return _text(self.attributes.get("service.name"))

    @property
    def platform_id(self) -> str | None:
        """Resource attribute ``mibo.platform_id``."""
        return _text(self.attributes.get("mibo.platform_id"))


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


class Gathering:
    """Collects the spans of one resource into its traces."""

    def __init__(self, index: int, attributes: dict[str, Any]) -> None:
        self.resource = OtlpResource(index=index, attributes=attributes)
        self._traces: dict[str, Trace] = {}
        self._scopes: dict[tuple[str, str], int] = {}

    def add(self, trace_id: str, scope: str, span: Span) -> None:
        """Add a span as it was received; repeated ids are merged later."""
        at = self._scopes.get((trace_id, scope))
        if at is None:
            at = self._new_scope(trace_id, scope)
        span.resource = at
        self._traces[trace_id].spans.append(span)

    def _new_scope(self, trace_id: str, scope: str) -> int:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = Trace(format=Format.OTLP, spans=[], trace_id=trace_id)
            self.resource.traces.append(trace)
        at = self._scopes[trace_id, scope] = len(trace.resources)
        trace.resources.append(Resource(self.resource.attributes, scope))
        return at

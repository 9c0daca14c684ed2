"""One received body, decoded once: what routing needs at once, the trace itself on demand."""

from collections.abc import Callable
from typing import Any

import msgspec

from tracedesk.formats.otlp import OtlpResource
from tracedesk.formats.otlp_logs import Logs
from tracedesk.formats.spans import unique_warnings
from tracedesk.model.trace import Trace, TraceWarning


class Envelope(msgspec.Struct, kw_only=True):
    """What ``read_body`` found. Everything a body can be refused for was checked before."""

    shape: str
    """``canonical``, ``otlp`` or ``data``."""
    platform_id: str | None = None
    """Body ``platformId``, a UUID in lower case."""
    hinted_platform_id: str | None = None
    """``metadata.mibo.platform_id``, nested or as one literal key."""
    external_id: str | None = None
    """``externalId`` of a ``data`` body, at most 255 characters."""
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    external_metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    warnings: list[TraceWarning] = msgspec.field(default_factory=list)
    rejected: int = 0
    """OTLP spans that were dropped: no span id, trace id or name."""
    reader: Callable[[str], Trace] | None = None
    """Builds the trace of a canonical or ``data`` body for an agent type."""
    otlp: list[OtlpResource] = msgspec.field(default_factory=list)
    logs: Logs | None = None
    """The records of an OTLP logs request, whose ``otlp`` resources have no spans."""

    def trace(self, agent_type: str = "auto") -> Trace:
        """The one trace of a canonical or ``data`` body; the agent's type picks the parser
        of a ``data`` body (ingestion spec 10.1). Raises TypeError for OTLP."""
        if self.reader is None:
            raise TypeError("an OTLP body has resources, not one trace")
        trace = self.reader(agent_type)
        if self.warnings or trace.warnings:
            trace.warnings = unique_warnings([*self.warnings, *trace.warnings])
        trace.metadata = self.metadata
        trace.external_metadata = self.external_metadata
        trace.external_id = self.external_id
        return trace

    def resources(self) -> list[OtlpResource]:
        """Each ``resourceSpans`` entry of an OTLP body, in order; empty for other shapes."""
        return self.otlp

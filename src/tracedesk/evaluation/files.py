"""Traces from files, without a database: grouped as the endpoint and the store would.

OTLP parts of one trace id come together, whatever requests carried them; a later request
with the same ``x-request-id`` replaces an earlier one. A body that cannot be read is a fault
in its place and never stops the rest.
"""

from collections.abc import Iterable, Sequence

import msgspec

from tracedesk.evaluation.gate import Subject
from tracedesk.evaluation.load import reading_settings
from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.detect import read_request
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.errors import FormatError
from tracedesk.formats.saved import SavedFault, SavedRequest
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.reading import read


class FileTrace(msgspec.Struct, kw_only=True):
    """One trace of a file, not yet decoded."""

    id: str
    """Its OTLP trace id, its external id, or where it stands."""
    source: str
    """The file, as it was named."""
    agent: Agent | None
    """Whose trace it is; None when nothing tells, and every case then applies."""
    parts: list[Part] = []
    trace_id: str | None = None
    external_id: str | None = None

    def trace(self, agent: Agent | None) -> Trace:
        """Decode for an agent, whose type picks the parser of an older body."""
        agent_type = agent.type if agent else "auto"
        trace = assemble(self.parts, agent_type=agent_type, trace_id=self.trace_id)
        trace.external_id = self.external_id or trace.external_id
        return trace

    def subject(self, roles: Sequence[tuple[str, str]]) -> Subject:
        """As something to be checked."""

        def load(agent: Agent | None) -> tuple[Trace, Reading]:
            trace = self.trace(agent)
            return trace, read(trace, reading_settings(agent, roles))

        return Subject(id=self.id, source=self.source, agent=self.agent, load=load)


class FileTraces:
    """Collects the traces of saved requests. ``agent`` overrides what they say of theirs."""

    def __init__(self, agents: Sequence[Agent], agent: Agent | None = None) -> None:
        self.faults: list[SavedFault] = []
        self._agents = [known for known in agents if known is not LOCAL_AGENT]
        self._agent = agent
        self._found: dict[tuple[str, str | None, str], FileTrace] = {}

    @property
    def traces(self) -> list[FileTrace]:
        """In the order in which each was first seen."""
        return list(self._found.values())

    def take(self, found: Iterable[SavedRequest | SavedFault]) -> None:
        """Add everything that was read from files."""
        for item in found:
            if isinstance(item, SavedFault):
                self.faults.append(item)
                continue
            try:
                self._request(item)
            except FormatError as fault:
                self.faults.append(SavedFault(item.source, item.line, str(fault)))

    def _request(self, item: SavedRequest) -> None:
        envelope = read_request(item.path, item.body, item.content_type)
        request_id = (item.header("x-request-id") or "").strip() or None
        if envelope.shape == "otlp":
            self._otlp(item, envelope, request_id)
            return
        agent = self._agent_of(envelope.platform_id or envelope.hinted_platform_id, None)
        external_id = request_id or envelope.external_id
        trace = FileTrace(
            id=external_id or item.where,
            source=item.source,
            agent=agent,
            parts=[Part(content_type=item.content_type, body=item.body)],
            external_id=external_id,
        )
        trace.trace(agent)  # what cannot be read is a fault of this request, here and now
        key = ("request", agent.id if agent else None, request_id or item.where)
        self._found.pop(key, None)
        self._found[key] = trace

    def _otlp(self, item: SavedRequest, envelope: Envelope, request_id: str | None) -> None:
        for resource in envelope.resources():
            agent = self._agent_of(resource.platform_id, resource.service_name)
            for trace in resource.traces:
                assert trace.trace_id is not None, "OTLP spans are grouped by trace id"
                key = ("otlp", agent.id if agent else None, trace.trace_id)
                kept = self._found.setdefault(
                    key,
                    FileTrace(
                        id=trace.trace_id,
                        source=item.source,
                        agent=agent,
                        trace_id=trace.trace_id,
                        external_id=request_id,
                    ),
                )
                part = Part(
                    content_type=item.content_type,
                    body=item.body,
                    resources=(resource.index,),
                    path=item.path,
                )
                last = kept.parts[-1] if kept.parts else None
                if last is not None and last.body is item.body:
                    resources = (*(last.resources or ()), resource.index)
                    kept.parts[-1] = msgspec.structs.replace(part, resources=resources)
                else:
                    kept.parts.append(part)

    def _agent_of(self, platform_id: str | None, service: str | None) -> Agent | None:
        """The agent that was asked for, is named by the body, or is the only one."""
        if self._agent is not None:
            return self._agent
        for agent in self._agents:
            if platform_id is not None and agent.id == platform_id:
                return agent
            if service is not None and agent.otlp_service_name == service:
                return agent
        return self._agents[0] if len(self._agents) == 1 else None

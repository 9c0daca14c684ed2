"""One accepted request: bytes → envelope → agents → store → receipt.

The order of checks is that of ingestion spec 4.2. Nothing is stored unless all of the
request is, but for OTLP resources that cannot be routed, which the reply counts.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

import tracedesk.formats.otlp_protobuf  # noqa: F401  # else the first to send it waits for that
from tracedesk.endpoint import replies
from tracedesk.endpoint.bodies import inflate
from tracedesk.endpoint.errors import Refused, busy, invalid, invalid_body, unavailable
from tracedesk.endpoint.keys import Access, AgentsById
from tracedesk.endpoint.ledger import dropped, note_dropped, repeated_spans
from tracedesk.endpoint.replies import LOG_RECORDS, METRICS, SPANS, Reply
from tracedesk.endpoint.routing import (
    Routed,
    refuse_otlp,
    route_canonical,
    route_data,
    route_resource,
)
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.formats.detect import is_protobuf, read_request
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.otlp import OtlpResource
from tracedesk.formats.otlp_logs import Logs
from tracedesk.formats.redaction.settings import redacted_warning
from tracedesk.model.trace import Trace, TraceWarning
from tracedesk.query.text import counted
from tracedesk.store.database import Store
from tracedesk.store.errors import Busy, StoreError
from tracedesk.store.incoming import Incoming, Receipt

if TYPE_CHECKING:
    from tracedesk.formats.redaction.requests import Redactor

LARGE = 256 * 1024
"""Bodies beyond this many bytes are read in a thread, so that other requests go on."""

MAX_REQUEST_ID = 255
"""Characters; the bound of ``externalId``, whose part it takes."""

OTLP_PATH = "/v1/traces"
METRICS_PATH = "/v1/metrics"
"""Metrics are accepted, so that no exporter complains, and not kept."""


class Request(msgspec.Struct, kw_only=True):
    """What the store and the formats need of an HTTP request."""

    path: str
    headers: dict[str, str]
    """Without keys and cookies."""
    content_type: str
    gzipped: bool
    request_id: str | None
    """``x-request-id``, None when absent or blank."""
    body: bytes
    tolerated: tuple[TraceWarning, ...] = ()
    """What of its head the hosted product would refuse."""
    redacted: int = 0
    """How many of its values were redacted."""

    @property
    def protobuf(self) -> bool:
        """True when body and reply are OTLP in protobuf."""
        return is_protobuf(self.content_type)


class Prepared(msgspec.Struct):
    """A request that can be stored, and what to answer once it is."""

    items: list[Incoming]
    answer: Callable[[Sequence[Receipt]], Reply]
    dropped: tuple[tuple[str, int], ...] = ()
    """What of the request is not kept, and how many (``ledger.DROPPED``)."""


class Intake:
    """Takes requests in. One per endpoint; used by one event loop."""

    def __init__(self, settings: EndpointSettings, store: Store, agents: AgentsById) -> None:
        self._settings = settings
        self._store = store
        self._agents = agents

    async def accept(self, request: Request, access: Access) -> Reply:
        """Store what the request brings; returns after the commit. Raises Refused."""
        if is_large(request):
            loop = asyncio.get_running_loop()
            prepared = await loop.run_in_executor(None, self.prepare, request, access)
        else:
            prepared = self.prepare(request, access)
        if not prepared.items:
            return prepared.answer(())
        try:
            receipts = await self._store.writer.store(prepared.items, self._settings.patience_s)
        except (Busy, StoreError) as error:
            raise not_stored(error, prepared) from error
        return self.answer(prepared, receipts)

    def store(self, prepared: Prepared) -> Reply:
        """Store what was prepared, for threads that can wait; returns after the commit. Raises
        Refused."""
        if not prepared.items:
            return prepared.answer(())
        try:
            patience_s = self._settings.patience_s
            receipts = self._store.writer.submit(prepared.items, patience_s).result()
        except (Busy, StoreError) as error:
            raise not_stored(error, prepared) from error
        return self.answer(prepared, receipts)

    @staticmethod
    def answer(prepared: Prepared, receipts: Sequence[Receipt]) -> Reply:
        """The reply to a request that was stored."""
        reply = prepared.answer(receipts)
        reply.receipts = receipts
        return reply

    def prepare(self, request: Request, access: Access) -> Prepared:
        """Read and route the request; nothing is stored yet. Raises Refused. Of a large body
        it takes its time, and may be called in any thread."""
        agent_id = access.single.id if access.single else ""
        try:
            prepared = self._prepare(request, access)
        except Refused as error:
            error.agent_id = agent_id
            raise
        if prepared.items:
            prepared.items[0].dropped = prepared.dropped
        elif prepared.dropped:
            note_dropped(self._store, agent_id, prepared.dropped)
        return prepared

    def _prepare(self, request: Request, access: Access) -> Prepared:
        if request.path == METRICS_PATH:
            _check_request_id(request)
            reply = replies.exported(METRICS, protobuf=request.protobuf)
            return Prepared([], lambda _: reply, dropped(metrics_requests=1))
        envelope = self._read(request)
        if envelope.logs is not None:
            return self._prepare_logs(request, envelope, envelope.logs, access)
        if envelope.shape == "otlp":
            return self._prepare_otlp(request, envelope, access)
        return self._prepare_trace(request, envelope, access)

    def _read(self, request: Request) -> Envelope:
        if request.gzipped:
            request.body = inflate(request.body, self._settings.max_body_bytes)
        try:
            if (redactor := self._settings.redaction.redactor) is not None:
                _redact(request, redactor)
            strict = self._settings.strict_canonical
            envelope = read_request(request.path, request.body, request.content_type, strict=strict)
        except FormatError as error:
            raise invalid_body(error) from None
        if request.path == OTLP_PATH and envelope.shape != "otlp":
            raise invalid(Fault("resourceSpans", f"is required on {OTLP_PATH}"))
        _check_request_id(request)
        envelope.warnings += request.tolerated
        if request.redacted:
            envelope.warnings.append(redacted_warning(request.redacted))
        return envelope

    def _prepare_trace(self, request: Request, envelope: Envelope, access: Access) -> Prepared:
        routed = self._route(envelope, access)
        agent = routed.agent
        try:
            trace = envelope.trace(agent.type)
        except FormatError as error:
            raise invalid_body(error) from None
        if routed.warning is not None:
            trace.warnings.append(routed.warning)
        upserts = envelope.shape == "data" and agent.legacy_external_id_upsert
        external_id = request.request_id or envelope.external_id
        replaces = request.request_id is not None or (upserts and external_id is not None)
        item = _incoming(request, trace, routed)
        item.external_id = external_id
        item.mode = "replace" if replaces else "create"

        def answer(receipts: Sequence[Receipt]) -> Reply:
            receipt = receipts[0]
            failed = receipt.status == "failed"
            status = "failed" if failed else trace.declared_status or "completed"
            body = replies.accepted(receipt, agent.id, trace.warnings, status)
            return Reply(201 if receipt.created else 200, body)

        repeated = repeated_spans(trace.warnings) if trace.warnings else 0
        return Prepared([item], answer, dropped(duplicate_spans=repeated) if repeated else ())

    def _route(self, envelope: Envelope, access: Access) -> Routed:
        known = self._agents()
        if envelope.shape == "canonical":
            by_workflow = self._settings.route_by_workflow
            return route_canonical(envelope, access, known, by_workflow=by_workflow)
        return route_data(envelope, access, known)

    def _prepare_otlp(self, request: Request, envelope: Envelope, access: Access) -> Prepared:
        rejected = envelope.rejected
        problems = [f"{counted(rejected, 'span')} without id, trace id or name"] if rejected else []
        items, unrouted, reasons = self._otlp_items(request, envelope, access)
        lost = sum(len(trace.spans) for resource in unrouted for trace in resource.traces)
        not_kept = dropped(spans_without_id=rejected, spans_unrouted=lost)
        rejected += lost
        message = "; ".join([*problems, *reasons])

        def answer(receipts: Sequence[Receipt]) -> Reply:
            if request.protobuf or not receipts:
                return replies.exported(SPANS, rejected, message, protobuf=request.protobuf)
            tail = replies.partial_success(SPANS, rejected, message)
            first, receipt = items[0], receipts[0]
            warnings = first.trace.warnings
            return Reply(
                200, replies.accepted(receipt, first.agent_id, warnings, receipt.status, tail)
            )

        return Prepared(items, answer, not_kept)

    def _prepare_logs(
        self, request: Request, envelope: Envelope, logs: Logs, access: Access
    ) -> Prepared:
        items, unrouted, reasons = self._otlp_items(request, envelope, access)
        rejected, message = logs.of(unrouted), "; ".join(reasons)
        kept = len(logs.records) - rejected
        told = f"{kept} log records joined to spans, {logs.loose} without a span let go"
        return Prepared(
            items,
            lambda _: replies.exported(
                LOG_RECORDS, rejected, message, protobuf=request.protobuf, told=told
            ),
            dropped(log_records_unrouted=rejected, log_records_without_span=logs.loose),
        )

    def _otlp_items(
        self, request: Request, envelope: Envelope, access: Access
    ) -> tuple[list[Incoming], list[OtlpResource], list[str]]:
        """One item per agent and trace id, the resources that cannot be routed, and why.
        Raises Refused when none can."""
        found: dict[tuple[str, str | None], tuple[Routed, list[int], list[Trace]]] = {}
        unrouted: list[OtlpResource] = []
        reasons: dict[str, None] = {}
        known = self._agents()
        for resource in envelope.resources():
            if not resource.traces:
                continue
            routed = route_resource(resource, access, known)
            if isinstance(routed, str):
                unrouted.append(resource)
                reasons[routed] = None
                continue
            for trace in resource.traces:
                key = (routed.agent.id, trace.trace_id)
                _, indexes, traces = found.setdefault(key, (routed, [], []))
                indexes.append(resource.index)
                traces.append(trace)
        if reasons and not found:
            raise refuse_otlp(list(reasons))
        warnings = list(envelope.warnings)
        request_id = request.request_id
        if request_id is not None and len({trace_id for _, trace_id in found}) > 1:
            request_id = None
            message = "x-request-id is ignored: the request holds several traces"
            warnings.append(TraceWarning("request_id_ignored", message))
        items = []
        for routed, indexes, traces in found.values():
            trace = _merged(traces)
            ignored = [] if routed.warning is None else [routed.warning]
            _add_warnings(trace, [*warnings, *ignored])
            item = _incoming(request, trace, routed)
            item.external_id = request_id
            item.mode = "merge"
            item.resources = tuple(indexes)
            items.append(item)
        return items, unrouted, list(reasons)


def _redact(request: Request, redactor: "Redactor") -> None:
    """Take the secrets out of body and headers; before that, nothing of them is stored."""
    request.body, in_body = redactor.body(request.path, request.body, request.content_type)
    request.headers, in_headers = redactor.headers(request.headers)
    request.redacted += in_body + in_headers  # a request that waits for room is prepared twice


def _check_request_id(request: Request) -> None:
    if request.request_id is not None and len(request.request_id) > MAX_REQUEST_ID:
        fault = f"must not be longer than {MAX_REQUEST_ID} characters"
        raise invalid(Fault("x-request-id", fault, location="header"))


def is_large(request: Request) -> bool:
    """Is it to be read in a thread, so that other requests go on?"""
    return len(request.body) > LARGE or request.gzipped


def not_stored(error: Exception, prepared: Prepared) -> Refused:
    """The refusal of a request because the writer could not take it."""
    busy_ = isinstance(error, Busy)
    refused = busy() if busy_ else unavailable(f"nothing was stored: {error}")
    refused.agent_id = prepared.items[0].agent_id
    return refused


def _incoming(request: Request, trace: Trace, routed: Routed) -> Incoming:
    return Incoming(
        trace=trace,
        agent_id=routed.agent.id,
        routed_by=routed.routed_by,
        path=request.path,
        headers=request.headers,
        body=request.body,
        received_ns=time.time_ns(),
    )


def _merged(traces: list[Trace]) -> Trace:
    if len(traces) == 1:
        return traces[0]
    from tracedesk.formats.assemble import merge

    return merge(traces)


def _add_warnings(trace: Trace, warnings: Sequence[TraceWarning]) -> None:
    """Add the warnings of the body that concern this trace."""
    if warnings:
        ids = {span.span_id for span in trace.spans}
        trace.warnings.extend(
            warning for warning in warnings if warning.span is None or warning.span in ids
        )


_SECRET_PARTS = ("authorization", "cookie", "apikey", "token", "secret", "password")


def secret_header(name: str) -> bool:
    """Does a header of this (lower-case) name carry a key, a cookie or a password?"""
    bare = name.replace("-", "").replace("_", "")
    return any(part in bare for part in _SECRET_PARTS)

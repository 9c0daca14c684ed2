"""Reply bodies, exactly as clients expect them (ingestion spec 4).

Receipts are put together as text: they are most of what the endpoint says, and their parts
are ids and times that need no escaping.
"""

import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec

from tracedesk.endpoint.errors import Refused
from tracedesk.model.trace import TraceWarning
from tracedesk.query.text import iso
from tracedesk.store.incoming import Receipt

_MAX_WARNINGS = 20
"""Warnings listed in a receipt; all of them are stored with the trace."""


class Reply(msgspec.Struct, gc=False):
    """What is answered."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Further ones."""
    receipts: Sequence[Receipt] = ()
    """What became of the traces of an accepted request."""


def accepted(
    receipt: Receipt, agent_id: str, warnings: Sequence[TraceWarning], status: str, tail: str = ""
) -> bytes:
    """The body of a 2xx. ``tail`` is JSON text added behind ``data``."""
    updated = iso(receipt.updated_ns)
    created = updated if receipt.created else iso(receipt.created_ns)
    external = (
        "" if receipt.external_id is None else f'"externalId":{_json_text(receipt.external_id)},'
    )
    noted = f',"warnings":{_warnings(warnings)}' if warnings else ""
    return (
        '{"success":true,"message":"Trace accepted",'
        f'"timestamp":"{updated}","traceId":"{receipt.id}","id":"{receipt.id}",'
        f'"data":{{"id":"{receipt.id}","platformId":"{agent_id}",{external}"status":"{status}",'
        f'"createdAt":"{created}","updatedAt":"{updated}"{noted}}}{tail}}}'
    ).encode()


class Signal(msgspec.Struct, frozen=True):
    """One of the things that OTLP exports, as its replies name it."""

    rejected: str
    """Field of ``partialSuccess`` that counts what was rejected."""
    module: str
    response: str
    """Message of the reply, in ``module``."""


_COLLECTOR = "opentelemetry.proto.collector"
SPANS = Signal(
    "rejectedSpans", f"{_COLLECTOR}.trace.v1.trace_service_pb2", "ExportTraceServiceResponse"
)
LOG_RECORDS = Signal(
    "rejectedLogRecords", f"{_COLLECTOR}.logs.v1.logs_service_pb2", "ExportLogsServiceResponse"
)
METRICS = Signal(
    "rejectedDataPoints",
    f"{_COLLECTOR}.metrics.v1.metrics_service_pb2",
    "ExportMetricsServiceResponse",
)


def partial_success(signal: Signal, rejected: int, message: str) -> str:
    """The ``partialSuccess`` of an OTLP reply, as a ``tail`` of ``accepted``."""
    if not rejected and not message:
        return ',"partialSuccess":{}'
    text = _json_text(message)
    return f',"partialSuccess":{{"{signal.rejected}":{rejected},"errorMessage":{text}}}'


def exported(
    signal: Signal,
    rejected: int = 0,
    message: str = "",
    *,
    protobuf: bool,
    told: str = "Nothing to store",
) -> Reply:
    """The 200 of an OTLP export that names no trace: in protobuf empty when all went well."""
    if not protobuf:
        tail = partial_success(signal, rejected, message)
        now = iso(time.time_ns())
        text = f'{{"success":true,"message":"{told}","timestamp":"{now}","data":{{}}{tail}}}'
        return Reply(200, text.encode())
    body = b""
    if rejected or message:
        reply = getattr(import_module(signal.module), signal.response)()
        setattr(reply.partial_success, _snake(signal.rejected), rejected)
        reply.partial_success.error_message = message
        body = reply.SerializeToString()
    return Reply(200, body, b"application/x-protobuf")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def found(data: Any) -> bytes:
    """The 200 of a GET."""
    return to_json({"success": True, "timestamp": iso(time.time_ns()), "data": data})


def refused(error: Refused) -> Reply:
    """The reply that an error is."""
    shown: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        shown["details"] = [
            {"type": fault.type, "msg": fault.msg, "path": fault.path, "location": fault.location}
            for fault in error.details
        ]
    body = to_json({"success": False, "timestamp": iso(time.time_ns()), "error": shown})
    return Reply(error.status, body, headers=tuple(error.headers))


def to_json(value: Any) -> bytes:
    """JSON; what UTF-8 cannot hold is written as U+FFFD."""
    from tracedesk.store.values import json_text

    return json_text(value).encode()


def _json_text(value: str) -> str:
    return to_json(value).decode()


def _warnings(warnings: Sequence[TraceWarning]) -> str:
    return to_json(
        [{"code": w.code, "message": w.message, "span": w.span} for w in warnings[:_MAX_WARNINGS]]
    ).decode()

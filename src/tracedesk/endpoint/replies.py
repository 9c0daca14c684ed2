"""Reply bodies, exactly as clients expect them (ingestion spec 4).

Receipts are put together as text: they are most of what the endpoint says, and their parts
are ids and times that need no escaping.
"""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from tracedesk.endpoint.errors import Refused
from tracedesk.model.trace import TraceWarning
from tracedesk.store.incoming import Receipt

_MAX_WARNINGS = 20
"""Warnings listed in a receipt; all of them are stored with the trace."""

_second = (-1, "")


class Reply(msgspec.Struct, gc=False):
    """What is answered."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Further ones."""
    receipts: Sequence[Receipt] = ()
    """What became of the traces of an accepted request."""


def iso(ns: int) -> str:
    """Nanoseconds since the epoch as UTC text with milliseconds: ``2026-06-07T10:00:00.000Z``."""
    global _second
    seconds, rest = divmod(ns, 1_000_000_000)
    at, text = _second
    if at != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = (seconds, text)
    return f"{text}.{rest // 1_000_000:03d}Z"


def accepted(
    receipt: Receipt, agent_id: str, warnings: Sequence[TraceWarning], status: str, tail: str = ""
) -> bytes:
    """The body of a 2xx. ``tail`` is JSON text added behind ``data``."""
    updated = iso(receipt.updated_ns)
    external = (
        "" if receipt.external_id is None else f'"externalId":{_json_text(receipt.external_id)},'
    )
    noted = f',"warnings":{_warnings(warnings)}' if warnings else ""
    return (
        '{"success":true,"message":"Trace accepted",'
        f'"timestamp":"{updated}","traceId":"{receipt.id}","id":"{receipt.id}",'
        f'"data":{{"id":"{receipt.id}","platformId":"{agent_id}",{external}"status":"{status}",'
        f'"createdAt":"{iso(receipt.created_ns)}","updatedAt":"{updated}"{noted}}}{tail}}}'
    ).encode()


def partial_success(rejected: int, message: str) -> str:
    """The ``partialSuccess`` of an OTLP reply, as a ``tail`` of ``accepted``."""
    if not rejected and not message:
        return ',"partialSuccess":{}'
    return f',"partialSuccess":{{"rejectedSpans":{rejected},"errorMessage":{_json_text(message)}}}'


def nothing_stored(tail: str) -> bytes:
    """The 200 of an OTLP request without spans."""
    return (
        '{"success":true,"message":"Nothing to store",'
        f'"timestamp":"{iso(time.time_ns())}","data":{{}}{tail}}}'
    ).encode()


def protobuf_reply(rejected: int, message: str) -> bytes:
    """The OTLP export response in protobuf, empty when all went well."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    if not rejected and not message:
        return b""
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    ).SerializeToString()


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

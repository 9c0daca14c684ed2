"""A new identity for requests about to be sent, so that they become a trace of their own.

For OTLP that is another trace id in the body; for everything else another ``x-request-id``.
"""

import base64
import re
from importlib import import_module
from typing import Any
from uuid import uuid4

import msgspec

from tracedesk.formats.detect import read_request
from tracedesk.formats.saved_request import LOGS_PATH
from tracedesk.sending.outgoing import Outgoing

_COLLECTOR = "opentelemetry.proto.collector"


class NewIds:
    """Hands out new ids; the same old id becomes the same new one in all requests."""

    def __init__(self) -> None:
        self._request_ids: dict[str, str] = {}
        self._trace_ids: dict[str, str] = {}

    def of(self, request: Outgoing) -> Outgoing:
        """The request with new ids. Raises FormatError for a body that cannot be read."""
        found = trace_ids_of(request)
        for trace_id in found:
            self._trace_ids.setdefault(trace_id, uuid4().hex)
        old = request.header("x-request-id")
        if found:
            change = _protobuf if request.protobuf else _json
            body = change(request, self._trace_ids)
            request = msgspec.structs.replace(request, body=body)
        if found and old is None:
            return request
        new = str(uuid4()) if old is None else self._request_ids.setdefault(old, str(uuid4()))
        return request.with_headers({"x-request-id": new})


def trace_ids_of(request: Outgoing) -> list[str]:
    """The OTLP trace ids in a request, lower-case hex; none for other shapes. Raises
    FormatError."""
    content_type = request.header("content-type") or ""
    envelope = read_request(request.path, request.body, content_type)
    found = [t.trace_id for resource in envelope.resources() for t in resource.traces]
    return list(dict.fromkeys(trace_id for trace_id in found if trace_id))


def _json(request: Outgoing, trace_ids: dict[str, str]) -> bytes:
    """Ids as JSON has them, in hex of either case or in base64; nothing else is touched."""
    hexed = {old.encode(): new.encode() for old, new in trace_ids.items()}
    packed = {_base64(old): _base64(new) for old, new in trace_ids.items()}
    any_of = b"|".join(map(re.escape, (*hexed, *packed)))

    def renamed(match: re.Match[bytes]) -> bytes:
        text = match.group(1)
        return b'"' + (packed.get(text) or hexed.get(text.lower()) or text) + b'"'

    return re.sub(b'"(' + any_of + b')"', renamed, request.body, flags=re.IGNORECASE)


def _base64(trace_id: str) -> bytes:
    return base64.b64encode(bytes.fromhex(trace_id))


def _protobuf(request: Outgoing, trace_ids: dict[str, str]) -> bytes:
    signal, name = ("logs", "Logs") if request.path == LOGS_PATH else ("trace", "Trace")
    module = import_module(f"{_COLLECTOR}.{signal}.v1.{signal}_service_pb2")
    message = getattr(module, f"Export{name}ServiceRequest").FromString(request.body)
    for holder in _holders(message):
        new = trace_ids.get(holder.trace_id.hex())
        if new is not None:
            holder.trace_id = bytes.fromhex(new)
    changed: bytes = message.SerializeToString()
    return changed


def _holders(message: Any) -> Any:
    """Everything in an export request that has a trace id."""
    if hasattr(message, "resource_logs"):
        for resource in message.resource_logs:
            for scope in resource.scope_logs:
                yield from scope.log_records
        return
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield span
                yield from span.links

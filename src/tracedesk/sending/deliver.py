"""One request out, and what its receiver said of it.

Redirects are not followed: they would carry key and body to an address nobody named. What an
endpoint answers is taken as text of a stranger, in size as in content.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from tracedesk.formats.saved_request import LOGS_PATH
from tracedesk.query.text import plain
from tracedesk.sending.outgoing import Outgoing, UnreachableError, sendable, target

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every address

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Seconds. The largest body is answered within one; connecting to this machine is at once."""
MAX_REPLY_BYTES = 1 << 20
"""More of a reply is not read."""
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for one request."""

    label: str
    url: str
    status: int
    code: str | None = None
    """Of the error, such as ``VALIDATION_ERROR``."""
    message: str = ""
    id: str | None = None
    """Id of the trace at its receiver."""
    agent_id: str | None = None
    details: tuple[str, ...] = ()
    """Faults of a refused body, each with its path."""
    warnings: tuple[str, ...] = ()
    rejected: int = 0
    """OTLP: spans or records that were left out."""

    @property
    def accepted(self) -> bool:
        """All of the request was taken."""
        return 200 <= self.status < 300 and not self.rejected

    @property
    def needs_key(self) -> bool:
        return self.status == 401


def told(answer: Answer) -> list[str]:
    """An answer in lines for a person, whatever a stranger wrote in it made harmless."""
    words = [str(answer.status), *(part for part in (answer.code, answer.message) if part)]
    words += [answer.id] if answer.id else []
    lines = [f"{plain(answer.label)} → {plain(answer.url)}: {plain(' '.join(words))}"]
    if answer.rejected:
        lines.append(f"  left out: {answer.rejected}")
    details = [detail for detail in answer.details if answer.message not in detail]
    lines += [f"  {plain(detail)}" for detail in details]
    lines += [f"  warning {plain(warning)}" for warning in answer.warnings]
    if answer.needs_key:
        lines.append("  keys are never stored with a trace: set TRACEDESK_API_KEY, or give --key")
    return lines


class Sender:
    """Sends requests to one address over one connection. Use as a context."""

    def __init__(self, to: str, headers: Mapping[str, str], key: str | None = None) -> None:
        """``headers`` override those of the requests. Raises UnreachableError for a URL that
        is none."""
        host = _host(to)
        self._to = to
        self._headers = {**headers, **({"x-api-key": key} if key else {})}
        for name, value in self._headers.items():
            if not sendable(name, value):  # the value is not shown, it may be a key
                raise UnreachableError(f"header {name!r} holds characters that none may have")
        # a proxy of the environment knows nothing of this machine's own ports
        self._client = httpx.Client(timeout=TIMEOUT, trust_env=host not in LOCAL)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, request: Outgoing) -> Answer:
        """POST one request. Raises UnreachableError when there is no answer."""
        url = target(self._to, request.path)
        named = {**request.with_headers(self._headers).headers}
        if request.gzipped:
            named["content-encoding"] = "gzip"
        named["accept-encoding"] = "identity"
        headers = [(name.encode(), value.encode()) for name, value in named.items()]
        try:
            with self._client.stream(
                "POST", url, content=request.wire, headers=headers
            ) as response:
                body = _head(response)
                return _answer(request, url, response, body)
        except httpx.InvalidURL as error:
            raise UnreachableError(f"{url}: not a URL: {error}") from error
        except httpx.TimeoutException as error:
            raise UnreachableError(f"{url}: no answer in time") from error
        except httpx.HTTPError as error:
            raise UnreachableError(f"{url}: {_why(error)}") from error


def _host(to: str) -> str:
    """The host of a URL. Raises UnreachableError for what is none."""
    try:
        parts = urlsplit(to)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts.hostname
    except ValueError:  # an address or a port that cannot be
        pass
    raise UnreachableError(f"{to!r} is not a URL such as http://127.0.0.1:4318")


def _why(error: httpx.HTTPError) -> str:
    text = str(error)
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached: {text}; is a desk running there (tracedesk serve)?"
    return text or type(error).__name__


def _head(response: httpx.Response) -> bytes:
    found = bytearray()
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) >= MAX_REPLY_BYTES:
            break
    return bytes(found[:MAX_REPLY_BYTES])


def _answer(request: Outgoing, url: str, response: httpx.Response, body: bytes) -> Answer:
    kind = response.headers.get("content-type", "")
    if response.is_success and kind.startswith("application/x-protobuf"):
        rejected, message = _partial_protobuf(request.path, body)
        return Answer(
            label=request.label, url=url, status=response.status_code,
            message=message or "accepted", rejected=rejected,
        )  # fmt: skip
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    return _told(request.label, url, response, document if isinstance(document, dict) else {})


def _told(label: str, url: str, response: httpx.Response, document: dict[str, Any]) -> Answer:
    error, data = _part(document, "error"), _part(document, "data")
    partial = _part(document, "partialSuccess")
    message = error.get("message") or partial.get("errorMessage") or document.get("message")
    if not message and response.is_redirect:
        message = f"moved to {response.headers.get('location', 'nowhere')}; give that as --to"
    return Answer(
        label=label,
        url=url,
        status=response.status_code,
        code=_text(error.get("code")),
        message=_text(message) or response.reason_phrase,
        id=_text(data.get("id")),
        agent_id=_text(data.get("platformId")),
        details=tuple(
            f"{d.get('path') or 'body'}: {d.get('msg')}" for d in _parts(error.get("details"))
        ),
        warnings=tuple(
            f"{w.get('code')}: {w.get('message')}" for w in _parts(data.get("warnings"))
        ),
        rejected=sum(int(v) for k, v in partial.items() if k.startswith("rejected") and _whole(v)),
    )


def _partial_protobuf(path: str, body: bytes) -> tuple[int, str]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    try:
        if path == LOGS_PATH:
            logs = ExportLogsServiceResponse.FromString(body).partial_success
            return logs.rejected_log_records, logs.error_message
        spans = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return spans.rejected_spans, spans.error_message


def _part(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _parts(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> bool:
    return str(value).isascii() and str(value).isdigit()

"""The form of one saved request: ``{method, path, headers, body}``, its body as JSON, as text
or as base64 of the wire bytes; or the answer it got, where that is what holds the trace.
"""

import base64
import binascii
from typing import Any

import msgspec

from tracedesk.formats.encodings import inflate
from tracedesk.formats.saved_request import LOGS_PATH, OTLP_PATH, PUSH_PATH, UnreadableError

DROPPED_HEADERS = frozenset(
    # Secrets: a saved key is nobody's to replay.
    {"x-api-key", "authorization", "proxy-authorization", "cookie"}
    # True of the bytes on the wire, not of the inflated body.
    | {"content-encoding", "content-length", "transfer-encoding", "connection", "host"}
)
"""Headers never taken out of a file."""


class Request(msgspec.Struct):
    """A saved request, body still as it was kept."""

    method: str = "POST"
    path: str = PUSH_PATH
    headers: dict[str, Any] = msgspec.field(default_factory=dict)
    body: msgspec.Raw = msgspec.Raw()
    body_base64: str | None = None
    response_body: msgspec.Raw = msgspec.Raw()

    def kept_headers(self) -> dict[str, str]:
        """The headers that may be replayed."""
        return {
            name: str(value)
            for name, value in self.headers.items()
            if name.lower() not in DROPPED_HEADERS
        }


class _Response(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw()


PUSH = Request(headers={"Content-Type": "application/json"})
OTLP_JSON = Request(path=OTLP_PATH, headers={"Content-Type": "application/json"})
OTLP_LOGS = Request(path=LOGS_PATH, headers={"Content-Type": "application/json"})
OTLP_PROTOBUF = Request(path=OTLP_PATH, headers={"Content-Type": "application/x-protobuf"})

_REQUEST = msgspec.json.Decoder(Request)
_RESPONSE = msgspec.json.Decoder(_Response)


def saved_request(
    raw: msgspec.Raw, response: msgspec.Raw | None, max_body: int
) -> tuple[Request, bytes]:
    """A saved request and its inflated body, or the trace in the answer it got.

    Raises UnreadableError, EncodingError or msgspec.DecodeError.
    """
    request = _REQUEST.decode(raw)
    answer = _answer(request, response)
    if answer is not None:
        return PUSH, b'{"data":' + answer + b"}"
    return request, _body(request, max_body)


def _answer(request: Request, response: msgspec.Raw | None) -> bytes | None:
    """The answer that holds the trace, where the request itself is only the question.

    n8n: an execution read from its API. Flowise: what ``POST /prediction`` gave back.
    """
    if request.response_body:
        answer = bytes(request.response_body)
    elif response and "/prediction/" in request.path:
        answer = bytes(_RESPONSE.decode(response).body)
    else:
        return None
    if not answer.startswith(b"{"):
        raise UnreadableError("the saved answer is not a JSON object")
    return answer


def _body(request: Request, max_body: int) -> bytes:
    if request.body_base64 is not None:
        try:
            wire = base64.b64decode(request.body_base64, validate=True)
        except (binascii.Error, ValueError):
            raise UnreadableError("body_base64 is not base64") from None
        encodings = (str(v) for k, v in request.headers.items() if k.lower() == "content-encoding")
        return inflate(wire, next(encodings, "identity"), max_body)
    if not request.body:
        raise UnreadableError("neither body nor body_base64")
    body = bytes(request.body)
    if body.startswith(b'"'):  # a body kept as text, exactly as it was sent
        return msgspec.json.decode(body, type=str).encode()
    return body

"""Requests kept in files: what a sender posted, as the endpoint would have received it.

Owns the step from a file on disk to one request with its body inflated. Reading is
forgiving by the piece: a broken file, line or entry becomes a ``SavedFault`` in its place
in the sequence, and everything after it is still read. No file can fill the memory,
however small it is when compressed.
"""

import base64
import binascii
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tracedesk.formats.encodings import EncodingError, inflate

MAX_BODY_BYTES = 30 * 1024 * 1024
"""Largest body after inflating, as at the endpoint (ingestion spec 5)."""

DOCUMENT_BODIES = 4
"""A file that is one JSON document may hold this many times the largest body: it carries
bodies as base64, and several of them."""

LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
PROTOBUF_SUFFIXES = frozenset({".pb", ".bin"})
TRACE_SUFFIXES = LINES_SUFFIXES | PROTOBUF_SUFFIXES | {".json"}
"""What a folder is searched for, each also with ``.gz`` behind it."""

DROPPED_HEADERS = frozenset(
    # Secrets: a saved key is nobody's to replay.
    {"x-api-key", "authorization", "proxy-authorization", "cookie"}
    # True of the bytes on the wire, not of the inflated body.
    | {"content-encoding", "content-length", "transfer-encoding", "connection", "host"}
)
"""Headers never taken out of a file."""

PUSH_PATH = "/public/traces"
OTLP_PATH = "/v1/traces"
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class SavedRequest(msgspec.Struct, kw_only=True):
    """One request as it was, or would have been, sent."""

    method: str = "POST"
    path: str = PUSH_PATH
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """As saved, without keys and without what only described the wire bytes."""
    body: bytes
    """Inflated."""
    source: str
    """The file, as it was named."""
    line: int | None = None
    """Line in the file, from 1, where the file holds one entry a line."""
    place: str = ""
    """Where in the document it stood, such as ``requests[2]``; blank when it was all of it."""

    @property
    def where(self) -> str:
        """File, line and place, for messages."""
        return _where(self.source, self.line, self.place)

    def header(self, name: str) -> str | None:
        """A header by name in any case, None when absent."""
        wanted = name.lower()
        return next((v for k, v in self.headers.items() if k.lower() == wanted), None)

    @property
    def content_type(self) -> str:
        """``Content-Type``, ``application/json`` when the request does not say."""
        return self.header("content-type") or "application/json"


class SavedFault(msgspec.Struct, frozen=True):
    """A file, line or entry that could not be read."""

    source: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{_where(self.source, self.line)}: {self.message}"


def _where(source: str, line: int | None, place: str = "") -> str:
    text = source if line is None else f"{source}:{line}"
    return f"{text}: {place}" if place else text


class _UnreadableError(Exception):
    """What is wrong with one file or entry; becomes the message of a fault."""


class _TestCasesError(Exception):
    """Test cases where traces were expected; in a folder they are passed over."""


class _Entry(msgspec.Struct):
    """One JSON document: a body, or an envelope around saved requests."""

    spans: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    resourceSpans: msgspec.Raw = msgspec.Raw()  # noqa: N815, OTLP's own spelling
    resource_spans: msgspec.Raw = msgspec.Raw()
    request: msgspec.Raw = msgspec.Raw()
    requests: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    cases: msgspec.Raw = msgspec.Raw()


class _Request(msgspec.Struct):
    method: str = "POST"
    path: str = PUSH_PATH
    headers: dict[str, Any] = msgspec.field(default_factory=dict)
    body: msgspec.Raw = msgspec.Raw()
    body_base64: str | None = None
    response_body: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw()


_PUSH = _Request(headers={"Content-Type": "application/json"})
_OTLP_JSON = _Request(path=OTLP_PATH, headers={"Content-Type": "application/json"})
_OTLP_PROTOBUF = _Request(path=OTLP_PATH, headers={"Content-Type": "application/x-protobuf"})

_ENTRY = msgspec.json.Decoder(_Entry)
_REQUEST = msgspec.json.Decoder(_Request)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_RESPONSE = msgspec.json.Decoder(_Response)
_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def saved_requests(
    path: Path, *, max_body: int = MAX_BODY_BYTES
) -> Iterator[SavedRequest | SavedFault]:
    """Every request in a file, or in all trace files below a folder, in order of name.

    A file holds a saved request (``{"request": {method, path, headers, body}}`` with
    ``body_base64`` for what is not JSON, or ``{"requests": [...]}``), a bare body
    (canonical spans, OTLP, or ``data``), a JSON list of these, one of these a line, or
    OTLP protobuf (``.pb``, ``.bin``); any of them may be gzip'd. ``max_body`` bounds one
    inflated body, in bytes. Never raises: what cannot be read is yielded as a fault.
    """
    if not path.is_dir():
        yield from _file(path, max_body, explicit=True)
        return
    found = False
    for file in _trace_files(path):
        found = True
        yield from _file(file, max_body, explicit=False)
    if not found:
        kinds = " ".join(sorted(TRACE_SUFFIXES))
        yield SavedFault(path.as_posix(), None, f"no trace file in this folder ({kinds}, or .gz)")


def _trace_files(folder: Path) -> Iterator[Path]:
    """Trace files below a folder, hidden files and folders left out."""
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and _suffix(name) in TRACE_SUFFIXES:
                yield Path(above, name)


def _suffix(name: str) -> str:
    """The last suffix in lower case, that of the content for a ``.gz`` file."""
    return Path(name.lower().removesuffix(".gz")).suffix


def _file(path: Path, max_body: int, *, explicit: bool) -> Iterator[SavedRequest | SavedFault]:
    source = path.as_posix()
    try:
        with path.open("rb") as plain:
            packed = plain.peek(2)[:2] == _GZIP_MAGIC
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=plain) if packed else plain
            yield from _Reader(source, max_body).read(stream)
    except _TestCasesError:
        if explicit:
            yield SavedFault(source, None, "a test-case file, not traces: pass it as --cases")
    except _UnreadableError as error:
        yield SavedFault(source, None, str(error))
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        yield SavedFault(source, None, f"damaged gzip: {error}")
    except OSError as error:
        yield SavedFault(source, None, f"cannot be read: {error.strerror or error}")


class _Reader:
    """Reads one opened file."""

    def __init__(self, source: str, max_body: int) -> None:
        self.source = source
        self.max_body = max_body
        self.limit = DOCUMENT_BODIES * max_body
        self.line: int | None = None

    def read(self, stream: io.BufferedIOBase) -> Iterator[SavedRequest | SavedFault]:
        """By line when the file has lines, else as one document."""
        suffix = _suffix(self.source)
        if suffix in LINES_SUFFIXES:
            yield from self.lines(b"", stream)
            return
        head = stream.read(self.limit + 1)
        if suffix in PROTOBUF_SUFFIXES and head[:1] not in (b"{", b"["):
            yield self.request(_OTLP_PROTOBUF, head, "")
            return
        try:
            if len(head) > self.limit:
                raise _UnreadableError(_too_large("file", self.limit))
            yield from list(self.document(head.removeprefix(_BOM)))
        except (_UnreadableError, *_NOT_JSON) as error:
            if not _first_line_is_an_entry(head):
                yield SavedFault(self.source, _line_of(error, head), _words(error))
                return
            yield from self.lines(head, stream)

    def lines(self, head: bytes, stream: io.BufferedIOBase) -> Iterator[SavedRequest | SavedFault]:
        """One entry a line. ``head`` is what was read of the stream before."""
        blank = True
        for number, line in enumerate(_bounded_lines(head, stream, self.limit), start=1):
            text = line.strip().removeprefix(_BOM)
            if not text:
                continue
            blank, self.line = False, number
            if len(line) > self.limit:
                yield self.fault(_too_large("line", self.limit))
                continue
            try:
                yield from self.document(text)
            except _TestCasesError:
                yield self.fault("test cases, not a trace")
            except (_UnreadableError, *_NOT_JSON) as error:
                yield self.fault(_words(error))
        if blank:
            raise _UnreadableError("the file is empty")

    def document(self, text: bytes) -> Iterator[SavedRequest | SavedFault]:
        """Requests of one JSON document; raises when it is no JSON at all."""
        text = text.strip()
        if not text:
            raise _UnreadableError("the file is empty")
        if not text.startswith(b"["):
            yield from self.entry(text, "")
            return
        for position, item in enumerate(_LIST.decode(text)):
            place = f"[{position}]"
            try:
                yield from self.entry(bytes(item), place)
            except _TestCasesError:
                yield self.fault(f"{place}: test cases, not a trace")
            except (_UnreadableError, msgspec.DecodeError) as error:
                yield self.fault(f"{place}: {_words(error)}")

    def entry(self, text: bytes, place: str) -> Iterator[SavedRequest | SavedFault]:
        """A bare body, a saved request or several; ``place`` is where in the document."""
        entry = _ENTRY.decode(text)
        if entry.resourceSpans or entry.resource_spans:
            yield self.request(_OTLP_JSON, text, place)
        elif entry.spans or entry.data:
            yield self.request(_PUSH, text, place)
        elif entry.requests:
            for position, item in enumerate(_LIST.decode(entry.requests)):
                yield self.saved(item, entry.response, f"{place}requests[{position}]")
        elif entry.request:
            yield self.saved(entry.request, entry.response, f"{place}request")
        elif entry.cases:
            raise _TestCasesError
        else:
            raise _UnreadableError(
                "neither a trace nor a saved request: expected spans, resourceSpans, data, "
                "request or requests at the top level"
            )

    def saved(
        self, raw: msgspec.Raw, response: msgspec.Raw, place: str
    ) -> SavedRequest | SavedFault:
        """One saved request, or the trace in the answer it got."""
        try:
            request = _REQUEST.decode(raw)
            answer = _answer(request, response)
            if answer is not None:
                return self.request(_PUSH, b'{"data":' + answer + b"}", place)
            return self.request(request, _body(request, self.max_body), place)
        except (_UnreadableError, EncodingError, msgspec.DecodeError) as error:
            return self.fault(f"{place}: {_words(error)}")

    def request(self, request: _Request, body: bytes, place: str) -> SavedRequest:
        """The request with its body, once that is known to be of an acceptable size."""
        if not body:
            raise _UnreadableError("the body is empty")
        if len(body) > self.max_body:
            raise _UnreadableError(_too_large("body", self.max_body))
        return SavedRequest(
            method=request.method,
            path=request.path,
            headers={
                name: str(value)
                for name, value in request.headers.items()
                if name.lower() not in DROPPED_HEADERS
            },
            body=body,
            source=self.source,
            line=self.line,
            place=place,
        )

    def fault(self, message: str) -> SavedFault:
        return SavedFault(self.source, self.line, message)


def _bounded_lines(head: bytes, stream: io.BufferedIOBase, limit: int) -> Iterator[bytes]:
    """Lines of ``head`` and then of the stream; of a line beyond the limit only its start."""
    first = io.BytesIO(head)
    while line := first.readline(limit + 1):
        if not line.endswith(b"\n"):
            line += stream.readline(limit + 1 - len(line))
        yield from _whole(line, stream, limit)
    while line := stream.readline(limit + 1):
        yield from _whole(line, stream, limit)


def _whole(line: bytes, stream: io.BufferedIOBase, limit: int) -> Iterator[bytes]:
    yield line
    while len(line) > limit and not line.endswith(b"\n"):
        line = stream.readline(limit + 1)


def _first_line_is_an_entry(head: bytes) -> bool:
    """True when the first line that is not blank is a JSON object, and more follows."""
    first, newline, rest = head.removeprefix(_BOM).lstrip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        _ENTRY.decode(first)
    except _NOT_JSON:
        return False
    return True


def _answer(request: _Request, response: msgspec.Raw) -> bytes | None:
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
        raise _UnreadableError("the saved answer is not a JSON object")
    return answer


def _body(request: _Request, max_body: int) -> bytes:
    if request.body_base64 is not None:
        try:
            wire = base64.b64decode(request.body_base64, validate=True)
        except (binascii.Error, ValueError):
            raise _UnreadableError("body_base64 is not base64") from None
        encodings = (str(v) for k, v in request.headers.items() if k.lower() == "content-encoding")
        return inflate(wire, next(encodings, "identity"), max_body)
    if not request.body:
        raise _UnreadableError("neither body nor body_base64")
    body = bytes(request.body)
    if body.startswith(b'"'):  # a body kept as text, exactly as it was sent
        return msgspec.json.decode(body, type=str).encode()
    return body


def _too_large(what: str, limit: int) -> str:
    return f"the {what} is larger than {limit / 1024 / 1024:g} MiB"


def _words(error: Exception) -> str:
    """A fault in words, whichever step met it."""
    if isinstance(error, _UnreadableError | EncodingError):
        return str(error)
    if isinstance(error, RecursionError):
        return "JSON nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, msgspec.ValidationError):
        return f"unexpected shape: {error}"
    return f"not JSON: {str(error).removeprefix('JSON is malformed: ')}"


def _line_of(error: Exception, text: bytes) -> int | None:
    """Line of a JSON error, from the byte position msgspec names in its message."""
    _, found, position = str(error).rpartition("(byte ")
    digits = position.rstrip(")")
    return text.count(b"\n", 0, int(digits)) + 1 if found and digits.isdigit() else None

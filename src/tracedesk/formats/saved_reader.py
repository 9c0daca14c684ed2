"""One opened file, told apart by its content: a JSON document, entries a line, OTLP
protobuf, or the OpenTelemetry collector's length-prefixed messages.

Records of another tool's export are collected while they follow one another, so that the
spans of a trace become one request; a fault among them comes before it.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tracedesk.formats import exports
from tracedesk.formats.encodings import ZSTD_MAGIC, EncodingError, unzstd
from tracedesk.formats.exports.records import ExportBody, ExportFault, Fields, Record
from tracedesk.formats.saved_envelope import (
    OTLP_JSON,
    OTLP_LOGS,
    OTLP_PROTOBUF,
    PUSH,
    Request,
    saved_request,
)
from tracedesk.formats.saved_request import (
    SOURCE_HEADER,
    SavedFault,
    SavedRequest,
    TestCasesError,
    UnreadableError,
    too_large,
)

DOCUMENT_BODIES = 4
"""A file that is one JSON document may hold this many times the largest body: it carries
bodies as base64, and several of them."""

LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
PROTOBUF_SUFFIXES = frozenset({".pb", ".bin"})

NATIVE = (
    *("spans", "resourceSpans", "resource_spans", "resourceLogs", "resource_logs"),
    *("data", "request", "requests", "other_signal_requests"),
)
"""Top-level fields of bodies and saved requests."""

UNKNOWN = (
    "neither a trace nor a saved request: expected spans, resourceSpans, data, request or "
    f"requests at the top level, or an export of {exports.KNOWN}"
)

_BOM = b"\xef\xbb\xbf"
_FRAME_HEAD = 4
_FRAMED = b"\x00\x01\x02\x03\x04\x05\x06\x07"
"""First bytes of a length below 128 MiB. No JSON and no protobuf message starts with these."""

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_LOGGED = b'"resultData"'
_LOGGED_STARTS = 50
"""Lines starting with a brace that are tried in a log; each costs a reading of the rest."""

Found = Iterator[SavedRequest | SavedFault]


def suffix_of(name: str) -> str:
    """The last suffix in lower case, that of the content for a packed file."""
    return Path(name.lower().removesuffix(".gz").removesuffix(".zst")).suffix


class Reader:
    """Reads one opened file."""

    def __init__(self, source: str, max_body: int) -> None:
        self.source = source
        self.max_body = max_body
        self.limit = DOCUMENT_BODIES * max_body
        self.line: int | None = None
        self._export: exports.Export | None = None
        self._records: list[Record] = []
        self._size = 0

    def read(self, stream: io.BufferedReader) -> Found:
        """By message or line when the file has these, else as one document."""
        first = stream.peek(1)[:1]
        suffix = suffix_of(self.source)
        if first and first in _FRAMED:
            yield from self.messages(stream)
        elif suffix in LINES_SUFFIXES:
            yield from self.lines(b"", stream)
        elif suffix in PROTOBUF_SUFFIXES and first not in (b"{", b"["):
            yield self.request(OTLP_PROTOBUF, stream.read(self.limit + 1), "")
        else:
            yield from self.whole(stream)

    def whole(self, stream: io.BufferedReader) -> Found:
        """The file as one document; as lines, or as a log around a document, when it is none."""
        head = stream.read(self.limit + 1)
        try:
            if len(head) > self.limit:
                raise UnreadableError(too_large("file", self.limit))
            yield from [*self.document(head.removeprefix(_BOM)), *self.flush()]
        except (UnreadableError, *_NOT_JSON) as error:
            if _first_line_is_an_entry(head):
                yield from self.lines(head, stream)
            elif (logged := _logged_document(head)) is not None:
                yield from [*self.document(logged), *self.flush()]
            else:
                yield SavedFault(self.source, _line_of(error, head), _words(error))

    def messages(self, stream: io.BufferedReader) -> Found:
        """Messages of the collector's file exporter, each behind its length in four bytes."""
        number = 0
        while head := stream.read(_FRAME_HEAD):
            number += 1
            place = f"message {number}"
            size = int.from_bytes(head, "big")
            if not size:
                yield self.fault(f"{place}: its length is 0; what follows was not read")
                return
            body = stream.read(min(size, self.limit))
            if len(head) < _FRAME_HEAD or (len(body) < size and not _skipped(stream, size, body)):
                yield self.fault(f"{place}: the file ends within it")
                return
            if size > self.limit:
                yield self.fault(f"{place}: {too_large('message', self.limit)}")
                continue
            yield from self.message(body, place)
        yield from self.flush()

    def message(self, body: bytes, place: str) -> Found:
        """One message of the collector, in protobuf or JSON, packed or not."""
        try:
            if body.startswith(ZSTD_MAGIC):
                body = unzstd(body, self.max_body)
            if body.startswith(b"{"):
                yield from self.entry(body, place)
            else:
                yield self.request(OTLP_PROTOBUF, body, place)
        except TestCasesError:
            yield self.fault(f"{place}: test cases, not a trace")
        except (UnreadableError, EncodingError, *_NOT_JSON) as error:
            yield self.fault(f"{place}: {_words(error)}")

    def lines(self, head: bytes, stream: io.BufferedReader) -> Found:
        """One entry a line. ``head`` is what was read of the stream before."""
        blank = True
        for number, line in enumerate(_bounded_lines(head, stream, self.limit), start=1):
            text = line.strip().removeprefix(_BOM)
            if not text:
                continue
            blank, self.line = False, number
            if len(line) > self.limit:
                yield self.fault(too_large("line", self.limit))
                continue
            try:
                yield from self.document(text)
            except TestCasesError:
                yield self.fault("test cases, not a trace")
            except (UnreadableError, *_NOT_JSON) as error:
                yield self.fault(_words(error))
        if blank:
            raise UnreadableError("the file is empty")
        yield from self.flush()

    def document(self, text: bytes) -> Found:
        """Requests of one JSON document; raises when it is no JSON at all."""
        text = text.strip()
        if not text:
            raise UnreadableError("the file is empty")
        if text.startswith(b"["):
            yield from self.items(text, "")
        else:
            yield from self.entry(text, "")

    def items(self, text: bytes, place: str, *, within: bool = False) -> Found:
        """Requests of a JSON list; ``within`` another list, as Zipkin groups its traces."""
        listed = _LIST.decode(text)
        if not listed:
            raise UnreadableError(f"{place or 'the list'} is empty: there is no trace in it")
        if not within and not any(map(_is_known, listed)):
            raise UnreadableError(UNKNOWN)
        for position, raw in enumerate(listed):
            item, at = bytes(raw), f"{place}[{position}]"
            try:
                if item.startswith(b"[") and not within:
                    yield from self.items(item, at, within=True)
                else:
                    yield from self.entry(item, at)
            except TestCasesError:
                yield self.fault(f"{at}: test cases, not a trace")
            except (UnreadableError, *_NOT_JSON) as error:
                yield self.fault(f"{at}: {_words(error)}")

    def entry(self, text: bytes, place: str) -> Found:
        """A bare body, a saved request or several, or a record of an export; ``place`` is
        where in the document."""
        fields = _FIELDS.decode(text)
        export = exports.find(fields)
        if export is not None:
            yield from self.collect(export, Record(text, fields, self.line, place))
            return
        yield from self.flush()
        wrapper = exports.wrapper(fields)
        if fields.get("resourceSpans") or fields.get("resource_spans"):
            yield self.request(OTLP_JSON, text, place)
        elif fields.get("resourceLogs") or fields.get("resource_logs"):
            yield self.request(OTLP_LOGS, text, place)
        elif wrapper is not None:
            name, inner = wrapper
            read = self.items if inner.startswith(b"[") else self.entry
            yield from read(inner, f"{place}.{name}" if place else name)
        elif "spans" in fields or "data" in fields:
            yield self.request(PUSH, text, place)
        elif "requests" in fields or "request" in fields:
            yield from self.saved_all(fields, place)
        elif "cases" in fields:
            raise TestCasesError
        else:
            raise UnreadableError(UNKNOWN)

    def saved_all(self, fields: Fields, place: str) -> Found:
        """The saved request or requests of a document, those of other signals after them."""
        if "requests" not in fields:
            yield self.saved(fields["request"], fields, f"{place}request")
        for name in ("requests", "other_signal_requests"):
            for position, item in enumerate(_LIST.decode(fields.get(name) or b"[]")):
                yield self.saved(item, fields, f"{place}{name}[{position}]")

    def saved(self, raw: msgspec.Raw, fields: Fields, place: str) -> SavedRequest | SavedFault:
        """One saved request, or the trace in the answer it got."""
        try:
            request, body = saved_request(raw, fields.get("response"), self.max_body)
            return self.request(request, body, place)
        except (UnreadableError, EncodingError, msgspec.DecodeError) as error:
            return self.fault(f"{place}: {_words(error)}")

    def collect(self, export: exports.Export, record: Record) -> Found:
        """Keep a record of an export until another kind of entry follows."""
        if export is not self._export or self._size > self.max_body:
            yield from self.flush()
        self._export = export
        self._records.append(record)
        self._size += len(record.text)

    def flush(self) -> Found:
        """What the collected records become."""
        export, records = self._export, self._records
        self._export, self._records, self._size = None, [], 0
        if export is None:
            return
        for found in exports.convert(export, records, self.max_body):
            if isinstance(found, ExportFault):
                message = f"{found.place}: {found.message}" if found.place else found.message
                yield SavedFault(self.source, found.line, message)
            else:
                yield self.converted(export, found)

    def converted(self, export: exports.Export, found: ExportBody) -> SavedRequest | SavedFault:
        """A request with a converted body, saying what it was converted from."""
        headers = {"Content-Type": "application/json", SOURCE_HEADER: export.name}
        if found.request_id is not None:
            headers["x-request-id"] = found.request_id
        request = Request(path=found.path, headers=headers)
        try:
            return self.request(request, found.body, found.place, found.line)
        except UnreadableError as error:
            place = f"{found.place}: " if found.place else ""
            return SavedFault(self.source, found.line, f"{place}{error}")

    def request(
        self, request: Request, body: bytes, place: str, line: int | None = None
    ) -> SavedRequest:
        """The request with its body, once that is known to be of an acceptable size."""
        if not body:
            raise UnreadableError("the body is empty")
        if len(body) > self.max_body:
            raise UnreadableError(too_large("body", self.max_body))
        return SavedRequest(
            method=request.method,
            path=request.path,
            headers=request.kept_headers(),
            body=body,
            source=self.source,
            line=self.line if line is None else line,
            place=place,
        )

    def fault(self, message: str) -> SavedFault:
        return SavedFault(self.source, self.line, message)


def _is_known(raw: msgspec.Raw) -> bool:
    """Is this list entry of a shape that is read, whatever is wrong with it?"""
    item = bytes(raw)
    if item.startswith(b"["):
        return True
    try:
        fields = _FIELDS.decode(item)
    except _NOT_JSON:
        return False
    return (
        exports.find(fields) is not None
        or exports.wrapper(fields) is not None
        or any(name in fields for name in NATIVE)
    )


def _bounded_lines(head: bytes, stream: io.BufferedReader, limit: int) -> Iterator[bytes]:
    """Lines of ``head`` and then of the stream; of a line beyond the limit only its start."""
    first = io.BytesIO(head)
    while line := first.readline(limit + 1):
        if not line.endswith(b"\n"):
            line += stream.readline(limit + 1 - len(line))
        yield from _whole(line, stream, limit)
    while line := stream.readline(limit + 1):
        yield from _whole(line, stream, limit)


def _whole(line: bytes, stream: io.BufferedReader, limit: int) -> Iterator[bytes]:
    yield line
    while len(line) > limit and not line.endswith(b"\n"):
        line = stream.readline(limit + 1)


def _skipped(stream: io.BufferedReader, size: int, body: bytes) -> bool:
    """Read past the rest of a message; False when the file ends before."""
    left = size - len(body)
    while left and (piece := stream.read(min(left, 1 << 20))):
        left -= len(piece)
    return not left


def _first_line_is_an_entry(head: bytes) -> bool:
    """True when the first line that is not blank is a JSON object or a list of some, and
    more follows."""
    first, newline, rest = head.removeprefix(_BOM).lstrip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        if first.startswith(b"["):
            return bool(_LIST.decode(first))
        _FIELDS.decode(first)
    except _NOT_JSON:
        return False
    return True


def _logged_document(head: bytes) -> bytes | None:
    """The document that ``n8n execute`` prints among its log lines; None when there is none.

    It starts with the first ``{`` at a line's start from which on it is one document.
    """
    if _LOGGED not in head:
        return None
    end = head.rfind(b"\n}")
    start = 0 if head.startswith(b"{") else head.find(b"\n{") + 1
    for _ in range(_LOGGED_STARTS):
        if not 0 <= start <= end:
            break
        text = head[start : end + 2]
        try:
            if exports.find(_FIELDS.decode(text)) is not None:
                return text
        except _NOT_JSON:
            pass
        start = head.find(b"\n{", start) + 1 or end + 1
    return None


def _words(error: Exception) -> str:
    """A fault in words, whichever step met it."""
    if isinstance(error, UnreadableError | EncodingError):
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

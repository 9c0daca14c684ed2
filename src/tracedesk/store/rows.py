"""Rows as the rest of the program sees them, and how they are read from SQL.

A row never holds more than a head of a text, so a window of the list stays small.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import zstandard

from tracedesk.model.trace import TraceWarning

HEAD_CHARS = 200
"""Length of the response and input heads kept for the list and for search."""


class TraceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stored trace, without its spans. Times are nanoseconds since the epoch."""

    number: int
    """Arrival order, from 1; never reused."""
    id: str
    """UUID, the id that clients see."""
    agent_id: str
    name: str
    external_id: str | None = None
    trace_id: str | None = None
    """The OTLP trace id."""
    format: str
    routed_by: str
    revision: int
    sequence: int
    """Store-wide number of the last accepted change."""
    span_count: int
    error_count: int
    start_ns: int | None = None
    end_ns: int | None = None
    received_ns: int
    """When the trace was first accepted; a replacement keeps it."""
    updated_ns: int
    status: str | None = None
    duration_ms: float | None = None
    tokens: int | None = None
    response: str | None = None
    """Head of the response text, at most ``HEAD_CHARS`` characters."""
    input: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    warnings: list[TraceWarning] = msgspec.field(default_factory=list)
    read_revision: int = 0
    """The revision that status, duration, tokens, response and input were read from;
    0 when they were not read yet."""
    mark: str | None = None
    """``good`` or ``bad`` where a person said so."""
    mark_note: str | None = None
    """Why it is marked."""

    @property
    def shown_status(self) -> str:
        """The status read out, or what the span statuses alone say while nothing was read."""
        return self.status or ("failed" if self.error_count else "completed")


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows of a reading; written back by whoever read the trace."""

    number: int
    revision: int
    """The revision that was read; a summary of an older one than stored is dropped."""
    status: str | None = None
    duration_ms: float | None = None
    tokens: int | None = None
    response: str | None = None
    input: str | None = None


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One received body of a trace, as it was sent, inflated."""

    part: int
    received_ns: int
    method: str
    path: str
    headers: dict[str, str]
    """Without keys and cookies."""
    body: bytes
    resources: tuple[int, ...] | None = None
    """Which ``resourceSpans`` entries belong to the trace; None = all."""
    revision: int = 0
    """The revision of its trace that it was read with; 0 when it was not read from a store."""


class Revision(msgspec.Struct, frozen=True):
    """An earlier revision of a trace, without its bodies."""

    revision: int
    format: str
    trace_id: str | None
    name: str
    span_count: int
    error_count: int
    updated_ns: int
    """When it was accepted."""
    size: int
    """Bytes of its bodies, inflated."""

    def row(self, latest: "TraceRow") -> "TraceRow":
        """The row of the trace as it was then, as far as that is known without reading it."""
        return msgspec.structs.replace(
            latest,
            revision=self.revision,
            format=self.format,
            trace_id=self.trace_id,
            name=self.name,
            span_count=self.span_count,
            error_count=self.error_count,
            updated_ns=self.updated_ns,
            start_ns=None,
            end_ns=None,
            status=None,
            duration_ms=None,
            tokens=None,
            response=None,
            input=None,
            metadata={},
            warnings=[],
            read_revision=0,
        )


class SpanRow(msgspec.Struct, frozen=True, gc=False):
    """One span of the index, in body order."""

    span_id: str
    position: int
    parent_id: str | None
    name: str
    kind: int
    start_ns: int | None
    end_ns: int | None
    status: int


TRACE_COLUMNS = TraceRow.__struct_fields__
"""Columns of table ``trace`` in the order of the fields of ``TraceRow``."""

SELECT_REVISIONS = (
    "SELECT v.revision, v.format, v.trace_id, v.name, v.span_count, v.error_count, v.updated_ns,"
    " (SELECT ifnull(sum(r.size), 0) FROM revision_part p JOIN request r ON r.id = p.request"
    " WHERE p.trace = v.trace AND p.revision = v.revision)"
    " FROM revision v WHERE v.trace = (SELECT number FROM trace WHERE number = ? AND id = ?)"
    " ORDER BY v.revision DESC"
)
SELECT_TRACE = f"SELECT {', '.join(TRACE_COLUMNS)} FROM trace"

_METADATA = TRACE_COLUMNS.index("metadata")
_WARNINGS = TRACE_COLUMNS.index("warnings")
_decode_metadata = msgspec.json.Decoder(dict[str, Any]).decode
_decode_warnings = msgspec.json.Decoder(list[TraceWarning]).decode

_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_decode_resources = msgspec.json.Decoder(tuple[int, ...]).decode


def trace_row(values: tuple[Any, ...]) -> TraceRow:
    """A ``TraceRow`` from the columns of ``SELECT_TRACE``."""
    fields = dict(zip(TRACE_COLUMNS, values, strict=True))
    metadata, warnings = values[_METADATA], values[_WARNINGS]
    fields["metadata"] = _decode_metadata(metadata) if metadata else {}
    fields["warnings"] = _decode_warnings(warnings) if warnings else []
    return TraceRow(**fields)


def stored_requests(found: Iterable[tuple[Any, ...]]) -> list[StoredRequest]:
    """``stored_request`` of many rows."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [stored_request(values, decompress) for values in found]


def stored_request(values: tuple[Any, ...], decompress: Callable[[bytes], bytes]) -> StoredRequest:
    """A ``StoredRequest`` from part, time, method, path, headers, body, resources and revision,
    as stored. Raises zstandard.ZstdError when the body is damaged."""
    part, received_ns, method, path, headers, body, resources, revision = values
    return StoredRequest(
        part=part,
        received_ns=received_ns,
        method=method,
        path=path,
        headers=_decode_headers(headers),
        body=decompress(body),
        resources=_decode_resources(resources) if resources else None,
        revision=revision,
    )

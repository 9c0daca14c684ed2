"""A stored trace → decoded and read, ready to be evaluated.

The kept bodies are the truth. One that no longer reads becomes an empty trace with a
warning, so that nothing above has to expect an exception for what a sender once sent.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tracedesk.evaluation.gate import Subject
from tracedesk.evaluation.likeness import Likeness
from tracedesk.evaluation.original import Original
from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.errors import FormatError
from tracedesk.formats.spans import unique_warnings
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Trace
from tracedesk.reading import ReadingSettings, read

if TYPE_CHECKING:  # a check of files opens no database and need not import one
    from tracedesk.store.database import Store
    from tracedesk.store.rows import StoredRequest, TraceRow

log = logging.getLogger(__name__)

UNREADABLE = "unreadable_body"
"""Code of the warning on a trace whose kept body could not be read again."""

AT_RECEIPT = frozenset({"platform_id_ignored", "request_id_ignored", "hosted_refuses", "redacted"})
"""Warnings that only the endpoint could give: no kept body tells of them."""


_TRACE_BYTES, _SPAN_BYTES, _DECODED = 2_000, 1_000, 2
"""What a decoded trace takes in memory, each of its spans, and each byte of its body: that byte
itself, and the values that were read from it. As measured."""


class Loaded(msgspec.Struct, frozen=True):
    """A stored trace with its reading."""

    row: "TraceRow"
    trace: Trace
    reading: Reading
    likeness: Likeness | None = None
    """None: nobody asked for it yet."""
    original: Original | None = None
    """Where all else of the trace is found, when it comes as it was kept."""

    @property
    def void(self) -> bool:
        """Whether what was found on the trace is worth nothing, since something of it could not
        be had any more."""
        return self.original is not None and self.original.void


def load_trace(
    store: "Store",
    row: "TraceRow",
    agent: Agent | None,
    roles: Sequence[tuple[str, str]] = (),
) -> Loaded:
    """Assemble and read a stored trace. Raises StoreError only.

    ``roles`` are the ``[reading.map]`` pairs of attribute and role.
    """
    row, requests = same_revision(store, row)
    trace = stored_trace(store, row, agent, requests)
    return Loaded(row, trace, read(trace, reading_settings(agent, roles)))


def same_revision(
    store: "Store", row: "TraceRow", requests: "Sequence[StoredRequest] | None" = None
) -> "tuple[TraceRow, Sequence[StoredRequest] | None]":
    """A row and its bodies, fetched unless given, of one and the same revision: a trace may be
    replaced between two reads. No bodies when they are damaged; the row as it was when the trace
    is gone. Raises StoreError when the store itself cannot be read."""
    from tracedesk.store.errors import DamagedError

    try:
        requests = requests or store.requests(row.id)
        while requests and requests[0].revision != row.revision:
            row = store.row(row.id) or row
            requests = store.requests(row.id)
    except DamagedError:
        return row, None
    return row, requests


def memory_of(trace: Trace, received: int) -> int:
    """About how many bytes of memory a trace takes, with its reading, when everything in it was
    looked at; ``received`` is the size of its bodies."""
    return _TRACE_BYTES + _SPAN_BYTES * len(trace.spans) + _DECODED * received


def load_revision(
    store: "Store",
    row: "TraceRow",
    revision: int,
    agent: Agent | None,
    roles: Sequence[tuple[str, str]] = (),
) -> Loaded | None:
    """What a trace was before it was replaced, assembled and read; None when that revision is
    not kept. Raises StoreError only."""
    earlier = next((e for e in store.revisions(row.id) if e.revision == revision), None)
    if earlier is None:
        return None
    then = earlier.row(row)
    trace = stored_trace(store, then, agent, store.revision_requests(row.id, revision))
    return Loaded(then, trace, read(trace, reading_settings(agent, roles)))


def stored_trace(
    store: "Store",
    row: "TraceRow",
    agent: Agent | None,
    requests: "Sequence[StoredRequest] | None" = None,
) -> Trace:
    """The trace of the kept bodies, fetched unless given; one whose bytes are damaged is empty
    and says so. Raises StoreError when the store itself cannot be read."""
    from tracedesk.store.errors import DamagedError  # checks without a store import no SQLite

    try:
        return assembled(row, requests or store.requests(row.id), agent)
    except DamagedError as fault:
        return _empty(row, f"the kept body cannot be read: {fault.message}")


def reading_settings(agent: Agent | None, roles: Sequence[tuple[str, str]]) -> ReadingSettings:
    """How traces of an agent are read."""
    return ReadingSettings(response_path=agent.response_path if agent else None, roles=tuple(roles))


def assembled(row: "TraceRow", requests: Sequence["StoredRequest"], agent: Agent | None) -> Trace:
    """The trace that the kept bodies make; never raises for what stands in them."""
    parts = [
        Part(
            content_type=_content_type(request.headers),
            body=request.body,
            resources=request.resources,
            path=request.path,
        )
        for request in requests
    ]
    try:
        if not parts:
            raise LookupError("the store holds no body of this trace")
        trace = assemble(parts, agent_type=agent.type if agent else "auto", trace_id=row.trace_id)
    except (FormatError, LookupError) as fault:
        trace = _empty(row, f"the kept body cannot be read: {fault}")
    except Exception as fault:
        log.exception("trace %s could not be assembled", row.id)
        trace = _empty(row, f"the kept body cannot be read: {type(fault).__name__}: {fault}")
    trace.warnings = unique_warnings(
        [*(w for w in row.warnings if w.code in AT_RECEIPT), *trace.warnings]
    )
    trace.received_ns = trace.received_ns or row.received_ns
    trace.external_id = trace.external_id or row.external_id
    return trace


def _empty(row: "TraceRow", message: str) -> Trace:
    trace = Trace(
        format=Format(row.format), spans=[], trace_id=row.trace_id, external_id=row.external_id
    )
    trace.warn(UNREADABLE, message)
    return trace


def _content_type(headers: dict[str, str]) -> str:
    found = (value for name, value in headers.items() if name.lower() == "content-type")
    return next(found, "application/json")


def stored_subject(
    store: "Store", row: "TraceRow", agent: Agent | None, roles: Sequence[tuple[str, str]] = ()
) -> Subject:
    """A stored trace as something to be checked; loading it may raise StoreError."""

    def load(_: Agent | None) -> tuple[Trace, Reading]:
        loaded = load_trace(store, row, agent, roles)
        return loaded.trace, loaded.reading

    return Subject(
        id=row.id, source=None, agent=agent, load=load, revision=row.revision, mark=row.mark
    )

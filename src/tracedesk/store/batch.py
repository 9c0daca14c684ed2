"""The rows of one transaction: which traces are new, which replaced, which merged.

New rows are gathered and written by few long statements, because each statement lets go
of the interpreter lock and must win it back from the server's thread. Whatever touches a
trace that exists begins by writing what was gathered, so it sees all that came before it.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import zstandard

from tracedesk.model.trace import TraceWarning
from tracedesk.store.incoming import Incoming, Receipt
from tracedesk.store.inserts import (
    INSERT_PART,
    INSERT_REQUEST,
    INSERT_SPAN,
    INSERT_TRACE,
    REQUEST_WIDTH,
    UPDATE,
    insert_rows,
)
from tracedesk.store.ledger import Tally
from tracedesk.store.merging import Totals, merge_spans, reread_times, unite_repeats
from tracedesk.store.removal import put_aside
from tracedesk.store.values import (
    ABSENT,
    SpanColumns,
    clean,
    json_text,
    new_id,
    span_columns,
    trace_name,
)

_FOUND = (
    "SELECT number, id, identity, external_id, name, revision, span_count, error_count, start_ns,"
    " end_ns, received_ns, updated_ns, metadata, warnings FROM trace WHERE agent_id = ? AND "
)
_BY_IDENTITY = f"{_FOUND} identity = ?"
_BY_TRACE_ID = f"{_FOUND} trace_id = ?"


class _Found(msgspec.Struct):
    """A stored trace that an incoming one replaces or grows."""

    number: int
    id: str
    identity: str | None
    external_id: str | None
    name: str
    revision: int
    span_count: int
    error_count: int
    start_ns: int | None
    end_ns: int | None
    received_ns: int
    updated_ns: int
    metadata: str | None
    warnings: str | None

    @property
    def totals(self) -> Totals:
        return Totals(self.span_count, self.error_count, self.start_ns, self.end_ns)


class Batch:
    """Applies incoming traces inside a transaction that its caller begins and ends."""

    def __init__(
        self, connection: sqlite3.Connection, compressor: zstandard.ZstdCompressor, *, careful: bool
    ) -> None:
        """``careful`` mends what SQLite cannot hold: lone surrogates, integers beyond 63 bits."""
        self.connection = connection
        self._compressor = compressor
        self._careful = careful
        self._number, last, self._sequence = self._counters = connection.execute(
            "SELECT number, request, sequence FROM counter"
        ).fetchone()
        self._request = last + 1
        """Id of the request whose items are being applied."""
        self._traces: list[Any] = []
        self._requests: list[Any] = []
        self._parts: list[Any] = []
        self._spans: list[Any] = []
        self._fresh: set[tuple[str, str]] = set()
        """(agent, identity or trace id) of traces gathered since the last flush."""
        self._shares = 0
        """Parts that were made of the current request."""
        self._weighed = False
        """Were the bytes of the current request counted?"""
        self.tally = Tally()

    def add(self, items: Sequence[Incoming]) -> list[Receipt]:
        """Apply all of one submit. Receipts hold only once the transaction is committed."""
        receipts = []
        first = items[0]
        for item in items:
            if item.body is not first.body:
                self._end_request(first)
                first = item
            receipts.append(_MODES[item.mode](self, item))
            for what, count in item.dropped:
                self.tally.add(item.agent_id, "dropped", what, count, 0, item.received_ns, "")
        self._end_request(first)
        return receipts

    def _end_request(self, item: Incoming) -> None:
        """Gather the request whose items are all applied, and number the next one."""
        if self._shares:
            self._gather_request(item)
        self._request += 1
        self._shares = 0
        self._weighed = False

    def finish(self) -> None:
        """Write what was gathered, and the counters. The caller commits."""
        self.flush()
        counters = (self._number, self._request - 1, self._sequence)
        if counters != self._counters:
            self.connection.execute(
                "UPDATE counter SET number = ?, request = ?, sequence = ?", counters
            )
        if self.tally:
            self.tally.write(self.connection)

    def flush(self) -> None:
        """Write what was gathered, so that the statements that follow see it."""
        self._write(INSERT_TRACE, self._traces)
        if self._requests:
            bodies = slice(REQUEST_WIDTH - 1, None, REQUEST_WIDTH)
            self._requests[bodies] = self._compressed(self._requests[bodies])
        self._write(INSERT_REQUEST, self._requests)
        self._write(INSERT_PART, self._parts)
        self._write(INSERT_SPAN, self._spans)
        self._fresh.clear()

    def _compressed(self, bodies: list[Any]) -> list[bytearray]:
        """The bodies as zstd frames, in one call that gives way to other threads once.
        A bytearray is bound without the search for an adapter."""
        if all(bodies):
            frames: Any = self._compressor.multi_compress_to_buffer(bodies)
            return [bytearray(frames[at]) for at in range(len(bodies))]
        return [bytearray(self._compressor.compress(body)) for body in bodies]

    def _write(self, statements: list[tuple[int, str]], values: list[Any]) -> None:
        """Insert rows, given flat, in as few statements as their number allows."""
        if self._careful:
            values[:] = map(clean, values)
        insert_rows(self.connection, statements, values)
        values.clear()

    # -- the three modes ---------------------------------------------------------------

    def _create(self, item: Incoming) -> Receipt:
        return self._insert(item, None, None)

    def _replace(self, item: Incoming) -> Receipt:
        identity = item.external_id
        found = self._find(_BY_IDENTITY, item.agent_id, identity)
        if found is None:
            return self._insert(item, identity, None)
        return self._overwrite(item, found, identity, None)

    def _merge(self, item: Incoming) -> Receipt:
        digest = blake2b(item.body, digest_size=8, key=repr(item.resources).encode()[:64]).digest()
        trace_id = item.trace.trace_id
        found = self._find(_BY_TRACE_ID, item.agent_id, trace_id)
        if found is not None:
            return self._grow(item, found, digest)
        identity = item.external_id or trace_id
        found = self._find(_BY_IDENTITY, item.agent_id, identity)
        if found is not None:
            return self._overwrite(item, found, identity, digest)
        return self._insert(item, identity, digest)

    # -- what the modes are made of ----------------------------------------------------

    def _find(self, statement: str, agent_id: str, key: str | None) -> _Found | None:
        if key is None:
            return None
        if (agent_id, key) in self._fresh:
            self.flush()
        if self._careful:
            agent_id, key = clean(agent_id), clean(key)
        values = self.connection.execute(statement, (agent_id, key)).fetchone()
        return None if values is None else _Found(*values)

    def _insert(self, item: Incoming, identity: str | None, digest: bytes | None) -> Receipt:
        self._number = number = self._number + 1
        trace_id = new_id(number)
        if identity is not None:
            self._fresh.add((item.agent_id, identity))
        if item.trace.trace_id is not None:
            self._fresh.add((item.agent_id, item.trace.trace_id))
        external_id = identity or item.external_id
        spans = self._columns(number, item)
        self._spans += spans.values
        facts = self._facts(item, spans, 1, item.received_ns, identity, external_id)
        self._traces += (number, trace_id, *facts.values())
        self._gather_part(number, 0, item, digest)
        self._count(item, "accepted")
        return _receipt(number, trace_id, facts, created=True)

    def _overwrite(
        self, item: Incoming, found: _Found, identity: str | None, digest: bytes | None
    ) -> Receipt:
        """Replace the whole trace; it keeps its id, its number and its day of birth, and the
        bodies of what it was."""
        self.flush()
        put_aside(self.connection, found.number, found.revision)
        spans = self._columns(found.number, item)
        self._spans += spans.values
        facts = self._facts(item, spans, found.revision + 1, found.received_ns, identity, identity)
        self._gather_part(found.number, 0, item, digest)
        self._update(found.number, facts)
        self._count(item, "replaced")
        return _receipt(found.number, found.id, facts, created=False)

    def _grow(self, item: Incoming, found: _Found, digest: bytes) -> Receipt:
        """Merge a further part into an OTLP trace; one that was sent again changes nothing."""
        self.flush()
        execute = self.connection.execute
        number = found.number
        last, seen = execute(
            "SELECT max(part), (SELECT 1 FROM part WHERE trace = ? AND digest = ?)"
            " FROM part WHERE trace = ?",
            (number, digest, number),
        ).fetchone()
        self._count(item, "repeated" if seen else "merged")
        if seen:
            return _unchanged(found)
        rooted = execute(
            "SELECT 1 FROM span WHERE trace = ? AND parent_id IS NULL LIMIT 1", (number,)
        ).fetchone()
        identity, warnings = self._identity(item, found)
        part = self._columns(number, item)
        facts = self._facts(item, part, found.revision + 1, found.received_ns, identity, identity)
        merged = merge_spans(self.connection, number, part, before=found.totals)
        self._spans += merged.values
        self._gather_part(number, last + 1, item, digest)
        self.flush()
        if merged.moved:
            reread_times(self.connection, number, merged.totals)
        facts.update(msgspec.structs.asdict(merged.totals))
        spoken_of = found.span_count or not part.count  # else only logs told of it so far
        if spoken_of and (rooted or not trace_name(item.trace)[1]):
            facts["name"] = found.name
        facts["metadata"] = facts["metadata"] or found.metadata or ""
        facts["warnings"] = _united(found.warnings, warnings)
        self._update(number, facts)
        return _receipt(number, found.id, facts, created=False)

    def _identity(self, item: Incoming, found: _Found) -> tuple[str | None, list[TraceWarning]]:
        """The identity of a trace that grows: the header of a later part names it, unless
        that name belongs to another trace."""
        warnings = list(item.trace.warnings)
        wanted = item.external_id
        if wanted is None or wanted == found.identity:
            return found.identity, warnings
        if self._find(_BY_IDENTITY, item.agent_id, wanted) is None:
            return wanted, warnings
        message = f"x-request-id {wanted!r} belongs to another trace of this agent"
        return found.identity, [*warnings, TraceWarning("request_id_ignored", message)]

    @staticmethod
    def _columns(number: int, item: Incoming) -> SpanColumns:
        spans = span_columns(number, item.trace)
        return unite_repeats(spans) if item.mode == "merge" else spans

    def _facts(
        self,
        item: Incoming,
        spans: SpanColumns,
        revision: int,
        created_ns: int,
        identity: str | None,
        external_id: str | None,
    ) -> dict[str, Any]:
        """The columns ``inserts.FACTS`` in order, of a change that is accepted."""
        trace = item.trace
        self._sequence += 1
        return {
            "agent_id": item.agent_id,
            "identity": identity or "",
            "external_id": external_id or "",
            "trace_id": trace.trace_id or "",
            "format": trace.format._value_,
            "routed_by": item.routed_by,
            "name": trace_name(trace)[0],
            "revision": revision,
            "sequence": self._sequence,
            "span_count": spans.count,
            "error_count": spans.errors,
            "start_ns": ABSENT if spans.start_ns is None else spans.start_ns,
            "end_ns": ABSENT if spans.end_ns is None else spans.end_ns,
            "received_ns": created_ns,
            "updated_ns": item.received_ns,
            "metadata": json_text(trace.metadata) if trace.metadata else "",
            "warnings": json_text(trace.warnings) if trace.warnings else "",
        }

    def _update(self, number: int, facts: Mapping[str, Any]) -> None:
        values = [*facts.values(), number]
        if self._careful:
            values = [clean(value) for value in values]
        self.connection.execute(UPDATE, values)

    def _gather_request(self, item: Incoming) -> None:
        self._requests += (
            self._request,
            item.received_ns,
            item.method,
            item.path,
            json_text(item.headers),
            len(item.body),
            self._shares,
            item.body,  # compressed when it is written
        )

    def _count(self, item: Incoming, event: str) -> None:
        size = 0 if self._weighed else len(item.body)
        self._weighed = True
        self.tally.add(item.agent_id, event, "", 1, size, item.received_ns, "")

    def _gather_part(self, number: int, part: int, item: Incoming, digest: bytes | None) -> None:
        self._shares += 1
        resources = "" if item.resources is None else json_text(item.resources)
        self._parts += (number, part, self._request, resources, digest or "")


_MODES: dict[str, Callable[[Batch, Incoming], Receipt]] = {
    "create": Batch._create,
    "replace": Batch._replace,
    "merge": Batch._merge,
}


def _receipt(number: int, trace_id: str, facts: Mapping[str, Any], *, created: bool) -> Receipt:
    return Receipt(
        id=trace_id,
        number=number,
        created=created,
        revision=facts["revision"],
        external_id=facts["external_id"] or None,
        created_ns=facts["received_ns"],
        updated_ns=facts["updated_ns"],
        status="failed" if facts["error_count"] else "completed",
    )


def _unchanged(found: _Found) -> Receipt:
    return Receipt(
        id=found.id,
        number=found.number,
        created=False,
        revision=found.revision,
        external_id=found.external_id,
        created_ns=found.received_ns,
        updated_ns=found.updated_ns,
        status="failed" if found.error_count else "completed",
    )


def _united(stored: str | None, later: list[TraceWarning]) -> str:
    """Warnings of all parts, each once."""
    known = msgspec.json.decode(stored, type=list[TraceWarning]) if stored else []
    united = known + [warning for warning in later if warning not in known]
    return json_text(united) if united else ""

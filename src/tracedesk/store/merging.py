"""A further OTLP part joins the spans that are already there (ingestion spec 9).

For a repeated span the later non-empty column wins and a known time is never replaced by
an absent one. The cost is that of the part, not of the trace it joins.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from tracedesk.model.trace import Status
from tracedesk.store.values import ABSENT, SPAN_COLUMNS, SpanColumns, json_text

_COLUMNS = SPAN_COLUMNS.split(", ")
_WIDTH = len(_COLUMNS)
_FIELDS = _COLUMNS[3:]
"""The columns that merge; trace, span id and position come before them."""
_STATUS, _START, _END = (_FIELDS.index(name) for name in ("status", "start_ns", "end_ns"))
_ERROR = int(Status.ERROR)
_EXISTING = (
    "SELECT span_id, position, ifnull(parent_id, ''), name, kind,"
    f" ifnull(start_ns, {ABSENT}), ifnull(end_ns, {ABSENT}), status, ifnull(aliases, '') FROM span"
    " WHERE trace = ? AND span_id IN (SELECT value FROM json_each(?))"
)

_Known: TypeAlias = dict[str, tuple[int, list[Any]]]
"""Span id → position and ``_FIELDS``."""


class Totals(msgspec.Struct):
    """What the trace row says of its spans."""

    span_count: int = 0
    error_count: int = 0
    start_ns: int | None = None
    end_ns: int | None = None


class Merged(msgspec.Struct):
    """The span rows to write, flat, and the totals of the trace once they are written."""

    values: list[Any]
    totals: Totals
    moved: bool
    """A known time changed: start and end of the trace must be read again."""


def unite_repeats(part: SpanColumns) -> SpanColumns:
    """The part with each span id once: repeats merge in their order, as parts do."""
    if len(set(part.values[1::_WIDTH])) == part.count:
        return part
    number = part.values[0]
    known, count, errors, _ = _merged(part, {}, 0, 0)
    values = _flat(number, known)
    starts = [start for start in values[_COLUMNS.index("start_ns") :: _WIDTH] if start != ABSENT]
    ends = [end for end in values[_COLUMNS.index("end_ns") :: _WIDTH] if end != ABSENT]
    return SpanColumns(values, count, errors, min(starts, default=None), max(ends, default=None))


def merge_spans(
    connection: sqlite3.Connection, number: int, part: SpanColumns, before: Totals
) -> Merged:
    """Merge the spans of ``part`` into trace ``number``, whose totals were ``before``."""
    ids = json_text(part.values[1::_WIDTH])
    existing: _Known = {
        span_id: (position, fields)
        for span_id, position, *fields in connection.execute(_EXISTING, (number, ids))
    }
    known, count, errors, moved = _merged(part, existing, before.span_count, before.error_count)
    totals = Totals(
        count, errors, _least(before.start_ns, part.start_ns), _most(before.end_ns, part.end_ns)
    )
    return Merged(_flat(number, known), totals, moved)


def _merged(
    part: SpanColumns, known: _Known, count: int, errors: int
) -> tuple[_Known, int, int, bool]:
    """``known`` with the spans of ``part``, the new counts, and whether a known time changed."""
    moved = False
    for at in range(0, len(part.values), _WIDTH):
        _, span_id, _, *fields = part.values[at : at + _WIDTH]
        if span_id not in known:
            known[span_id] = (count, fields)
            count += 1
            errors += fields[_STATUS] == _ERROR
            continue
        position, old = known[span_id]
        new = [
            earlier if not later or later == ABSENT else later
            for later, earlier in zip(fields, old, strict=True)
        ]
        errors += (new[_STATUS] == _ERROR) - (old[_STATUS] == _ERROR)
        moved = moved or _times(new) != _times(old)
        known[span_id] = (position, new)
    return known, count, errors, moved


def _flat(number: int, known: _Known) -> list[Any]:
    values: list[Any] = []
    for span_id, (position, fields) in known.items():
        values += (number, span_id, position, *fields)
    return values


def reread_times(connection: sqlite3.Connection, number: int, totals: Totals) -> None:
    """Set start and end of ``totals`` from the stored spans of the trace."""
    totals.start_ns, totals.end_ns = connection.execute(
        "SELECT min(start_ns), max(end_ns) FROM span WHERE trace = ?", (number,)
    ).fetchone()


def _times(fields: Sequence[Any]) -> tuple[Any, Any]:
    return fields[_START], fields[_END]


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _most(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)

"""A further OTLP part joins the spans that are already there (ingestion spec 9).

For a repeated span the later non-empty column wins and a known time is never replaced by
an absent one. The cost is that of the part, not of the trace it joins.
"""

import sqlite3
from typing import Any

import msgspec

from tracedesk.model.trace import Status
from tracedesk.store.values import SpanColumns, json_text

_WIDTH = 9
_ERROR = int(Status.ERROR)
_EXISTING = (
    "SELECT span_id, position, parent_id, name, kind, start_ns, end_ns, status FROM span"
    " WHERE trace = ? AND span_id IN (SELECT value FROM json_each(?))"
)


class Totals(msgspec.Struct):
    """What the trace row says of its spans."""

    span_count: int
    error_count: int
    start_ns: int | None
    end_ns: int | None


class Merged(msgspec.Struct):
    """The span rows to write, and the totals of the trace once they are written."""

    values: list[Any]
    totals: Totals
    moved: bool
    """A known time changed: start and end of the trace must be read again."""


def merge_spans(
    connection: sqlite3.Connection, number: int, part: SpanColumns, before: Totals
) -> Merged:
    """Merge the spans of ``part`` into trace ``number``, whose totals were ``before``."""
    rows = [tuple(part.values[at : at + _WIDTH]) for at in range(0, len(part.values), _WIDTH)]
    ids = json_text([row[1] for row in rows])
    known = {found[0]: found[1:] for found in connection.execute(_EXISTING, (number, ids))}
    count, errors, moved = before.span_count, before.error_count, False
    for _, span_id, _, *fields in rows:
        old = known.get(span_id)
        if old is None:
            known[span_id] = (count, *fields)
            count += 1
            errors += fields[-1] == _ERROR
            continue
        new = (old[0], *map(_later, fields, old[1:]))
        errors += (new[-1] == _ERROR) - (old[-1] == _ERROR)
        moved = moved or new[4:6] != old[4:6]
        known[span_id] = new
    values = [v for span_id, (position, *rest) in known.items()
              for v in (number, span_id, position, *rest)]  # fmt: skip
    totals = Totals(
        count,
        errors,
        _extreme(min, before.start_ns, part.start_ns),
        _extreme(max, before.end_ns, part.end_ns),
    )
    return Merged(values, totals, moved)


def reread_times(connection: sqlite3.Connection, number: int, totals: Totals) -> None:
    """Set start and end of ``totals`` from the stored spans of the trace."""
    totals.start_ns, totals.end_ns = connection.execute(
        "SELECT min(start_ns), max(end_ns) FROM span WHERE trace = ?", (number,)
    ).fetchone()


def _later(new: Any, old: Any) -> Any:
    """The later value unless it says nothing: null, blank, kind NODE, status UNSET."""
    return new or old


def _extreme(choose: Any, one: int | None, other: int | None) -> int | None:
    return choose(one, other) if one is not None and other is not None else one or other

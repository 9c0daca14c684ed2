"""What whole-trace passes ask of every span, as columns in row order.

A pass over columns stays in C; over a million spans, asking each for its fields is a second.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import attrgetter
from typing import cast

import msgspec

from tracedesk.model.trace import Span, Status
from tracedesk.store.sketched import SketchedSpans, SpanColumns
from tracedesk.tui.view_models.time_axis import Axis

NO_TIME = -(1 << 63)
"""In a column of times: none was sent."""

_FARTHEST = 1 << 62
"""Nanoseconds from the epoch, 146 years, beyond which a time is taken for that one."""


class Columns(msgspec.Struct, frozen=True):
    """One entry a row. Times are nanoseconds since the epoch, ``NO_TIME`` for none."""

    starts: "array[int]"
    ends: "array[int]"
    kinds: bytes
    statuses: bytes
    failed: bytearray
    """1 for a span with an own error."""

    def axis(self) -> Axis | None:
        """From the first start to the last end or start; None when nothing has a start."""
        started = self.starts if NO_TIME not in self.starts else _timed(self.starts)
        first = min(started, default=None)
        if first is None:
            return None
        return Axis(first, max(max(self.starts), max(self.ends)))

    @property
    def untimed(self) -> Iterable[int]:
        """Rows without a start."""
        if NO_TIME not in self.starts:
            return ()
        return compress(range(len(self.starts)), map(NO_TIME.__eq__, self.starts))


def columns_of(spans: Sequence[Span], order: Sequence[int]) -> Columns:
    """The columns of spans by the order of their rows."""
    if isinstance(spans, SketchedSpans):
        return _sketched(spans.columns, order)
    rows = list(map(spans.__getitem__, order))
    statuses = bytes(map(attrgetter("status"), rows))
    failed = bytearray(map(Status.ERROR.__eq__, statuses))
    for row in compress(range(len(rows)), map(attrgetter("exception"), rows)):
        failed[row] = 1
    return Columns(
        starts=_times(map(attrgetter("start_ns"), rows)),
        ends=_times(map(attrgetter("end_ns"), rows)),
        kinds=bytes(map(attrgetter("kind"), rows)),
        statuses=statuses,
        failed=failed,
    )


def _sketched(columns: SpanColumns, order: Sequence[int]) -> Columns:
    statuses = bytes(map(columns.statuses.__getitem__, order))
    return Columns(
        starts=_times(map(columns.starts.__getitem__, order)),
        ends=_times(map(columns.ends.__getitem__, order)),
        kinds=bytes(map(columns.kinds.__getitem__, order)),
        statuses=statuses,
        failed=bytearray(map(Status.ERROR.__eq__, statuses)),
    )


def labels_of(spans: Sequence[Span], order: Sequence[int]) -> list[str]:
    """What spans are called, by the order of their rows."""
    if isinstance(spans, SketchedSpans):
        return list(map(spans.columns.names.__getitem__, order))
    return list(map(attrgetter("label"), map(spans.__getitem__, order)))


def ids_of(spans: Sequence[Span], order: Sequence[int]) -> list[str]:
    """Their ids, by the order of their rows."""
    if isinstance(spans, SketchedSpans):
        return list(map(spans.columns.span_ids.__getitem__, order))
    return list(map(attrgetter("span_id"), map(spans.__getitem__, order)))


def _times(found: Iterable[int | None]) -> "array[int]":
    sent = list(found)
    if None in sent:
        sent = [NO_TIME if time is None else time for time in sent]
    times = cast("list[int]", sent)
    if times and (max(times) > _FARTHEST or min(times) < -_FARTHEST):  # or none was sent
        times = [t if t == NO_TIME else min(max(t, -_FARTHEST), _FARTHEST) for t in times]
    return array("q", times)


def _timed(times: Sequence[int]) -> list[int]:
    return [time for time in times if time != NO_TIME]

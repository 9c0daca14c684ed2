"""What whole-trace passes ask of every span, as columns in row order.

A pass over columns stays in C; over a million spans, asking each for its fields is a second.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import cast

import msgspec

from tracedesk.model.order import Gather, gatherer
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.store.sketched import SketchedSpans, SpanColumns
from tracedesk.tui.view_models.time_axis import Axis

NO_TIME = -(1 << 63)
"""In a column of times: none was sent."""

_FARTHEST = 1 << 62
"""Nanoseconds from the epoch, 146 years, beyond which a time is taken for that one."""

_FAILED = bytes(status == Status.ERROR for status in range(256))
"""Status → 1 for an error."""


class Columns(msgspec.Struct, frozen=True):
    """One entry a row. Times are nanoseconds since the epoch, ``NO_TIME`` for none."""

    starts: "array[int]"
    ends: "array[int]"
    kinds: bytes
    statuses: bytes
    failed: bytearray
    """1 for a span with an own error."""
    axis: Axis | None
    """From the first start to the last end or start; None when nothing has a start."""
    untimed: Sequence[int]
    """Rows without a start."""
    running: bool
    """True when a span has no end."""

    def of_kind(self, kind: Kind) -> Iterator[int]:
        """Rows of a kind, in order."""
        at = self.kinds.find(kind)
        while at >= 0:
            yield at
            at = self.kinds.find(kind, at + 1)


def columns_of(spans: Sequence[Span], order: Sequence[int]) -> Columns:
    """The columns of spans by the order of their rows."""
    gather = gatherer(order)
    if isinstance(spans, SketchedSpans):
        return _sketched(spans.columns, gather)
    rows = gather(spans)
    statuses = bytes(map(attrgetter("status"), rows))
    failed = bytearray(statuses.translate(_FAILED))
    for row in compress(range(len(rows)), map(attrgetter("exception"), rows)):
        failed[row] = 1
    return _columns(
        list(map(attrgetter("start_ns"), rows)),
        list(map(attrgetter("end_ns"), rows)),
        bytes(map(attrgetter("kind"), rows)),
        statuses,
        failed,
    )


def _sketched(columns: SpanColumns, gather: Gather) -> Columns:
    statuses = bytes(gather(columns.statuses))
    return _columns(
        gather(columns.starts),
        gather(columns.ends),
        bytes(gather(columns.kinds)),
        statuses,
        bytearray(statuses.translate(_FAILED)),
    )


def _columns(
    started: Sequence[int | None],
    ended: Sequence[int | None],
    kinds: bytes,
    statuses: bytes,
    failed: bytearray,
) -> Columns:
    starts, ends = _Times(started), _Times(ended)
    axis = None
    if starts.first is not None and starts.last is not None:
        last = starts.last if ends.last is None else max(starts.last, ends.last)
        axis = Axis(starts.first, last)
    untimed: Sequence[int] = ()
    if starts.unsent:
        untimed = list(compress(range(len(started)), map(NO_TIME.__eq__, starts.column)))
    return Columns(
        starts=starts.column,
        ends=ends.column,
        kinds=kinds,
        statuses=statuses,
        failed=failed,
        axis=axis,
        untimed=untimed,
        running=ends.unsent,
    )


class _Times:
    """A column of times with what is known once all of it was looked at."""

    def __init__(self, told: Sequence[int | None]) -> None:
        self.unsent = None in told
        sent = [time for time in told if time is not None] if self.unsent else told
        times = cast("Sequence[int]", sent)
        first, last = min(times, default=None), max(times, default=None)
        if self.unsent:
            times = [NO_TIME if time is None else time for time in told]
        if first is not None and last is not None and (first < -_FARTHEST or last > _FARTHEST):
            times = [time if time == NO_TIME else _near(time) for time in times]
            first, last = _near(first), _near(last)
        self.first, self.last = first, last
        self.column = array("q", times)


def _near(time: int) -> int:
    return min(max(time, -_FARTHEST), _FARTHEST)


def labels_of(spans: Sequence[Span], order: Sequence[int]) -> Sequence[str]:
    """What spans are called, by the order of their rows."""
    gather = gatherer(order)
    if isinstance(spans, SketchedSpans):
        return gather(spans.columns.names)
    return list(map(attrgetter("label"), gather(spans)))

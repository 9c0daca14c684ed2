"""What whole-trace passes ask of every span, as columns in row order.

A pass over columns stays in C; over a million spans, asking each for its fields is a second.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import cast

import msgspec

from tracedesk.model.order import column_of, gatherer
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.store.sketched import NO_TIME, Sketch, SketchedSpans, Times
from tracedesk.tui.view_models.time_axis import Axis

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
    if isinstance(spans, SketchedSpans):
        return _sketched(spans.sketch)
    rows = gatherer(order)(spans)
    statuses = bytes(map(attrgetter("status"), rows))
    failed = bytearray(statuses.translate(_FAILED))
    for row in compress(range(len(rows)), map(attrgetter("exception"), rows)):
        failed[row] = 1
    return _columns(
        _times(map(attrgetter("start_ns"), rows)),
        _times(map(attrgetter("end_ns"), rows)),
        bytes(map(attrgetter("kind"), rows)),
        statuses,
        failed,
    )


def _sketched(sketch: Sketch) -> Columns:
    failed = bytearray(sketch.statuses.translate(_FAILED))
    return _columns(sketch.starts, sketch.ends, sketch.kinds, sketch.statuses, failed)


def _times(told: Iterable[int | None]) -> Times:
    """Of times that may be any number."""
    times = list(told)
    unsent = None in times
    sent = [time for time in times if time is not None] if unsent else cast("list[int]", times)
    first, last = min(sent, default=None), max(sent, default=None)
    filled = [NO_TIME if time is None else time for time in times] if unsent else sent
    if first is not None and last is not None and (first <= NO_TIME or last >= -NO_TIME):
        return Times.of(array("q", map(_near, filled)))  # beyond 64 bits
    return Times(column_of("q", filled), first, last, unsent)


def _columns(
    starts: Times, ends: Times, kinds: bytes, statuses: bytes, failed: bytearray
) -> Columns:
    starts, ends = _within_reach(starts), _within_reach(ends)
    axis = None
    if starts.first is not None and starts.last is not None:
        last = starts.last if ends.last is None else max(starts.last, ends.last)
        axis = Axis(starts.first, last)
    untimed: Sequence[int] = ()
    if starts.unsent:
        flags = map(NO_TIME.__eq__, starts.column)
        untimed = list(compress(range(len(starts.column)), flags))
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


def _within_reach(times: Times) -> Times:
    """The times, none of them farther than can be drawn."""
    first, last = times.first, times.last
    if first is None or last is None or (first >= -_FARTHEST and last <= _FARTHEST):
        return times
    return Times.of(array("q", map(_near, times.column)))


def _near(time: int) -> int:
    return time if time == NO_TIME else min(max(time, -_FARTHEST), _FARTHEST)


def labels_of(spans: Sequence[Span], order: Sequence[int]) -> Sequence[object]:
    """What spans are called, by the order of their rows: equal where that is the same."""
    if isinstance(spans, SketchedSpans):
        return spans.sketch.named
    return list(map(attrgetter("label"), gatherer(order)(spans)))

"""What whole-trace passes ask of every span, as columns in row order.

A pass over columns stays in C; over a million spans, asking each for its fields is a second.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
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

    def axis(self) -> Axis | None:
        """From the first start to the last end or start; None when nothing has a start."""
        started = self.starts if NO_TIME not in self.starts else _timed(self.starts)
        first = min(started, default=None)
        if first is None:
            return None
        return Axis(first, max(max(self.starts), max(self.ends)))

    def of_kind(self, kind: Kind) -> Iterator[int]:
        """Rows of a kind, in order."""
        at = self.kinds.find(kind)
        while at >= 0:
            yield at
            at = self.kinds.find(kind, at + 1)

    @property
    def untimed(self) -> Iterable[int]:
        """Rows without a start."""
        if NO_TIME not in self.starts:
            return ()
        return compress(range(len(self.starts)), map(NO_TIME.__eq__, self.starts))


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
    return Columns(
        starts=_times(list(map(attrgetter("start_ns"), rows))),
        ends=_times(list(map(attrgetter("end_ns"), rows))),
        kinds=bytes(map(attrgetter("kind"), rows)),
        statuses=statuses,
        failed=failed,
    )


def _sketched(columns: SpanColumns, gather: Gather) -> Columns:
    statuses = bytes(gather(columns.statuses))
    return Columns(
        starts=_times(gather(columns.starts)),
        ends=_times(gather(columns.ends)),
        kinds=bytes(gather(columns.kinds)),
        statuses=statuses,
        failed=bytearray(statuses.translate(_FAILED)),
    )


def labels_of(spans: Sequence[Span], order: Sequence[int]) -> Sequence[str]:
    """What spans are called, by the order of their rows."""
    gather = gatherer(order)
    if isinstance(spans, SketchedSpans):
        return gather(spans.columns.names)
    return list(map(attrgetter("label"), gather(spans)))


def _times(sent: Sequence[int | None]) -> "array[int]":
    if None in sent:
        sent = [NO_TIME if time is None else time for time in sent]
    times = cast("Sequence[int]", sent)
    if times and (max(times) > _FARTHEST or min(times) < -_FARTHEST):  # or none was sent
        times = [t if t == NO_TIME else min(max(t, -_FARTHEST), _FARTHEST) for t in times]
    return array("q", times)


def _timed(times: Sequence[int]) -> list[int]:
    return [time for time in times if time != NO_TIME]

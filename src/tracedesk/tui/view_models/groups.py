"""Runs of identical siblings that are shown as one row: ``http GET ×14``.

Identical are neighbours of one parent with the same name, kind and status, without children,
without an own error, and with proper times or none. Agents and model calls are never put
together: each is a turn of what happened. Rows that must stand alone split a run.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
from operator import eq, ge

import msgspec

from tracedesk.model.trace import Kind
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.tui.view_models.columns import Columns

LEAST = 3
"""Members from which a run is shown as one row."""

ALONE = frozenset((Kind.AGENT, Kind.MODEL))
"""Kinds that are never put together."""

_ALONE = bytes(kind in ALONE for kind in range(256))
_ZERO = bytes(value == 0 for value in range(256))
_RUN = b"\1" * (LEAST - 1)


class Aggregate(msgspec.Struct, frozen=True):
    """What one row says of a run. Times are nanoseconds, None when none was sent."""

    count: int
    total_ns: int | None
    longest_ns: int | None
    start_ns: int | None
    end_ns: int | None


class Groups(msgspec.Struct, frozen=True):
    """Runs of rows, in order: those from each head to before the end beside it."""

    heads: "array[int]"
    ends: "array[int]"

    def around(self, row: int) -> tuple[int, int] | None:
        """Head and end of the run that a row belongs to."""
        at = bisect_right(self.heads, row) - 1
        if at < 0 or row >= self.ends[at]:
            return None
        return self.heads[at], self.ends[at]

    def without(self, rows: Iterable[int]) -> "Groups":
        """The runs split at rows that must stand alone; what gets too short is no run."""
        cuts: dict[int, list[int]] = {}
        for row in sorted(set(rows)):
            if self.around(row) is not None:
                cuts.setdefault(bisect_right(self.heads, row) - 1, []).append(row)
        if not cuts:
            return self
        heads, ends = array("i"), array("i")
        done = 0
        for at, alone in cuts.items():
            heads += self.heads[done:at]
            ends += self.ends[done:at]
            for before, after in pairwise([self.heads[at] - 1, *alone, self.ends[at]]):
                if after - before - 1 >= LEAST:
                    heads.append(before + 1)
                    ends.append(after)
            done = at + 1
        return Groups(heads + self.heads[done:], ends + self.ends[done:])


NO_GROUPS = Groups(array("i"), array("i"))


def find_groups(tree: SpanTree, columns: Columns, labels: Callable[[], Sequence[object]]) -> Groups:
    """The runs of a tree; ``labels``, what spans are called in row order, is asked only where
    there may be one.

    Passes that stay in C, and one look at each run: a sixth of a second for a million spans.
    """
    size = len(tree)
    if size <= LEAST:
        return NO_GROUPS
    alone = _flags(columns.kinds.translate(_ALONE)) | _flags(columns.failed)
    same = _equal_next(tree.depth)  # then the next row is a sibling, and this one has no children
    same &= _equal_next_byte(columns.kinds) & _equal_next_byte(columns.statuses)
    same &= ~(alone | alone >> 8)
    if _RUN not in same.to_bytes(size, "little"):
        return NO_GROUPS
    proper = _flags(map(ge, columns.ends, columns.starts))
    same &= proper & proper >> 8 & _equal_next(labels())
    found = same.to_bytes(size, "little")
    heads, stops = array("i"), array("i")
    at = found.find(_RUN)
    while at >= 0:
        stop = found.find(0, at)  # the last row equals nothing after it
        end = stop + 1 if tree.subtree_end[stop] == stop + 1 else stop
        if end - at >= LEAST and tree.parent[at] != ROOT:
            heads.append(at)
            stops.append(end)
        at = found.find(_RUN, stop)
    return Groups(heads, stops)


def _equal_next(column: Sequence[object]) -> int:
    return _flags(map(eq, column, islice(column, 1, None)))


def _equal_next_byte(column: bytes) -> int:
    values = int.from_bytes(column, "little")
    return _flags((values ^ values >> 8).to_bytes(len(column), "little").translate(_ZERO))


def _flags(flags: Iterable[int]) -> int:
    """Flags of 0 or 1 as one number, a byte each, the first row lowest: a whole column is then
    combined with another in one step, and shifted by a row in one more."""
    return int.from_bytes(flags if isinstance(flags, bytes) else bytes(flags), "little")

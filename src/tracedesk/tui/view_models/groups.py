"""Runs of identical siblings that are shown as one row: ``http GET ×14``.

Identical are neighbours of one parent with the same name, kind and status, without children,
without an own error, and with proper times or none. Agents and model calls are never put
together: each is a turn of what happened. Rows that must stand alone split a run.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import count, islice, pairwise
from operator import eq, ge

import msgspec

from tracedesk.model.trace import Kind
from tracedesk.model.tree import ROOT, SpanTree

LEAST = 3
"""Members from which a run is shown as one row."""

ALONE = frozenset((Kind.AGENT, Kind.MODEL))
"""Kinds that are never put together."""


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
            if (run := self.around(row)) is not None:
                cuts.setdefault(run[0], []).append(row)
        if not cuts:
            return self
        heads, ends = array("i"), array("i")
        for head, end in zip(self.heads, self.ends, strict=True):
            edges = [head - 1, *cuts.get(head, ()), end]
            for before, after in pairwise(edges):
                if after - before - 1 >= LEAST:
                    heads.append(before + 1)
                    ends.append(after)
        return Groups(heads, ends)


NO_GROUPS = Groups(array("i"), array("i"))


def find_groups(
    tree: SpanTree,
    labels: Sequence[str],
    sorts: Sequence[Sequence[int]],
    alone: bytearray,
    starts: Sequence[int],
    ends: Sequence[int],
) -> Groups:
    """The runs of a tree. All columns are in row order: what spans are called, columns that are
    equal for identical spans, 1 for rows that must stand alone, and times, ``NO_TIME`` for
    those that were not sent.

    Passes that stay in C, and one look at each run: a third of a second for a million spans.
    """
    size = len(tree)
    if size <= LEAST:
        return NO_GROUPS
    single = _bits(map(eq, tree.subtree_end, count(1)))
    single &= _bits(map(ge, ends, starts)) & ~_bits(alone)
    same = single & (single >> 8)  # a row and the one after it
    for column in (tree.parent, *sorts, labels):
        same &= _bits(map(eq, column, islice(column, 1, None)))
    found = same.to_bytes(size, "little")
    heads, stops = array("i"), array("i")
    at = found.find(b"\1" * (LEAST - 1))
    while at >= 0:
        stop = found.find(0, at)  # the last row equals nothing after it
        if tree.parent[at] != ROOT:
            heads.append(at)
            stops.append(stop + 1)
        at = found.find(b"\1" * (LEAST - 1), stop)
    return Groups(heads, stops)


def _bits(flags: Iterable[int]) -> int:
    """Flags of 0 or 1 as one number, a byte each, the first row lowest."""
    return int.from_bytes(bytes(flags), "little")

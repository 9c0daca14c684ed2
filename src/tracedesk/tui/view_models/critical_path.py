"""The critical path: the spans that decided when the trace was done.

Followed backwards from the end of a root. At each moment the path is in exactly one span;
within a span that ran until *t* it goes to the child that finished last by *t*, and from
where that child began to the child that finished last by then, until no child is left. A
child that outlives its parent counts as ended with it. Of children that finished together
the one that began first is taken; a span without a duration is never on the path.
"""

from array import array
from collections.abc import Sequence

import msgspec

from tracedesk.model.tree import SpanTree
from tracedesk.store.sketched import NO_TIME


class CriticalPath(msgspec.Struct, frozen=True):
    """The path below one root, and how long it was in what. Times are nanoseconds."""

    root: int
    rows: "array[int]"
    """Rows on the path, in order, the root among them."""
    length_ns: int
    """From the start to the end of the root."""
    working_ns: int
    """Of that, in spans without children: what could be made faster there."""

    @property
    def waiting_ns(self) -> int:
        """Of that, in spans between and around their children."""
        return self.length_ns - self.working_ns


def critical_path(
    tree: SpanTree, starts: Sequence[int], ends: Sequence[int], root: int
) -> CriticalPath | None:
    """The path below a row; None when it has no duration. ``starts`` and ``ends`` are in row
    order, ``NO_TIME`` for one that was not sent. Iterative; linear but for sorting."""
    if NO_TIME in (starts[root], ends[root]) or ends[root] <= starts[root]:
        return None
    on_path = []
    working = 0
    stack = [(root, starts[root], ends[root])]
    while stack:
        row, since, until = stack.pop()
        on_path.append(row)
        if tree.subtree_end[row] == row + 1:
            working += until - since
            continue
        for child, begun, done in _steps(tree, starts, ends, row, since, until):
            stack.append((child, begun, done))
    length = ends[root] - starts[root]
    return CriticalPath(root, array("i", sorted(on_path)), length, working)


def _steps(
    tree: SpanTree, starts: Sequence[int], ends: Sequence[int], row: int, since: int, until: int
) -> list[tuple[int, int, int]]:
    """The children of a row on the path, with from when until when each of them is."""
    timed = [
        (min(ends[child], until), -max(starts[child], since), -child)
        for child in tree.children(row)
        if starts[child] != NO_TIME
    ]
    timed.sort(reverse=True)
    steps = []
    at = until
    for end, minus_start, minus_child in timed:
        if end <= at and -minus_start < end:
            steps.append((-minus_child, -minus_start, end))
            at = -minus_start
    return steps

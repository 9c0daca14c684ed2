"""The span tree as flat arrays in depth-first order: columns, not nodes.

Descendants of row ``i`` are the slice ``i + 1 : subtree_end[i]``; folding is a jump and
whatever bubbles up is one backward pass. Nothing recurses: real traces chain thousands
of spans deep.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise, repeat
from typing import Protocol, cast

import msgspec

from tracedesk.model.links import NO_PARENT, cycle_heads, indexes
from tracedesk.model.order import column_of

ROOT = NO_PARENT
"""Parent row of a root."""


class Index(Protocol):
    """Where the span of an id is."""

    def get(self, span_id: str, /) -> int | None:
        """None when there is none."""

    def __len__(self) -> int: ...


class SpanTree(msgspec.Struct, kw_only=True):
    """All arrays are in row order: pre-order, children by start time, then body order."""

    order: Sequence[int]
    """Row → index of the span in the sequence the tree is of."""
    parent: "array[int]"
    """Row → row of the parent, ``ROOT`` for roots."""
    depth: "array[int]"
    subtree_end: "array[int]"
    """Row → first row that is not a descendant."""
    orphans: dict[int, str]
    """Rows drawn as roots whose parent was not received → that parent's id."""
    cycles: dict[int, str]
    """Rows where a parent cycle was broken → the parent id they named."""
    index_of: Index
    """Span id → index of its span, of the last one where an id came twice."""

    def __len__(self) -> int:
        return len(self.order)

    @classmethod
    def build(
        cls,
        span_ids: Sequence[str],
        parent_ids: Sequence[str | None],
        starts: Sequence[int | None],
    ) -> "SpanTree":
        """Build from equally long columns in body order. Never fails, never drops a span.

        A span id that occurs twice keeps both rows; children hang under the last of them.
        A parent cycle is broken at its member that comes first in the body. Linear, but
        for the sorting of siblings.
        """
        index_of = dict(zip(span_ids, range(len(span_ids)), strict=True))
        find = cast("Callable[[str | None, int], int]", index_of.get)
        parents = list(map(find, parent_ids, repeat(ROOT)))
        missing = {
            index: parent_id
            for index in indexes(parents, ROOT)
            if (parent_id := parent_ids[index]) is not None
        }
        return cls.linked(index_of, parents, missing, starts)

    @classmethod
    def linked(
        cls,
        index_of: dict[str, int],
        parents: list[int],
        missing: Mapping[int, str],
        starts: Sequence[int | None],
    ) -> "SpanTree":
        """As ``build``, of spans whose parents were looked up: ``parents`` are indexes, ``ROOT``
        where there is none, and ``missing`` are the ids of those that were not received."""
        found = pre_order(parents, starts)
        cycles: dict[int, str] = {}
        if len(found.order) < len(parents):  # whoever hangs in a cycle is not reached from a root
            named = {parents[head]: head for head in cycle_heads(parents)}
            cycles = {named[at]: span_id for span_id, at in index_of.items() if at in named}
            parents = list(parents)
            for head in cycles:
                parents[head] = ROOT
            found = pre_order(parents, starts)
        rows = found.rows_of_roots() if missing or cycles else {}
        return cls(
            order=column_of("i", found.order),
            parent=column_of("i", found.parent),
            depth=column_of("i", found.depth),
            subtree_end=column_of("i", found.subtree_end),
            orphans={rows[index]: parent_id for index, parent_id in missing.items()},
            cycles={rows[index]: parent_id for index, parent_id in cycles.items()},
            index_of=index_of,
        )

    def children(self, row: int) -> Iterable[int]:
        """Direct children of a row, in order."""
        child, end = row + 1, self.subtree_end[row]
        while child < end:
            yield child
            child = self.subtree_end[child]

    def ancestors(self, row: int) -> Iterable[int]:
        """Parent, grandparent, … up to the root."""
        row = self.parent[row]
        while row != ROOT:
            yield row
            row = self.parent[row]

    def bubble(self, counts: Sequence[int]) -> "array[int]":
        """Sum a per-row count over each subtree, the row itself included."""
        total = array("q", counts)
        parent = self.parent
        for row in range(len(total) - 1, 0, -1):
            if parent[row] != ROOT:
                total[parent[row]] += total[row]
        return total


class PreOrder(msgspec.Struct, frozen=True):
    """The rows of a tree as lists; see ``SpanTree``."""

    order: list[int]
    parent: list[int]
    depth: list[int]
    subtree_end: list[int]

    def rows_of_roots(self) -> dict[int, int]:
        """Index of a span that is drawn as a root → its row."""
        return {self.order[row]: row for row in indexes(self.parent, ROOT)}


def pre_order(
    parents: Sequence[int], starts: Sequence[int | None], untimed: int | None = None
) -> PreOrder:
    """The rows of all that a root leads to. Siblings stand by start time, then body order; one
    whose start is ``untimed`` leaves the body's order for all.

    Each span knows the first of its children and the sibling after it, so that a walk needs
    no list for every parent: over a million spans those are a second.
    """
    size = len(parents)
    first, after = _families(parents, _sort_keys(parents, starts, untimed))
    order: list[int] = []
    parent: list[int] = []
    depth: list[int] = []
    ends = list(range(1, size + 1))
    row, level = ROOT, 0  # of the parent
    rows: list[int] = []  # those above it, and where the walk goes on from each
    waiting: list[int] = []
    at = first[ROOT]
    while at != ROOT:
        order.append(at)
        parent.append(row)
        depth.append(level)
        if first[at] != ROOT:
            rows.append(row)
            waiting.append(after[at])
            row = len(order) - 1
            level += 1
            at = first[at]
            continue
        at = after[at]
        while at == ROOT and rows:
            ends[row] = len(order)
            row, at = rows.pop(), waiting.pop()
            level -= 1
    return PreOrder(order, parent, depth, ends)


def _families(parents: Sequence[int], keys: Sequence[int]) -> tuple[list[int], list[int]]:
    """Of each span its first child, and last that of the roots; of each the sibling after it.

    Only siblings that came in another order are sorted: all spans at once would hold up every
    other thread for as long as that takes.
    """
    size = len(parents)
    first, after = [ROOT] * (size + 1), [ROOT] * size
    disordered: set[int] = set()
    for index in range(size - 1, -1, -1):
        above = parents[index]
        following = first[above]
        if following != ROOT and keys[index] > keys[following]:
            disordered.add(above)
        after[index] = following
        first[above] = index
    for above in disordered:
        children = []
        at = first[above]
        while at != ROOT:
            children.append(at)
            at = after[at]
        children.sort(key=keys.__getitem__)
        first[above] = children[0]
        for at, following in pairwise([*children, ROOT]):
            after[at] = following
    return first, after


def _sort_keys(
    parents: Sequence[int], starts: Sequence[int | None], untimed: int | None
) -> Sequence[int]:
    if untimed in starts:
        kept = {above for above, start in zip(parents, starts, strict=True) if start == untimed}
        starts = [0 if above in kept else at for above, at in zip(parents, starts, strict=True)]
    return cast("Sequence[int]", starts)

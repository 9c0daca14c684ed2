"""The span tree as flat arrays in depth-first order: columns, not nodes.

Descendants of row ``i`` are the slice ``i + 1 : subtree_end[i]``; folding is a jump and
whatever bubbles up is one backward pass. Nothing recurses: real traces chain thousands
of spans deep.
"""

from array import array
from collections.abc import Iterable, Sequence

import msgspec

from tracedesk.model.links import NO_PARENT, cycle_heads

ROOT = NO_PARENT
"""Parent row of a root."""


class SpanTree(msgspec.Struct, kw_only=True):
    """All arrays are in row order: pre-order, children by start time, then body order."""

    order: "array[int]"
    """Row → index of the span in the sequence the tree was built from."""
    parent: "array[int]"
    """Row → row of the parent, ``ROOT`` for roots."""
    depth: "array[int]"
    subtree_end: "array[int]"
    """Row → first row that is not a descendant."""
    orphans: dict[int, str]
    """Rows drawn as roots whose parent was not received → that parent's id."""
    cycles: dict[int, str]
    """Rows where a parent cycle was broken → the parent id they named."""

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
        parents = _parents(span_ids, parent_ids)
        orphans = {
            i: parent_id
            for i, parent_id in enumerate(parent_ids)
            if parent_id is not None and parents[i] == ROOT
        }
        order = _pre_order(parents, starts)
        cycles: dict[int, str] = {}
        if len(order) < len(parents):  # whoever hangs in a cycle is not reached from a root
            for head in cycle_heads(parents):
                cycles[head] = parent_ids[head] or ""
                parents[head] = ROOT
            order = _pre_order(parents, starts)
        row_of = [0] * len(order)
        for row, index in enumerate(order):
            row_of[index] = row
        row_of.append(ROOT)  # so that the parent of a root, -1, maps to itself
        parent = [row_of[parents[index]] for index in order]
        return cls(
            order=array("i", order),
            parent=array("i", parent),
            depth=array("i", _depths(parent)),
            subtree_end=array("i", _subtree_ends(parent)),
            orphans={row_of[i]: pid for i, pid in orphans.items()},
            cycles={row_of[i]: pid for i, pid in cycles.items()},
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


def _parents(span_ids: Sequence[str], parent_ids: Sequence[str | None]) -> list[int]:
    """Index of each span's parent in the body, ``ROOT`` where there is none."""
    index_of: dict[str | None, int] = dict(zip(span_ids, range(len(span_ids)), strict=True))
    return [index_of.get(parent_id, ROOT) for parent_id in parent_ids]


def _pre_order(parents: list[int], starts: Sequence[int | None]) -> list[int]:
    """Body indexes in depth-first order, for all that is reachable from a root."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents):
        siblings = children.get(parent)
        if siblings is None:
            children[parent] = [index]
        else:
            siblings.append(index)
    for siblings in children.values():
        if len(siblings) > 1:
            keys = [starts[i] for i in siblings]
            if None not in keys:  # an untimed sibling leaves the body's order for all
                siblings.sort(key=starts.__getitem__)  # type: ignore[arg-type]
            siblings.reverse()  # a stack gives back the last first
    order: list[int] = []
    stack = children.get(ROOT, [])
    while stack:
        index = stack.pop()
        order.append(index)
        if index in children:
            stack += children[index]
    return order


def _depths(parent: list[int]) -> list[int]:
    depth: list[int] = []
    for above in parent:
        depth.append(0 if above == ROOT else depth[above] + 1)
    return depth


def _subtree_ends(parent: list[int]) -> list[int]:
    end = list(range(1, len(parent) + 1))
    for row in range(len(parent) - 1, 0, -1):
        above = parent[row]
        if above != ROOT and end[above] < end[row]:
            end[above] = end[row]
    return end

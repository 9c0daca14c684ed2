"""The span tree as flat arrays in depth-first order: columns, not nodes.

Descendants of row ``i`` are the slice ``i + 1 : subtree_end[i]``; folding is a jump and
whatever bubbles up is one backward pass. Nothing recurses: real traces chain thousands
of spans deep.
"""

from array import array
from collections.abc import Iterable, Sequence

import msgspec

ROOT = -1
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
        count = len(span_ids)
        parent_at = _parents(span_ids, parent_ids)
        orphans = {
            i: parent_id
            for i, parent_id in enumerate(parent_ids)
            if parent_id is not None and parent_at[i] == ROOT
        }
        cycles = _break_cycles(parent_at, parent_ids)
        children, roots = _children(parent_at, starts)
        order, depth = _pre_order(children, roots, count)
        row_of = array("q", bytes(8 * count))
        for row, index in enumerate(order):
            row_of[index] = row
        parent = array("q", (ROOT if (p := parent_at[i]) == ROOT else row_of[p] for i in order))
        return cls(
            order=order,
            parent=parent,
            depth=depth,
            subtree_end=_subtree_ends(parent, count),
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


def _parents(span_ids: Sequence[str], parent_ids: Sequence[str | None]) -> "array[int]":
    index_of = dict(zip(span_ids, range(len(span_ids)), strict=True))
    get = index_of.get
    return array("q", (ROOT if p is None else get(p, ROOT) for p in parent_ids))


def _break_cycles(parent_at: "array[int]", parent_ids: Sequence[str | None]) -> dict[int, str]:
    """Cut each cycle at its first member in the body; ``parent_at`` is changed in place."""
    cut: dict[int, str] = {}
    state = bytearray(len(parent_at))  # 0 unseen, 1 on the current path, 2 known to reach a root
    for start in range(len(parent_at)):
        path = []
        node = start
        while node != ROOT and not state[node]:
            state[node] = 1
            path.append(node)
            node = parent_at[node]
        if node != ROOT and state[node] == 1:
            first = min(path[path.index(node) :])
            cut[first] = parent_ids[first] or ""
            parent_at[first] = ROOT
        for seen in path:
            state[seen] = 2
    return cut


def _children(
    parent_at: "array[int]", starts: Sequence[int | None]
) -> tuple[dict[int, list[int]], list[int]]:
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parent_at):
        siblings = children.get(parent)
        if siblings is None:
            children[parent] = [index]
        else:
            siblings.append(index)
    for siblings in children.values():
        if len(siblings) > 1 and all(starts[i] is not None for i in siblings):
            siblings.sort(key=starts.__getitem__)  # type: ignore[arg-type]
    return children, children.pop(ROOT, [])


def _pre_order(
    children: dict[int, list[int]], roots: list[int], count: int
) -> tuple["array[int]", "array[int]"]:
    order, depth = array("q"), array("q")
    stack = [(root, 0) for root in reversed(roots)]
    while stack:
        index, level = stack.pop()
        order.append(index)
        depth.append(level)
        below = children.get(index)
        if below:
            stack.extend([(child, level + 1) for child in reversed(below)])
    assert len(order) == count, "every span is reachable once cycles are cut"
    return order, depth


def _subtree_ends(parent: "array[int]", count: int) -> "array[int]":
    size = array("q", [1]) * count
    for row in range(count - 1, 0, -1):
        above = parent[row]
        if above != ROOT:
            size[above] += size[row]
    return array("q", (row + size[row] for row in range(count)))

"""Two traces, A on the left and B on the right: which span belongs to which, what differs, and
where that began.

A pair can come apart twice: when the call is made (its name, its arguments) and when it ends (its
result, its failure). The first divergence is the earliest of these moments, so an agent whose
answer differs because a tool inside it was called otherwise does not hide that tool.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property

import msgspec

from tracedesk.comparing.alignment import Pair, align
from tracedesk.comparing.side import NOTHING, Side, words_of
from tracedesk.model.trace import Span, Status
from tracedesk.model.tree import ROOT

RENAMED = 0.6
"""Shared words from which two calls of one role and different names are the same call."""


class Change(StrEnum):
    """What became of a call."""

    SAME = "same"
    CHANGED = "changed"
    LEFT = "only in A"
    RIGHT = "only in B"
    MOVED = "moved"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One line of the comparison: a pair, or a call that stands alone on its side."""

    left: int | None
    """Row in the left tree."""
    right: int | None
    change: Change
    parts: tuple[str, ...] = ()
    """What differs of a pair: ``role``, ``name``, ``model``, ``given``, ``status``, ``gave``."""
    elsewhere: int | None = None
    """Of a moved call: its row in the other tree."""

    @property
    def pair(self) -> tuple[int | None, int | None]:
        """Both rows, that of a moved call on its other side included."""
        if self.left is None:
            return self.elsewhere, self.right
        return self.left, self.elsewhere if self.right is None else self.right


AT_START = frozenset({"role", "name", "model", "given"})
"""Parts that are known when a call is made; the others when it ends."""


class Comparison:
    """Two sides, aligned. Takes as long as the traces are large: make it in a worker."""

    def __init__(self, left: Side, right: Side) -> None:
        self.left = left
        self.right = right
        pairs = aligned(left, right)
        moved = _moved(left, right, pairs)
        self.rows = list(_rows(left, right, pairs, moved))

    @cached_property
    def divergences(self) -> list[int]:
        """Positions in ``rows`` of all that is not the same, ascending."""
        return [at for at, row in enumerate(self.rows) if row.change is not Change.SAME]

    @cached_property
    def first(self) -> int | None:
        """Position of the first divergence in the order in which calls were made and ended."""
        at = min(self._moments(), default=None)
        return None if at is None else at[-1]

    def _moments(self) -> Iterator[tuple[int, int, int, int]]:
        """Of each divergence its moment: after which line, start before end, inner end first."""
        for at in self.divergences:
            row = self.rows[at]
            if row.change is Change.CHANGED and AT_START.isdisjoint(row.parts):
                yield self._end(row), 1, -at, at
            else:
                yield at, 0, 0, at

    def _end(self, row: Row) -> int:
        """The last line of the subtree of a pair, on either side."""
        assert row.left is not None, "a pair has a call on either side"
        assert row.right is not None, "a pair has a call on either side"
        here, there = self._lines
        left, right = self.left.tree.subtree_end, self.right.tree.subtree_end
        return max(here[left[row.left] - 1], there[right[row.right] - 1])

    @cached_property
    def _lines(self) -> tuple[list[int], list[int]]:
        """Per row of either tree the line where it stands."""
        here, there = [0] * len(self.left), [0] * len(self.right)
        for at, row in enumerate(self.rows):
            if row.left is not None:
                here[row.left] = at
            if row.right is not None:
                there[row.right] = at
        return here, there

    def diverging(self, *, left: bool) -> list[str]:
        """Ids of the spans of one side that are not the same on the other, in call order."""
        side = self.left if left else self.right
        rows = (self.rows[at] for at in self.divergences)
        places = (row.left if left else row.right for row in rows)
        return [side.spans[place].span_id for place in places if place is not None]

    def line_of(self, span_id: str, *, left: bool) -> int | None:
        """The line where a span of one side stands."""
        spans = (self.left if left else self.right).spans
        lines = self._lines[not left]
        return next((lines[at] for at, span in enumerate(spans) if span.span_id == span_id), None)

    def depth(self, row: Row) -> int:
        """How deep a line is indented: as deep as its left span, else its right one."""
        if row.left is not None:
            return self.left.tree.depth[row.left]
        return 0 if row.right is None else self.right.tree.depth[row.right]

    def counts(self) -> dict[Change, int]:
        """Lines by what became of them; a moved call stands on two lines and counts once."""
        found = dict.fromkeys(Change, 0)
        for row in self.rows:
            if row.change is not Change.MOVED or row.left is not None:
                found[row.change] += 1
        return found


def aligned(left: Side, right: Side) -> list[Pair]:
    """Rows that belong together, ascending. The same from either side."""
    if right.fingerprint() < left.fingerprint():
        return sorted((a, b) for b, a in aligned(right, left))
    return align(left.keys(), right.keys(), _score(left, right))


def _score(left: Side, right: Side) -> Callable[[int, int], float]:
    words: dict[tuple[bool, int], frozenset[str]] = {}

    def said(side: Side, row: int) -> frozenset[str]:
        key = (side is left, row)
        if key not in words:
            words[key] = words_of((side.given_at(row), side.gave_at(row)))
        return words[key]

    def score(a: int, b: int) -> float:
        same_role = left.roles[a] == right.roles[b]
        if left.names[a] == right.names[b]:
            if not same_role:
                return 1.0
            alike = left.given[a] == right.given[b], left.gave[a] == right.gave[b]
            content = 3.0 if all(alike) else alike[0] + _shared(said(left, a), said(right, b))
            return 2.0 + content + (left.paths[a] == right.paths[b])
        if left.tree.parent[a] == right.tree.parent[b] == ROOT:
            return 0.25  # where the traces begin, whatever they are called
        if not same_role:
            return 0.0
        shared = _shared(said(left, a), said(right, b))
        return 0.5 + shared if shared >= RENAMED else 0.0

    return score


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    """Part of the words that both have, from 0 to 1; 0 when neither has any."""
    both = len(left & right)
    return both / (len(left) + len(right) - both) if both else 0.0


def _moved(left: Side, right: Side, pairs: Sequence[Pair]) -> dict[int, int]:
    """Calls left over on both sides that are one call made at another time: of the same name and
    arguments, else of the same name below the same parent. The first goes with the first."""
    beside = dict(pairs)
    taken = set(beside.values())
    here = [row for row in range(len(left)) if row not in beside]
    there = [row for row in range(len(right)) if row not in taken]
    beside[ROOT] = ROOT
    found: dict[int, int] = {}
    for key_of in (_by_arguments, _by_parent):
        waiting: dict[object, list[int]] = {}
        for b in reversed(there):
            waiting.setdefault(key_of(right, b, right.tree.parent[b]), []).append(b)
        waiting.pop(None, None)
        for a in here:
            partners = waiting.get(key_of(left, a, beside.get(left.tree.parent[a])))
            if partners:
                found[a] = partners.pop()
        gone = set(found.values())
        here = [row for row in here if row not in found]
        there = [row for row in there if row not in gone]
    return found


def _by_arguments(side: Side, row: int, parent: int | None) -> object:
    if side.given[row] == NOTHING:
        return None
    return side.roles[row], side.names[row], side.given[row]


def _by_parent(side: Side, row: int, parent: int | None) -> object:
    return None if parent is None else (side.roles[row], side.names[row], parent)


def _rows(left: Side, right: Side, pairs: Sequence[Pair], moved: dict[int, int]) -> Iterator[Row]:
    back = {b: a for a, b in moved.items()}
    a = b = 0
    for here, there in (*pairs, (len(left), len(right))):
        for row in range(a, here):
            to = moved.get(row)
            yield Row(row, None, Change.LEFT if to is None else Change.MOVED, (), to)
        for row in range(b, there):
            to = back.get(row)
            yield Row(None, row, Change.RIGHT if to is None else Change.MOVED, (), to)
        if here < len(left):
            parts = tuple(differing(left, here, right, there))
            yield Row(here, there, Change.CHANGED if parts else Change.SAME, parts)
        a, b = here + 1, there + 1


def differing(left: Side, a: int, right: Side, b: int) -> Iterator[str]:
    """What differs of two calls that belong together; times, ids and tokens always do, and are
    not looked at."""
    if left.roles[a] != right.roles[b]:
        yield "role"
    if left.names[a] != right.names[b]:
        yield "name"
    if left.models[a] != right.models[b]:
        yield "model"
    if left.given[a] != right.given[b]:
        yield "given"
    if state(left.spans[a]) != state(right.spans[b]):
        yield "status"
    if left.gave[a] != right.gave[b]:
        yield "gave"


def state(span: Span) -> str:
    """``failed``, ``skipped`` or ``ok``; a status that was not set is a success."""
    if span.failed:
        return "failed"
    return "skipped" if span.status is Status.SKIPPED else "ok"

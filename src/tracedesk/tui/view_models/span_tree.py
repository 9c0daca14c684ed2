"""Which spans of a trace are on screen, in which order, and where the jumps lead.

Rows are positions in the ``SpanTree``; *lines* are positions among the visible rows. The
visible rows are one sorted array, so a fold cuts a slice out of it and an unfold copies a
slice in: microseconds at a million spans. Nothing recurses.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import attrgetter

from tracedesk.model.trace import Kind, Span, Status
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.tui.view_models.time_axis import Axis

Rows = Sequence[int]

JUMPS = ("error", "tool", "model", "failure", "hit")
"""What ``next_of`` can look for."""


class SpanRows:
    """The rows of one open trace. ``spans`` are in body order, as the tree was built."""

    def __init__(self, tree: SpanTree, spans: Sequence[Span]) -> None:
        self.tree = tree
        self.spans = spans
        self.folded = bytearray(len(tree))
        """1 for every row that the user folded, visible or not."""
        self._all = array("q", range(len(tree)))
        self._kept = self._all
        self.visible = self._all[:]
        self._rows_of: dict[str, Rows] = {"failure": (), "hit": ()}
        self._row_of: dict[str, int] | None = None
        self._hits: frozenset[int] | None = None
        failed = bytearray(span.status is Status.ERROR or span.exception for span in spans)
        self.errors: Rows = self._rows_with(failed)
        """Rows with an own error, in order."""
        self.axis = _axis(spans)
        self._told: dict[int, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self.visible)

    def span(self, row: int) -> Span:
        return self.spans[self.tree.order[row]]

    def told(self, row: int, tell: Callable[[Span], tuple[str, str]]) -> tuple[str, str]:
        """What ``tell`` says of a row's span, asked once: it may look through megabytes."""
        if row not in self._told:
            self._told[row] = tell(self.span(row))
        return self._told[row]

    def row_of(self, span_id: str) -> int | None:
        """The row of a span id, the last one where an id came twice; None when unknown.

        The first call makes the index: a third of a second for a million spans.
        """
        if self._row_of is None:
            ids = map(attrgetter("span_id"), map(self.spans.__getitem__, self.tree.order))
            self._row_of = dict(zip(ids, self._all, strict=True))
        return self._row_of.get(span_id)

    def line_of(self, row: int) -> int:
        """The line of a row, or of the nearest visible row above it when it is hidden."""
        return max(0, bisect_right(self.visible, row) - 1)

    def is_visible(self, row: int) -> bool:
        line = bisect_left(self.visible, row)
        return line < len(self.visible) and self.visible[line] == row

    def has_children(self, row: int) -> bool:
        return self.tree.subtree_end[row] > row + 1

    def errors_below(self, row: int) -> int:
        """How many descendants of a row have an own error."""
        end = self.tree.subtree_end[row]
        return bisect_left(self.errors, end) - bisect_right(self.errors, row)

    # -- folding ---------------------------------------------------------------------

    def fold(self, row: int) -> bool:
        """Hide the descendants of a row; False when there is nothing to hide."""
        if self.folded[row] or not self.has_children(row):
            return False
        self.folded[row] = 1
        if self.is_visible(row):
            first = bisect_right(self.visible, row)
            last = bisect_left(self.visible, self.tree.subtree_end[row])
            del self.visible[first:last]
        return True

    def unfold(self, row: int) -> bool:
        """Show the children of a row again, and below them what was not folded itself."""
        if not self.folded[row]:
            return False
        self.folded[row] = 0
        if self.is_visible(row):
            at = bisect_right(self.visible, row)
            self.visible[at:at] = self._shown(row + 1, self.tree.subtree_end[row])
        return True

    def toggle(self, row: int) -> bool:
        return self.unfold(row) or self.fold(row)

    def fold_all(self) -> None:
        """Fold every row that has children, roots excepted: the first two levels stay."""
        subtree_end, depth = self.tree.subtree_end, self.tree.depth
        self.folded = bytearray(
            depth[row] > 0 and subtree_end[row] > row + 1 for row in range(len(self.tree))
        )
        self._show_again()

    def unfold_all(self) -> None:
        self.folded = bytearray(len(self.tree))
        self._show_again()

    def reveal(self, row: int) -> None:
        """Unfold whatever hides a row; leaves a search whose hits leave the row out."""
        if self._hits is not None and not _contains(self._kept, row):
            self.clear_search()
        for above in reversed(list(self.tree.ancestors(row))):
            self.unfold(above)

    def _show_again(self) -> None:
        self.visible = self._shown(0, len(self.tree))

    def _shown(self, first: int, end: int) -> "array[int]":
        """Kept rows in ``first:end`` that no folded row in there hides, hopping fold to fold."""
        shown = array("q")
        row = first
        while row < end:
            fold = self.folded.find(1, row, end)
            upto = end if fold < 0 else fold + 1
            shown += self._kept_between(row, upto)
            row = end if fold < 0 else self.tree.subtree_end[fold]
        return shown

    def _kept_between(self, first: int, end: int) -> "array[int]":
        if self._kept is self._all:
            return self._all[first:end]
        return self._kept[bisect_left(self._kept, first) : bisect_left(self._kept, end)]

    # -- searching -------------------------------------------------------------------

    @property
    def searching(self) -> bool:
        return self._hits is not None

    @property
    def hits(self) -> int:
        """How many rows the search found."""
        return len(self._hits or ())

    def is_hit(self, row: int) -> bool:
        """True for a row that was found; every row is one while nobody searches."""
        return self._hits is None or row in self._hits

    def keep(self, hits: Iterable[int]) -> None:
        """Show only these rows and their ancestors, unfolded."""
        self._hits = frozenset(hits)
        self._rows_of["hit"] = array("q", sorted(self._hits))
        kept = bytearray(len(self.tree))
        parent = self.tree.parent
        for hit in self._hits:
            row = hit
            while row != ROOT and not kept[row]:
                kept[row] = 1
                self.folded[row] = 0
                row = parent[row]
        self._kept = array("q", compress(self._all, kept))
        self._show_again()

    def clear_search(self) -> None:
        self._hits = None
        self._rows_of["hit"] = ()
        self._kept = self._all
        self._show_again()

    # -- jumping ---------------------------------------------------------------------

    def set_failures(self, rows: Iterable[int]) -> None:
        """Rows that a failed assertion points at."""
        self._rows_of["failure"] = array("q", sorted(set(rows)))

    def next_of(self, what: str, row: int, step: int) -> int | None:
        """The next (``step`` 1) or previous (-1) row of a sort, hidden ones included.

        Goes round at the ends; None when there is no such row at all.
        """
        rows = self._rows(what)
        if not rows:
            return None
        at = bisect_right(rows, row) if step > 0 else bisect_left(rows, row) - 1
        return rows[at % len(rows)]

    def parent_of(self, row: int) -> int | None:
        above = self.tree.parent[row]
        return None if above == ROOT else above

    def _rows(self, what: str) -> Rows:
        if what == "error":
            return self.errors
        if what not in self._rows_of:
            kind = {"tool": Kind.TOOL, "model": Kind.MODEL}[what]
            self._rows_of[what] = self._rows_with(bytearray(s.kind is kind for s in self.spans))
        return self._rows_of[what]

    def _rows_with(self, flags: bytearray) -> Rows:
        """Rows whose span, by its index in the body, has a flag: a pass that stays in C."""
        return array("q", compress(self._all, map(flags.__getitem__, self.tree.order)))


def _axis(spans: Sequence[Span]) -> Axis | None:
    starts = [span.start_ns for span in spans if span.start_ns is not None]
    if not starts:
        return None
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    start = min(starts)
    return Axis(start, max(max(ends, default=start), max(starts)))


def _contains(rows: Rows, row: int) -> bool:
    at = bisect_left(rows, row)
    return at < len(rows) and rows[at] == row

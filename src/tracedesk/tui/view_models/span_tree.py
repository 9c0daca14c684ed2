"""Which spans of a trace are on screen, in which order, and where the jumps lead.

Rows are positions in the ``SpanTree``; *lines* are positions among the visible rows. The
visible rows are one sorted array, so a fold cuts a slice out of it, which is kept, and an unfold
copies it in again: microseconds at a million spans. Nothing recurses.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import gt, sub

from tracedesk.model.order import column_of
from tracedesk.model.trace import Kind, Span
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.store.sketched import NO_TIME
from tracedesk.tui.view_models.columns import columns_of, labels_of
from tracedesk.tui.view_models.groups import Aggregate, Groups, find_groups
from tracedesk.tui.view_models.time_axis import Axis
from tracedesk.tui.view_models.timeline import Timeline

Rows = Sequence[int]

JUMPS = ("error", "tool", "model", "failure", "hit")
"""What ``next_of`` can look for."""

PARENT, RUN = 1, 2
"""Of a row that is folded: it has children, or it is the head of a run of siblings."""

MANY = 5_000
"""Members of a run from which it is summed up when a trace is opened, not when it is painted."""


class SpanRows:
    """The rows of one open trace. ``spans`` are in body order, as the tree was built."""

    def __init__(self, tree: SpanTree, spans: Sequence[Span], *, hurried: bool = False) -> None:
        """``hurried`` leaves it to the caller to let ``time`` look through the trace."""
        self.tree = tree
        self.spans = spans
        self.columns = columns_of(spans, tree.order)
        self._all = array("i", range(len(tree)))
        self._kept: bytearray | None = None
        """1 for rows that a search shows."""
        self._row_at: array[int] | None = None
        self._hits: frozenset[int] | None = None
        self.errors: Rows = array("i", compress(self._all, self.columns.failed))
        """Rows with an own error, in order."""
        self._rows_of: dict[str, Rows] = {"failure": (), "hit": ()}
        self.time = Timeline(tree, self.columns, self.errors)
        if not hurried:
            self.time.take(self.time.look_through())
        self._told: dict[int, tuple[str, str]] = {}
        self._seen: bytearray | None = None
        self._as_of: Callable[[int], Span | None] | None = None
        self._aggregates: dict[int, Aggregate] = {}
        self._identical = self._find_groups()
        self._take_groups(self._identical)
        self._opened_by_search: list[int] = []
        """Heads of runs, to be folded again when the search ends."""
        self.folded = bytearray(len(tree))
        """What is folded in each row, visible or not; 0 for nothing."""
        self._cut: dict[int, array[int]] = {}
        """Rows that were visible below each that was folded, as long as they still would be."""
        self._fold_groups()
        self.visible = self._shown(0, len(tree))
        for head, end in zip(self.groups.heads, self.groups.ends, strict=True):
            if end - head >= MANY:
                self.aggregate(head)

    @property
    def axis(self) -> Axis | None:
        """All the time of the trace; None when no span has a start."""
        return self.time.axis

    def __len__(self) -> int:
        return len(self.visible)

    def span(self, row: int) -> Span:
        """The span of a row, as it was at the step when the trace is stepped through."""
        then = None if self._as_of is None else self._as_of(row)
        return self.spans[self.tree.order[row]] if then is None else then

    def set_seen(self, seen: bytearray | None, as_of: Callable[[int], Span | None] | None) -> None:
        """Dim all rows but those seen, and show these as they were; None shows all as it is."""
        self._seen, self._as_of = seen, as_of
        self._told.clear()

    def is_seen(self, row: int) -> bool:
        """False for a row that was not there yet at the step."""
        return self._seen is None or bool(self._seen[row])

    def told(self, row: int, tell: Callable[[Span], tuple[str, str]]) -> tuple[str, str]:
        """What ``tell`` says of a row's span, asked once: it may look through megabytes."""
        if row not in self._told:
            self._told[row] = tell(self.span(row))
        return self._told[row]

    def row_of(self, span_id: str) -> int | None:
        """The row of a span id, the last one where an id came twice; None when unknown.

        The first call makes the index: a tenth of a second for a million decoded spans.
        """
        index = self.tree.index_of.get(span_id)
        if isinstance(self.tree.order, range):
            return index
        if self._row_at is None:
            self._row_at = self._rows_by_index()
        return None if index is None else self._row_at[index]

    def _rows_by_index(self) -> "array[int]":
        """Index of a span → its row; of the last with its id → the last row with that id."""
        order, index_of = self.tree.order, self.tree.index_of
        row_at = array("i", order)
        for row, index in enumerate(order):
            row_at[index] = row
        if len(index_of) < len(order):
            for row, index in enumerate(order):
                last = index_of.get(self.spans[index].span_id)
                if last is not None:
                    row_at[last] = row
        return row_at

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

    # -- runs of identical siblings --------------------------------------------------

    def is_group(self, row: int) -> bool:
        """True for a row that stands for a folded run of siblings."""
        return self.folded[row] == RUN

    def reach(self, row: int) -> int:
        """The first row that folding this one does not hide."""
        end = self.tree.subtree_end[row]
        if end > row + 1:
            return end
        run = self.groups.around(row)
        return end if run is None or run[0] != row else run[1]

    def can_fold(self, row: int) -> bool:
        """True for an unfolded row with children, and for one of an open run."""
        if self.has_children(row):
            return not self.folded[row]
        run = self.groups.around(row)
        return run is not None and not self.folded[run[0]]

    def stands_for(self, row: int) -> int:
        """The first row after those that a visible row speaks for: its run, or itself alone."""
        return self.reach(row) if self.is_group(row) else row + 1

    def aggregate(self, head: int) -> Aggregate:
        """What the run of a head has in common, summed once."""
        found = self._aggregates.get(head)
        if found is None or found.count != self.reach(head) - head:
            end = self.reach(head)
            starts, ends = self.columns.starts[head:end], self.columns.ends[head:end]
            if NO_TIME in ends:
                found = Aggregate(end - head, None, None, None, None)
            else:
                found = Aggregate(
                    end - head, sum(ends) - sum(starts), max(map(sub, ends, starts)),
                    min(starts), max(ends),
                )  # fmt: skip
            self._aggregates[head] = found
        return found

    def stand_alone(self, rows: Iterable[int]) -> bool:
        """Show these rows outside of any run; True when the visible rows are others now."""
        groups = self._identical.without(rows)
        if groups == self.groups:
            return False
        opened = bytearray(len(self.tree))
        for head, end in zip(self.groups.heads, self.groups.ends, strict=True):
            if not self.folded[head]:
                opened[head:end] = b"\1" * (end - head)
        for head in self.groups.heads:
            self.folded[head] = 0
        self._take_groups(groups)
        self._fold_groups()
        for head in compress(groups.heads, map(opened.__getitem__, groups.heads)):
            self.folded[head] = 0
        self._show_again()
        return True

    def _take_groups(self, groups: Groups) -> None:
        self.groups = groups
        """Runs of identical siblings; a folded one is shown as its head alone."""
        leading = bytearray(b"\1") * len(self.tree)
        for head, end in zip(groups.heads, groups.ends, strict=True):
            leading[head + 1 : end] = bytes(end - head - 1)
        self._leading = bytes(leading)
        """0 for the members of runs but their heads."""

    def _fold_groups(self) -> None:
        for head in self.groups.heads:
            self.folded[head] = RUN

    def _find_groups(self) -> Groups:
        tree = self.tree
        return find_groups(tree, self.columns, lambda: labels_of(self.spans, tree.order))

    # -- folding ---------------------------------------------------------------------

    def fold(self, row: int) -> bool:
        """Hide the descendants of a row, or of one in an open run its fellows; False when
        there is nothing to hide."""
        if not self.has_children(row) and (run := self.groups.around(row)) is not None:
            row = run[0]
        end = self.reach(row)
        if self.folded[row] or end == row + 1:
            return False
        self.folded[row] = PARENT if self.has_children(row) else RUN
        if self.is_visible(row):
            first = bisect_right(self.visible, row)
            last = bisect_left(self.visible, end)
            self._cut[row] = self.visible[first:last]
            del self.visible[first:last]
        else:
            self._cut.clear()
        return True

    def unfold(self, row: int) -> bool:
        """Show what a row hides again, and below that what was not folded itself."""
        if not self.folded[row]:
            return False
        self.folded[row] = 0
        if self.is_visible(row):
            at = bisect_right(self.visible, row)
            cut = self._cut.pop(row, None)
            self.visible[at:at] = self._shown(row + 1, self.reach(row)) if cut is None else cut
        else:
            self._cut.clear()
        return True

    def toggle(self, row: int) -> bool:
        return self.unfold(row) or self.fold(row)

    def fold_all(self) -> None:
        """Fold every row that has children, roots excepted: the first two levels stay."""
        tree, size = self.tree, len(self.tree)
        parents = bytes(map(gt, tree.subtree_end, range(1, size + 1)))
        self.folded = _both(parents, bytes(map(bool, tree.depth)))
        self._fold_groups()
        self._cut.clear()
        self.visible = self._flagged(0, _both(self._leading, bytes(map((2).__gt__, tree.depth))))

    def unfold_all(self) -> None:
        """Unfold every row, and every run of siblings."""
        self.folded = bytearray(len(self.tree))
        self._cut.clear()
        self.visible = self._flagged(0, bytearray(b"\1") * len(self.tree))

    def reveal(self, row: int) -> None:
        """Unfold whatever hides a row; leaves a search whose hits leave the row out."""
        if self._kept is not None and not self._kept[row]:
            self.clear_search()
        for above in reversed(list(self.tree.ancestors(row))):
            self.unfold(above)
        run = self.groups.around(row)
        if run is not None and run[0] != row:
            self.unfold(run[0])

    def take_over(self, old: "SpanRows") -> None:
        """Keep what the user folded, opened and zoomed in these rows as they were before."""
        for row in _parents(old.folded):
            new = self.row_of(old.span(row).span_id)
            if new is not None and self.has_children(new):
                self.folded[new] = PARENT
        for head in old.groups.heads:
            new = None if old.folded[head] else self.row_of(old.span(head).span_id)
            if new is not None and not self.has_children(new):
                self.folded[new] = 0
        if old.time.window is not None and self.time.window is not None:
            self.time.window.same_as(old.time.window)
        self._show_again()

    def _show_again(self) -> None:
        self._cut.clear()
        self.visible = self._shown(0, len(self.tree))

    def _shown(self, first: int, end: int) -> "array[int]":
        """Kept rows in ``first:end`` that no folded row in there hides."""
        flags = bytearray(self._leading[first:end])
        heads, ends = self.groups.heads, self.groups.ends
        for at in range(bisect_right(ends, first), bisect_left(heads, end)):
            if not self.folded[heads[at]]:
                inside = range(max(heads[at], first), min(ends[at], end))
                flags[inside.start - first : inside.stop - first] = b"\1" * len(inside)
        row = self.folded.find(PARENT, first, end)
        while row >= 0:
            below = self.tree.subtree_end[row]
            flags[row + 1 - first : below - first] = bytes(below - row - 1)
            row = self.folded.find(PARENT, below, end)
        return self._flagged(first, flags)

    def _flagged(self, first: int, flags: bytearray) -> "array[int]":
        """Kept rows from ``first`` on that have a flag."""
        end = first + len(flags)
        if self._kept is not None:
            flags = _both(flags, self._kept[first:end])
        if 0 not in flags:
            return self._all[first:end]
        return column_of("i", list(compress(range(first, end), flags)))

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
        return (self._hits is None or row in self._hits) and self.is_seen(row)

    def keep(self, hits: Iterable[int]) -> None:
        """Show only these rows and their ancestors, unfolded."""
        self._fold_again()
        self._hits = frozenset(hits)
        self._rows_of["hit"] = array("i", sorted(self._hits))
        kept = bytearray(len(self.tree))
        parent = self.tree.parent
        for hit in self._hits:
            row = hit
            while row != ROOT and not kept[row]:
                kept[row] = 1
                self.folded[row] = 0
                row = parent[row]
        for head, end in zip(self.groups.heads, self.groups.ends, strict=True):
            if self.folded[head] and kept.find(1, head, end) >= 0:
                self.folded[head] = 0
                self._opened_by_search.append(head)
        self._kept = kept
        self._show_again()

    def clear_search(self) -> None:
        """Show everything again; runs that only the search had opened are folded."""
        self._fold_again()
        self._hits = None
        self._rows_of["hit"] = ()
        self._kept = None
        self._show_again()

    def _fold_again(self) -> None:
        for head in self._opened_by_search:
            self.folded[head] = RUN
        self._opened_by_search = []

    # -- jumping ---------------------------------------------------------------------

    def set_failures(self, rows: Iterable[int]) -> None:
        """Rows that a failed assertion points at."""
        self._rows_of["failure"] = failing = array("i", sorted(set(rows)))
        self.time.set_failures(failing)

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
            flags = map(kind.__eq__, self.columns.kinds)
            self._rows_of[what] = array("i", compress(self._all, flags))
        return self._rows_of[what]


def _both(one: bytes | bytearray, other: bytes | bytearray) -> bytearray:
    """Flags that both have."""
    both = int.from_bytes(one) & int.from_bytes(other)
    return bytearray(both.to_bytes(len(one)))


def _parents(folded: bytearray) -> Iterable[int]:
    """Rows with children that are folded."""
    at = folded.find(PARENT)
    while at >= 0:
        yield at
        at = folded.find(PARENT, at + 1)

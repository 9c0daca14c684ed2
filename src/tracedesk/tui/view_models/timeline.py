"""The time of one open trace: all of it, the part on screen, what ran when, what was critical."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress

from tracedesk.model.trace import Kind
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.query.text import counted
from tracedesk.store.sketched import NO_TIME
from tracedesk.tui import figures
from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.activity import Activity
from tracedesk.tui.view_models.columns import Columns
from tracedesk.tui.view_models.critical_path import CriticalPath, critical_path
from tracedesk.tui.view_models.minimap import minimap
from tracedesk.tui.view_models.time_axis import FOLDED, Axis
from tracedesk.tui.view_models.window import TimeWindow

CRITICAL = "◆"
"""Stands before the bar of a span on the critical path."""


class Timeline:
    """Made with the rows of a trace, in the worker that opens it. When the trace was at work is
    looked through apart from that: of a million spans, the bars are on screen by then."""

    def __init__(self, tree: SpanTree, columns: Columns, errors: Iterable[int]) -> None:
        self._tree = tree
        self._columns = columns
        self.axis: Axis | None = columns.axis
        """All the time of the trace; None when no span has a start."""
        self._activity = Activity()
        self.window = None if self.axis is None else TimeWindow(self.axis)
        """The part of the time on screen."""
        self.path: CriticalPath | None = None
        """The critical path that is marked."""
        self._errors = self._moments(errors)
        self._failures: Sequence[int] = ()
        self._map: tuple[tuple[object, ...], list[Piece]] = ((), [])

    def look_through(self) -> Activity:
        """When the trace was at work, for ``take``: sorts the times of all its spans."""
        return Activity(*self._working())

    def take(self, activity: Activity) -> None:
        """Draw the minimap, and fold the idle gaps."""
        self._activity = activity
        if self.axis is not None and self.window is not None:
            self.window.set_idle(activity.gaps(self.axis))

    @property
    def shown(self) -> Axis | None:
        """What the bars are drawn over."""
        return None if self.window is None else self.window.shown

    def set_failures(self, rows: Iterable[int]) -> None:
        """Rows that a failed assertion points at."""
        self._failures = self._moments(rows)

    def minimap(self, width: int) -> list[Piece]:
        """The whole trace in ``width`` cells; blank for a trace without times."""
        if self.axis is None or self.window is None or width < 2:
            return [Piece(" " * width)]
        whole = Axis(self.axis.start_ns, self.axis.end_ns, self.window.folded)
        key = (width, self.window.shown, whole, self._failures, self._activity)
        if self._map[0] != key:
            drawn = minimap(
                self._activity, whole, self.window.shown, self._errors, self._failures, width
            )
            self._map = (key, drawn)
        return self._map[1]

    def middle(self, row: int) -> int | None:
        """The moment in the middle of a span; None when it has no start."""
        start, end = self._columns.starts[row], self._columns.ends[row]
        if start == NO_TIME:
            return None
        return (start + max(start, end)) // 2

    @property
    def altered(self) -> bool:
        """True when there is something to say that the user has asked for."""
        return self.path is not None or (self.window is not None and self.window.zoomed)

    def told(self) -> list[str]:
        """What of the time is not shown as it is: zoom, folded gaps, the critical path."""
        window, axis, path = self.window, self.axis, self.path
        found = []
        if window is not None and axis is not None and window.zoomed:
            first, last = (
                figures.duration(ns - axis.start_ns) or "0"
                for ns in (window.shown.start_ns, window.shown.end_ns)
            )
            found.append(f"zoom ×{window.zoom:.3g} {first}–{last}")
        if path is not None:
            found.append(
                f"{CRITICAL} {counted(len(path.rows), 'span')} "
                f"{figures.duration(path.working_ns)} of {figures.duration(path.length_ns)}"
            )
        if window is not None and window.folded:
            idle = sum(gap.length_ns for gap in window.folded)
            found.append(f"{FOLDED} {figures.duration(idle)} idle")
        return found

    # -- the critical path -----------------------------------------------------------

    def find_path(self, row: int) -> CriticalPath | None:
        """The critical path of the tree that a row belongs to; a sort of all its spans."""
        while self._tree.parent[row] != ROOT:
            row = self._tree.parent[row]
        return critical_path(self._tree, self._columns.starts, self._columns.ends, row)

    def is_critical(self, row: int, end: int) -> bool:
        """True when the marked path goes through one of the rows ``row:end``."""
        if self.path is None:
            return False
        at = bisect_left(self.path.rows, row)
        return at < len(self.path.rows) and self.path.rows[at] < end

    # -- whole-trace passes ----------------------------------------------------------

    def _working(self) -> tuple[list[int], list[int]]:
        """Starts and ends of the spans that work: all but roots and agents that hold others."""
        axis, columns, tree = self.axis, self._columns, self._tree
        if axis is None:
            return [], []
        flags = bytearray(b"\1") * len(tree)
        for row in chain(_roots(tree), columns.of_kind(Kind.AGENT)):
            if tree.subtree_end[row] > row + 1:
                flags[row] = 0
        for row in columns.untimed:
            flags[row] = 0
        starts = list(compress(columns.starts, flags))
        ends = list(compress(columns.ends, flags))
        if columns.running:
            ends = [axis.end_ns if end == NO_TIME else end for end in ends]
        return starts, ends

    def _moments(self, rows: Iterable[int]) -> "array[int]":
        """When the spans of rows ended, sorted; they had gone wrong by then."""
        times = (
            max(start, end)
            for row in rows
            if (start := self._columns.starts[row]) != NO_TIME
            for end in (self._columns.ends[row],)
        )
        return array("q", sorted(times))


def _roots(tree: SpanTree) -> Iterator[int]:
    row = 0
    while row < len(tree):
        yield row
        row = tree.subtree_end[row]

"""Where the spans and calls of one trace stand: parents, rows of the tree, what lies below what.

Everything here but the list of spans is computed at most once a trace and only when asked for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from heapq import nlargest
from operator import itemgetter

import msgspec

from tracedesk.model.reading import Call
from tracedesk.model.trace import Span, Status, Trace
from tracedesk.model.tree import SpanTree

SLOWEST = 3
"""Spans named when something took too long (assertion spec 11)."""


class Placed(msgspec.Struct, frozen=True):
    """Calls sorted by their place in the tree, the places beside them."""

    places: list[float]
    calls: list[Call]


class TreeIndex:
    """See the module."""

    def __init__(self, trace: Trace, calls: tuple[Call, ...]) -> None:
        self.trace = trace
        self.calls = calls
        self.spans: list[Span] = [span for span in trace.spans if not span.synthetic]
        """The trace's own spans: none that we built ourselves as a root."""

    def of_kind(self, kind: str) -> tuple[Call, ...]:
        """All calls of a kind, in body order."""
        return self.calls if kind == "any" else self._by_kind[kind == "tool"]

    @cached_property
    def _by_kind(self) -> dict[bool, tuple[Call, ...]]:
        return {tool: tuple(c for c in self.calls if c.tool == tool) for tool in (False, True)}

    @cached_property
    def parents(self) -> dict[str, str | None]:
        """Span id → parent id, over spans and calls."""
        found: dict[str, str | None] = {span.span_id: span.parent_id for span in self.trace.spans}
        for call in self.calls:
            found.setdefault(call.id, call.parent)
        return found

    @cached_property
    def _tools_by_parent(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.tool and call.parent is not None:
                found.setdefault(call.parent, []).append(call)
        return found

    def tools_of(self, call: Call, depth: str) -> Sequence[Call]:
        """Tools called inside a node: its ``direct`` ones, or all in its ``subtree``."""
        if depth == "direct":
            return self._tools_by_parent.get(call.id, ())
        return self.inside(self._placed_tools, call)

    def some_tools(self, call: Call, depth: str, limit: int = 5) -> Sequence[Call]:
        """The first few of ``tools_of``, without collecting them all."""
        if depth == "direct":
            return self._tools_by_parent.get(call.id, [])[:limit]
        row = self.row_of.get(call.id)
        if row is None:
            return []
        first = bisect_right(self._placed_tools.places, row)
        last = bisect_left(self._placed_tools.places, self.tree.subtree_end[row])
        return self._placed_tools.calls[first : min(last, first + limit)]

    def inside(self, placed: Placed, call: Call) -> list[Call]:
        """Those of some placed calls that lie below a call, in body order."""
        row = self.row_of.get(call.id)
        if row is None:
            return []
        first = bisect_right(placed.places, row)
        last = bisect_left(placed.places, self.tree.subtree_end[row])
        return sorted(placed.calls[first:last], key=_order)

    @cached_property
    def _placed_tools(self) -> Placed:
        return self.placed(self.of_kind("tool"))

    def placed(self, calls: Iterable[Call]) -> Placed:
        """Calls by their place in the tree: the row of the call's own span, or just after its
        parent's row when it has none. Calls of no known place are left out."""
        row_of = self.row_of
        found: list[tuple[float, int, Call]] = []
        for call in calls:
            row: float | None = row_of.get(call.id)
            if row is None and call.parent is not None and call.parent in row_of:
                row = row_of[call.parent] + 0.5
            if row is not None:
                found.append((row, call.order, call))
        found.sort(key=itemgetter(0, 1))
        return Placed([row for row, _, _ in found], [call for _, _, call in found])

    def calls_below(self, rows: Iterable[int], calls: Iterable[Call]) -> list[Call]:
        """Those of the calls that lie below some row of the tree, in body order."""
        placed, ends = self.placed(calls), self.tree.subtree_end
        chosen = bytearray(len(placed.calls))
        for row in rows:
            first = bisect_right(placed.places, row)
            last = bisect_left(placed.places, ends[row])
            chosen[first:last] = b"\x01" * (last - first)
        found = (call for call, below in zip(placed.calls, chosen, strict=True) if below)
        return sorted(found, key=_order)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Span id → row of ``tree``."""
        spans = self.spans
        return {spans[number].span_id: row for row, number in enumerate(self.tree.order)}

    @cached_property
    def tree(self) -> SpanTree:
        """The tree over ``spans``: parents that are not there make roots."""
        spans = self.spans
        return SpanTree.build(
            [span.span_id for span in spans],
            [span.parent_id for span in spans],
            [span.start_ns for span in spans],
        )

    @cached_property
    def row_spans(self) -> list[Span]:
        """The span of each row of ``tree``."""
        spans = self.spans
        return [spans[number] for number in self.tree.order]

    @cached_property
    def executed_rows(self) -> list[int]:
        """Rows whose spans were not skipped; shared, not to change."""
        skipped = Status.SKIPPED
        return [row for row, span in enumerate(self.row_spans) if span.status is not skipped]

    @cached_property
    def slowest(self) -> list[Span]:
        """The three spans that took longest, of those that have both times."""
        timed = [
            (end - start, -n)
            for n, span in enumerate(self.spans)
            if (start := span.start_ns) is not None
            if (end := span.end_ns) is not None
            if end >= start
        ]
        return [self.spans[-n] for _, n in nlargest(SLOWEST, timed)]

    @cached_property
    def span_by_id(self) -> dict[str, Span]:
        return {span.span_id: span for span in self.trace.spans}

    def label_of(self, span_id: str) -> str:
        """The label of a span; its id when the trace has no such span."""
        span = self.span_by_id.get(span_id)
        return span_id if span is None else span.label

    @cached_property
    def call_by_id(self) -> dict[str, Call]:
        return {call.id: call for call in self.calls}

    @cached_property
    def root_span(self) -> str | None:
        """Id of the first root among the trace's own spans."""
        known = {span.span_id for span in self.spans}
        roots = (s.span_id for s in self.spans if s.parent_id is None or s.parent_id not in known)
        return next(roots, None)


def _order(call: Call) -> int:
    return call.order

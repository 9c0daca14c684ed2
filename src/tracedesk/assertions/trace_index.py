"""One trace, prepared for many assertions: calls by folded name, parents, order.

Everything here is computed at most once per (trace, reading) and only when asked for.
The trace and the reading are never changed.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from heapq import nlargest
from operator import itemgetter
from typing import Any

import msgspec

from tracedesk.assertions.call_names import CallNames, Resolution, preferred
from tracedesk.assertions.offered import declared_schema, read_declarations
from tracedesk.assertions.settings import Settings
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.model.tree import SpanTree
from tracedesk.model.verdict import Evidence, Support
from tracedesk.query.expected import Env
from tracedesk.query.names import NameTest, fold
from tracedesk.query.schemas import Schema
from tracedesk.query.values import equality_key, json_text, whole_json

SEARCHED = 50
"""Calls named as evidence that a list was searched in vain; the support counts them all."""

SLOWEST = 3
"""Spans named when something took too long (assertion spec 11)."""

KINDS = ("any", "node", "tool")
"""Which calls a rule looks at."""


class Placed(msgspec.Struct, frozen=True):
    """Calls sorted by their place in the tree, the places beside them."""

    places: list[float]
    calls: list[Call]


class TraceIndex:
    """See the module. Build with ``index_of``, which keeps the last one of each thread."""

    def __init__(self, trace: Trace, reading: Reading, settings: Settings) -> None:
        self.trace = trace
        self.reading = reading
        self.settings = settings
        self.env = Env(trace.clock_ns, settings.timezone, settings.regex_timeout_s)
        self.calls = reading.calls
        self._resolved: dict[tuple[str, str, str, str], Resolution] = {}
        self._inside: dict[tuple[str, str, str, str, str], Resolution] = {}
        self.names = CallNames(reading.calls, settings.regex_timeout_s)
        self._tests: dict[tuple[str, str, str], tuple[Placed, Placed]] = {}
        self._ordered: dict[str, tuple[list[Call], bool]] = {}
        self._argument_keys: dict[int, Hashable | None] = {}
        self._places: dict[int, dict[int, int]] = {}

    @cached_property
    def spans(self) -> list[Span]:
        """The trace's own spans: none that we built ourselves as a root."""
        return [span for span in self.trace.spans if not span.synthetic]

    @cached_property
    def support(self) -> Support:
        """The support of a verdict that looked at all calls."""
        return Support(spans=len(self.spans), calls=len(self.calls))

    @cached_property
    def searched(self) -> tuple[Evidence, ...]:
        """Evidence that the whole call list was looked at in vain; its first calls are named."""
        return (
            Evidence(None, "trace", "$", "absent_here"),
            *(Evidence(call.span, "span", "$", "inspected") for call in self.calls[:SEARCHED]),
        )

    def resolve(self, test: NameTest, kind: str = "any") -> Resolution:
        """The calls of that kind which a name means, in body order, exact ones preferred."""
        key = (*test.key, kind)
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = self._resolve(test, kind)
        return found

    def _resolve(self, test: NameTest, kind: str) -> Resolution:
        fully, partly = self.names.matches(test)
        if kind != "any":
            fully = [call for call in fully if call.tool == (kind == "tool")]
            partly = [call for call in partly if call.tool == (kind == "tool")]
        return preferred(fully, partly)

    def resolve_in(self, test: NameTest, calls: Sequence[Call]) -> Resolution:
        """As ``resolve``, over some of the trace's own calls."""
        fully, partly = self.names.matches(test)
        if not fully and not partly:
            return Resolution()
        inside = {id(call) for call in calls}  # not by call id, which a bad trace may repeat
        return preferred(
            [call for call in fully if id(call) in inside],
            [call for call in partly if id(call) in inside],
        )

    def of_kind(self, kind: str) -> tuple[Call, ...]:
        """All calls of a kind, in body order."""
        return self.calls if kind == "any" else self._by_kind[kind == "tool"]

    @cached_property
    def _by_kind(self) -> dict[bool, tuple[Call, ...]]:
        return {tool: tuple(c for c in self.calls if c.tool == tool) for tool in (False, True)}

    def resolve_inside(self, test: NameTest, call: Call, depth: str) -> Resolution:
        """The tools inside a node which a name means."""
        key = (*test.key, depth, call.id)
        found = self._inside.get(key)
        if found is None:
            if depth == "direct":
                fully, partly = self.names.matches(test)
                found = preferred(
                    [tool for tool in fully if tool.tool and tool.parent == call.id],
                    [tool for tool in partly if tool.tool and tool.parent == call.id],
                )
            else:
                found = self._resolve_below(test, call)
            self._inside[key] = found
        return found

    def _resolve_below(self, test: NameTest, call: Call) -> Resolution:
        """As ``resolve_in`` over a subtree; the name is tested once for the whole trace."""
        placed = self._tests.get(test.key)
        if placed is None:
            fully, partly = self.names.matches(test)
            placed = self._tests[test.key] = (
                self.placed([tool for tool in fully if tool.tool]),
                self.placed([tool for tool in partly if tool.tool]),
            )
        return preferred(self._inside_of(placed[0], call), self._inside_of(placed[1], call))

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
        return self._inside_of(self._placed_tools, call)

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

    def _inside_of(self, placed: Placed, call: Call) -> list[Call]:
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
        spans = enumerate(self.spans)
        timed = [(ns, -n) for n, span in spans if (ns := span.duration_ns) is not None]
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

    @cached_property
    def tool_names(self) -> frozenset[str]:
        """Folded names that the trace knows as tools: called, skipped, requested, on offer."""
        names = self.names.of_tools()
        for span in self.spans:
            if span.kind is Kind.TOOL:
                names.add(span.label)
                if span.aliases:
                    names.update(span.aliases)
        for message in self.reading.messages:
            names.update(name for name, _ in message.tool_calls)
        return frozenset(fold(name, tool=True) for name in (*names, *self.declared))

    @cached_property
    def declared(self) -> dict[str, Any]:
        """Tools on offer: name → declared parameters (a JSON Schema, or None)."""
        found: dict[str, Any] = {}
        for span in self.spans:
            attributes = span.attributes
            for attribute in ("gen_ai.tool.definitions", "availableTools"):
                if attribute in attributes:
                    read_declarations(attributes[attribute], found)
        for call in self.calls:
            if not call.tool and isinstance(call.arguments, dict):
                read_declarations(call.arguments.get("availableTools"), found)
        return found

    @cached_property
    def _schemas(self) -> dict[str, Schema | None]:
        return {}

    def declared_schema(self, call: Call) -> Schema | None:
        """The schema of a tool's declared parameters; None when the trace holds no usable one."""
        wanted = {fold(name, tool=True) for name in call.names}
        for name, parameters in self.declared.items():
            if fold(name, tool=True) in wanted and isinstance(parameters, dict):
                if name not in self._schemas:
                    self._schemas[name] = declared_schema(parameters)
                return self._schemas[name]
        return None

    def timed(self, calls: Iterable[Call]) -> bool:
        """Whether every call has a start time, so that order is by time."""
        return all(call.start_ns is not None for call in calls)

    def ordered(self, calls: Sequence[Call]) -> tuple[list[Call], bool]:
        """Calls in the order they happened, and whether times told so (spec 1.1)."""
        if not self.timed(calls):
            return list(calls), False
        return sorted(calls, key=_by_time), True

    def ordered_kind(self, kind: str) -> tuple[list[Call], bool]:
        """All calls of a kind in the order they happened; the list is shared, not to change."""
        found = self._ordered.get(kind)
        if found is None:
            found = self._ordered[kind] = self.ordered(self.of_kind(kind))
        return found

    def places(self, calls: Sequence[Call]) -> dict[int, int]:
        """Identity of each listed call → its place in the list, from 0.

        Not by id, which a bad trace may repeat. Remembered for the lists of ``ordered_kind``.
        """
        known = self._places.get(id(calls))
        if known is None:
            known = {id(call): place for place, call in enumerate(calls)}
            if any(calls is listed for listed, _ in self._ordered.values()):
                self._places[id(calls)] = known
        return known

    def arguments_key(self, call: Call) -> Hashable | None:
        """What is equal for calls of equal arguments; None when they were not recorded."""
        key = self._argument_keys.get(id(call), self)
        if key is self:
            recorded = call.arguments_state == "captured"
            key = equality_key(call.arguments) if recorded else None
            self._argument_keys[id(call)] = key
        return key

    def hidden_tools(self, call: Call) -> bool:
        """An n8n agent that was not asked to report its tool calls (caution, spec 6.1)."""
        span = self.span_by_id.get(call.id)
        if span is None or self.trace.format.legacy:
            return False
        kind = span.attributes.get("n8n.node.type")
        if not isinstance(kind, str) or not kind.lower().endswith(".agent"):
            return False
        parameters = span.attributes.get("n8n.node.parameters")
        parsed = parameters if isinstance(parameters, dict) else json_text(parameters)
        options = parsed.get("options") if isinstance(parsed, dict) else None
        return not (isinstance(options, dict) and options.get("returnIntermediateSteps") is True)

    @cached_property
    def views(self) -> tuple[tuple[str, Any], ...]:
        """The reading's views, opened."""
        return self.reading.views

    @cached_property
    def response_json(self) -> Any:
        """The response text parsed as JSON, whatever its type; ABSENT when it is none."""
        return whole_json(self.reading.response.text)

    def executed(self, span: Span) -> bool:
        return span.status is not Status.SKIPPED


class _Slot(threading.local):
    index: TraceIndex | None = None


_slot = _Slot()


def index_of(trace: Trace, reading: Reading, settings: Settings) -> TraceIndex:
    """The index of a trace; the last one of the calling thread is kept for the next assertion."""
    index = _slot.index
    if (
        index is not None
        and index.reading is reading
        and index.trace is trace
        and (index.settings is settings or index.settings == settings)
    ):
        return index
    index = _slot.index = TraceIndex(trace, reading, settings)
    return index


def forget() -> None:
    """Let go of the calling thread's last trace."""
    _slot.index = None


def _order(call: Call) -> int:
    return call.order


def _by_time(call: Call) -> tuple[int, float, int]:
    start = call.start_ns or 0
    return start, float("inf") if call.end_ns is None else call.end_ns, call.order

"""One trace, prepared for many assertions: calls by folded name and by kind, their order.

Everything here is computed at most once per (trace, reading), and only when asked for where not
every assertion needs it.
The trace and the reading are never changed.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from operator import lt
from typing import Any, TypeVar

from tracedesk.assertions.call_names import CallNames, Resolution, preferred
from tracedesk.assertions.offered import declared_schema, read_declarations
from tracedesk.assertions.settings import Settings
from tracedesk.assertions.tree_index import Placed, TreeIndex
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.model.verdict import Evidence, Support
from tracedesk.query.expected import Env
from tracedesk.query.names import NameTest, fold
from tracedesk.query.schemas import Schema
from tracedesk.query.values import equality_key, json_text, whole_json

T = TypeVar("T")

SEARCHED = 50
"""Calls named as evidence that a list was searched in vain; the support counts them all."""

KINDS = ("any", "node", "tool")
"""Which calls a rule looks at."""


class TraceIndex(TreeIndex):
    """See the module. Build with ``index_of``, which keeps the last one of each thread."""

    def __init__(self, trace: Trace, reading: Reading, settings: Settings) -> None:
        super().__init__(trace, reading.calls)
        self.reading = reading
        self.settings = settings
        self.env = Env(trace.clock_ns, settings.timezone, settings.regex_timeout_s)
        self.support = Support(len(self.spans), len(self.calls))
        """The support of a verdict that looked at all calls."""
        self._resolved: dict[str, dict[tuple[str, str, str], Resolution]]
        self._resolved = {"any": {}, "node": {}, "tool": {}}
        self._inside: dict[tuple[str, str, str, str, str], Resolution] = {}
        self.names = CallNames(reading.calls, settings.regex_timeout_s)
        self._tests: dict[tuple[str, str, str], tuple[Placed, Placed]] = {}
        self._ordered: dict[str, tuple[list[Call], bool]] = {}
        self._labels: dict[str, list[str]] = {}
        self._argument_keys: dict[int, Hashable | None] = {}
        self._places: dict[int, dict[int, int]] = {}
        self._made: dict[Hashable, Any] = {}

    def once(self, make: Callable[["TraceIndex"], T]) -> T:
        """What ``make`` makes of this trace alone: made when first asked for, then shared, so
        nobody may change it."""
        made: T | None = self._made.get(make)
        if made is None:
            made = self._made[make] = make(self)
        return made

    @cached_property
    def searched(self) -> tuple[Evidence, ...]:
        """Evidence that the whole call list was looked at in vain; its first calls are named."""
        return (
            Evidence(None, "trace", "$", "absent_here"),
            *[Evidence(call.span, "span", "$", "inspected") for call in self.calls[:SEARCHED]],
        )

    def resolve(self, test: NameTest, kind: str = "any") -> Resolution:
        """The calls of that kind which a name means, in body order, exact ones preferred."""
        resolved = self._resolved[kind]
        found = resolved.get(test.key)
        if found is None:
            found = resolved[test.key] = self._resolve(test, kind)
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

    def resolve_inside(self, test: NameTest, call: Call, depth: str) -> Resolution:
        """The tools inside a node which a name means."""
        key = (*test.key, depth, call.id)
        found = self._inside.get(key)
        if found is None:
            if depth == "direct":
                fully, partly = self.names.matches(test)
                parent = call.id
                found = preferred(
                    [tool for tool in fully if tool.parent == parent and tool.tool],
                    [tool for tool in partly if tool.parent == parent and tool.tool],
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
        return preferred(self.inside(placed[0], call), self.inside(placed[1], call))

    @cached_property
    def tool_names(self) -> frozenset[str]:
        """Folded names that the trace knows as tools: called, skipped, requested, on offer."""
        names = self.names.of_tools()
        tool = Kind.TOOL
        for span in self.spans:
            if span.kind is tool:
                names.add(span.label)
                if span.aliases:
                    names.update(span.aliases)
        for message in self.reading.messages:
            names.update(name for name, _ in message.tool_calls)
        return frozenset([fold(name, True) for name in (*names, *self.declared)])

    @cached_property
    def declared(self) -> dict[str, Any]:
        """Tools on offer: name → declared parameters (a JSON Schema, or None)."""
        found: dict[str, Any] = {}
        for span in self.spans:
            attributes = span.attributes
            if "gen_ai.tool.definitions" in attributes:
                read_declarations(attributes["gen_ai.tool.definitions"], found)
            if "availableTools" in attributes:
                read_declarations(attributes["availableTools"], found)
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

    def ordered(self, calls: Sequence[Call]) -> tuple[list[Call], bool]:
        """Calls in the order they happened, and whether times told so (spec 1.1)."""
        starts = [start for call in calls if (start := call.start_ns) is not None]
        if len(starts) < len(calls):
            return list(calls), False
        if all(map(lt, starts, starts[1:])):  # as nearly every trace was written
            return list(calls), True
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

    def labels_of_kind(self, kind: str) -> list[str]:
        """Labels of ``ordered_kind``; the list is shared, not to change."""
        found = self._labels.get(kind)
        if found is None:
            found = self._labels[kind] = [call.label for call in self.ordered_kind(kind)[0]]
        return found

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


def _by_time(call: Call) -> tuple[int, float, int]:
    start = call.start_ns or 0
    return start, float("inf") if call.end_ns is None else call.end_ns, call.order

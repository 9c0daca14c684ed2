"""A trace as it was at each of its moments, by start or by arrival.

By start there is one step a span: all that happened from its start until the next one starts. A
span that is still running then has what it was given, but no end, status, result, answer or usage
yet. By arrival there is one step a request: exactly what the endpoint had by then. The last step
is the trace itself in both, so that its verdicts are the trace's own.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from tracedesk.evaluation.load import assembled, reading_settings
from tracedesk.model.agent import Agent
from tracedesk.model.trace import Decoded, Event, Span, Status, Trace
from tracedesk.model.tree import ROOT, SpanTree
from tracedesk.query.text import duration_text
from tracedesk.reading.plan import plan_of
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables import ALL
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow


class Order(StrEnum):
    """What a step is."""

    START = "start order"
    ARRIVAL = "arrival order"

    @property
    def other(self) -> "Order":
        return Order.ARRIVAL if self is Order.START else Order.START


class Moments(Protocol):
    """The steps through a trace, from 0."""

    order: Order

    def __len__(self) -> int: ...

    def at(self, step: int) -> str:
        """When it was, such as ``+1.4s``; blank when nothing is timed."""

    def seen(self, step: int) -> bytearray:
        """1 for each row of the tree that was there by then."""

    def row(self, step: int) -> int:
        """The row that came last."""

    def trace(self, step: int) -> Trace:
        """The trace as it was. Takes as long as many spans were running: call it from a worker."""

    def partial(self, step: int, row: int) -> Span | None:
        """One span as it was; None when it was not there yet."""


class ByStart:
    """Steps in the order in which spans started."""

    order = Order.START

    def __init__(self, trace: Trace, tree: SpanTree, settings: ReadingSettings) -> None:
        self._trace = trace
        self._tree = tree
        self._late = LateAttributes(settings)
        spans = trace.spans
        starts: list[int] = []
        for row, index in enumerate(tree.order):
            own = spans[index].start_ns
            above = tree.parent[row]
            starts.append((starts[above] if above != ROOT else 0) if own is None else own)
        self._rows = sorted(range(len(tree)), key=lambda row: (starts[row], row))
        self._starts = [starts[row] for row in self._rows]
        self._place = [0] * len(tree)
        for place, row in enumerate(self._rows):
            self._place[row] = place
        self._last = self._place[:]
        """Per row the step at which the last span below it starts."""
        for row in range(len(tree) - 1, 0, -1):
            above = tree.parent[row]
            if above != ROOT:
                self._last[above] = max(self._last[above], self._last[row])

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, step: int) -> str:
        start, end = self._trace.start_ns, self._until(step)
        if end is None:
            end = self._trace.end_ns
        return "" if start is None or end is None else f"+{duration_text((end - start) / 1e6)}"

    def _until(self, step: int) -> int | None:
        """The moment of a step: when the next span starts; None at the last one."""
        return self._starts[step + 1] if step + 1 < len(self._starts) else None

    def seen(self, step: int) -> bytearray:
        return bytearray(place <= step for place in self._place)

    def row(self, step: int) -> int:
        return self._rows[step]

    def _running(self, span: Span, row: int, step: int) -> bool:
        until = self._until(step)
        if until is None:
            return False
        if self._last[row] > step:
            return True
        if span.end_ns is not None:
            return span.end_ns > until
        return span.start_ns is not None

    def trace(self, step: int) -> Trace:
        if step + 1 >= len(self):
            return self._trace
        order = self._tree.order
        shown = sorted((order[row], row) for row in self._rows[: step + 1])
        spans = [self._as_of(index, row, step) for index, row in shown]
        return as_of(self._trace, spans)

    def partial(self, step: int, row: int) -> Span | None:
        if self._place[row] > step:
            return None
        return self._as_of(self._tree.order[row], row, step)

    def _as_of(self, index: int, row: int, step: int) -> Span:
        span = self._trace.spans[index]
        until = self._until(step)
        if until is None or not self._running(span, row, step):
            return span
        return self._late.running(span, until)


class ByArrival:
    """Steps in the order in which requests arrived."""

    order = Order.ARRIVAL

    def __init__(
        self,
        trace: Trace,
        tree: SpanTree,
        times: Sequence[int],
        upto: Callable[[int], Trace],
    ) -> None:
        """``times`` are those of the requests, ``upto`` the trace of the first so many."""
        self._trace = trace
        self._tree = tree
        self._times = times
        self._upto = upto
        self._traces: dict[int, Trace] = {}
        self._spans: dict[int, dict[str, Span]] = {}

    def __len__(self) -> int:
        return max(1, len(self._times))

    def at(self, step: int) -> str:
        if not self._times:
            return ""
        return f"+{duration_text((self._times[step] - self._times[0]) / 1e6)}"

    def trace(self, step: int) -> Trace:
        if step + 1 >= len(self):
            return self._trace
        if step not in self._traces:
            self._traces[step] = self._upto(step + 1)
        return self._traces[step]

    def _by_id(self, step: int) -> dict[str, Span]:
        if step not in self._spans:
            self._spans[step] = {span.span_id: span for span in self.trace(step).spans}
        return self._spans[step]

    def seen(self, step: int) -> bytearray:
        known, spans = self._by_id(step), self._trace.spans
        return bytearray(spans[index].span_id in known for index in self._tree.order)

    def row(self, step: int) -> int:
        """The first row that this request brought."""
        before = self._by_id(step - 1) if step else {}
        known, spans = self._by_id(step), self._trace.spans
        for row, index in enumerate(self._tree.order):
            if spans[index].span_id in known and spans[index].span_id not in before:
                return row
        return 0

    def partial(self, step: int, row: int) -> Span | None:
        return self._by_id(step).get(self._trace.spans[self._tree.order[row]].span_id)


def moments_of(
    store: Store,
    row: TraceRow,
    trace: Trace,
    tree: SpanTree,
    agent: Agent | None,
    roles: Sequence[tuple[str, str]],
    order: Order,
) -> Moments:
    """The steps through a stored trace. Raises StoreError."""
    if order is Order.START:
        return ByStart(trace, tree, reading_settings(agent, roles))
    requests = store.requests(row.id)
    if row.trace_id is None:  # a later request replaced the trace whole
        requests = requests[-1:]
    times = [request.received_ns for request in requests]
    return ByArrival(trace, tree, times, lambda count: assembled(row, requests[:count], agent))


def as_of(trace: Trace, spans: list[Span]) -> Trace:
    """A trace of which only these spans are known; what its body says besides came at the end."""
    return msgspec.structs.replace(
        trace,
        spans=spans,
        data=None,
        declared_status=None,
        declared_duration_ms=None,
        metadata={name: value for name, value in trace.metadata.items() if name not in LATE_FACTS},
        warnings=list(trace.warnings),
    )


LATE_FACTS = frozenset({"http_status", "duration_ms", "usage", "response"})
"""Entries of ``metadata`` that tell how it ended."""


class LateAttributes:
    """Which attributes a span has only once it ends, by the tables of all conventions."""

    def __init__(self, settings: ReadingSettings) -> None:
        plan = plan_of(settings)
        names = {*plan.response.attributes, *plan.response_gaps.attributes, *plan.results}
        names |= {*plan.http_status, *plan.token_names}
        names |= {name for table in ALL for name in table.messages_out}
        names |= {"n8n.node.output", "gen_ai.response.id"}
        self._names = frozenset(names)
        indexed = (prefix for table in ALL for prefix, _ in table.indexed_messages[1:])
        self._prefixes = (*LATE_PREFIXES, *indexed)

    def running(self, span: Span, until_ns: int) -> Span:
        """A span that has begun by that moment and not ended."""
        return Span(
            span_id=span.span_id,
            name=span.name,
            parent_id=span.parent_id,
            start_ns=span.start_ns,
            kind=span.kind,
            label=span.label,
            aliases=span.aliases,
            status=span.status if span.status is Status.SKIPPED else Status.UNSET,
            synthetic=span.synthetic,
            resource=span.resource,
            place=span.place,
            payload=Decoded(self._early(span.attributes), _events(span.events, until_ns)),
        )

    def _early(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in attributes.items()
            if name not in self._names and not name.startswith(self._prefixes)
        }


LATE_PREFIXES = (
    "gen_ai.response.", "gen_ai.output.", "gen_ai.usage.", "gen_ai.completion",
    "gen_ai.tool.call.result", "llm.output_messages", "llm.token_count.", "llm.usage.",
    "output.", "ai.response.", "ai.usage.", "traceloop.entity.output", "error.", "exception.",
)  # fmt: skip
"""How the names of such attributes begin."""


def _events(events: Sequence[Event], until_ns: int) -> list[Event]:
    return [event for event in events if event.time_ns is not None and event.time_ns <= until_ns]

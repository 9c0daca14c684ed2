"""One trace, made ready for the rules: what each span says, which are roots, which are AI.

Everything heavy (messages, outputs) stays encoded until a rule opens it; the order of
candidates is decided here and in the trace's form, once (ingestion spec 14.2, 14.3).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Any

from tracedesk.model.links import NO_PARENT, parents_of
from tracedesk.model.peek import peek, with_events
from tracedesk.model.trace import Span, Status, Trace
from tracedesk.reading.form import Order, form_of
from tracedesk.reading.messages import Said, said
from tracedesk.reading.plan import Shape, plan_of
from tracedesk.reading.settings import ReadingSettings


class View:
    """What the rules share about one trace."""

    __slots__ = (
        "_ends",
        "_eventful",
        "_index_of",
        "_said",
        "_speaking",
        "failed",
        "form",
        "names",
        "node_outputs",
        "parents",
        "plan",
        "roots",
        "seen",
        "shapes",
        "spans",
        "trace",
    )

    def __init__(self, trace: Trace, settings: ReadingSettings) -> None:
        self.trace = trace
        self.plan = plan = plan_of(settings)
        self.spans: Sequence[Span] = trace.spans
        seen: list[Mapping[str, Any]] = []
        self.seen = seen
        """Per span the attributes that rules look at; values may still be encoded."""
        shapes: list[Shape] = []
        self.shapes = shapes
        self.failed = False
        """Some span has status 2."""
        wanted, known = plan.wanted, plan.shapes.get
        skipped, error = Status.SKIPPED, Status.ERROR
        for span in trace.spans:
            attributes = peek(span, wanted)
            status = span.status
            key = (tuple(attributes), span.kind, status is skipped)
            seen.append(attributes)
            shapes.append(known(key) or plan.shape(key))
            if status is error:
                self.failed = True
        self.parents, _ = parents_of(trace.spans)
        self.form = form = form_of(plan, shapes, self.parents)
        self.names = form.names
        self.roots = form.roots
        self.node_outputs: tuple[dict[str, int], list[int | None]] | None = None
        """Where n8n expressions find outputs; filled in when the first one is met."""
        self._speaking: list[int] | None = None
        self._said: dict[tuple[int, str], list[Said]] = {}
        self._index_of: dict[str, int] | None = None
        self._eventful: list[int] | None = None
        self._ends: list[int] | None = None

    @property
    def eventful(self) -> list[int]:
        """Executed spans that have events, in body order."""
        if self._eventful is None:
            found, shapes = with_events(self.spans), self.shapes
            self._eventful = [i for i in found if not shapes[i].skipped] if found else found
        return self._eventful

    def with_messages(self) -> list[int]:
        """Executed spans that hold messages in attributes, or any events; body order."""
        if self._speaking is None:
            found, events = self.form.speaking, self.eventful
            self._speaking = sorted({*found, *events}) if events else found
        return self._speaking

    @property
    def speakers(self) -> list[int]:
        """Those of them that are AI spans."""
        if not self.eventful:
            return self.form.speakers
        return [i for i in self.with_messages() if self.shapes[i].ai]

    def said(self, index: int, attribute: str) -> list[Said]:
        """The messages that an attribute of a span holds; each is parsed once."""
        found = self._said.get((index, attribute))
        if found is None:
            found = self._said[index, attribute] = said(self.seen[index][attribute])
        return found

    def heard(self, index: int, attribute: str) -> bool:
        """True when the messages of an attribute are parsed already."""
        return (index, attribute) in self._said

    def index_of(self, span_id: str) -> int:
        """Index of a span that is known to exist."""
        if self._index_of is None:
            self._index_of = {span.span_id: i for i, span in enumerate(self.spans)}
        return self._index_of[span_id]

    def is_ai(self, index: int) -> bool:
        """True for a model span and for one that names a model or provider, tools apart."""
        return self.shapes[index].ai

    def is_root(self, index: int) -> bool:
        return self.parents[index] == NO_PARENT

    def last(self, indexes: Sequence[int]) -> int:
        """The latest of at least one: by end, then start, then place in the array (spec 14.2)."""
        if len(indexes) == 1:
            return indexes[0]
        ends = self._ends
        if ends is None:
            ends = self._ends = [-1 if s.end_ns is None else s.end_ns for s in self.spans]
        end = max(map(ends.__getitem__, indexes))
        latest = [i for i in indexes if ends[i] == end]
        return latest[0] if len(latest) == 1 else max(latest, key=self._recency)

    def latest(self, indexes: Iterable[int], count: int) -> list[int]:
        """The ``count`` latest of them, latest first."""
        return nlargest(count, indexes, key=self._recency)

    def _recency(self, index: int) -> tuple[int, int, int]:
        span = self.spans[index]
        return (
            -1 if span.end_ns is None else span.end_ns,
            -1 if span.start_ns is None else span.start_ns,
            index,
        )

    def in_order(self, order: Order) -> Iterable[int]:
        """Candidates in the order of trying; nothing is sorted unless the latest does not do."""
        if len(order) == 1 and len(order[0][1]) == 1:
            return order[0][1]
        return self._in_order(order)

    def _in_order(self, order: Order) -> Iterator[int]:
        for latest_first, indexes in order:
            if not latest_first or len(indexes) == 1:
                yield from indexes
            else:
                latest = self.last(indexes)
                yield latest
                rest = sorted(indexes, key=self._recency, reverse=True)
                yield from (index for index in rest if index != latest)

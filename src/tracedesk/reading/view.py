"""One trace, made ready for the rules: what each span says, which are roots, which are AI.

Everything heavy (messages, outputs) stays encoded until a rule opens it; the order of
candidates is decided here, once (ingestion spec 14.2, 14.3).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Any

from tracedesk.model.links import NO_PARENT, parents_of
from tracedesk.model.peek import eventful, peek
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.reading.messages import Said, said
from tracedesk.reading.plan import Shape, plan_of
from tracedesk.reading.settings import ReadingSettings


class View:
    """What the rules share about one trace."""

    __slots__ = (
        "_ends",
        "_eventful",
        "_groups",
        "_having",
        "_index_of",
        "_said",
        "_speaking",
        "failed",
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
        self.seen: list[Mapping[str, Any]] = []
        """Per span the attributes that rules look at; values may still be encoded."""
        self.shapes: list[Shape] = []
        self._groups: dict[tuple[str, ...], tuple[Shape, list[int]]] = {}
        self.failed = False
        """Some span has status 2."""
        wanted, groups = plan.wanted, self._groups
        skipped, error = Status.SKIPPED, Status.ERROR
        for index, span in enumerate(trace.spans):
            attributes = peek(span, wanted)
            names = tuple(attributes)
            group = groups.get(names)
            if group is None:
                group = groups[names] = (plan.shape(names), [])
            self.seen.append(attributes)
            self.shapes.append(group[0])
            status = span.status
            if status is not skipped:
                group[1].append(index)
            if status is error:
                self.failed = True
        self.names: frozenset[str] = frozenset().union(
            *(shape.names for shape, indexes in groups.values() if indexes)
        )
        """Attributes that rules look at and some executed span has."""
        self.parents, _ = parents_of(trace.spans)
        self.roots = [i for i, parent in enumerate(self.parents) if parent == NO_PARENT]
        self.node_outputs: tuple[dict[str, int], list[int | None]] | None = None
        """Where n8n expressions find outputs; filled in when the first one is met."""
        self._speaking: list[int] | None = None
        self._said: dict[tuple[int, str], list[Said]] = {}
        self._having: dict[str, list[int]] = {}
        self._index_of: dict[str, int] | None = None
        self._eventful: list[int] | None = None
        self._ends: list[int] | None = None

    def having(self, attribute: str) -> list[int]:
        """Executed spans that carry the attribute, in body order."""
        if attribute not in self.names:
            return []
        found = self._having.get(attribute)
        if found is None:
            found = self._having[attribute] = self._merged(
                [i for shape, i in self._groups.values() if attribute in shape.names]
            )
        return found

    def having_any(self, attributes: Iterable[str]) -> list[int]:
        """Executed spans that carry at least one of the attributes, in body order."""
        wanted = self.names.intersection(attributes)
        return self._merged(
            [i for shape, i in self._groups.values() if not wanted.isdisjoint(shape.names)]
        )

    def _merged(self, lists: list[list[int]]) -> list[int]:
        """The members of some groups, in body order."""
        if len(lists) == 1:
            return lists[0]
        found: list[int] = []
        for each in lists:
            found += each
        found.sort()
        return found

    def is_ai(self, index: int) -> bool:
        """True for a model span and for one that names a model or provider, tools apart."""
        kind = self.spans[index].kind
        return kind is Kind.MODEL or (self.shapes[index].ai and kind is not Kind.TOOL)

    @property
    def eventful(self) -> list[int]:
        """Executed spans that have events, in body order."""
        if self._eventful is None:
            self._eventful = [
                i
                for i, span in enumerate(self.spans)
                if eventful(span) and span.status is not Status.SKIPPED
            ]
        return self._eventful

    def with_messages(self) -> list[int]:
        """Executed spans that hold messages in attributes, or any events; body order."""
        if self._speaking is None:
            found = self._merged([i for shape, i in self._groups.values() if shape.messages])
            self._speaking = sorted({*found, *self.eventful}) if self.eventful else found
        return self._speaking

    def said(self, index: int, attribute: str) -> list[Said]:
        """The messages that an attribute of a span holds; each is parsed once."""
        found = self._said.get((index, attribute))
        if found is None:
            found = self._said[index, attribute] = said(self.seen[index][attribute])
        return found

    def index_of(self, span_id: str) -> int:
        """Index of a span that is known to exist."""
        if self._index_of is None:
            self._index_of = {span.span_id: i for i, span in enumerate(self.spans)}
        return self._index_of[span_id]

    def is_root(self, index: int) -> bool:
        return self.parents[index] == NO_PARENT

    def last(self, indexes: Iterable[int]) -> int | None:
        """The latest of them: by end, then start, then place in the array (spec 14.2)."""
        listed = list(indexes)
        if len(listed) < 2:
            return listed[0] if listed else None
        ends = self._ends
        if ends is None:
            ends = self._ends = [-1 if s.end_ns is None else s.end_ns for s in self.spans]
        end = max([ends[i] for i in listed])
        return max([i for i in listed if ends[i] == end], key=self._recency)

    def latest_first(self, indexes: Iterable[int]) -> list[int]:
        """By end, then start, then place in the array, greatest first."""
        return sorted(indexes, key=self._recency, reverse=True)

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

    def response_order(self, indexes: Iterable[int]) -> Iterator[int]:
        """Roots in body order, AI spans latest first, the rest latest first."""
        others = []
        for index in indexes:
            if self.parents[index] == NO_PARENT:
                yield index
            else:
                others.append(index)
        ai = [index for index in others if self.is_ai(index)]
        yield from self._latest(ai)
        yield from self._latest([index for index in others if not self.is_ai(index)])

    def input_order(self, indexes: Iterable[int]) -> Iterator[int]:
        """AI spans latest first, roots in body order, the rest latest first."""
        ai: list[int] = []
        others: list[int] = []
        for index in indexes:
            (ai if self.is_ai(index) else others).append(index)
        yield from self._latest(ai)
        yield from (index for index in others if self.parents[index] == NO_PARENT)
        yield from self._latest([i for i in others if self.parents[i] != NO_PARENT])

    def _latest(self, indexes: list[int]) -> Iterator[int]:
        """Latest first; nothing is sorted unless the very latest does not do."""
        latest = self.last(indexes)
        if latest is not None:
            yield latest
            yield from (i for i in self.latest_first(indexes) if i != latest)

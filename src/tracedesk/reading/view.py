"""One trace, made ready for the rules: what each span says, which are roots, which are AI.

Everything heavy (messages, outputs) stays encoded until a rule opens it; the order of
candidates is decided here, once (ingestion spec 14.2, 14.3).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import nlargest
from typing import Any

from tracedesk.model.links import NO_PARENT, parents_of
from tracedesk.model.peek import peek
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables import ALL
from tracedesk.reading.tables.genai import AI_MARKS

N8N_NAMES = ("n8n.node.type", "n8n.node.output", "n8n.node.parameters")
TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")


@lru_cache(maxsize=64)
def wanted_by(settings: ReadingSettings) -> frozenset[str]:
    """Every attribute that the rules look at under these settings."""
    names = [*AI_MARKS, *N8N_NAMES, *TOOL_NAMES, *(attribute for attribute, _ in settings.roles)]
    for table in ALL:
        for field in (*table.response, *table.input, *table.system):
            names += (field.attribute, *field.unless)
        names += (*table.tool_arguments, *table.tool_results)
        names += (*table.messages_in, *table.messages_out, *table.model, *table.http_status)
        if (tokens := table.tokens) is not None:
            names += tokens.names
    return frozenset(names)


class View:
    """What the rules share about one trace."""

    def __init__(self, trace: Trace, settings: ReadingSettings) -> None:
        wanted = wanted_by(settings)
        self.trace = trace
        self.settings = settings
        self.spans: Sequence[Span] = trace.spans
        self.seen: list[Mapping[str, Any]] = [peek(span, wanted) for span in trace.spans]
        self.parents, _ = parents_of(trace.spans)
        self.roots = [i for i, parent in enumerate(self.parents) if parent == NO_PARENT]
        marks = AI_MARKS
        self.ai = [
            span.kind is Kind.MODEL
            or (
                span.kind is not Kind.TOOL
                and bool(seen)
                and any(seen.get(mark) is not None for mark in marks)
            )
            for span, seen in zip(trace.spans, self.seen, strict=True)
        ]
        self.node_outputs: tuple[dict[str, int], list[int | None]] | None = None
        """Where n8n expressions find outputs; filled in when the first one is met."""
        self._index_of: dict[str, int] | None = None
        self.present = _by_attribute(trace.spans, self.seen, wanted)

    def having(self, attribute: str) -> list[int]:
        """Executed spans that carry the attribute, in body order."""
        return self.present.get(attribute, [])

    def index_of(self, span_id: str) -> int:
        """Index of a span that is known to exist."""
        if self._index_of is None:
            self._index_of = {span.span_id: i for i, span in enumerate(self.spans)}
        return self._index_of[span_id]

    def is_root(self, index: int) -> bool:
        return self.parents[index] == NO_PARENT

    def latest_first(self, indexes: Iterable[int]) -> list[int]:
        """By end, then start, then place in the array, greatest first (spec 14.2)."""
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
        roots, ai, rest = self._groups(indexes, roots_first=True)
        yield from roots
        yield from self._latest(ai)
        yield from self._latest(rest)

    def input_order(self, indexes: Iterable[int]) -> Iterator[int]:
        """AI spans latest first, roots in body order, the rest latest first."""
        roots, ai, rest = self._groups(indexes, roots_first=False)
        yield from self._latest(ai)
        yield from roots
        yield from self._latest(rest)

    def _groups(
        self, indexes: Iterable[int], roots_first: bool
    ) -> tuple[list[int], list[int], list[int]]:
        """Roots, AI spans and all others; a span that is both goes where it comes earlier."""
        roots: list[int] = []
        ai: list[int] = []
        rest: list[int] = []
        for index in indexes:
            is_root = self.parents[index] == NO_PARENT
            if self.ai[index] and not (is_root and roots_first):
                ai.append(index)
            else:
                (roots if is_root else rest).append(index)
        return roots, ai, rest

    def _latest(self, indexes: list[int]) -> Iterator[int]:
        """Latest first; nothing is sorted unless the very latest does not do."""
        if indexes:
            latest = max(indexes, key=self._recency)
            yield latest
            yield from (i for i in self.latest_first(indexes) if i != latest)


def _by_attribute(
    spans: Sequence[Span], seen: Sequence[Mapping[str, Any]], wanted: frozenset[str]
) -> dict[str, list[int]]:
    having: dict[str, list[int]] = {}
    for index, attributes in enumerate(seen):
        if not attributes or spans[index].status is Status.SKIPPED:
            continue
        for name in attributes:
            if name in wanted and attributes[name] is not None:
                known = having.get(name)
                if known is None:
                    having[name] = [index]
                else:
                    known.append(index)
    return having

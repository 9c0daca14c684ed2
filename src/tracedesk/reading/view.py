"""One trace, made ready for the rules: what each span says, which are roots, which are AI.

Everything heavy (messages, outputs) stays encoded until a rule opens it; the order of
candidates is decided here, once (ingestion spec 14.2, 14.3).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tracedesk.model.links import NO_PARENT, parents_of
from tracedesk.model.peek import Plan, peek
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables import ALL
from tracedesk.reading.tables.genai import AI_MARKS

N8N_NAMES = ("n8n.node.type", "n8n.node.status")
N8N_HEAVY = ("n8n.node.output", "n8n.node.parameters")
TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")


@lru_cache(maxsize=64)
def plan_for(settings: ReadingSettings) -> Plan:
    """Every attribute that the rules look at under these settings."""
    light: list[str] = [*AI_MARKS, *N8N_NAMES, *TOOL_NAMES]
    heavy: list[str] = [*N8N_HEAVY, *(attribute for attribute, _ in settings.roles)]
    for table in ALL:
        for field in (*table.response, *table.input, *table.system):
            heavy += (field.attribute, *field.unless)
        heavy += (*table.tool_arguments, *table.tool_results)
        heavy += (*table.messages_in, *table.messages_out)
        light += (*table.model, *table.http_status)
        if (tokens := table.tokens) is not None:
            light += (*tokens.input, *tokens.output, *tokens.total, *tokens.reasoning)
            light += tokens.whole or ()
            heavy += [tokens.details] if tokens.details else []
    return Plan(light, heavy)


class View:
    """What the rules share about one trace."""

    def __init__(self, trace: Trace, settings: ReadingSettings) -> None:
        plan = plan_for(settings)
        self.trace = trace
        self.settings = settings
        self.spans: Sequence[Span] = trace.spans
        self.seen: list[Mapping[str, Any]] = [peek(span, plan) for span in trace.spans]
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
        self._index_of: dict[str, int] | None = None
        self._having = _by_attribute(trace.spans, self.seen, plan.wanted)

    def having(self, attribute: str) -> list[int]:
        """Executed spans that carry the attribute, in body order."""
        return self._having.get(attribute, [])

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

    def _recency(self, index: int) -> tuple[int, int, int]:
        span = self.spans[index]
        return (
            -1 if span.end_ns is None else span.end_ns,
            -1 if span.start_ns is None else span.start_ns,
            index,
        )

    def response_order(self, indexes: Iterable[int]) -> list[int]:
        """Roots in body order, AI spans latest first, the rest latest first."""
        return self._ordered(indexes, lambda i: 0 if self.is_root(i) else 1 if self.ai[i] else 2, 0)

    def input_order(self, indexes: Iterable[int]) -> list[int]:
        """AI spans latest first, roots in body order, the rest latest first."""
        return self._ordered(indexes, lambda i: 0 if self.ai[i] else 1 if self.is_root(i) else 2, 1)

    def _ordered(
        self, indexes: Iterable[int], group_of: Callable[[int], int], body_order: int
    ) -> list[int]:
        groups: tuple[list[int], list[int], list[int]] = ([], [], [])
        for index in indexes:
            groups[group_of(index)].append(index)
        return [
            index
            for number, group in enumerate(groups)
            for index in (sorted(group) if number == body_order else self.latest_first(group))
        ]


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

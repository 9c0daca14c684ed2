"""Tokens of a trace, counted once: the root's own numbers, else the sum over the spans that
report any (ingestion spec 16.4). Never two sources for one span.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tracedesk.model.links import NO_PARENT
from tracedesk.model.peek import opened
from tracedesk.model.reading import Source, Usage
from tracedesk.model.trace import Kind, Status
from tracedesk.reading import n8n_spans
from tracedesk.reading.form import Counting
from tracedesk.reading.messages import parsed
from tracedesk.reading.n8n_nodes import Node, is_ai
from tracedesk.reading.plan import N8N_OUTPUT
from tracedesk.reading.tables.convention import Tokens
from tracedesk.reading.view import View


class Count(msgspec.Struct, frozen=True, gc=False):
    """Tokens one place reports; None is not there, never zero."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    reasoning: int | None = None

    @property
    def whole(self) -> int | None:
        """The given total, else input plus output."""
        if self.total is not None:
            return self.total
        if self.input is None and self.output is None:
            return None
        return (self.input or 0) + (self.output or 0)


SHAPES: tuple[tuple[tuple[str, ...], tuple[str, str, str]], ...] = (
    (("usageMetadata",), ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")),
    (("usageMetadata",), ("input_tokens", "output_tokens", "total_tokens")),
    (("usage",), ("prompt_tokens", "completion_tokens", "total_tokens")),
    (("usage",), ("input_tokens", "output_tokens", "total_tokens")),
    (("tokenUsage",), ("promptTokens", "completionTokens", "totalTokens")),
    (("usage_metadata",), ("input_tokens", "output_tokens", "total_tokens")),
    (("usage_metadata",), ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")),
    (
        ("usage_metadata",),
        ("prompt_token_count", "candidates_token_count", "total_token_count"),
    ),
    (("llmOutput", "tokenUsage"), ("promptTokens", "completionTokens", "totalTokens")),
)
"""Where token counts stand in an output: path, and keys of input, output and total."""


def number(value: Any) -> int | None:
    """A token count; numeric text is converted, anything else is not there."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return None


def count_in(value: Any) -> tuple[Count, str] | None:
    """The first token shape in a value and its path below it; several items are added up."""
    if isinstance(value, list):
        found = [c for item in value if (c := count_in(item)) is not None]
        return (added(c for c, _ in found), f"[*]{found[0][1]}") if found else None
    if not isinstance(value, Mapping):
        return None
    for path, keys in SHAPES:
        inner: Any = value
        for key in path:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping):
            numbers = [number(inner.get(key)) for key in keys]
            if any(n is not None for n in numbers):
                return Count(*numbers), "." + ".".join(path)
    return None


def added(counts: Iterable[Count]) -> Count:
    """The sum, part by part; a part that nobody reports stays unknown."""
    listed = list(counts)
    if len(listed) == 1:
        (one,) = listed
        return Count(one.input, one.output, one.whole, one.reasoning)
    return Count(
        input=_total([c.input for c in listed]),
        output=_total([c.output for c in listed]),
        total=_total([c.whole for c in listed]),
        reasoning=_total([c.reasoning for c in listed]),
    )


def _total(values: Sequence[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def usage_of(view: View) -> Usage:
    """Usage of a canonical or OTLP trace."""
    for counting in view.form.counting:
        usage = _by_table(view, counting)
        if usage is not None:
            return usage
    return _from_outputs(view)


def _by_table(view: View, counting: Counting) -> Usage | None:
    tokens = counting.tokens
    whole = _counts(view, tokens, counting.roots) or _whole(view, counting)
    if whole:
        return _usage(view, whole, "root")
    counts = _counts(view, tokens, counting.reporting)
    return _summed(view, counts) if counts else None


def _counts(view: View, tokens: Tokens, indexes: Iterable[int]) -> dict[int, Count]:
    """What each span reports under one convention, by index in body order."""
    counts = {}
    for index in indexes:
        seen = view.seen[index]
        if tokens.details is not None:
            count = _detailed(seen[tokens.details])
        else:
            count = Count(
                _first(seen, tokens.input),
                _first(seen, tokens.output),
                _first(seen, tokens.total),
                _first(seen, tokens.reasoning),
            )
        if count.whole is not None:
            counts[index] = count
    return counts


def _first(seen: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The number under the first of the names that holds one."""
    for name in names:
        raw = seen.get(name)
        if raw is not None:
            value = opened(raw)
            if value.__class__ is not int:
                value = number(value)
            if value is not None:
                return value  # type: ignore[no-any-return]
    return None


def _detailed(value: Any) -> Count:
    details = parsed(opened(value))
    if not isinstance(details, Mapping):
        return Count()
    found = Count(*(number(details.get(key)) for key in ("input", "output", "total")))
    if found.whole is None and (shape := count_in(details)) is not None:
        return shape[0]
    return found


def _whole(view: View, counting: Counting) -> dict[int, Count]:
    names = counting.tokens.whole
    if names is None or not counting.whole:
        return {}
    return _counts(view, Tokens(input=names[:1], output=names[1:]), counting.whole)


def _summed(view: View, counts: dict[int, Count]) -> Usage:
    silent = any(
        span.kind is Kind.MODEL and span.status is not Status.SKIPPED and index not in counts
        for index, span in enumerate(view.spans)
    )
    nested = _nested(view, counts)
    plural = "" if len(counts) == 1 else "s"
    return _usage(view, counts, f"sum of {len(counts)} span{plural}", nested, silent)


def _usage(
    view: View,
    counts: dict[int, Count],
    source: str,
    nested: bool = False,
    partial: bool = False,
) -> Usage:
    shares = [(view.spans[i].span_id, count.whole or 0) for i, count in counts.items()]
    first = next(iter(counts))
    total = counts[first] if len(counts) == 1 else added(counts.values())
    place = view.shapes[first].counts or N8N_OUTPUT
    return Usage(
        input=total.input,
        output=total.output,
        reasoning=total.reasoning,
        total=total.whole,
        source=source,
        spans=tuple(shares),
        nested=nested,
        partial=partial,
        read_from=Source(shares[0][0], place, source),
    )


def _nested(view: View, counts: dict[int, Count]) -> bool:
    """True when a counted span has a counted ancestor; each span is walked over once."""
    clear: set[int] = set()
    for index in counts:
        path, at = [], view.parents[index]
        while at != NO_PARENT and at not in clear:
            if at in counts:
                return True
            path.append(at)
            at = view.parents[at]
        clear.update(path)
    return False


def _from_outputs(view: View) -> Usage:
    """Token shapes inside the parsed outputs of n8n nodes."""
    if N8N_OUTPUT not in view.names:
        return Usage(tried=view.plan.usage_tried)
    nodes = n8n_spans.nodes(view)
    counts = {nodes[i].index: count for i, count in n8n_counts(nodes).items()}
    return _summed(view, counts) if counts else Usage(tried=view.plan.usage_tried)


def n8n_counts(nodes: Sequence[Node]) -> dict[int, Count]:
    """Token counts of AI nodes, by position in the list. Plain nodes pass an AI node's output
    on, so where no type tells, equal counts are taken once."""
    found = {i: counted[0] for i, node in enumerate(nodes) if (counted := count_in(node.output))}
    ai = {i: count for i, count in found.items() if is_ai(nodes[i].type)}
    if ai:
        return ai
    untyped: dict[Count, int] = {}
    for i, count in found.items():
        if nodes[i].type in (None, "", "unknown"):
            untyped.setdefault(count, i)
    return {i: count for count, i in untyped.items()}

"""Status code, duration, trace status and model (ingestion spec 16.1 to 16.3, C13)."""

import math
from collections.abc import Mapping
from typing import Any

from tracedesk.model.peek import opened
from tracedesk.model.reading import Number, Source
from tracedesk.model.trace import Span, Trace
from tracedesk.reading.view import View


def numeric(value: Any) -> float | None:
    """A number or numeric text; anything else, and what is not finite, is not there."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            return None
    if isinstance(value, int | float):
        try:
            return value if math.isfinite(value) else None
        except OverflowError:
            return None
    return None


def http_status(view: View) -> Number:
    """A root's status code, else a descendant's, else ``metadata``, else ``data``."""
    for name, indexes in view.form.http_status:
        for index in indexes:
            value = numeric(opened(view.seen[index].get(name)))
            if value is not None:
                rule = "on a root" if view.is_root(index) else "on a descendant"
                return Number(_whole(value), Source(view.spans[index].span_id, name, rule))
    return _stated(view.trace, "http_status", ("_http_status",)) or Number(
        tried=view.plan.http_status_tried
    )


def _whole(value: float) -> float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _stated(trace: Trace, in_metadata: str, in_data: tuple[str, ...]) -> Number | None:
    """A number that the body itself states."""
    value = numeric(trace.metadata.get(in_metadata))
    if value is not None:
        return Number(_whole(value), Source(None, f"$.metadata.{in_metadata}", "metadata"))
    inner = trace.data
    for key in in_data:
        if inner is None:
            return None
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    value = numeric(inner)
    if value is None:
        return None
    return Number(_whole(value), Source(None, ".".join(("$.data", *in_data)), "data"))


def duration(view: View) -> Number:
    """Milliseconds from the roots' times, else from all times, else stated in the body."""
    trace, spans = view.trace, view.spans
    if trace.declared_duration_ms is not None:
        rule = "times that the format itself records"
        return Number(trace.declared_duration_ms, Source(None, "$.data", rule))
    tried = [ONE_ROOT]
    if not trace.format.legacy:
        roots = map(spans.__getitem__, view.roots)
        timed = [s for s in roots if s.start_ns is not None and s.end_ns is not None]
        rule = ONE_ROOT if len(timed) < 2 else "latest root end minus earliest root start"
        if not timed:
            timed = list(spans)
            rule = "latest end minus earliest start"
            tried.append(rule)
        found = _between(timed)
        if found is not None:
            milliseconds, last = found
            if milliseconds >= 0:
                return Number(milliseconds, Source(last, "end_time_unix_nano", rule))
            return Number(tried=(*tried, "negative_duration"))
    return _stated(trace, "duration_ms", ("_metadata", "duration_ms")) or Number(
        tried=(*tried, "metadata.duration_ms", "data._metadata.duration_ms")
    )


ONE_ROOT = "root end minus root start"


def _between(spans: list[Span]) -> tuple[float, str] | None:
    """Milliseconds from the earliest start to the latest end, and the id of the span that ends
    last, the first of several."""
    first: int | None = None
    last: int | None = None
    span_id = ""
    for span in spans:
        start, end = span.start_ns, span.end_ns
        if start is not None and (first is None or start < first):
            first = start
        if end is not None and (last is None or end > last):
            last, span_id = end, span.span_id
    return None if first is None or last is None else ((last - first) / 1e6, span_id)


def trace_status(view: View) -> str:
    """``failed`` when a span has status 2; older formats state theirs."""
    return "failed" if view.failed else view.trace.declared_status or "completed"


def model_of(view: View) -> tuple[str | None, Source | None]:
    """The model that the latest span naming one names."""
    for name, indexes in view.form.models:
        index = view.last(indexes)
        value = opened(view.seen[index][name])
        if isinstance(value, str) and value.strip():
            return value, Source(view.spans[index].span_id, name, "latest span naming a model")
    return None, None

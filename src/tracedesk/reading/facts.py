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
    return _in_body(view.trace, "http_status", "_http_status", (), view.plan.http_status)


def _whole(value: float) -> float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _in_body(
    trace: Trace, in_metadata: str, in_data: str, below: tuple[str, ...], tried: tuple[str, ...]
) -> Number:
    value = numeric(trace.metadata.get(in_metadata))
    if value is not None:
        return Number(_whole(value), Source(None, f"$.metadata.{in_metadata}", "metadata"))
    inner = trace.data
    for key in (in_data, *below):
        if inner is None:
            break
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    value = numeric(inner)
    if value is not None:
        return Number(_whole(value), Source(None, ".".join(("$.data", in_data, *below)), "data"))
    return Number(tried=(*tried, f"metadata.{in_metadata}", ".".join(("data", in_data, *below))))


def duration(view: View) -> Number:
    """Milliseconds from the roots' times, else from all times, else stated in the body."""
    trace = view.trace
    if trace.declared_duration_ms is not None:
        rule = "times that the format itself records"
        return Number(trace.declared_duration_ms, Source(None, "$.data", rule))
    tried = ["root end minus root start"]
    if not trace.format.legacy:
        roots = [view.spans[i] for i in view.roots]
        timed = [s for s in roots if s.start_ns is not None and s.end_ns is not None]
        rule = "root end minus root start"
        if len(timed) > 1:
            rule = "latest root end minus earliest root start"
        if not timed:
            timed = list(view.spans)
            rule = "latest end minus earliest start"
            tried.append(rule)
        found = _between(timed)
        if found is not None:
            milliseconds, last = found
            if milliseconds >= 0:
                return Number(milliseconds, Source(last.span_id, "end_time_unix_nano", rule))
            tried.append("negative_duration")
            return Number(tried=tuple(tried))
    return _in_body(trace, "duration_ms", "_metadata", ("duration_ms",), tuple(tried))


def _between(spans: list[Span]) -> tuple[float, Span] | None:
    starts = [s.start_ns for s in spans if s.start_ns is not None]
    ended = [s for s in spans if s.end_ns is not None]
    if not starts or not ended:
        return None
    last = max(ended, key=lambda s: s.end_ns or 0)
    return ((last.end_ns or 0) - min(starts)) / 1e6, last


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

"""Candidates for a span: that it ran, how it ended, how long it took, its attributes."""

from collections.abc import Iterator
from typing import Any

from tracedesk.authoring import naming, shapes
from tracedesk.authoring.draft import At, Draft
from tracedesk.authoring.forms import (
    EXACT,
    LOOSER,
    MAX_WRITTEN,
    MUST_NOT,
    STRICTER,
    forms,
    literal,
    written_size,
)
from tracedesk.authoring.of_calls import of_call
from tracedesk.model.trace import Span, Status
from tracedesk.query.values import ABSENT

_STATUS = {Status.OK: "ok", Status.ERROR: "error", Status.UNSET: "unset"}


def named(span: Span, **fields: Any) -> dict[str, Any]:
    """A selector of the spans of this name."""
    return {"name": span.label, "name_match": "exact", **fields}


def of_span(at: At) -> Iterator[Draft]:
    """A span, and the call that it is."""
    span = at.span
    if span is None:
        return
    if at.call is not None and at.call.id == span.span_id:
        yield from of_call(at, at.call)
    yield from _runs(at, span)
    yield from _ends(span)
    yield from _takes(span)


def _runs(at: At, span: Span) -> Iterator[Draft]:
    select = named(span)
    if span.status is Status.SKIPPED:
        skipped = {"target": "span_query", "select": named(span, status="skipped")}
        yield Draft(EXACT, f"a span {span.label} is skipped", skipped)
        return
    there = {"target": "span_query", "select": select, "count": {"min": 1}}
    yield Draft(LOOSER, f"there is a span {span.label}", there)
    alike = sum(s.label == span.label and s.status is not Status.SKIPPED for s in at.trace.spans)
    count = {"target": "span_query", "select": select, "count": {"min": alike, "max": alike}}
    often = "once" if alike == 1 else f"{alike} times"
    yield Draft(EXACT, f"{span.label} runs exactly {often}", count)
    never = {"target": "span_query", "select": select, "count": {"max": 0}}
    yield Draft(MUST_NOT, f"there is no span {span.label}", never)


def _ends(span: Span) -> Iterator[Draft]:
    calm = {"target": "no_errors", "select": named(span)}
    if not span.failed:
        yield Draft(STRICTER, f"no {span.label} fails", calm)
        if span.status in _STATUS:
            check = {
                "target": "span_query", "select": named(span),
                "checks": {"@status": _STATUS[span.status]}, "quantifier": "any",
            }  # fmt: skip
            yield Draft(EXACT, f"the status of {span.label} is {_STATUS[span.status]}", check)
        return
    yield Draft(MUST_NOT, f"no {span.label} fails", calm)
    if span.status is Status.ERROR:
        failing = {"target": "span_query", "select": named(span, status="error")}
        yield Draft(EXACT, f"{span.label} fails", failing)
    message = span.status_message
    if message and written_size(message) <= MAX_WRITTEN:
        part = shapes.first_sentence(message)[:80].strip() or message[:80]
        check = {
            "target": "span_query", "select": named(span, status="error"),
            "checks": {"@status_message": {"matcher": "contains", "value": part}},
            "quantifier": "any",
        }  # fmt: skip
        yield Draft(LOOSER, f"{span.label} fails with “{part[:40]}”", check)


def _takes(span: Span) -> Iterator[Draft]:
    if span.duration_ns is None:
        return
    took = span.duration_ns / 1e6
    for factor in (1.1, 2):
        most = shapes.rounded_up(max(took * factor, 1))
        check = {
            "target": "span_query", "select": named(span),
            "checks": {"@duration_ms": {"matcher": "lte", "value": most}},
        }  # fmt: skip
        words = f"every {span.label} takes at most {most:g} ms"
        yield Draft(STRICTER if factor < 2 else LOOSER, words, check)


def of_event(at: At) -> Iterator[Draft]:
    """An event tells of its span; only that it failed can be asserted."""
    span = at.span
    if span is None or not 0 <= at.place.event < len(span.events):
        return
    if span.events[at.place.event].name == "exception" or span.failed:
        yield from _ends(span)


def of_attribute(at: At) -> Iterator[Draft]:
    """An attribute of a span, or a value in it."""
    span, steps = at.span, at.place.steps
    if span is None or not steps or at.value is ABSENT:
        return
    key = ".".join(map(str, steps))
    what = naming.words(steps)
    exact: dict[str, Any] | None = None
    for form in forms(at.value, at.clock_ns):
        exact = exact or {key: form.expected}
        check = _checks(span, {key: form.expected})
        yield Draft(form.strength, f"{what} {form.words}", check)
    if exact is None or written_size(at.value) > MAX_WRITTEN:
        return
    every = {k: v for k, v in _checks(span, exact).items() if k != "quantifier"}
    yield Draft(STRICTER, f"{what} is so on every {span.label}", every)
    never = _checks(span, {key: {"matcher": "not", "value": literal(at.value)}})
    never["quantifier"] = "every"
    yield Draft(MUST_NOT, f"{what} is never so on any {span.label}", never)


def _checks(span: Span, checks: dict[str, Any]) -> dict[str, Any]:
    return {
        "target": "span_query", "select": named(span), "checks": checks, "quantifier": "any"
    }  # fmt: skip

"""One trace decoded anew from its kept bytes: what reads differently than it did before.

Before is what was remembered when the trace came in or was read last: the index of its spans, the
summary in the list, and the reading that was open.
"""

from collections.abc import Iterator, Sequence

import msgspec

from tracedesk.model.reading import Call, Reading, Text
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.query.text import counted
from tracedesk.query.values import equality_key, show
from tracedesk.store.rows import HEAD_CHARS, SpanRow, TraceRow

LISTED = 50
"""Differences of one sort that are listed one by one."""

NOTHING = "nothing"


class Reread(msgspec.Struct, frozen=True):
    """One thing that reads differently now."""

    what: str
    before: str
    after: str


def reread_differences(
    row: TraceRow,
    index: Sequence[SpanRow],
    before: Reading | None,
    trace: Trace,
    after: Reading,
) -> list[Reread]:
    """Everything that reads differently. ``row`` and ``index`` are as stored, ``before`` is the
    reading that was open, if any."""
    return [
        *_limited(list(_spans(index, trace.spans)), "spans"),
        *_summary(row, after),
        *([] if before is None else _limited(list(_readings(before, after)), "values")),
    ]


def _limited(found: list[Reread], noun: str) -> Iterator[Reread]:
    yield from found[:LISTED]
    if len(found) > LISTED:
        yield Reread(f"{len(found) - LISTED:,} more {noun}", "", "differ too")


def _spans(index: Sequence[SpanRow], spans: Sequence[Span]) -> Iterator[Reread]:
    known = {entry.span_id: entry for entry in index}
    for span in spans:
        entry = known.pop(span.span_id, None)
        if entry is None:
            yield Reread(f"span {span.label}", NOTHING, "is there")
            continue
        for what, was, now in (
            ("parent", entry.parent_id, span.parent_id),
            ("kind", Kind(entry.kind).name.lower(), span.kind.name.lower()),
            ("start", entry.start_ns, span.start_ns),
            ("end", entry.end_ns, span.end_ns),
            ("status", Status(entry.status).name.lower(), span.status.name.lower()),
        ):
            if was != now:
                yield Reread(f"{what} of {span.label}", _said(was), _said(now))
        if entry.name not in (span.name, span.label):
            yield Reread(f"name of span {span.span_id}", entry.name, span.label)
    for entry in known.values():
        yield Reread(f"span {entry.name}", "was there", NOTHING)


def _summary(row: TraceRow, after: Reading) -> Iterator[Reread]:
    """What the list shows; it was read by the rules of then, if it was read at all."""
    if row.read_revision != row.revision:
        return
    for what, was, now in (
        ("status in the list", row.status, after.status),
        ("duration in the list", row.duration_ms, after.duration_ms.value),
        ("tokens in the list", row.tokens, after.usage.total),
        ("response in the list", row.response, _head(after.response)),
        ("input in the list", row.input, _head(after.input)),
    ):
        if was != now:
            yield Reread(what, _said(was), _said(now))


def _head(text: Text) -> str | None:
    return None if text.text is None else text.text[:HEAD_CHARS]


def _readings(before: Reading, after: Reading) -> Iterator[Reread]:
    for what, was, now in (
        ("response", before.response.text, after.response.text),
        ("source of the response", _source(before.response), _source(after.response)),
        ("input", before.input.text, after.input.text),
        ("source of the input", _source(before.input), _source(after.input)),
        ("system prompt", before.system.text, after.system.text),
        ("model", before.model, after.model),
        ("status", before.status, after.status),
        ("HTTP status", before.http_status.value, after.http_status.value),
        ("duration in ms", before.duration_ms.value, after.duration_ms.value),
        ("input tokens", before.usage.input, after.usage.input),
        ("output tokens", before.usage.output, after.usage.output),
        ("tokens", before.usage.total, after.usage.total),
        ("messages", len(before.messages), len(after.messages)),
    ):
        if was != now:
            yield Reread(what, _said(was), _said(now))
    yield from _calls(before.calls, after.calls)


def _calls(before: Sequence[Call], after: Sequence[Call]) -> Iterator[Reread]:
    if len(before) != len(after):
        yield Reread("calls", counted(len(before), "call"), counted(len(after), "call"))
    known = {call.id: call for call in before}
    for call in after:
        earlier = known.get(call.id)
        if earlier is None:
            yield Reread(f"call of {call.label}", NOTHING, "is there")
            continue
        for what, was, now in (
            ("name", earlier.label, call.label),
            ("arguments", earlier.arguments, call.arguments),
            ("output", earlier.output, call.output),
            ("status", earlier.status, call.status),
        ):
            if equality_key(was) != equality_key(now):
                yield Reread(f"{what} of {call.label}", _said(was), _said(now))


def _source(text: Text) -> str | None:
    return (
        None if text.source is None else f"{text.source.place} of {text.source.span or 'the body'}"
    )


def _said(value: object) -> str:
    return NOTHING if value is None else value if isinstance(value, str) else show(value)

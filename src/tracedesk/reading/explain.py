"""Where each value of a reading came from, what else was found, and why a blank is blank.

Nothing here decides: it looks again, at leisure, at every place the rules could have read,
and says of each why it was not the one.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.peek import opened
from tracedesk.model.reading import Call, Number, Reading, Source, Text
from tracedesk.model.trace import Span, Status, Trace
from tracedesk.reading import texts
from tracedesk.reading.plan import Plan, Rows
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables.convention import Field
from tracedesk.reading.view import View

HEAD = 160
"""Characters of a value that are shown."""
MAX_OTHERS = 20
"""Places not used that are listed for one value; the rest are counted."""
MAX_CALLS = 50


class Other(msgspec.Struct, frozen=True):
    """A place that held something and was not used."""

    span: str | None
    place: str
    value: str
    """Head of what it holds."""
    reason: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a reading, with its reasons."""

    field: str
    value: str | None
    """Head of the value; None when it is blank."""
    source: Source | None = None
    tried: tuple[str, ...] = ()
    """For a blank: where it was looked for in vain, in order."""
    nearest: str | None = None
    """For a blank: an attribute that no rule reads and whose name suggests the value."""
    nearest_span: str | None = None
    others: tuple[Other, ...] = ()
    others_left: int = 0


def explain(
    trace: Trace, reading: Reading, settings: ReadingSettings = ReadingSettings()
) -> list[Explained]:
    """Every value of a reading of the trace under the same settings, in a fixed order."""
    view = View(trace, settings)
    found = [
        _text(view, "response", reading.response, (view.plan.response, view.plan.response_gaps)),
        _text(view, "input", reading.input, (view.plan.input, view.plan.input_gaps)),
        _text(view, "system", reading.system, (view.plan.system,)),
        _model(view, reading),
        _usage(view, reading),
        _number(view, "http_status", reading.http_status, view.plan.http_status),
        _number(view, "duration_ms", reading.duration_ms, ()),
        _status(trace, reading),
    ]
    for call in reading.tool_calls[:MAX_CALLS]:
        found += _call(view, call)
    return found


def head(value: Any) -> str:
    """The beginning of a value as one line."""
    text = value if isinstance(value, str) else jsontext.dump(value)
    text = " ".join(text[: 4 * HEAD].split())
    return text if len(text) <= HEAD else text[: HEAD - 1] + "…"


def _explained(
    view: View,
    field: str,
    value: Any,
    source: Source | None,
    tried: Iterable[str] = (),
    others: Iterable[Other] = (),
) -> Explained:
    listed = list(others)
    name = span = None
    if value is None and field in texts.LOOKS_LIKE:
        name, span = texts.nearest(view, field)
    return Explained(
        field=field,
        value=None if value is None else head(value),
        source=source,
        tried=tuple(tried) if value is None else (),
        nearest=name,
        nearest_span=span,
        others=tuple(listed[:MAX_OTHERS]),
        others_left=max(0, len(listed) - MAX_OTHERS),
    )


def _text(view: View, field: str, text: Text, tables: tuple[Rows, ...]) -> Explained:
    others = [] if view.trace.format.legacy else list(_other_texts(view, text.source, tables))
    found = _explained(view, field, text.text, text.source, text.tried, others)
    if found.nearest is None and text.nearest is not None:
        return msgspec.structs.replace(found, nearest=text.nearest, nearest_span=text.nearest_span)
    return found


def _other_texts(view: View, used: Source | None, tables: tuple[Rows, ...]) -> Iterator[Other]:
    """Each place a table row reads, but the one that was used, with the reason."""
    told = set() if used is None else {(used.span, used.place)}
    for rows in tables:
        for field in rows.fields:
            for index, span in enumerate(view.spans):
                place = (span.span_id, field.attribute)
                if field.attribute not in view.seen[index] or place in told:
                    continue
                value, reason = _reason(view, index, field, used)
                if reason is not None:
                    told.add(place)
                    yield Other(*place, value, reason)


def _reason(view: View, index: int, field: Field, used: Source | None) -> tuple[str, str | None]:
    """Head of what a row reads on a span, and why it was not used; None: another row decides."""
    span, seen = view.spans[index], view.seen[index]
    value = head(opened(seen[field.attribute]))
    if span.status is Status.SKIPPED:
        return value, "the span was skipped, so it did not run"
    if field.roots_only and not view.is_root(index):
        return value, "only a root's value counts; values of inner spans are wiring"
    if field.kinds and span.kind not in field.kinds:
        kinds = " or ".join(kind.name.lower() for kind in field.kinds)
        return value, f"only {kinds} spans count"
    blocking = [name for name in field.unless if name in seen]
    if blocking:
        return value, f"the span also has {blocking[0]}"
    text = field.read(seen[field.attribute], partial(getattr, span, "attributes"))
    if text is None:
        return value, "there is no such text in it"
    if not text.strip():
        return value, "blank"
    if used is None:
        return head(text), "found too late"
    if used.place == field.attribute:
        return head(text), f"span {used.span} comes first in the order of candidates"
    return head(text), f"{used.place} is tried first"


def _model(view: View, reading: Reading) -> Explained:
    used = reading.model_source
    others = (
        Other(
            view.spans[i].span_id,
            name,
            head(opened(view.seen[i][name])),
            "a later span names its model"
            if used is not None and used.place == name
            else f"{used.place if used else name} is tried first",
        )
        for name in view.plan.models
        for i in view.form.having(name)
        if used is None or (view.spans[i].span_id, name) != (used.span, used.place)
    )
    return _explained(view, "model", reading.model, used, view.plan.models, others)


def _usage(view: View, reading: Reading) -> Explained:
    usage = reading.usage
    counts = (usage.input, usage.output, usage.total)
    known = any(count is not None for count in counts)
    words = ("input", "output", "total")
    parts = zip(words, counts, strict=True)
    value = ", ".join(f"{word} {n}" for word, n in parts if n is not None) if known else None
    return _explained(
        view, "usage", value, usage.read_from, usage.tried, _other_counts(view, reading)
    )


def _other_counts(view: View, reading: Reading) -> Iterator[Other]:
    usage = reading.usage
    summed = {span for span, _ in usage.spans}
    place = usage.read_from.place if usage.read_from is not None else ""
    own = next((t for t in view.plan.tokens if place in t.names), None)
    for index in view.form.having_any(view.plan.token_names):
        span = view.spans[index]
        for tokens in view.plan.tokens:
            name = next((n for n in tokens.ordered if n in view.seen[index]), None)
            if name is None or (tokens is own and span.span_id in summed):
                continue
            if tokens is not own:
                reason = f"names of another convention; {place} is tried first" if place else ""
            elif usage.source == "root":
                reason = "the root states the whole"
            else:
                reason = "spans of this kind only repeat what others count"
            yield Other(
                span.span_id, name, head(opened(view.seen[index][name])), reason or "no number"
            )


def _number(view: View, field: str, number: Number, names: tuple[str, ...]) -> Explained:
    used = number.source
    others = (
        Other(
            view.spans[i].span_id,
            name,
            head(opened(view.seen[i][name])),
            "not a number" if used is None else f"{used.place} {used.rule} comes first",
        )
        for name in names
        for i in view.form.having(name)
        if used is None or (view.spans[i].span_id, name) != (used.span, used.place)
    )
    value = None if number.value is None else f"{number.value:g}"
    return _explained(view, field, value, used, number.tried, others)


def _status(trace: Trace, reading: Reading) -> Explained:
    failed = next((span for span in trace.spans if span.status is Status.ERROR), None)
    if failed is not None:
        source = Source(failed.span_id, "status.code", "a span has status 2")
    elif trace.declared_status is not None:
        source = Source(None, "$", "as the format states it")
    else:
        source = Source(None, "status.code", "no span has status 2")
    return Explained(field="status", value=reading.status, source=source)


def _call(view: View, call: Call) -> Iterator[Explained]:
    """Arguments and output of one tool call."""
    plan, span = view.plan, None
    if call.shown_by is None:
        span = view.spans[view.index_of(call.id)]
    for role, what, recorded in (
        ("tool_arguments", "arguments", call.given),
        ("tool_result", "output", call.gave),
    ):
        there = recorded.state != "absent"
        rule = "recorded for this call" if span is not None else "told by the messages of a model"
        name = None if there or span is None else _nearest_on(plan, span, role)
        yield Explained(
            field=f"{what} of {call.label}",
            value=head(recorded.value) if there else None,
            source=Source(call.span, recorded.place, rule) if there else None,
            tried=() if there else _tried(plan, role),
            nearest=name,
            nearest_span=None if name is None else call.span,
        )


def _tried(plan: Plan, role: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plan.arguments if role == "tool_arguments" else plan.results))


def _nearest_on(plan: Plan, span: Span, role: str) -> str | None:
    names = texts.suggestions(role, tuple(span.attributes))
    return next((name for _, name in names if name not in plan.wanted), None)

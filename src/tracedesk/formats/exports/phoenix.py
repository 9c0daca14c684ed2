"""Arize Phoenix's spans: JSON lines, answers of its REST API and of its command line, and
records of the data frame that its client gives.

Source of a rule: Arize-ai/phoenix ``src/phoenix/trace/span_json_encoder.py`` and
``server/api/routers/v1/spans.py`` (fields, flat ``attributes.*`` columns), OpenInference
semantic conventions (attribute names, indexed lists), pandas ``DataFrame.to_json`` (dates
as milliseconds).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tracedesk.formats.attributes import plain_attributes
from tracedesk.formats.exports import times
from tracedesk.formats.exports.records import (
    ExportEvent,
    ExportFault,
    ExportSpan,
    Record,
    Time,
    below,
    first,
    json_text,
    mapping,
    objects,
    opened,
    text,
)
from tracedesk.formats.values import liberal_nanoseconds, liberal_status
from tracedesk.model import jsontext
from tracedesk.model.trace import Status

STATUS = {Status.OK: 1, Status.ERROR: 2}

JSON_VALUES = (
    "input.value",
    "output.value",
    "metadata",
    "llm.invocation_parameters",
    "llm.prompt_template.variables",
    "tool.parameters",
    "tool_call.function.arguments",
    "tool.json_schema",
)
"""Attributes, by their end, whose value is one JSON text however it was exported."""

COLUMN = "attributes."


def convert(records: Sequence[Record]) -> Iterator[ExportSpan | ExportFault]:
    """Phoenix spans."""
    for found in opened(records):
        if isinstance(found, ExportFault):
            yield found
            continue
        record, value = found
        if isinstance(value.get("spans"), list):  # a whole trace, as the command line gives it
            for position, span in enumerate(value["spans"]):
                yield _span(span, record.line, below(record.place, f"spans[{position}]"))
        else:
            yield _span(value, record.line, record.place)


def _span(span: Any, line: int | None, place: str) -> ExportSpan | ExportFault:
    if not isinstance(span, dict):
        return ExportFault(line, place, "is not an object")
    context = mapping(span.get("context"))
    span_id = text(first(context, "span_id")) or text(first(span, "context.span_id", "span_id"))
    trace_id = text(first(context, "trace_id")) or text(first(span, "context.trace_id", "trace_id"))
    if span_id is None or trace_id is None:
        missing = "span_id" if span_id is None else "trace_id"
        return ExportFault(line, place, f"a Phoenix span without context.{missing}")
    code, message = span.get("status_code"), span.get("status_message")
    if isinstance(span.get("status"), dict):
        code, message = span["status"].get("code"), span["status"].get("message")
    attributes = _attributes(span)
    kind = text(span.get("span_kind"))
    if kind is not None and kind != "UNKNOWN":
        attributes.setdefault("openinference.span.kind", kind)
    return ExportSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=text(first(span, "parent_id", "parent_span_id")),
        name=text(span.get("name")) or "",
        start=_time(span, "start_time"),
        end=_time(span, "end_time"),
        status=STATUS.get(liberal_status(code)[0], 0),
        message=text(message) or "",
        attributes=attributes,
        events=_events(span.get("events")),
        line=line,
        place=place,
    )


def _time(span: dict[str, Any], name: str) -> Time:
    exact = span.get(f"{name}_unix_nano")
    if exact is not None:
        return liberal_nanoseconds(exact)[0] or str(exact)
    value = span.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return times.since_epoch(value, times.MILLI)
    return times.date(value)


def _attributes(span: dict[str, Any]) -> dict[str, Any]:
    """Attributes under their full names, whatever nesting they were exported with."""
    found: dict[str, Any] = {}
    _flatten("", plain_attributes(span.get("attributes")), found)
    for name, value in span.items():
        if name.startswith(COLUMN):
            _flatten(name.removeprefix(COLUMN), value, found)
    return found


def _flatten(name: str, value: Any, found: dict[str, Any]) -> None:
    """Objects, and lists of objects, by dotted names. The depth is that of parsed JSON."""
    if value is None:
        return
    if name.endswith(JSON_VALUES):
        found[name] = json_text(value) if isinstance(value, list | dict) else value
    elif isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}" if name else key, inner, found)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for position, item in enumerate(value):
            _flatten(f"{name}.{position}", item, found)
    else:
        found[name] = value


def _events(value: Any) -> list[ExportEvent]:
    if isinstance(value, str):
        try:
            value = jsontext.parse(value)
        except ValueError:
            return []
    events = []
    for event in objects(value):
        attributes: dict[str, Any] = {}
        _flatten("", plain_attributes(event.get("attributes")), attributes)
        exact = event.get("time_unix_nano")
        stamp = event.get("timestamp")
        time = times.date(stamp) if exact is None else liberal_nanoseconds(exact)[0]
        events.append(ExportEvent(text(event.get("name")) or "event", time, attributes))
    return events

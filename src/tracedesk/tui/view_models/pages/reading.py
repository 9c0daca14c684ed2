"""The Reading page: what the trace said and did, each value with where it came from.

On a root (or with nothing selected) it is the reading of the whole trace; on any other
span its own story: error, arguments, output, the calls below it.
"""

from typing import TYPE_CHECKING

from tracedesk.model.reading import Call, Reading, Source, Text
from tracedesk.model.trace import Span
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit, pad_left
from tracedesk.tui.view_models.pages.attributes import attributes_page
from tracedesk.tui.view_models.pages.builder import LabelOf, Page
from tracedesk.tui.view_models.pages.json_lines import inline
from tracedesk.tui.view_models.span_line import model_and_tokens

if TYPE_CHECKING:
    from tracedesk.desk import OpenTrace

MAX_CALLS = 200
"""Calls listed in the overview; the tree has them all."""

TRIED_SHOWN = 4
"""Places tried in vain that are named in the pane."""

MESSAGE_ATTRIBUTES = (
    ("Input", ("gen_ai.input.messages", "gen_ai.prompt", "input.value", "ai.prompt.messages",
               "ai.prompt", "traceloop.entity.input")),
    ("Output", ("gen_ai.output.messages", "gen_ai.completion", "output.value", "ai.response.text",
                "ai.response.object", "traceloop.entity.output")),
)  # fmt: skip
"""What a span that is no call took in and gave out; the first present is shown."""


def reading_page(
    opened: "OpenTrace",
    span: Span | None,
    width: int,
    *,
    whole_trace: bool,
    label_of: LabelOf = str,
) -> list[Line]:
    """The page for one span, or for the whole trace; ``label_of`` names spans by their id."""
    if span is None or whole_trace:
        return _trace_page(opened, span, width, label_of)
    return _span_page(opened, span, width, label_of)


def _trace_page(
    opened: "OpenTrace", span: Span | None, width: int, label_of: LabelOf
) -> list[Line]:
    page = Page(width)
    reading = opened.reading
    if span is not None and span.failed:
        _error(page, span)
    _text(page, "Response", reading.response, label_of)
    _text(page, "Input", reading.input, label_of)
    _calls(page, reading)
    _facts(page, opened, label_of)
    if reading.system.text is not None:
        _text(page, "System", reading.system, label_of)
    return page.lines


def _span_page(opened: "OpenTrace", span: Span, width: int, label_of: LabelOf) -> list[Line]:
    page = Page(width)
    if span.failed:
        _error(page, span)
    call = next((call for call in opened.reading.calls if call.id == span.span_id), None)
    if call is not None and call.tool:
        _value(page, "Arguments", call.arguments, call.arguments_state, call.arguments_place)
        _value(page, "Output", call.output, call.output_state, call.output_place)
        if call.parameters:
            page.heading("Parameters")
            page.json(call.parameters, f"{call.label} parameters")
    else:
        attributes = span.attributes
        for title, names in MESSAGE_ATTRIBUTES:
            name = next((name for name in names if attributes.get(name) is not None), None)
            if name is not None:
                page.heading(title, name)
                page.json(attributes[name], f"{span.label} {title.lower()}", path=name)
        if call is not None and call.output_state == "captured":
            _value(page, "Output", call.output, call.output_state, call.output_place)
    if not any(line.value for line in page.lines):
        page.lines += attributes_page(span, None, width)
    _span_facts(page, opened, span, label_of)
    return page.lines


def _error(page: Page, span: Span) -> None:
    page.heading("Error", "status 2" if span.status == 2 else "recorded exception")
    if span.status_message:
        page.text(span.status_message, f"{span.label} error", role="bad")
    for event in span.events:
        if event.name == "exception":
            kind = str(event.attributes.get("exception.type", "exception"))
            text = str(event.attributes.get("exception.message", ""))
            page.text(f"{kind}: {text}", f"{span.label} exception", role="bad")
            return
    if not span.status_message:
        page.prose("the span says that it failed, and not why", "dim")


def _text(page: Page, title: str, found: Text, label_of: LabelOf) -> None:
    page.heading(title, _place(found.source, label_of))
    if found.text is not None:
        page.text(found.text, title.lower(), path=found.source.place if found.source else "")
        return
    page.prose("not found", "warn")
    if found.tried:
        told = ", ".join(found.tried[:TRIED_SHOWN])
        more = len(found.tried) - TRIED_SHOWN
        told += f" and {more} more, Enter lists them" if more > 0 else ""
        tried = Value(f"{title}: tried in vain", "\n".join(found.tried))
        page.prose(f"tried {told}", "dim", value=tried)
    if found.nearest:
        page.prose(f"nearest: {found.nearest}", "accent")


def _calls(page: Page, reading: Reading) -> None:
    calls = reading.tool_calls or reading.node_calls
    if not calls:
        return
    page.heading("Tool calls" if reading.tool_calls else "Calls", f"{len(calls)}")
    for call in calls[:MAX_CALLS]:
        page.lines.append(_call_line(call, page.width))
    if len(calls) > MAX_CALLS:
        page.prose(f"and {len(calls) - MAX_CALLS} more in the tree", "dim")


def _call_line(call: Call, width: int) -> Line:
    failed = call.status == "error"
    took = (
        figures.duration(call.end_ns - call.start_ns)
        if call.start_ns is not None and call.end_ns is not None and call.end_ns >= call.start_ns
        else ""
    )
    end = pad_left(took, 7)
    name = fit(call.label, max(8, width // 2))
    given = "" if call.arguments_state != "captured" else inline(call.arguments)
    room = width - 4 - cells(name) - 2 - cells(end)
    given = fit(given, max(room, 0))
    return Line(
        (
            Piece("  ✖ " if failed else "    ", "bad"),
            Piece(name, "tool" if call.tool else ""),
            Piece("  " + given, "dim"),
            Piece(" " * (room - cells(given)) + end, "dim"),
        ),
        span=call.span,
    )


def _facts(page: Page, opened: "OpenTrace", label_of: LabelOf) -> None:
    reading = opened.reading
    page.blank()
    usage = reading.usage
    if usage.total is None and usage.input is None and usage.output is None:
        page.field("Usage", "not found", role="faint")
    else:
        parts = (
            f"{figures.count(usage.input)}↑" if usage.input is not None else "",
            f"{figures.count(usage.output)}↓" if usage.output is not None else "",
            f"{figures.count(usage.total)} in all" if usage.total is not None else "",
        )
        notes = [usage.source or "", "some spans say nothing" if usage.partial else ""]
        page.field("Usage", " ".join(filter(None, parts)), ", ".join(filter(None, notes)))
    status = reading.status
    code = reading.http_status.value
    text = status if code is None else f"{status}, HTTP {code:g}"
    source = _place(reading.http_status.source, label_of)
    page.field("Status", text, source, role="bad" if status == "failed" else "")
    took = reading.duration_ms
    page.field(
        "Duration",
        "not known" if took.value is None else figures.duration(took.value * 1e6),
        _place(took.source, label_of) or "; ".join(took.tried),
        role="faint" if took.value is None else "",
    )
    if reading.model:
        page.field("Model", reading.model)
    row = opened.row
    for label, known in (
        ("Trace", row.id),
        ("Sent as", row.external_id if row.external_id != row.trace_id else None),
        ("OTLP id", row.trace_id),
    ):
        if known:
            page.field(label, known, value=Value(label, known))
    page.field("Received", figures.moment(row.received_ns), f"{row.format}, by {row.routed_by}")
    if row.revision > 1:
        page.field("Revision", str(row.revision))


def _span_facts(page: Page, opened: "OpenTrace", span: Span, label_of: LabelOf) -> None:
    page.blank()
    page.field("Span", span.span_id)
    if span.name != span.label:
        page.field("Name", span.name, "as sent")
    page.field("Duration", figures.duration(span.duration_ns) or "not known")
    page.field("Started", figures.moment(span.start_ns) or "not sent")
    names = {1: "ok", 2: "error", 3: "skipped"}
    page.field("Status", names.get(span.status, "unset"), role="bad" if span.failed else "")
    model, tokens = model_and_tokens(span)
    if model:
        page.field("Model", model)
    if tokens:
        page.field("Usage", tokens)
    service = opened.trace.resources[span.resource].service if opened.trace.resources else None
    if service:
        page.field("Service", service)
    if span.parent_id is not None:
        page.field("Parent", label_of(span.parent_id), span=span.parent_id)


def _value(page: Page, title: str, value: object, state: str, place: str) -> None:
    page.heading(title, place)
    if state == "captured":
        page.json(value, title.lower(), path=place)
    elif state == "unreadable":
        page.prose("there, but not readable as JSON", "warn")
        page.json(value, title.lower(), path=place)
    else:
        page.prose("not captured by the sender", "faint")


def _place(source: Source | None, label_of: LabelOf) -> str:
    """``answer · gen_ai.output.messages``: the span by its name, and the attribute."""
    if source is None:
        return ""
    if source.span is None:
        return source.place
    return f"{label_of(source.span)} · {source.place}"

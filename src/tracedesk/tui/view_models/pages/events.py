"""The Events page: what a span recorded, exceptions with a stack that can be read."""

from typing import Any

from tracedesk.model.trace import Event, Span
from tracedesk.query.text import counted
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import wrap
from tracedesk.tui.view_models.folds import MORE, Folds
from tracedesk.tui.view_models.pages.attributes import Tree
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.stack_trace import Frame, folded, parts_of

STACK = "exception.stacktrace"
TYPE, MESSAGE = "exception.type", "exception.message"

EVENTS_A_PAGE = 100
"""Events laid out at a time; a line at the end asks for the next."""


def events_page(
    span: Span, width: int, folds: Folds | None = None, *, redacted_here: bool = False
) -> list[Line]:
    """Events in the order received, each with its time after the start of the span."""
    page = Page(width)
    folds = folds or Folds()
    events = span.events
    if not events:
        page.prose("This span has no events.", "faint", indent=0)
    upto = folds.pages("events") * EVENTS_A_PAGE
    for at, event in enumerate(events[:upto]):
        page.heading(event.name, _after(event, span))
        key = f"event {at}"
        if event.name == "exception":
            _exception(page, event, folds, key)
        tree = Tree(page, "", folds, redacted_here=redacted_here, about=key)
        for name, value in event.attributes.items():
            if event.name != "exception" or not _told(name, value):
                tree.attribute(name, value)
    if len(events) > upto:
        told = f"… {counted(len(events) - upto, 'event')} more, Enter shows the next"
        page.blank()
        page.add(Piece(told, "accent"), toggle=MORE + "events", folded=True)
    return page.lines


def _told(name: str, value: Any) -> bool:
    """True for what an exception's own lines say."""
    return name in (TYPE, MESSAGE) or (name == STACK and isinstance(value, str) and bool(value))


def _after(event: Event, span: Span) -> str:
    """``+1.2s`` after the start of the span, ``-3ms`` before it."""
    if event.time_ns is None or span.start_ns is None:
        return "" if event.time_ns is None else figures.moment(event.time_ns)
    after = event.time_ns - span.start_ns
    return ("-" if after < 0 else "+") + figures.duration(abs(after))


def _exception(page: Page, event: Event, folds: Folds, key: str) -> None:
    attributes = event.attributes
    kind, message = str(attributes.get(TYPE) or "exception"), attributes.get(MESSAGE)
    said = kind if message in (None, "") else f"{kind}: {message}"
    page.text(said, "exception", path=MESSAGE, role="bad")
    stack = attributes.get(STACK)
    if isinstance(stack, str) and stack:
        page.blank()
        _stack(page, stack, folds, key)


def _stack(page: Page, stack: str, folds: Folds, key: str) -> None:
    value = Value("stack trace", stack, STACK)
    for at, part in enumerate(parts_of(stack)):
        if isinstance(part, str):
            for line in wrap(part, page.width - 2):
                page.add(Piece("  "), Piece(line, "dim"), value=value)
            continue
        first, end = folded(part)
        fold = f"{key} frames {at}"
        shown = folds.open(fold, end == 0)
        for frame in part[:first] if end else part:
            _frame(page, frame, value)
        if end:
            mark = "▾" if shown else "▸"
            told = f"  {mark} {counted(end - first, 'frame')}"
            page.add(Piece(told, "faint"), toggle=fold, folded=not shown, value=value)
            for frame in part[first:end] if shown else ():
                _frame(page, frame, value)
            for frame in part[end:]:
                _frame(page, frame, value)


def _frame(page: Page, frame: Frame, value: Value) -> None:
    role = "faint" if frame.library else ""
    for at, line in enumerate(frame.lines):
        indent = 4 if at or line[:1] in (" ", "\t") else 2
        for folded_line in wrap(line.strip(), page.width - indent):
            page.add(Piece(" " * indent), Piece(folded_line, role), value=value)

"""The pages about one span as sent: Attributes and Events."""

from typing import Any

from tracedesk.model.trace import Event, Resource, Span
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import cells, fit
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.json_lines import inline, opened, whole

STACK = "exception.stacktrace"


def attributes_page(
    span: Span, resource: Resource | None, width: int, search: str = ""
) -> list[Line]:
    """Attributes of a span and of who sent it; ``search`` keeps names and values that hold it."""
    page = Page(width)
    groups: list[tuple[str, dict[str, Any]]] = [("Attributes", span.attributes)]
    if resource is not None and resource.attributes:
        groups.append((f"Resource  {resource.scope}".rstrip(), resource.attributes))
    for title, attributes in groups:
        found = {k: v for k, v in attributes.items() if _holds(k, v, search)}
        note = f"{len(found)}" if not search else f"{len(found)} of {len(attributes)}"
        page.heading(title, note)
        for name, value in sorted(found.items()):
            _attribute(page, name, value)
    if span.links:
        page.heading("Links", f"{len(span.links)}")
        for link in span.links:
            page.json(link, "link")
    return page.lines


def _attribute(page: Page, name: str, value: Any) -> None:
    if not isinstance(opened(value)[0], dict | list):
        short, lead = inline(value, 400), f"  {name}  "
        if "\n" not in short and cells(lead) + cells(short) <= page.width:
            role = "string" if isinstance(value, str) else "number"
            page.add(Piece(lead, "key"), Piece(short, role), value=Value(name, value, name))
            return
    page.add(Piece("  " + fit(name, page.width - 2), "key"))
    page.json(value, name, path=name, indent=4)


def _holds(name: str, value: Any, search: str) -> bool:
    wanted = search.casefold()
    return not wanted or wanted in name.casefold() or wanted in whole(value).casefold()


def events_page(span: Span, width: int) -> list[Line]:
    """Events in the order received; exceptions with type, message and stack trace."""
    page = Page(width)
    if not span.events:
        page.prose("This span has no events.", "faint", indent=0)
    for event in span.events:
        offset = (
            "+" + figures.duration(event.time_ns - span.start_ns)
            if event.time_ns is not None and span.start_ns is not None
            else ""
        )
        page.heading(event.name, offset)
        if event.name == "exception":
            _exception(page, event)
            continue
        for name, value in event.attributes.items():
            _attribute(page, name, value)
    return page.lines


def _exception(page: Page, event: Event) -> None:
    attributes = event.attributes
    kind = str(attributes.get("exception.type", "exception"))
    page.text(f"{kind}: {attributes.get('exception.message', '')}", "exception", role="bad")
    stack = attributes.get(STACK)
    if isinstance(stack, str) and stack:
        page.text(stack, "stack trace", path=STACK, role="dim")
    for name, value in attributes.items():
        if name not in ("exception.type", "exception.message", STACK):
            _attribute(page, name, value)

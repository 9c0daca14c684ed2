"""The Raw page: the wire bytes as received, their headers, and every deviation tolerated."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracedesk.model.trace import Span, TraceWarning
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import wrap
from tracedesk.tui.view_models.pages.builder import HEAD_CHARS, HEAD_LINES, Page

if TYPE_CHECKING:
    from tracedesk.store.rows import StoredRequest

HEX_BYTES = 4_096
"""Bytes of a body that is not text shown as hex."""


def raw_page(
    requests: "Sequence[StoredRequest] | None",
    warnings: Sequence[TraceWarning],
    span: Span | None,
    width: int,
) -> list[Line]:
    """Requests of the trace, oldest first; None while they are still being read."""
    page = Page(width)
    if span is not None and span.place:
        page.field("In body", span.place, role="accent")
    _warnings(page, warnings, span)
    if requests is None:
        page.prose("reading the stored requests …", "faint", indent=0)
        return page.lines
    if not requests:
        page.prose("No request is kept for this trace.", "faint", indent=0)
    for request in requests:
        page.heading(f"{request.method} {request.path}", figures.moment(request.received_ns))
        for name, value in request.headers.items():
            page.add(Piece(f"  {name}: ", "key"), Piece(value))
        page.blank()
        _body(page, request)
    return page.lines


def _warnings(page: Page, warnings: Sequence[TraceWarning], span: Span | None) -> None:
    if not warnings:
        return
    page.heading("Tolerated", f"{len(warnings)}")
    own = [w for w in warnings if span is not None and w.span == span.span_id]
    for warning in (*own, *(w for w in warnings if w not in own)):
        page.prose(f"{warning.code}: {warning.message}", "warn", span=warning.span)


def _body(page: Page, request: "StoredRequest") -> None:
    body = bytes(request.body)
    text = body_text(body)
    title = f"body of part {request.part}"
    value = Value(title, text)
    page.add(Piece("  " + figures.size(len(body)), "faint"), value=value)
    head = list(wrap(text[:HEAD_CHARS], page.width - 2))
    for folded in head[: HEAD_LINES * 2]:
        page.add(Piece("  "), Piece(folded), value=value)
    if len(head) > HEAD_LINES * 2 or len(text) > HEAD_CHARS:
        page.add(Piece("  … Enter opens all of it", "accent"), value=value)


def body_text(body: bytes) -> str:
    """The bytes as text when they are UTF-8, else a hex dump of the first few kB."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return hex_dump(body[:HEX_BYTES]) + (
            f"\n… {figures.size(len(body))} in all" if len(body) > HEX_BYTES else ""
        )


def hex_dump(data: bytes) -> str:
    """Eight bytes a line: offset, hex, printable ASCII."""
    lines = []
    for at in range(0, len(data), 8):
        chunk = data[at : at + 8]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
        lines.append(f"{at:06x}  {chunk.hex(' '):<23}  {shown}")
    return "\n".join(lines)

"""The Raw page: the wire bytes as received, their headers, and every deviation tolerated.

Earlier revisions of the trace are listed here; Enter opens one, to be looked at only.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tracedesk.model.trace import Span, TraceWarning
from tracedesk.query.text import counted
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, Value
from tracedesk.tui.text import fit, wrap
from tracedesk.tui.view_models.pages.builder import HEAD_CHARS, HEAD_LINES, Page
from tracedesk.tui.view_models.pages.json_lines import hex_text, text_of_bytes

if TYPE_CHECKING:
    from tracedesk.store.rows import Revision, StoredRequest

HEX_BYTES = 256
"""Bytes of a body that is not text shown as hex in place; Enter opens all of it."""

SpanOf = Callable[[str], Span | None]


def raw_page(
    requests: "Sequence[StoredRequest] | None",
    warnings: Sequence[TraceWarning],
    span: Span | None,
    width: int,
    *,
    revisions: "Sequence[Revision]" = (),
    shown: int = 1,
    latest: int = 1,
    span_of: SpanOf = lambda _: None,
) -> list[Line]:
    """Requests of the trace, oldest first; None while they are still being read. ``shown`` and
    ``latest`` are revisions of the trace."""
    page = Page(width)
    _revisions(page, revisions, shown, latest)
    if span is not None and span.place:
        page.field("In body", span.place, role="accent", value=Value("place", span.place))
    _warnings(page, warnings, span, span_of)
    if requests is None:
        page.prose("reading the stored requests …", "faint", indent=0)
        return page.lines
    if not requests:
        page.prose("No request is kept for this trace.", "faint", indent=0)
    for request in requests:
        page.heading(f"{request.method} {request.path}", figures.moment(request.received_ns))
        for name, value in request.headers.items():
            page.add(Piece(f"  {name}: ", "key"), Piece(value), value=Value(name, value, name))
        page.blank()
        _body(page, request)
    return page.lines


def _revisions(page: Page, revisions: "Sequence[Revision]", shown: int, latest: int) -> None:
    if not revisions:
        return
    page.heading("Revisions", f"{shown} of {latest} is shown; Enter opens another, read-only")
    page.add(
        Piece("▪ " if shown == latest else "  ", "accent"),
        Piece(f"{latest:>3}  latest"),
        revision=latest,
    )
    for earlier in sorted(revisions, key=lambda each: -each.revision):
        spans = counted(earlier.span_count, "span")
        told = f"{figures.moment(earlier.updated_ns)}  {spans}  {figures.size(earlier.size)}"
        page.add(
            Piece("▪ " if shown == earlier.revision else "  ", "accent"),
            Piece(f"{earlier.revision:>3}  "),
            Piece(fit(told, page.width - 7), "dim"),
            revision=earlier.revision,
        )


def _warnings(
    page: Page, warnings: Sequence[TraceWarning], span: Span | None, span_of: SpanOf
) -> None:
    if not warnings:
        return
    page.heading("Tolerated", f"{len(warnings)}")
    own = [w for w in warnings if span is not None and w.span == span.span_id]
    for warning in (*own, *(w for w in warnings if w not in own)):
        page.prose(f"{warning.code}: {warning.message}", "warn", span=warning.span)
        about = None if warning.span is None else span_of(warning.span)
        if about is not None and about.place:
            page.prose(f"at {about.place}", "faint", indent=4, span=warning.span)


def _body(page: Page, request: "StoredRequest") -> None:
    body = request.body
    value = Value(f"body of part {request.part}", body, request.path)
    page.add(Piece("  " + figures.size(len(body)), "faint"), value=value)
    head, limit = body_head(body), HEAD_LINES * 2
    lines = list(wrap(head, page.width - 2))
    for folded in lines[:limit]:
        page.add(Piece("  "), Piece(folded), value=value)
    if len(lines) > limit or len(body) > HEAD_CHARS:
        page.add(Piece("  … Enter opens all of it", "accent"), value=value)


def body_head(body: bytes) -> str:
    """The beginning of a body as text when all of it may be, else as hex."""
    head = bytes(body[:HEAD_CHARS])
    if len(body) <= HEAD_CHARS:
        return text_of_bytes(head)
    try:
        return head.decode()
    except UnicodeDecodeError as fault:
        cut = fault.start >= len(head) - 3  # in the midst of a character
        return head[: fault.start].decode() if cut else hex_text(head[:HEX_BYTES])

"""Searching inside one open trace: names, attributes, tool arguments, error texts."""

from collections.abc import Callable

import msgspec

from tracedesk.model.trace import Span
from tracedesk.tui.view_models.span_tree import SpanRows

CHECK_EVERY = 256
"""Spans between two looks at whether the search is still wanted."""


def find(rows: SpanRows, text: str, cancelled: Callable[[], bool]) -> list[int]:
    """Rows that hold ``text``, case folded, in order; whatever was found when cancelled.

    Attributes are read from the payload without being kept: a search must not decode a
    million spans into memory.
    """
    wanted = text.casefold()
    hits = []
    for row in range(len(rows.tree)):
        if row % CHECK_EVERY == 0 and cancelled():
            break
        if holds(rows.span(row), wanted):
            hits.append(row)
    return hits


def holds(span: Span, wanted: str) -> bool:
    """True when a span's own texts hold ``wanted``, which is case folded."""
    if wanted in span.label.casefold() or wanted in span.name.casefold():
        return True
    if wanted in span.status_message.casefold() or wanted == span.span_id:
        return True
    attributes = span.payload.attributes()
    if attributes and wanted in _text(attributes):
        return True
    return span.exception and any(wanted in _text(e.attributes) for e in span.events)


def _text(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode("utf-8", "replace").casefold()
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        return str(value).casefold()

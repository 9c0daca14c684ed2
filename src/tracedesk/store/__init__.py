"""SQLite: the wire bytes of every trace, a slim index of its spans, one writer, many readers."""

from tracedesk.store.database import Store
from tracedesk.store.errors import Busy, StoreError
from tracedesk.store.incoming import Incoming, Receipt
from tracedesk.store.rows import HEAD_CHARS, SpanRow, StoredRequest, Summary, TraceRow

__all__ = [
    "HEAD_CHARS",
    "Busy",
    "Incoming",
    "Receipt",
    "SpanRow",
    "Store",
    "StoreError",
    "StoredRequest",
    "Summary",
    "TraceRow",
]

"""Marks of traces: known good, known bad, and why. They change nothing else of a trace."""

import sqlite3

from tracedesk.model.mark import Mark
from tracedesk.store.database import Store
from tracedesk.store.values import clean

NOTE_CHARS = 2_000
"""Longest note that is kept; a longer one is cut."""


def set_mark(store: Store, number: int, mark: Mark, note: str | None = None) -> bool:
    """Mark the trace of this number, with the note or without one; ``NONE`` takes mark and note
    away. False when there is no such trace. Raises StoreError."""
    kept = clean((note or "")[:NOTE_CHARS]) or None
    values = (None, None) if mark is Mark.NONE else (str(mark), kept)

    def update(connection: sqlite3.Connection) -> bool:
        changed = connection.execute(
            "UPDATE trace SET mark = ?, mark_note = ? WHERE number = ?", (*values, number)
        ).rowcount
        return changed == 1

    return store.writer.run(update).result()

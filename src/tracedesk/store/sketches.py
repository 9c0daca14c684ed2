"""Sketches that are kept, so that a large trace is drawn without its span index being read.

Each belongs to one content of its trace: triggers of the database delete it with the next (see
``schema``), and whoever reads or writes one compares the ``sequence``.
"""

import sqlite3
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import msgspec

from tracedesk.store.sketch_packing import pack_sketch, unpack_sketch
from tracedesk.store.sketched import Sketch
from tracedesk.store.sketching import make_sketch
from tracedesk.store.values import number_of

if TYPE_CHECKING:
    from tracedesk.store.database import Store

_KEPT: Final = (
    "SELECT t.sequence, s.value FROM trace t JOIN sketch s"
    " ON s.trace = t.number AND s.sequence = t.sequence WHERE t.number = ? AND t.id = ?"
)
_WITHOUT: Final = (
    "SELECT id, sequence, span_count FROM trace WHERE sequence > ? AND span_count >= ?"
    " AND NOT EXISTS (SELECT 1 FROM sketch s"
    " WHERE s.trace = trace.number AND s.sequence = trace.sequence) ORDER BY sequence"
)
_LAST: Final = "SELECT ifnull(max(sequence), 0) FROM trace"
_KEEP: Final = (
    "INSERT OR REPLACE INTO sketch (trace, sequence, value)"
    " SELECT number, sequence, ? FROM trace WHERE number = ? AND sequence = ?"
)


class Unsketched(msgspec.Struct, frozen=True):
    """A content of a trace of which no sketch is kept."""

    id: str
    sequence: int
    spans: int


class Sketches:
    """The sketches of one store. All methods raise StoreError and may be called from any thread;
    what they take is said for a million spans."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def sketch(self, trace_id: str) -> Sketch | None:
        """A trace as it was kept, a tenth of a second, else made from its span index, some
        seconds; None for an unknown id."""
        return self.kept(trace_id) or self.make(trace_id)

    def kept(self, trace_id: str) -> Sketch | None:
        """A trace as it was kept; None when it was not, or nothing can be read there."""
        for sequence, value in self._store.query(_KEPT, (number_of(trace_id), trace_id)):
            return unpack_sketch(sequence, value)
        return None

    def make(self, trace_id: str) -> Sketch | None:
        """A trace from its span index; None for an unknown id."""
        return make_sketch(self._store.query, number_of(trace_id), trace_id)

    def keep(self, trace_id: str, sketch: Sketch) -> "Future[None]":
        """Keep a sketch in place of any other, unless the trace has another content by then; half
        a second."""
        values = (pack_sketch(sketch), number_of(trace_id), sketch.sequence)

        def save(connection: sqlite3.Connection) -> None:
            connection.execute(_KEEP, values)

        return self._store.writer.run(save)

    def wanted(self, sequence: int, least: int) -> list[Unsketched]:
        """Traces of at least so many spans without a sketch, of those that were accepted or
        changed after ``sequence``, oldest change first."""
        found = self._store.query(_WITHOUT, (sequence, least))
        return [Unsketched(*values) for values in found]

    def last_sequence(self) -> int:
        """Of the newest change of any trace."""
        last: int = self._store.query(_LAST)[0][0]
        return last

"""The spans of a trace as its index tells of them: looked at by the thousand, made one by one.

A million spans as objects take seconds and a gigabyte. Their columns, in the order in which they
are drawn, take some fifty megabytes, and no text in them is made before it is looked at.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

import msgspec

from tracedesk.model.trace import Decoded, Kind, Span, Status
from tracedesk.model.tree import ROOT, SpanTree

HEX_BYTES = 8
"""What an id of OTLP takes: 16 hexadecimal digits."""

NO_TIME = -(1 << 63)
"""In a column of times: none was sent."""

LOOKED_FOR = 16
"""Ids that are looked for one by one, a thousandth of a second each in a million, before they are
put into a dictionary, which takes a hundred times as long."""


class HexIds:
    """Span ids of 16 lower-case hexadecimal digits by row, each once: eight bytes an id."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self._looked_for = 0
        self._rows: dict[int, int] | None = None

    def __len__(self) -> int:
        return len(self.packed) // HEX_BYTES

    def __getitem__(self, row: int) -> str:
        return self.packed[row * HEX_BYTES : (row + 1) * HEX_BYTES].hex()

    def get(self, span_id: str, /) -> int | None:
        """The row of an id."""
        try:
            packed = bytes.fromhex(span_id)
        except ValueError:
            return None
        if packed.hex() != span_id or len(packed) != HEX_BYTES:
            return None
        if self._rows is None:
            self._looked_for += 1
            if self._looked_for <= LOOKED_FOR:
                return self._find(packed)
            self._rows = {key: row for row, key in enumerate(memoryview(self.packed).cast("Q"))}
        return self._rows.get(memoryview(packed).cast("Q")[0])

    def _find(self, packed: bytes) -> int | None:
        at = self.packed.find(packed)
        while at % HEX_BYTES and at >= 0:
            at = self.packed.find(packed, at + 1)
        return None if at < 0 else at // HEX_BYTES


class TextIds:
    """Any span ids by row, each once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self._rows: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> str:
        return self.texts[row]

    def get(self, span_id: str, /) -> int | None:
        """The row of an id."""
        if self._rows is None:
            self._rows = {text: row for row, text in enumerate(self.texts)}
        return self._rows.get(span_id)


Ids: TypeAlias = HexIds | TextIds


class Times(msgspec.Struct, frozen=True):
    """A column of nanoseconds since the epoch, ``NO_TIME`` for none, and what is known of it."""

    column: "array[int]"
    first: int | None
    """The least of those that were sent."""
    last: int | None
    unsent: bool
    """True when a span has none."""

    @classmethod
    def of(cls, column: "array[int]") -> "Times":
        """Looks through the column."""
        unsent = NO_TIME in column
        sent: Sequence[int] = column
        if unsent:
            sent = array("q", (time for time in column if time != NO_TIME))
        return cls(column, min(sent, default=None), max(sent, default=None), unsent)


class Sketch(msgspec.Struct, frozen=True):
    """The tree of a trace and its spans, without their attributes. Columns are in row order."""

    sequence: int
    """Which content of the trace it was made of (``TraceRow.sequence``)."""
    kept: bool
    """True when it was read as it was kept, false when it was made from the index of spans."""
    ids: Ids
    parent: "array[int]"
    """As ``depth``, ``subtree_end``, ``orphans`` and ``cycles`` those of a ``SpanTree``."""
    depth: "array[int]"
    subtree_end: "array[int]"
    orphans: dict[int, str]
    cycles: dict[int, str]
    names: Sequence[str]
    """Each once: a million spans have some dozens."""
    named: "bytes | array[int]"
    """Row → which of ``names`` its span has."""
    kinds: bytes
    statuses: bytes
    starts: Times
    ends: Times

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def tree(self) -> SpanTree:
        """The tree of spans that stand in row order already."""
        return SpanTree(
            order=range(len(self)),
            parent=self.parent,
            depth=self.depth,
            subtree_end=self.subtree_end,
            orphans=self.orphans,
            cycles=self.cycles,
            index_of=self.ids,
        )

    def parent_id(self, row: int) -> str | None:
        """The parent id that a span named, whether or not that was received."""
        above = self.parent[row]
        if above != ROOT:
            return self.ids[above]
        return self.orphans.get(row, self.cycles.get(row))


KINDS, STATUSES = list(Kind), list(Status)
NOT_DECODED = Decoded()


class SketchedSpans(Sequence[Span]):
    """The spans of a sketch in row order. Each look makes a span anew."""

    def __init__(self, sketch: Sketch) -> None:
        self.sketch = sketch

    def __len__(self) -> int:
        return len(self.sketch)

    @overload
    def __getitem__(self, at: int) -> Span: ...
    @overload
    def __getitem__(self, at: slice) -> list[Span]: ...

    def __getitem__(self, at: int | slice) -> Span | list[Span]:
        size = len(self)
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(size))]
        row = range(size)[at]
        sketch = self.sketch
        return Span(
            span_id=sketch.ids[row],
            name=sketch.names[sketch.named[row]],
            parent_id=sketch.parent_id(row),
            start_ns=_time(sketch.starts, row),
            end_ns=_time(sketch.ends, row),
            status=STATUSES[sketch.statuses[row]],
            kind=KINDS[sketch.kinds[row]],
            payload=NOT_DECODED,
        )

    def __iter__(self) -> Iterator[Span]:
        return map(self.__getitem__, range(len(self)))


def _time(times: Times, row: int) -> int | None:
    time = times.column[row]
    return None if time == NO_TIME else time

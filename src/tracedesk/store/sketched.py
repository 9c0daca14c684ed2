"""The spans of a trace as its index tells of them: looked at by the thousand, made one by one.

A million spans as objects take seconds and a gigabyte; their columns take neither.
"""

from array import array
from collections.abc import Callable, Sequence
from itertools import islice, repeat
from operator import lt
from typing import cast, overload

import msgspec

from tracedesk.model.links import NO_PARENT, indexes
from tracedesk.model.order import Gather, gatherer
from tracedesk.model.trace import Decoded, Kind, Span, Status


class SpanColumns(msgspec.Struct, frozen=True):
    """The span index of a trace as columns of one length, in body order but for the ids: to put
    a million texts into another order takes as long as to read them."""

    span_ids: list[str]
    """In the order in which they are stored."""
    places: Sequence[int]
    """Body order → where among ``span_ids`` the id of a span stands."""
    index_of: dict[str, int]
    """Span id → where in the body its span stands."""
    parents: list[int]
    """Where in the body the parent stands, ``NO_PARENT`` for a root and where none was received."""
    missing: dict[int, str]
    """Of those whose parent was not received, its id."""
    names: list[str]
    kinds: bytes
    starts: Sequence[int | None]
    ends: Sequence[int | None]
    statuses: bytes

    def span_id(self, at: int) -> str:
        """The id of a span by its place in the body."""
        return self.span_ids[self.places[at]]

    def parent_id(self, at: int) -> str | None:
        """The id of its parent, received or not."""
        above = self.parents[at]
        return self.missing.get(at) if above == NO_PARENT else self.span_id(above)


def _select(*names: str) -> str:
    arrays = ", ".join(f"json_group_array({name})" for name in names)
    return (
        f"SELECT (SELECT sequence FROM trace WHERE number = ?1), count(*), {arrays}"
        " FROM span WHERE trace = (SELECT number FROM trace WHERE number = ?1 AND id = ?2)"
    )


_LINKS = ("position", "span_id", "parent_id")
_FACTS = ("name", "kind", "start_ns", "end_ns", "status")

SELECT_LINKS, SELECT_FACTS = _select(*_LINKS), _select(*_FACTS)
"""Each a row of arrays: a tenth of the time that a row for each span takes. The second is read
while the ids of the first are put into an index; both begin with two numbers that are others
once the trace has grown."""

SELECT_SPAN_COLUMNS = _select(*_LINKS, *_FACTS)
"""Both in one, of one moment."""

_decode_numbers = msgspec.json.Decoder(list[int]).decode
_decode_times = msgspec.json.Decoder(list[int | None]).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode
_decode_parents = msgspec.json.Decoder(list[str | None]).decode


class Links(msgspec.Struct, frozen=True):
    """How the spans of a trace hang together: the first half of ``SpanColumns``."""

    span_ids: list[str]
    places: Sequence[int]
    gather: Gather
    """Puts a column as it is stored into body order."""
    index_of: dict[str, int]
    parents: list[int]
    missing: dict[int, str]


def links(values: Sequence[str]) -> Links:
    """From the arrays of ``SELECT_LINKS``."""
    positions, span_ids, parent_ids = values
    places, ranks = body_order(_decode_numbers(positions))
    ids = _decode_texts(span_ids)
    index_of = dict(zip(ids, ranks, strict=True))
    named = _decode_parents(parent_ids)
    find = cast("Callable[[str | None, int], int]", index_of.get)
    parents = list(map(find, named, repeat(NO_PARENT)))
    missing = {
        ranks[at]: parent_id
        for at in indexes(parents, NO_PARENT)
        if (parent_id := named[at]) is not None
    }
    gather = gatherer(places)
    return Links(ids, places, gather, index_of, list(gather(parents)), missing)


def span_columns(found: Links, values: Sequence[str]) -> SpanColumns:
    """The columns, from the arrays of ``SELECT_FACTS`` of the same moment."""
    names, kinds, starts, ends, statuses = values
    gather = found.gather
    known: dict[str, str] = {}  # a million spans have some dozens of names
    texts = _decode_texts(names)
    return SpanColumns(
        span_ids=found.span_ids,
        places=found.places,
        index_of=found.index_of,
        parents=found.parents,
        missing=found.missing,
        names=list(gather(list(map(known.setdefault, texts, texts)))),
        kinds=bytes(gather(bytes(_decode_numbers(kinds)))),
        starts=_times(starts, gather),
        ends=_times(ends, gather),
        statuses=bytes(gather(bytes(_decode_numbers(statuses)))),
    )


def body_order(positions: list[int]) -> tuple[Sequence[int], Sequence[int]]:
    """For spans as they are stored: body order → where a span is stored, and the reverse."""
    size = len(positions)
    if all(map(lt, positions, islice(positions, 1, None))):
        return range(size), range(size)
    if min(positions) >= 0 and max(positions) < size:
        places = [-1] * size
        for at, position in enumerate(positions):
            places[position] = at
        if -1 not in places:
            return array("i", places), positions
    places = sorted(range(size), key=positions.__getitem__)
    ranks = [0] * size
    for rank, at in enumerate(places):
        ranks[at] = rank
    return array("i", places), ranks


def _times(text: str, gather: Gather) -> Sequence[int | None]:
    """Times as an array, or as a list where some were not sent."""
    found = _decode_times(text)
    if None in found:
        return gather(found)
    return array("q", gather(array("q", cast("list[int]", found))))


KINDS, STATUSES = list(Kind), list(Status)
NOT_DECODED = Decoded()


class SketchedSpans(Sequence[Span]):
    """Spans in body order, with names, kinds, times and statuses, but without attributes. Each
    look makes a span anew."""

    def __init__(self, columns: SpanColumns) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns.places)

    @overload
    def __getitem__(self, at: int) -> Span: ...
    @overload
    def __getitem__(self, at: slice) -> list[Span]: ...

    def __getitem__(self, at: int | slice) -> Span | list[Span]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        columns = self.columns
        return Span(
            span_id=columns.span_id(at),
            name=columns.names[at],
            parent_id=columns.parent_id(at),
            start_ns=columns.starts[at],
            end_ns=columns.ends[at],
            status=STATUSES[columns.statuses[at]],
            kind=KINDS[columns.kinds[at]],
            payload=NOT_DECODED,
        )

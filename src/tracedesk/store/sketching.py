"""Sketches made from the index of spans, in parts: no step holds the interpreter for long.

SQLite tells a column as one text, in a tenth of the time that a row for each span takes, and
tells the next part while one is taken in.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, repeat
from operator import lt
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec

from tracedesk.model.links import NO_PARENT, cycle_heads, indexes
from tracedesk.model.order import Gather, column_of, extend, gatherer
from tracedesk.model.tree import pre_order
from tracedesk.store.sketched import HEX_BYTES, NO_TIME, HexIds, Ids, Sketch, TextIds, Times

T = TypeVar("T")

Query: TypeAlias = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

PART: Final = 50_000
"""Spans of a part: each step over its columns takes some milliseconds."""
WHOLE: Final = 1 << 62
NARROW: Final = 256
"""Names that a byte tells apart."""
TRIES: Final = 3
"""How often a trace is read in parts that grows meanwhile, before it is read in one."""

_END: Final = b""
"""Comes after every text in the order of SQLite."""

_ROOT: Final = "-" * 2 * HEX_BYTES
"""Stands for no parent where hexadecimal ids are told."""

_EDGE = (
    "SELECT span_id FROM span WHERE trace = ? AND span_id >= ? ORDER BY span_id LIMIT 1 OFFSET ?"
)


def _part(ids: str, parent_ids: str) -> str:
    return (
        f"SELECT (SELECT sequence FROM trace WHERE number = ? AND id = ?), count(*),"
        f" count(parent_id), {ids},"
        f" {parent_ids}, json_group_array(position),"
        " json_group_array((kind * 8 + status) || ' ' || name),"
        " json_group_array(start_ns), json_group_array(end_ns) FROM span"
        " WHERE trace = ? AND span_id >= ? AND span_id < ?"
    )


_HEX = _part("group_concat(span_id)", f"group_concat(ifnull(parent_id, '{_ROOT}'))")
_TEXT = _part("json_group_array(span_id)", "json_group_array(parent_id)")

_decode_numbers = msgspec.json.Decoder(list[int]).decode
_decode_times = msgspec.json.Decoder(list[int | None]).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode
_decode_parents = msgspec.json.Decoder(list[str | None]).decode


class _OddIdsError(Exception):
    """An id that is not 16 hexadecimal digits."""


class _GrownError(Exception):
    """The trace changed between two parts."""


def make_sketch(query: Query, number: int, trace_id: str, part: int = PART) -> Sketch | None:
    """The sketch of a trace as it is at one moment; None when it is not there."""
    columns: _Columns = _HexColumns()
    tries = 0
    while True:
        try:
            size = part if tries < TRIES else WHOLE
            sequence = _read(query, (number, trace_id), columns, size)
            return None if sequence is None else columns.sketch(sequence)
        except _OddIdsError:
            columns = _TextColumns()
        except _GrownError:
            tries += 1
            columns = type(columns)()


def _read(query: Query, trace: tuple[int, str], columns: "_Columns", size: int) -> int | None:
    """Take in the spans of a trace; which content of it they are, None when it is not there."""
    number, trace_id = trace

    def read(low: str) -> tuple[Any, Any]:
        edge = query(_EDGE, (number, low, size))
        high = edge[0][0] if edge else _END
        return high, query(columns.statement, (number, trace_id, number, low, high))[0]

    sequence = None
    with ThreadPoolExecutor(1, "sketch") as beside:
        coming: Future[tuple[Any, Any]] | None = beside.submit(read, "")
        while coming is not None:
            high, (sequence_then, spans, *told) = coming.result()
            sequence = sequence_then if sequence is None else sequence
            if sequence_then != sequence:
                raise _GrownError
            coming = None if high == _END else beside.submit(read, high)
            if spans:
                columns.take(spans, *told)
    return sequence


_LOOKS = ("named", "kinds", "statuses")


class _Numbers(dict[str, int]):
    """Texts by the number of others that came before."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


class _Looks:
    """What spans look alike by: kind, status and name. Those of a million are some dozens."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._column = array("i")

    def take(self, told: list[str]) -> None:
        """Take in those of the next part, as SQLite tells them."""
        extend(self._column, list(map(self._numbers.__getitem__, told)))

    def told(self, order: "Order") -> dict[str, Any]:
        """The columns of a ``Sketch``, in another order."""
        names = _Numbers()
        named, kinds, statuses = [], bytearray(), bytearray()
        for text in self._numbers:
            code, _, name = text.partition(" ")
            named.append(names[name])
            kinds.append(int(code) >> 3)
            statuses.append(int(code) & 7)
        columns: tuple[Any, ...]
        if len(named) <= NARROW:
            looks = order.gather("B", self._column).tobytes()
            tables = (bytes(column).ljust(NARROW, b"\0") for column in (named, kinds, statuses))
            columns = tuple(map(looks.translate, tables))
        else:
            numbers = order.gather("i", self._column)
            narrow = len(names) <= NARROW
            names_of = list(map(named.__getitem__, numbers))
            columns = (
                bytes(names_of) if narrow else column_of("i", names_of),
                bytes(map(kinds.__getitem__, numbers)),
                bytes(map(statuses.__getitem__, numbers)),
            )
        return {"names": tuple(names), **dict(zip(_LOOKS, columns, strict=True))}


class _TimesTaken:
    """A column of times in the order of ids."""

    def __init__(self) -> None:
        self.column = array("q")
        self._sent: list[int] = []
        """The least and the greatest of each part."""
        self._unsent = False

    def take(self, times: list[int | None]) -> None:
        """Take in those of the next part."""
        sent = cast("list[int]", times)
        if None in times:
            self._unsent = True
            sent = [time for time in times if time is not None]
            times = [NO_TIME if time is None else time for time in times]
        if sent:
            self._sent += (min(sent), max(sent))
        extend(self.column, cast("list[int]", times))

    def told(self, column: "array[int]") -> Times:
        """The same times in another order."""
        first, last = min(self._sent, default=None), max(self._sent, default=None)
        return Times(column, first, last, self._unsent)


class _Columns:
    """The index of spans in the order of their ids, as it is stored."""

    statement: str

    def __init__(self) -> None:
        self._keys: Any
        """Ids by place in that order, as they are looked for."""
        self._index_of: dict[Any, int] = {}
        """The same ids: where the body has their spans."""
        self._parents: list[Sequence[Any]] = []
        """Ids of parents, as many as the spans of each part."""
        self._roots: list[int] = []
        """Places of spans that named no parent."""
        self._positions = array("q")
        self._looks = _Looks()
        self._starts, self._ends = _TimesTaken(), _TimesTaken()

    def take(
        self, spans: int, parented: int, ids: str, parent_ids: str, positions: str, looks: str,
        starts: str, ends: str,
    ) -> None:  # fmt: skip
        """Take in the next part. Raises _OddIdsError, with nothing to be made of it any more."""
        size = len(self._positions)
        keys, body = self._read_ids(ids, spans), _decode_numbers(positions)
        parents, roots = self._read_parents(parent_ids, spans)
        if len(roots) != spans - parented:
            raise _OddIdsError
        self._index_of.update(zip(keys, body, strict=True))
        self._parents.append(parents)
        self._roots += (size + at for at in roots)
        extend(self._positions, body)
        self._looks.take(_decode_texts(looks))
        self._starts.take(_decode_times(starts))
        self._ends.take(_decode_times(ends))

    def sketch(self, sequence: int) -> Sketch:
        """What was taken in, as it is drawn."""
        places = body_order(self._positions)
        body = Order(places)
        parents, missing = self._linked(places, body)
        starts = body.gather("q", self._starts.column)
        found = pre_order(parents, starts, NO_TIME)
        cycles: dict[int, str] = {}
        if len(found.order) < len(parents):  # whoever hangs in a cycle is not reached from a root
            for head in cycle_heads(parents):
                cycles[head] = self._text(self._keys[places[parents[head]]])
                parents[head] = NO_PARENT
            found = pre_order(parents, starts, NO_TIME)
        rows = found.rows_of_roots() if missing or cycles else {}
        rank = Order(found.order)
        order = rank if isinstance(places, range) else Order(rank.gather("i", places))
        return Sketch(
            sequence=sequence,
            kept=False,
            ids=self._ids(order),
            parent=column_of("i", found.parent),
            depth=column_of("i", found.depth),
            subtree_end=column_of("i", found.subtree_end),
            orphans={rows[at]: parent_id for at, parent_id in missing.items()},
            cycles={rows[at]: parent_id for at, parent_id in cycles.items()},
            starts=self._starts.told(rank.gather("q", starts)),
            ends=self._ends.told(order.gather("q", self._ends.column)),
            **self._looks.told(order),
        )

    def _linked(self, places: Sequence[int], body: "Order") -> "tuple[array[int], dict[int, str]]":
        """In body order: where the parent of each span stands, and of those whose parent was not
        received its id. The index of ids is let go of."""
        positions: Sequence[int] = self._positions
        if places and positions[places[-1]] != len(places) - 1:  # some were taken out
            ranks = array("q", positions)
            for rank, place in enumerate(places):
                ranks[place] = rank
            self._index_of, positions = dict(zip(self._keys, ranks, strict=True)), ranks
        find = cast("Callable[[Any, int], int]", self._index_of.get)
        stored, missing = array("q"), {}
        for keys in self._parents:
            found = list(map(find, keys, repeat(NO_PARENT)))
            for at in indexes(found, NO_PARENT):
                missing[len(stored) + at] = keys[at]
            extend(stored, found)
        self._index_of, self._parents = {}, []
        for root in self._roots:
            stored[root] = NO_PARENT
            missing.pop(root, None)
        parents = body.gather("q", stored)
        return parents, {positions[at]: self._text(key) for at, key in missing.items()}

    def _read_ids(self, told: str, spans: int) -> Sequence[Any]:
        """Take in the ids of a part."""
        raise NotImplementedError

    def _read_parents(self, told: str, spans: int) -> tuple[Sequence[Any], list[int]]:
        """The ids of parents of a part, and which of them are none."""
        raise NotImplementedError

    def _text(self, key: Any) -> str:
        """An id as it was sent."""
        raise NotImplementedError

    def _ids(self, order: "Order") -> Ids:
        """The ids in an order of places."""
        raise NotImplementedError


class _HexColumns(_Columns):
    """Spans whose ids, and those of their parents, are as OTLP has them: looked for as numbers."""

    statement = _HEX

    def __init__(self) -> None:
        super().__init__()
        self._keys = array("Q")

    def _read_ids(self, told: str, spans: int) -> Sequence[int]:
        keys = _numbers(told, spans)
        extend(self._keys, keys)
        return keys

    def _read_parents(self, told: str, spans: int) -> tuple[Sequence[int], list[int]]:
        roots = [at // (len(_ROOT) + 1) for at in _finds(told, _ROOT)]
        return _numbers(told.replace(_ROOT, "0" * len(_ROOT)), spans), roots

    def _text(self, key: int) -> str:
        return array("Q", (key,)).tobytes().hex()

    def _ids(self, order: "Order") -> Ids:
        return HexIds(order.gather("Q", self._keys).tobytes())


class _TextColumns(_Columns):
    """Spans with ids of any form."""

    statement = _TEXT

    def __init__(self) -> None:
        super().__init__()
        self._keys = []

    def _read_ids(self, told: str, spans: int) -> Sequence[str]:
        texts = _decode_texts(told)
        self._keys += texts
        return texts

    def _read_parents(self, told: str, spans: int) -> tuple[Sequence[str | None], list[int]]:
        parent_ids = _decode_parents(told)
        return parent_ids, list(indexes(parent_ids, None))

    def _text(self, key: str) -> str:
        return key

    def _ids(self, order: "Order") -> Ids:
        return TextIds(order.gather_all(self._keys))


def _numbers(told: str, spans: int) -> list[int]:
    """Ids of 16 digits with commas between them, as the numbers that their eight bytes make here.
    Raises _OddIdsError when one is of another form."""
    try:
        packed = bytes.fromhex(told.replace(",", ""))
    except ValueError:
        raise _OddIdsError from None
    if len(packed) != spans * HEX_BYTES or packed.hex(",", HEX_BYTES) != told:
        raise _OddIdsError
    return memoryview(packed).cast("Q").tolist()


def _finds(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + len(wanted))


def body_order(positions: "array[int]") -> Sequence[int]:
    """Places by position in the body; ``positions`` are those of each place."""
    size = len(positions)
    if all(map(lt, positions, islice(positions, 1, None))):
        return range(size)
    if min(positions) == 0 and max(positions) == size - 1:
        places = array("i", repeat(-1, size))
        for place, position in enumerate(positions):
            places[position] = place
        if -1 not in places:
            return places
    return array("i", sorted(range(size), key=positions.__getitem__))


class Order:
    """Puts columns into an order of places, a part at a time."""

    def __init__(self, places: Sequence[int]) -> None:
        self._parts: list[Gather] | None = None
        if not isinstance(places, range):
            starts = range(0, len(places), PART)
            self._parts = [gatherer(places[at : at + PART]) for at in starts]

    def gather(self, typecode: str, column: Sequence[int]) -> "array[int]":
        """A column of numbers."""
        if self._parts is None:
            return array(typecode, column)
        found: array[int] = array(typecode)
        for part in self._parts:
            extend(found, part(column))
        return found

    def gather_all(self, column: Sequence[T]) -> list[T]:
        """A column of anything."""
        parts = [gatherer(range(len(column)))] if self._parts is None else self._parts
        return [value for part in parts for value in part(column)]

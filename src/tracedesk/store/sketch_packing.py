"""The kept form of a sketch: a zstd frame with a checksum, behind a byte that tells the form.

Columns are cut into planes, all lowest bytes first, for most planes of times and rows are nearly
one value. What is of another form, or damaged, reads as nothing: a new one can always be made.
"""

import sys
from array import array
from typing import Final

import msgspec
import zstandard

from tracedesk.store.sketched import HEX_BYTES, HexIds, Sketch, TextIds, Times

FORM: Final = 1
"""Of what is kept now; a sketch of any other is made anew."""

ZSTD_LEVEL: Final = 1
"""Higher ones take longer to save a twentieth."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """All columns of a sketch, as planes of bytes."""

    size: int
    ids: bytes | list[str]
    parent: bytes
    depth: bytes
    subtree_end: bytes
    orphans: dict[int, str]
    cycles: dict[int, str]
    names: list[str]
    named: bytes
    kinds: bytes
    statuses: bytes
    starts: "_KeptTimes"
    ends: "_KeptTimes"


class _KeptTimes(msgspec.Struct, frozen=True, array_like=True):
    column: bytes
    first: int | None
    last: int | None
    unsent: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


def pack_sketch(sketch: Sketch) -> bytes:
    """A sketch as it is kept; for a worker, a tenth of a second for a million spans."""
    ids, named = sketch.ids, sketch.named
    kept = _Kept(
        size=len(sketch),
        ids=ids.packed if isinstance(ids, HexIds) else list(ids.texts),
        parent=_planes(sketch.parent),
        depth=_planes(sketch.depth),
        subtree_end=_planes(sketch.subtree_end),
        orphans=sketch.orphans,
        cycles=sketch.cycles,
        names=list(sketch.names),
        named=named if isinstance(named, bytes) else _planes(named),
        kinds=sketch.kinds,
        statuses=sketch.statuses,
        starts=_kept_times(sketch.starts),
        ends=_kept_times(sketch.ends),
    )
    frame = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(_encode(kept))
    return bytes((FORM,)) + frame


def unpack_sketch(sequence: int, value: bytes) -> Sketch | None:
    """The sketch that was kept; None when there is nothing to be read in it."""
    if not isinstance(value, bytes) or value[:1] != bytes((FORM,)):
        return None
    try:
        kept = _decode(zstandard.ZstdDecompressor().decompress(memoryview(value)[1:]))
        size = kept.size
        return Sketch(
            sequence=sequence,
            kept=True,
            ids=_ids(kept.ids, size),
            parent=_column("i", kept.parent, size),
            depth=_column("i", kept.depth, size),
            subtree_end=_column("i", kept.subtree_end, size),
            orphans=kept.orphans,
            cycles=kept.cycles,
            names=kept.names,
            named=_sized(kept.named, size) if len(kept.named) == size
            else _column("i", kept.named, size),
            kinds=_sized(kept.kinds, size),
            statuses=_sized(kept.statuses, size),
            starts=_times(kept.starts, size),
            ends=_times(kept.ends, size),
        )  # fmt: skip
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError, MemoryError):
        return None


def _planes(column: "array[int]") -> bytes:
    """All lowest bytes, then all second ones, …"""
    told = column.tobytes()
    width = column.itemsize
    places = range(width) if sys.byteorder == "little" else reversed(range(width))
    return b"".join(told[at::width] for at in places)


def _column(typecode: str, planes: bytes, size: int) -> "array[int]":
    column: array[int] = array(typecode)
    width = column.itemsize
    _sized(planes, size * width)
    told = bytearray(size * width)
    places = range(width) if sys.byteorder == "little" else reversed(range(width))
    for number, at in enumerate(places):
        told[at::width] = planes[number * size : (number + 1) * size]
    column.frombytes(told)
    return column


def _sized(told: bytes, size: int) -> bytes:
    if len(told) != size:
        raise ValueError("a column of another length")
    return told


def _ids(told: bytes | list[str], size: int) -> HexIds | TextIds:
    if isinstance(told, bytes):
        return HexIds(_sized(told, size * HEX_BYTES))
    if len(told) != size:
        raise ValueError("a column of another length")
    return TextIds(told)


def _kept_times(times: Times) -> _KeptTimes:
    return _KeptTimes(_planes(times.column), times.first, times.last, times.unsent)


def _times(kept: _KeptTimes, size: int) -> Times:
    return Times(_column("q", kept.column, size), kept.first, kept.last, kept.unsent)

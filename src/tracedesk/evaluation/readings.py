"""Readings of the newest traces, packed: a tenth of the memory, a sixth of the time that
reading the trace again would take.

What comes back equals what was put. Views of the whole body, and what was not asked for yet,
are not packed; they are read from the trace again when asked for.
"""

from functools import partial
from typing import Any

import msgspec
import zstandard
from msgspec.structs import replace

from tracedesk.evaluation.likeness import Likeness
from tracedesk.evaluation.memo import Newest
from tracedesk.model.reading import NOT_RECORDED, Background, Call, Reading, Recorded
from tracedesk.model.trace import Trace
from tracedesk.reading import ReadingSettings, background, read

KEPT_BYTES = 8 << 20
"""Packed readings kept: those of some 5,000 traces of five spans. Of more, an assistant takes the
older half, and keeps what it read of them."""

_OVERHEAD = 450
"""What keeping a packed reading costs beside its bytes."""


class _Packed(msgspec.Struct, array_like=True, omit_defaults=True):
    reading: Reading
    likeness: Likeness
    views: tuple[str, ...] = ()
    background: Background | None = None


class Readings:
    """Packed readings by trace id, bounded in bytes."""

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._kept: Newest[tuple[int, bytes]] = Newest(limit_bytes)
        self._encode = msgspec.msgpack.Encoder(enc_hook=_refuse).encode
        self._decode = msgspec.msgpack.Decoder(_Packed, dec_hook=_no_function).decode
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def put(
        self, key: str, number: int, revision: int, reading: Reading, likeness: Likeness
    ) -> None:
        """Keep a reading if it is among the newest. One that cannot be packed (whole numbers above
        64 bits) is not kept."""
        if not self._kept.wants(key, number):
            return
        plain = detached(reading)
        names = tuple(name for name, _ in reading.recorded_views)
        known = None if reading.recorded_background.pending else reading.background
        try:
            packed = self._encode(_Packed(plain, likeness, names, known))
        except (OverflowError, TypeError, ValueError, RecursionError):
            return
        # copied, since what zstandard gives still holds all the room that it might have needed
        packed = bytes(memoryview(self._compress(packed)))
        self._kept.put(key, number, (revision, packed), len(packed) + _OVERHEAD)

    def get(
        self, key: str, revision: int, trace: Trace, settings: ReadingSettings
    ) -> tuple[Reading, Likeness] | None:
        """The reading of exactly this revision with its likeness, if it is kept; ``trace`` is
        that revision."""
        found = self._kept.get(key)
        if found is None or found[0] != revision:
            return None
        packed = self._decode(self._decompress(found[1]))
        views = tuple(
            (name, Recorded("", (trace, settings), partial(_view, name))) for name in packed.views
        )
        if packed.background is not None:
            behind = Recorded.known(packed.background)
        else:
            behind = background(trace, settings, packed.reading.response)
        reading = replace(packed.reading, recorded_views=views, recorded_background=behind)
        return reading, packed.likeness

    def drop(self, key: str) -> None:
        self._kept.drop(key)


def detached(reading: Reading) -> Reading:
    """The reading as plain data: recorded values decoded, views and background left behind."""
    return replace(
        reading,
        calls=tuple(map(_opened, reading.calls)),
        recorded_views=(),
        recorded_background=NOT_RECORDED,
    )


def _opened(call: Call) -> Call:
    return replace(call, given=_decoded(call.given), gave=_decoded(call.gave))


def _decoded(recorded: Recorded) -> Recorded:
    return Recorded.known(recorded.value, recorded.state, recorded.place)


def _view(name: str, source: tuple[Trace, ReadingSettings]) -> tuple[Any, str]:
    return dict(read(*source).recorded_views)[name].value, "captured"


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be packed")


def _no_function(kind: type, value: Any) -> Any:
    """Nothing packed holds a function; the type of a field alone demands a decoder for it."""
    raise TypeError(f"{kind} is never packed")

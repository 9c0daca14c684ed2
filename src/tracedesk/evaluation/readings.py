"""Traces as they are kept once they were read, so that a changed test case neither decodes nor
reads them again: a fifth of the time.

What comes back equals what was kept. Views of the whole body, and what was not asked for yet,
are not kept; they are read from the original when asked for.
"""

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, cast

import msgspec
import zstandard
from msgspec.structs import replace

from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.likeness import Likeness, digest
from tracedesk.evaluation.original import KeptSpan, Original, Resources, kept_span, span_of
from tracedesk.model.reading import NOT_RECORDED, Background, Call, Reading, Recorded
from tracedesk.model.trace import Decoded, Format, Resource, Span, Trace, TraceWarning
from tracedesk.reading import ReadingSettings, background, read

SPANS_KEPT = 500
"""A trace of more is read anew: it comes alone, and would take a large share of the room."""

VALUE_BYTES = 32 * 1024
"""Beyond it a value is not kept either."""


class _Kept(msgspec.Struct, array_like=True, gc=False):
    format: Format
    trace_id: str | None
    external_id: str | None
    metadata: dict[str, Any]
    external_metadata: dict[str, Any]
    declared_status: str | None
    declared_duration_ms: float | None
    warnings: list[TraceWarning]
    received_ns: int
    spans: list[KeptSpan]
    reading: Reading
    likeness: Likeness
    views: tuple[str, ...]
    background: Background | None


class Unpacked(NamedTuple):
    """A trace as it comes back."""

    trace: Trace
    reading: Reading
    likeness: Likeness
    original: Original


@lru_cache(maxsize=64)
def key_of(agent_type: str | None, settings: ReadingSettings) -> bytes:
    """What decides how a body is read beside the body: the program and these settings."""
    told = [engine(), agent_type, settings.response_path, settings.roles]
    return bytes.fromhex(digest(told))


class Readings:
    """Packs and unpacks, on one thread: a compressor must not be shared."""

    def __init__(self) -> None:
        # with a checksum: with another dictionary the bytes would be nonsense, but no error
        self._compress = zstandard.ZstdCompressor(
            level=3, dict_data=_typical(), write_checksum=True
        ).compress
        self._decompress = zstandard.ZstdDecompressor(dict_data=_typical()).decompress

    def pack(self, trace: Trace, reading: Reading, likeness: Likeness) -> bytes | None:
        """A trace that was read, as it is kept; None for one that cannot be kept: of an older
        format, which has more than its spans, too large, or with whole numbers above 64 bits."""
        if trace.format.legacy or len(trace.spans) > SPANS_KEPT:
            return None
        try:
            value = self._compress(_encode(_kept(trace, reading, likeness)))
        except (OverflowError, TypeError, ValueError, RecursionError):
            return None
        # copied, since what zstandard gives still holds all the room that it might have needed
        return bytes(memoryview(value)) if len(value) <= VALUE_BYTES else None

    def unpack(
        self, value: bytes, settings: ReadingSettings, assemble: Callable[[], Trace | None]
    ) -> Unpacked | None:
        """What ``pack`` was given; None when the value is damaged. ``settings`` are those that
        it was read with; for ``assemble`` see ``Original``."""
        try:
            kept = _decode(self._decompress(value))
        except (zstandard.ZstdError, msgspec.MsgspecError):
            return None
        original = Original(assemble, len(kept.spans))
        trace = _trace(kept, original)
        if kept.background is not None:
            behind = Recorded.known(kept.background)
        else:
            behind = background(trace, settings, kept.reading.response)
        source = (trace, settings)
        views = [(name, Recorded("", source, partial(_view, name))) for name in kept.views]
        reading = replace(kept.reading, recorded_views=tuple(views), recorded_background=behind)
        return Unpacked(trace, reading, kept.likeness, original)


def _kept(trace: Trace, reading: Reading, likeness: Likeness) -> _Kept:
    return _Kept(
        trace.format,
        trace.trace_id,
        trace.external_id,
        trace.metadata,
        trace.external_metadata,
        trace.declared_status,
        trace.declared_duration_ms,
        trace.warnings,
        trace.received_ns,
        list(map(kept_span, trace.spans)),
        detached(reading),
        likeness,
        tuple([name for name, _ in reading.recorded_views]),
        None if reading.recorded_background.pending else reading.background,
    )


def _trace(kept: _Kept, original: Original) -> Trace:
    return Trace(
        format=kept.format,
        spans=[span_of(span, original, index) for index, span in enumerate(kept.spans)],
        resources=cast("list[Resource]", Resources(original)),
        trace_id=kept.trace_id,
        external_id=kept.external_id,
        metadata=kept.metadata,
        external_metadata=kept.external_metadata,
        declared_status=kept.declared_status,
        declared_duration_ms=kept.declared_duration_ms,
        warnings=kept.warnings,
        received_ns=kept.received_ns,
    )


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


# -- bytes ------------------------------------------------------------------------------


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _no_function(kind: type, value: Any) -> Any:
    """Nothing kept holds a function; the type of a field alone demands a decoder for it."""
    raise TypeError(f"{kind} is never kept")


_encode = msgspec.msgpack.Encoder(enc_hook=_refuse).encode
_decode = msgspec.msgpack.Decoder(_Kept, dec_hook=_no_function).decode


_TYPICAL: tuple[dict[str, Any], ...] = (
    {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.response.text": "It is done.",
        "gen_ai.prompt": "What is there?",
    },
    {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
    },
    {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.arguments": {"query": ""},
        "gen_ai.tool.call.result": {"items": []},
    },
)
"""Attributes of spans such as an agent sends."""


@cache
def _typical() -> zstandard.ZstdCompressionDict:
    """What most kept traces have in common, above all the names of fields, so that a small one
    takes little room. It may change with the program: ``key_of`` tells what was made by which."""
    spans = [
        Span(
            span_id=str(number),
            name="",
            parent_id="0" if number else None,
            start_ns=1 << 60,
            end_ns=1 << 60,
            payload=Decoded(attributes),
        )
        for number, attributes in enumerate(_TYPICAL)
    ]
    trace = Trace(format=Format.OTLP, spans=spans)
    kept = _encode(_kept(trace, read(trace), Likeness("", "")))
    return zstandard.ZstdCompressionDict(kept, dict_type=zstandard.DICT_TYPE_RAWCONTENT)

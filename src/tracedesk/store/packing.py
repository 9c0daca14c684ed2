"""The stored form of an execution: its columns, and its cases packed into one value.

What was written by any version is read by every later one.
"""

from operator import attrgetter
from typing import Any, Final

import msgspec
import zstandard

from tracedesk.model.execution import CaseRecord, Execution
from tracedesk.model.verdict import Outcome
from tracedesk.store.shapes import told_shapes
from tracedesk.store.values import clean, json_text

ZSTD_LEVEL: Final = 3

_DICTIONARY_1: Final = zstandard.ZstdCompressionDict(
    b" tool call path was found the response matches expected got missing span"
    b"trace\xa4path\xa1$\xa8decided\xa9arguments\xa8response\xa6output\xaaattributes"
    b"\xa9node_call\xaajson_match\xaeresponse_regex\xabjson_schema\xadtool_sequence\xaatool_policy"
    b"\xa7routing\xabtool_choice\xaaparameters\xadcommunication\xa7runtime"
    b"\xa5error\xa7skipped\xa7missing\xa4fail\xa6digest\xd9 \xa7outcome\xa4pass\xa5score\xcb?\xf0"
    b"\x00\x00\x00\x00\x00\x00\xa6weight\xcb?\xf0\x00\x00\x00\x00\x00\x00\xa6reason\xa0\xa6checks"
    b"\x91\x8a\xa9assertion\xa2a1\xa6target\xa9node_call\xa7outcome\xa4pass\xa5score\xcb?\xf0\x00"
    b"\x00\x00\x00\x00\x00\xa6weight\xcb?\xf0\x00\x00\x00\x00\x00\x00\xa5stage\xaaparameters"
    b"\xa6reason\xd9?\xa8evidence\x91\x93\xa4span\xa9arguments\xa1$\xa4tags\x90\xa7details\xc0"
    b"\x98\xa4case\xa4name\xa4file.yaml#\x91",
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)
"""What most executions have in common, so that one of a single case takes little room. It
belongs to the stored form and must never change."""

_COMPRESS = zstandard.ZstdCompressor(level=ZSTD_LEVEL, dict_data=_DICTIONARY_1)

FACTS: Final = (
    "agent_id, revision, kind, started_ns, ended_ns, clock_ns, engine, settings, outcome, score,"
    " input_key, behaviour_key, version, environment, errors, error_span, error_text"
)
"""Columns that are fields of ``Execution`` too, in the same words."""
NAMES: Final = tuple(FACTS.split(", "))

_facts_of = attrgetter(*NAMES)
_encode = msgspec.msgpack.Encoder().encode
decode_cases = msgspec.msgpack.Decoder(tuple[CaseRecord, ...]).decode


class Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An execution as it is written."""

    trace: str
    facts: tuple[Any, ...]
    coverage: str
    cases: bytes
    shapes: tuple[str, ...]
    """Of each case, what counting needs of it."""


decode_packed = msgspec.msgpack.Decoder(Packed).decode


def encoded(packed: Packed) -> msgspec.Raw:
    """As one value, to be held or sent until ``decode_packed``."""
    return msgspec.Raw(_encode(packed))


class BriefCheck(msgspec.Struct, frozen=True, gc=False):
    """As much of a ``CheckRecord`` as counting needs."""

    target: str
    outcome: Outcome


class BriefCase(msgspec.Struct, frozen=True, gc=False):
    """As much of a ``CaseRecord`` as counting needs."""

    case: str
    digest: str
    outcome: Outcome
    score: float | None
    checks: tuple[BriefCheck, ...]


decode_brief = msgspec.msgpack.Decoder(tuple[BriefCase, ...]).decode
"""The same bytes, as far as counting needs them."""


# -- in and out -------------------------------------------------------------------------


def pack(execution: Execution) -> Packed:
    """An execution as it is written. Never fails for what stands in it: what neither SQLite nor
    UTF-8 can hold is mended."""
    facts = _facts_of(execution)
    try:
        _encode(facts)  # a tenth of what looking at each by itself would take
        fits = (execution.clock_ns or 0) < 2**63
    except (UnicodeEncodeError, OverflowError):
        fits = False
    if not fits:
        facts = tuple(map(clean, facts))
    coverage = json_text([(record.case, record.digest) for record in execution.cases])
    try:
        cases = _encode(execution.cases)
    except (UnicodeEncodeError, OverflowError, TypeError, msgspec.MsgspecError):
        cases = _encode(_mended(msgspec.to_builtins(execution.cases)))
    shapes = told_shapes(execution.cases, execution.errors)
    return Packed(execution.trace, facts, coverage, _COMPRESS.compress(cases), shapes)


def _mended(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return clean(value)


def inflator() -> zstandard.ZstdDecompressor:
    """One of its own for each use: they must not be shared by threads."""
    return zstandard.ZstdDecompressor(dict_data=_DICTIONARY_1)

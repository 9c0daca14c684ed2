"""Python values as SQLite can hold them, and the index rows of a trace's spans."""

import json
import math
from os import urandom
from typing import Any

import msgspec

from tracedesk.model.trace import Status, Trace

_INT_MAX = 2**63 - 1
_ERROR = int(Status.ERROR)

SPAN_COLUMNS = "trace, span_id, position, parent_id, name, kind, start_ns, end_ns, status, aliases"


ABSENT = -(2**63)
"""Stands for null in integer parameters, as a blank text does in others: binding None costs
a quarter of a microsecond each, and most columns of most spans are null."""


def new_id(number: int) -> str:
    """A version-4 UUID whose last twelve digits are the number of its trace, so that looking
    a trace up by id needs no index over random keys (a tenth of the cost of storing one)."""
    try:
        digits = _digits.pop()
    except IndexError:
        # many at once: each call of the system lets go of the interpreter lock
        drawn = urandom(10 * _DRAWN).hex()
        _digits.extend(drawn[at : at + 20] for at in range(20, len(drawn), 20))
        digits = drawn[:20]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{number:012x}"


_digits: list[str] = []
"""Random hexadecimal digits for ids to come."""
_DRAWN = 128


def number_of(trace_id: str) -> int:
    """The number that an id ends in; 0, which no trace has, when it is no id of ours."""
    try:
        return int(trace_id[24:], 16) if len(trace_id) == 36 else 0
    except ValueError:
        return 0


def clean(value: Any) -> Any:
    """The nearest value SQLite can bind: lone surrogates become U+FFFD, an integer beyond
    63 bits becomes null (a time that cannot be), all else stays."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, int) and not -_INT_MAX <= value <= _INT_MAX:
        return None
    return value


def json_text(value: Any) -> str:
    """JSON of decoded values, always readable again: what UTF-8 cannot hold is mended."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        return json.dumps(_mended(msgspec.to_builtins(value)), ensure_ascii=False)


def _mended(value: Any) -> Any:
    if isinstance(value, dict):
        return {clean(str(key)): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return clean(value) if isinstance(value, str) else value


class SpanColumns(msgspec.Struct):
    """The index rows of the spans of a trace, one after the other, and their totals."""

    values: list[Any]
    """``SPAN_COLUMNS`` of every span that is not synthetic, flat; ``ABSENT`` or blank = null."""
    count: int
    errors: int
    start_ns: int | None
    end_ns: int | None


def span_columns(number: int, trace: Trace) -> SpanColumns:
    """Index rows for ``trace`` stored as ``number``. One pass: this is the hot path."""
    values: list[Any] = []
    position = errors = 0
    start: int | None = None
    end: int | None = None
    synthetic: set[str] = set()
    for span in trace.spans:
        if span.synthetic:
            synthetic.add(span.span_id)
            continue
        begun, ended = span.start_ns, span.end_ns
        if begun is not None and (start is None or begun < start):
            start = begun
        if ended is not None and (end is None or ended > end):
            end = ended
        status = span.status._value_
        if span.exception or status == _ERROR:
            status = _ERROR
            errors += 1
        parent = span.parent_id
        if synthetic and parent in synthetic:
            parent = None
        values += (
            number,
            span.span_id,
            position,
            parent or "",
            span.label,
            span.kind._value_,
            ABSENT if begun is None else begun,
            ABSENT if ended is None else ended,
            status,
            "\n".join(span.aliases) if span.aliases else "",
        )
        position += 1
    return SpanColumns(values, position, errors, start, end)


def trace_name(trace: Trace) -> tuple[str, bool]:
    """The name of a trace, and whether a root gave it: the label of its first root that was
    not skipped, else of its first span, else, while only logs tell of it, its service."""
    for span in trace.spans:
        if span.parent_id is None and span.status is not Status.SKIPPED:
            return span.label, True
    if trace.spans:
        return trace.spans[0].label, False
    services = (resource.service for resource in trace.resources)
    return next((service for service in services if service), ""), False

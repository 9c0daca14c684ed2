"""JSON as clients write it, read in one place: what any other reader would choke on later is
made harmless here (lone surrogates, NaN, numbers out of range, bottomless nesting).

``parse`` never returns a text that cannot be encoded as UTF-8 and never a value nested
deeper than ``MAX_DEPTH``.
"""

import json
import math
import re
from typing import Any

import msgspec

MAX_DEPTH = 200
"""Levels of nesting that are accepted (ingestion spec 5). Far below any recursion limit."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(enc_hook=str).encode
_STRUCTURE = bytes.maketrans(b"[]", b"{}")
_NOT_STRUCTURE = bytes(c for c in range(256) if c not in b'{}[]"')
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SURROGATE = re.compile(rb"\\u[dD]")
_LONE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_MAX_DIGITS = 4000
"""Longer integers stay text; Python refuses to convert them anyway."""


def nested_too_deep(text: bytes, limit: int = MAX_DEPTH) -> bool:
    """True when valid JSON text nests deeper than ``limit``. Linear, outside of Python loops."""
    if text.count(b"{") + text.count(b"[") <= limit:
        return False
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    shape = text.translate(_STRUCTURE, _NOT_STRUCTURE)
    # most strings hold no bracket and are two quotes by now; strings side by side become one
    shape = b"".join(shape.replace(b'""', b"").split(b'"')[::2])
    for _ in range(limit):
        if not shape:
            return False
        shape = shape.replace(b"{}", b"")  # one pass removes exactly the innermost level
    return bool(shape)


def surely_shallow(text: bytes, limit: int = MAX_DEPTH - 4) -> bool:
    """True when JSON text has too few brackets to nest deeper than ``limit``."""
    return text.count(b"{") + text.count(b"[") <= limit


def without_lone_surrogates(text: bytes) -> bytes:
    """JSON text with each unpaired ``\\ud800``-like escape replaced; the same object if none."""
    first = _SURROGATE.search(text)
    if first is None or _LONE.search(text, first.start()) is None:
        return text
    return _ESCAPES.sub(lambda m: rb"\ufffd" if m.group(1) else m.group(0), text)


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError when it is not JSON or too deep.

    NaN, the infinities and numbers that no double can hold are kept as text.
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        value = _decode(raw)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (msgspec.DecodeError, UnicodeError):
        value = _parse_odd(raw)
    if nested_too_deep(raw):
        raise ValueError("nested too deep")
    return value


def dump(value: Any) -> str:
    """Compact JSON text: keys in their order, non-ASCII kept."""
    try:
        return _encode(value).decode()
    except (UnicodeError, ValueError):
        return json.dumps(value, separators=(",", ":"), default=str)


def _parse_odd(raw: bytes) -> Any:
    text = without_lone_surrogates(raw).decode("utf-8", "replace")
    try:
        return json.loads(
            text, parse_constant=str, parse_float=_finite, parse_int=_integer, strict=False
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def _finite(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _integer(text: str) -> int | str:
    return text if len(text) > _MAX_DIGITS else int(text)

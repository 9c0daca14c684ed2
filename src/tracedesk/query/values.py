"""JSON values as assertions see them: types, equality, conversion to numbers, short wording.

Equality is by value and never coerces: ``1`` is ``1.0``, ``true`` is not ``1``, ``"2"`` is
not ``2`` (assertion spec 4.1).
"""

import re
from collections.abc import Hashable
from enum import Enum
from typing import Any, Final

import msgspec

from tracedesk.model.jsontext import dump, parse

SHOWN_CHARS = 200
"""Longer values are cut in the middle where they are worded (assertion spec 11)."""

_SHORT = 10**15
"""Integers nearer to zero than this are never cut."""

_sorted_json = msgspec.json.Encoder(order="deterministic").encode
_FLOAT = re.compile(rb"\.0(?![0-9])|[0-9]e")
"""What every whole number written as a float has in JSON; texts may have it too."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MAX_DIGITS = 400
"""Longer numeric text stays text: no number anyone means is written so."""


class Absence(Enum):
    """The type of ``ABSENT``: no value at all, which is not ``null``."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absence.ABSENT


_TYPE_NAMES: Final = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    dict: "object",
    list: "array",
    tuple: "array",
    Absence: "absent",
}


def type_of(value: object) -> str:
    """JSON type name: string, number, boolean, null, array, object, or ``absent``."""
    kind = type(value)
    name = _TYPE_NAMES.get(kind)
    if name is None:
        kinds = _TYPE_NAMES.items()
        name = next((name for base, name in kinds if issubclass(kind, base)), kind.__name__)
    return name


_NUMBERS = frozenset({int, float})


def is_number(value: object) -> bool:
    """True for numbers; booleans are none."""
    kind = type(value)
    return kind in _NUMBERS or (isinstance(value, int | float) and kind is not bool)


def is_integer(value: object) -> bool:
    """True for whole numbers, ``1.0`` included."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def json_equal(left: Any, right: Any, fold: bool = False) -> bool:
    """JSON equality; with ``fold`` texts compare without regard to case, keys as they are."""
    if isinstance(left, str):
        if not fold:
            return bool(left == right)
        return isinstance(right, str) and left.casefold() == right.casefold()
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(json_equal(value, right[key], fold) for key, value in left.items())
        )
    if isinstance(left, list | tuple):
        return (
            isinstance(right, list | tuple)
            and len(left) == len(right)
            and all(json_equal(a, b, fold) for a, b in zip(left, right, strict=True))
        )
    if left is ABSENT or right is ABSENT:
        return False
    return bool(left == right)


def equality_key(value: Any) -> Hashable:
    """A hashable stand-in: two values are JSON-equal exactly when their keys are equal."""
    try:
        raw = _sorted_json(value)
        if _FLOAT.search(raw):
            raw = _sorted_json(_whole_numbers(value))
        return raw
    except (UnicodeError, TypeError, OverflowError):
        parts: Hashable = _key_of_parts(value)
        return parts


def _whole_numbers(value: Any) -> Any:
    """The value with every float that is whole as an integer, which it equals."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_numbers(item) for item in value]
    return value


def _key_of_parts(value: Any) -> Any:
    """As ``equality_key`` for what no encoder takes, such as lone surrogates."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return ("object", frozenset((key, _key_of_parts(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("array", tuple(_key_of_parts(item) for item in value))
    return value


def as_number(value: Any) -> int | float | None:
    """The number, or the number that a text wholly is after trimming; None for the rest."""
    if is_number(value):
        found: int | float = value
        return found
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _MAX_DIGITS and _DECIMAL.fullmatch(text):
            return float(text) if "." in text else int(text)
    return None


def json_text(value: Any) -> Any:
    """The value inside a text holding a JSON object or array; ABSENT when it holds none."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return ABSENT
    try:
        found = parse(value)
    except ValueError:
        return ABSENT
    return found if isinstance(found, dict | list) else ABSENT


_BEGINNINGS: Final = frozenset('{["-0123456789tfnNI')
"""What a JSON value begins with; ``NaN`` and ``Infinity`` are read too."""


def whole_json(text: Any) -> Any:
    """The value of a text that is JSON from end to end, whatever its type; else ABSENT."""
    if not isinstance(text, str) or text.lstrip()[:1] not in _BEGINNINGS:
        return ABSENT
    try:
        return parse(text)
    except ValueError:
        return ABSENT


def shorten(text: str, limit: int = SHOWN_CHARS) -> str:
    """The text, cut in the middle when longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[head + 1 - limit :]}"


def show(value: Any, limit: int = SHOWN_CHARS) -> str:
    """Compact JSON, cut in the middle; the word ``absent`` for no value."""
    if value is ABSENT:
        return "absent"
    if type(value) is int and -_SHORT < value < _SHORT:
        return str(value)
    if isinstance(value, str) and len(value) > 2 * limit:
        value = shorten(value, limit)
    return shorten(dump(value), limit)


def show_typed(value: Any, limit: int = SHOWN_CHARS) -> str:
    """As ``show`` with the type in front: ``string "4"``. Plain for null, absent, booleans."""
    kind = type_of(value)
    shown = show(value, limit)
    return shown if kind in ("null", "absent", "boolean") else f"{kind} {shown}"

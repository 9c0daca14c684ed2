"""What a value looks like, told more loosely than the value itself: patterns, schemas, bounds.

Whatever is made here accepts the value that it was made of.
"""

import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from tracedesk.query.dates import parse_iso
from tracedesk.query.expected import Env
from tracedesk.query.formats import FORMATS, TextFormat
from tracedesk.query.values import is_integer, type_of

SCHEMA_KEYS: Final = 40
"""Members of one object that a schema names."""

SCHEMA_ITEMS: Final = 1_000
"""Elements of a list that are looked at; of a longer one only that it is a list is said."""

SCHEMA_DEPTH: Final = 4
"""Levels that a schema goes into a value."""

NEAR_DAYS: Final = 31
"""A date this near to the trace is offered as so many days from today."""

_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
_DIGITS = re.compile(r"[0-9]+")
_CODE = re.compile(r"[A-Z0-9]+(?:[-_:/.][A-Z0-9]+)*")
_TELLING = re.compile(r"[^\W_](?:[\w.:/-]*[^\W_])?")
_SENTENCE = re.compile(r"[^\n.!?]*[^\s.!?][^\n.!?]*[.!?]?")
_PART = re.compile(r"([A-Z]+|[0-9]+)")


def escaped(text: str) -> str:
    """A pattern that matches just this text, as a person would write it."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def whole(text: str) -> str:
    """A pattern that matches the text and nothing else."""
    return rf"\A{escaped(text)}\Z"


def same_form(text: str) -> str | None:
    """A pattern for texts of the same form: other digits, in codes other capitals too. None
    when the text has nothing that may vary."""
    if len(text) > 1 and _CODE.fullmatch(text):
        return "^" + "".join(map(_letters, _PART.split(text))) + "$"
    if not _DIGITS.search(text):
        return None
    parts = _DIGITS.split(text)
    return "^" + r"\d+".join(map(escaped, parts)) + "$"


def _letters(part: str) -> str:
    if not part:
        return ""
    if part.isdigit():
        return rf"\d{{{len(part)}}}" if len(part) > 1 else r"\d"
    if part.isalpha():
        return f"[A-Z]{{{len(part)}}}" if len(part) > 1 else "[A-Z]"
    return escaped(part)


def first_sentence(text: str) -> str:
    """The beginning of a text, up to the end of its first sentence or line."""
    found = _SENTENCE.search(text)
    return found.group().strip() if found else ""


def telling(text: str, limit: int = 3) -> list[str]:
    """The words of a text that say most: those with digits or like codes."""
    found = (match.group() for match in _TELLING.finditer(text))
    telling = (word for word in found if len(word) > 1 and any(map(str.isdigit, word)))
    return list(dict.fromkeys(telling))[:limit]


def text_format(text: str) -> str | None:
    """The matcher whose format the text has: ``uuid``, ``url``, ``date`` or ``datetime``."""
    return next((name for name in FORMATS if TextFormat({}, name).accepts(text, Env())), None)


def expression_of(text: str, clock_ns: int) -> str | None:
    """A date near the clock as a date expression; None for other texts and far dates."""
    moment = parse_iso(text, "UTC")
    if moment is None or text.strip() != text:
        return None
    today = datetime.fromtimestamp(clock_ns / 1e9, UTC).date()
    days = (moment.at.date() - today).days
    if abs(days) > NEAR_DAYS:
        return None
    day = "TODAY()" if days == 0 else f"DATE_ADD(TODAY(), {days}, 'days')"
    if moment.precision == "date":
        return day
    return f"AT_TIME({day}, '{moment.at:%H:%M}')"


def schema_of(value: Any, depth: int = SCHEMA_DEPTH) -> dict[str, Any]:
    """A JSON Schema of the value's structure: types and required keys, some levels deep."""
    kind = type_of(value)
    if isinstance(value, dict) and value and depth:
        named = dict(list(value.items())[:SCHEMA_KEYS])
        return {
            "type": "object",
            "required": list(named),
            "properties": {key: schema_of(item, depth - 1) for key, item in named.items()},
        }
    if isinstance(value, list) and 0 < len(value) <= SCHEMA_ITEMS and depth:
        found: list[dict[str, Any]] = []
        for item in value:
            schema = schema_of(item, depth - 1)
            if schema not in found:
                found.append(schema)
            if len(found) > 3:
                return {"type": "array"}
        return {"type": "array", "items": found[0] if len(found) == 1 else {"anyOf": found}}
    return {"type": "integer" if kind == "number" and is_integer(value) else kind}


def rounded_up(value: float, digits: int = 2) -> float | int:
    """The next number that people would write, never below the value."""
    return _rounded(value, digits, math.ceil)


def rounded_down(value: float, digits: int = 2) -> float | int:
    """The same, never above the value."""
    return _rounded(value, digits, math.floor)


def _rounded(value: float, digits: int, towards: Callable[[float], int]) -> float | int:
    if value == 0 or not math.isfinite(value):
        return 0 if value == 0 else value
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places <= 0:
        step = int(10**-places)
        return int(towards(value / step)) * step
    if places > sys.float_info.max_10_exp:
        return value  # too close to 0 to be written shorter
    scale = float(10**places)
    return towards(round(value * scale, 6)) / scale

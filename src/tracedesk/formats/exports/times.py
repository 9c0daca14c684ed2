"""Times as each tool's documentation writes them, in nanoseconds. What cannot be read stays
text, for the OTLP reader to warn of."""

import math
from typing import Any

from tracedesk.formats.exports.records import Time
from tracedesk.formats.values import liberal_nanoseconds

MICRO, MILLI = 1_000, 1_000_000
"""Nanoseconds."""


def since_epoch(value: Any, unit: int) -> Time:
    """A count of units since the epoch; 0 and absent are not sent."""
    if value is None or value == 0 or value == "":
        return None
    number = _number(value, unit)
    return str(value) if number is None else number


def end_of(start: Time, duration: Any, unit: int) -> Time:
    """The end of a span that states its start and how long it took; None when it lacks one."""
    if duration is None or not isinstance(start, int):
        return None
    number = _number(duration, unit)
    return str(duration) if number is None else start + number


def date(value: Any) -> Time:
    """An ISO 8601 date and time; without an offset it is UTC."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return f"{value} (no date)"
    found = liberal_nanoseconds(value)[0] if not value.strip().isdecimal() else None
    return f"{value} (no date)" if found is None else found


def _number(value: Any, unit: int) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = value * unit
    if isinstance(number, int):
        return number
    return round(number) if math.isfinite(number) else None

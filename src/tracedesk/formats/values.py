"""Single fields as senders write them, made ours: times, statuses, ids.

Each reader says whether it had to convert (then the trace warns ``coerced_field``) and
never raises; what cannot be understood becomes "not sent".
"""

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import Any

from tracedesk.model.trace import Status

MAX_NS = 2**63 - 1
"""Latest time that the store's signed 64-bit columns hold."""

STATUS_TEXTS = {
    "": Status.UNSET,
    "0": Status.UNSET,
    "unset": Status.UNSET,
    "1": Status.OK,
    "ok": Status.OK,
    "2": Status.ERROR,
    "error": Status.ERROR,
}
STATUS_NUMBERS = {0: Status.UNSET, 1: Status.OK, 2: Status.ERROR}


def nanoseconds(value: str | int | None) -> int | None:
    """A time as the specs write it: a positive integer, as text or number; 0 is not sent.

    Raises ValueError for anything else, including what does not fit 64 bits.
    """
    if not value:
        return None
    number = int(value)
    if 0 < number <= MAX_NS:
        return number
    if number == 0:
        return None
    raise ValueError("out of range")


def liberal_nanoseconds(value: Any) -> tuple[int | None, str]:
    """A time however written, and what was odd about it (blank when nothing was)."""
    if value is None or value == "":
        return None, ""
    if isinstance(value, str):
        try:
            return nanoseconds(value.strip()), ""
        except ValueError:
            return _odd_time(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, "is not a time"
    if isinstance(value, float) and not math.isfinite(value):
        return None, "is not a time"
    try:
        return nanoseconds(int(value)), "is a number"
    except ValueError:
        return None, "is out of range"


def _odd_time(text: str) -> tuple[int | None, str]:
    try:
        number = float(text)
    except ValueError:
        return _date(text)
    if math.isfinite(number) and 0 < number <= MAX_NS:
        exact = text.strip().partition(".")[0]
        return (int(exact) if exact.isdecimal() else int(number)), "is not a whole number"
    return None, "is out of range"


def _date(text: str) -> tuple[int | None, str]:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None, "is not a time"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    total = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return (total, "is a date") if 0 < total <= MAX_NS else (None, "is out of range")


def liberal_status(code: Any) -> tuple[Status, str]:
    """A status code however written, and what was odd about it."""
    if code is None:
        return Status.UNSET, ""
    if isinstance(code, str):
        folded = code.strip().lower().removeprefix("status_code_")
        known = STATUS_TEXTS.get(folded)
        return (Status.UNSET, "is unknown") if known is None else (known, "is text")
    if isinstance(code, int | float) and code in STATUS_NUMBERS:
        return STATUS_NUMBERS[int(code)], ""
    return Status.UNSET, "is unknown"


def hex_id(text: Any, size: int) -> str | None:
    """An OTLP id of ``size`` bytes in lower-case hex; None when blank or all zero.

    Hex and base64 are understood. Ids of any other make are kept as they are.
    """
    if not isinstance(text, str):
        return str(text) if isinstance(text, int) and text and text is not True else None
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != size:
        text = text.strip()
        raw = _base64(text) or raw
    if len(raw) == size:
        return raw.hex() if any(raw) else None
    return text.lower() if text.strip("0") else None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

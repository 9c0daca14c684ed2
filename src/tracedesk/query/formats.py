"""Text formats by name: uuid, url, date, datetime (assertion spec 4.4)."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from tracedesk.query.dates import parse_iso
from tracedesk.query.expected import Env, Expected

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def _is_url(text: str) -> bool:
    if len(text) > _MAX_URL or any(character.isspace() for character in text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname and (parts.port is None or parts.port >= 0))
    except ValueError:
        return False


_MAX_URL: Final = 1 << 16
"""No URL that anyone means is longer, in characters."""


def _is_date(text: str) -> bool:
    found = parse_iso(text, "UTC")
    return found is not None and found.precision == "date" and text == text.strip()


def _is_datetime(text: str) -> bool:
    found = parse_iso(text, "UTC")
    return found is not None and found.precision != "date" and text == text.strip()


FORMATS: Final = {
    "uuid": "UUID",
    "url": "absolute URL",
    "date": "ISO date",
    "datetime": "ISO date-time",
}
"""Matcher and what to call the format."""

_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "uuid": _is_uuid,
    "url": _is_url,
    "date": _is_date,
    "datetime": _is_datetime,
}


class TextFormat(Expected):
    """Text in one of ``FORMATS``."""

    __slots__ = ("_test", "words_")

    def __init__(self, source: Any, name: str, **base: Any) -> None:
        super().__init__(source, **base)
        self._test = _TESTS[name]
        self.words_ = FORMATS[name]

    @property
    def words(self) -> str:
        return f"text in {self.words_} form"

    @property
    def expected_type(self) -> str:
        return "string"

    def accepts(self, actual: Any, env: Env) -> bool:
        return isinstance(actual, str) and self._test(actual)

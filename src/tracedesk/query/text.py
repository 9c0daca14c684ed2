"""How values are written for people: durations in one place, untrusted text made harmless."""

import json
import unicodedata
from typing import Any

NO_VALUE = "–"

_BIDI = {0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C}
"""Marks that reorder text around them, by which a value could disguise itself."""

_UNPRINTABLE = {"Cs", "Zl", "Zp"}
"""Lone surrogates, which no encoder takes, and the separators that break a line."""


def duration_text(milliseconds: float | None) -> str:
    """A duration in three significant figures or so: ``850µs``, ``12ms``, ``1.9s``, ``2m 05s``."""
    if milliseconds is None:
        return NO_VALUE
    if milliseconds < 1:
        return "0" if milliseconds <= 0 else f"{max(1, round(milliseconds * 1000))}µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m"


def harmless(character: str) -> str:
    """The character, or a visible stand-in when a terminal would act on it."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0x80 <= code < 0xA0 or code in _BIDI or unicodedata.category(character) in _UNPRINTABLE:
        return "�"
    return character


def plain(value: Any) -> str:
    """One line of text, or compact JSON of anything else, with nothing a terminal would obey."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(harmless, text))

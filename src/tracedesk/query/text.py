"""How values are written for people: the one door between a trace and a terminal.

Nothing that a trace says may move the cursor, change a colour, reverse the reading
direction or hide itself: such characters are replaced by something visible. Durations have
one format, at most six characters wide.
"""

import json
import time
import unicodedata
from typing import Any

NO_VALUE = "–"

_JOINERS = frozenset((0x200C, 0x200D))
"""Joiners shape letters and emoji, and can neither hide nor reorder anything."""

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Controls, invisible formats (bidi overrides among them), surrogates, unassigned, breaks."""


class _Visible(dict[int, str | int]):
    """Translation table that decides each character once, when it is first met."""

    def __missing__(self, code: int) -> str | int:
        self[code] = shown = self._shown(code)
        return shown

    @staticmethod
    def _shown(code: int) -> str | int:
        if code == 0x0A:
            return "⏎"
        if code < 0x20:
            return chr(0x2400 + code)
        if code == 0x7F:
            return "␡"
        if unicodedata.category(chr(code)) not in _HIDDEN or code in _JOINERS:
            return code
        if code < 0x100:
            return f"\\x{code:02x}"
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_VISIBLE = _Visible()


def plain(value: Any) -> str:
    """One line of text, or compact JSON of anything else, with everything a terminal could act
    upon made visible. Idempotent."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else text.translate(_VISIBLE)


def duration_text(milliseconds: float | None) -> str:
    """A duration in at most six characters: ``850µs``, ``4.7ms``, ``12ms``, ``1.9s``, ``2m05s``."""
    if milliseconds is None:
        return NO_VALUE
    if milliseconds < 0:
        return "-" + duration_text(-milliseconds)
    if milliseconds < 0.0009995:
        return f"{milliseconds * 1e6:.0f}ns" if milliseconds else "0"
    if milliseconds < 0.9995:
        return f"{milliseconds * 1e3:.0f}µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.{int(milliseconds < 9.95 and milliseconds % 1 != 0)}f}ms"
    seconds = milliseconds / 1e3
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m"


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 span``, ``1,015 spans``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_second = (-1, "")
"""The last second that was written out; replies come many to a second."""


def iso(ns: int) -> str:
    """Nanoseconds since the epoch as UTC text with milliseconds: ``2026-06-07T10:00:00.000Z``."""
    global _second
    seconds, rest = divmod(ns, 1_000_000_000)
    at, text = _second
    if at != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = (seconds, text)
    return f"{text}.{rest // 1_000_000:03d}Z"

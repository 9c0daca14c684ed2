"""Terminals without box-drawing characters: every glyph of ours leaves as one of ASCII.

The last step of painting sees to it, for borders, scrollbars, prose and screens of the framework
alike; what a trace or a file holds besides our glyphs stays as it is.
"""

import os
import sys

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.widget import Widget

ASCII = str.maketrans(
    {
        "✓": "v", "✗": "x", "✖": "X", "○": "o", "◌": "?", "↻": "@", "▾": "-", "▸": "+",
        "├": "|", "└": "`", "│": "|", "─": "-", "┃": "|", "╎": ":", "▏": "#", "▎": "#",
        "▍": "#", "▌": "#", "▋": "#", "▊": "#", "▉": "#", "█": "#", "▐": "#", "▒": "%",
        "●": "*", "›": ">", "…": ".", "⏎": "$", "↑": "^", "↓": "v", "·": "-", "⋯": ".",
        "≠": "!", "≤": "<", "≥": ">", "→": ">", "×": "x", "–": "-", "■": "#", "▪": "*", "▔": "-",
        "┊": ":", "━": "=", "◐": "~", "µ": "u", "▲": "^", "▼": "v",
        "▓": "=", "░": "~", "◆": "*", "‹": "<", "Σ": "S", "±": "~", "▁": "_", "▂": "_",
        "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "▕": "|", "←": "<", "−": "-", "—": "-",
        "“": '"', "”": '"', "‘": "'", "’": "'", "�": "?", "🔎": "/ ",
        **dict.fromkeys("╭╮╰╯┌┐┘┬┴┤┼", "+"),
        **{chr(0x2400 + code): "?" for code in range(0x22)},
    }
)  # fmt: skip
"""Every glyph of ours in ASCII, as wide as it is, so that columns stay where they are."""


class AsciiFilter(LineFilter):
    """Paints each line with its stand-ins."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line, as wide as they were."""
        return [each if each.text.isascii() else _replaced(each) for each in segments]


def _replaced(segment: Segment) -> Segment:
    return Segment(segment.text.translate(ASCII), segment.style, segment.control)


ASCII_FILTER = AsciiFilter()
"""One for all: what it painted is kept with the lines, by the filter."""


def paints_ascii(widget: Widget) -> bool:
    """True where glyphs will be replaced; for drawings that are another one then."""
    return ASCII_FILTER in widget.get_line_filters()


def wants_ascii(environment: "os._Environ[str] | dict[str, str]") -> bool:
    """True when asked for, or when the terminal's encoding has no box-drawing characters."""
    asked = environment.get("TRACEDESK_ASCII")
    if asked is not None:
        return asked not in ("", "0")
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return not encoding.startswith("utf")

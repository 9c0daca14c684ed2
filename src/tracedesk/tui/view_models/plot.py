"""A bar a point, from 0 to 100, in eighths of a cell, its number above it.

Points that do not fit are left out from the left, and that is said. Colour carries nothing: a
point without a value is a dash, and what was new at a point stands under it as a sign.
"""

from collections.abc import Sequence

import msgspec

from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad

EIGHTHS = " ▁▂▃▄▅▆▇█"
AXIS = 5
"""Cells for the numbers at the left."""

WIDEST, NARROWEST = 12, 4


class Bar(msgspec.Struct, frozen=True):
    """One point of a plot."""

    label: str
    value: float | None
    """0 to 100; None is not known."""
    signs: str = ""
    """What was new here: ``▲`` a version, ``◆`` a case file."""


def plot(
    bars: Sequence[Bar], width: int, height: int, *, eighths: bool = True
) -> list[list[Piece]]:
    """``height`` lines: bars, a line of signs, a line of labels.

    Without ``eighths`` a bar fills whole cells, for terminals that show every part of one alike.
    """
    tall = height - 2
    if tall < 3 or not bars or width < AXIS + NARROWEST:
        return []
    each = max(NARROWEST, min(WIDEST, (width - AXIS) // len(bars)))
    fitting = (width - AXIS) // each
    shown = bars[-fitting:]
    columns = [_column(bar, tall, each, 8 if eighths else 1) for bar in shown]
    lines = []
    for row in range(tall):
        pieces = [Piece(_axis(row, tall), "faint")]
        pieces += [column[row] for column in columns]
        lines.append(pieces)
    signs = [Piece(pad(bar.signs, each), "warn") for bar in shown]
    lines.append([Piece(" " * AXIS), *signs])
    lines.append([Piece(" " * AXIS), *_labels(shown, each, len(bars) - len(shown))])
    return lines


def _axis(row: int, tall: int) -> str:
    """100 at the top of the bars, 0 at the bottom, 50 between when there is a middle."""
    number = {1: "100", tall - 1: "0"}.get(row, "50" if tall >= 6 and row == tall // 2 else "")
    return f"{number:>{AXIS - 1}} "


def _column(bar: Bar, tall: int, each: int, parts: int) -> list[Piece]:
    """The cells of one bar from the top down, its value in the first free one above it."""
    wide = max(1, each - 1)
    blank = Piece(" " * each)
    if bar.value is None:
        return [blank] * (tall - 1) + [Piece(pad("–", each), "faint")]
    full, rest = divmod(round((tall - 1) * parts * max(0.0, min(100.0, bar.value)) / 100), parts)
    column = [Piece("█" * wide + " " * (each - wide), "bar")] * full
    if rest:
        column.append(Piece(EIGHTHS[rest] * wide + " " * (each - wide), "bar"))
    column.append(Piece(pad(f"{bar.value:.0f}", each)))
    column += [blank] * (tall - len(column))
    return column[::-1]


def _labels(shown: Sequence[Bar], each: int, left_out: int) -> list[Piece]:
    """As many labels as do not touch, the last one always."""
    longest = max(cells(bar.label) for bar in shown) + 1
    step = max(1, -(-longest // each))
    if step == 1:
        return [Piece(pad(bar.label, each), "dim") for bar in shown]
    width = each * len(shown)
    first = f"… {left_out} earlier, {shown[0].label}" if left_out else shown[0].label
    last = shown[-1].label
    if len(shown) == 1 or cells(first) + cells(last) + 1 > width:
        return [Piece(fit(first if len(shown) == 1 else last, max(width, cells(last))), "dim")]
    gap = " " * (width - cells(first) - cells(last))
    return [Piece(first, "dim"), Piece(gap), Piece(last, "dim")]

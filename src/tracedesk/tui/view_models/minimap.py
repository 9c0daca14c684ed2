"""The whole trace on one line: how much runs when, what went wrong, which part is on screen.

Each cell is as high as the spans that run in it, against the busiest cell. A cell in which
a span failed or a failed assertion points shows that instead of its height, so that neither
needs colour.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby
from math import ceil, floor
from operator import itemgetter

from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.activity import Activity
from tracedesk.tui.view_models.time_axis import FOLDED, Axis, stretches

HEIGHTS = "▁▂▃▄▅▆▇█"
ERROR, FAILURE = "✖", "✗"
LEFT, RIGHT = "[", "]"
"""What brackets the part on screen."""


def minimap(
    activity: Activity,
    whole: Axis,
    shown: Axis,
    errors: Sequence[int],
    failures: Sequence[int],
    width: int,
) -> list[Piece]:
    """``width`` cells over ``whole``; ``errors`` and ``failures`` are sorted moments at which
    spans that went wrong ended."""
    edges = _edges(whole, width)
    counts = [activity.running(start, max(end, start + 1)) for start, end in edges]
    most = max(counts, default=0)
    folded = frozenset(whole.folded_cells(width))
    cells: list[tuple[str, str]] = []
    for at, ((start, end), count) in enumerate(zip(edges, counts, strict=True)):
        last = end + 1 if at == width - 1 else end
        if _any(failures, start, last):
            cells.append((FAILURE, "bad"))
        elif _any(errors, start, last):
            cells.append((ERROR, "bad"))
        elif at in folded:
            cells.append((FOLDED, "faint"))
        elif count:
            cells.append((HEIGHTS[ceil(count * len(HEIGHTS) / most) - 1], "bar"))
        else:
            cells.append((" ", ""))
    if (shown.start_ns, shown.end_ns) != (whole.start_ns, whole.end_ns):
        cells = _bracketed(cells, whole, shown, width)
    return [
        Piece("".join(glyph for glyph, _ in run), role)
        for role, run in groupby(cells, key=itemgetter(1))
    ]


def _bracketed(
    cells: list[tuple[str, str]], whole: Axis, shown: Axis, width: int
) -> list[tuple[str, str]]:
    """What is not on screen grows faint, but for what went wrong; brackets around the rest."""
    first = min(floor(whole.at(shown.start_ns, width)), width - 2)
    last = min(max(first + 1, ceil(whole.at(shown.end_ns, width)) - 1), width - 1)
    bracketed = [
        (glyph, role if role == "bad" or first < at < last else "bar-faint")
        for at, (glyph, role) in enumerate(cells)
    ]
    bracketed[max(first, 0)] = (LEFT, "accent")
    bracketed[last] = (RIGHT, "accent")
    return bracketed


def _edges(whole: Axis, width: int) -> list[tuple[int, int]]:
    """From when until when each cell is, in nanoseconds."""
    found: list[tuple[int, int]] = []
    for part in stretches(whole, width):
        if part.first:  # the cell of the gap before
            found.append((found[-1][1], part.start_ns))
        room, length = part.last - part.first, part.end_ns - part.start_ns
        found += [
            (part.start_ns + length * n // room, part.start_ns + length * (n + 1) // room)
            for n in range(room)
        ]
    return found


def _any(moments: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(moments, start)
    return at < len(moments) and moments[at] < end

"""Where moments fall on a row of cells: bars with eighth-block ends, ticks at 1-2-5 values."""

from itertools import count
from math import floor

import msgspec

from tracedesk.tui import figures
from tracedesk.tui.text import cells

EIGHTHS = " ▏▎▍▌▋▊▉█"
THIN = "╎"
"""A span thinner than an eighth of a cell."""
RUNNING = "▒"
"""A span that has begun and not ended."""

MIN_TICK_CELLS = 9
"""Room for one tick and its label."""


class Bar(msgspec.Struct, frozen=True):
    """A bar: how many blank cells stand before it, and its glyphs."""

    offset: int
    glyphs: str


class Axis(msgspec.Struct, frozen=True):
    """The stretch of time that the bars show, in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        return max(1, self.end_ns - self.start_ns)

    def bar(self, start_ns: int | None, end_ns: int | None, width: int) -> Bar | None:
        """The bar of one span over ``width`` cells; None when it has no start."""
        if start_ns is None or width <= 0:
            return None
        scale = width / self.length_ns
        first = min(max((start_ns - self.start_ns) * scale, 0.0), float(width))
        if end_ns is None:
            offset = min(floor(first), width - 1)
            return Bar(offset, RUNNING * (width - offset))
        last = min(max((end_ns - self.start_ns) * scale, first), float(width))
        if last - first < 0.125:
            return Bar(min(floor(first), width - 1), THIN)
        return _blocks(first, last)

    def ticks(self, width: int) -> str:
        """Labels at round values over ``width`` cells: ``0s      5s      10s``."""
        step = round_step(self.length_ns * MIN_TICK_CELLS / max(width, 1))
        drawn = ""
        for number in count():
            at = round(number * step * width / self.length_ns)
            label = figures.duration(number * step).replace(".0s", "s")
            if at + cells(label) > width:
                break
            drawn += " " * (at - len(drawn)) + label
        return drawn + " " * (width - len(drawn))


def round_step(at_least_ns: float) -> int:
    """The smallest 1-2-5 step, in nanoseconds, that is not below ``at_least_ns``."""
    minute = 60_000_000_000
    if at_least_ns > 30_000_000_000:  # minutes and hours are round in sixties
        for minutes in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1440):
            if minutes * minute >= at_least_ns:
                return minutes * minute
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= at_least_ns:
                return digit * power
        power *= 10


def _blocks(first: float, last: float) -> Bar:
    """Glyphs from ``first`` to ``last``: half-cell steps on the left, eighths on the right."""
    left, right = floor(first), floor(last)
    into = first - left
    if left == right or (right == left + 1 and last == right):
        if into < 0.25:
            return Bar(left, EIGHTHS[max(1, round((last - left) * 8))])
        return Bar(left, "▐")
    head = "█" if into < 0.25 else "▐"
    if into >= 0.75:
        left, head = left + 1, "" if left + 1 >= right else "█"
    tail = EIGHTHS[round((last - right) * 8)].strip()
    full = max(0, right - left - len(head))
    glyphs = head + "█" * full + tail
    return Bar(left, glyphs or THIN)

"""Where moments fall on a row of cells: bars with eighth-block ends, ticks at 1-2-5 values.

Idle gaps that are folded take one whole cell each; everything between them shares the rest
in proportion, so a tick or a bar never stands where its moment is not.
"""

from functools import lru_cache
from itertools import pairwise
from math import floor

import msgspec

from tracedesk.query.text import duration_text
from tracedesk.tui import figures
from tracedesk.tui.text import cells

EIGHTHS = " ▏▎▍▌▋▊▉█"
THIN = "╎"
"""A span thinner than an eighth of a cell."""
RUNNING = "▒"
"""A span that has begun and not ended."""
FOLDED = "⋯"
"""The one cell of a folded idle gap."""
BEFORE, AFTER = "‹", "›"
"""A span that lies wholly left or right of the stretch on screen."""

MIN_TICK_CELLS = 8
"""Room for one tick and its label."""

GAP_CELLS = 8
"""Cells of a row for each gap that may be folded in it; the longest gaps come first."""

_SECOND, _MINUTE = 1_000_000_000, 60_000_000_000


class Bar(msgspec.Struct, frozen=True):
    """A bar: how many blank cells stand before it, and its glyphs."""

    offset: int
    glyphs: str


class Gap(msgspec.Struct, frozen=True):
    """A stretch of time in which nothing happens, in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns


class Stretch(msgspec.Struct, frozen=True):
    """Time between two folded gaps, and the whole cells that it takes."""

    start_ns: int
    end_ns: int
    first: int
    last: int
    """The cell after its last one; a folded gap stands there, or the row ends."""


class Axis(msgspec.Struct, frozen=True):
    """The stretch of time that the bars show, in nanoseconds since the epoch."""

    start_ns: int
    end_ns: int
    gaps: tuple[Gap, ...] = ()
    """Idle gaps to fold, in order, none overlapping."""
    zero_ns: int | None = None
    """The moment that ticks count from; None: the start."""

    @property
    def length_ns(self) -> int:
        return max(1, self.end_ns - self.start_ns)

    def at(self, ns: int, width: int) -> float:
        """Cells left of a moment on a row of ``width``; 0 or ``width`` when it lies outside."""
        if not self.gaps:
            return min(max((ns - self.start_ns) * width / self.length_ns, 0.0), float(width))
        for stretch in stretches(self, width):
            if ns <= stretch.end_ns:
                room = stretch.last - stretch.first
                length = max(1, stretch.end_ns - stretch.start_ns)
                into = max(0, ns - stretch.start_ns) * room / length
                # a moment inside the gap before stands in the middle of the gap's cell
                inside = stretch.first and ns < stretch.start_ns
                return stretch.first - 0.5 if inside else stretch.first + into
        return float(width)

    def folded_cells(self, width: int) -> tuple[int, ...]:
        """The cells of ``width`` that stand for a folded gap."""
        return tuple(s.last for s in stretches(self, width)[:-1]) if self.gaps else ()

    def bar(self, start_ns: int | None, end_ns: int | None, width: int) -> Bar | None:
        """The bar of one span over ``width`` cells; None when it has no start."""
        if start_ns is None or width <= 0:
            return None
        if start_ns > self.end_ns:
            return Bar(width - 1, AFTER)
        if self.gaps:
            first = self.at(start_ns, width)
            last = first if end_ns is None else max(first, self.at(end_ns, width))
        else:  # the same, without a call: bars are most of what painting a row costs
            scale = width / self.length_ns
            first = min(max((start_ns - self.start_ns) * scale, 0.0), float(width))
            end = start_ns if end_ns is None else end_ns
            last = min(max((end - self.start_ns) * scale, first), float(width))
        if end_ns is None:
            offset = min(floor(first), width - 1)
            return Bar(offset, RUNNING * (width - offset))
        if end_ns < self.start_ns and start_ns < self.start_ns:
            return Bar(0, BEFORE)
        if last - first < 0.125:
            return Bar(min(floor(first), width - 1), THIN)
        return _blocks(first, last)

    def ticks(self, width: int) -> str:
        """Labels at round values over ``width`` cells: ``0s      5s   ⋯41s⋯   50s``.

        A folded gap is labelled with what it hides, and no tick stands inside one.
        """
        drawn = [" "] * width
        parts = stretches(self, width)
        for before, after in pairwise(parts):
            hidden = figures.duration(after.start_ns - before.end_ns).replace(".0s", "s")
            label = f"{FOLDED}{hidden}{FOLDED}"
            if not _write(drawn, before.last - cells(label) // 2, label):
                drawn[before.last] = FOLDED
        shown = sum(part.end_ns - part.start_ns for part in parts)
        step = round_step(max(1, shown) * MIN_TICK_CELLS / max(width - len(parts) + 1, 1))
        zero = self.start_ns if self.zero_ns is None else self.zero_ns
        for part in parts:
            for each in (step, round_step(step / 4)):  # a short stretch has room for a finer one
                if self._write_ticks(drawn, part, zero, each):
                    break
        return "".join(drawn)

    def _write_ticks(self, drawn: list[str], part: Stretch, zero: int, step: int) -> bool:
        """Label the multiples of a step within a stretch; False when none found room."""
        first, last = -((zero - part.start_ns) // step), (part.end_ns - zero) // step
        moments = ((n * step, self.at(zero + n * step, len(drawn))) for n in range(first, last + 1))
        return sum(_write(drawn, round(at), tick_label(ns, step)) for ns, at in moments) > 0


@lru_cache(maxsize=64)
def stretches(axis: Axis, width: int) -> tuple[Stretch, ...]:
    """An axis cut at the gaps that ``width`` cells have room to fold: at least one stretch.

    Each stretch takes whole cells in proportion to its time, and one at least.
    """
    most = min(len(axis.gaps), width // GAP_CELLS)
    longest = sorted(axis.gaps, key=lambda gap: gap.length_ns, reverse=True)[:most]
    folded = sorted(longest, key=lambda gap: gap.start_ns)
    starts = [axis.start_ns, *(gap.end_ns for gap in folded)]
    ends = [*(gap.start_ns for gap in folded), axis.end_ns]
    busy = max(1, sum(ends) - sum(starts))
    room = width - len(folded)
    cut: list[Stretch] = []
    first = passed = 0
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        passed += end - start
        after = len(starts) - 1 - number  # stretches and gaps to come, a cell each at least
        last = round(passed * room / busy) + number
        last = width if not after else min(max(last, first + 1), width - 2 * after)
        cut.append(Stretch(start, end, first, last))
        first = last + 1
    return tuple(cut)


def tick_label(ns: int, step_ns: int) -> str:
    """A moment as exact as its step, so that no two ticks read alike: ``12.05s``, ``3ms``."""
    if not ns:
        return "0"
    for unit, name in ((_SECOND, "s"), (1_000_000, "ms"), (1_000, "µs")):
        if abs(ns) >= unit and step_ns < min(unit, _SECOND) and ns % unit:
            digits = next(d for d in range(1, 10) if step_ns * 10**d % unit == 0)
            return f"{ns / unit:.{digits}f}{name}"
    return duration_text(ns / 1e6).replace(".0s", "s")


def round_step(at_least_ns: float) -> int:
    """The smallest 1-2-5 step, in nanoseconds, that is not below ``at_least_ns``."""
    if at_least_ns > 30_000_000_000:  # minutes and hours are round in sixties
        for minutes in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1440):
            if minutes * _MINUTE >= at_least_ns:
                return minutes * _MINUTE
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= at_least_ns:
                return digit * power
        power *= 10


def _write(drawn: list[str], at: int, label: str) -> bool:
    """Put a label on a row where there is room, a blank on either side of it."""
    end = at + cells(label)
    if at < 0 or end > len(drawn) or any(c != " " for c in drawn[max(0, at - 1) : end + 1]):
        return False
    drawn[at:end] = label
    return True


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

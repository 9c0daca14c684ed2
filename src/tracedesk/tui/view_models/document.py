"""A text of any size in lines of one width, laid out only around where it is read.

Rows are pieces ``[start, end)`` of the text. A block of them is known at a time; it grows at its
ends, and starts anew where a jump leads out of it. Offsets are characters, from 0.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise

from rich.cells import get_character_cell_size

from tracedesk.tui.text import cells, plain

BLOCK_ROWS = 400
"""Rows laid out at a time: some screens of them, about 2 ms."""

TAB = 4
"""Cells of a tab, wherever it stands."""

BACK_CHARS = 40_000
"""Characters laid out at a time above what is known, begun at a line break where there is one."""

LINE_CHARS = 2_000
"""A line break is looked for so far back; without one, laying out begins in mid-line."""

SEARCH_CHARS = 500_000
"""Characters searched without a look at whether the search is still wanted: about 10 ms."""

_BREAKS = re.compile(r"[\n\r\t]|[^ -~]")
"""What makes a row anything but its own characters."""


class TextDocument:
    """Rows of a text; see the module."""

    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self.width = max(width, 4)
        self.starts: list[int] = [0]
        """Where the known rows start, in order, and where the last of them ends."""
        self.grow_down()

    # -- what is known -----------------------------------------------------------------

    @property
    def rows(self) -> int:
        """How many rows are known."""
        return len(self.starts) - 1

    @property
    def above(self) -> int:
        """Characters above the known rows."""
        return self.starts[0]

    @property
    def below(self) -> int:
        """Characters below the known rows."""
        return len(self.text) - self.starts[-1]

    def row(self, at: int) -> str:
        """One known row, as it is shown."""
        return self._shown(self.starts[at], self.starts[at + 1])

    def row_at(self, offset: int) -> int:
        """The row that holds an offset, laid out for it when it is far away."""
        if not self.starts[0] <= offset < max(self.starts[-1], 1):
            self._begin_at(offset)
        return max(0, min(bisect_right(self.starts, offset) - 1, self.rows - 1))

    def offset_of(self, at: int) -> int:
        """Where a known row starts."""
        return self.starts[max(0, min(at, self.rows))]

    # -- growing -----------------------------------------------------------------------

    def grow_down(self, rows: int = BLOCK_ROWS) -> int:
        """Lay out rows below what is known; returns how many."""
        at, end = self.starts[-1], len(self.text)
        before = len(self.starts)
        for _ in range(rows):
            if at >= end:
                break
            at = self._end_of_row(at)
            self.starts.append(at)
        return len(self.starts) - before

    def grow_up(self) -> int:
        """Lay out rows above what is known; returns how many."""
        end = self.starts[0]
        if not end:
            return 0
        at = self._line_start(max(0, end - BACK_CHARS))
        starts = []
        while at < end:
            starts.append(at)
            at = min(self._end_of_row(at), end)
        self.starts[:0] = starts
        return len(starts)

    def _begin_at(self, offset: int) -> None:
        self.starts = [self._line_start(max(0, min(offset, len(self.text)) - BACK_CHARS // 4))]
        while self.starts[-1] <= offset and self.grow_down():
            pass

    def _line_start(self, offset: int) -> int:
        """The beginning of the line at an offset; the offset itself where that is far."""
        found = self.text.rfind("\n", max(0, offset - LINE_CHARS), offset)
        if found >= 0:
            return found + 1
        return 0 if offset <= LINE_CHARS else offset

    # -- one row -------------------------------------------------------------------------

    def _end_of_row(self, start: int) -> int:
        """Where the row that starts here ends: at a line break, or where it is full."""
        piece = self.text[start : start + self.width + 1]
        broken = piece.find("\n")
        line = piece if broken < 0 else piece[:broken]
        if not _BREAKS.search(line):
            if len(line) <= self.width:
                return start + len(line) + (broken >= 0)
            blank = line.rfind(" ", 1, self.width + 1)
            return start + (blank + 1 if blank > 0 else self.width)
        return self._end_of_odd_row(start, line, broken >= 0)

    def _end_of_odd_row(self, start: int, line: str, broken: bool) -> int:
        """The same where characters are wider or narrower than one cell."""
        used = 0
        for at, char in enumerate(line):
            wide = TAB if char == "\t" else _cells_of(char)
            if char == "\r" and broken and at == len(line) - 1:
                break
            if used + wide > self.width and at:
                return start + at
            used += wide
        return start + len(line) + broken

    def _shown(self, start: int, end: int) -> str:
        text = self.text[start:end].removesuffix("\n").removesuffix("\r")
        return plain(text.replace("\t", " " * TAB))

    # -- searching -----------------------------------------------------------------------

    def find(
        self, wanted: str, start: int, step: int, cancelled: Callable[[], bool] = lambda: False
    ) -> int | None:
        """Offset of the next (1) or previous (-1) place that holds a text, from an offset on,
        letter case apart, going round once; None when there is none or it was cancelled."""
        pattern = re.compile(re.escape(wanted), re.IGNORECASE)
        for low, high in self._slices(start, step):
            if cancelled():
                return None
            found = _first_or_last(pattern, self.text, low, high + len(wanted) - 1, step)
            if found is not None:
                return found
        return None

    def _slices(self, start: int, step: int) -> Iterator[tuple[int, int]]:
        """The whole text in slices: from ``start`` to its end, then from its beginning."""
        size = len(self.text)
        start = max(0, min(start, size))
        ranges = [(start, size), (0, start)]
        if step < 0:
            ranges = [(0, start), (start, size)]
        for low, high in ranges:
            cuts = list(pairwise([*range(low, high, SEARCH_CHARS), high]))
            yield from cuts if step > 0 else reversed(cuts)


def _cells_of(char: str) -> int:
    """Cells of one character as it is shown."""
    return get_character_cell_size(char) if char.isprintable() else cells(plain(char))


def _first_or_last(
    pattern: re.Pattern[str], text: str, low: int, high: int, step: int
) -> int | None:
    if step > 0:
        found = pattern.search(text, low, high)
        return None if found is None else found.start()
    last = None
    for match in pattern.finditer(text, low, high):
        last = match.start()
    return last

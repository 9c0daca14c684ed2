"""Numbers in their order, taken from either end; most are added in that order.

Eight bytes each, and neither end costs more when a million wait.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

_FEW = 32
"""So many that do not come in order are put into their places one by one; of more, all are sorted
anew."""


class Line:
    """Not for two threads at once. A number that is added twice may be there twice."""

    def __init__(self) -> None:
        self._numbers = array("q")
        """In order from ``_begin`` on; what is before was taken."""
        self._begin = 0
        self._strays: list[int] = []
        """Numbers that have yet to be put into their places."""

    def add(self, number: int) -> None:
        numbers = self._numbers
        if len(numbers) > self._begin and number <= numbers[-1]:
            if number != numbers[-1]:
                self._strays.append(number)
        else:
            numbers.append(number)

    def clear(self) -> None:
        self._numbers, self._begin, self._strays = array("q"), 0, []

    def pop_last(self) -> int | None:
        """The highest number, removed; None when there is none."""
        if self._strays:
            self._order()
        if len(self._numbers) > self._begin:
            return self._numbers.pop()
        if self._begin:
            self.clear()
        return None

    def first(self, limit: int) -> Sequence[int]:
        """The lowest numbers, in order; at most so many."""
        self._order()
        return self._numbers[self._begin : self._begin + limit]

    def drop_first(self, count: int, kept: Sequence[int]) -> None:
        """Remove so many of what ``first`` gave just now, but for those ``kept``, which are given
        in order."""
        self._begin += count - len(kept)
        self._numbers[self._begin : self._begin + len(kept)] = array("q", kept)
        if self._begin > len(self._numbers) // 2:
            del self._numbers[: self._begin]
            self._begin = 0

    def from_last(self) -> Iterator[int]:
        """From the highest down. Add and remove nothing meanwhile."""
        self._order()
        return (self._numbers[at] for at in range(len(self._numbers) - 1, self._begin - 1, -1))

    def _order(self) -> None:
        strays, self._strays = self._strays, []
        if len(strays) > _FEW:
            left = self._numbers[self._begin :]
            self._numbers, self._begin = array("q", sorted({*left, *strays})), 0
            return
        for number in strays:
            at = bisect_left(self._numbers, number, self._begin)
            if at == len(self._numbers) or self._numbers[at] != number:
                insort(self._numbers, number, self._begin)

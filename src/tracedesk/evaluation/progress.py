"""How far the evaluator is: counted in pairs of trace and case, timed from their cause."""

import time

import msgspec
from msgspec.structs import replace


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """For the header and the drawer: ``3 of 1,240 re-evaluated, 6 ms``."""

    done: int = 0
    """Pairs evaluated in the present run."""
    total: int = 0
    """Pairs of the present run; 0 when there is none."""
    last_count: int = 0
    """Pairs evaluated because of the last save that was done with; traces that came meanwhile or
    later do not count."""
    last_ms: float = 0.0
    """From that save to its last verdict."""
    pairs: int = 0
    """All pairs of stored traces and the cases that concern them."""
    paused: bool = False
    trouble: str = ""
    """Why nothing can be evaluated just now, in words; blank when all is well."""

    @property
    def busy(self) -> bool:
        return self.done < self.total


class Run:
    """The run that is going on. Changed by one thread, ``progress`` is read by any."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._saved: float | None = None
        """When the save was that is not done with yet."""
        self._ended = 0.0
        self._count = 0
        """What was evaluated because of it."""

    def save(self, cause: float) -> None:
        """Other case files apply; ``cause`` is a time of ``time.perf_counter``."""
        self._saved = self._ended = cause
        self._count = 0

    def expect(self, pairs: int) -> None:
        """So many more pairs are to be evaluated; fewer when negative."""
        if pairs:
            self.progress = replace(self.progress, total=self.progress.total + pairs)

    def did(self, pairs: int, expected: int, *, saved: bool) -> None:
        """Some pairs were evaluated, of which ``expected`` had been announced. ``saved``: because
        of the last save, and not of what came since."""
        now = self.progress
        if saved:
            self._count += pairs
            self._ended = time.perf_counter()
        self.progress = replace(now, done=now.done + pairs, total=now.total + pairs - expected)

    def know(self, pairs: int) -> None:
        """The number of all pairs has changed by so many."""
        if pairs:
            self.progress = replace(self.progress, pairs=self.progress.pairs + pairs)

    def tell(self, *, paused: bool, trouble: str) -> None:
        """What holds the run up."""
        now = self.progress
        if (now.paused, now.trouble) != (paused, trouble):
            self.progress = replace(now, paused=paused, trouble=trouble)

    def finish(self) -> None:
        """Nothing is left to do: what was done because of a save is told as the last one."""
        now = self.progress
        if self._saved is not None:
            took_ms = (self._ended - self._saved) * 1e3
            now = replace(now, last_count=self._count, last_ms=took_ms)
            self._saved = None
        self.progress = replace(now, done=0, total=0)

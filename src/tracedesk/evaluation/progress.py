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
    """Pairs evaluated in the last finished run."""
    last_ms: float = 0.0
    """From its cause, a saved file or a new trace, to its last verdict."""
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
        self._began: float | None = None
        self._ended = 0.0

    def begin(self, cause: float) -> None:
        """Something is to be evaluated; ``cause`` is a time of ``time.perf_counter``."""
        if self._began is None:
            self._began = cause

    def expect(self, pairs: int) -> None:
        """So many more pairs are to be evaluated; fewer when negative."""
        if pairs:
            self.progress = replace(self.progress, total=self.progress.total + pairs)

    def did(self, pairs: int, expected: int) -> None:
        """Some pairs were evaluated, of which ``expected`` had been announced."""
        now = self.progress
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
        """Nothing is left to do: what was done becomes the last run."""
        now = self.progress
        if self._began is not None and now.done:
            took_ms = (self._ended - self._began) * 1e3
            now = replace(now, last_count=now.done, last_ms=took_ms)
        self._began = None
        self.progress = replace(now, done=0, total=0)

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


class _Save:
    """What was done since case files were saved."""

    def __init__(self, cause: float) -> None:
        self._cause = cause
        self._all = self._edited = 0, cause

    def did(self, pairs: int, *, edited: bool) -> None:
        at = time.perf_counter()
        self._all = self._all[0] + pairs, at
        if edited:
            self._edited = self._edited[0] + pairs, at

    def told(self) -> tuple[int, float]:
        """Pairs and milliseconds: of traces whose results it changed; where there were none, as
        when files are loaded before any trace, of all."""
        count, ended = self._edited if self._edited[0] else self._all
        return count, (ended - self._cause) * 1e3


class Run:
    """The run that is going on. Changed by one thread, ``progress`` is read by any."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._save: _Save | None = None

    def save(self, cause: float) -> None:
        """Other case files apply; ``cause`` is a time of ``time.perf_counter``."""
        self._save = _Save(cause)

    def expect(self, pairs: int) -> None:
        """So many more pairs are to be evaluated; fewer when negative."""
        if pairs:
            self.progress = replace(self.progress, total=self.progress.total + pairs)

    def did(self, pairs: int, expected: int, *, edited: bool) -> None:
        """Some pairs were evaluated, of which ``expected`` had been announced. ``edited``: of a
        revision of which results were known."""
        now = self.progress
        if self._save is not None:
            self._save.did(pairs, edited=edited)
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
        if self._save is not None:
            last_count, last_ms = self._save.told()
            now = replace(now, last_count=last_count, last_ms=last_ms)
            self._save = None
        self.progress = replace(now, done=0, total=0)

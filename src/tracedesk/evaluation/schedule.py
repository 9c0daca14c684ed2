"""Which trace is evaluated next: the open one, what is on screen, then the newest.

Traces whose sender may not be done (OTLP) wait until they have been quiet long enough.
Owned by the evaluator's thread; nothing here locks.
"""

import heapq
import math
from collections.abc import Callable, Iterable

from tracedesk.evaluation.memo import Entry, code_of


class Schedule:
    """A set of entries with an order. An entry is in it at most once."""

    def __init__(self) -> None:
        self._waiting: dict[int, Entry] = {}
        """By the codes of their traces."""
        self._newest: list[tuple[int, int]] = []
        self._quiet: list[tuple[int, int]] = []
        self._first: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._waiting)

    def prefer(self, ids: Iterable[str]) -> None:
        """Ids to be taken before all others, the most urgent first."""
        self._first = tuple(dict.fromkeys(map(code_of, ids)))

    def add(self, entry: Entry) -> None:
        """Have an entry evaluated, when it is ready."""
        known = entry.code in self._waiting
        self._waiting[entry.code] = entry
        if entry.ready_ns:
            heapq.heappush(self._quiet, (entry.ready_ns, entry.code))
        elif not known:
            heapq.heappush(self._newest, (-entry.number, entry.code))

    def discard(self, entry: Entry) -> None:
        self._waiting.pop(entry.code, None)

    def drop_ready(self, now_ns: int) -> list[Entry]:
        """Take out every entry that is ready; returned."""
        ready = [entry for entry in self._waiting.values() if entry.ready_ns <= now_ns]
        for entry in ready:
            self.discard(entry)
        self._newest.clear()
        return ready

    def hasten(self, latest_ns: int) -> None:
        """Have no entry become ready later than this."""
        for entry in self._waiting.values():
            if entry.ready_ns > latest_ns:
                entry.ready_ns = latest_ns
                heapq.heappush(self._quiet, (latest_ns, entry.code))

    def take(self, now_ns: int) -> Entry | None:
        """The next entry that is ready, removed; None when there is none."""
        self._release(now_ns)
        for code in self._first:
            entry = self._waiting.get(code)
            if entry is not None and entry.ready_ns <= now_ns:
                return self._waiting.pop(code)
        while self._newest:
            _, code = heapq.heappop(self._newest)
            entry = self._waiting.get(code)
            if entry is not None and entry.ready_ns <= now_ns:
                return self._waiting.pop(code)
        if not self._waiting:
            self._waiting.clear()  # else it keeps the room of the longest line there ever was
        return None

    def take_last(self, limit: int, fits: Callable[[Entry], bool], now_ns: int) -> list[Entry]:
        """Ready entries from the far end of the line that fit, removed; at most so many. Looks at
        no more than twice as many."""
        self._release(now_ns)
        self._newest.sort()  # a sorted list is a heap, and so is one without its last items
        taken: list[Entry] = []
        passed: list[tuple[int, int]] = []
        for _ in range(2 * limit):
            if not self._newest or len(taken) == limit:
                break
            item = self._newest.pop()
            entry = self._waiting.get(item[1])
            if entry is None or entry.ready_ns > now_ns:
                continue  # evaluated out of turn, or waiting to be quiet
            if entry.code not in self._first and fits(entry):
                taken.append(self._waiting.pop(entry.code))
            else:
                passed.append(item)
        self._newest += reversed(passed)
        return taken

    def following(self, limit: int) -> list[Entry]:
        """The entries that will be taken next if nothing more urgent comes, at most so many."""
        taken: list[tuple[int, int]] = []
        found: list[Entry] = []
        while self._newest and len(found) < limit:
            item = heapq.heappop(self._newest)
            entry = self._waiting.get(item[1])
            if entry is not None:
                taken.append(item)
                found.append(entry)
        for item in taken:
            heapq.heappush(self._newest, item)
        return found

    def _release(self, now_ns: int) -> None:
        """Move entries that have been quiet long enough into the line."""
        while self._quiet and self._quiet[0][0] <= now_ns:
            _, code = heapq.heappop(self._quiet)
            entry = self._waiting.get(code)
            if entry is not None and entry.ready_ns <= now_ns:
                heapq.heappush(self._newest, (-entry.number, code))

    def rest_s(self, now_ns: int) -> float:
        """Seconds until the next waiting entry becomes ready; without end when none will."""
        while self._quiet:
            ready_ns, code = self._quiet[0]
            entry = self._waiting.get(code)
            if entry is not None and entry.ready_ns == ready_ns:
                return max(0.0, (ready_ns - now_ns) / 1e9)
            heapq.heappop(self._quiet)
        return math.inf

"""Which trace is evaluated next: the open one, what is on screen, then the newest.

Traces whose sender may not be done (OTLP) wait until they have been quiet long enough.
Owned by the evaluator's thread; nothing here locks.
"""

import heapq
import math
from collections.abc import Callable, Iterable

from tracedesk.evaluation.line import Line
from tracedesk.evaluation.memo import Entry, code_of
from tracedesk.store.values import number_of


class Schedule:
    """A set of entries with an order. An entry is in it at most once."""

    def __init__(self) -> None:
        self._waiting: dict[int, Entry] = {}
        """By the numbers of their traces."""
        self._line = Line()
        """The numbers of those that need not be quiet, and of some that are gone."""
        self._quiet: list[tuple[int, int]] = []
        self._first: dict[int, int] = {}
        """Code and number of those that come before all others."""
        self._urgent = False
        """Some of those may be ready."""

    def __len__(self) -> int:
        return len(self._waiting)

    def prefer(self, ids: Iterable[str]) -> None:
        """Ids to be taken before all others, the most urgent first."""
        self._first = {code_of(trace_id): number_of(trace_id) for trace_id in ids}
        self._urgent = True

    def add(self, entry: Entry) -> None:
        """Have an entry evaluated, when it is ready."""
        number = entry.number
        known = number in self._waiting
        self._waiting[number] = entry
        self._urgent = self._urgent or entry.code in self._first
        if entry.ready_ns:
            heapq.heappush(self._quiet, (entry.ready_ns, number))
        elif not known:
            self._line.add(number)

    def discard(self, entry: Entry) -> None:
        self._waiting.pop(entry.number, None)

    def drop_ready(self, now_ns: int) -> list[Entry]:
        """Take out every entry that is ready; returned."""
        ready = [entry for entry in self._waiting.values() if entry.ready_ns <= now_ns]
        for entry in ready:
            self.discard(entry)
        self._line.clear()
        return ready

    def hasten(self, latest_ns: int) -> None:
        """Have no entry become ready later than this."""
        for number, entry in self._waiting.items():
            if entry.ready_ns > latest_ns:
                entry.ready_ns = latest_ns
                heapq.heappush(self._quiet, (latest_ns, number))

    def take(self, now_ns: int) -> Entry | None:
        """The next entry that is ready, removed; None when there is none."""
        self._release(now_ns)
        if self._urgent:
            for code, number in self._first.items():
                entry = self._waiting.get(number)
                if entry is not None and entry.code == code and entry.ready_ns <= now_ns:
                    return self._waiting.pop(number)
            self._urgent = False
        while (last := self._line.pop_last()) is not None:
            entry = self._waiting.get(last)
            if entry is not None and entry.ready_ns <= now_ns:
                return self._waiting.pop(last)
        if not self._waiting:
            self._waiting.clear()  # else it keeps the room of the longest line there ever was
        return None

    def take_last(self, limit: int, fits: Callable[[Entry], bool], now_ns: int) -> list[Entry]:
        """Ready entries from the far end of the line that fit, removed; at most so many. Looks at
        no more than twice as many."""
        self._release(now_ns)
        taken: list[Entry] = []
        passed: list[int] = []
        looked_at = 0
        for number in self._line.first(2 * limit):
            if len(taken) == limit:
                break
            looked_at += 1
            entry = self._waiting.get(number)
            if entry is None or entry.ready_ns > now_ns:
                continue  # evaluated out of turn, or waiting to be quiet
            if entry.code not in self._first and fits(entry):
                taken.append(self._waiting.pop(number))
            else:
                passed.append(number)
        self._line.drop_first(looked_at, passed)
        return taken

    def following(self, limit: int) -> list[Entry]:
        """The entries that will be taken next if nothing more urgent comes, at most so many."""
        found: list[Entry] = []
        for number in self._line.from_last():
            entry = self._waiting.get(number)
            if entry is not None:
                found.append(entry)
                if len(found) == limit:
                    break
        return found

    def _release(self, now_ns: int) -> None:
        """Move entries that have been quiet long enough into the line."""
        while self._quiet and self._quiet[0][0] <= now_ns:
            _, number = heapq.heappop(self._quiet)
            entry = self._waiting.get(number)
            if entry is not None and entry.ready_ns <= now_ns:
                self._line.add(number)
                self._urgent = self._urgent or entry.code in self._first

    def rest_s(self, now_ns: int) -> float:
        """Seconds until the next waiting entry becomes ready; without end when none will."""
        while self._quiet:
            ready_ns, number = self._quiet[0]
            entry = self._waiting.get(number)
            if entry is not None and entry.ready_ns == ready_ns:
                return max(0.0, (ready_ns - now_ns) / 1e9)
            heapq.heappop(self._quiet)
        return math.inf

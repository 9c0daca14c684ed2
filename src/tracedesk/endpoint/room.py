"""How many bytes of request bodies the endpoint holds at once, over all connections.

A large body claims its bytes before most of them are received (over gRPC: before it is
decoded), in order of arrival, and gives them back with its reply. So a hundred clients with
30 MB each need no 3 GB: most wait, unread, in the sockets.
"""

import threading
from collections import deque
from collections.abc import Callable

SMALL = 64 * 1024
"""Bodies of at most so many bytes claim nothing, and wait for nobody."""
INFLATES_MOST = 1032
"""A gzipped byte becomes at most so many."""


class Claim:
    """Some bytes: wished for, then granted, then given back."""

    __slots__ = ("granted", "size", "wake")

    def __init__(self, size: int, wake: Callable[[], object]) -> None:
        self.size = size
        self.wake = wake
        """Called when a claim that had to wait is granted, in the thread that made room for it;
        may not claim or give back by itself."""
        self.granted = False


class Room:
    """``limit`` bytes, shared by all threads. Whatever its size, a claim is granted when nothing
    else is held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: deque[Claim] = deque()

    @property
    def crowded(self) -> bool:
        """Does anybody wait?"""
        return bool(self._waiting)

    def claim(self, size: int, wake: Callable[[], object]) -> Claim:
        """A claim, granted at once where there is room and nobody waits; else it is in line."""
        claim = Claim(size, wake)
        with self._lock:
            if not self._waiting and self._fits(claim):
                self._grant(claim)
            else:
                self._waiting.append(claim)
        return claim

    def give_back(self, claim: Claim) -> None:
        """End a claim, granted or not, and let in whoever waits."""
        with self._lock:
            if claim.granted:
                claim.granted = False
                self._used -= claim.size
            elif claim in self._waiting:
                self._waiting.remove(claim)
            while self._waiting and self._fits(self._waiting[0]):
                following = self._waiting.popleft()
                self._grant(following)
                following.wake()

    def _fits(self, claim: Claim) -> bool:
        return not self._used or self._used + claim.size <= self._limit

    def _grant(self, claim: Claim) -> None:
        claim.granted = True
        self._used += claim.size

"""How a busy thread leaves room for keys and senders: it lets go of the interpreter often.

A thread that waits for the interpreter's lock is otherwise served after five milliseconds
at best, and again and again.
"""

import time

WORK_S = 0.004
"""Work between two breaths."""

BREATH_S = 0.000_1
"""Long enough that whoever waits gets the lock; a sleep of nothing would keep it."""


class Breath:
    """The rhythm of one thread."""

    def __init__(self) -> None:
        self._taken = time.perf_counter()

    def take(self) -> None:
        """Let others work for a moment, if it is time."""
        if time.perf_counter() - self._taken >= WORK_S:
            time.sleep(BREATH_S)
            self._taken = time.perf_counter()

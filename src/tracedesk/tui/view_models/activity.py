"""When a trace was at work: how many spans ran at a moment, and where none did.

Starts and ends are two sorted arrays, each by itself. As many spans run at a moment as have
begun and not ended by then, so both questions are answered by looking two numbers up.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import sub

from tracedesk.tui.view_models.time_axis import Axis, Gap

IDLE_SHARE = 0.05
"""Of the trace's time, from which a gap is long enough to be folded."""


class Activity:
    """The spans that work, which is all but those that only hold others.

    A root or an agent with spans below it runs while nothing happens; any other span counts
    as work, waiting included, so that no time a span claims for itself is ever folded.
    """

    def __init__(self, starts: Sequence[int] = (), ends: Sequence[int] = ()) -> None:
        """Times are nanoseconds, one pair a span; a span without a length counts as
        one nanosecond."""
        self.ends = array("q", sorted(map(max, map((1).__add__, starts), ends)))
        self.starts = array("q", sorted(starts))

    def gaps(self, whole: Axis, share: float = IDLE_SHARE) -> tuple[Gap, ...]:
        """Gaps longer than a share of the trace in which nothing works; none in a trace in
        which nothing does."""
        if not self.starts:
            return ()
        least = whole.length_ns * share
        until = array("q", [whole.start_ns, *self.ends])
        again = array("q", [*self.starts, whole.end_ns])
        if max(map(sub, again, until)) <= least:
            return ()
        return tuple(Gap(a, b) for a, b in zip(until, again, strict=True) if b - a > least)

    def running(self, start_ns: int, end_ns: int) -> int:
        """How many spans run at some time from ``start_ns`` to before ``end_ns``."""
        return bisect_left(self.starts, end_ns) - bisect_right(self.ends, start_ns)

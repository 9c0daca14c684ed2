"""When a trace was at work: how many spans ran at a moment, and where none did.

Starts and ends are two sorted arrays, each by itself. As many spans run at a moment as have
begun and not ended by then, so both questions are answered by looking two numbers up.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import floor
from operator import le

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
        if any(map(le, ends, starts)):
            ends = list(map(max, map((1).__add__, starts), ends))
        self.ends = array("q", sorted(ends))
        self.starts = array("q", sorted(starts))

    def gaps(self, whole: Axis, share: float = IDLE_SHARE) -> tuple[Gap, ...]:
        """Gaps longer than a share of the trace in which nothing works; none in a trace in
        which nothing does. Asks at moments so far apart that each such gap holds one."""
        if not self.starts:
            return ()
        least = whole.length_ns * share
        found: list[Gap] = []
        for moment in range(whole.start_ns, whole.end_ns, floor(least) + 1):
            begun = bisect_right(self.starts, moment)
            if bisect_right(self.ends, moment) < begun:
                continue
            since = self.ends[begun - 1] if begun else whole.start_ns
            until = self.starts[begun] if begun < len(self.starts) else whole.end_ns
            if until - since > least and (not found or found[-1].start_ns < since):
                found.append(Gap(since, until))
        return tuple(found)

    def running(self, start_ns: int, end_ns: int) -> int:
        """How many spans run at some time from ``start_ns`` to before ``end_ns``."""
        return bisect_left(self.starts, end_ns) - bisect_right(self.ends, start_ns)

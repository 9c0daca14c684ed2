"""How a span's times stand to its parent's: before it, beyond it, or backwards.

Clocks that disagree are flagged; a child that outlives its parent is what asynchronous code
does, and only said. Within a millisecond nothing is said: that is how exact some senders are.
"""

import msgspec

from tracedesk.model.tree import ROOT
from tracedesk.store.sketched import NO_TIME
from tracedesk.tui import figures
from tracedesk.tui.view_models.span_tree import SpanRows

SLACK_NS = 1_000_000


class Timing(msgspec.Struct, frozen=True):
    """What is to be said of a span's times."""

    note: str = ""
    short: str = ""
    skewed: bool = False
    """True when two clocks disagree."""
    late_ns: int | None = None
    """The parent's end, where the span went on after it."""


NOTHING = Timing()


def timing(rows: SpanRows, row: int) -> Timing:
    """How a row stands to its parent in time."""
    starts, ends = rows.columns.starts, rows.columns.ends
    start, end = starts[row], ends[row]
    if start == NO_TIME:
        return NOTHING
    if end != NO_TIME and end < start:
        return Timing(f"ends {figures.duration(start - end)} before it starts", "skew", True)
    above = rows.tree.parent[row]
    if above == ROOT:
        return NOTHING
    begun, done = starts[above], ends[above]
    if begun - SLACK_NS <= start and end <= done:
        return NOTHING
    if begun != NO_TIME and start < begun - SLACK_NS:
        return Timing(f"starts {figures.duration(begun - start)} before its parent", "skew", True)
    if done == NO_TIME or done < begun:
        return NOTHING
    if start > done + SLACK_NS:
        late = figures.duration(start - done)
        return Timing(f"starts {late} after its parent ended", f"+{late}", late_ns=done)
    if end > done + SLACK_NS:
        late = figures.duration(end - done)
        return Timing(f"outlives its parent by {late}", f"+{late}", late_ns=done)
    return NOTHING

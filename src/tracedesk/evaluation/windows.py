"""Which results of the history are looked at: those in a window.

A trace counts at the time it happened, not when it was last evaluated: saving a case file
evaluates old traces again and must not move them to today. What an earlier revision of a trace
was judged to be is left out, since that trace is no longer there.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from tracedesk.model.execution import CaseRecord, Execution
from tracedesk.query.filter import FilterError, parse_filter
from tracedesk.query.filter_terms import Moment

Result = tuple[Execution, CaseRecord]
"""One case on one trace, with the facts of the execution that found it."""

ALL = "all"
PRESETS = ("24h", "7d", "30d", ALL)
"""The windows that a key walks through."""

PRESET_TITLES = {"24h": "last 24 h", "7d": "last 7 d", "30d": "last 30 d", ALL: "all time"}

DAY_NS = 86_400_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What a result must be to be counted; None leaves a thing open. Times are nanoseconds
    since the epoch."""

    since_ns: int | None = None
    until_ns: int | None = None
    """Exclusive."""
    agent_id: str | None = None
    version: str | None = None
    """``metadata.version``; blank is a trace that states none."""
    environment: str | None = None
    traces: frozenset[str] | None = None
    """Ids of the traces that a filter found."""

    def holds(self, execution: Execution) -> bool:
        """True when the trace of an execution lies in the window."""
        at = time_of(execution)
        return (
            (self.since_ns is None or at >= self.since_ns)
            and (self.until_ns is None or at < self.until_ns)
            and self.agent_id in (None, execution.agent_id)
            and self.version in (None, execution.version)
            and self.environment in (None, execution.environment)
            and (self.traces is None or execution.trace in self.traces)
        )


def time_of(execution: Execution) -> int:
    """When the trace happened, as far as is known; else when it was first looked at."""
    return execution.started_ns if execution.clock_ns is None else execution.clock_ns


def age_order(execution: Execution) -> tuple[int, int, int]:
    """Sorts executions of one trace from old to new; a clock may have been set back meanwhile."""
    return (execution.revision, execution.number, execution.started_ns)


def since_ns(text: str, now_ns: int) -> int | None:
    """``24h``, ``7d``, ``2w``, a date or a date and time as nanoseconds since the epoch; None
    for ``all``. Raises ValueError in words for people."""
    if text.strip().lower() == ALL:
        return None
    try:
        (term,) = parse_filter(f'since:"{text.strip()}"').terms
        (moment,) = term.values
    except (FilterError, ValueError) as fault:
        raise ValueError(f"{text!r} is no time: say 24h, 7d, 2w, 2026-03-01 or {ALL}") from fault
    assert isinstance(moment, Moment)
    return moment.ns(now_ns)


def before(since: int, now_ns: int) -> tuple[int, int]:
    """The window of equal length that ends where the one from ``since`` until now begins."""
    return since - (now_ns - since), since


def day_of(ns: int) -> int:
    """The day, counted from 1970 in UTC."""
    return ns // DAY_NS


def day_text(day: int) -> str:
    """``2026-03-01``; a day that no calendar has by its number."""
    try:
        return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"
    except OverflowError:
        return f"day {day}"

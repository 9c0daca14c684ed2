"""What is kept and what goes: the oldest traces first, in slices so small that whatever is
being received hardly waits (``[retention]`` in ``tracedesk.toml``).

Every limit holds by itself, so the tightest one decides. The newest trace is never removed
for its size: a limit below one trace still shows what arrived last. By age something goes only
when the clock can be believed, which is for the caller to find out (``vouched_for``).
"""

import sqlite3
import time

import msgspec

from tracedesk.model.limits import Limits
from tracedesk.store.removal import delete_traces

SLICE_TRACES = 50
SLICE_SPANS = 5_000
"""Most that one transaction removes; a single trace may have more spans."""
SLICE_PAGES = 500
"""Pages given back to the disk by one transaction: 2 MB, a few milliseconds."""
SPARE_BYTES = 8 * 2**20
"""Free pages are kept up to this and an eighth of the rest: the next traces need them."""
DAY_NS = 86_400 * 10**9
TRIED_NS = 3_600 * 10**9
"""For so long a clock must have told of these days before it is believed."""
LATELY_NS = 2 * DAY_NS
MEGABYTE = 10**6


class Holdings(msgspec.Struct, frozen=True):
    """How much there is. Sizes are bytes."""

    traces: int
    used: int
    """Pages with something on them; what ``megabytes`` limits."""
    free: int
    """Pages inside the file that the next traces will fill."""
    oldest_ns: int | None


_OLD = (
    "SELECT number, span_count FROM trace WHERE updated_ns < :before AND number <"
    " ifnull((SELECT number FROM trace WHERE received_ns BETWEEN :before AND :now ORDER BY number"
    " LIMIT 1), 9223372036854775807) ORDER BY number"
)
"""Numbers follow the order of arrival, so the rows that are looked at are the old ones. What was
received while the clock was ahead says nothing of what came after it."""
_LATELY = "SELECT 1 FROM trace WHERE received_ns BETWEEN ? AND ? ORDER BY number DESC LIMIT 1"
_OLDEST = "SELECT number, span_count FROM trace ORDER BY number LIMIT ?"


def holdings(connection: sqlite3.Connection) -> Holdings:
    """How much the database holds."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    count = connection.execute("SELECT count(*) FROM trace").fetchone()[0]
    oldest = connection.execute("SELECT received_ns FROM trace ORDER BY number LIMIT 1").fetchone()
    return Holdings(count, (pages - free) * size, free * size, oldest[0] if oldest else None)


def excess(
    connection: sqlite3.Connection, limits: Limits, now_ns: int | None = None
) -> dict[str, int]:
    """How many traces each limit wants removed by now; limits that hold are left out. For
    ``megabytes`` it is an estimate by the mean size of a trace."""
    found = {}
    held = holdings(connection)
    if limits.days is not None:
        found["days"] = connection.execute(
            f"SELECT count(*) FROM ({_OLD})", _times(limits.days, now_ns)
        ).fetchone()[0]
    if limits.traces is not None:
        found["traces"] = held.traces - limits.traces
    if limits.megabytes is not None and held.traces > 1:
        over = held.used - limits.megabytes * MEGABYTE
        share = -(-over * held.traces // held.used)
        found["megabytes"] = min(int(share), held.traces - 1)
    return {limit: count for limit, count in found.items() if count > 0}


def _times(days: float, now_ns: int | None) -> dict[str, int]:
    now = time.time_ns() if now_ns is None else now_ns
    return {"now": now, "before": now - round(days * DAY_NS)}


def vouched_for(connection: sqlite3.Connection, days: float, now_ns: int) -> bool:
    """Whether a clock that says this may be believed because of what was received by it: a trace
    at least ``TRIED_NS`` ago and yet lately, by half the age limit at most. One that leapt ahead
    is vouched for by nothing, not even by what arrives after the leap."""
    since = now_ns - min(LATELY_NS, round(days * DAY_NS / 2))
    return connection.execute(_LATELY, (since, now_ns - TRIED_NS)).fetchone() is not None


def remove_slice(connection: sqlite3.Connection, limits: Limits, now_ns: int | None = None) -> int:
    """Remove some of the oldest traces beyond the limits, inside a writer's transaction;
    returns how many, 0 when all limits hold."""
    wanted = excess(connection, limits, now_ns)
    old: list[tuple[int, int]] = []
    if "days" in wanted:
        assert limits.days is not None
        times = _times(limits.days, now_ns)
        old = connection.execute(f"{_OLD} LIMIT {SLICE_TRACES}", times).fetchall()
    elif wanted:
        most = min(max(wanted.values()), SLICE_TRACES)
        old = connection.execute(_OLDEST, (most,)).fetchall()
    slice_: list[int] = []
    spans = 0
    for number, span_count in old:
        spans += span_count
        if slice_ and spans > SLICE_SPANS:
            break
        slice_.append(number)
    return delete_traces(connection, slice_, "retention") if slice_ else 0


def give_back(connection: sqlite3.Connection) -> int:
    """Give some of the pages that removed traces left back to the disk, inside a writer's
    transaction; returns how many, 0 when few are free or the file is one that cannot."""
    held = holdings(connection)
    if held.free <= SPARE_BYTES + held.used // 8:
        return 0
    before = connection.execute("PRAGMA freelist_count").fetchone()[0]
    connection.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()
    after = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return int(before - after)

"""The thread that keeps a workspace within its ``[retention]`` limits.

Only the desk that owns the endpoint runs it. It looks at the start, then whenever the
database changed, at most every ``GROWN_S``, and once in ``AGED_S`` because time passes. Its
deletions are jobs of the one writer, between which received traces have their turn.

By age nothing goes before the clock has told of these days for an hour, as this process or what
was received lately knows: a clock that starts in, or leaps to, another year costs no trace.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from tracedesk.model.limits import Limits
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.retention import TRIED_NS, give_back, remove_slice, vouched_for

log = logging.getLogger(__name__)

GROWN_S = 5.0
AGED_S = 60.0
LEAP_NS = 600 * 10**9
"""By more than this no clock drifts between two looks: it was set, or the machine slept."""


class Keeper:
    """Removes what is beyond the limits for as long as it runs. ``passed_s`` counts the seconds
    that really pass."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        passed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._limits = limits
        self._clock = _Clock(now_ns, passed_s)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless there is nothing to limit."""
        if self._limits:
            self._thread = threading.Thread(
                target=self._run, name="tracedesk-retention", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the slice at hand. May be called twice, or before ``start``."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        seen, looked = -1, float("-inf")
        while not self._stopping.is_set():
            try:
                revision = self._store.revision()
                if revision != seen or time.monotonic() - looked >= AGED_S:
                    looked = time.monotonic()
                    self.enforce()
                    seen = self._store.revision()
            except StoreError as fault:
                log.warning("retention waits for the database: %s", fault)
            self._stopping.wait(GROWN_S)

    def enforce(self) -> int:
        """Remove everything beyond the limits now; returns how many traces. Raises StoreError."""
        removed = self._repeat(self._job_removing)
        self._repeat(lambda: self._store.writer.run(give_back).result())
        if removed:
            log.info("retention removed %d traces", removed)
        return removed

    def _job_removing(self) -> int:
        now_ns, steady = self._clock.look()

        def remove(connection: sqlite3.Connection) -> int:
            limits = self._limits
            days = limits.days
            if days is not None and not (steady or vouched_for(connection, days, now_ns)):
                limits = replace(limits, days=None)
            return remove_slice(connection, limits, now_ns)

        return self._store.writer.run(remove).result()

    def _repeat(self, job: Callable[[], int]) -> int:
        """Run a job until it has nothing left to do, resting as long as it took each time."""
        done = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            count = job()
            if not count:
                break
            done += count
            self._stopping.wait(time.monotonic() - begun)
        return done


class _Clock:
    """The wall clock, and whether it has run without a leap for ``TRIED_NS``."""

    def __init__(self, now_ns: Callable[[], int], passed_s: Callable[[], float]) -> None:
        self._now_ns, self._passed_s = now_ns, passed_s
        self._steady_from_s = passed_s()
        self._lead_ns = now_ns() - round(self._steady_from_s * 1e9)

    def look(self) -> tuple[int, bool]:
        """What time it is, and whether that can be believed."""
        now_ns, passed_s = self._now_ns(), self._passed_s()
        lead_ns = now_ns - round(passed_s * 1e9)
        if abs(lead_ns - self._lead_ns) > LEAP_NS:
            self._steady_from_s = passed_s
            log.info("the clock leapt; nothing is removed by age until it is tried")
        self._lead_ns = lead_ns
        return now_ns, (passed_s - self._steady_from_s) * 1e9 >= TRIED_NS

"""The thread that keeps a workspace within its ``[retention]`` limits.

Only the desk that owns the endpoint runs it. It looks at the start, then whenever the
database changed, at most every ``GROWN_S``, and once in ``AGED_S`` because time passes. Its
deletions are jobs of the one writer, between which received traces have their turn.
"""

import logging
import threading
import time
from collections.abc import Callable

from tracedesk.model.limits import Limits
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.retention import give_back, remove_slice

log = logging.getLogger(__name__)

GROWN_S = 5.0
AGED_S = 60.0


class Keeper:
    """Removes what is beyond the limits for as long as it runs."""

    def __init__(
        self, store: Store, limits: Limits, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._store = store
        self._limits = limits
        self._now_ns = now_ns
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
        limits, now_ns = self._limits, self._now_ns()
        return self._store.writer.run(lambda db: remove_slice(db, limits, now_ns)).result()

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

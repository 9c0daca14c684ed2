"""What was read of traces, on its way into the store: written when there is nothing more urgent.

Only the evaluator's thread uses it. It is an index: what cannot be written is let go, and read
again when it is needed.
"""

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.readings import KeptReading

log = logging.getLogger(__name__)

HELD = 2_000
"""Readings held while the store is busy, some megabyte; the oldest of more are let go."""

BATCH = 200
"""Readings written together: a few milliseconds of the writer's time."""


class Keeping:
    """Readings that wait to be written to ``store``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: deque[KeptReading] = deque(maxlen=HELD)
        self._written: Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Everything is written, or was let go."""
        return not self._held and (self._written is None or self._written.done())

    def add(self, readings: Sequence[KeptReading]) -> None:
        self._held.extend(readings)

    def write(self) -> None:
        """Hand a batch to the writer, unless it still has the last one."""
        if self._written is not None:
            if not self._written.done():
                return
            if (fault := self._written.exception()) is not None:
                log.debug("readings could not be kept: %s", fault)
            self._written = None
        if not self._held:
            return
        batch = [self._held.popleft() for _ in range(min(BATCH, len(self._held)))]
        try:
            self._written = self._store.writer.keep_readings(batch)
        except StoreError as fault:  # the store is closed
            log.debug("readings could not be kept: %s", fault)

"""The thread that keeps the trees of large traces, so that they open at once.

Only the desk that owns the endpoint runs it. It keeps what was made to open a trace, and makes
those of traces that nobody opened once they have come to rest: never while much arrives, one
after the other, and resting as long as each took. What the database held before is left to
whoever opens it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.sketched import Sketch
from tracedesk.store.sketching import make_sketch
from tracedesk.store.values import number_of

log = logging.getLogger(__name__)

KEPT_FROM = 20_000
"""Spans from which a tree is kept; one of fewer is made in less than a tenth of a second."""

LOOK_S = 5.0
"""Between two looks."""

REST_S = 50e-6
"""A trace is at rest when it did not change for this long for each of its spans, and at least from
one look to the next. To make its tree takes a tenth of that, so one that grows forever costs no
more than as much of the time."""

CALM = 50
"""Changes between two looks beyond which nothing is made."""


class SketchKeeper:
    """Keeps sketches for as long as it runs. Thread-safe."""

    def __init__(
        self, store: Store, *, look_s: float = LOOK_S, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._look_s = look_s
        self._now_s = now_s
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._made: deque[tuple[str, Sketch]] = deque()
        self._thread: threading.Thread | None = None
        self._done = 0
        """Every change up to this sequence was seen to."""
        self._last = 0
        """Sequence of the newest change at the last look."""
        self._first_seen: dict[int, float] = {}
        """When each change was seen first after which no tree was made yet, by sequence."""
        self._seen: int | None = None
        """Revision of the database at the last look."""

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="tracedesk-sketches", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is at, a second or two for a million spans, and after what
        was taken is kept. May be called twice, or before ``start``."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def take(self, trace_id: str, sketch: Sketch) -> None:
        """Keep a sketch that was made to open its trace; never waits."""
        if len(sketch) >= KEPT_FROM:
            self._made.append((trace_id, sketch))
            self._woken.set()

    def _run(self) -> None:
        due, stopping = 0.0, False
        while not stopping:
            stopping = self._stopping.is_set()
            begun = time.monotonic()
            try:
                while self._made:
                    self._store.sketches.keep(*self._made.popleft()).result()
                if begun >= due and not stopping:
                    self._look_if_changed()
            except StoreError as fault:
                if not self._stopping.is_set():
                    log.warning("the tree of a trace could not be kept: %s", fault)
                self._done = self._last  # else the same would be tried again and again
            now = time.monotonic()
            if begun >= due:
                due = now + max(self._look_s, now - begun)
            if not stopping and self._woken.wait(due - now):
                self._woken.clear()

    def _look_if_changed(self) -> None:
        revision = self._store.revision()
        if self._seen is None:
            self._done = self._last = self._store.sketches.last_sequence()
        elif revision != self._seen or self._done < self._last:
            self.look()
        self._seen = revision

    def look(self) -> int:
        """Make and keep the sketch of one trace that is at rest; how many more are to come.
        Raises StoreError."""
        sketches, now = self._store.sketches, self._now_s()
        before, self._last = self._last, sketches.last_sequence()
        wanted = sketches.wanted(self._done, KEPT_FROM)
        seen = {each.sequence: self._first_seen.get(each.sequence, now) for each in wanted}
        self._first_seen = seen
        for each in wanted if self._last - before <= CALM else ():
            if now - seen[each.sequence] >= max(self._look_s, REST_S * each.spans):
                sketch = make_sketch(self._query, number_of(each.id), each.id)
                if sketch is not None:
                    sketches.keep(each.id, sketch).result()
                wanted.remove(each)
                break
        self._done = wanted[0].sequence - 1 if wanted else self._last
        return len(wanted)

    def _query(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        if self._stopping.is_set():
            raise StoreError("the desk is being stopped")
        return self._store.query(statement, values)

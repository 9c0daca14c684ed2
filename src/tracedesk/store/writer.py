"""Whatever changes a database goes through here: bounded queue, group commit, reply after commit.

Whoever is told that something is stored is told so after its transaction was committed. A
thread of its own does what is queued, and no failure ends it. While it has nothing to do, the
server stores what is small at once on its own thread: handing it over, and with every
statement the interpreter lock, back and forth, costs as much again as storing it.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from tracedesk.model.execution import Execution
from tracedesk.store.errors import Busy, StoreError, explain
from tracedesk.store.executions import save
from tracedesk.store.incoming import Incoming, Receipt
from tracedesk.store.ledger import Tally
from tracedesk.store.packing import Packed, pack
from tracedesk.store.pen import Notes, Pen, is_lock
from tracedesk.store.readings import KeptReading, keep_readings
from tracedesk.store.rows import Summary
from tracedesk.store.values import clean
from tracedesk.store.work import Done, Work, fulfil, settle

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_SUBMITS = 100
"""Most submits of one transaction; a longer one would make every client of it wait."""
QUEUE_SUBMITS = 1_000
QUEUE_BYTES = 128 * 2**20
"""The queue is full beyond either bound. One submit of any size always fits an empty one."""
HERE_BYTES = 1 * 2**20
"""More than this is not stored on the server's thread: it takes about 20 ms."""
RECORD_S = 1.0
"""How long executions wait while there is anything else to write."""
QUIET_S = 0.05
"""Nothing else is to be written when the server has stored nothing for so long."""

_SAVE_SUMMARY = (
    "UPDATE trace SET read_revision = ?, status = ?, duration_ms = ?, tokens = ?,"
    " response = ?, input = ? WHERE number = ? AND revision = ?"
)


class Writer:
    """Hands work to whoever holds the pen. All methods may be called from any thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Takes over ``connection`` and starts the thread."""
        self._path = path
        self._notes = Notes()
        self._pen = Pen(connection, path, self._notes)
        self._lock = threading.Lock()
        self._works: deque[Work] = deque()
        self._later: deque[tuple[float, Work]] = deque()
        """What is written when nothing else is, and the time when it is written all the same."""
        self._more = threading.Condition(self._lock)
        """Told when there is something to do for the thread."""
        self._queued_bytes = 0
        self._waiting: deque[Callable[[], object]] = deque()
        self._stopped = False
        self._stored_here = 0.0
        """When a server last stored something on its own thread."""
        self._thread = threading.Thread(target=self._run, name="tracedesk-writer", daemon=True)
        self._thread.start()

    # -- for callers -------------------------------------------------------------------

    def submit(self, items: Sequence[Incoming], patience_s: float = 5.0) -> "Future[list[Receipt]]":
        """Queue traces to be stored together or not at all; the future is done after the
        commit, or fails with StoreError. Raises Busy when the queue stays full for
        ``patience_s`` seconds."""
        future: Future[list[Receipt]] = Future()
        work = Work(items, None, fulfil(future), None)
        if not self._offer(work):
            room, end = threading.Event(), time.monotonic() + patience_s
            self._wait_for_room(room.set)
            while not self._offer(work):
                if not room.wait(max(0.0, end - time.monotonic())):
                    raise Busy
                room.clear()
                self._wait_for_room(room.set)
        return future

    async def store(self, items: Sequence[Incoming], patience_s: float = 5.0) -> list[Receipt]:
        """``submit`` for a coroutine: returns after the commit. Raises Busy and StoreError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Receipt]] = loop.create_future()
        work = Work(items, None, fulfil(future), loop)
        if not self._offer(work):
            try:
                await asyncio.wait_for(self._offer_later(work, loop), patience_s)
            except TimeoutError:
                raise Busy from None
        return await future

    def post(self, submits: Sequence[tuple[Sequence[Incoming], Done]]) -> int:
        """``store`` for callers that cannot wait: store them now if that takes but a moment, else
        queue as many as there is room for, in their order; returns how many. Each ``Done`` is
        called on the running loop, with receipts and error, after the commit. Raises StoreError
        when the store is closed."""
        loop = asyncio.get_running_loop()
        works = [Work(items, None, done, loop) for items, done in submits]
        if self._store_here(works):
            return len(works)
        taken = 0
        with self._lock:
            self._check_open()
            for work in works:
                if not self._has_room(work):
                    break
                self._works.append(work)
                self._queued_bytes += work.size
                taken += 1
            self._more.notify()  # last, for the thread can do nothing before the lock is free
        return taken

    def run(self, job: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Queue a function that changes the database inside the writer's transaction. It may
        run twice (the first time rolled back), and must not begin or end a transaction."""
        future: Future[T] = Future()
        with self._lock:
            self._check_open()
            self._enqueue(Work(None, job, fulfil(future), None))
        return future

    def summaries(self, summaries: Sequence[Summary]) -> "Future[None]":
        """Write back what readings say. A summary of a revision that is no longer stored is
        dropped. No ``sequence`` changes: nothing was accepted."""
        rows = []
        for summary in summaries:
            number, revision, *read = map(clean, msgspec.structs.astuple(summary))
            rows.append((revision, *read, number, revision))

        def save(connection: sqlite3.Connection) -> None:
            connection.executemany(_SAVE_SUMMARY, rows)

        return self.run(save)

    def record(self, executions: Sequence[Execution]) -> "Future[None]":
        """``record_packed`` of executions that are packed on the calling thread."""
        return self.record_packed([pack(execution) for execution in executions])

    def record_packed(self, packed: Sequence[Packed]) -> "Future[None]":
        """Keep executions, in this order, when there is nothing more urgent to write. Those of
        traces that are deleted by then are dropped."""
        return self._run_later(partial(save, packed=packed))

    def keep_readings(self, kept: Sequence[KeptReading]) -> "Future[None]":
        """Keep readings, when there is nothing more urgent to write."""
        return self._run_later(partial(keep_readings, kept=kept))

    def _run_later(self, job: Callable[[sqlite3.Connection], None]) -> "Future[None]":
        future: Future[None] = Future()
        with self._lock:
            self._check_open()
            work = Work(None, job, fulfil(future), None)
            self._later.append((time.monotonic() + RECORD_S, work))
            self._more.notify()
        return future

    def note(
        self,
        agent_id: str,
        event: str,
        code: str,
        *,
        count: int = 1,
        size: int = 0,
        message: str = "",
    ) -> None:
        """Count in the ledger what is not stored (see ``ledger.Entry``): with the next commit,
        or within ``NOTES_S``. Never waits; after ``stop`` it does nothing."""
        noted = Tally()
        noted.add(agent_id, event, code, count, size, time.time_ns(), message)
        with self._lock:
            if not self._stopped:
                first = not self._notes
                self._notes.keep(noted)
                if first:
                    self._more.notify()

    def stop(self) -> None:
        """Store what was accepted, then end the thread and close its connection."""
        with self._lock:
            self._stopped = True
            self._more.notify()
        self._thread.join()

    # -- the queue ---------------------------------------------------------------------

    @property
    def _queued(self) -> int:
        return len(self._works)

    def _check_open(self) -> None:
        if self._stopped:
            raise StoreError("the store is closed", "Nothing of this was stored.")

    def _offer(self, work: Work) -> bool:
        """Queue the work unless the queue is full."""
        with self._lock:
            self._check_open()
            if not self._has_room(work):
                return False
            self._enqueue(work)
            return True

    def _has_room(self, work: Work) -> bool:
        return not self._works or (
            len(self._works) < QUEUE_SUBMITS and self._queued_bytes + work.size <= QUEUE_BYTES
        )

    def _enqueue(self, work: Work) -> None:
        self._works.append(work)
        self._queued_bytes += work.size
        self._more.notify()

    def _wait_for_room(self, wake: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.append(wake)
            if not self._works:
                self._waiting.remove(wake)
                wake()

    async def _offer_later(self, work: Work, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            room = loop.create_future()
            self._wait_for_room(partial(loop.call_soon_threadsafe, _wake, room))
            await room
            if self._offer(work):
                return

    # -- the thread --------------------------------------------------------------------

    def _run(self) -> None:
        open_ = True
        while open_:
            works, open_ = self._take()
            if works or (self._notes and (not open_ or self._notes.due_s == 0)):
                self._store(works)
                settle(works)
        if self._notes:
            log.warning("counts of refused requests could not be written")
        with self._pen as pen:
            pen.close()

    def _take(self) -> tuple[list[Work], bool]:
        """Whatever is queued, at most ``BATCH_SUBMITS``, and whether more may come; waits for
        the first only, and not beyond the time when notes or executions are due."""
        with self._lock:
            while not (self._works or self._stopped or (due_s := self._due_s()) == 0):
                self._more.wait(due_s)
            works = [self._works.popleft() for _ in range(min(len(self._works), BATCH_SUBMITS))]
            if self._later and (not works or self._later[0][0] <= time.monotonic()):
                works.append(self._later.popleft()[1])
            waiting = self._make_room(works)
            open_ = bool(self._works or self._later) or not self._stopped
        _wake_all(waiting)
        return works, open_

    def _take_traces(self) -> list[Work]:
        """All queued traces; jobs stay queued."""
        with self._lock:
            works = [work for work in self._works if work.items is not None]
            self._works = deque(work for work in self._works if work.items is None)
            waiting = self._make_room(works)
        _wake_all(waiting)
        return works

    def _make_room(self, works: list[Work]) -> list[Callable[[], object]]:
        """Count works as taken; returns who waited for it."""
        self._queued_bytes -= sum(work.size for work in works)
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def _due_s(self) -> float | None:
        """Seconds until notes or executions must be written; None when there are none."""
        due = [] if (notes_due_s := self._notes.due_s) is None else [notes_due_s]
        if self._later:
            now = time.monotonic()
            due += [max(0.0, min(self._later[0][0], self._stored_here + QUIET_S) - now)]
        return min(due, default=None)

    def _store(self, works: list[Work]) -> None:
        try:
            with self._pen as pen:
                pen.write(works)
        except Exception as error:  # another program holds the database
            works += self._take_traces()  # they have waited as long, and would wait again
            for work in works:
                work.error = explain(error, self._path)

    # -- the thread of a server --------------------------------------------------------

    def _store_here(self, works: list[Work]) -> bool:
        """Store these on the calling thread and tell who waits, unless that takes long or others
        are before them."""
        if self._works or sum(work.size for work in works) > HERE_BYTES or not self._pen.take():
            return False
        try:
            if self._stopped:
                return False
            self._stored_here = time.monotonic()
            self._pen.write(works, patient=False)
        except Exception as error:
            if not is_lock(error):
                raise
            return False
        finally:
            self._pen.give_back()
            if self._notes:  # put back, and due at another time than the thread knows of
                with self._lock:
                    self._more.notify()
        for work in works:
            work.settle()
        return True


def _wake_all(waiting: list[Callable[[], object]]) -> None:
    for wake in waiting:
        with contextlib.suppress(RuntimeError):  # its loop is gone
            wake()


def _wake(room: "asyncio.Future[None]") -> None:
    if not room.done():
        room.set_result(None)

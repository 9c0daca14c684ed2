"""What waits for the writer: one submit each, and who is told what became of it."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeAlias

from tracedesk.store.batch import Batch
from tracedesk.store.errors import StoreError
from tracedesk.store.incoming import Incoming

log = logging.getLogger(__name__)

Done: TypeAlias = Callable[[Any, StoreError | None], None]
"""Told of the result after the commit, or of the error."""


class Work:
    """One submit: traces to store, or a function to run, and who waits for it."""

    __slots__ = ("done", "error", "items", "job", "loop", "result", "size")

    def __init__(
        self,
        items: Sequence[Incoming] | None,
        job: Callable[[sqlite3.Connection], Any] | None,
        done: Done,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.items = items
        self.job = job
        self.done = done
        self.loop = loop
        """Where ``done`` is called; None: on the writer's thread."""
        self.size = len(items[0].body) if items else 0
        self.result: Any = ()
        self.error: StoreError | None = None

    def apply(self, batch: Batch) -> None:
        """Do it, inside the transaction of a batch."""
        if self.items is not None:
            self.result = batch.add(self.items)
        elif self.job is not None:
            batch.flush()
            self.result = self.job(batch.connection)

    def settle(self) -> None:
        """Tell whoever waits; never raises."""
        try:
            self.done(self.result, self.error)
        except Exception:
            log.exception("nobody could be told that a submit was settled")


def fulfil(future: "Future[Any] | asyncio.Future[Any]") -> Done:
    """Settles a future, unless its waiter has stopped waiting."""

    def done(result: Any, error: StoreError | None) -> None:
        with contextlib.suppress(InvalidStateError, asyncio.InvalidStateError):
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

    return done


def settle(works: Sequence[Work]) -> None:
    """Wake every waiter; each event loop is woken once for all of its works."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Work]] = {}
    for work in works:
        if work.loop is None:
            work.settle()
        else:
            by_loop.setdefault(work.loop, []).append(work)
    for loop, group in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
            loop.call_soon_threadsafe(_settle_all, group)


def _settle_all(works: Sequence[Work]) -> None:
    for work in works:
        work.settle()

"""What is small is stored on the server's own thread, whenever nobody else writes."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tracedesk.store import Incoming, Receipt, Store, StoreError, connections, pen, writer
from tracedesk.testing import make_span, make_trace

Make = Callable[..., Incoming]


class Told:
    """Who waits for a submit that is posted."""

    def __init__(self) -> None:
        self.receipts: Sequence[Receipt] = ()
        self.error: StoreError | None = None
        self.thread: threading.Thread | None = None
        self.done = asyncio.Event()

    def __call__(self, receipts: Sequence[Receipt], error: StoreError | None) -> None:
        self.receipts, self.error, self.thread = receipts, error, threading.current_thread()
        self.done.set()


def post(store: Store, *items: Incoming) -> list[Told]:
    told = [Told() for _ in items]
    taken = store.writer.post([([item], each) for item, each in zip(items, told, strict=True)])
    assert taken == len(items)
    return told


async def until_told(told: Sequence[Told]) -> None:
    await asyncio.wait_for(asyncio.gather(*(each.done.wait() for each in told)), 10)


async def test_what_is_small_is_stored_before_the_post_returns(store: Store, incoming: Make):
    told = post(store, incoming(), incoming())
    assert all(each.done.is_set() for each in told)
    assert [each.receipts[0].number for each in told] == [1, 2]
    assert store.count() == 2


async def test_while_another_writes_it_is_queued(store: Store, incoming: Make):
    begun, gate = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    job = store.writer.run(hold)
    begun.wait(10)
    told = post(store, incoming())
    assert not told[0].done.is_set()
    gate.set()
    await until_told(told)
    job.result(10)
    assert store.count() == 1


async def test_what_is_large_is_left_to_the_other_thread(
    store: Store, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "HERE_BYTES", 10)
    told = post(store, incoming(body=b"x" * 11))
    assert not told[0].done.is_set()
    await until_told(told)
    assert store.count() == 1


async def test_for_another_program_only_the_other_thread_waits(store: Store, incoming: Make):
    """The server goes on answering; nothing is lost, and nothing stored twice."""
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = post(store, incoming())
    assert not told[0].done.is_set(), "the post returns at once"
    other.execute("COMMIT")
    other.close()
    await until_told(told)
    assert told[0].error is None
    assert store.count() == 1


async def test_a_lock_that_lasts_is_said(
    store: Store, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "LOCK_PATIENCE_S", 0.05)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = post(store, incoming())
    await until_told(told)
    assert "locked by another program" in str(told[0].error)
    other.execute("ROLLBACK")
    other.close()
    assert post(store, incoming())[0].error is None, "and it is survived"


async def test_a_bad_submit_fails_alone_here_too(store: Store, incoming: Make):
    bad = incoming(make_trace(make_span("r", "Root")), mode="replace")
    bad.trace.metadata = {"at": object()}
    good, failed, last = post(store, incoming(), bad, incoming())
    assert (good.error, last.error) == (None, None)
    assert failed.error is not None
    assert store.count() == 2


async def test_after_the_end_nothing_is_taken(store: Store, incoming: Make):
    store.writer.stop()
    with pytest.raises(StoreError, match="closed"):
        store.writer.post([([incoming()], Told())])


async def test_refusals_are_counted_with_the_next_commit(store: Store, incoming: Make):
    store.writer.note("agent-1", "refused", "INVALID_BODY")
    post(store, incoming())
    rows: list[tuple[Any, ...]] = store.query("SELECT event, count FROM ledger ORDER BY event")
    assert rows == [("accepted", 1), ("refused", 1)]


async def test_refusals_that_a_failed_commit_left_are_counted_all_the_same(
    store: Store, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    """They were due while the commit had them, and nothing comes after it that would wake the
    other thread."""
    monkeypatch.setattr(pen, "NOTES_S", 0.02)
    check, failing = pen.Pen._check_there, [1, 2]

    def fail(held: pen.Pen) -> None:
        if not failing:
            return check(held)
        failing.pop()
        threading.Event().wait(0.1)  # meanwhile they are due
        raise StoreError("the database is gone", "")

    monkeypatch.setattr(pen.Pen, "_check_there", fail)
    store.writer.note("agent-1", "refused", "INVALID_BODY")
    (told,) = post(store, incoming())
    assert told.error is not None
    end = time.monotonic() + 5
    while not store.query("SELECT 1 FROM ledger WHERE event = 'refused'"):
        assert time.monotonic() < end, "never written"
        await asyncio.sleep(0.01)


async def test_executions_come_after_what_a_server_stores(
    store: Store, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    """They would take the pen from it for each of them."""
    monkeypatch.setattr(writer, "QUIET_S", 30)
    post(store, incoming())
    recorded = store.writer.record_packed([])
    post(store, incoming())
    assert not recorded.done()
    recorded.result(writer.RECORD_S + 10)

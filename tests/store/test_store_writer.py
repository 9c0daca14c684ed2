"""Accepted means committed: modes, atomicity, neighbours in a batch, failures and recovery."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tracedesk.model.trace import Status
from tracedesk.store import Busy, Incoming, Receipt, Store, StoreError, connections, writer
from tracedesk.store.removal import delete_traces
from tracedesk.testing import make_span, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


class Gate:
    """Holds the writer inside a job until it is opened."""

    def __init__(self, store: Store) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()
        self.done = store.writer.run(self._hold)
        self._reached.wait(10)

    def _hold(self, _: sqlite3.Connection) -> None:
        self._reached.set()
        self._opened.wait(10)

    def open(self) -> None:
        self._opened.set()
        self.done.result(10)


@pytest.fixture
def gate(store: Store) -> Gate:
    return Gate(store)


def table_count(store: Store, table: str) -> int:
    count: int = store.query(f"SELECT count(*) FROM {table}")[0][0]
    return count


def test_create_makes_a_new_trace_each_time(store: Store, incoming: Make, keep: Keep):
    first, second = keep(incoming(external_id="same"), incoming(external_id="same"))
    assert first.created
    assert second.created
    assert first.id != second.id
    assert [row.external_id for row in store.rows()] == ["same", "same"]


def test_replace_keeps_id_number_and_birth_and_replaces_all_else(
    store: Store, incoming: Make, keep: Keep
):
    old = make_trace(make_span("r", "V1"), make_span("c", "Child", "r", status=Status.ERROR))
    (first,) = keep(incoming(old, external_id="chat", mode="replace", received_ns=100))
    (other,) = keep(incoming(external_id="else", mode="replace"))
    new = make_trace(make_span("q", "V2"))
    (second,) = keep(
        incoming(new, external_id="chat", mode="replace", received_ns=200, body=b"new")
    )
    assert (second.id, second.number, second.created) == (first.id, first.number, False)
    assert (second.revision, second.created_ns, second.updated_ns) == (2, 100, 200)
    row = store.row(first.id)
    assert row is not None
    assert (row.name, row.span_count, row.error_count, row.revision) == ("V2", 1, 0, 2)
    assert [span.span_id for span in store.spans(first.id)] == ["q"]
    assert [request.body for request in store.requests(first.id)] == [b"new"]
    assert table_count(store, "request") == 3, "the replaced one is kept as a revision"
    assert [row.id for row in store.rows()] == [other.id, first.id], "its place is kept"


def test_the_external_id_is_unique_per_agent_only(store: Store, incoming: Make, keep: Keep):
    keep(
        incoming(external_id="1", mode="replace", agent_id="a"),
        incoming(external_id="1", mode="replace", agent_id="b"),
        incoming(external_id="1", mode="replace", agent_id="a"),
    )
    assert sorted((row.agent_id, row.revision) for row in store.rows()) == [("a", 2), ("b", 1)]


def test_one_request_that_brought_several_traces_is_stored_once(
    store: Store, incoming: Make, keep: Keep
):
    body = b"shared"
    first, second = keep(incoming(body=body, resources=(0,)), incoming(body=body, resources=(1, 2)))
    assert table_count(store, "request") == 1
    assert store.requests(second.id)[0].resources == (1, 2)
    store.writer.run(lambda connection: delete_traces(connection, [first.number])).result()
    assert store.row(first.id) is None
    assert store.requests(second.id)[0].body == body, "the other trace still has it"
    store.writer.run(lambda connection: delete_traces(connection, [second.number])).result()
    assert {table: table_count(store, table) for table in ("request", "part", "span")} == {
        "request": 0,
        "part": 0,
        "span": 0,
    }


def test_numbers_are_never_used_again(store: Store, incoming: Make, keep: Keep):
    (first,) = keep(incoming())
    store.writer.run(lambda connection: delete_traces(connection, [first.number])).result()
    (second,) = keep(incoming())
    assert second.number == first.number + 1


def test_whatever_is_queued_is_committed_together(store: Store, incoming: Make, gate: Gate):
    before = store.revision()
    futures = [store.writer.submit([incoming()]) for _ in range(50)]
    gate.open()
    for future in futures:
        future.result(10)
    assert store.count() == 50
    assert store.revision() <= before + 2, "the gate's commit and one more"


@pytest.mark.parametrize("rows", [1, 2, 7, 63, 64, 65, 200])
def test_traces_of_any_size_are_stored_whole(store: Store, incoming: Make, keep: Keep, rows: int):
    spans = [make_span(f"s{i}", f"step {i}", f"s{i - 1}" if i else None) for i in range(rows)]
    (receipt,) = keep(incoming(make_trace(*spans)))
    assert [span.name for span in store.spans(receipt.id)] == [span.name for span in spans]


def test_a_bad_submit_fails_alone(store: Store, incoming: Make, gate: Gate):
    bad = incoming()
    bad.trace.spans[0].span_id = object()  # type: ignore[assignment]
    futures = [store.writer.submit([item]) for item in (incoming(), bad, incoming())]
    gate.open()
    assert futures[0].result(10)
    assert futures[2].result(10)
    with pytest.raises(StoreError):
        futures[1].result(10)
    assert store.count() == 2


def test_a_submit_is_stored_whole_or_not_at_all(store: Store, incoming: Make, keep: Keep):
    bad = incoming()
    bad.trace.spans[0].span_id = object()  # type: ignore[assignment]
    with pytest.raises(StoreError):
        keep(incoming(), bad)
    assert store.count() == 0
    assert table_count(store, "request") == 0


def test_values_that_sqlite_cannot_hold_are_mended(store: Store, incoming: Make, keep: Keep):
    trace = make_trace(
        make_span("\ud800", "half a \udfff pair"), metadata={"\ud800": ["\udc00", 2**70, 0.5]}
    )
    trace.spans[0].start_ns = 2**63
    (receipt,) = keep(incoming(trace, external_id="id \ud83d", mode="replace"))
    row = store.row(receipt.id)
    assert row is not None
    assert row.name.startswith("half a ")
    assert row.start_ns is None, "no such time can be"
    (again,) = keep(incoming(trace, external_id="id \ud83d", mode="replace"))
    assert (again.id, again.revision) == (receipt.id, 2), "mended ids still find each other"


def test_a_job_that_fails_fails_alone(store: Store, incoming: Make, gate: Gate):
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM nowhere")

    stored = store.writer.submit([incoming()])
    failed = store.writer.run(fail)
    gate.open()
    assert stored.result(10)
    with pytest.raises(StoreError, match="no such table"):
        failed.result(10)


# -- the queue -------------------------------------------------------------------------


def test_a_full_queue_makes_wait_then_says_busy(
    store: Store, incoming: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "QUEUE_SUBMITS", 2)
    futures = [store.writer.submit([incoming()]) for _ in range(2)]
    with pytest.raises(Busy, match="queue is full"):
        store.writer.submit([incoming()], patience_s=0.01)
    waiting: Future[Any] = Future()
    thread = threading.Thread(
        target=lambda: waiting.set_result(store.writer.submit([incoming()], patience_s=10))
    )
    thread.start()
    gate.open()
    assert waiting.result(10).result(10)
    thread.join()
    for future in futures:
        future.result(10)
    assert store.count() == 3


def test_the_queue_is_bounded_in_bytes_too_but_always_takes_one(
    store: Store, incoming: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "QUEUE_BYTES", 100)
    first = store.writer.submit([incoming(body=b"x" * 1000)])
    with pytest.raises(Busy):
        store.writer.submit([incoming()], patience_s=0)
    gate.open()
    assert first.result(10)


async def test_coroutines_wait_for_the_commit_and_for_room(
    store: Store, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "QUEUE_SUBMITS", 1)
    gate = await asyncio.to_thread(Gate, store)
    first = asyncio.create_task(store.writer.store([incoming()]))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await store.writer.store([incoming()], patience_s=0.01)
    second = asyncio.create_task(store.writer.store([incoming()], patience_s=10))
    await asyncio.sleep(0)
    await asyncio.to_thread(gate.open)
    assert (await first)[0].number == 1
    assert (await second)[0].number == 2


def test_what_is_posted_together_is_taken_as_far_as_there_is_room(
    store: Store, incoming: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "QUEUE_SUBMITS", 2)
    told: list[Any] = []

    async def post() -> int:
        everyone = asyncio.Event()

        def done(receipts: Any, error: StoreError | None) -> None:
            told.append((error, [store.row(receipt.id) is not None for receipt in receipts]))
            if len(told) == 2:
                everyone.set()

        taken = store.writer.post([([incoming()], done) for _ in range(5)])
        await asyncio.to_thread(gate.open)
        await asyncio.wait_for(everyone.wait(), 10)
        return taken

    assert asyncio.run(post()) == 2
    assert told == [(None, [True])] * 2
    assert store.count() == 2


def test_a_stop_stores_what_was_accepted(tmp_path: Path, incoming: Make):
    store = Store.open(tmp_path / "traces.db")
    gate = Gate(store)
    futures = [store.writer.submit([incoming()]) for _ in range(300)]
    closing = threading.Thread(target=store.close)
    closing.start()
    gate.open()
    closing.join(10)
    assert all(future.result(0)[0].created for future in futures)
    with Store.open(tmp_path / "traces.db") as reopened:
        assert reopened.count() == 300


# -- a store that cannot ---------------------------------------------------------------


def test_a_full_disk_is_said_and_survived(store: Store, incoming: Make, keep: Keep):
    def limit(pages: int) -> None:
        store.writer.run(
            lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        ).result()

    keep(incoming())
    limit(1)
    large = "".join(f"{i:x}" for i in range(200_000)).encode()
    with pytest.raises(StoreError, match="disk is full") as caught:
        keep(incoming(body=large))
    assert "Free some space" in caught.value.hint
    assert store.count() == 1, "nothing is half-stored"
    limit(1_000_000)
    keep(incoming(body=large))
    assert store.count() == 2


def test_a_database_that_becomes_read_only_is_said_and_survived(
    store: Store, incoming: Make, keep: Keep
):
    connection = store.writer._pen._connection
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="cannot be written"):
        keep(incoming())
    connection.execute("PRAGMA query_only = 0")
    keep(incoming())
    assert store.count() == 1


def test_a_lock_held_by_another_program_is_said_and_survived(
    tmp_path: Path, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "LOCK_PATIENCE_S", 0.01)
    with Store.open(tmp_path / "traces.db") as store:
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            store.writer.submit([incoming()]).result(10)
        assert store.count() == 0, "readers go on"
        other.execute("ROLLBACK")
        other.close()
        store.writer.submit([incoming()]).result(10)
        assert store.count() == 1


def test_two_programs_write_without_taking_each_others_numbers(tmp_path: Path, incoming: Make):
    with Store.open(tmp_path / "a.db") as one, Store.open(tmp_path / "a.db") as two:
        futures = [s.writer.submit([incoming()]) for _ in range(50) for s in (one, two)]
        numbers = [future.result(30)[0].number for future in futures]
        assert sorted(numbers) == list(range(1, 101))
        assert len({row.sequence for row in one.rows(limit=200)}) == 100


@pytest.mark.parametrize("instead", [False, True])
def test_nothing_is_accepted_into_a_file_that_was_deleted(
    store: Store, incoming: Callable[..., Incoming], instead: bool
):
    """Though the system would still let it be written: nobody would ever read it again."""
    store.path.rename(store.path.with_name("elsewhere.db"))
    if instead:
        store.path.touch()
    with pytest.raises(StoreError, match="was deleted or moved while it was open"):
        store.writer.submit([incoming()]).result(timeout=10)
    assert "was deleted or moved" in store.missing()
    store.path.unlink(missing_ok=True)
    store.path.with_name("elsewhere.db").rename(store.path)
    assert store.missing() == ""
    store.writer.submit([incoming()]).result(timeout=10)
    assert store.count() == 1

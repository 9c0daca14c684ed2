"""The counts of what became of everything sent, and that nothing can make them disagree."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tracedesk.model.trace import Span
from tracedesk.store import Incoming, Receipt, Store, StoreError, pen, schema
from tracedesk.store.ledger import Ledger, read_ledger
from tracedesk.store.removal import delete_traces
from tracedesk.testing import make_span, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def counts(store: Store) -> dict[tuple[str, str, str], int]:
    return {(e.agent_id, e.event, e.code): e.count for e in read_ledger(store).entries}


def settled(store: Store) -> None:
    """Wait for a commit, with which all notes go."""
    store.writer.run(lambda _: None).result()


def test_each_fate_of_a_trace_is_counted_by_agent(
    store: Store, incoming: Make, otlp: Make, keep: Keep
):
    part = otlp(make_span("a"), body=b"part 1")
    keep(incoming(agent_id="a"), incoming(agent_id="b"))
    keep(incoming(agent_id="b", external_id="chat", mode="replace"))
    keep(incoming(agent_id="b", external_id="chat", mode="replace"))
    keep(part)
    keep(otlp(make_span("b", "later", "a"), body=b"part 2"))
    keep(part)
    assert counts(store) == {
        ("a", "accepted", ""): 1,
        ("b", "accepted", ""): 2,
        ("b", "replaced", ""): 1,
        ("agent-1", "accepted", ""): 1,
        ("agent-1", "merged", ""): 1,
        ("agent-1", "repeated", ""): 1,
    }
    ledger = read_ledger(store)
    assert ledger.total("accepted") == ledger.kept == store.count() == 4
    assert ledger.total("accepted", agent_id="b") == 2


def test_the_bytes_of_a_request_count_once_however_many_traces_it_brings(
    store: Store, incoming: Make, keep: Keep
):
    body = b"x" * 1000
    keep(incoming(body=body), incoming(body=body))
    (entry,) = read_ledger(store).of("accepted")
    assert (entry.count, entry.size) == (2, 1000)


def test_what_a_request_brought_in_vain_is_counted_with_it(
    store: Store, incoming: Make, keep: Keep
):
    keep(incoming(dropped=(("spans without an id", 3),)))
    assert counts(store)["agent-1", "dropped", "spans without an id"] == 3


def test_a_removed_trace_stays_counted_as_accepted(store: Store, incoming: Make, keep: Keep):
    first, _ = keep(incoming(), incoming())
    store.writer.run(lambda db: delete_traces(db, [first.number, 99], "retention")).result()
    ledger = read_ledger(store)
    assert (ledger.total("accepted"), ledger.total("removed")) == (2, 1)
    assert ledger.kept == store.count() == 1
    assert ledger.of("removed")[0].code == "retention"


def test_a_submit_that_fails_counts_nothing(store: Store, incoming: Make):
    bad = incoming(make_trace(make_span("r")))
    bad.trace.spans.append(Span(span_id=None, name="x"))  # type: ignore[arg-type]
    good = store.writer.submit([incoming()])
    with pytest.raises(StoreError):
        store.writer.submit([incoming(), bad]).result()
    good.result()
    assert counts(store) == {("agent-1", "accepted", ""): store.count()}
    assert store.count() == 1


def test_what_a_crash_takes_it_takes_from_traces_and_ledger_alike(
    tmp_path: Path, incoming: Make, monkeypatch: pytest.MonkeyPatch
):
    path, copy = tmp_path / "traces.db", tmp_path / "copy.db"
    with Store.open(path) as store:
        for _ in range(20):
            store.writer.submit([incoming()])
        store.writer.submit([incoming()]).result()
        for suffix in ("", "-wal"):  # as the disk is at the moment the power fails
            Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    torn = Path(f"{copy}-wal")
    torn.write_bytes(torn.read_bytes()[:-5000])
    with Store.open(copy) as store:
        assert read_ledger(store).kept == store.count()


def test_notes_are_written_with_the_next_commit(store: Store, incoming: Make, keep: Keep):
    store.writer.note("", "refused", "UNAUTHORIZED", size=10, message="unknown key")
    store.writer.note("", "refused", "UNAUTHORIZED", size=5, message="expired key")
    keep(incoming())
    (entry,) = read_ledger(store).of("refused")
    assert (entry.agent_id, entry.code, entry.count, entry.size) == ("", "UNAUTHORIZED", 2, 15)
    assert entry.message == "expired key"
    assert entry.last_ns > 0


def test_notes_alone_are_written_within_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pen, "NOTES_S", 0.05)
    committed = threading.Event()
    with Store.open(tmp_path / "traces.db") as store:
        before = store.revision()
        store.writer.note("a", "refused", "VALIDATION_ERROR", message="\ud800 is no text")
        while store.revision() == before:
            committed.wait(0.01)
        assert counts(store) == {("a", "refused", "VALIDATION_ERROR"): 1}


def test_notes_are_written_on_stop(tmp_path: Path):
    with Store.open(tmp_path / "traces.db") as store:
        store.writer.note("", "refused", "NOT_FOUND", message="m" * 1000)
    store.writer.note("", "refused", "NOT_FOUND")  # too late: nothing happens
    with Store.open(tmp_path / "traces.db", read_only=True) as store:
        (entry,) = read_ledger(store).entries
        assert entry.count == 1
        assert len(entry.message) == 300


def test_notes_survive_a_commit_that_fails(store: Store, incoming: Make):
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.IntegrityError("of this job only")

    store.writer.note("", "refused", "NOT_FOUND")
    with pytest.raises(StoreError):
        store.writer.run(fail).result()
    settled(store)
    assert counts(store) == {("", "refused", "NOT_FOUND"): 1}


def test_an_empty_ledger_is_all_zeros():
    assert Ledger().total("accepted") == Ledger().kept == 0
    assert Ledger().agent_ids == []


def test_a_database_of_version_1_is_counted_as_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, incoming: Make
):
    path = tmp_path / "traces.db"
    version_1(path, monkeypatch)
    with Store.open(path) as store:
        assert store.query("PRAGMA user_version") == [(schema.VERSION,)]
        found = {e.agent_id: (e.count, e.size) for e in read_ledger(store).entries}
        assert found == {"a": (2, 30), "b": (1, 50)}
        assert [row.name for row in store.rows()] == ["three", "two", "one"]
        replaced = incoming(external_id="chat-1", agent_id="a", mode="replace", body=b"new")
        (receipt,) = store.writer.submit([replaced]).result()
        assert receipt.revision == 2
        assert [r.revision for r in store.revisions(receipt.id)] == [1]
        assert read_ledger(store).kept == store.count() == 3


def version_1(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of three traces as step 1 alone makes it."""
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", 1)
        schema.migrate(connection, path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    traces = [(1, "a", "chat-1", "one"), (2, "a", None, "two"), (3, "b", None, "three")]
    for number, agent, identity, name in traces:
        connection.execute(
            "INSERT INTO trace (number, id, agent_id, identity, format, routed_by, name, revision,"
            " sequence, span_count, error_count, received_ns, updated_ns)"
            " VALUES (?, ?, ?, ?, 'canonical', 'key', ?, 1, ?, 0, 0, 5, 5)",
            (number, f"{'0' * 8}-0000-4000-a000-{number:012x}", agent, identity, name, number),
        )
        request = 3 if number == 3 else 1  # the first two came in one request
        connection.execute(
            "INSERT INTO part (trace, part, request) VALUES (?, 0, ?)", (number, request)
        )
    connection.execute("INSERT INTO request (id, size, shares) VALUES (1, 30, 2), (3, 50, 1)")
    connection.execute("UPDATE counter SET number = 3, request = 3, sequence = 3")
    connection.close()

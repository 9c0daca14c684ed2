"""Opening, finding and reading; and what a file that cannot be used is told."""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tracedesk.model.trace import TraceWarning
from tracedesk.query.filter import parse_filter
from tracedesk.store import Incoming, Receipt, Store, StoreError, Summary, connections
from tracedesk.store.schema import APPLICATION_ID, VERSION
from tracedesk.testing import make_span, make_tool, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def test_file_and_folder_are_their_owners_alone(tmp_path: Path):
    path = tmp_path / "private" / "traces.db"
    with Store.open(path) as store:
        store.count()
        files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert files["traces.db"] == 0o600
    assert set(files.values()) == {0o600}, "the write-ahead log follows suit"


def test_what_was_stored_is_there_after_reopening(tmp_path: Path, incoming: Make):
    trace = make_trace(
        make_span("r", "Booking", start_ms=0, end_ms=5),
        make_tool("t", "create_booking", "r", arguments={"party": 4}),
        metadata={"environment": "production"},
    )
    trace.warn("coerced_field", "converted", "r")
    item = incoming(trace, body=b"the body", headers={"user-agent": "curl"}, path="/traces")
    with Store.open(tmp_path / "traces.db") as store:
        (receipt,) = store.writer.submit([item]).result()
    with Store.open(tmp_path / "traces.db") as store:
        (row,) = store.rows()
        (request,) = store.requests(row.id)
        spans = store.spans(row.id)
    assert (row.id, row.number, row.revision) == (receipt.id, 1, 1)
    assert (row.name, row.span_count, row.error_count) == ("Booking", 2, 0)
    assert row.metadata == {"environment": "production"}
    assert row.warnings == [TraceWarning("coerced_field", "converted", "r")]
    assert (row.start_ns, row.end_ns) == (trace.start_ns, trace.end_ns)
    assert (request.body, request.path, request.headers) == (
        b"the body",
        "/traces",
        {"user-agent": "curl"},
    )
    assert [(s.span_id, s.parent_id, s.name) for s in spans] == [
        ("r", None, "Booking"),
        ("t", "r", "create_booking"),
    ]


def test_closing_leaves_everything_in_the_one_file(tmp_path: Path, incoming: Make):
    path = tmp_path / "traces.db"
    with Store.open(path) as store:
        store.writer.submit([incoming()]).result()
        store.rows()
        store.revision()
        reader = threading.Thread(target=store.rows)
        reader.start()
        reader.join()
    assert [file.name for file in tmp_path.iterdir()] == ["traces.db"]


def test_rows_come_newest_first_by_window(store: Store, incoming: Make, keep: Keep):
    keep(*[incoming(make_trace(make_span("r", f"trace {i}"))) for i in range(10)])
    assert [row.name for row in store.rows(limit=2)] == ["trace 9", "trace 8"]
    assert [row.name for row in store.rows(offset=8, limit=5)] == ["trace 1", "trace 0"]
    assert [row.name for row in store.rows(limit=1, newest_first=False)] == ["trace 0"]
    assert list(store.numbers())[:3] == [10, 9, 8]
    assert [row.number for row in store.by_numbers([3, 99, 1])] == [3, 1]
    assert store.count() == 10
    assert store.count(agent_id="agent-2") == 0


def test_find_takes_an_id_its_beginning_an_external_or_an_otlp_id(
    store: Store, incoming: Make, otlp: Make, keep: Keep
):
    first, second = keep(incoming(external_id="chat-7", mode="replace"), otlp(make_span("a")))
    assert [row.id for row in store.find(first.id.upper())] == [first.id]
    assert [row.id for row in store.find(first.id[:8])] == [first.id]
    assert [row.id for row in store.find("chat-7")] == [first.id]
    assert [row.id for row in store.find("ab" * 16)] == [second.id]
    assert store.find("nothing") == []
    assert store.row("nothing") is None
    assert store.row(first.id[:-1] + "9") is None
    assert store.requests("nothing") == []
    assert store.spans("nothing") == []


def test_changed_since_tells_what_was_accepted_in_the_order_of_acceptance(
    store: Store, incoming: Make, keep: Keep
):
    keep(incoming(external_id="a", mode="replace"), incoming(external_id="b", mode="replace"))
    seen = store.changed_since(0)[-1].sequence
    keep(incoming(external_id="a", mode="replace"))
    assert [row.external_id for row in store.changed_since(seen)] == ["a"]
    assert [row.external_id for row in store.changed_since(0)] == ["b", "a"]


def test_revision_moves_with_every_change_of_any_process(store: Store, incoming: Make, keep: Keep):
    before = store.revision()
    assert store.revision() == before
    keep(incoming())
    after = store.revision()
    assert after != before
    with Store.open(store.path) as other:
        other.writer.submit([incoming()]).result()
    assert store.revision() != after


def test_summaries_are_kept_for_the_revision_they_were_read_from(
    store: Store, incoming: Make, keep: Keep
):
    (receipt,) = keep(incoming(external_id="a", mode="replace"))
    sequence = store.rows()[0].sequence
    summary = Summary(number=receipt.number, revision=1, status="partial", response="Hi \ud800")
    store.writer.summaries([summary]).result()
    row = store.rows()[0]
    assert (row.status, row.read_revision, row.sequence) == ("partial", 1, sequence)
    assert row.response is not None
    assert row.response.startswith("Hi ")
    keep(incoming(external_id="a", mode="replace"))
    store.writer.summaries([summary]).result()
    assert store.rows()[0].read_revision == 0, "a summary of an older revision is dropped"


def test_every_thread_reads_through_a_connection_of_its_own(
    store: Store, incoming: Make, keep: Keep
):
    keep(incoming())
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(store.count())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1] * 8


def test_a_closed_store_says_so(tmp_path: Path, incoming: Make):
    store = Store.open(tmp_path / "traces.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.rows()
    with pytest.raises(StoreError, match="closed"):
        store.writer.submit([incoming()])


def test_a_read_only_store_reads_and_refuses_to_write(tmp_path: Path, incoming: Make):
    path = tmp_path / "traces.db"
    with Store.open(path) as store:
        store.writer.submit([incoming()]).result()
    with Store.open(path, read_only=True) as store:
        assert store.count() == 1
        with pytest.raises(StoreError, match="read only"):
            _ = store.writer


# -- files that cannot be used ---------------------------------------------------------


def opening(path: Path) -> StoreError:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    assert caught.value.hint, "an error says what to do"
    assert str(path) in caught.value.message
    if before is not None:
        assert path.read_bytes() == before, "the file is left untouched"
    return caught.value


def test_a_newer_database_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "traces.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.execute("CREATE TABLE later (x)")
    connection.close()
    assert "newer tracedesk" in opening(path).message


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "traces.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    assert "another program" in opening(path).message


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path):
    path = tmp_path / "traces.db"
    path.write_bytes(b"once upon a time, " * 100)
    assert "not a tracedesk database" in opening(path).message


def test_a_damaged_database_is_named_damaged(tmp_path: Path, incoming: Make):
    path = tmp_path / "traces.db"
    with Store.open(path) as store:
        store.writer.submit([incoming() for _ in range(200)]).result()
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), Store.open(path) as store:
        store.rows()


def test_a_locked_database_is_named_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "LOCK_PATIENCE_S", 0.01)
    path = tmp_path / "traces.db"
    Store.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked by another program" in opening(path).message
    other.execute("ROLLBACK")
    other.close()
    Store.open(path).close()


def test_a_path_that_cannot_be_a_file_is_explained(tmp_path: Path):
    (tmp_path / "file").write_text("")
    opening(tmp_path / "file" / "traces.db")
    (tmp_path / "folder").mkdir()
    opening(tmp_path / "folder")


def test_a_read_only_opening_of_nothing_is_explained(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path / "traces.db", read_only=True)
    assert not (tmp_path / "traces.db").exists()


def test_a_damaged_request_is_named_and_the_rest_is_readable(
    store: Store, incoming: Make, keep: Keep
):
    (receipt,) = keep(incoming(body=b"x" * 500))
    store.writer.run(lambda connection: connection.execute("UPDATE request SET body = x'00'"))
    assert store.writer.run(lambda connection: None).result() is None
    with pytest.raises(StoreError, match="damaged"):
        store.requests(receipt.id)
    assert store.row(receipt.id) is not None


def test_texts_that_sqlite_cannot_hold_are_looked_for_mended(store: Store):
    assert store.find("\udcff") == []
    assert store.row("\udcff" * 36) is None
    assert store.count(parse_filter('"\udcff" name:\udcff env=\udcff')) == 0


def test_closing_waits_for_readers(tmp_path: Path, incoming: Make):
    store = Store.open(tmp_path / "traces.db")
    for _ in range(20):
        store.writer.submit([incoming() for _ in range(100)]).result()
    outcomes: list[str] = []
    begun = threading.Barrier(5)

    def read() -> None:
        begun.wait()
        try:
            while True:
                store.rows(limit=1000)
        except StoreError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    store.close()
    for thread in threads:
        thread.join(20)
    assert len(outcomes) == 4, "each reader was told, none crashed"
    assert store.revision() == store.revision(), "the last one known"


def test_requests_of_many_traces_are_those_of_each(store: Store, incoming: Make, keep: Keep):
    shared = b"one body, two traces"
    first, second = keep(
        incoming(body=shared, resources=(0,)), incoming(body=shared, resources=(1,))
    )
    (third,) = keep(incoming(body=b"another", headers={"user-agent": "curl"}))
    ids = [third.id, first.id, "nobody", second.id, "f" * 24 + third.id[24:]]
    many = store.requests_many(ids)
    assert list(many) == ids
    assert many == {trace_id: store.requests(trace_id) for trace_id in ids}
    assert [len(requests) for requests in many.values()] == [1, 1, 0, 1, 0]
    assert store.requests_many([]) == {}

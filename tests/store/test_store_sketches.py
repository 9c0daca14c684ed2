"""Sketches that are kept: never shown of another content, made anew where they are no good."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tracedesk.model.limits import Limits
from tracedesk.sketching import CALM, LOOK_S, REST_S, SketchKeeper
from tracedesk.store import Incoming, Receipt, Store, StoreError, schema
from tracedesk.store.encryption import EncryptionSettings
from tracedesk.store.removal import delete_traces
from tracedesk.store.retention import remove_slice
from tracedesk.store.sketched import Sketch, SketchedSpans
from tracedesk.testing import make_span, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


@pytest.fixture(autouse=True)
def from_two_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large trace has two spans here."""
    monkeypatch.setattr("tracedesk.sketching.KEPT_FROM", 2)


@pytest.fixture
def two(otlp: Make) -> Incoming:
    return otlp(make_span("a", "agent", start_ms=0), make_span("b", "call", "a", start_ms=1))


def kept(store: Store, receipt: Receipt) -> Sketch:
    """Its sketch, made and kept."""
    sketch = store.sketches.make(receipt.id)
    assert sketch is not None
    store.sketches.keep(receipt.id, sketch).result(timeout=20)
    found = store.sketches.kept(receipt.id)
    assert found is not None
    return found


def names(store: Store, trace_id: str) -> list[str]:
    """What a trace is drawn as."""
    sketch = store.sketches.sketch(trace_id)
    return [] if sketch is None else [span.name for span in SketchedSpans(sketch)]


def rows(store: Store) -> list[tuple[int, int]]:
    """Trace and sequence of each sketch in the database."""
    return [(trace, then) for trace, then in store.query("SELECT trace, sequence FROM sketch")]


def test_what_was_kept_is_drawn_without_the_index(store: Store, two: Incoming, keep: Keep):
    (receipt,) = keep(two)
    assert store.sketches.kept(receipt.id) is None
    kept(store, receipt)
    store.writer.run(lambda db: db.execute("DELETE FROM span")).result()
    assert names(store, receipt.id) == ["agent", "call"]


def test_a_trace_that_grew_is_drawn_anew(store: Store, two: Incoming, otlp: Make, keep: Keep):
    (receipt,) = keep(two)
    old = kept(store, receipt)
    keep(otlp(make_span("c", "later", "a", start_ms=2)))
    assert rows(store) == []
    assert store.sketches.kept(receipt.id) is None
    assert names(store, receipt.id) == ["agent", "call", "later"]
    store.sketches.keep(receipt.id, old).result(timeout=20)
    assert rows(store) == [], "the old one is not kept again"


def test_a_part_that_was_sent_again_leaves_it(store: Store, two: Incoming, keep: Keep):
    (receipt,) = keep(two)
    kept(store, receipt)
    keep(two)
    assert len(rows(store)) == 1


def test_a_trace_that_was_replaced_is_drawn_anew(store: Store, incoming: Make, keep: Keep):
    def sent(name: str) -> Incoming:
        return incoming(make_trace(make_span("a", name)), mode="replace", external_id="mine")

    (receipt,) = keep(sent("before"))
    kept(store, receipt)
    keep(sent("after"))
    assert names(store, receipt.id) == ["after"]
    assert rows(store) == []


def test_a_deleted_trace_leaves_none(store: Store, two: Incoming, keep: Keep):
    (receipt,) = keep(two)
    old = kept(store, receipt)
    store.writer.run(lambda db: delete_traces(db, [receipt.number])).result()
    assert names(store, receipt.id) == []
    assert rows(store) == []
    store.sketches.keep(receipt.id, old).result(timeout=20)
    assert rows(store) == []


def test_retention_takes_them_along(store: Store, two: Incoming, incoming: Make, keep: Keep):
    (receipt,) = keep(two)
    kept(store, receipt)
    keep(incoming())
    store.writer.run(lambda db: remove_slice(db, Limits(traces=1))).result()
    assert rows(store) == []


@pytest.mark.parametrize(
    "damage",
    [
        "substr(value, 1, length(value) - 3)",
        "substr(value, 1, 40) || x'00' || substr(value, 42)",
        "x'02' || substr(value, 2)",
        "x'01'",
        "x''",
        "'a text'",
        "17",
        "zeroblob(1000)",
    ],
)
def test_one_that_cannot_be_read_is_passed_over(
    store: Store, two: Incoming, keep: Keep, damage: str
):
    (receipt,) = keep(two)
    kept(store, receipt)
    store.writer.run(
        lambda db: db.execute(f"UPDATE sketch SET value = CAST({damage} AS BLOB)")
    ).result()
    assert store.sketches.kept(receipt.id) is None
    assert names(store, receipt.id) == ["agent", "call"]
    kept(store, receipt)


def test_a_store_that_is_read_only_uses_what_is_kept(store: Store, two: Incoming, keep: Keep):
    (receipt,) = keep(two)
    sketch = kept(store, receipt)
    with Store.open(store.path, read_only=True) as reader:
        assert reader.sketches.kept(receipt.id) is not None
        assert names(reader, receipt.id) == ["agent", "call"]
        with pytest.raises(StoreError, match="read only"):
            reader.sketches.keep(receipt.id, sketch)


def test_an_encrypted_store_keeps_them(
    tmp_path: Path, two: Incoming, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("sqlcipher3")
    monkeypatch.setenv("TRACEDESK_KEY_FILE", str(tmp_path / "key"))
    settings = EncryptionSettings(wanted=True)
    path = tmp_path / "w" / "sealed.db"
    with Store.open(path, encryption=settings) as store:
        (receipt,) = store.writer.submit([two]).result(timeout=20)
        kept(store, receipt)
        assert names(store, receipt.id) == ["agent", "call"]
    with Store.open(path, encryption=settings) as store:
        assert store.sketches.kept(receipt.id) is not None


def test_an_older_database_has_none_until_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "traces.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", 7)
        schema.migrate(connection, path)
    connection.execute(
        "INSERT INTO trace (number, id, agent_id, format, routed_by, name, revision, sequence,"
        " span_count, error_count, received_ns, updated_ns)"
        " VALUES (1, '00000000-0000-4000-a000-000000000001', 'a', 'canonical', 'key', 'one', 1,"
        " 1, 2, 0, 5, 5)"
    )
    connection.execute(
        "INSERT INTO span (trace, span_id, position, name, kind, status)"
        " VALUES (1, 'a', 0, 'agent', 0, 0), (1, 'b', 1, 'call', 0, 0)"
    )
    connection.close()
    with Store.open(path) as store:
        (trace,) = store.rows()
        assert names(store, trace.id) == ["agent", "call"]
        sketch = store.sketches.make(trace.id)
        assert sketch is not None
        store.sketches.keep(trace.id, sketch).result(timeout=20)
        assert rows(store) == [(1, 1)]


# -- the keeper ---------------------------------------------------------------------------


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_the_keeper_makes_one_of_a_trace_that_came_to_rest(
    store: Store, two: Incoming, otlp: Make, incoming: Make, keep: Keep
):
    clock = Clock()
    keeper = SketchKeeper(store, now_s=clock)
    (receipt, small) = keep(two, incoming())
    keeper.look()
    assert rows(store) == [], "it may still grow"
    keep(otlp(make_span("c", "later", "a", start_ms=2)))
    clock.now_s += LOOK_S
    keeper.look()
    assert rows(store) == [], "as it did"
    clock.now_s += LOOK_S
    assert keeper.look() == 0
    assert [trace for trace, _ in rows(store)] == [receipt.number]
    assert store.sketches.kept(small.id) is None, "small ones are not worth it"
    assert names(store, receipt.id) == ["agent", "call", "later"]


def test_the_more_spans_a_trace_has_the_longer_it_must_rest(
    store: Store, two: Incoming, keep: Keep
):
    clock = Clock()
    keeper = SketchKeeper(store, now_s=clock)
    keep(two)
    store.writer.run(lambda db: db.execute("UPDATE trace SET span_count = 1000000")).result()
    keeper.look()
    clock.now_s += REST_S * 1_000_000 - 1
    assert keeper.look() == 1
    clock.now_s += 1
    assert keeper.look() == 0
    assert len(rows(store)) == 1


def test_the_keeper_waits_while_much_arrives_and_makes_one_at_a_time(
    store: Store, otlp: Make, incoming: Make, keep: Keep
):
    clock = Clock()
    keeper = SketchKeeper(store, now_s=clock)
    keep(
        *(
            otlp(make_span("a"), make_span("b", parent="a"), trace_id=f"{number:032x}")
            for number in (1, 2)
        )
    )
    keeper.look()
    clock.now_s += LOOK_S
    keep(*(incoming() for _ in range(CALM + 1)))
    assert keeper.look() == 2
    assert rows(store) == []
    assert keeper.look() == 1
    assert len(rows(store)) == 1
    assert keeper.look() == 0
    assert len(rows(store)) == 2


def test_the_thread_keeps_what_was_made_to_open_a_trace(
    store: Store, two: Incoming, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    (receipt,) = keep(two)
    sketch = store.sketches.make(receipt.id)
    assert sketch is not None
    done = threading.Event()
    save = store.sketches.keep

    def noticed(trace_id: str, sketch: Sketch):
        future = save(trace_id, sketch)
        future.add_done_callback(lambda _: done.set())
        return future

    monkeypatch.setattr(store.sketches, "keep", noticed)
    keeper = SketchKeeper(store)
    keeper.start()
    keeper.take(receipt.id, sketch)
    assert done.wait(20)
    keeper.stop()
    keeper.stop()
    assert [trace for trace, _ in rows(store)] == [receipt.number]


def test_the_thread_leaves_what_was_there_before_to_whoever_opens_it(
    store: Store, two: Incoming, keep: Keep
):
    keep(two)
    looked = threading.Event()
    revision = store.revision
    keeper = SketchKeeper(store, look_s=0.01)
    looks = 0

    def counted() -> int:
        nonlocal looks
        looks += 1
        if looks == 5:
            looked.set()
        return revision()

    store.revision = counted  # type: ignore[method-assign]
    keeper.start()
    assert looked.wait(20)
    keeper.stop()
    assert rows(store) == []


def test_the_thread_says_when_it_cannot_and_goes_on(
    store: Store, two: Incoming, keep: Keep, caplog: pytest.LogCaptureFixture
):
    (receipt,) = keep(two)
    sketch = store.sketches.make(receipt.id)
    assert sketch is not None
    asked = threading.Event()

    def refuse(*_: object):
        asked.set()
        raise StoreError("the disk is full")

    store.sketches.keep = refuse  # type: ignore[method-assign]
    keeper = SketchKeeper(store)
    with caplog.at_level(logging.WARNING):
        keeper.start()
        keeper.take(receipt.id, sketch)
        assert asked.wait(20)
        keeper.stop()
    assert "could not be kept: the disk is full" in caplog.text

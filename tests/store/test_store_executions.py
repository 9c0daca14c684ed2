"""The history of executions: what is kept, what is found in a window, and what is forgotten."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store import Incoming, Receipt, Store, executions, schema, writer
from tracedesk.store.removal import delete_traces

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]

PASSIVE, EDIT = ExecutionKind.PASSIVE, ExecutionKind.EDIT


def case(name: str, outcome: Outcome = Outcome.PASS, *, digest: str = "d1") -> CaseRecord:
    check = CheckRecord(
        assertion="a1",
        target="node_call",
        outcome=outcome,
        score=float(outcome is Outcome.PASS),
        stage="tool_choice",
        reason=f"{name} came out",
        evidence=(("s1", "arguments", "$.party"), (None, "response", "$")),
        tags=("slow",),
        details={"model": "m", "spread": [0.1, 0.2]},
    )
    return CaseRecord(
        case=f"a.yaml#{name}",
        name=name,
        file="a.yaml",
        digest=digest,
        outcome=outcome,
        score=check.score,
        weight=2.0,
        reason="why",
        checks=(check,),
    )


def execution(trace: str, *cases: CaseRecord, at_ns: int = 1_000, **fields: Any) -> Execution:
    fields = {"agent_id": "agent-1", "revision": 1, "kind": PASSIVE, **fields}
    return Execution(trace=trace, started_ns=at_ns - 5, ended_ns=at_ns, cases=cases, **fields)


def record(store: Store, *recorded: Execution) -> None:
    store.writer.record(recorded).result(timeout=10)


def test_an_execution_comes_back_as_it_was(store: Store, incoming: Make, keep: Keep):
    (trace,) = keep(incoming())
    kept = execution(
        trace.id,
        case("one"),
        case("two", Outcome.FAIL),
        clock_ns=7,
        engine="1.0",
        settings="s",
        outcome=Outcome.FAIL,
        score=0.5,
        input_key="i",
        behaviour_key="b",
        version="v2",
        environment="production",
    )
    record(store, kept)
    assert list(store.history.executions()) == [replace(kept, number=1)]


def test_executions_are_chosen_by_trace_agent_kind_and_time(
    store: Store, incoming: Make, keep: Keep
):
    first, second = keep(incoming(), incoming())
    record(
        store,
        execution(first.id, case("one"), at_ns=10),
        execution(second.id, case("one"), at_ns=20, agent_id="other"),
        execution(first.id, case("one"), at_ns=30, kind=EDIT),
    )

    def ended(**window: Any) -> list[int]:
        return [found.ended_ns for found in store.history.executions(**window)]

    assert ended() == [30, 20, 10]
    assert ended(newest_first=False) == [10, 20, 30]
    assert ended(trace_id=first.id) == [30, 10]
    assert ended(trace_id="no such trace") == []
    assert ended(agent_id="other") == [20]
    assert ended(kind=EDIT) == [30]
    assert ended(since_ns=20, until_ns=30) == [20]
    assert ended(limit=2) == [30, 20]


def test_the_order_is_that_of_storing_though_the_clock_went_back(
    store: Store, incoming: Make, keep: Keep
):
    (trace,) = keep(incoming())
    record(store, execution(trace.id, case("one", Outcome.FAIL), at_ns=5_000))
    record(store, execution(trace.id, case("one", Outcome.PASS), at_ns=1_000))
    assert [found.ended_ns for found in store.history.executions()] == [1_000, 5_000]
    ((_, latest),) = store.history.latest_results()
    assert latest.outcome is Outcome.PASS


def test_the_latest_result_of_each_case_may_come_from_different_executions(
    store: Store, incoming: Make, keep: Keep
):
    (trace,) = keep(incoming())
    record(
        store,
        execution(trace.id, case("one"), case("two"), at_ns=10),
        execution(trace.id, case("two", Outcome.FAIL, digest="d2"), at_ns=20, kind=EDIT),
    )
    found = [(run.ended_ns, run.cases, told.name, told.outcome) for run, told in
             store.history.latest_results()]  # fmt: skip
    assert found == [(20, (), "two", Outcome.FAIL), (10, (), "one", Outcome.PASS)]
    ((before, told),) = [
        pair for pair in store.history.latest_results(until_ns=20) if pair[1].name == "two"
    ]
    assert (before.ended_ns, told.outcome) == (10, Outcome.PASS)


def test_nothing_of_a_replaced_revision_is_a_latest_result(
    store: Store, incoming: Make, keep: Keep
):
    (trace,) = keep(incoming())
    record(
        store,
        execution(trace.id, case("one"), case("gone")),
        execution(trace.id, case("one", Outcome.FAIL), revision=2),
    )
    assert [(run.revision, told.name) for run, told in store.history.latest_results()] == [
        (2, "one")
    ]


def test_reading_goes_on_over_many_pages(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(executions, "PAGE", 3)
    monkeypatch.setattr(executions, "PAGE_BLOBS", 2)
    traces = keep(*(incoming() for _ in range(7)))
    record(store, *(execution(t.id, case("one"), case("two")) for t in traces for _ in range(2)))
    assert [found.number for found in store.history.executions()] == list(range(14, 0, -1))
    assert [found.number for found in store.history.executions(limit=5, newest_first=False)] == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip
    latest = [(run.trace, told.name) for run, told in store.history.latest_results()]
    assert latest == [(t.id, name) for t in reversed(traces) for name in ("one", "two")]


def test_old_executions_go_unless_they_alone_tell_of_a_case(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(executions, "KEPT", 3)
    monkeypatch.setattr(executions, "SLACK", 1)
    (trace,) = keep(incoming())
    record(store, execution(trace.id, case("one"), case("two")))
    for turn in range(6):
        edited = case("two", digest=f"d{turn}")
        record(store, execution(trace.id, edited, kind=EDIT))
    kept = [found.number for found in store.history.executions()]
    assert kept[-1] == 1, "the only one that tells of case one"
    assert len(kept) <= 5
    assert {told.name: run.number for run, told in store.history.latest_results()} == {
        "one": 1,
        "two": 7,
    }
    record(store, *(execution(trace.id, case("one"), case("two"), revision=2) for _ in range(3)))
    assert len(list(store.history.executions())) == 3, "what was said of a replaced revision may go"


def test_executions_go_with_their_trace(store: Store, incoming: Make, keep: Keep):
    first, second = keep(incoming(), incoming())
    record(store, execution(first.id, case("one")), execution(second.id, case("one")))
    store.writer.run(lambda db: delete_traces(db, [first.number])).result()
    assert [found.trace for found in store.history.executions()] == [second.id]
    record(store, execution(first.id, case("one")))  # it came too late
    assert [found.trace for found in store.history.executions()] == [second.id]


def test_what_no_database_can_hold_is_mended_and_never_lost(
    store: Store, incoming: Make, keep: Keep
):
    (trace,) = keep(incoming())
    odd = case("one \ud800")
    odd = replace(odd, checks=(replace(odd.checks[0], details={"n": 2**80, "t": "\udfff"}),))
    record(store, execution(trace.id, odd, version="\ud800", clock_ns=2**70))
    record(store, execution(trace.id, case("late"), clock_ns=2**63))
    late, found = store.history.executions()
    assert late.clock_ns is None
    assert (found.version[0], found.clock_ns) == ("\ufffd", None)
    assert found.cases[0].name.startswith("one \ufffd")
    details = found.cases[0].checks[0].details
    assert (details["n"], details["t"][0]) == (None, "\ufffd")


def test_executions_are_written_when_nothing_else_is(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    """Held while the writer is busy, they come after everything that was queued meanwhile."""
    import threading

    (trace,) = keep(incoming())
    monkeypatch.setattr(writer, "BATCH_SUBMITS", 1)
    begun, gate = threading.Event(), threading.Event()
    order: list[str] = []

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    store.writer.run(hold)
    begun.wait(10)
    late = store.writer.record([execution(trace.id, case("one"))])
    soon = [store.writer.submit([incoming()]) for _ in range(3)]
    late.add_done_callback(lambda _: order.append("record"))
    for future in soon:
        future.add_done_callback(lambda _: order.append("trace"))
    gate.set()
    late.result(timeout=10)
    assert order == ["trace", "trace", "trace", "record"]


def test_executions_do_not_wait_for_ever(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    """A flood holds them back for ``RECORD_S`` at most."""
    import threading

    (trace,) = keep(incoming())
    monkeypatch.setattr(writer, "BATCH_SUBMITS", 1)
    monkeypatch.setattr(writer, "RECORD_S", 0)
    begun, gate = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    store.writer.run(hold)
    begun.wait(10)
    recorded = store.writer.record([execution(trace.id, case("one"))])
    waiting = [store.writer.submit([incoming()]) for _ in range(3)]
    done_before: list[bool] = []
    waiting[-1].add_done_callback(lambda _: done_before.append(recorded.done()))
    gate.set()
    waiting[-1].result(timeout=10)
    recorded.result(timeout=10)
    assert done_before == [True]


def test_closing_keeps_what_was_handed_over(tmp_path: Path, incoming: Make):
    with Store.open(tmp_path / "t.db") as store:
        (trace,) = store.writer.submit([incoming()]).result()
        store.writer.record([execution(trace.id, case("one"))])
    with Store.open(tmp_path / "t.db", read_only=True) as store:
        assert len(list(store.history.executions())) == 1


def test_a_database_of_before_gets_its_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", 3)
        Store.open(tmp_path / "t.db").close()
    with Store.open(tmp_path / "t.db") as store:
        assert list(store.history.executions()) == []


def test_a_damaged_execution_is_said_in_words(store: Store, incoming: Make, keep: Keep):
    from tracedesk.store import StoreError

    (trace,) = keep(incoming())
    record(store, execution(trace.id, case("one")))
    store.writer.run(lambda db: db.execute("UPDATE execution SET cases = x'00'")).result()
    with pytest.raises(StoreError, match="damaged"):
        list(store.history.executions())


def test_one_small_execution_takes_little_room(store: Store, incoming: Make, keep: Keep):
    (trace,) = keep(incoming())
    record(store, execution(trace.id, case("one")))
    assert store.query("SELECT length(cases) FROM execution")[0][0] < 200

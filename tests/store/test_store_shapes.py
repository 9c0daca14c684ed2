"""What counting reads: the same numbers as decoding every execution, and only what is new."""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_store_executions import Keep, Make, case, execution, record

from tracedesk.evaluation.gather import Gatherer, InEffect
from tracedesk.evaluation.newest import Newest
from tracedesk.evaluation.tally import tally_of
from tracedesk.evaluation.trends import survey_of
from tracedesk.evaluation.windows import Window
from tracedesk.model.execution import ExecutionKind
from tracedesk.model.verdict import Outcome
from tracedesk.store import Store
from tracedesk.store.removal import delete_traces
from tracedesk.store.values import number_of

PASS, FAIL = Outcome.PASS, Outcome.FAIL

ALL = InEffect(frozenset(f"a.yaml#{name}" for name in ("one", "two", "three")), frozenset())


def counted(store: Store, gatherer: Gatherer | None = None) -> Counter[Outcome]:
    """The outcomes as the screens count them; checked against every record decoded."""
    found = (gatherer or Gatherer(store)).gather(Window(), ALL).survey.tally()
    wanted = tally_of(store.history.latest_results())
    assert found.outcomes() == wanted.outcomes()
    assert found.scores() == wanted.scores()
    return found.outcomes()


def test_the_newest_result_of_each_case_is_counted(store: Store, incoming: Make, keep: Keep):
    first, second = keep(incoming(), incoming())
    record(store, execution(first.id, case("one"), case("two", FAIL)))
    record(store, execution(second.id, case("one", FAIL), at_ns=2_000))
    record(store, execution(first.id, case("two"), at_ns=3_000, kind=ExecutionKind.EDIT))
    record(store, execution(second.id, case("three"), at_ns=4_000, revision=2))
    assert counted(store) == {PASS: 3}


def test_only_what_is_new_is_read_again(store: Store, incoming: Make, keep: Keep):
    first, second = keep(incoming(), incoming())
    record(store, execution(first.id, case("one")), execution(second.id, case("one", FAIL)))
    newest, read = Newest(store), []
    newest.outlines(lambda: read.append(1))
    assert len(read) == 2
    newest.outlines(lambda: read.append(1))
    assert len(read) == 2
    record(store, execution(second.id, case("one"), at_ns=2_000))
    outlines, shapes = newest.outlines(lambda: read.append(1))
    assert len(read) == 3
    made = survey_of(((e, memoryview(ids).cast("i").tolist()) for e, ids in outlines), shapes)
    assert made.tally().outcomes() == {PASS: 2}


def test_a_trace_that_is_deleted_counts_no_more_though_its_number_is_given_anew(
    store: Store, incoming: Make, keep: Keep
):
    (first,) = keep(incoming())
    record(store, execution(first.id, case("one", FAIL)))
    gatherer = Gatherer(store)
    assert counted(store, gatherer) == {FAIL: 1}
    number = number_of(first.id)
    store.writer.run(lambda connection: delete_traces(connection, [number])).result()
    assert store.query("SELECT count(*) FROM counted") == [(0,)]
    (second,) = keep(incoming())
    record(store, execution(second.id, case("one"), at_ns=9_000))
    assert counted(store, gatherer) == {PASS: 1}


def test_each_execution_is_kept_with_its_own_shapes_though_one_beside_it_came_too_late(
    store: Store, incoming: Make, keep: Keep
):
    first, second, third = keep(incoming(), incoming(), incoming())
    store.writer.run(lambda connection: delete_traces(connection, [second.number])).result()
    record(
        store,
        execution(first.id, case("one", FAIL)),
        execution(second.id, case("two", FAIL)),
        execution(third.id, case("one"), case("three")),
        execution(third.id, at_ns=2_000),
    )
    assert [found.number for found in store.history.executions()] == [3, 2, 1]
    assert store.query("SELECT number, length(shapes) FROM counted") == [(1, 4), (2, 8), (3, 0)]
    assert counted(store) == {FAIL: 1, PASS: 2}


def test_what_was_kept_without_shapes_is_completed(store: Store, incoming: Make, keep: Keep):
    (first,) = keep(incoming())
    record(store, execution(first.id, case("one"), case("two", FAIL), errors=2))
    store.writer.run(lambda connection: connection.execute("DELETE FROM counted")).result()
    assert counted(store) == {PASS: 1, FAIL: 1}
    store.writer.run(lambda connection: None).result()  # what was completed comes before this
    assert store.query("SELECT count(*) FROM counted") == [(1,)]
    assert counted(store) == {PASS: 1, FAIL: 1}


def test_what_a_failure_said_is_read_when_it_is_asked_for(store: Store, incoming: Make, keep: Keep):
    (first,) = keep(incoming())
    record(store, execution(first.id, case("one", FAIL), case("two")))
    gatherer = Gatherer(store)
    (failed,) = gatherer.gather(Window(), ALL).survey.failing()
    ((_, found),) = gatherer.read([failed])
    assert (found.name, found.checks[0].reason) == ("one", "one came out")
    number = number_of(first.id)
    store.writer.run(lambda connection: delete_traces(connection, [number])).result()
    assert gatherer.read([failed]) == []

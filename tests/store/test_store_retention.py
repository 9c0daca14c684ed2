"""The limits of ``[retention]``: what goes, in which order, and what stays."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tracedesk import retention as keeping
from tracedesk.model.limits import Limits
from tracedesk.retention import Keeper
from tracedesk.store import Incoming, Receipt, Store
from tracedesk.store.ledger import read_ledger
from tracedesk.store.retention import (
    DAY_NS,
    SLICE_SPANS,
    SLICE_TRACES,
    Holdings,
    excess,
    holdings,
    remove_slice,
)
from tracedesk.testing import T0_NS, make_span, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]

NOW_NS = T0_NS + 100 * DAY_NS


class Clocks:
    """A wall clock that leaps as it is told to, and a count of the seconds that really pass."""

    def __init__(self, now_ns: int = NOW_NS) -> None:
        self.now_ns = now_ns
        self.passed_s = 0.0

    def wait(self, hours: float) -> None:
        """Time passes."""
        self.leap(hours)
        self.passed_s += hours * 3_600

    def leap(self, hours: float) -> None:
        """The wall clock is set."""
        self.now_ns += round(hours * 3_600e9)

    def keeper(self, store: Store, limits: Limits) -> Keeper:
        return Keeper(store, limits, now_ns=lambda: self.now_ns, passed_s=lambda: self.passed_s)


def enforce(store: Store, limits: Limits) -> int:
    """By a keeper that has seen a steady clock for long enough."""
    clocks = Clocks(NOW_NS - 2 * 3_600 * 10**9)
    keeper = clocks.keeper(store, limits)
    clocks.wait(2)
    return keeper.enforce()


def held(store: Store) -> Holdings:
    return store.writer.run(holdings).result()


def planned(store: Store, limits: Limits) -> dict[str, int]:
    return store.writer.run(lambda db: excess(db, limits, NOW_NS)).result()


def aged(incoming: Make, days: float, **fields: object) -> Incoming:
    return incoming(received_ns=NOW_NS - round(days * DAY_NS), **fields)


def test_traces_beyond_the_number_go_oldest_first(store: Store, incoming: Make, keep: Keep):
    keep(*[incoming(make_trace(make_span("r", f"trace {i}"))) for i in range(10)])
    assert planned(store, Limits(traces=3)) == {"traces": 7}
    assert enforce(store, Limits(traces=3)) == 7
    assert [row.name for row in store.rows()] == ["trace 9", "trace 8", "trace 7"]
    assert planned(store, Limits(traces=3)) == {}
    ledger = read_ledger(store)
    assert (ledger.total("accepted"), ledger.total("removed"), ledger.kept) == (10, 7, 3)


def test_traces_beyond_the_age_go(store: Store, incoming: Make, keep: Keep):
    for days in (40, 31, 29, 1):
        keep(aged(incoming, days))
    assert planned(store, Limits(days=30)) == {"days": 2}
    assert enforce(store, Limits(days=30)) == 2
    assert store.count() == 2
    assert enforce(store, Limits(days=0.5)) == 2, "by age, even the newest goes"


def test_a_clock_that_leaps_ahead_removes_nothing_by_age(store: Store, incoming: Make, keep: Keep):
    clocks = Clocks()
    for hours in range(9):
        keep(aged(incoming, hours / 24))
    keeper = clocks.keeper(store, Limits(days=30))
    clocks.wait(2)
    clocks.leap(366 * 24)
    keep(incoming(received_ns=clocks.now_ns))
    assert keeper.enforce() == 0
    clocks.wait(0.9)
    assert keeper.enforce() == 0
    assert clocks.keeper(store, Limits(days=30)).enforce() == 0, "nor does a desk started then"
    clocks.leap(-366 * 24)
    clocks.wait(5)
    assert keeper.enforce() == 0, "the clock was set right again"
    assert store.count() == 10


def test_a_clock_that_stays_where_it_leapt_to_is_believed(store: Store, incoming: Make, keep: Keep):
    clocks = Clocks()
    keep(aged(incoming, 1))
    keeper = clocks.keeper(store, Limits(days=30))
    clocks.leap(366 * 24)
    assert keeper.enforce() == 0
    clocks.wait(1.1)
    assert keeper.enforce() == 1


def test_what_was_received_yesterday_vouches_for_the_clock_of_today(
    store: Store, incoming: Make, keep: Keep
):
    keep(aged(incoming, 40), aged(incoming, 1))
    assert Clocks().keeper(store, Limits(days=30)).enforce() == 1


def test_what_was_received_a_moment_ago_vouches_for_no_clock(
    store: Store, incoming: Make, keep: Keep
):
    keep(aged(incoming, 40), aged(incoming, 20), aged(incoming, 0))
    keeper = Clocks().keeper(store, Limits(days=30, traces=2))
    assert keeper.enforce() == 1, "the number of traces needs no clock"
    assert store.count() == 2


def test_traces_received_while_the_clock_was_ahead_keep_no_others_alive(
    store: Store, incoming: Make, keep: Keep
):
    keep(aged(incoming, 60), aged(incoming, -300), aged(incoming, 50), aged(incoming, 1))
    assert enforce(store, Limits(days=30)) == 2
    assert store.count() == 2


def test_a_trace_changed_lately_is_not_old(store: Store, incoming: Make, keep: Keep):
    keep(aged(incoming, 90, external_id="chat", mode="replace"))
    keep(aged(incoming, 80))
    keep(aged(incoming, 1, external_id="chat", mode="replace"))
    assert enforce(store, Limits(days=30)) == 1
    assert [row.external_id for row in store.rows()] == ["chat"]


def test_the_tightest_limit_decides(store: Store, incoming: Make, keep: Keep):
    for days in (40, 20, 10, 1):
        keep(aged(incoming, days))
    limits = Limits(days=30, traces=2)
    assert planned(store, limits) == {"days": 1, "traces": 2}
    assert enforce(store, limits) == 2


def test_a_database_beyond_its_size_shrinks(tmp_path: Path, incoming: Make):
    path = tmp_path / "traces.db"
    with Store.open(path) as store:
        for _ in range(30):
            store.writer.submit([incoming(body=os.urandom(1_000_000))])
        store.writer.submit([incoming()]).result()
        assert held(store).used > 30_000_000
        assert store.query("PRAGMA auto_vacuum") == [(2,)]
        about = planned(store, Limits(megabytes=5))["megabytes"]
        removed = enforce(store, Limits(megabytes=5))
        assert 0 < held(store).used <= 5_000_000
        assert abs(about - removed) <= 2
        assert store.count() == 31 - removed
        newest = store.rows(limit=1)[0]
        assert newest.number == 31, "the newest stays"
    assert path.stat().st_size < 20_000_000, "most free pages were given back to the disk"


def test_earlier_revisions_count_and_go_with_their_trace(store: Store, incoming: Make, keep: Keep):
    for _ in range(3):
        keep(incoming(external_id="old", mode="replace", body=os.urandom(200_000)))
    keep(incoming())
    assert enforce(store, Limits(megabytes=0.5)) == 1
    assert store.count() == 1
    assert held(store).used < 500_000


def test_a_single_trace_beyond_the_size_is_kept(store: Store, incoming: Make, keep: Keep):
    keep(incoming(), incoming(body=os.urandom(2_000_000)))
    assert enforce(store, Limits(megabytes=1)) == 1
    assert store.count() == 1, "what arrived last is always there to be looked at"
    assert planned(store, Limits(megabytes=1)) == {}


def test_a_slice_is_small(store: Store, incoming: Make, keep: Keep):
    many = make_trace(*[make_span(f"s{i}") for i in range(SLICE_SPANS // 2)])
    keep(*[incoming(many) for _ in range(4)])
    keep(*[incoming() for _ in range(SLICE_TRACES + 20)])
    one = Limits(traces=1)
    sizes = [store.writer.run(lambda db: remove_slice(db, one)).result() for _ in range(5)]
    assert sizes == [2, 2, SLICE_TRACES, 19, 0]


def test_nothing_is_removed_from_an_empty_database_or_without_limits(store: Store):
    everything = Limits(days=0.001, traces=1, megabytes=0.001)
    assert planned(store, everything) == {}
    assert enforce(store, everything) == 0
    assert not Limits()
    assert Limits(days=1)


def test_a_keeper_follows_what_arrives(
    store: Store, incoming: Make, keep: Keep, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keeping, "GROWN_S", 0.01)
    keeper = Keeper(store, Limits(traces=2))
    keep(*[incoming() for _ in range(5)])
    keeper.start()
    wait_until(lambda: store.count() == 2)
    keep(*[incoming() for _ in range(5)])
    wait_until(lambda: store.count() == 2)
    keeper.stop()
    assert {row.number for row in store.rows()} == {9, 10}


def test_a_keeper_without_limits_starts_no_thread(store: Store):
    before = threading.active_count()
    keeper = Keeper(store, Limits())
    keeper.start()
    assert threading.active_count() == before
    keeper.stop()


def test_traces_are_stored_while_others_are_removed(store: Store, incoming: Make, keep: Keep):
    keep(*[incoming() for _ in range(1_000)])
    keeper = Keeper(store, Limits(traces=1))
    keeper.start()
    for _ in range(20):
        keep(incoming())
    keeper.stop()
    ledger = read_ledger(store)
    assert ledger.total("accepted") == 1_020
    assert ledger.kept == store.count()


def wait_until(reached: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not reached():  # the test's own time limit ends it
        pause.wait(0.005)

"""The nearest passing trace, and what reads differently once a trace is read anew."""

import pytest
from msgspec.structs import replace

from tracedesk.comparing import nearest
from tracedesk.comparing.nearest import nearest_passing
from tracedesk.comparing.rereading import reread_differences
from tracedesk.reading import read
from tracedesk.store import Incoming, Store
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace


@pytest.fixture
def stored(tmp_path):
    """Stores traces of tools by name, in the order given; returns the store and their ids."""
    opened = []

    def store_all(*traces, agent="a"):
        store = Store.open(tmp_path / "traces.db")
        opened.append(store)
        items = []
        for number, tools in enumerate(traces):
            spans = [
                make_tool(f"{number}-{at}", name, "r", start_ms=at) for at, name in enumerate(tools)
            ]
            trace = make_trace(make_span("r", "agent"), *spans)
            body = b'{"n": %d}' % number
            items.append(
                Incoming(
                    trace=trace, agent_id=agent, routed_by="key", body=body,
                    received_ns=T0_NS + number,
                )
            )  # fmt: skip
        ids = [receipt.id for receipt in store.writer.submit(items).result(timeout=30)]
        return store, ids

    yield store_all
    for store in opened:
        store.close()


def outcomes(ids, told):
    known = dict(zip(ids, told.split(), strict=True))
    return lambda trace: {"-": None}.get(known[trace], known[trace])


def test_the_one_with_the_same_tools_in_the_same_order_is_nearest(stored):
    store, ids = stored(["find", "book"], ["book", "find"], ["find", "pay"], ["find", "book"])
    found = nearest_passing(store, store.row(ids[3]), outcomes(ids, "pass pass pass fail"))
    assert found.row.id == ids[0]
    assert (found.likeness, found.looked, found.compared) == (pytest.approx(0.6), 3, 3)


def test_of_equal_ones_the_newest_is_nearest(stored):
    store, ids = stored(["find"], ["find"], ["find"])
    found = nearest_passing(store, store.row(ids[2]), outcomes(ids, "pass pass fail"))
    assert found.row.id == ids[1]


def test_what_fails_or_is_not_judged_yet_is_never_taken(stored):
    store, ids = stored(["find"], ["find"], ["find"])
    found = nearest_passing(store, store.row(ids[2]), outcomes(ids, "fail - fail"))
    assert (found.row, found.looked, found.compared, found.bounded) == (None, 2, 0, False)


def test_where_none_passes_the_nearest_that_fails_nothing_is_taken(stored):
    store, ids = stored(["find"], ["pay"], ["find"])
    row = store.row(ids[2])
    found = nearest_passing(store, row, outcomes(ids, "missing missing fail"))
    assert (found.row.id, found.outcome) == (ids[0], "missing")


def test_a_pass_of_another_kind_of_run_gives_way_to_a_like_one_that_fails_nothing(stored):
    store, ids = stored(["find", "book"], ["pay"], ["find", "book"], ["find"])
    row = store.row(ids[2])
    found = nearest_passing(store, row, outcomes(ids, "missing pass fail fail"))
    assert (found.row.id, found.outcome) == (ids[0], "missing")
    found = nearest_passing(store, row, outcomes(ids, "missing fail fail pass"))
    assert (found.row.id, found.outcome) == (ids[3], "pass")
    found = nearest_passing(store, row, outcomes(ids, "fail pass fail fail"))
    assert (found.row.id, found.outcome) == (ids[1], "pass")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("fail fail - fail", "no other trace of the agent passes: they fail or are not judged yet"),
        ("fail error fail fail", "no other trace of the agent passes: they fail or are not"),
        ("- - - -", "no test case says anything of another trace of the agent"),
    ],
)
def test_why_none_was_found_is_said(stored, told, why):
    store, ids = stored(["find"], ["pay"], ["find"], ["book"])
    found = nearest_passing(store, store.row(ids[3]), outcomes(ids, told))
    assert found.row is None
    assert found.why_none.startswith(why)
    assert found.why_none.endswith("; all 3 were looked at")


def test_the_only_trace_of_an_agent_has_no_nearest(stored):
    store, ids = stored(["find"])
    found = nearest_passing(store, store.row(ids[0]), outcomes(ids, "fail"))
    assert found.why_none == "there is no other trace of the agent"


def test_how_far_is_looked_is_bounded_and_said(stored, monkeypatch):
    store, ids = stored(*[["find"]] * 6)
    monkeypatch.setattr(nearest, "LOOKED", 3)
    found = nearest_passing(store, store.row(ids[5]), outcomes(ids, "pass " * 5 + "fail"))
    assert (found.looked, found.bounded, found.row.id) == (3, True, ids[4])


def test_nothing_reads_differently_by_the_same_rules(stored):
    store, ids = stored(["find"])
    row, trace = store.row(ids[0]), make_trace(
        make_span("r", "agent"), make_tool("0-0", "find", "r", start_ms=0)
    )  # fmt: skip
    reading = read(trace)
    assert reread_differences(row, store.spans(ids[0]), reading, trace, reading) == []


def test_what_reads_differently_is_said_with_before_and_after(stored):
    store, ids = stored(["find", "gone"])
    row = replace(store.row(ids[0]), read_revision=1, response="Old.", tokens=7)
    before = read(make_trace(make_tool("0-0", "find", "r", arguments={"q": 1})))
    trace = make_trace(
        make_span("r", "agent", attributes={"gen_ai.response.text": "New."}),
        make_tool("0-0", "find", "r", arguments={"q": 2}, end_ms=5),
        make_span("s", "added", "r"),
    )
    found = reread_differences(row, store.spans(ids[0]), before, trace, read(trace))
    told = {difference.what: (difference.before, difference.after) for difference in found}
    assert told["span added"] == ("nothing", "is there")
    assert told["span gone"] == ("was there", "nothing")
    assert told["response in the list"] == ("Old.", "New.")
    assert told["tokens in the list"] == ("7", "nothing")
    assert told["arguments of find"] == ('{"q":1}', '{"q":2}')
    assert told["response"] == ("nothing", "New.")

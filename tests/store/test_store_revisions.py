"""What a trace was before it was replaced."""

from collections.abc import Callable

from tracedesk.store import Incoming, Receipt, Store
from tracedesk.store.removal import REVISIONS_KEPT, delete_traces
from tracedesk.testing import make_span, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def rows_in(store: Store, table: str) -> int:
    count: int = store.query(f"SELECT count(*) FROM {table}")[0][0]
    return count


def test_a_replaced_trace_keeps_the_bodies_of_what_it_was(store: Store, incoming: Make, keep: Keep):
    (receipt,) = keep(
        incoming(
            make_trace(make_span("r", "First")),
            external_id="chat",
            mode="replace",
            body=b"first body",
            received_ns=100,
        )
    )
    keep(incoming(make_trace(make_span("q", "Second")), external_id="chat", mode="replace"))
    (earlier,) = store.revisions(receipt.id)
    assert (earlier.revision, earlier.name, earlier.span_count) == (1, "First", 1)
    assert (earlier.updated_ns, earlier.size) == (100, 10)
    assert [r.body for r in store.revision_requests(receipt.id, 1)] == [b"first body"]
    assert store.revision_requests(receipt.id, 2) == [], "the latest is no earlier one"
    latest = store.row(receipt.id)
    assert latest is not None
    then = earlier.row(latest)
    assert (then.id, then.revision, then.name, then.received_ns) == (receipt.id, 1, "First", 100)


def test_only_the_latest_earlier_revisions_are_kept(store: Store, incoming: Make, keep: Keep):
    for at in range(REVISIONS_KEPT + 4):
        (receipt,) = keep(incoming(external_id="chat", mode="replace", body=b"%d" % at))
    assert receipt.revision == REVISIONS_KEPT + 4
    kept = [revision.revision for revision in store.revisions(receipt.id)]
    assert kept == list(range(REVISIONS_KEPT + 3, 3, -1))
    assert store.revision_requests(receipt.id, 4)[0].body == b"3"
    assert store.revision_requests(receipt.id, 3) == []
    assert rows_in(store, "request") == REVISIONS_KEPT + 1


def test_revisions_in_one_batch_see_one_another(store: Store, incoming: Make, keep: Keep):
    receipts = keep(*[incoming(external_id="chat", mode="replace") for _ in range(3)])
    assert [receipt.revision for receipt in receipts] == [1, 2, 3]
    assert [r.revision for r in store.revisions(receipts[0].id)] == [2, 1]


def test_parts_of_an_otlp_trace_are_put_aside_together(
    store: Store, incoming: Make, otlp: Make, keep: Keep
):
    (receipt,) = keep(otlp(make_span("a"), external_id="run-1", body=b"part 1"))
    keep(otlp(make_span("b"), body=b"part 2"))
    keep(otlp(make_span("z"), trace_id="cd" * 16, external_id="run-1", body=b"again"))
    assert [r.body for r in store.requests(receipt.id)] == [b"again"]
    (earlier,) = store.revisions(receipt.id)
    assert (earlier.revision, earlier.trace_id, earlier.span_count) == (2, "ab" * 16, 2)
    bodies = [r.body for r in store.revision_requests(receipt.id, 2)]
    assert bodies == [b"part 1", b"part 2"]


def test_revisions_go_with_their_trace_and_leave_what_others_share(
    store: Store, incoming: Make, keep: Keep
):
    shared = b"two traces in one request"
    first, second = keep(
        incoming(external_id="one", mode="replace", body=shared),
        incoming(external_id="two", mode="replace", body=shared),
    )
    keep(incoming(external_id="one", mode="replace"))
    store.writer.run(lambda db: delete_traces(db, [first.number])).result()
    assert [r.body for r in store.requests(second.id)] == [shared]
    store.writer.run(lambda db: delete_traces(db, [second.number])).result()
    tables = ("request", "part", "span", "trace", "revision", "revision_part")
    assert [rows_in(store, table) for table in tables] == [0] * len(tables)


def test_an_unknown_trace_has_no_revisions(store: Store):
    assert store.revisions("nothing") == []
    assert store.revision_requests("nothing", 1) == []

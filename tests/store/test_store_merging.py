"""Parts of one OTLP trace: merged by span id, in any split, at the cost of the part alone."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.model.trace import Format, Kind, Span, Status
from tracedesk.store import Incoming, Receipt, Store
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]


def test_parts_become_one_trace_named_by_its_root(store: Store, otlp: Make, keep: Keep):
    (first,) = keep(otlp(make_tool("c", "lookup", "r", start_ms=5, end_ms=6)))
    assert store.rows()[0].name == "lookup"
    (second,) = keep(otlp(make_span("r", "Harbour Bot", start_ms=0, end_ms=9)))
    assert (second.id, second.created, second.revision) == (first.id, False, 2)
    (row,) = store.rows()
    assert (row.name, row.span_count, row.trace_id) == ("Harbour Bot", 2, "ab" * 16)
    assert (row.start_ns, row.end_ns) == (T0_NS, T0_NS + 9_000_000)
    assert [span.name for span in store.spans(row.id)] == ["lookup", "Harbour Bot"]
    assert [request.part for request in store.requests(row.id)] == [0, 1]
    keep(otlp(make_span("s", "Second root")))
    assert store.rows()[0].name == "Harbour Bot", "the first root keeps the name"


def test_a_part_that_is_sent_again_changes_nothing(store: Store, otlp: Make, keep: Keep):
    part = otlp(make_span("r"), body=b"the same bytes")
    (first,) = keep(part)
    sequence = store.rows()[0].sequence
    (again,) = keep(part)
    assert (again.id, again.revision, again.created) == (first.id, 1, False)
    assert store.rows()[0].sequence == sequence
    assert len(store.requests(first.id)) == 1
    assert store.query("SELECT count(*) FROM request") == [(1,)]


def test_a_known_time_is_never_replaced_by_an_absent_one(store: Store, otlp: Make, keep: Keep):
    keep(otlp(make_span("r", "Root", start_ms=0, end_ms=5, status=Status.ERROR)))
    keep(otlp(make_span("r", "", start_ms=2)))
    (row,) = store.rows()
    (span,) = store.spans(row.id)
    assert (span.name, span.end_ns) == ("Root", T0_NS + 5_000_000)
    assert (span.status, row.error_count) == (Status.ERROR, 1), "UNSET says nothing new"
    assert row.start_ns == span.start_ns == T0_NS + 2_000_000, "the later start wins"


def test_a_span_sent_twice_in_one_part_is_one_span(store: Store, otlp: Make, keep: Keep):
    keep(otlp(make_span("r", "Root", start_ms=0), make_span("r", "Root", end_ms=3)))
    (row,) = store.rows()
    (span,) = store.spans(row.id)
    assert row.span_count == 1
    assert (span.start_ns, span.end_ns) == (T0_NS, T0_NS + 3_000_000)


def test_the_header_names_the_trace_and_else_its_trace_id(store: Store, otlp: Make, keep: Keep):
    (first,) = keep(otlp(make_span("r")))
    assert first.external_id == "ab" * 16
    (second,) = keep(otlp(make_span("s"), external_id="chat-1"))
    assert (second.id, second.external_id) == (first.id, "chat-1")
    (third,) = keep(otlp(make_span("t")))
    assert (third.id, third.external_id) == (first.id, "chat-1"), "a later part without it keeps it"


def test_the_same_header_under_another_trace_id_replaces(store: Store, otlp: Make, keep: Keep):
    (first,) = keep(otlp(make_span("a", "Old"), external_id="run-1"))
    (second,) = keep(otlp(make_span("b", "New"), external_id="run-1", trace_id="cd" * 16))
    assert (second.id, second.created) == (first.id, False)
    (row,) = store.rows()
    assert (row.name, row.span_count, row.trace_id) == ("New", 1, "cd" * 16)


def test_a_header_that_belongs_to_another_trace_is_not_taken_away(
    store: Store, otlp: Make, keep: Keep
):
    keep(otlp(make_span("a"), external_id="run-1"))
    keep(otlp(make_span("b"), trace_id="cd" * 16))
    (grown,) = keep(otlp(make_span("c"), trace_id="cd" * 16, external_id="run-1"))
    assert grown.external_id == "cd" * 16
    assert [w.code for w in store.row(grown.id).warnings] == ["request_id_ignored"]  # type: ignore[union-attr]


def test_a_canonical_body_replaces_an_otlp_trace_of_the_same_external_id(
    store: Store, otlp: Make, incoming: Make, keep: Keep
):
    (first,) = keep(otlp(make_span("a"), external_id="run-1"))
    (second,) = keep(incoming(external_id="run-1", mode="replace"))
    assert second.id == first.id
    assert store.rows()[0].trace_id is None
    (third,) = keep(otlp(make_span("a")))
    assert third.created, "the OTLP trace id is free again"


def test_traces_of_two_agents_never_merge(store: Store, otlp: Make, keep: Keep):
    one, two = keep(otlp(make_span("a"), agent_id="x"), otlp(make_span("b"), agent_id="y"))
    assert one.id != two.id


def test_parts_in_one_batch_find_each_other(store: Store, otlp: Make, keep: Keep):
    receipts = keep(*[otlp(make_span(f"s{i}")) for i in range(5)])
    assert len({receipt.id for receipt in receipts}) == 1
    assert [receipt.revision for receipt in receipts] == [1, 2, 3, 4, 5]
    assert store.rows()[0].span_count == 5


def test_warnings_of_all_parts_are_kept_once(store: Store, otlp: Make, keep: Keep):
    for span_id in ("a", "b"):
        part = otlp(make_span(span_id))
        part.trace.warn("coerced_field", "the same")
        part.trace.warn("x", span_id)
        keep(part)
    assert [w.message for w in store.rows()[0].warnings] == ["the same", "a", "b"]


def test_aliases_of_a_tool_are_kept(store: Store, otlp: Make, keep: Keep):
    keep(otlp(make_tool("t", "running tool")))
    keep(otlp(make_span("t", "running tool", attributes={"gen_ai.tool.name": "get_weather"})))
    assert store.query("SELECT aliases FROM span") == [("get_weather",)]


span_parts = st.lists(
    st.builds(
        make_span,
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["", "first", "second"]),
        st.sampled_from([None, "a", "b"]),
        start_ms=st.none() | st.integers(0, 9),
        end_ms=st.none() | st.integers(0, 9),
        status=st.sampled_from([Status.UNSET, Status.OK, Status.ERROR]),
        kind=st.sampled_from([Kind.NODE, Kind.TOOL]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    with Store.open(tmp_path_factory.mktemp("merging") / "traces.db") as opened:
        yield opened


@given(parts=st.lists(span_parts, min_size=1, max_size=5))
@settings(max_examples=60)
def test_any_split_gives_the_spans_and_totals_of_the_rule(shared: Store, parts: list[list[Span]]):
    expected: dict[str, list[object]] = {}
    for span in (span for part in parts for span in part):
        fields = [
            span.parent_id, span.label, span.kind, span.start_ns, span.end_ns, span.status,
        ]  # fmt: skip
        known = expected.setdefault(span.span_id, fields)
        expected[span.span_id] = [
            old if new is None or new == "" or new == 0 else new
            for new, old in zip(fields, known, strict=True)
        ]
    agent = str(shared.count())
    for number, part in enumerate(parts):
        trace = make_trace(*part, format=Format.OTLP, trace_id="ab" * 16)
        item = Incoming(
            trace=trace, agent_id=agent, mode="merge", routed_by="key",
            body=b"%d" % number, received_ns=number,
        )  # fmt: skip
        (receipt,) = shared.writer.submit([item]).result(10)
    spans = shared.spans(receipt.id)
    found = {
        s.span_id: [s.parent_id, s.name, s.kind, s.start_ns, s.end_ns, s.status] for s in spans
    }
    assert found == expected
    assert [span.span_id for span in spans] == list(expected), "in order of first arrival"
    row = shared.row(receipt.id)
    assert row is not None
    assert row.span_count == len(expected)
    assert row.error_count == sum(fields[5] == Status.ERROR for fields in expected.values())
    starts = [span.start_ns for span in spans if span.start_ns is not None]
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    assert (row.start_ns, row.end_ns) == (min(starts, default=None), max(ends, default=None))

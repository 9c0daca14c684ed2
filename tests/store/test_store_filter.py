"""A filter means the same in SQL as in Python, and pages like any list."""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.model.mark import Mark
from tracedesk.model.trace import Kind, Status
from tracedesk.query.filter import parse_filter
from tracedesk.store import Incoming, Receipt, Store, StoreError, Summary
from tracedesk.store.marks import set_mark
from tracedesk.store.rows import TraceRow
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace

Make = Callable[..., Incoming]
Keep = Callable[..., list[Receipt]]

AGENTS = {"agent-1": "Booking bot", "agent-2": "Refunds"}
VERDICTS = {"Café tables": "pass", "50% off_season": "fail"}

FILTERS = [
    "",
    "status:failed",
    "-status:failed",
    "status:completed,partial",
    "agent:booking",
    "agent:refunds,booking",
    "-agent:booking",
    "agent=agent-2",
    "agent:agent",
    "tool:create_booking",
    "tool:Create-Booking",
    'tool:"café lookup"',
    "-tool:create_booking",
    "tool:get_weather",
    "span:root",
    "span=root",
    'name:"CAFÉ"',
    'name:"50% off_"',
    "name:%",
    "dur>1s",
    "dur<=1500ms",
    "-dur>1s",
    "tokens>100",
    "tokens:100",
    "spans>1",
    "errors>0",
    "format:otlp,canonical",
    "external:CHAT",
    "warning:orphan",
    "-warning:orphan",
    "env=production",
    "env=PRODUCTION",
    "retries=3",
    "user.tier=gold",
    "user.tier=silver,gold",
    "-env=production",
    "since:1h",
    "before:2026-05-29",
    "since:2026-05-29",
    '"café"',
    '"create_booking"',
    '"Your table"',
    '"PRODUCTION"',
    '-"table"',
    "verdict:pass",
    "verdict:pending",
    "-verdict:fail",
    "mark:good",
    "mark:good,bad",
    "mark:none",
    "-mark:bad",
    "status:failed agent:booking spans>1",
]


@pytest.fixture
def filled(store: Store, incoming: Make, keep: Keep) -> Store:
    """Three traces that differ in everything a filter can ask for."""
    root = make_span("r", "Root", start_ms=0, end_ms=5, status=Status.ERROR)
    named = make_trace(
        make_span("r", "Café tables"),
        make_tool("t", "create_booking", "r"),
        make_tool("u", "Café-Lookup", "r"),
        metadata={"env": "production", "retries": 3, "user": {"tier": "gold"}},
    )
    named.warn("orphan_parent", "no such parent")
    running = make_span("w", "running tool", attributes={"gen_ai.tool.name": "get_weather"})
    keep(
        incoming(make_trace(root, make_span("c", "Child", "r")), external_id="chat-1"),
        incoming(named, agent_id="agent-2", received_ns=T0_NS + 86_400 * 10**9),
        incoming(make_trace(make_span("r", "50% off_season"), running)),
    )
    store.writer.summaries(
        [
            Summary(number=2, revision=1, status="partial", duration_ms=1500.0, tokens=100,
                    response="Your table is booked", input="A table, please"),
            Summary(number=3, revision=1, status="completed", duration_ms=20.5, tokens=7),
        ]
    ).result()  # fmt: skip
    set_mark(store, 1, Mark.GOOD)
    set_mark(store, 3, Mark.BAD, "books twice")
    names = {row.id: row.name for row in store.rows()}
    store.agent_names = lambda: AGENTS
    store.verdict_of = lambda trace_id: VERDICTS.get(names[trace_id])
    return store


def facts(store: Store, row: TraceRow) -> dict[str, Any]:
    spans = [
        ([name, *filter(None, (aliases or "").split("\n"))], kind)
        for name, aliases, kind in store.query(
            "SELECT name, aliases, kind FROM span WHERE trace = ?", (row.number,)
        )
    ]
    every = [name for names, _ in spans for name in names]
    texts = [row.name, row.external_id, row.response, row.input, row.id, *every]
    metadata = store.query("SELECT metadata FROM trace WHERE number = ?", (row.number,))[0][0]
    return {
        "status": row.shown_status,
        "agent": [row.agent_id, AGENTS[row.agent_id]],
        "tool": [name for names, kind in spans if kind == Kind.TOOL for name in names],
        "span": every,
        "name": row.name,
        "dur": row.duration_ms,
        "tokens": row.tokens,
        "spans": row.span_count,
        "errors": row.error_count,
        "verdict": VERDICTS.get(row.name, "pending"),
        "mark": row.mark or "none",
        "format": row.format,
        "id": [row.id],
        "external": row.external_id,
        "warning": [warning.code for warning in row.warnings],
        "received_ns": row.received_ns,
        "metadata": row.metadata,
        "text": [text for text in [*texts, metadata] if text],
    }


@pytest.mark.parametrize("text", FILTERS)
def test_sql_and_python_agree(filled: Store, text: str):
    found = parse_filter(text)
    expected = [row.name for row in filled.rows() if found.matches(facts(filled, row))]
    assert [row.name for row in filled.rows(where=found)] == expected
    assert filled.count(found) == len(expected)
    assert [row.name for row in filled.by_numbers(filled.numbers(found))] == expected


def test_the_list_of_filters_tells_the_traces_apart(filled: Store):
    answers = {tuple(filled.numbers(parse_filter(text))) for text in FILTERS}
    assert len(answers) == 8, "every subset of the three traces is somebody's answer"


def test_filtered_lists_are_read_by_window(store: Store, incoming: Make, keep: Keep):
    keep(*[incoming(make_trace(make_span("r", f"{'odd' if i % 2 else 'even'} {i}")))
           for i in range(20)])  # fmt: skip
    odd = parse_filter("name:odd")
    assert store.count(odd) == 10
    assert [row.name for row in store.rows(where=odd, offset=3, limit=2)] == ["odd 13", "odd 11"]


def test_an_id_may_be_begun(filled: Store):
    row = filled.rows()[0]
    assert [r.id for r in filled.rows(where=parse_filter(f"id:{row.id[:8]}"))] == [row.id]


def test_without_verdicts_a_filter_on_them_is_refused(filled: Store):
    filled.verdict_of = None
    with pytest.raises(StoreError, match="verdicts are not known"):
        filled.rows(where=parse_filter("verdict:fail"))


def test_an_age_beyond_all_time_is_no_crash(filled: Store):
    assert filled.count(parse_filter("since:99999999999999999w")) == 3

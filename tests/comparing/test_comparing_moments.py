"""A trace as it was at its moments, and which verdicts were decided by then."""

import pytest
from sides import tree_of

from tracedesk.comparing.decided import UNDECIDED, none_yet, verdicts_so_far
from tracedesk.comparing.moments import ByArrival, ByStart
from tracedesk.evaluation.run import evaluate_trace
from tracedesk.model.trace import Event, Status
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.reading.settings import ReadingSettings
from tracedesk.testcases.load import load_text
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace

AGENT = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Book"}]}]',
    "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Done."}]}]',
    "gen_ai.usage.output_tokens": 12,
}


def agent_trace():
    """An agent that searches, books while a slow note is still being sent, and cancels."""
    return make_trace(
        make_span("root", "agent", attributes=AGENT, start_ms=0, end_ms=500),
        make_tool(
            "search", "search", "root", arguments={"q": 1}, result=[1], start_ms=10, end_ms=50
        ),
        make_tool(
            "note", "send_note", "root", arguments={"to": "x"}, result="sent",
            start_ms=60, end_ms=300, status=Status.ERROR, message="late",
            events=[Event("exception", T0_NS + 290_000_000, {"exception.type": "Late"})],
        ),
        make_tool("book", "book", "root", arguments={"party": 4}, start_ms=100, end_ms=150),
        make_tool("cancel", "cancel", "root", start_ms=400, end_ms=450),
    )  # fmt: skip


def by_start(trace):
    return ByStart(trace, tree_of(trace), ReadingSettings())


def at(moments, step):
    return {span.span_id: span for span in moments.trace(step).spans}


def test_there_is_a_step_a_span_in_the_order_of_starts():
    moments = by_start(agent_trace())
    assert [list(at(moments, step)) for step in range(len(moments))] == [
        ["root"],
        ["root", "search"],
        ["root", "search", "note"],
        ["root", "search", "note", "book"],
        ["root", "search", "note", "book", "cancel"],
    ]
    assert [moments.at(step) for step in range(5)] == [
        "+10ms",
        "+60ms",
        "+100ms",
        "+400ms",
        "+500ms",
    ]
    assert bytes(moments.seen(1)) == bytes([1, 1, 0, 0, 0])
    assert moments.row(3) == 3


def test_a_span_that_is_still_running_has_no_result_no_status_and_no_answer():
    moments = by_start(agent_trace())
    running = at(moments, 2)["note"]
    assert running.end_ns is None
    assert (running.status, running.status_message, running.exception) == (Status.UNSET, "", False)
    assert running.events == []
    assert running.attributes == {
        "gen_ai.tool.name": "send_note",
        "gen_ai.tool.call.arguments": {"to": "x"},
    }
    ended = at(moments, 3)["note"]
    assert (ended.failed, ended.attributes["gen_ai.tool.call.result"]) == (True, "sent")


def test_the_answer_of_the_agent_is_known_at_the_last_step_only():
    moments = by_start(agent_trace())
    readings = [read(moments.trace(step)) for step in range(5)]
    assert [reading.response.text for reading in readings] == [None] * 4 + ["Done."]
    assert {reading.input.text for reading in readings} == {"Book"}
    assert readings[0].usage.output is None


def test_the_last_step_is_the_trace_itself():
    trace = agent_trace()
    assert by_start(trace).trace(4) is trace


def test_without_times_a_span_runs_until_what_is_below_it_was_seen():
    trace = make_trace(make_span("r"), make_span("a", parent="r"), make_span("b", parent="r"))
    moments = by_start(trace)
    assert [list(at(moments, step)) for step in range(3)] == [["r"], ["r", "a"], ["r", "a", "b"]]
    assert moments.at(0) == ""


def test_by_arrival_there_is_a_step_a_request():
    trace = agent_trace()
    parts = [make_trace(*trace.spans[1:3]), trace]
    moments = ByArrival(
        trace, tree_of(trace), [T0_NS, T0_NS + 1_400_000_000], lambda count: parts[count - 1]
    )
    assert len(moments) == 2
    assert [moments.at(0), moments.at(1)] == ["+0", "+1.4s"]
    assert bytes(moments.seen(0)) == bytes([0, 1, 1, 0, 0])
    assert (moments.row(0), moments.row(1)) == (1, 0)
    assert moments.partial(0, 0) is None
    assert moments.trace(1) is trace


# -- what is decided -------------------------------------------------------------------


def steps_of(assertion):
    """The verdict of one assertion at each step of the trace: its outcome, or ``…``."""
    case = f"cases:\n  - name: c\n    assertions:\n      - {assertion}\n"
    (loaded,) = load_text(case, "a.yaml").cases
    assert not loaded.problems
    assert not loaded.checks[0].problems
    trace = agent_trace()
    whole = evaluate_trace("t", 1, trace, read(trace), [loaded])
    moments, told = by_start(trace), []
    for step in range(len(moments)):
        partial = moments.trace(step)
        found = verdicts_so_far(whole, [loaded], partial, read(partial))
        verdict = found.cases[0].verdicts[0]
        if partial is trace:  # the last step shows the verdicts of the trace itself
            verdict = whole.cases[0].verdicts[0]
        told.append("…" if verdict.reason_code == UNDECIDED else str(verdict.outcome))
    return " ".join(told)


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        ("{target: node_call, expected_name: book}", "… … … pass pass"),
        ("{target: node_call, expected_name: book, max_calls: 1}", "… … … … pass"),
        (
            "{target: node_call, expected_name: book, expected_arguments: {party: 5}}",
            "… … … … fail",
        ),
        ("{target: node_call, expected_name: book, condition: MUST_NOT_CALL}", "… … … fail fail"),
        ("{target: node_call, expected_name: pay, condition: MUST_NOT_CALL}", "… … … … pass"),
        ("{target: no_errors}", "… … … fail fail"),
        ("{target: tool_policy, forbidden: [search]}", "… fail fail fail fail"),
        ("{target: tool_policy, required: [pay]}", "… … … … fail"),
        ("{target: tool_sequence, expected: [search, book]}", "… … … pass pass"),
        ("{target: response_regex, pattern: Done}", "… … … … pass"),
        ("{target: response_time, max_ms: 10}", "… fail fail fail fail"),
        (
            "{target: any_of, assertions: [{target: node_call, expected_name: search},"
            " {target: response_regex, pattern: x}]}",
            "… pass pass pass pass",
        ),
        (
            "{target: not, assertion: {target: node_call, expected_name: search}}",
            "… fail fail fail fail",
        ),
    ],
)
def test_only_what_nothing_to_come_can_turn_is_shown(assertion, told):
    assert steps_of(assertion) == told


def test_a_pending_verdict_gives_nothing_away_and_is_never_a_pass():
    text = "cases:\n  - name: c\n    assertions:\n      - {target: no_loop}\n"
    trace = agent_trace()
    cases = load_text(text, "a.yaml").cases
    whole = evaluate_trace("t", 1, trace, read(trace), cases)
    assert whole.outcome is Outcome.PASS
    begun = none_yet(whole)
    (verdict,) = begun.cases[0].verdicts
    assert (verdict.outcome, verdict.evidence, verdict.score) == (Outcome.SKIPPED, (), None)
    assert begun.outcome is not Outcome.PASS
    assert begun.counts[Outcome.PASS] == 0

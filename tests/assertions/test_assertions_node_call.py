"""node_call: names, arguments, tools inside, counts, what is unknown, how it explains itself."""

from typing import Any

import pytest

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Format, Status, Trace
from tracedesk.model.verdict import Outcome
from tracedesk.reading.recorded import recorded
from tracedesk.testing import make_span, make_tool, make_trace

BOOK = make_tool("b", "book_ticket", "r", arguments={"seat": 55, "who": {"city": "Porto"}})
MAIL = make_tool("m", "Mail", "r", arguments={"to": "a"})
ARCHIVE = make_tool("a", "Mail Archive", "r", arguments={"to": "b"})
DESK = make_span("r", "Desk", attributes={"n8n.node.output": {"text": "hi", "n": 2}})
SPANS = (DESK, BOOK, MAIL, ARCHIVE)


def call(name: str = "book_ticket", **fields: Any) -> dict[str, Any]:
    return {"target": "node_call", "expected_name": name, **fields}


def node_map(nodes: dict[str, Any]) -> Trace:
    """A trace of the older Custom API era."""
    import json

    from tracedesk.formats.detect import read_body

    return read_body(json.dumps({"data": nodes}).encode()).trace("custom")


@pytest.mark.parametrize(
    ("assertion", "outcome", "code"),
    [
        (call(), "pass", "called"),
        (call("BOOK TICKET"), "pass", "called"),
        (call("desk", kind="tool"), "fail", "not_called"),
        (call("desk", kind="node"), "pass", "called"),
        (call("mail", expected_arguments={"to": "b"}), "fail", "argument_value"),  # exact preferred
        (call("mail a", expected_arguments={"to": "b"}), "pass", "called"),
        (call("mail", name_match="glob"), "pass", "called"),
        (call("m.*e$", name_match="regex"), "fail", "not_called"),
        (call("M.*e$", name_match="regex"), "pass", "called"),
        (call(condition="MUST_NOT_CALL"), "fail", "called"),
        (call("refund", condition="MUST_NOT_CALL"), "pass", "not_called"),
        (
            call(condition="MUST_NOT_CALL", expected_arguments={"seat": 54}),
            "pass",
            "not_called",
        ),
        (call(expected_arguments={"seat": 55.0, "who.city": "Porto"}), "pass", "called"),
        (call(expected_arguments={"seat": "55"}), "fail", "argument_type"),
        (call(expected_arguments={"row": 1}), "fail", "argument_missing"),
        (call(args_mode="exact", expected_arguments={"seat": 55}), "fail", "argument_unexpected"),
        (
            call(args_mode="exact", expected_arguments={"seat": 55, "who.city": "Porto"}),
            "pass",
            "called",
        ),
        (
            call(args_mode="exact", expected_arguments={"seat": 55}, ignore_args=["w*"]),
            "pass",
            "called",
        ),
        (
            call(
                args_mode="exact",
                expected_arguments={"seat": 55},
                default_args={"who": {"city": "Porto"}},
            ),
            "pass",
            "called",
        ),
        (call(args_mode="only", expected_arguments={"seat": 55}), "fail", "argument_unexpected"),
        (
            call(
                args_mode="only",
                expected_arguments={"seat": 55, "who": {"city": "Porto"}, "row": 1},
            ),
            "pass",
            "called",
        ),
        (call(args_mode="ignore", expected_arguments={"seat": 1}), "pass", "called"),
        (call(args_mode="schema"), "missing", "arguments_not_captured"),
        (call("desk", expected_arguments={"n": {"matcher": "gte", "value": 2}}), "pass", "called"),
        (
            call("desk", expected_tool_calls=[call_entry := {"expected_name": "mail"}]),
            "pass",
            "called",
        ),
        (
            call("desk", expected_tool_calls=[{"expected_name": "refund"}]),
            "fail",
            "tool_not_called",
        ),
        (
            call("desk", expected_tool_calls=[{**call_entry, "condition": "MUST_NOT_CALL"}]),
            "fail",
            "tool_called",
        ),
        (
            call("desk", expected_tool_calls=[{**call_entry, "expected_arguments": {"to": "z"}}]),
            "fail",
            "argument_value",
        ),
        (call("m", name_match="glob", min_calls=1), "fail", "not_called"),
        (call("m*", name_match="glob", min_calls=2), "pass", "called"),
        (call("m*", name_match="glob", min_calls=3), "fail", "count_low"),
        (call("m*", name_match="glob", max_calls=1), "fail", "count_high"),
        (
            call("m*", name_match="glob", occurrence=2, expected_arguments={"to": "b"}),
            "pass",
            "called",
        ),
        (call("m*", name_match="glob", occurrence=3), "fail", "count_low"),
        (
            call("m*", name_match="glob", occurrence="first", expected_arguments={"to": "b"}),
            "fail",
            "argument_value",
        ),
        (
            call(
                "m*",
                name_match="glob",
                occurrence="every",
                expected_arguments={"to": {"matcher": "any"}},
            ),
            "pass",
            "called",
        ),
        (call("mail", within={"name": "desk"}), "pass", "called"),
        (call("mail", within={"name": "book"}), "fail", "not_called"),
        (call("mail", within={"name": "nowhere"}), "missing", "nothing_selected"),
    ],
)
def test_decision(decide: Any, assertion: dict[str, Any], outcome: str, code: str) -> None:
    verdict = decide(assertion, *SPANS)
    assert (verdict.outcome, verdict.reason_code) == (outcome, code), verdict.reason


@pytest.mark.parametrize("condition", ["MUST_CALL", "MUST_NOT_CALL"])
def test_without_call_structure_both_conditions_are_missing(decide: Any, condition: str) -> None:
    trace = make_trace(format=Format.CUSTOM, data={"answer": "yes"})
    assert decide(call(condition=condition), trace).reason_code == "no_structure"


@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        (None, "missing"),
        ("{broken", "missing"),
        ("plain text", "fail"),
        ("[]", "fail"),
        ('{"seat": 55}', "pass"),
        ('[{"seat": 1}, {"seat": 55}]', "pass"),
    ],
)
def test_what_was_recorded_of_the_arguments(decide: Any, arguments: Any, outcome: str) -> None:
    verdict = decide(
        call(expected_arguments={"seat": 55}), make_tool("t", "book_ticket", arguments=arguments)
    )
    assert verdict.outcome == outcome


def test_one_item_must_satisfy_the_whole_set(decide: Any) -> None:
    tool = make_tool("t", "f", arguments=[{"a": 1, "b": 0}, {"a": 0, "b": 2}])
    verdict = decide(call("f", expected_arguments={"a": 1, "b": 2}), tool)
    assert verdict.outcome is Outcome.FAIL
    assert [difference.path for difference in verdict.differences] == ["$[0].b"]


@pytest.mark.parametrize(
    ("arguments", "expected"), [("find ferries", "find ferries"), ([1, 2], [1, 2])]
)
def test_the_dollar_key_is_the_whole_value(decide: Any, arguments: Any, expected: Any) -> None:
    tool = make_tool("t", "f", arguments=arguments)
    assert decide(call("f", expected_arguments={"$": expected}), tool).outcome is Outcome.PASS


def test_different_calls_may_not_each_satisfy_half(decide: Any) -> None:
    verdict = decide(
        call("f", expected_arguments={"a": 1}, expected_output={"ok": True}),
        make_tool("1", "f", arguments={"a": 1}, result={"ok": False}),
        make_tool("2", "f", arguments={"a": 2}, result={"ok": True}),
    )
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason_code == "output_mismatch"


def test_counts_over_calls_without_recorded_arguments(decide: Any) -> None:
    spans = (make_tool("1", "f", arguments={"a": 1}), make_tool("2", "f"))
    wanted = call("f", expected_arguments={"a": 1})
    assert decide({**wanted, "min_calls": 2}, *spans).outcome is Outcome.MISSING
    assert decide({**wanted, "min_calls": 3}, *spans).outcome is Outcome.FAIL
    assert decide({**wanted, "max_calls": 1}, *spans).outcome is Outcome.MISSING
    assert decide({**wanted, "max_calls": 2}, *spans).outcome is Outcome.PASS
    assert decide(wanted, *spans).outcome is Outcome.PASS


def test_failed_calls_are_calls_with_a_caution(decide: Any) -> None:
    failed = make_tool("t", "f", status=Status.ERROR)
    verdict = decide(call("f"), failed)
    assert verdict.outcome is Outcome.PASS
    assert [caution.code for caution in verdict.cautions] == ["failed_call"]
    assert decide(call("f", call_status="ok"), failed).reason == (
        "f was never called successfully among 1 call"
    )


def test_a_caution_may_count_as_missing(decide: Any) -> None:
    from tracedesk.assertions import Settings

    settings = Settings(cautions_as_missing=("failed_call",))
    verdict = decide(call("f"), make_tool("t", "f", status=Status.ERROR), settings=settings)
    assert (verdict.outcome, verdict.reason_code) == (Outcome.MISSING, "failed_call")


def test_tools_of_a_descendant_agent_are_not_its_own(decide: Any) -> None:
    spans = (make_span("r", "Desk"), make_span("s", "Helper", "r"), make_tool("t", "f", "s"))
    wanted = call("desk", expected_tool_calls=[{"expected_name": "f"}])
    assert decide(wanted, *spans).outcome is Outcome.FAIL
    assert decide({**wanted, "tool_depth": "subtree"}, *spans).outcome is Outcome.PASS


def test_an_old_node_without_a_tool_list_is_unknown(decide: Any) -> None:
    entry = {"output": {"text": "x"}, "status": "success"}
    trace = node_map({"Librarian": entry, "Other": {**entry, "tools_called": []}})
    for condition in ("MUST_CALL", "MUST_NOT_CALL"):
        tools = [{"expected_name": "f", "condition": condition}]
        assert decide(call("Librarian", expected_tool_calls=tools), trace).outcome == "missing"
    assert decide(call("Other", expected_tool_calls=tools), trace).outcome == "pass"


def test_an_n8n_agent_that_hides_its_tools_is_a_caution(decide: Any) -> None:
    attributes = {"n8n.node.type": "@n8n/n8n-nodes-langchain.agent", "n8n.node.parameters": "{}"}
    agent = make_span("r", "Agent", attributes=attributes)
    tools = [{"expected_name": "f", "condition": "MUST_NOT_CALL"}]
    verdict = decide(call("agent", expected_tool_calls=tools), agent)
    assert verdict.outcome is Outcome.PASS
    assert [caution.code for caution in verdict.cautions] == ["tool_visibility_unknown"]


def test_declared_parameters_decide_under_schema(decide: Any) -> None:
    parameters = {
        "type": "object",
        "required": ["seat"],
        "properties": {"seat": {"type": "integer"}},
    }
    offer = [{"type": "function", "function": {"name": "book", "parameters": parameters}}]
    root = make_span("r", "Desk", attributes={"gen_ai.tool.definitions": offer})
    wanted = call("book", args_mode="schema")
    good = make_tool("t", "book", "r", arguments={"seat": 1})
    bad = make_tool("t", "book", "r", arguments={"seat": "1"})
    assert decide(wanted, root, good).outcome is Outcome.PASS
    verdict = decide(wanted, root, bad)
    assert verdict.outcome is Outcome.FAIL
    assert [difference.path for difference in verdict.differences] == ["$.seat"]


def test_order_by_time_beats_arrival(decide: Any) -> None:
    late = make_tool("2", "f", arguments={"n": 2}, start_ms=5, end_ms=6)
    early = make_tool("1", "f", arguments={"n": 1}, start_ms=1, end_ms=2)
    first = call("f", occurrence="first", expected_arguments={"n": 1})
    assert decide(first, late, early).outcome is Outcome.PASS
    untimed = decide(first, make_tool("2", "f", arguments={"n": 2}), early)
    assert untimed.outcome is Outcome.FAIL
    assert [caution.code for caution in untimed.cautions] == ["order_from_arrival"]


@pytest.mark.parametrize(
    ("assertion", "stage"),
    [
        (call("refund"), "routing"),
        (call("refund", kind="tool"), "tool_choice"),
        (call("book_tickets"), "routing"),
        (call(expected_arguments={"seat": 1}), "parameters"),
        (call(condition="MUST_NOT_CALL"), "tool_choice"),
        (call("desk", condition="MUST_NOT_CALL"), "routing"),
        (call("desk", expected_tool_calls=[{"expected_name": "refund"}]), "tool_choice"),
        (call("refund", stage="runtime"), "runtime"),
    ],
)
def test_stage_of_a_failure(decide: Any, assertion: dict[str, Any], stage: str) -> None:
    verdict = decide(assertion, *SPANS)
    assert (verdict.outcome, verdict.stage) == (Outcome.FAIL, stage)


def test_a_tool_on_offer_that_was_never_called_fails_as_a_tool(decide: Any) -> None:
    root = make_span("r", "Desk", attributes={"gen_ai.tool.definitions": '[{"name": "refund"}]'})
    verdict = decide(call("refund"), root)
    assert (verdict.outcome, verdict.stage) == (Outcome.FAIL, "tool_choice")


def test_a_failure_shows_the_nearest_call_first(decide: Any) -> None:
    spans = [
        make_tool("1", "issue_refund", arguments={"amount": 500, "order": "x"}),
        make_tool("2", "isue_refund", arguments={"amount": 80, "order": "ORD-1"}),
        make_tool("3", "issue_refund", arguments={"amount": 120, "order": "ORD-1"}),
        make_tool("4", "issue_refund", status=Status.ERROR, message="timeout", arguments={}),
        make_tool("5", "issue_refund", arguments={"amount": 130, "order": "ORD-2"}),
    ]
    expected = {
        "amount": {"matcher": "lte", "value": 100},
        "order": {"matcher": "regex", "value": "^ORD-"},
    }
    verdict = decide(call("issue_refund", expected_arguments=expected), *spans)
    assert [(miss.span, miss.matched, miss.total) for miss in verdict.near_misses] == [
        ("3", 1, 2),
        ("5", 1, 2),
        ("1", 0, 2),
    ]
    assert verdict.near_misses_left == 2
    assert verdict.reason == (
        "issue_refund was called 4 times, but $.amount: expected number ≤ 100, actual 120"
    )
    (evidence,) = verdict.evidence
    assert (evidence.span, evidence.of, evidence.path, evidence.role) == (
        "3",
        "arguments",
        "$.amount",
        "violated",
    )


def test_a_slip_in_the_name_is_named(decide: Any) -> None:
    verdict = decide(call("bok_ticket"), *SPANS)
    assert verdict.reason.endswith("did you mean 'book_ticket'?")
    assert [miss.why for miss in verdict.near_misses] == [
        "name differs by 1 edit: did you mean this?"
    ]


def test_shadowed_names_are_counted(decide: Any) -> None:
    verdict = decide(call("mail"), *SPANS)
    assert [caution.code for caution in verdict.cautions] == ["shadowed_names"]


def test_a_pass_names_the_place_of_every_argument(decide: Any) -> None:
    verdict = decide(call(expected_arguments={"seat": 55, "who.city": "Porto"}), *SPANS)
    assert [(e.span, e.of, e.path) for e in verdict.evidence] == [
        ("b", "arguments", "$.seat"),
        ("b", "arguments", "$.who.city"),
    ]


def test_a_forbidden_call_is_the_evidence_against_itself(decide: Any) -> None:
    verdict = decide(call("m*", name_match="glob", condition="MUST_NOT_CALL"), *SPANS)
    assert [(e.span, e.role) for e in verdict.evidence] == [("m", "violated"), ("a", "violated")]


def test_a_call_that_only_messages_show_is_evidence_at_their_span() -> None:
    trace = make_trace(make_span("r", "Desk"), make_span("m", "chat", "r"))
    shown = Call(id="m#1", shown_by="m", tool=True, label="book", parent="m", order=2)
    nodes = (
        Call(id="r", tool=False, label="Desk"),
        Call(id="m", tool=False, label="chat", parent="r", order=1),
    )
    reading = Reading(calls=(*nodes, shown), has_structure=True)
    for written in (
        call("book"),
        call("book", within={"name": "Desk"}),
        call("desk", tool_depth="subtree", expected_tool_calls=[{"expected_name": "book"}]),
    ):
        assertion, _ = compile_assertion(written)
        verdict = evaluate(assertion, trace, reading)
        assert verdict.outcome is Outcome.PASS
        assert "m" in [evidence.span for evidence in verdict.evidence]


def test_what_the_model_passed_satisfies_beside_what_was_recorded() -> None:
    """n8n wraps a tool's arguments as ``{query: {…}}``; either form fits (spec 4.5)."""
    wrapped = {"query": {"order_id": "A-1"}}
    tool = Call(
        id="t",
        tool=True,
        label="look_up",
        given=recorded("$", wrapped),
        parameters=wrapped["query"],
    )
    trace = make_trace(make_span("t", "look_up"))
    reading = Reading(calls=(tool,), has_structure=True)
    for arguments in ({"order_id": "A-1"}, wrapped):
        check, problems = compile_assertion(
            {"target": "node_call", "expected_name": "look_up", "expected_arguments": arguments}
        )
        assert not problems
        assert evaluate(check, trace, reading).outcome is Outcome.PASS


def test_a_failed_call_that_was_forbidden_satisfied_nothing(decide: Any) -> None:
    failed = make_tool("t", "f", status=Status.ERROR)
    verdict = decide(call("f", condition="MUST_NOT_CALL", call_status="error"), failed)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.cautions == ()

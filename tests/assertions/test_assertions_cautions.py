"""Cautions: what a reader must know beside a verdict, which never changes it."""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.assertions import Settings
from tracedesk.assertions.settings import Price
from tracedesk.model.trace import Format, Span
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.testing import make_span, make_tool, make_trace

Decide = Callable[..., Verdict]


def codes(verdict: Verdict) -> set[str]:
    return {caution.code for caution in verdict.cautions}


def tool(arguments: Any) -> list[Span]:
    return [make_span("r", "Desk"), make_tool("t", "pay", "r", arguments=arguments)]


REDACTED = {"card": "[REDACTED]", "amount": 5}


@pytest.mark.parametrize(
    ("assertion", "outcome"),
    [
        ({"expected_arguments": {"card": "4111"}}, Outcome.FAIL),
        ({"expected_arguments": {"card": {"matcher": "not", "value": "4111"}}}, Outcome.PASS),
        (
            {"condition": "MUST_NOT_CALL", "expected_arguments": {"card": "4111"}},
            Outcome.PASS,
        ),
    ],
)
def test_a_redacted_argument_is_told(decide: Decide, assertion: Any, outcome: Outcome) -> None:
    written = {"target": "node_call", "expected_name": "pay", **assertion}
    found = decide(written, *tool(REDACTED))
    assert (found.outcome, codes(found)) == (outcome, {"redacted"})


def test_what_several_calls_have_in_common_is_told_once(decide: Decide) -> None:
    calls = [make_tool(f"t{n}", "pay", "r", arguments=REDACTED) for n in range(3)]
    written = {
        "target": "node_call",
        "expected_name": "pay",
        "condition": "MUST_NOT_CALL",
        "expected_arguments": {"card": "4111"},
    }
    found = decide(written, make_span("r", "Desk"), *calls)
    assert found.outcome is Outcome.PASS
    assert [caution.code for caution in found.cautions] == ["redacted"]


def test_a_redacted_value_that_nobody_asks_for_is_not(decide: Decide) -> None:
    written = {"target": "node_call", "expected_name": "pay", "expected_arguments": {"amount": 5}}
    assert codes(decide(written, *tool(REDACTED))) == set()


@pytest.mark.parametrize(
    "written",
    [
        {"target": "json_match", "path": "secret", "expected": "x"},
        {"target": "span_query", "checks": {"secret": "x"}},
        {
            "target": "json_schema",
            "target_node": "Desk",
            "schema": {"properties": {"secret": {"pattern": "^[a-z]+$"}}},
        },
        {"target": "all_of", "assertions": [{"target": "span_query", "checks": {"secret": "x"}}]},
    ],
    ids=lambda written: written["target"],
)
def test_a_redacted_value_is_told_by_every_kind_that_compares(
    decide: Decide, written: dict[str, Any]
) -> None:
    attributes = {"secret": "[REDACTED]", "n8n.node.output": [{"secret": "[REDACTED]"}]}
    schema = written.get("schema")
    if schema is not None:
        written = {**written, "schema": {"items": schema}}
    found = decide(written, make_span("r", "Desk", attributes=attributes))
    assert (found.outcome, codes(found)) == (Outcome.FAIL, {"redacted"})


def test_a_redacted_response_is_told(decide: Decide) -> None:
    root = make_span("r", "Desk", attributes={"gen_ai.response.text": "[REDACTED]"})
    found = decide({"target": "response_regex", "pattern": "approved"}, root)
    assert (found.outcome, codes(found)) == (Outcome.FAIL, {"redacted"})


HTTP = {
    "n8n.node.type": "n8n-nodes-base.httpRequest",
    "n8n.node.parameters": {"url": "={{ $fromAI('url') }}", "method": "GET"},
    "n8n.node.output": [{"json": {"done": True}}],
}


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        ({"url": "https://x.example"}, Outcome.FAIL),
        ({"url": {"matcher": "contains", "value": "url"}}, Outcome.PASS),
    ],
)
def test_an_unresolved_expression_is_told(
    decide: Decide, expected: dict[str, Any], outcome: Outcome
) -> None:
    written = {"target": "node_call", "expected_name": "Fetch", "expected_arguments": expected}
    found = decide(written, make_span("r", "Flow"), make_span("n", "Fetch", "r", attributes=HTTP))
    assert (found.outcome, codes(found)) == (outcome, {"unresolved_expression"})


def model(span_id: str, parent: str, **usage: Any) -> Span:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **usage}
    return make_span(span_id, "chat", parent, attributes=attributes)


TOKENS = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}


@pytest.mark.parametrize(
    "written",
    [{"target": "token_limit", "max_tokens": 100}, {"target": "cost_limit", "max_usd": 1}],
)
def test_usage_that_some_model_spans_do_not_report_is_told(decide: Decide, written: Any) -> None:
    spans = [make_span("r", "Flow"), model("a", "r", **TOKENS), model("b", "r")]
    found = decide(written, *spans, settings=Settings(prices={"m": Price(1, 1)}))
    assert (found.outcome, codes(found)) == (Outcome.PASS, {"partial_usage"})


def test_a_cost_inside_a_cost_is_told(decide: Decide) -> None:
    spans = [
        make_span("r", "Flow"),
        make_span("a", "outer", "r", attributes={"gen_ai.usage.cost": 0.2}),
        make_span("b", "between", "a"),
        make_span("c", "inner", "b", attributes={"gen_ai.usage.cost": 0.1}),
    ]
    found = decide({"target": "cost_limit", "max_usd": 1}, *spans)
    assert codes(found) == {"nested_usage"}
    assert codes(decide({"target": "cost_limit", "max_usd": 1}, *spans[:3])) == set()


@pytest.mark.parametrize("code", ["redacted", "partial_usage"])
def test_a_pass_with_a_caution_may_count_as_missing(decide: Decide, code: str) -> None:
    written: dict[str, Any] = {"target": "token_limit", "max_tokens": 100}
    spans = [make_span("r", "Flow"), model("a", "r", **TOKENS), model("b", "r")]
    if code == "redacted":
        card = {"matcher": "not", "value": "4111"}
        written = {
            "target": "node_call",
            "expected_name": "pay",
            "expected_arguments": {"card": card},
        }
        spans = tool(REDACTED)
    found = decide(written, *spans, settings=Settings(cautions_as_missing=(code,)))
    assert (found.outcome, found.reason_code) == (Outcome.MISSING, code)


def test_data_bodies_are_no_exception(decide: Decide) -> None:
    trace = make_trace(make_span("r", "Flow"), format=Format.CUSTOM, data={"card": "[REDACTED]"})
    found = decide({"target": "json_match", "path": "card", "expected": "4111"}, trace)
    assert (found.outcome, codes(found)) == (Outcome.FAIL, {"redacted"})

"""Bounds: http_status, response_time, token_limit, cost_limit."""

from typing import Any

import pytest

from tracedesk.assertions import Price, Settings
from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_span, make_tool, make_trace

ROOT = make_span(
    "r",
    "Desk",
    attributes={
        "http.response.status_code": 201,
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
    },
    start_ms=0,
    end_ms=1250.5,
)


@pytest.mark.parametrize(
    ("assertion", "outcome"),
    [
        ({"target": "http_status", "expected": 201}, "pass"),
        ({"target": "http_status", "expected": [200, "2xx"]}, "pass"),
        ({"target": "http_status", "expected": "4XX"}, "fail"),
        ({"target": "http_status", "expected": {"matcher": "lt", "value": 300}}, "pass"),
        ({"target": "response_time", "max_ms": 1250.5}, "pass"),
        ({"target": "response_time", "max_ms": 1250}, "fail"),
        ({"target": "response_time", "max_ms": 0}, "fail"),
        ({"target": "response_time", "min_ms": 1000, "max_ms": 2000}, "pass"),
        ({"target": "response_time", "min_ms": 2000}, "fail"),
        ({"target": "response_time", "max_ms": 99, "target_node": "Nowhere"}, "missing"),
        ({"target": "response_time", "max_ms": 2000, "target_node": "desk"}, "pass"),
        ({"target": "token_limit", "max_tokens": 42}, "pass"),
        ({"target": "token_limit", "max_tokens": 41}, "fail"),
        ({"target": "token_limit", "max_tokens": 99, "max_output_tokens": 11}, "fail"),
        ({"target": "token_limit", "max_tokens": 99, "max_reasoning_tokens": 5}, "missing"),
        ({"target": "token_limit", "max_tokens": 1, "max_reasoning_tokens": 5}, "fail"),
        ({"target": "token_limit", "max_tokens": 0}, "fail"),
        ({"target": "cost_limit", "max_usd": 1}, "missing"),
    ],
)
def test_bounds_are_inclusive(decide: Any, assertion: dict[str, Any], outcome: str) -> None:
    assert decide(assertion, ROOT).outcome == outcome


@pytest.mark.parametrize(
    "assertion",
    [
        {"target": "http_status", "expected": 200},
        {"target": "response_time", "max_ms": 1},
        {"target": "token_limit", "max_tokens": 1},
        {"target": "cost_limit", "max_usd": 1},
    ],
)
def test_a_number_that_is_not_there_is_missing(decide: Any, assertion: dict[str, Any]) -> None:
    verdict = decide(assertion, make_span("r", "Desk"))
    assert (verdict.outcome, verdict.missing_kind) == (Outcome.MISSING, "instrumentation")


def test_a_limit_tells_the_margin_and_the_slowest_spans(decide: Any) -> None:
    spans = [make_tool(f"t{n}", "f", "r", start_ms=0, end_ms=n * 100) for n in range(5)]
    verdict = decide({"target": "response_time", "max_ms": 1000}, ROOT, *spans)
    assert verdict.reason == (
        "duration 1250.5 ms, 250.5 over the bound ≤ 1000 ms (most: f 400 ms, f 300 ms)"
    )
    assert [e.span for e in verdict.evidence] == ["r", "r", "t4", "t3"]


def test_reported_costs_are_the_roots_or_the_sum_below(decide: Any) -> None:
    root = make_span("r", "Desk")
    parts = [
        make_span(f"m{n}", "chat", "r", attributes={"gen_ai.usage.cost": 0.1}) for n in range(3)
    ]
    assert decide({"target": "cost_limit", "max_usd": 0.3}, root, *parts).outcome is Outcome.PASS
    body = make_trace(root, metadata={"cost_usd": 0.5})
    assert decide({"target": "cost_limit", "max_usd": 0.4}, body).outcome is Outcome.FAIL


def test_costs_are_computed_from_the_users_prices_only(decide: Any) -> None:
    used = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 500_000}
    model = make_span("m", "chat", "r", attributes={"gen_ai.request.model": "small", **used})
    spans = (make_span("r", "Desk", attributes={"gen_ai.request.model": "small", **used}), model)
    wanted = {"target": "cost_limit", "max_usd": 3, "source": "computed"}
    priced = Settings(prices={"small": Price(input=1, output=4)})
    assert "no price is configured for model 'small'" in decide(wanted, *spans).reason
    assert decide(wanted, *spans, settings=priced).actual == 3

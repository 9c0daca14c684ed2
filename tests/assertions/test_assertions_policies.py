"""tool_policy, no_loop, side_effect_once."""

from typing import Any

import pytest

from tracedesk.model.trace import Status
from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_span, make_tool

ROOT = make_span("r", "Desk")
CALLS = (
    ROOT,
    make_tool("1", "order_get", "r", arguments={"id": 1}),
    make_tool("2", "order_put", "r", arguments={"id": 1}, status=Status.ERROR),
    make_tool("3", "mail", "r", arguments={"id": 1.0, "x": 2}),
)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"allowed": ["order_get", "Order Put", "mail"]}, "pass"),
        ({"allowed": ["order", "mail"]}, "fail"),  # exact names by default
        ({"allowed": ["order*", "mail"], "name_match": "glob"}, "pass"),
        ({"required": ["mail"]}, "pass"),
        ({"required": ["order_put"], "call_status": "ok"}, "fail"),
        ({"forbidden": ["wipe"]}, "pass"),
        ({"forbidden": ["mail"]}, "fail"),
        ({"max_calls": 3}, "pass"),
        ({"max_calls": 0}, "fail"),
        ({"max_calls_per_tool": {"order_put": 0}}, "fail"),
        ({"max_calls_per_tool": {"order_put": 1}, "forbidden": ["mail"]}, "fail"),
    ],
)
def test_tool_policy(decide: Any, fields: dict[str, Any], outcome: str) -> None:
    assert decide({"target": "tool_policy", **fields}, *CALLS).outcome == outcome


def test_all_faults_of_a_policy_are_listed(decide: Any) -> None:
    fields = {"allowed": ["mail"], "required": ["mial"], "max_calls": 1}
    verdict = decide({"target": "tool_policy", **fields}, *CALLS)
    assert verdict.reason == (
        "order_get, order_put are not allowed; required mial was not called; did you mean 'mail'?; "
        "tools were called 3 times, at most 1 allowed"
    )


def test_a_policy_on_a_trace_without_tool_calls(decide: Any) -> None:
    assert decide({"target": "tool_policy", "allowed": ["a"]}, ROOT).outcome is Outcome.MISSING
    assert decide({"target": "tool_policy", "forbidden": ["a"]}, ROOT).outcome is Outcome.PASS
    assert decide({"target": "tool_policy", "required": ["a"]}, ROOT).outcome is Outcome.FAIL


def same(*arguments: Any) -> list[Any]:
    """One call of the tool ``f`` for each."""
    return [make_tool(f"{n}", "f", "r", arguments=a) for n, a in enumerate(arguments)]


@pytest.mark.parametrize(
    ("arguments", "fields", "outcome"),
    [
        ([{"a": 1}] * 2, {}, "pass"),
        ([{"a": 1}] * 3, {}, "fail"),
        ([{"a": 1}, {"a": 1.0}], {"max_same": 1}, "fail"),
        ([{"a": 1}, {"a": True}], {"max_same": 1}, "pass"),
        ([{"a": 1}, None, None], {}, "missing"),
        ([{"a": 1}, {"a": 2}, {"a": 1}], {"max_same": 1, "consecutive": True}, "pass"),
        ([{"a": 1}, {"a": 1}, {"a": 2}], {"max_same": 1, "consecutive": True}, "fail"),
        ([{"a": 1}, None, {"a": 2}], {"max_same": 2, "consecutive": True}, "pass"),
        ([{"a": 1}, None, {"a": 1}], {"max_same": 2, "consecutive": True}, "missing"),
        ([{"a": 1}] * 9, {"ignore": ["f"]}, "pass"),
        ([], {}, "missing"),
        ([], {"when_absent": "pass"}, "pass"),
    ],
)
def test_no_loop(decide: Any, arguments: list[Any], fields: dict[str, Any], outcome: str) -> None:
    verdict = decide({"target": "no_loop", **fields}, ROOT, *same(*arguments))
    assert verdict.outcome == outcome


@pytest.mark.parametrize(
    ("arguments", "fields", "outcome"),
    [
        ([{"id": 1}, {"id": 2}], {}, "pass"),
        ([{"id": 1}, {"id": 1}], {}, "fail"),
        ([{"id": 1, "x": 1}, {"id": 1, "x": 2}], {"key": ["id"]}, "fail"),
        ([{"x": 1}, {"x": 2}], {"key": ["id"]}, "pass"),  # absent on both sides is not equal
        ([{"id": 1}, None], {}, "missing"),
    ],
)
def test_side_effect_once(
    decide: Any, arguments: list[Any], fields: dict[str, Any], outcome: str
) -> None:
    verdict = decide({"target": "side_effect_once", "tools": ["f"], **fields}, *same(*arguments))
    assert verdict.outcome == outcome


def test_failed_attempts_had_no_side_effect(decide: Any) -> None:
    failed = make_tool("9", "f", "r", arguments={"id": 1}, status=Status.ERROR)
    wanted = {"target": "side_effect_once", "tools": ["f"]}
    assert decide(wanted, failed, *same({"id": 1})).outcome is Outcome.PASS
    other = decide({**wanted, "tools": ["charge"]}, failed)
    assert [caution.code for caution in other.cautions] == ["no_matching_call"]

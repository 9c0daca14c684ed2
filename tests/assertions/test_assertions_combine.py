"""all_of, any_of, not: the algebra, and what is reported of the children."""

from typing import Any

import pytest

from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_tool

TOOL = make_tool("t", "book")
PASS = {"target": "node_call", "expected_name": "book"}
FAIL = {"target": "node_call", "expected_name": "wipe"}
MISSING = {"target": "http_status", "expected": 200}
SKIPPED_TRACE = {"gen_ai.response.text": "hello"}
BROKEN = {"target": "response_regex", "pattern": "(a|aa|b?a)+$"}


@pytest.mark.parametrize(
    ("target", "children", "outcome"),
    [
        ("all_of", [PASS, PASS], "pass"),
        ("all_of", [PASS, MISSING], "missing"),
        ("all_of", [MISSING, FAIL], "fail"),
        ("any_of", [FAIL, PASS], "pass"),
        ("any_of", [FAIL, MISSING], "missing"),
        ("any_of", [FAIL, FAIL], "fail"),
    ],
)
def test_algebra(decide: Any, target: str, children: list[Any], outcome: str) -> None:
    verdict = decide({"target": target, "assertions": children}, TOOL)
    assert verdict.outcome == outcome
    assert len(verdict.children) == len(children)


@pytest.mark.parametrize(
    ("child", "outcome"), [(PASS, "fail"), (FAIL, "pass"), (MISSING, "missing")]
)
def test_not_turns_only_pass_and_fail_around(decide: Any, child: Any, outcome: str) -> None:
    assert decide({"target": "not", "assertion": child}, TOOL).outcome == outcome


def test_not_of_not_is_the_same(decide: Any) -> None:
    for child in (PASS, FAIL, MISSING):
        twice = {"target": "not", "assertion": {"target": "not", "assertion": child}}
        assert decide(twice, TOOL).outcome is decide(child, TOOL).outcome


def test_the_first_failing_child_gives_stage_and_reason(decide: Any) -> None:
    verdict = decide({"target": "all_of", "assertions": [PASS, {**FAIL, "kind": "tool"}]}, TOOL)
    assert verdict.stage == "tool_choice"
    assert verdict.reason == "1 of 2 assertions hold; wipe was not called among 1 call"
    assert [child.assertion for child in verdict.children] == ["a1", "a2"]


def test_a_broken_child_breaks_the_whole(decide: Any) -> None:
    verdict = decide({"target": "any_of", "assertions": [PASS, {"target": "node_call"}]}, TOOL)
    assert verdict.outcome is Outcome.ERROR

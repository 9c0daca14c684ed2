"""tool_sequence and call_order."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.assertions.arguments import NO, UNKNOWN, YES
from tracedesk.assertions.sequence_rule import SEQUENCE_MODES, fit
from tracedesk.model.trace import Status
from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_span, make_tool

A1B2 = make_tool("1", "f", "r", arguments={"a": 1, "b": 2})
A1 = make_tool("2", "f", "r", arguments={"a": 1})
ROOT = make_span("r", "Desk")


def tools(names: str) -> list[Any]:
    """One timed tool call a letter, 10 ms each, 5 ms apart."""
    return [
        make_tool(f"{n}", name, "r", start_ms=n * 15, end_ms=n * 15 + 10)
        for n, name in enumerate(names)
    ]


def sequence(expected: list[Any], mode: str = "in_order", **fields: Any) -> dict[str, Any]:
    return {"target": "tool_sequence", "mode": mode, "expected": expected, **fields}


def step(**arguments: Any) -> dict[str, Any]:
    return {"expected_name": "f", "expected_arguments": arguments}


@pytest.mark.parametrize(
    ("called", "expected", "passing"),
    [
        ("abc", "abc", {"in_order", "exact", "same_set", "contains", "only"}),
        ("abc", "ac", {"in_order", "contains"}),
        ("abc", "cab", {"same_set", "contains", "only"}),
        ("ab", "abc", {"only"}),
        ("ab", "aab", {"only"}),
        ("aab", "ab", {"in_order", "contains"}),
        ("abx", "ab", {"in_order", "contains"}),
    ],
)
def test_modes(decide: Any, called: str, expected: str, passing: set[str]) -> None:
    found = {
        mode
        for mode in SEQUENCE_MODES
        if decide(sequence(list(expected), mode), ROOT, *tools(called)).outcome is Outcome.PASS
    }
    assert found == passing


def test_pairing_is_never_greedy(decide: Any) -> None:
    assert decide(sequence([step(a=1), step(b=2)], "contains"), A1B2, A1).outcome is Outcome.PASS


def test_nothing_called(decide: Any) -> None:
    assert decide(sequence([], "exact"), ROOT).outcome is Outcome.PASS
    assert decide(sequence(["f"], "only"), ROOT).outcome is Outcome.MISSING
    assert decide(sequence(["f"], "only", when_absent="pass"), ROOT).outcome is Outcome.PASS
    assert decide(sequence(["f"]), ROOT).outcome is Outcome.FAIL


def test_unknown_arguments_make_missing_only_when_they_matter(decide: Any) -> None:
    unknown = make_tool("3", "f", "r")
    assert decide(sequence([step(a=1)], "contains"), A1, unknown).outcome is Outcome.PASS
    assert decide(sequence([step(a=9)], "contains"), A1, unknown).outcome is Outcome.MISSING
    assert decide(sequence([step(a=9), step(a=8)]), A1, unknown).outcome is Outcome.FAIL


def test_a_failure_is_aligned(decide: Any) -> None:
    verdict = decide(sequence(["a", "b", "d"], "exact"), ROOT, *tools("axc"))
    assert verdict.actual == ["= a", "- b", "- d", "+ x", "+ c"]
    assert verdict.reason.startswith("step 2 (b) and 1 more was not reached")


def test_a_step_whose_name_fits_is_a_near_miss(decide: Any) -> None:
    verdict = decide(sequence([step(a=2)]), A1)
    assert verdict.actual == ["~ f"]
    assert verdict.stage == "parameters"
    assert verdict.near_misses[0].why == "$.a: expected 2, actual 1"


def test_within_and_call_status(decide: Any) -> None:
    failed = make_tool("9", "g", "r", status=Status.ERROR)
    outside = make_tool("8", "h")
    wanted = sequence(["f"], "exact", call_status="ok", within={"name": "Desk"})
    assert decide(wanted, ROOT, A1, failed, outside).outcome is Outcome.PASS


@given(
    st.lists(st.lists(st.sampled_from([NO, YES, UNKNOWN]), min_size=3, max_size=3), max_size=3),
    st.sampled_from(["same_set", "contains", "only"]),
)
def test_assignments_equal_brute_force(grid: list[list[int]], mode: str) -> None:
    count = 3

    def possible(good: set[int]) -> bool:
        best = max(
            (
                sum(row[j] in good for row, j in zip(grid, order, strict=False))
                for order in permutations(range(count))
            ),
            default=0,
        )
        steps, calls = best == len(grid), best == count
        return {"same_set": steps and calls, "contains": steps, "only": calls}[mode]

    expected = "pass" if possible({YES}) else "missing" if possible({YES, UNKNOWN}) else "fail"
    rows = [bytearray(row) for row in grid]
    assert fit(mode, rows, rows, count).outcome == expected


@pytest.mark.parametrize(
    ("called", "fields", "outcome"),
    [
        ("abc", {"order": ["a", "b", "c"]}, "pass"),
        ("ba", {"order": ["a", "b"]}, "fail"),
        ("b", {"order": ["a", "b"]}, "fail"),
        ("a", {"order": ["a", "b"]}, "missing"),
        ("a", {"order": ["a", "b"], "when_absent": "fail"}, "fail"),
        ("abb", {"order": ["a", "b"]}, "pass"),
        ("abb", {"order": ["a", "b"], "rule": "each"}, "fail"),
        ("abab", {"order": ["a", "b"], "rule": "each"}, "pass"),
        ("ab", {"order": ["a", "b"], "completed": True}, "pass"),
        ("abc", {"pairs": [{"first": "a", "then": "c"}, {"first": "c", "then": "b"}]}, "fail"),
    ],
)
def test_call_order(decide: Any, called: str, fields: dict[str, Any], outcome: str) -> None:
    spans = (make_span("r", "Desk", start_ms=0, end_ms=200), *tools(called))
    verdict = decide({"target": "call_order", "kind": "tool", **fields}, *spans)
    assert verdict.outcome == outcome


def test_overlapping_calls_are_ordered_but_not_completed(decide: Any) -> None:
    spans = (
        make_tool("1", "a", start_ms=0, end_ms=20),
        make_tool("2", "b", start_ms=10, end_ms=30),
    )
    wanted = {"target": "call_order", "order": ["a", "b"]}
    assert decide(wanted, *spans).outcome is Outcome.PASS
    verdict = decide({**wanted, "completed": True}, *spans)
    assert verdict.reason == "a had not completed when b began"
    untimed = decide({**wanted, "completed": True}, make_tool("1", "a"), make_tool("2", "b"))
    assert untimed.outcome is Outcome.MISSING
    assert [caution.code for caution in untimed.cautions] == ["order_from_arrival"]

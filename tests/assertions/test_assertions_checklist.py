"""What breaks naive engines, item by item (assertion spec 12).

Items with a test of their own elsewhere: pairing is never greedy, half the arguments in one
item, catastrophic patterns, a value missing on both sides, ``not`` around what is undecided,
traces without structure, empty selections, unset statuses, spans without times.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.assertions import compile_assertion
from tracedesk.model.trace import Format, Span, Status
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace

Decide = Callable[..., Verdict]
ROOT = make_span("r", "Desk")


def called(name: str, *, condition: str = "MUST_CALL", **fields: Any) -> dict[str, Any]:
    return {"target": "node_call", "condition": condition, "expected_name": name, **fields}


def tool(name: str, arguments: Any = None, number: int = 0, **fields: Any) -> Span:
    return make_tool(f"t{number}", name, "r", arguments=arguments, **fields)


def tools(*names: str) -> list[Span]:
    return [ROOT, *(tool(name, {}, number) for number, name in enumerate(names))]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (called("f", expected_argumnets={}), "unknown-key"),
        (called("f", within={"nmae": "x"}), "unknown-key"),
        (called("f", expected_tool_calls=[{"expected_name": "g", "x": 1}]), "unknown-key"),
        (called("f", expected_arguments={"a": {"matcher": "contians"}}), "unknown-matcher"),
        (called("f", condition="MUST_CAL"), "unknown-condition"),
        ({"target": "tool_sequence", "mode": "exactly", "expected": ["f"]}, "unknown-mode"),
        ({"target": "span_query", "count": {"mni": 1}}, "unknown-key"),
    ],
)
def test_a_misspelt_word_is_a_load_error_at_every_level(
    decide: Decide, written: dict[str, Any], code: str
) -> None:
    assert [problem.code for problem in compile_assertion(written)[1]] == [code]
    assert decide(written, *tools("f")).outcome is Outcome.ERROR


def test_a_duplicate_key_of_a_file_is_an_error() -> None:
    text = "cases:\n  - name: a\n    name: b\n    assertions: [{target: no_errors}]\n"
    assert "duplicate-key" in {d.code for d in load_text(text, "t.yaml").diagnostics}


@pytest.mark.parametrize(("written", "value"), [("no", "no"), ("12:30", "12:30"), ("on", "on")])
def test_yaml_words_stay_text(decide: Decide, written: str, value: str) -> None:
    text = (
        "cases:\n  - name: a\n    assertions:\n      - target: node_call\n"
        f"        expected_name: f\n        expected_arguments: {{a: {written}, d: 2026-05-28}}\n"
    )
    (case,) = load_text(text, "t.yaml").cases
    (assertion,) = case.assertions
    given = {"a": value, "d": "2026-05-28"}
    assert decide(assertion.source, ROOT, tool("f", given)).outcome is Outcome.PASS


def test_must_not_call_without_structure_is_missing(decide: Decide) -> None:
    trace = make_trace(
        make_span("r", "root", attributes={}), format=Format.CUSTOM, data={"response": "hello"}
    )
    trace.spans[0].synthetic = True
    assert decide(called("f", condition="MUST_NOT_CALL"), trace).outcome is Outcome.MISSING


def test_a_duration_check_on_no_span_is_missing(decide: Decide) -> None:
    check = {"@duration_ms": {"matcher": "lte", "value": 10}}
    written = {"target": "span_query", "select": {"name": "nowhere"}, "checks": check}
    found = decide(written, *tools("f"))
    assert (found.outcome, found.missing_kind) == (Outcome.MISSING, "vacuous")


@pytest.mark.parametrize("mode", ["in_order", "exact", "same_set", "contains", "only"])
def test_the_same_tool_twice_is_twice(decide: Decide, mode: str) -> None:
    written = {"target": "tool_sequence", "mode": mode, "expected": ["A", "A"]}
    assert decide(written, *tools("A", "A")).outcome is Outcome.PASS
    one = Outcome.PASS if mode == "only" else Outcome.FAIL
    assert decide(written, *tools("A")).outcome is one


def test_an_extra_dangerous_call_passes_contains_and_fails_only(decide: Decide) -> None:
    for mode, outcome in (("contains", Outcome.PASS), ("only", Outcome.FAIL)):
        written = {"target": "tool_sequence", "mode": mode, "expected": ["look"]}
        assert decide(written, *tools("look", "wipe_disk")).outcome is outcome


def test_a_failed_call_was_still_called(decide: Decide) -> None:
    failed = tool("f", {}, status=Status.ERROR)
    assert decide(called("f"), ROOT, failed).outcome is Outcome.PASS
    assert decide(called("f", condition="MUST_NOT_CALL"), ROOT, failed).outcome is Outcome.FAIL
    assert decide(called("f", call_status="ok"), ROOT, failed).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("expected", "actual", "outcome"),
    [
        (1, True, "fail"),
        (True, 1, "fail"),
        (1, 1.0, "pass"),
        (2, "2", "fail"),
        ("2", 2, "fail"),
        (None, None, "pass"),
        (None, 0, "fail"),
        ("", None, "fail"),
        (2**53 + 1, 2**53, "fail"),
        (2**53 + 1, 2**53 + 1, "pass"),
        ({"matcher": "lte", "value": 2**53}, 2**53 + 1, "fail"),
        ({"matcher": "gte", "value": 0.5}, 0.5, "pass"),
        ({"matcher": "lt", "value": 0.5}, 0.5, "fail"),
    ],
)
def test_values_are_compared_as_what_they_are(
    decide: Decide, expected: Any, actual: Any, outcome: str
) -> None:
    found = decide(called("f", expected_arguments={"a": expected}), ROOT, tool("f", {"a": actual}))
    assert found.outcome == outcome


def test_numeric_text_against_a_number_has_a_hint(decide: Decide) -> None:
    found = decide(called("f", expected_arguments={"a": 2}), ROOT, tool("f", {"a": "2"}))
    assert "numeric text" in found.reason


@pytest.mark.parametrize(
    ("recorded", "outcome", "code"),
    [
        (None, "missing", "arguments_not_captured"),
        ("null", "fail", "argument_missing"),
        ("plain words", "fail", "argument_missing"),
        ("[]", "fail", "argument_missing"),
        ('[{"a": 1}]', "pass", "called"),
        ('{"a": 1}', "pass", "called"),
        ('{"a": ', "missing", "arguments_not_captured"),
        ('{"a": null}', "fail", "argument_type"),
    ],
)
def test_every_state_of_arguments(decide: Decide, recorded: Any, outcome: str, code: str) -> None:
    found = decide(called("f", expected_arguments={"a": 1}), ROOT, tool("f", recorded))
    assert (found.outcome, found.reason_code) == (outcome, code)


@pytest.mark.parametrize("key", ["__proto__", "a.b", "", "constructor", "🚢", "$x", "0"])
def test_odd_keys_are_keys(decide: Decide, key: str) -> None:
    written = called("f", args_mode="exact", expected_arguments={key: 1})
    assert decide(written, ROOT, tool("f", {key: 1})).outcome is Outcome.PASS
    assert decide(written, ROOT, tool("f", {key: 2})).outcome is Outcome.FAIL
    assert decide(written, ROOT, tool("f", {"other": 1})).outcome is Outcome.FAIL


def test_at_most_no_call_is_a_limit(decide: Decide) -> None:
    written = {"target": "tool_policy", "max_calls": 0}
    assert decide(written, *tools("f")).outcome is Outcome.FAIL
    assert decide(written, ROOT).outcome is Outcome.PASS


def test_orphans_and_cycles_are_calls_like_others(decide: Decide) -> None:
    spans = [
        make_tool("o", "orphan", "gone", arguments={}),
        make_span("x", "first", "y"),
        make_span("y", "second", "x"),
        make_tool("z", "inside", "y", arguments={}),
    ]
    for name in ("orphan", "first", "second", "inside"):
        assert decide(called(name), *spans).outcome is Outcome.PASS
    below = {"target": "span_query", "select": {"ancestor": {"name": "first"}}}
    assert decide(below, *spans).outcome is Outcome.PASS


def test_equal_timestamps_keep_the_order_of_arrival(decide: Decide) -> None:
    at_once = {"start_ms": 5, "end_ms": 5}
    spans = [ROOT, tool("a", {}, 0, **at_once), tool("b", {}, 1, **at_once)]
    assert decide({"target": "call_order", "order": ["a", "b"]}, *spans).outcome is Outcome.PASS
    assert decide({"target": "call_order", "order": ["b", "a"]}, *spans).outcome is Outcome.FAIL


def test_a_tool_on_offer_is_no_call(decide: Decide) -> None:
    offer = [{"type": "function", "function": {"name": "wipe", "parameters": {}}}]
    root = make_span("r", "Desk", attributes={"gen_ai.tool.definitions": offer})
    assert decide(called("wipe", condition="MUST_NOT_CALL"), root).outcome is Outcome.PASS
    assert decide(called("wipe"), root).outcome is Outcome.FAIL


def test_a_span_without_an_end_has_no_duration(decide: Decide) -> None:
    check = {"@duration_ms": {"matcher": "gte", "value": 0}}
    found = decide({"target": "span_query", "checks": check}, make_span("r", start_ms=0))
    assert (found.outcome, found.differences[0].actual_type) == (Outcome.FAIL, "absent")


def test_patterns_are_found_anywhere(decide: Decide) -> None:
    root = make_span("r", "Desk", attributes={"gen_ai.response.text": "order 12 is late"})
    for pattern, outcome in (("12", "pass"), ("^12", "fail"), ("late$", "pass"), ("^late", "fail")):
        assert decide({"target": "response_regex", "pattern": pattern}, root).outcome == outcome


@pytest.mark.parametrize(("limit", "outcome"), [(10.5, "pass"), (10.4, "fail"), (10, "fail")])
def test_half_milliseconds_and_bounds_exactly_met(
    decide: Decide, limit: float, outcome: str
) -> None:
    root = make_span("r", "Desk", start_ms=0, end_ms=10.5)
    assert decide({"target": "response_time", "max_ms": limit}, root).outcome == outcome


def test_two_spans_of_one_id_are_two_calls(decide: Decide) -> None:
    spans = [ROOT, tool("f", {"n": 1}, 0), tool("f", {"n": 2}, 0)]
    assert decide(called("f", max_calls=1), *spans).outcome is Outcome.FAIL
    for n in (1, 2):
        assert decide(called("f", expected_arguments={"n": n}), *spans).outcome is Outcome.PASS
    sequence = {"target": "tool_sequence", "mode": "exact", "expected": ["f", "f"]}
    assert decide(sequence, *spans).outcome is Outcome.PASS


def test_a_skipped_node_is_not_selected_and_not_called(decide: Decide) -> None:
    spans = [ROOT, make_span("s", "Refund", "r", status=Status.SKIPPED)]
    assert decide(called("Refund"), *spans).outcome is Outcome.FAIL
    for select, outcome in (({}, "fail"), ({"status": "skipped"}, "pass")):
        written = {"target": "span_query", "select": {"name": "Refund", **select}}
        assert decide(written, *spans).outcome == outcome


def test_a_name_inside_another_means_the_whole_name(decide: Decide) -> None:
    both = [ROOT, make_span("a", "Mail", "r"), make_span("b", "Mail Archive", "r")]
    found = decide(called("Mail", max_calls=1), *both)
    assert found.outcome is Outcome.PASS
    assert [caution.code for caution in found.cautions] == ["shadowed_names"]
    assert decide(called("Mail"), ROOT, both[2]).outcome is Outcome.PASS
    assert decide(called("Mail", name_match="exact"), ROOT, both[2]).outcome is Outcome.FAIL

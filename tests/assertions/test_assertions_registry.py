"""Loading: strict, complete, with the place and the nearest known name."""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.assertions import TARGETS, compile_assertion, evaluate
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testing import make_tool, make_trace

CALL = {"target": "node_call", "expected_name": "book"}
Problems = Callable[[Any], list[tuple[str, tuple[Any, ...], str | None]]]


@pytest.mark.parametrize(
    "assertion",
    [
        CALL,
        {**CALL, "condition": "MUST_NOT_CALL", "weight": 0, "x-owner": "me", "tags": []},
        {**CALL, "max_calls": 0, "min_calls": 0},
        {**CALL, "within": {"name": "Desk", "not": {"kind": "tool"}, "x-note": 1}},
        {"criteria": "polite"},
        {"type": "http_status", "value": "2xx"},
        {"target": "tool_sequence", "mode": "exact", "expected": []},
        {"target": "span_query", "select": {}, "count": {"min": 0, "max": 3}},
        {"target": "json_match", "field": "a", "matcher": "exact", "value": None},
        {"target": "json_match", "expected_fields": {"a": None}},
    ],
)
def test_good_assertions_have_no_problems(problems: Problems, assertion: Any) -> None:
    assert problems(assertion) == []


@pytest.mark.parametrize(
    ("assertion", "code", "path", "suggestion"),
    [
        # what the object is
        ("text", "wrong-type", (), None),
        ({}, "missing-field", (), None),
        ({"target": "node_cal"}, "unknown-target", ("target",), "node_call"),
        ({"target": 5}, "wrong-type", ("target",), None),
        ({**CALL, "type": "node_call"}, "contradiction", ("type",), None),
        # common fields
        ({**CALL, "weight": -1}, "wrong-type", ("weight",), None),
        ({**CALL, "weight": True}, "wrong-type", ("weight",), None),
        ({**CALL, "stage": "tool-choice"}, "unknown-mode", ("stage",), "tool_choice"),
        ({**CALL, "tags": "smoke"}, "wrong-type", ("tags",), None),
        # node_call
        ({"target": "node_call"}, "missing-field", (), None),
        ({**CALL, "expected_name": " "}, "empty-value", ("expected_name",), None),
        ({**CALL, "expected_name": None}, "wrong-type", ("expected_name",), None),
        ({**CALL, "condition": "MUST_CAL"}, "unknown-condition", ("condition",), "MUST_CALL"),
        ({**CALL, "condition": "must_call"}, "unknown-condition", ("condition",), "MUST_CALL"),
        ({**CALL, "call_status": "eror"}, "unknown-status", ("call_status",), "error"),
        ({**CALL, "args_mode": "exat"}, "unknown-mode", ("args_mode",), "exact"),
        (
            {**CALL, "name_match": "regex", "expected_name": "("},
            "bad-regex",
            ("expected_name",),
            None,
        ),
        ({**CALL, "min_calls": 0}, "always-true", ("min_calls",), None),
        ({**CALL, "min_calls": 3, "max_calls": 2}, "contradiction", ("min_calls",), None),
        ({**CALL, "max_calls": 0}, "contradiction", ("max_calls",), None),
        (
            {**CALL, "condition": "MUST_NOT_CALL", "max_calls": 1},
            "contradiction",
            ("max_calls",),
            None,
        ),
        ({**CALL, "occurrence": "lsat"}, "unknown-mode", ("occurrence",), "last"),
        ({**CALL, "occurrence": 0}, "wrong-type", ("occurrence",), None),
        ({**CALL, "occurrence": 2, "min_calls": 2}, "contradiction", ("occurrence",), None),
        (
            {**CALL, "kind": "node", "expected_output": {"a": 1}},
            "contradiction",
            ("expected_output",),
            None,
        ),
        (
            {**CALL, "expected_arguments": {"a": 1}, "ignore_args": ["a*"]},
            "contradiction",
            ("expected_arguments", "a"),
            None,
        ),
        (
            {**CALL, "expected_arguments": {"a.b": 1}, "default_args": {"a": 1}},
            "contradiction",
            ("expected_arguments", "a.b"),
            None,
        ),
        (
            {**CALL, "expected_arguments": {"id": {"matcher": "contians", "value": "q"}}},
            "unknown-matcher",
            ("expected_arguments", "id", "matcher"),
            "contains",
        ),
        ({**CALL, "expected_tool_calls": []}, "empty-value", ("expected_tool_calls",), None),
        (
            {**CALL, "expected_tool_calls": [{"expected_nam": "x", "expected_name": "y"}]},
            "unknown-key",
            ("expected_tool_calls", 0, "expected_nam"),
            "expected_name",
        ),
        ({**CALL, "within": {"nmae": "x"}}, "unknown-key", ("within", "nmae"), "name"),
        (
            {**CALL, "within": {"any_of": [{"status": "erorr"}]}},
            "unknown-status",
            ("within", "any_of", 0, "status"),
            "error",
        ),
        # the answer
        ({"target": "response_regex", "pattern": ""}, "empty-value", ("pattern",), None),
        ({"target": "response_regex", "regex": "["}, "bad-regex", ("regex",), None),
        (
            {"target": "response_regex", "pattern": "a", "flags": "z"},
            "wrong-type",
            ("flags",),
            None,
        ),
        ({"target": "json_match", "path": "a..b", "expected": 1}, "bad-path", ("path",), None),
        ({"target": "json_match", "path": "a"}, "missing-field", (), None),
        ({"target": "json_match", "matcher": "any"}, "missing-field", ("matcher",), None),
        ({"target": "json_match", "expected": {}}, "empty-value", ("expected",), None),
        ({"target": "json_match", "expected": 1}, "wrong-type", ("expected",), None),
        (
            {"target": "json_match", "path": "a", "expected": 1, "matcher": "any"},
            "contradiction",
            ("matcher",),
            None,
        ),
        ({"target": "json_schema", "schema": {}}, "always-true", ("schema",), None),
        (
            {"target": "json_schema", "schema": {"items": {"$ref": "other.json"}}},
            "remote-ref",
            ("schema", "items", "$ref"),
            None,
        ),
        ({"criteria": ""}, "empty-value", ("criteria",), None),
        ({"criteria": "x", "threshold": 0}, "always-true", ("threshold",), None),
        ({"criteria": "x", "output_key": "a"}, "missing-field", ("output_key",), None),
        # limits
        ({"target": "response_time", "max_ms": "fast"}, "wrong-type", ("max_ms",), None),
        ({"target": "response_time"}, "missing-field", (), None),
        (
            {"target": "response_time", "max_ms": 1, "value": 2},
            "contradiction",
            ("value",),
            None,
        ),
        ({"target": "token_limit", "max_token": 1}, "unknown-key", ("max_token",), "max_tokens"),
        ({"target": "http_status", "expected": "20x"}, "wrong-type", ("expected",), None),
        ({"target": "http_status", "expected": 20}, "wrong-type", ("expected",), None),
        ({"target": "http_status", "expected": []}, "empty-value", ("expected",), None),
        # sequences and order
        (
            {"target": "tool_sequence", "mode": "exactly", "expected": ["a"]},
            "unknown-mode",
            ("mode",),
            "exact",
        ),
        ({"target": "tool_sequence", "expected": []}, "always-true", ("expected",), None),
        ({"target": "tool_sequence", "expected": "a"}, "wrong-type", ("expected",), None),
        (
            {
                "target": "tool_sequence",
                "expected": ["a", {"expected_nmae": "b", "expected_name": "b"}],
            },
            "unknown-key",
            ("expected", 1, "expected_nmae"),
            "expected_name",
        ),
        ({"target": "call_order", "order": ["a"]}, "empty-value", ("order",), None),
        ({"target": "call_order", "order": ["a", "A "]}, "contradiction", ("order",), None),
        (
            {
                "target": "call_order",
                "pairs": [
                    {"first": "a", "then": "b"},
                    {"first": "b", "then": "c"},
                    {"first": "c", "then": "a"},
                ],
            },
            "contradiction",
            ("pairs",),
            None,
        ),
        # spans and policies
        ({"target": "span_query", "count": {"min": 0}}, "always-true", ("count", "min"), None),
        ({"target": "span_query", "count": {}}, "missing-field", ("count",), None),
        (
            {"target": "span_query", "checks": {"@staus": 1}},
            "unknown-key",
            ("checks", "@staus"),
            "@status",
        ),
        (
            {"target": "span_query", "percentile": {"p": 0, "max_ms": 1}},
            "wrong-type",
            ("percentile", "p"),
            None,
        ),
        ({"target": "tool_policy"}, "missing-field", (), None),
        (
            {"target": "tool_policy", "required": ["a"], "forbidden": ["a"]},
            "contradiction",
            ("forbidden", 0),
            None,
        ),
        ({"target": "side_effect_once"}, "missing-field", (), None),
        ({"target": "no_loop", "max_same": 0}, "wrong-type", ("max_same",), None),
        # assertions made of assertions
        ({"target": "all_of", "assertions": []}, "empty-value", ("assertions",), None),
        (
            {"target": "any_of", "assertions": [CALL, {"target": "nope"}]},
            "unknown-target",
            ("assertions", 1, "target"),
            None,
        ),
        (
            {"target": "not", "assertion": {**CALL, "weight": 2}},
            "unknown-key",
            ("assertion", "weight"),
            None,
        ),
    ],
)
def test_problem(
    problems: Problems, assertion: Any, code: str, path: tuple[Any, ...], suggestion: str | None
) -> None:
    assert (code, path, suggestion) in problems(assertion)


def test_an_unknown_key_points_at_the_key() -> None:
    _, (problem,) = compile_assertion({**CALL, "min_cals": 1})
    assert problem.on_key
    assert problem.message == "node_call has no 'min_cals'; did you mean 'min_calls'?"


def test_a_broken_assertion_is_an_error_on_every_trace() -> None:
    assertion, _ = compile_assertion({"target": "node_call", "expcted_name": "x"}, position=2)
    trace = make_trace(make_tool("t", "x"))
    verdict = evaluate(assertion, trace, read(trace))
    assert (assertion.id, verdict.outcome, verdict.reason_code) == (
        "a3",
        Outcome.ERROR,
        "unknown-key",
    )
    assert "did you mean 'expected_name'" in verdict.reason


def test_a_warning_does_not_break_an_assertion() -> None:
    assertion, problems = compile_assertion({**CALL, "expected_arguments": {"$regex": "x"}})
    assert [problem.code for problem in problems] == ["dollar-key"]
    assert assertion.usable


def test_common_fields_are_kept() -> None:
    written = {**CALL, "id": "b", "name": "n", "weight": 0, "stage": "runtime", "tags": ["t"]}
    assertion, _ = compile_assertion({**written, "when": {"response": "x"}})
    assert (assertion.id, assertion.name, assertion.weight) == ("b", "n", 0)
    assert (assertion.stage, assertion.tags, assertion.when) == (
        "runtime",
        ("t",),
        {"response": "x"},
    )


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_is_documented_in_every_field(target: str) -> None:
    kind = TARGETS[target]
    assert kind.doc
    assert all(field.doc for field in kind.fields)

"""Checks on the answer: response_regex, json_match, json_schema, semantic."""

import json
from typing import Any

import pytest

from tracedesk.assertions import Settings
from tracedesk.formats.detect import read_body
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_span, make_trace


def answer(text: str | None, **attributes: Any) -> Trace:
    """A trace with this response."""
    found = dict(attributes)
    if text is not None:
        found["gen_ai.response.text"] = text
    return make_trace(make_span("r", "Desk", attributes=found), metadata={"env": "test"})


def node(output: Any) -> Trace:
    """A trace with one node and its output."""
    return make_trace(make_span("n", "Agent", attributes={"n8n.node.output": output}))


@pytest.mark.parametrize(
    ("text", "fields", "outcome", "code"),
    [
        ("Berth 3 is free", {"pattern": "berth \\d", "flags": "i"}, "pass", "matched"),
        ("Berth 3 is free", {"pattern": "berth \\d"}, "fail", "not_matched"),
        ("ok", {"pattern": "sorry", "condition": "MUST_NOT_MATCH"}, "pass", "not_matched"),
        ("sorry", {"pattern": "sorry", "condition": "MUST_NOT_MATCH"}, "fail", "matched"),
        (" ", {"pattern": "x", "condition": "MUST_NOT_MATCH"}, "missing", "empty_response"),
        (" ", {"pattern": "x"}, "fail", "not_matched"),
        (None, {"pattern": "x"}, "missing", "no_response"),
        ("x", {"pattern": "x", "target_node": "Nowhere"}, "missing", "node_not_executed"),
    ],
)
def test_response_regex(
    decide: Any, text: str | None, fields: dict[str, Any], outcome: str, code: str
) -> None:
    verdict = decide({"target": "response_regex", **fields}, answer(text))
    assert (verdict.outcome, verdict.reason_code) == (outcome, code)


def test_a_match_names_its_characters(decide: Any) -> None:
    verdict = decide({"target": "response_regex", "pattern": "\\d+"}, answer("Berth 42"))
    (evidence,) = verdict.evidence
    assert (evidence.span, evidence.of, evidence.chars) == ("r", "response", (6, 8))
    assert verdict.actual == "42"


def test_a_failed_match_says_where_the_pattern_died(decide: Any) -> None:
    verdict = decide(
        {"target": "response_regex", "pattern": "berth \\d+ is"}, answer("berth 42 no")
    )
    assert 'matched up to /berth \\d+ /, then came "no"' in verdict.reason


def test_a_catastrophic_pattern_is_an_error(decide: Any) -> None:
    verdict = decide(
        {"target": "response_regex", "pattern": "(a|aa|b?a)+$"},
        answer("a" * 80 + "!"),
        settings=Settings(regex_timeout_s=0.02),
    )
    assert (verdict.outcome, verdict.reason_code) == (Outcome.ERROR, "regex_timeout")


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"path": "a.b", "expected": 1}, "pass"),
        ({"path": "$.a.b", "matcher": "gte", "value": 1}, "pass"),
        ({"path": "a.b", "value": 2}, "fail"),
        ({"path": "nope", "matcher": "absent"}, "pass"),
        ({"path": "nope", "matcher": "any"}, "fail"),
        ({"expected": {"a.b": 1, "env": "test"}}, "pass"),  # each path finds its own view
        ({"path": "env", "expected": "test", "source": "response"}, "fail"),
        ({"path": "env", "expected": "test", "source": "data"}, "missing"),
        ({"path": "$.list[*].n", "matcher": "gte", "value": 2}, "fail"),
        ({"path": "$.list[*].n", "matcher": "gte", "value": 2, "quantifier": "any"}, "pass"),
        ({"path": "gen_ai.response.text", "matcher": "contains", "value": "list"}, "pass"),
    ],
)
def test_json_match(decide: Any, fields: dict[str, Any], outcome: str) -> None:
    trace = answer(json.dumps({"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}]}))
    assert decide({"target": "json_match", **fields}, trace).outcome == outcome


def test_json_match_without_any_view_is_missing(decide: Any) -> None:
    wanted = {"target": "json_match", "path": "a", "matcher": "absent", "source": "response"}
    assert decide(wanted, answer("plain text")).outcome is Outcome.MISSING


def test_json_in_one_code_fence_is_read_on_request(decide: Any) -> None:
    fenced = answer('```json\n{"a": 1}\n```')
    wanted = {"target": "json_match", "path": "a", "expected": 1, "source": "response"}
    assert decide(wanted, fenced).outcome is Outcome.MISSING
    assert decide({**wanted, "allow_fenced": True}, fenced).outcome is Outcome.PASS


def test_json_match_names_the_differing_place(decide: Any) -> None:
    wanted = {"target": "json_match", "path": "$.seats[*]", "matcher": "lte", "value": 4}
    verdict = decide(wanted, answer('{"seats": [3, 5]}'))
    assert [(e.of, e.path) for e in verdict.evidence] == [("response", "$.seats[1]")]
    assert verdict.reason == "in response, $.seats[1]: expected number ≤ 4, actual 5"


@pytest.mark.parametrize(
    ("output", "key", "outcome"),
    [
        ({"text": "opens at 7"}, "text", "pass"),
        ('{"content": {"parts": [{"text": "opens at 7"}]}}', "content.parts.0.text", "pass"),
        ([{"text": "closed"}, {"text": "opens at 7"}], "text", "pass"),  # the last item
        ({"text": "opens at 7"}, "output", "missing"),
        ({"n": 7}, None, "pass"),  # dumped as JSON
    ],
)
def test_a_target_reads_only_its_own_output(
    decide: Any, output: Any, key: str | None, outcome: str
) -> None:
    fields = {"target_node": "agent", **({"output_key": key} if key else {})}
    verdict = decide({"target": "response_regex", "pattern": "7", **fields}, node(output))
    assert verdict.outcome == outcome


def test_a_target_without_output_is_missing(decide: Any) -> None:
    trace = make_trace(make_span("n", "Agent"), make_span("r", "Desk"))
    wanted = {"target": "json_match", "target_node": "agent", "path": "a", "expected": 1}
    assert decide(wanted, trace).reason_code == "no_output"


SCHEMA = {"type": "object", "required": ["plot"], "properties": {"plot": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('{"plot": 1}', "pass"),
        ('{"plot": "1"}', "fail"),
        ("plain text", "fail"),
        (None, "missing"),
    ],
)
def test_json_schema(decide: Any, text: str | None, outcome: str) -> None:
    verdict = decide({"target": "json_schema", "schema": SCHEMA}, answer(text))
    assert verdict.outcome == outcome


def test_schema_faults_name_both_paths(decide: Any) -> None:
    verdict = decide({"target": "json_schema", "schema": SCHEMA}, answer('{"plot": "1"}'))
    assert [(e.of, e.path) for e in verdict.evidence] == [("response", "$.plot")]
    assert "$.properties.plot.type" in verdict.reason


def test_older_data_is_the_instance_when_the_text_is_none(decide: Any) -> None:
    trace = read_body(b'{"data": {"plot": 1, "answer": "yes"}}').trace("custom")
    assert decide({"target": "json_schema", "schema": SCHEMA}, trace).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("trace", "fields", "outcome"),
    [
        (answer("Opens at 7"), {}, "skipped"),
        (answer(""), {}, "missing"),
        (answer(None), {}, "missing"),
        (answer("x"), {"target_node": "Agent"}, "missing"),  # never the whole response
        (node({"output": "x"}), {"target_node": "Agent", "output_key": "output"}, "skipped"),
        (node({"output": " "}), {"target_node": "Agent", "output_key": "output"}, "missing"),
    ],
)
def test_semantic(decide: Any, trace: Trace, fields: dict[str, Any], outcome: str) -> None:
    assert decide({"criteria": "polite", **fields}, trace).outcome == outcome

"""Selectors, span_query, no_errors, no_ignored_error."""

from typing import Any

import pytest

from tracedesk.model.trace import Status
from tracedesk.model.verdict import Outcome
from tracedesk.testing import make_span, make_tool

SPANS = (
    make_span("r", "Desk", status=Status.OK, start_ms=0, end_ms=100),
    make_span(
        "m", "chat", "r", attributes={"gen_ai.request.model": "small"}, start_ms=1, end_ms=31
    ),
    make_tool("a", "find", "m", arguments={"q": "x"}, start_ms=2, end_ms=12, status=Status.OK),
    make_tool("b", "send", "r", result='{"ok": true}', status=Status.ERROR, message="timeout"),
    make_span("s", "Spare", "r", status=Status.SKIPPED),
    make_span("c", "clean up", attributes={"http.status_code": "503", "tags": '["x"]'}),
)


@pytest.mark.parametrize(
    ("select", "selected"),
    [
        ({}, 5),
        ({"name": "SE"}, 1),
        ({"name": "find", "name_match": "exact"}, 1),
        ({"kind": "tool"}, 2),
        ({"kind": "node"}, 3),
        ({"kind": "ai"}, 1),
        ({"status": "error"}, 1),
        ({"status": ["ok", "unset"]}, 4),
        ({"status": "skipped"}, 1),
        ({"attributes": {"gen_ai.request.model": {"matcher": "starts_with", "value": "s"}}}, 1),
        ({"attributes": {"tags": ["x"]}}, 1),  # JSON text compares as JSON too
        ({"has_attributes": ["http.status_code"]}, 1),
        ({"min_duration_ms": 30}, 2),
        ({"max_duration_ms": 30}, 2),
        ({"min_depth": 1}, 3),
        ({"max_depth": 0}, 2),
        ({"min_children": 2}, 1),
        ({"max_children": 0}, 3),
        ({"parent": {"name": "Desk"}}, 2),
        ({"child": {"kind": "tool"}}, 2),
        ({"ancestor": {"name": "Desk"}}, 3),
        ({"descendant": {"name": "find"}}, 2),
        ({"descendant": {"name": "find"}, "kind": "ai"}, 1),
        ({"not": {"kind": "tool"}}, 3),
        ({"status": "skipped", "not": {"name": "Spare"}}, 0),
        ({"any_of": [{"name": "find"}, {"name": "send"}]}, 2),
        ({"kind": "tool", "nth": "last"}, 1),
        ({"kind": "tool", "nth": 3}, 0),
    ],
)
def test_selector(decide: Any, select: dict[str, Any], selected: int) -> None:
    verdict = decide({"target": "span_query", "select": select, "count": {"max": 99}}, *SPANS)
    assert verdict.actual == selected


def test_an_empty_selection_tells_its_elimination(decide: Any) -> None:
    select = {"kind": "tool", "status": "unset"}
    verdict = decide({"target": "span_query", "select": select}, *SPANS)
    assert verdict.outcome is Outcome.FAIL
    assert "5 → 2 → 0, removed by `status: unset`" in verdict.reason


def test_spans_without_times_never_fit_a_duration(decide: Any) -> None:
    verdict = decide({"target": "span_query", "select": {"max_duration_ms": 1000}}, *SPANS)
    assert [caution.code for caution in verdict.cautions] == ["spans_without_times"]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"checks": {"@status": {"matcher": "not", "value": "error"}}}, "fail"),
        ({"checks": {"@status": "error"}, "quantifier": "any"}, "pass"),
        ({"select": {"name": "nope"}, "checks": {"@depth": 0}}, "missing"),
        ({"select": {"name": "nope"}, "checks": {"@depth": 0}, "when_absent": "pass"}, "pass"),
        ({"select": {"name": "nope"}, "count": {"max": 0}}, "pass"),
        ({"select": {"name": "find"}, "checks": {"@arguments.q": "x", "@kind": "tool"}}, "pass"),
        ({"select": {"name": "send"}, "checks": {"@output.ok": True}}, "pass"),
        ({"select": {"name": "send"}, "checks": {"@status_message": "timeout"}}, "pass"),
        ({"select": {"name": "send"}, "checks": {"@duration_ms": {"matcher": "any"}}}, "fail"),
        ({"select": {"name": "clean"}, "checks": {"tags.0": "x"}}, "pass"),
        ({"select": {"name": "clean"}, "checks": {"nope": {"matcher": "absent"}}}, "pass"),
        ({"select": {"name": "Desk"}, "checks": {"@children": 2, "@label": "Desk"}}, "pass"),
        ({"percentile": {"p": 50, "max_ms": 30}}, "pass"),
        ({"percentile": {"p": 100, "max_ms": 99}}, "fail"),
        ({"select": {"name": "send"}, "percentile": {"p": 50, "max_ms": 1}}, "missing"),
    ],
)
def test_span_query(decide: Any, fields: dict[str, Any], outcome: str) -> None:
    assert decide({"target": "span_query", **fields}, *SPANS).outcome == outcome


def test_every_failing_pair_is_reported(decide: Any) -> None:
    checks = {"@status": "ok", "q": 1}
    verdict = decide({"target": "span_query", "select": {"kind": "tool"}, "checks": checks}, *SPANS)
    assert [(e.span, e.path) for e in verdict.evidence] == [
        ("a", "$.q"),
        ("b", '$["@status"]'),
        ("b", "$.q"),
    ]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "fail"),
        ({"max_errors": 1}, "pass"),
        ({"ignore": ["send"]}, "pass"),
        ({"max_errors": 1, "http_errors": True}, "fail"),
        ({"select": {"name": "find"}}, "pass"),
        ({"select": {"name": "nope"}}, "missing"),
    ],
)
def test_no_errors(decide: Any, fields: dict[str, Any], outcome: str) -> None:
    assert decide({"target": "no_errors", **fields}, *SPANS).outcome == outcome


def test_unset_counts_as_success_with_a_caution(decide: Any) -> None:
    verdict = decide({"target": "no_errors"}, make_span("r"))
    assert verdict.outcome is Outcome.PASS
    assert [caution.code for caution in verdict.cautions] == ["no_status_reported"]


@pytest.mark.parametrize(
    ("called", "outcome"),
    [
        ("A", "pass"),
        ("Aa", "pass"),
        ("AB", "fail"),
        ("Aba", "pass"),
        ("ABa", "fail"),
        ("a", "pass"),
        ("", "missing"),
    ],
)
def test_no_ignored_error(decide: Any, called: str, outcome: str) -> None:
    """Capitals are failed calls of the same tool."""
    calls = [
        make_tool(f"{n}", name.lower(), "r", status=Status.ERROR if name.isupper() else Status.OK)
        for n, name in enumerate(called)
    ]
    verdict = decide({"target": "no_ignored_error"}, make_span("r", "Desk"), *calls)
    assert verdict.outcome == outcome

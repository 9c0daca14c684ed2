"""Values of ten megabytes, deep nesting, names of any script: an answer, never a crash."""

import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from tracedesk.assertions import compile_assertion
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.testing import make_span, make_tool

Decide = Callable[..., Verdict]
ROOT = make_span("r", "Desk")
BIG = "x" * 10_000_000
SECONDS = 5.0
"""Far above what any takes (under 0.3 s here): only a quadratic rule would reach it."""


def nested(depth: int, leaf: Any = 1) -> Any:
    for _ in range(depth):
        leaf = {"a": leaf}
    return leaf


def argument(expected: Any, **fields: Any) -> dict[str, Any]:
    arguments = {"text": expected}
    return {"target": "node_call", "expected_name": "f", "expected_arguments": arguments, **fields}


def answering(text: str) -> Any:
    return make_span("r", "Desk", attributes={"gen_ai.response.text": text})


@pytest.mark.parametrize(
    "expected",
    [
        "y",
        BIG + "y",
        *(
            {"matcher": matcher, "value": value}
            for matcher, value in (
                ("contains", "y"),
                ("regex", "y{3}z"),
                ("length", 1),
                ("gte", 1),
                ("json", 1),
                ("schema", {"maxLength": 1}),
                ("contains_all", ["y", "z"]),
            )
        ),
        {"matcher": "url"},
        {"matcher": "datetime"},
        {"matcher": "exact", "value": "y", "ignore_case": True},
    ],
    ids=lambda expected: str(expected)[:40],
)
def test_a_text_of_ten_megabytes_as_argument(decide: Decide, expected: Any) -> None:
    call = make_tool("t", "f", "r", arguments={"text": BIG})
    start = process_time()
    found = decide(argument(expected), ROOT, call)
    assert process_time() - start < SECONDS
    assert found.outcome is Outcome.FAIL
    assert len(found.reason) < 1000
    assert max(len(difference.hint) for difference in found.differences) < 1000


@pytest.mark.parametrize(
    "written",
    [
        {"target": "json_match", "path": "$.a[*]", "expected": "q"},
        {"target": "json_match", "path": "a", "expected": ["q"]},
        {"target": "json_match", "path": "a", "matcher": "contains_all", "value": ["q"]},
        {"target": "json_schema", "schema": {"properties": {"a": {"items": {"maxLength": 9}}}}},
        {"target": "response_regex", "pattern": "q"},
    ],
)
def test_a_response_of_ten_megabytes(decide: Decide, written: dict[str, Any]) -> None:
    text = json.dumps({"a": ["z" * 100] * 100_000})
    start = process_time()
    found = decide(written, answering(text))
    assert process_time() - start < SECONDS
    assert found.outcome is Outcome.FAIL
    assert len(found.reason) < 1000


@pytest.mark.parametrize("depth", [100, 199])
def test_values_nested_as_deep_as_they_may_be(decide: Decide, depth: int) -> None:
    call = make_tool("t", "f", "r", arguments={"text": nested(depth - 1)})
    for mode in ("contains", "exact", "only"):
        right, wrong = (argument(nested(depth - 1, leaf), args_mode=mode) for leaf in (1, 2))
        assert decide(right, ROOT, call).outcome is Outcome.PASS
        assert decide(wrong, ROOT, call).outcome is Outcome.FAIL
    again = make_tool("u", "f", "r", arguments={"text": nested(depth - 1)})
    loop = {"target": "no_loop", "max_same": 1}
    assert decide(loop, ROOT, call, again).outcome is Outcome.FAIL
    deep = answering(json.dumps(nested(depth)))
    schema = {"type": ["object", "integer"], "properties": {"a": {"$ref": "#"}}}
    assert decide({"target": "json_schema", "schema": schema}, deep).outcome is Outcome.PASS
    everywhere = {"target": "json_match", "path": "$..a", "matcher": "any", "source": "response"}
    assert decide(everywhere, deep).outcome is Outcome.PASS


@pytest.mark.parametrize("depth", [500, 5000, 50_000])
def test_an_assertion_nested_without_reason_is_a_load_error(decide: Decide, depth: int) -> None:
    negated: dict[str, Any] = {"target": "no_loop"}
    for _ in range(depth):
        negated = {"target": "not", "assertion": negated}
    assert [problem.code for problem in compile_assertion(negated)[1]] == ["syntax"]
    assert decide(argument(nested(depth)), ROOT).outcome is Outcome.ERROR
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(depth):
        schema = {"items": schema}
    found = decide({"target": "json_schema", "schema": schema}, answering("{}"))
    assert (found.outcome, found.reason_code) == (Outcome.ERROR, "bad-schema")


COMPOSED, DECOMPOSED, WIDE = "Café Tool", "Cafe\u0301 Tool", "Ｃafé Tool"


@pytest.mark.parametrize("expected", [COMPOSED, DECOMPOSED, "CAFÉ TOOL", "CAFE\u0301 tool"])
@pytest.mark.parametrize("actual", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("mode", ["substring", "exact", "glob"])
def test_an_accent_is_the_same_however_it_is_encoded(
    decide: Decide, expected: str, actual: str, mode: str
) -> None:
    written = {"target": "node_call", "expected_name": expected, "name_match": mode}
    assert decide(written, ROOT, make_span("n", actual, "r")).outcome is Outcome.PASS


def test_letters_that_only_look_alike_are_not_the_same(decide: Decide) -> None:
    written = {"target": "node_call", "expected_name": COMPOSED}
    assert decide(written, ROOT, make_span("n", WIDE, "r")).outcome is Outcome.FAIL


def test_values_are_compared_code_point_by_code_point(decide: Decide) -> None:
    call = make_tool("t", "f", "r", arguments={"text": DECOMPOSED})
    found = decide(argument(COMPOSED), ROOT, call)
    assert found.outcome is Outcome.FAIL
    assert "NFC" in found.differences[0].hint


@pytest.mark.parametrize("name", ["a.b/c[0]", "🚢 ship", "ship:🚢", "x → y", "名前", "$.a", "*"])
def test_names_of_any_characters(decide: Decide, name: str) -> None:
    spans = [ROOT, make_tool("t", name, "r", arguments={name: {name: 1}})]
    written = {
        "target": "node_call",
        "expected_name": name,
        "expected_arguments": {name: {name: 1}},
    }
    found = decide(written, *spans)
    assert found.outcome is Outcome.PASS
    assert found.evidence[0].path.startswith("$")
    check = {f"@arguments.$[{json.dumps(name)}][{json.dumps(name)}]": 1}
    query = {"target": "span_query", "select": {"kind": "tool"}, "checks": check}
    assert decide(query, *spans).outcome is Outcome.PASS
    assert decide({"target": "tool_policy", "allowed": [name]}, *spans).outcome is Outcome.PASS

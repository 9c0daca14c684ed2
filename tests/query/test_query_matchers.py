"""Expected values: the worked table, every matcher, modes, differences, load problems."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.expected import Env, in_words
from tracedesk.query.matchers import ALIASES, MATCHERS, compile_expected
from tracedesk.query.patterns import PatternTimeoutError
from tracedesk.query.values import ABSENT

TABLES = {
    entry["kind"]: entry
    for entry in json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())
    if entry.get("kind") in ("matchers", "dates")
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def outcome(expected: Any, actual: Any, env: Env = Env(), mode: str = "contains") -> str:
    """``pass``, ``fail`` or ``error``, after checking that both ways of asking agree."""
    compiled, problems = compile_expected(expected, mode=mode)
    if any(problem.severity == "error" for problem in problems):
        return "error"
    matches = compiled.matches(actual, env)
    assert matches == (not compiled.check(actual, env))
    assert compiled.misfits(actual, env) == len(compiled.check(actual, env))
    return "pass" if matches else "fail"


@pytest.mark.parametrize("case", TABLES["matchers"]["cases"], ids=json.dumps)
def test_worked_matcher(case: dict[str, Any]) -> None:
    actual = ABSENT if case.get("actual_missing") else case["actual"]
    assert outcome(case["expected"], actual) == case["verdict"]


@pytest.mark.parametrize("case", TABLES["dates"]["cases"], ids=json.dumps)
def test_worked_date(case: dict[str, Any]) -> None:
    table = TABLES["dates"]
    clock_ns = int(datetime.fromisoformat(table["now"]).timestamp()) * 10**9
    expected = {"matcher": "exact", "expression": case["expression"]}
    assert outcome(expected, case["actual"], Env(clock_ns, table["timezone"])) == case["verdict"]


@pytest.mark.parametrize(
    ("expected", "actual", "answer"),
    [
        # equality never coerces
        (1, True, "fail"),
        (0, False, "fail"),
        ("2", 2, "fail"),
        (None, None, "pass"),
        (None, 0, "fail"),
        (2**53 + 1, float(2**53), "fail"),
        (2**53 + 1, 2**53 + 1, "pass"),
        ([1, 2], [2, 1], "fail"),
        ([], [], "pass"),
        ({"a": None}, {}, "fail"),
        ({"matcher": "exact", "value": {"matcher": "regex"}}, {"matcher": "regex"}, "pass"),
        ({"matcher": "exact", "value": "ÉCLAIR", "ignore_case": True}, "éclair", "pass"),
        # contains
        ({"matcher": "contains", "value": 5}, 1500, "pass"),
        ({"matcher": "contains", "value": "tru"}, True, "pass"),
        ({"matcher": "contains", "value": 1}, [True, 2], "fail"),
        ({"matcher": "contains", "value": {"a": 1}}, [{"a": 1.0}], "pass"),
        ({"matcher": "contains", "value": "a"}, {"a": None}, "pass"),
        ({"matcher": "contains", "value": "A", "ignore_case": True}, {"a": 1}, "pass"),
        ({"matcher": "contains", "value": "null"}, None, "fail"),
        # regex
        ({"matcher": "regex", "value": '"n":2'}, {"n": 2}, "pass"),
        ({"matcher": "regex", "value": "^b$", "flags": "m"}, "a\nb", "pass"),
        ({"matcher": "regex", "value": "B", "ignore_case": True}, "abc", "pass"),
        # order
        ({"matcher": "gte", "value": "3"}, " 3.0 ", "pass"),
        ({"matcher": "gt", "value": 3}, 3, "fail"),
        ({"matcher": "lt", "value": 1}, False, "fail"),
        ({"matcher": "gte", "value": 2**53}, 2**53 + 1, "pass"),
        ({"matcher": "gt", "value": 2**53}, 2**53 + 1, "pass"),
        ({"matcher": "lte", "value": "2026-05-02"}, "2026-05-02T23:00:00", "pass"),
        ({"matcher": "lt", "value": "2026-05-02T10:00"}, "2026-05-02T10:00:01", "fail"),
        ({"matcher": "gte", "value": "2026-05-02"}, 5, "fail"),
        ({"matcher": "between", "min": "1", "max": 8}, "8", "pass"),
        ({"matcher": "between", "min": 1, "max": 8}, 8.5, "fail"),
        ({"matcher": "approx", "value": 100, "rel": 0.1}, 91, "pass"),
        ({"matcher": "approx", "value": 1.5}, 10**400, "fail"),
        ({"matcher": "approx", "value": 1}, "1", "fail"),
        # negation, choice, presence
        ({"matcher": "not", "value": {"matcher": "gte", "value": 3}}, 2, "pass"),
        ({"matcher": "not", "value": {"a": 1}}, {"a": 2}, "pass"),
        ({"matcher": "in", "value": [1, {"matcher": "regex", "value": "x"}]}, "axe", "pass"),
        ({"matcher": "one_of", "value": ["A"], "ignore_case": True}, "a", "pass"),
        ({"matcher": "exists"}, None, "pass"),
        ({"matcher": "any"}, ABSENT, "fail"),
        ({"matcher": "any", "optional": True}, ABSENT, "pass"),
        ({"matcher": "exact", "value": 1, "optional": True}, ABSENT, "pass"),
        ({"matcher": "exact", "value": 1, "optional": True}, 2, "fail"),
        # types and text
        ({"matcher": "type", "value": ["string", "null"]}, None, "pass"),
        ({"matcher": "type", "value": "integer"}, 1.5, "fail"),
        ({"matcher": "type", "value": "integer"}, 1e300, "pass"),
        ({"matcher": "startsWith", "value": "OR"}, "ORD", "pass"),
        ({"matcher": "ends_with", "value": "rd", "ignore_case": True}, "ORD", "pass"),
        ({"matcher": "starts_with", "value": "1"}, 12, "fail"),
        ({"matcher": "length", "value": 2}, "é😀", "pass"),
        ({"matcher": "length", "value": {"matcher": "gte", "value": 1}}, {}, "fail"),
        ({"matcher": "length", "value": 1}, 5, "fail"),
        ({"matcher": "uuid"}, "550E8400-e29b-41d4-a716-446655440000", "pass"),
        ({"matcher": "uuid"}, "550e8400e29b41d4a716446655440000", "fail"),
        ({"matcher": "url"}, "https://a.example/x?y=1", "pass"),
        ({"matcher": "url"}, "/only/a/path", "fail"),
        ({"matcher": "url"}, "http://[broken", "fail"),
        ({"matcher": "date"}, "2026-02-29", "fail"),
        ({"matcher": "date"}, "2026-05-02", "pass"),
        ({"matcher": "datetime"}, "2026-05-02T10:00:00.5Z", "pass"),
        ({"matcher": "datetime"}, "2026-05-02", "fail"),
        # lists, where greedy pairing would be wrong
        ({"matcher": "contains_all", "value": ["a", "b"]}, "cab", "pass"),
        ({"matcher": "contains_all", "value": [{"matcher": "gte", "value": 1}, 1]}, [1, 2], "pass"),
        ({"matcher": "contains_all", "value": [1, 1]}, [1, 2], "fail"),
        ({"matcher": "unordered", "value": [{"matcher": "any"}, 1]}, [1, 2], "pass"),
        ({"matcher": "unordered", "value": [1]}, [1, 1], "fail"),
        # nesting
        ([{"matcher": "partial", "value": {"a": 1}}], [{"a": 1, "b": 2}], "pass"),
        ({"matcher": "json", "value": {"a": 1}}, '{"a": 1, "b": 2}', "pass"),
        ({"matcher": "json", "value": {"a": 1}}, "{a: 1}", "fail"),
        ({"matcher": "json", "value": {"a": 1}}, {"a": 1}, "fail"),
        ({"matcher": "schema", "value": {"type": "integer"}}, 3, "pass"),
        ({"matcher": "schema", "value": {"type": "integer"}}, "3", "fail"),
        ({"__proto__": 1, "": 2, "a.b": 3}, {"__proto__": 1, "": 2, "a.b": 3}, "pass"),
    ],
)
def test_matcher(expected: Any, actual: Any, answer: str) -> None:
    assert outcome(expected, actual) == answer


@pytest.mark.parametrize(
    ("mode", "actual", "answer"),
    [
        ("contains", {"a": {"b": 1, "c": 2}, "d": 3}, "pass"),
        ("exact", {"a": {"b": 1}}, "pass"),
        ("exact", {"a": {"b": 1}, "d": 3}, "fail"),
        ("exact", {"a": {"b": 1, "c": 2}}, "fail"),
        ("only", {}, "pass"),
        ("only", {"a": {}}, "pass"),
        ("only", {"a": {"c": 2}}, "fail"),
    ],
)
def test_modes_reach_all_the_way_down(mode: str, actual: Any, answer: str) -> None:
    assert outcome({"a": {"b": 1}}, actual, mode=mode) == answer


@pytest.mark.parametrize(
    ("expected", "code", "path", "suggestion"),
    [
        ({"matcher": "contians", "value": 1}, "unknown-matcher", ("matcher",), "contains"),
        ({"matcher": "exact", "valeu": 1}, "unknown-matcher-option", ("valeu",), "value"),
        ({"matcher": "gte", "value": 1, "min": 0}, "unknown-matcher-option", ("min",), None),
        ({"matcher": "any", "value": 1}, "unknown-matcher-option", ("value",), None),
        ({"matcher": "exact"}, "missing-field", (), None),
        ({"matcher": 5}, "wrong-type", ("matcher",), None),
        ({"matcher": "gte", "value": "soon"}, "wrong-type", ("value",), None),
        ({"matcher": "gte", "value": True}, "wrong-type", ("value",), None),
        ({"matcher": "between", "min": 3, "max": 1}, "contradiction", ("min",), None),
        ({"matcher": "between", "min": 3}, "missing-field", (), None),
        ({"matcher": "one_of", "value": []}, "empty-value", ("value",), None),
        ({"matcher": "contains", "value": ""}, "empty-value", ("value",), None),
        ({"matcher": "regex", "value": "("}, "bad-regex", ("value",), None),
        ({"matcher": "regex", "value": "a", "flags": "q"}, "wrong-type", ("flags",), None),
        ({"matcher": "type", "value": "strnig"}, "wrong-type", ("value",), "string"),
        ({"matcher": "approx", "value": 1, "abs": -1}, "wrong-type", ("abs",), None),
        ({"matcher": "exact", "value": 1, "optional": 1}, "wrong-type", ("optional",), None),
        ({"matcher": "schema", "value": {}}, "always-true", ("value",), None),
        (
            {"matcher": "schema", "value": {"$ref": "https://x.example/s"}},
            "remote-ref",
            ("value", "$ref"),
            None,
        ),
        ({"matcher": "schema", "value": {"type": "nmber"}}, "bad-schema", ("value", "type"), None),
        (
            {"matcher": "exact", "expression": "TODAI()"},
            "bad-expression",
            ("expression",),
            "TODAY",
        ),
        (
            {"matcher": "exact", "value": 1, "expression": "TODAY()"},
            "contradiction",
            ("expression",),
            None,
        ),
        (
            {"matcher": "contains", "expression": "TODAY()"},
            "unknown-matcher-option",
            ("expression",),
            None,
        ),
        ({"a": [{"matcher": "nto", "value": 1}]}, "unknown-matcher", ("a", 0, "matcher"), "not"),
    ],
)
def test_problems_of_expected_values(
    expected: Any, code: str, path: tuple[Any, ...], suggestion: str | None
) -> None:
    _, problems = compile_expected(expected)
    assert [(p.code, p.path, p.suggestion) for p in problems] == [(code, path, suggestion)]


def test_a_dollar_key_is_a_warning_with_the_right_spelling() -> None:
    _, problems = compile_expected({"id": {"$regex": "x"}})
    assert [(p.code, p.severity, p.path, p.suggestion) for p in problems] == [
        ("dollar-key", "warning", ("id", "$regex"), "regex")
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        (4, "4", '$: expected number 4, actual string "4" (numeric text; as a number equal)'),
        ({"a": "Porto"}, {"a": "Lisbon"}, '$.a: expected "Porto", actual "Lisbon"'),
        ({"odd key": [1, 2]}, {"odd key": [1, 3]}, '$["odd key"][1]: expected 2, actual 3'),
        ({"a": 1}, {}, "$.a: expected number 1, actual absent"),
        ({"matcher": "lte", "value": 100}, 120, "$: expected number ≤ 100, actual 120"),
        ("x", "[REDACTED]", '$: expected "x", actual "[REDACTED]" (redacted by the sender)'),
        ({"matcher": "json", "value": {"a": [1]}}, '{"a": [2]}', "$.a[0]: expected 1, actual 2"),
        (
            {"matcher": "regex", "value": "^ORD-\\d+$"},
            "ORD-x",
            '$: expected matches /^ORD-\\d+$/, actual "ORD-x" (matched up to /^ORD-/, '
            'then came "x" at character 5)',
        ),
        (True, "true", '$: expected true, actual string "true" (text, not a boolean)'),
    ],
)
def test_differences_in_words(expected: Any, actual: Any, words: str) -> None:
    compiled, _ = compile_expected(expected)
    assert [in_words(d) for d in compiled.check(actual, Env())] == [words]


def test_extra_keys_are_unexpected() -> None:
    compiled, _ = compile_expected({"a": 1}, mode="exact")
    (difference,) = compiled.check({"a": 1, "b": 2}, Env())
    assert (difference.path, difference.expected_type, difference.actual) == ("$.b", "absent", 2)


def test_a_catastrophic_pattern_stops_on_time() -> None:
    compiled, _ = compile_expected({"matcher": "regex", "value": "(a|aa|b?a)+$"})
    with pytest.raises(PatternTimeoutError, match="longer than 20 ms"):
        compiled.matches("a" * 80 + "!", Env(regex_timeout_s=0.02))


def test_every_matcher_is_documented() -> None:
    assert all(matcher.doc for matcher in MATCHERS.values())
    assert set(ALIASES.values()) <= set(MATCHERS)


@given(JSON)
def test_everything_equals_itself_exactly(value: Any) -> None:
    assert outcome({"matcher": "exact", "value": value}, value) == "pass"


@given(JSON, JSON)
def test_matching_and_differences_always_agree(expected: Any, actual: Any) -> None:
    before = json.dumps([expected, actual])
    outcome(expected, actual)
    outcome({"matcher": "not", "value": expected}, actual)
    outcome(expected, actual, mode="exact")
    outcome(expected, actual, mode="only")
    assert json.dumps([expected, actual]) == before


@given(JSON, JSON)
def test_not_is_the_opposite_of_a_present_value(expected: Any, actual: Any) -> None:
    plain = outcome(expected, actual)
    negated = outcome({"matcher": "not", "value": expected}, actual)
    assert {plain, negated} in ({"pass", "fail"}, {"error"})

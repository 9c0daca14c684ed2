"""No silent green: whatever key of an assertion is misspelt, loading says so."""

import copy
import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.assertions import compile_assertion

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text("utf-8"))

EXPECTED = {"expected_arguments", "expected_output", "attributes", "checks", "expected"}
"""Fields that hold expected values, whose objects have names that authors choose."""

NAMED = {"properties", "max_calls_per_tool"}
"""Fields that map names that authors choose to something of the format."""

CALL = {"target": "node_call", "expected_name": "book"}
MATCHERS = [
    {"matcher": "exact", "value": {"a": 1}},
    {"matcher": "exact", "expression": "TODAY()"},
    {"matcher": "contains", "value": "x", "ignore_case": True},
    {"matcher": "regex", "value": "x", "flags": "i"},
    {"matcher": "gte", "value": 1, "optional": True},
    {"matcher": "between", "min": 1, "max": 2},
    {"matcher": "approx", "value": 1, "abs": 1, "rel": 1},
    {"matcher": "not", "value": {"matcher": "one_of", "value": [1]}},
    {"matcher": "any"},
    {"matcher": "type", "value": "string"},
    {"matcher": "length", "value": {"matcher": "lte", "value": 2}},
    {"matcher": "contains_all", "value": [{"matcher": "ends_with", "value": "x"}]},
    {"matcher": "json", "value": {"b": {"matcher": "uuid"}}},
    {"matcher": "schema", "value": {"type": "object", "required": ["a"]}},
]
WRITTEN: list[dict[str, Any]] = [
    *(
        {**CALL, "expected_arguments": {"a": matcher, "b": [{"c": matcher}]}}
        for matcher in MATCHERS
    ),
    *({"target": "json_match", "path": "a", "expected": matcher} for matcher in MATCHERS),
    *({"target": "span_query", "checks": {"@name": matcher}} for matcher in MATCHERS),
    {**CALL, "within": {"attributes": {"a": {"matcher": "exact", "value": 1}}, "nth": 1}},
    {"target": "http_status", "expected": {"matcher": "between", "min": 200, "max": 204}},
    *(
        entry["assertion"]
        for example in EXAMPLES
        if "kind" not in example
        for entry in example.get("assertions", ())
    ),
]
GOOD = [written for written in WRITTEN if not compile_assertion(written)[1]]

Keys = tuple[str | int, ...]


def fixed_keys(value: Any, path: Keys = ()) -> Iterator[Keys]:
    """Paths of all keys that the format knows, in an assertion or another object of it."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from fixed_keys(item, (*path, index))
    elif isinstance(value, dict) and "matcher" in value:
        yield from matcher_keys(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            if key in EXPECTED and value.get("target") != "tool_sequence":
                yield from matcher_keys(item, (*path, key))
            elif key in NAMED:
                for name, inner in item.items():
                    yield from fixed_keys(inner, (*path, key, name))
            elif key != "default_args":
                yield from fixed_keys(item, (*path, key))


def matcher_keys(value: Any, path: Keys) -> Iterator[Keys]:
    """Paths of all keys of the matcher objects in an expected value."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from matcher_keys(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            if "matcher" in value:
                yield (*path, key)
            if value.get("matcher") == "schema":
                yield from fixed_keys(item, (*path, key))
            elif value.get("matcher") != "exact":
                yield from matcher_keys(item, (*path, key))


MUTABLE = [
    (written, path) for written in GOOD for path in fixed_keys(written) if path[-1] != "criteria"
]


def renamed(written: Any, path: Keys, name: str) -> Any:
    changed = copy.deepcopy(written)
    owner = changed
    for step in path[:-1]:
        owner = owner[step]
    items = [(name if key == path[-1] else key, value) for key, value in owner.items()]
    owner.clear()
    owner.update(items)
    return changed


def edited(word: str, kind: int, at: int, letter: str) -> str:
    at %= len(word)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + letter + word[at:]
    if kind == 2:
        return word[:at] + letter + word[at + 1 :]
    return word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]


@given(
    st.sampled_from(MUTABLE),
    st.integers(0, 3),
    st.integers(0, 30),
    st.sampled_from(string.ascii_lowercase + "_"),
)
def test_a_key_that_is_misspelt_is_an_error_there(
    place: tuple[dict[str, Any], Keys], kind: int, at: int, letter: str
) -> None:
    written, path = place
    word = str(path[-1])
    name = edited(word, kind, at, letter)
    if name == word or not name:
        return

    _, problems = compile_assertion(renamed(written, path, name))

    errors = [problem for problem in problems if problem.severity == "error"]
    assert errors, name


@pytest.mark.parametrize("matcher", MATCHERS, ids=json.dumps)
@pytest.mark.parametrize("name", ["macher", "mather", "matchr", "Matcher", "match", "mtacher"])
@pytest.mark.parametrize("condition", ["MUST_CALL", "MUST_NOT_CALL"])
def test_a_misspelt_matcher_is_told_with_the_right_word(
    matcher: dict[str, Any], name: str, condition: str
) -> None:
    misspelt = renamed(matcher, ("matcher",), name)
    written = {**CALL, "condition": condition, "expected_arguments": {"a": [misspelt]}}

    assertion, problems = compile_assertion(written)

    assert not assertion.usable
    (problem,) = (p for p in problems if p.path[-1] == name)
    assert problem.suggestion == "matcher"
    assert problem.on_key


@pytest.mark.parametrize(
    "literal",
    [
        {"match": "Porto - Boavista", "score": 3},
        {"matched": True, "value": 3},
        {"batch": 4, "value": 1},
        {"matcher": {"matcher": "exact", "value": "regex"}, "value": 3},
        {"matches": ["regex"], "value": 3},
    ],
)
def test_an_object_that_only_resembles_a_matcher_stays_a_literal(literal: dict[str, Any]) -> None:
    _, problems = compile_assertion({**CALL, "expected_arguments": literal})
    assert not problems


@pytest.mark.parametrize(
    "written",
    [
        {**CALL, "expected_arguments": {"matcher": "regex", "value": "x"}},
        {**CALL, "expected_arguments": {"macher": "regex", "value": "x"}},
        {**CALL, "expected_arguments": {"matcher": "any"}},
        {"target": "span_query", "checks": {"matcher": "gte", "value": 3}},
        {"target": "span_query", "select": {"attributes": {"matcher": "any"}}},
        {"target": "json_match", "expected": {"matcher": "gte", "value": 3}},
    ],
)
def test_a_matcher_in_place_of_a_map_of_names_is_told(written: dict[str, Any]) -> None:
    _, problems = compile_assertion(written)
    assert [problem.code for problem in problems] == ["unknown-matcher-option"]


def test_mutation_reaches_the_matcher_key_itself() -> None:
    assert sum(path[-1] == "matcher" for _, path in MUTABLE) > 30

"""The schema of a file: valid itself, and in agreement with what loading says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tracedesk.testcases.load import load_text
from tracedesk.testcases.schema import file_schema
from tracedesk.testcases.when import _FIELDS
from tracedesk.testcases.yaml import parse_yaml

TESTS = Path(__file__).parents[1]
SCHEMA = file_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = json.loads((TESTS / "data" / "examples.json").read_text("utf-8"))
WRONG = sorted((TESTS / "data" / "wrong_cases").iterdir())
SAMPLES = sorted((TESTS.parent / "sample_traces" / "testcases").glob("*.yaml"))

SHAPES = {
    "empty-value",
    "missing-field",
    "unknown-condition",
    "unknown-key",
    "unknown-matcher",
    "unknown-matcher-option",
    "unknown-mode",
    "unknown-status",
    "unknown-target",
    "wrong-type",
}
"""Codes of what is wrong by its shape."""

NOT_BY_SHAPE = {
    "matcher-for-all-arguments.yaml": "an argument may have any name",
    "matcher-option.yaml": "beside a path the options of all matchers may stand",
    "misspelt-fact.yaml": "a check may be any attribute",
    "misspelt-filter.yaml": "the words of a filter",
    "misspelt-matcher-key.yaml": "an expected value may be any object",
    "misspelt-matcher-key-in-list.yaml": "an expected value may be any object",
    "misspelt-schema-keyword.yaml": "a schema may have any keyword",
}


def value_of(text: str) -> Any:
    root = parse_yaml(text)
    return None if root is None else root.value


def case_of(*assertions: Any, **fields: Any) -> dict[str, Any]:
    return {"cases": [{"name": "a", "assertions": list(assertions), **fields}]}


ASSERTIONS = [
    entry["assertion"]
    for example in EXAMPLES
    if "kind" not in example
    for entry in example.get("assertions", ())
]


def test_it_is_a_schema_and_plain_json() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_key_says_what_it_is_for() -> None:
    for name in ("case", "defaults"):
        for key, schema in SCHEMA["$defs"][name]["properties"].items():
            assert schema["description"], key


@pytest.mark.parametrize("assertion", ASSERTIONS, ids=json.dumps)
def test_every_example_that_loads_is_valid(assertion: Any) -> None:
    value = case_of(assertion)
    if not load_text(json.dumps(value), "a.json").errors:
        assert [error.message for error in VALIDATOR.iter_errors(value)] == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_valid(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(value_of(path.read_text()))] == []


@pytest.mark.parametrize(
    "entry",
    [case for entry in EXAMPLES if entry.get("kind") == "load" for case in entry["cases"]],
    ids=lambda entry: entry["text"][-40:],
)
def test_it_agrees_with_the_examples_of_loading(entry: dict[str, Any]) -> None:
    codes = {d.code for d in load_text(entry["text"], "a.yaml").errors}
    if codes & {"syntax", "duplicate-key", "unknown-variable"}:
        return
    valid = VALIDATOR.is_valid(value_of(entry["text"]))
    assert valid or codes
    if codes and codes <= SHAPES:
        assert not valid


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.name)
def test_what_is_wrong_by_shape_is_invalid(path: Path) -> None:
    codes = {d.code for d in load_text(path.read_bytes(), path.name).errors}
    if "syntax" in codes or path.name in NOT_BY_SHAPE:
        return
    if codes & SHAPES:
        assert not VALIDATOR.is_valid(value_of(path.read_text()))


@pytest.mark.parametrize(
    "fields",
    [
        {"when": "status:failed"},
        {"when": {"input": {"matcher": "contains", "value": "x"}, "called": ["a", "b"]}},
        {"when": {"not": {"status": ["failed", "partial"]}, "x-note": 1}},
        {"each": [{"PARTY": 2, "NAME": "x", "VIP": True}]},
        {"each": "tables.csv"},
        {"threshold": 0.5, "weight": 0, "tags": [], "context": {"A": 1}, "x-owner": "me"},
        {"input": ["one", "two"], "status": "draft", "agent": "booking", "id": "b"},
    ],
)
def test_every_form_of_a_case_is_valid(fields: dict[str, Any]) -> None:
    value = case_of({"target": "no_errors", "when": "status:failed"}, **fields)
    assert [error.message for error in VALIDATOR.iter_errors(value)] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"when": {}},
        {"when": {"respone": "x"}},
        {"when": {"status": "fialed"}},
        {"each": []},
        {"each": [{"party": 2}]},
        {"each": "tables.txt"},
        {"threshold": 0},
        {"weight": "1"},
        {"wieght": 1},
        {"context": {"user": "x"}},
    ],
)
def test_a_case_that_is_wrong_is_invalid(fields: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(case_of({"target": "no_errors"}, **fields))


def test_conditions_have_all_their_fields() -> None:
    (_, mapping) = SCHEMA["$defs"]["when"]["anyOf"]
    assert set(mapping["properties"]) == set(_FIELDS)


def test_the_command_prints_and_writes_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracedesk", "schema"]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert json.loads(printed) == SCHEMA
    path = tmp_path / "schema.json"
    subprocess.run([*command, "-o", str(path)], check=True, timeout=60)
    assert path.read_bytes() == printed

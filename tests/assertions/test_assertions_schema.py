"""The schema of assertions: valid itself, and in agreement with loading."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tracedesk.assertions import compile_assertion
from tracedesk.assertions.schema import definitions

SCHEMA = {"$ref": "#/$defs/assertion", "$defs": definitions()}
VALIDATOR = Draft202012Validator(SCHEMA)
WRITTEN = [
    entry["assertion"]
    for example in json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())
    if "kind" not in example
    for entry in example.get("assertions", ())
]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA)


@pytest.mark.parametrize("assertion", WRITTEN, ids=json.dumps)
def test_whatever_loads_is_valid(assertion: Any) -> None:
    _, problems = compile_assertion(assertion)
    if not problems:
        assert VALIDATOR.is_valid(assertion)
    elif {problem.code for problem in problems} & {"unknown-key", "unknown-mode"}:
        assert not VALIDATOR.is_valid(assertion)

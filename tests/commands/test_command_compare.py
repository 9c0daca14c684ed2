"""``tracedesk compare``: two traces, or a failing one and the nearest that passes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli

CASES = """\
cases:
  - name: books for four
    assertions:
      - {target: node_call, expected_name: create_booking, expected_arguments: {party: 4}}
"""


def booking(party: str, answer: str) -> dict[str, Any]:
    tool = {
        "gen_ai.tool.name": "create_booking",
        "gen_ai.tool.call.arguments": f'{{"party": {party}, "date": "2026-03-09"}}',
    }
    return {
        "spans": [
            {"span_id": "r", "name": "agent", "attributes": {"gen_ai.response.text": answer}},
            {"span_id": "t", "parent_span_id": "r", "name": "create_booking", "attributes": tool},
        ]
    }


@pytest.fixture
def compare(tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]) -> Any:
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(CASES)
    desk = open_desk()
    for name, party in (("good", "4"), ("slip", '"4"')):
        body = booking(party, f"A table for {party.strip(chr(34))}, {name}.")
        call(desk, "/public/traces", body, x_request_id=name)
    desk.stop()

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["compare", *args, "--workspace", str(tmp_path)])

    return invoke


def test_what_differs_is_told_call_by_call(compare: Callable[..., Result]):
    result = compare("good", "slip")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert lines[0].startswith("A  good") and lines[0].endswith("pass")  # noqa: PT018
    assert "≠   create_booking   ← first divergence" in lines
    told = 'arguments $.party: A number 4, B string "4" (numeric text; as a number equal)'
    assert told in lines
    assert "response: A table for 4, [-good-]{+slip+}." in lines
    assert any(line.startswith("pass → fail  testcases/a.yaml:4") for line in lines)


def test_only_differences_leave_the_rest_out(compare: Callable[..., Result]):
    assert "  agent" in compare("good", "good").output
    output = compare("good", "good", "--only-differences").output
    assert "agent" not in output.split("\n\n")[1]
    assert "no call differs" in output


def test_json_is_one_document(compare: Callable[..., Result]):
    document = json.loads(compare("good", "slip", "--json").stdout)
    assert document["verdicts"] == {"a": "pass", "b": "fail"}
    call = document["calls"][document["firstDivergence"]]
    assert (call["change"], call["name"]) == ("changed", "create_booking")
    assert call["parts"][0]["differences"] == [
        {"path": "$.party", "a": 4, "b": "4", "aType": "number", "bType": "string"}
    ]
    assert document["verdictChanges"][0]["caseFile"] == "testcases/a.yaml"


def test_without_a_second_trace_the_nearest_passing_one_is_found(compare: Callable[..., Result]):
    result = compare("slip")
    assert result.exit_code == 0
    assert result.output.splitlines()[0].startswith("A  good")


def test_when_all_others_fail_that_is_said(compare: Callable[..., Result]):
    result = compare("good")
    assert result.exit_code == 2
    assert "no other trace of the agent passes" in result.output


def test_without_test_cases_nothing_is_said_to_fail(compare: Callable[..., Result], tmp_path: Path):
    (tmp_path / "testcases" / "a.yaml").unlink()
    result = compare("slip")
    assert result.exit_code == 2
    assert "no test case says anything of another trace" in result.output


def test_an_unknown_trace_is_named(compare: Callable[..., Result]):
    result = compare("good", "nobody")
    assert result.exit_code == 2
    assert "no stored trace 'nobody'" in result.output

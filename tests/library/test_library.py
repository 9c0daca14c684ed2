"""tracedesk as a library: reading and checking without a workspace."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tracedesk
from tracedesk import ReadError, check, read, read_all
from tracedesk.commands.check import command
from tracedesk.model.verdict import Outcome

SAMPLES = Path(__file__).parents[2] / "sample_traces"
BODY: dict[str, Any] = {
    "spans": [
        {
            "span_id": "r",
            "name": "desk",
            "attributes": {"gen_ai.response.text": "Table 4 is booked."},
        },
        {
            "span_id": "t",
            "parent_span_id": "r",
            "name": "book",
            "attributes": {
                "gen_ai.tool.name": "book",
                "gen_ai.tool.call.arguments": {"party": 4},
            },
        },
    ]
}
CALL = {"target": "node_call", "expected_name": "book", "expected_arguments": {"party": 4}}
CASES = """\
cases:
  - name: books
    assertions:
      - target: node_call
        expected_name: book
        expected_arguments: {party: 5}
"""


@pytest.mark.parametrize(
    "body",
    [BODY, json.dumps(BODY), json.dumps(BODY).encode(), bytearray(json.dumps(BODY).encode())],
    ids=lambda body: type(body).__name__,
)
def test_a_body_in_any_form(body: Any) -> None:
    trace, reading = read(body)
    assert [span.span_id for span in trace.spans] == ["r", "t"]
    assert reading.response.text == "Table 4 is booked."
    assert reading.tool_calls[0].arguments == {"party": 4}


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(BODY))
    assert read(path).reading == read(BODY).reading
    assert len(read_all(tmp_path)) == 1
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "not valid JSON|JSON"),
        ({"spans": []}, "spans"),
        (b"\x00", "JSON"),
        ({"spans": [{"span_id": "a"}]}, "name"),
        ({"data": {1, 2}}, "no JSON value"),
        ({"data": float("nan")}, "no JSON value"),
    ],
)
def test_what_is_no_trace_is_a_read_error(body: Any, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read(body)
    with pytest.raises(ReadError):
        check(body, [CALL])


def test_several_traces_are_read_by_read_all(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(BODY))
    with pytest.raises(ReadError, match="2 traces"):
        read(tmp_path)
    result = check(tmp_path, [CALL])
    assert result
    assert len(result.cases) == 2
    assert result.report.count("trace ") == 2


@pytest.mark.parametrize("wrong", [5, None, ["spans"]])
def test_what_is_no_body_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        read(wrong)


def test_a_list_of_assertions_is_one_case() -> None:
    result = check(BODY, [CALL, {"target": "response_regex", "pattern": "booked"}])
    assert result
    assert (result.outcome, result.passed) == (Outcome.PASS, True)
    assert [verdict.outcome for verdict in result.verdicts] == [Outcome.PASS] * 2


@pytest.mark.parametrize("cases", [CASES, {"name": "books", "assertions": [CALL]}])
def test_a_case_as_text_or_mapping(cases: Any) -> None:
    result = check(read(BODY), cases)
    assert [case.name for case in result.cases] == ["books"]


def test_a_failure_explains_itself() -> None:
    result = check(BODY, CASES)
    assert not result
    assert result.outcome is Outcome.FAIL
    assert "expected 5, actual 4" in result.report
    assert "▸ 6 │" in result.report, "the line that decided is shown"
    assert str(result) == result.report


def test_a_file_of_cases_by_path_or_name(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    assert check(BODY, path).outcome is Outcome.FAIL
    assert check(BODY, str(path)).outcome is Outcome.FAIL
    assert check(BODY, tmp_path).outcome is Outcome.FAIL
    with pytest.raises(FileNotFoundError):
        check(BODY, tmp_path / "gone")


def test_a_broken_case_is_an_error_with_its_place() -> None:
    result = check(BODY, CASES.replace("expected_name", "expcted_name"))
    assert (result.outcome, result.passed) == (Outcome.ERROR, False)
    assert "did you mean 'expected_name'?" in result.report
    assert (result.diagnostics[0].line, result.diagnostics[0].column) == (5, 9), "of the key itself"


def test_nothing_decided_has_not_passed() -> None:
    nothing = check(BODY, CASES + "    status: paused\n")
    assert (nothing.outcome, nothing.passed) == (Outcome.SKIPPED, False)
    assert "nothing was evaluated" in nothing.report
    missing = check({"data": {"text": "hi"}}, [CALL])
    assert (missing.outcome, missing.passed) == (Outcome.MISSING, False)
    some = [{"target": "response_regex", "pattern": "hi"}, CALL]
    assert check({"data": {"text": "hi"}}, some).passed is False
    assert check({"data": {"text": "hi"}}, some, allow_missing=True).passed


def test_cases_of_other_agents_are_left_out_when_an_agent_is_named() -> None:
    cases = CASES + "    agent: harbour\n"
    assert check(BODY, cases).outcome is Outcome.FAIL
    assert check(BODY, cases, agent="harbour").outcome is Outcome.FAIL
    assert check(BODY, cases, agent="other").outcome is Outcome.SKIPPED


@pytest.mark.parametrize("wrong", [5, None])
def test_what_are_no_cases_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        check(BODY, wrong)


@pytest.mark.parametrize("trace", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_it_agrees_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = check(trace, SAMPLES / "testcases")
    asked = [str(trace), "--json", "--cases", str(SAMPLES / "testcases")]
    done = CliRunner().invoke(command, asked, catch_exceptions=False)
    told = json.loads(done.stdout)["results"]
    assert [case.outcome for case in result.cases] == [entry["verdict"] for entry in told]


def test_names_are_imported_when_asked_for() -> None:
    assert set(tracedesk.__all__) <= set(dir(tracedesk))
    assert all(getattr(tracedesk, name) is not None for name in tracedesk.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = tracedesk.nope


def test_neither_screen_nor_database_nor_server_is_imported() -> None:
    code = f"""
import sys
import tracedesk
assert "msgspec" not in sys.modules, "the package itself imports nothing"
from tracedesk import check, read
assert check({BODY!r}, [{CALL!r}, {{"target": "json_schema", "schema": {{"type": "string"}}}}])
found = {{"textual", "sqlite3", "sqlite_utils", "uvicorn", "starlette", "click"}} & set(sys.modules)
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

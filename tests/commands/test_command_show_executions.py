"""``show --executions``: what the test cases said of a trace, and when."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli

CASES = "cases:\n" + "".join(
    f"  - name: {name}\n    assertions:\n      - {{target: response_regex, pattern: {said}}}\n"
    for name, said in (("greets", "Hello"), ("says bye", "Bye"))
)


@pytest.fixture
def show(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    until: Callable[..., Any],
) -> Any:
    folder = tmp_path / "testcases"
    folder.mkdir()
    (folder / "a.yaml").write_text(CASES)
    desk = open_desk()
    body = {"data": {"text": "Hello"}, "metadata": {"version": "v2"}}
    call(desk, "/public/traces", body, x_request_id="chat-1")
    until(lambda: len(list(desk.store.history.executions())) == 1)
    body["data"] = {"text": "Hello, then Bye"}
    call(desk, "/public/traces", body, x_request_id="chat-1")
    until(lambda: len(list(desk.store.history.executions())) == 2)
    desk.stop()

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["show", *args, "--workspace", str(tmp_path)])

    return invoke


def test_a_line_each_the_newest_first(show: Callable[..., Result]):
    head, second, first = show("chat-1", "--executions").output.splitlines()
    assert head.split() == ["when", "kind", "revision", "outcome", "score", "cases"]
    assert " ".join(second.split()[2:]) == "passive 2 pass 100% pass greets, pass says bye"
    assert " ".join(first.split()[2:]) == "passive 1 fail 50% fail says bye, pass greets"


def test_as_data(show: Callable[..., Result]):
    document = json.loads(show("chat-1", "--executions", "--json").stdout)
    _, first = document["executions"]
    assert (first["kind"], first["revision"], first["outcome"]) == ("passive", 1, "fail")
    assert (first["version"], first["environment"], first["score"]) == ("v2", None, 0.5)
    failed = first["cases"][1]
    assert (failed["name"], failed["outcome"]) == ("says bye", "fail")
    (assertion,) = failed["assertions"]
    assert assertion["target"] == "response_regex"
    assert assertion["reason"]


def test_it_is_not_of_one_revision(show: Callable[..., Result]):
    result = show("chat-1", "--executions", "--revision", "1")
    assert result.exit_code == 2
    assert "leave --curl and --revision out" in result.output


def test_where_none_is_kept_that_is_said(
    tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]
):
    desk = open_desk()
    call(desk, "/public/traces", {"data": {"text": "Hello"}})
    desk.stop()
    asked = ["show", "last", "--executions", "--workspace", str(tmp_path)]
    result = CliRunner().invoke(cli, asked)
    assert (result.exit_code, result.output) == (
        0,
        "no execution is kept: no active test case has run on this trace\n",
    )


def test_what_a_judge_said_is_kept_with_the_execution(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    until: Callable[..., Any],
):
    (tmp_path / "tracedesk.toml").write_text('[judge]\nmodel = "heuristic"\n')
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(
        "cases:\n  - name: says when\n    assertions:\n      - criteria: Names the day\n"
    )
    desk = open_desk()
    call(desk, "/public/traces", {"data": {"text": "See you on that day"}}, x_request_id="chat-1")
    until(lambda: len(list(desk.store.history.executions())) == 1)
    desk.stop()

    def show(*args: str) -> str:
        command = ["show", "chat-1", "--executions", *args, "--workspace", str(tmp_path)]
        return CliRunner().invoke(cli, command).stdout

    (execution,) = json.loads(show("--json"))["executions"]
    ((assertion,),) = (case["assertions"] for case in execution["cases"])
    details = assertion["details"]
    assert (details["state"], details["model"], details["heuristic"]) == (
        "answered", "heuristic", True,
    )  # fmt: skip
    assert details["score"] == assertion["score"]
    assert details["rationale"]
    told = show()
    assert "says when a1: " in told
    assert details["rationale"] in told

"""``tracedesk mark``: known good and known bad traces, from the shell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Any command in a workspace that holds the traces ``chat-1`` and ``chat-2``."""

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, [*args, "--workspace", str(tmp_path)])

    for name in ("chat-1", "chat-2"):
        body = {"externalId": name, "data": {"text": "Hello"}}
        (tmp_path / f"{name}.json").write_text(json.dumps(body))
    found = invoke("import", str(tmp_path / "chat-1.json"), str(tmp_path / "chat-2.json"))
    assert found.exit_code == 0, found.output
    return invoke


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    result = run("list", *words, "--json")
    assert result.exit_code == 0, result.output
    traces: list[dict[str, Any]] = json.loads(result.stdout)["traces"]
    return traces


def test_a_mark_is_in_the_list_and_can_be_filtered_by(run: Run):
    result = run("mark", "chat-1", "good", "--note", "as agreed")
    assert result.exit_code == 0
    assert result.stdout.endswith("  Custom API request  good\n")
    found = {e["externalId"]: (e["mark"], e["note"]) for e in listed(run)}
    assert found == {"chat-1": ("good", "as agreed"), "chat-2": (None, None)}
    assert [e["externalId"] for e in listed(run, "mark:good")] == ["chat-1"]
    assert [e["externalId"] for e in listed(run, "mark:none")] == ["chat-2"]
    lines = run("list").stdout.splitlines()
    assert lines[0].endswith("mark")
    assert lines[2].endswith("good as agreed")


def test_without_marks_the_list_has_no_column_for_them(run: Run):
    assert "mark" not in run("list").stdout


def test_show_says_the_mark_and_why(run: Run):
    run("mark", "chat-1", "bad", "--note", "books \x1b[31mtwice")
    assert "marked bad: books ␛[31mtwice" in run("show", "chat-1").stdout
    document = json.loads(run("show", "chat-1", "--json").stdout)
    assert (document["mark"], document["note"]) == ("bad", "books \x1b[31mtwice")
    assert "mark" not in json.loads(run("show", "chat-2", "--json").stdout)


def test_several_at_once_and_none_again(run: Run):
    marked = json.loads(run("mark", "chat-1", "chat-2", "chat-1", "bad", "--json").stdout)
    assert [e["mark"] for e in marked] == ["bad", "bad"], "each trace once"
    assert "none, was bad" in run("mark", "chat-1", "none").stdout
    assert [e["externalId"] for e in listed(run, "mark:bad")] == ["chat-2"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("chat-9", "good"), "no stored trace 'chat-9'"),
        (("chat-1", "chat-9", "good"), "no stored trace 'chat-9'"),
        (("chat-1", "great"), "'great' is not one of 'good', 'bad', 'none'"),
        (("good",), "Missing argument"),
        (("chat-1", "none", "--note", "why"), "without one there is nothing to note"),
    ],
)
def test_what_cannot_be_marked_changes_nothing(run: Run, words: tuple[str, ...], told: str):
    result = run("mark", *words)
    assert result.exit_code == 2
    assert told in result.output
    assert [e["mark"] for e in listed(run)] == [None, None]

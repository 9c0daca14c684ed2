"""The commands as a person types them: what they print, and their exit status."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import COMMANDS, cli

TRACE = {
    "spans": [
        {
            "span_id": "r",
            "name": "Ferry Desk",
            "attributes": {"gen_ai.response.text": "Ticket 55 is booked."},
            "start_time_unix_nano": "1780000000000000000",
            "end_time_unix_nano": "1780000001250000000",
        },
        {
            "span_id": "t",
            "parent_span_id": "r",
            "name": "book_ticket",
            "attributes": {"gen_ai.tool.name": "book_ticket", "gen_ai.tool.call.arguments": "{}"},
            "status": {"code": 2, "message": "no seat"},
        },
    ]
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, [*args, "--workspace", str(tmp_path)])

    return invoke


@pytest.fixture
def stored(open_desk: Callable[..., Any], call: Callable[..., Any]) -> str:
    desk = open_desk()
    _, reply = call(desk, "/public/traces", TRACE, x_request_id="ferry-1")
    _, _ = call(desk, "/public/traces", {"data": {"text": "only text"}})
    desk.stop()
    return str(reply["data"]["id"])


def test_help_names_every_command_and_imports_none():
    code = (
        "import sys\n"
        "from tracedesk.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "heavy = {'textual', 'pydantic', 'msgspec', 'sqlite3', 'uvicorn', 'yaml', 'asyncio'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "imported: []" in done.stdout
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_a_misspelt_command_is_not_taken_for_a_folder():
    result = CliRunner().invoke(cli, ["chek"])
    assert result.exit_code == 2
    assert "no command and no folder 'chek'; did you mean 'check'?" in result.output


def test_list_names_what_is_stored_newest_first(run: Callable[..., Result], stored: str):
    header, newest, older = run("list").output.splitlines()
    assert header.split()[:3] == ["id", "name", "agent"]
    assert "custom" not in newest
    assert older.startswith(stored[:8])
    assert "Ferry Desk" in older


def test_list_json_is_one_document(run: Callable[..., Result], stored: str):
    document = json.loads(run("list", "--json").stdout)
    assert document["total"] == 2
    assert document["traces"][1]["externalId"] == "ferry-1"
    assert document["traces"][1]["spanCount"] == 2


def test_list_takes_a_filter_and_explains_a_wrong_one(run: Callable[..., Result], stored: str):
    assert "Ferry Desk" in run("list", "tool:book_ticket").output
    assert run("list", "tool:nothing_such").output == "no stored trace fits the filter\n"
    wrong = run("list", "agnt:local")
    assert wrong.exit_code == 2
    assert "did you mean 'agent'" in wrong.output


def test_list_filters_by_verdict_without_a_desk_running(
    run: Callable[..., Result], stored: str, tmp_path: Path
):
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(
        "cases: [{name: a, assertions: [{target: response_regex, pattern: Ticket}]}]"
    )
    assert "Ferry Desk" in run("list", "verdict:pass").output
    assert "Ferry Desk" not in run("list", "verdict:fail").output


@pytest.mark.parametrize("by", ["id", "prefix", "external id"])
def test_show_finds_a_trace_by_any_of_its_names(run: Callable[..., Result], stored: str, by: str):
    text = {"id": stored, "prefix": stored[:8], "external id": "ferry-1"}[by]
    output = run("show", text).output
    assert "Ferry Desk" in output
    assert "✖ book_ticket" in output
    assert "Ticket 55 is booked." in output


def test_show_json_has_the_specified_shape(run: Callable[..., Result], stored: str):
    found = json.loads(run("show", stored, "--json").stdout)
    assert list(found) == [
        *("id", "platformId", "agent", "externalId", "format", "status", "revision"),
        *("createdAt", "updatedAt", "spanCount", "errorCount", "metadata", "warnings"),
        *("reading", "spans", "evaluation"),
    ]
    assert found["status"] == "failed"
    assert found["reading"]["durationMs"] == 1250.0
    assert found["reading"]["input"]["text"] is None
    assert found["reading"]["input"]["tried"]
    assert found["spans"][1]["status"] == {"code": 2, "message": "no seat"}
    assert found["evaluation"] == {"verdict": None, "score": None, "cases": []}


def test_show_of_nothing_says_where_to_look(run: Callable[..., Result], stored: str):
    result = run("show", "no-such")
    assert result.exit_code == 2
    assert "no stored trace 'no-such'; tracedesk list shows what there is" in result.output


def test_a_broken_configuration_stops_every_command_in_one_line(
    run: Callable[..., Result], tmp_path: Path
):
    (tmp_path / "tracedesk.toml").write_text("[endpoint]\nprot = 1\n")
    result = run("list")
    assert result.exit_code == 2
    assert "did you mean 'port'" in result.output
    assert "Traceback" not in result.output


def test_a_database_that_is_none_stops_every_command_in_one_line(
    run: Callable[..., Result], tmp_path: Path
):
    (tmp_path / ".tracedesk").mkdir()
    (tmp_path / ".tracedesk" / "traces.db").write_bytes(b"not a database, surely" * 100)
    result = run("list")
    assert result.exit_code == 2
    assert "traces.db" in result.output


def test_serve_prints_its_address_and_stops_cleanly(tmp_path: Path):
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "tracedesk", "serve", "--port", "0", "--json-log"),
            *("--workspace", str(tmp_path)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    first = json.loads(server.stdout.readline())
    assert first["event"] == "listening"
    assert first["url"].startswith("http://127.0.0.1:")
    server.terminate()
    rest, _ = server.communicate(timeout=20)
    assert json.loads(rest)["event"] == "stopped"
    assert server.returncode == 0

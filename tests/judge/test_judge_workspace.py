"""The judge at work in a desk and in ``tracedesk check``, over a real server and database."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from model_server import ModelServer, answers

from tracedesk.cli import cli
from tracedesk.desk import Desk
from tracedesk.model.verdict import Outcome

CASES = """
cases:
  - name: says which berth
    assertions:
      - {criteria: "Names the berth"}
      - {target: response_regex, pattern: Berth}
"""


@pytest.fixture
def workspace(tmp_path: Path, server: ModelServer) -> Path:
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "berth.yaml").write_text(CASES)
    (tmp_path / "a.json").write_text('{"data": {"text": "Berth 3 is free."}}')
    configure(tmp_path, server)
    return tmp_path


def configure(folder: Path, server: ModelServer, more: str = "") -> None:
    text = f'[judge]\nmodel = "small"\nbase_url = "{server.url}"\nretries = 0\n{more}'
    (folder / "tracedesk.toml").write_text(text)


@pytest.fixture
def check(workspace: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs ``tracedesk check --json`` on the trace; exit status and document."""

    def run(*options: str) -> tuple[int, dict[str, Any]]:
        words = ["check", str(workspace / "a.json"), "--workspace", str(workspace), "--json"]
        found = CliRunner().invoke(cli, [*words, *options])
        return found.exit_code, json.loads(found.stdout)

    return run


def test_check_waits_for_the_judge_and_knows_it_afterwards(
    check: Callable[..., Any], server: ModelServer
):
    status, document = check()
    assert status == 0
    assert document["summary"]["judge"] == {"asked": 1, "cached": 0, "skipped": 0, "failed": 0}
    assert document["results"][0]["assertions"][0]["judge"]["score"] == 0.9
    server.close()
    status, document = check("--jobs", "2")
    assert status == 0
    assert document["summary"]["judge"]["cached"] == 1
    assert document["results"][0]["assertions"][0]["judge"]["cached"]


@pytest.mark.parametrize("options", [(), ("--before", "before.yaml")])
def test_stored_traces_are_judged_as_files_are(
    workspace: Path, server: ModelServer, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(workspace)
    (workspace / "before.yaml").write_text(CASES.replace("the berth", "any berth"))
    assert CliRunner().invoke(cli, ["import", "a.json"]).exit_code == 0
    words = ["check", "--cases", "testcases/berth.yaml", "--json", *options]
    found = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert document["summary"]["judge"] == {"asked": 1, "cached": 0, "skipped": 0, "failed": 0}
    assert document["results"][0]["assertions"][0]["verdict"] == "pass"


def test_check_need_not_ask(check: Callable[..., Any], server: ModelServer):
    status, document = check("--no-judge")
    assert status == 0
    assert document["summary"]["judge"]["skipped"] == 1
    assert "--no-judge" in document["results"][0]["assertions"][0]["reason"]
    assert server.requests == []


def test_a_judge_that_fails_breaks_the_check(check: Callable[..., Any], server: ModelServer):
    server.behaviours = [lambda request: request.send(401, {"error": {"message": "who?"}})]
    status, document = check()
    assert status == 2
    assert document["results"][0]["assertions"][0]["verdict"] == "error"
    assert document["results"][0]["assertions"][1]["verdict"] == "pass"


def test_check_waits_only_so_long(check: Callable[..., Any], workspace: Path, server: ModelServer):
    configure(workspace, server, "wait_s = 0.1")
    server.behaviours = [server.hang]
    status, document = check()
    assert status == 2
    assert "[judge] wait_s" in document["results"][0]["assertions"][0]["reason"]


def test_what_was_spent_today_is_known_to_the_next_run(
    check: Callable[..., Any], workspace: Path, server: ModelServer
):
    configure(workspace, server, "budget_calls_per_day = 1")
    assert check()[0] == 0
    (workspace / "a.json").write_text('{"data": {"text": "Berth 4 is free."}}')
    status, document = check()
    assert status == 2
    assert "budget_calls_per_day = 1" in document["results"][0]["assertions"][0]["reason"]
    assert len(server.requests) == 1


def test_the_desk_shows_verdicts_at_once_and_the_judges_when_it_answers(
    workspace: Path,
    server: ModelServer,
    open_desk: Callable[..., Desk],
    call: Callable[..., Any],
    until: Callable[..., Any],
):
    def late(request: Any) -> None:
        server.released.wait(20)
        answers(0.9, "It does.", "Berth 3")(request)

    server.behaviours = [late]
    desk = open_desk()
    body = {"data": {"text": "Berth 3 is free."}}
    status, reply = call(desk, "/public/traces", body, Content_Type="application/json")
    assert status < 300, reply
    trace_id = reply["traceId"]

    def seen() -> Any:
        found = desk.verdicts(trace_id)
        return found if found is not None and found.cases and found.cases[0].verdicts else None

    first = until(seen)
    assert first.pending
    outcomes = [verdict.outcome for verdict in first.cases[0].verdicts]
    assert outcomes == [Outcome.SKIPPED, Outcome.PASS]
    assert "1 to come" in desk.activity
    assert desk.totals() == {"pending": 1}
    server.released.set()
    last = until(lambda: not seen().pending and seen())
    assert [verdict.outcome for verdict in last.cases[0].verdicts] == [Outcome.PASS, Outcome.PASS]
    assert last.cases[0].score == pytest.approx(0.95)
    until(lambda: desk.activity == "")
    row = desk.store.row(trace_id)
    assert row is not None
    told = desk.describe(row)["evaluation"]["cases"][0]["assertions"][0]
    assert told["verdict"] == "pass"
    desk.stop()
    again = open_desk(listen=False)
    opened = again.load(trace_id)
    assert opened is not None
    found = again.evaluate(opened).cases[0].verdicts[0]
    assert found.judged is not None
    assert found.judged.cached
    assert len(server.requests) == 1


def test_what_asks_no_judge_does_not_import_one(workspace: Path):
    (workspace / "testcases" / "berth.yaml").write_text(
        "cases:\n  - name: one\n    assertions: [{target: response_regex, pattern: Berth}]\n"
    )
    code = (
        "import sys\nfrom tracedesk.commands.check import command\n"
        f"try: command(['a.json', '--workspace', {str(workspace)!r}])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "print(sorted(m for m in sys.modules if m.startswith(('pydantic_ai', 'openai', 'httpx',"
        " 'tracedesk.judge.judge'))), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=workspace, timeout=30
    )
    assert found.stderr.strip() == "[]"

"""``tracedesk doctor``: what it finds in a workspace of every state, and that it never fails."""

import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.commands import doctor_checks
from tracedesk.store.schema import VERSION

Until = Callable[[Callable[[], Any]], Any]
SPANS = {"spans": [{"span_id": "r", "name": "Root"}]}


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["doctor", *args, "--workspace", str(tmp_path)])

    return invoke


@pytest.fixture
def check(doctor: Callable[..., Result]) -> Callable[[str], dict[str, Any]]:
    """One finding as data; the exit status is held to what all of them say."""

    def find(name: str, *args: str) -> dict[str, Any]:
        result = doctor("--json", *args)
        document = json.loads(result.stdout)
        states = {each["state"] for each in document["checks"]}
        assert document["ok"] == ("problem" not in states)
        assert result.exit_code == (2 if "problem" in states else 0)
        found: dict[str, Any] = next(e for e in document["checks"] if e["check"] == name)
        return found

    return find


@pytest.fixture
def configure(tmp_path: Path, free_port: int) -> Callable[[str], None]:
    def write(text: str) -> None:
        if "[endpoint]" not in text:
            text += f"\n[endpoint]\nport = {free_port}\n"
        (tmp_path / "tracedesk.toml").write_text(text)

    write("")
    return write


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port: int = trial.getsockname()[1]
    return port


@pytest.fixture
def stored(configure: Any, open_desk: Callable[..., Any], call: Callable[..., Any]) -> Path:
    """A database with two traces and a refused request, whose desk has ended."""
    desk = open_desk()
    call(desk, "/public/traces", SPANS)
    call(desk, "/public/traces", SPANS)
    call(desk, "/public/traces", b"{")
    desk.stop()
    return Path(desk.workspace.database)


def test_a_new_folder_is_well(
    doctor: Callable[..., Result], configure: Any, tmp_path: Path, free_port: int
):
    result = doctor()
    assert result.exit_code == 0
    assert f"no desk is at work here; port {free_port} is free" in result.output
    assert "traces.db will be made at the first start" in result.output
    assert result.output.endswith("\nall is well\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tracedesk.toml"], "nothing was made"


def test_traces_and_refusals_are_told_by_agent(stored: Path, doctor: Callable[..., Result]):
    output = doctor().output
    assert "2 traces, the oldest of " in output
    assert "2 received, 1 refused" in output
    assert "VALIDATION_ERROR × 1 for local, last " in output
    assert "not valid JSON" in output
    assert "0 problems, 1 warning" in output
    header, local = output.splitlines()[-4:-2]
    assert header.split()[:3] == ["agent", "accepted", "replaced"]
    assert local.split()[:7] == ["local", "2", "0", "0", "0", "1", "0"]


def test_json_is_one_document_with_the_ledger(stored: Path, doctor: Callable[..., Result]):
    document = json.loads(doctor("--json").stdout)
    assert document["ok"] is True
    refused = next(entry for entry in document["ledger"] if entry["event"] == "refused")
    assert (refused["agent"], refused["code"], refused["count"]) == ("local", "VALIDATION_ERROR", 1)
    assert refused["lastAt"].endswith("Z")
    traces = next(each for each in document["checks"] if each["check"] == "traces")
    assert traces["traces"] == 2


def test_nothing_private_is_open_to_others(stored: Path, check: Callable[..., Any]):
    assert check("workspace")["state"] == "ok"
    stored.chmod(0o644)
    found = check("workspace")
    assert found["state"] == "warning"
    assert str(stored) in found["more"]


def test_a_running_desk_is_named(
    configure: Any, open_desk: Callable[..., Any], check: Callable[..., Any]
):
    desk = open_desk()
    found = check("endpoint")
    assert found["running"] is True
    assert found["url"] == desk.endpoint.url
    assert "answered by process" in found["found"]
    desk.stop()
    assert check("endpoint")["running"] is False


def test_a_port_that_is_taken_is_a_problem_where_it_was_asked_for(
    configure: Any, check: Callable[..., Any], free_port: int
):
    with socket.create_server(("127.0.0.1", free_port)):
        found = check("endpoint")
    assert found["state"] == "problem"
    assert f"port {free_port} is taken: another program is there" in found["found"]
    assert "choose another port" in found["advice"]


def test_the_endpoint_of_another_workspace_is_recognised(
    configure: Any, open_desk: Callable[..., Any], check: Callable[..., Any], tmp_path: Path
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "tracedesk.toml").write_text("")
    desk = open_desk(root=other)
    configure(f"[endpoint]\nport = {desk.endpoint.port}\n")
    assert "the endpoint of another workspace is there" in check("endpoint")["found"]


def test_an_address_of_another_machine_is_a_problem(configure: Any, check: Callable[..., Any]):
    configure('[endpoint]\nhost = "192.0.2.1"\nport = 4999\n')
    found = check("endpoint")
    assert found["state"] == "problem"
    assert "none could listen on 192.0.2.1:4999" in found["found"]


def test_a_desk_that_was_killed_does_no_harm(
    stored: Path, check: Callable[..., Any], tmp_path: Path
):
    lock = tmp_path / ".tracedesk" / "desk.lock"
    for text in ('{"pid": 999999999, "url": "http://127.0.0.1:1"}', "{", '{"pid": "x"}'):
        lock.write_text(text)
        found = check("endpoint")
        assert found["state"] == "ok"
        assert "was killed, which does no harm" in found["found"]


def test_a_demanded_key_that_does_not_exist_is_a_problem(
    stored: Path, configure: Any, check: Callable[..., Any], tmp_path: Path
):
    configure("[endpoint]\nport = 0\nrequire_key = true\n")
    found = check("keys")
    assert found["state"] == "problem"
    assert "every request is refused" in found["found"]
    made = ["keys", "create", "mine", "--workspace", str(tmp_path)]
    assert CliRunner().invoke(cli, made).exit_code == 0
    assert check("keys")["state"] == "ok"


def test_a_broken_configuration_hides_nothing_else(
    stored: Path, check: Callable[..., Any], tmp_path: Path
):
    (tmp_path / "tracedesk.toml").write_text("[endpiont]\n[retention]\ndays = -1\n")
    found = check("configuration")
    assert found["state"] == "problem"
    told = [found["found"], *found["more"]]
    assert any("endpiont: unknown key; did you mean 'endpoint'?" in line for line in told)
    assert any("retention.days: must be a number above 0" in line for line in told)
    assert check("traces")["traces"] == 2


def damaged_start(path: Path) -> None:
    path.write_bytes(b"not a database at all, this is" + path.read_bytes()[30:])


def damaged_pages(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    for page in range(1, len(whole) // 4096):
        whole[page * 4096 + 8 : page * 4096 + 200] = b"\xff" * 192
    path.write_bytes(whole)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 7")
    connection.close()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("harm", "state", "said"),
    [
        (damaged_start, "problem", "is not a tracedesk database"),
        (damaged_pages, "problem", "is damaged"),
        (newer, "problem", "was made by a newer tracedesk"),
        (of_another_program, "problem", "is a database of another program"),
        (a_folder, "problem", "cannot be opened"),
        (emptied, "ok", "traces.db"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_finding(
    stored: Path,
    doctor: Callable[..., Result],
    check: Callable[..., Any],
    harm: Callable[[Path], None],
    state: str,
    said: str,
):
    for suffix in ("-wal", "-shm"):
        assert not stored.with_name(stored.name + suffix).exists(), "the desk tidied up"
    harm(stored)
    before = stored.read_bytes() if stored.is_file() else b""
    found = check("database")
    assert found["state"] == state
    assert said in found["found"]
    assert state == "ok" or found["advice"]
    assert "Traceback" not in doctor().output
    assert (stored.read_bytes() if stored.is_file() else b"") == before, "only looked at"


@pytest.fixture
def locked(stored: Path) -> Iterator[None]:
    holder = sqlite3.connect(stored, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    yield
    holder.close()


def test_a_locked_database_is_a_finding(locked: None, check: Callable[..., Any]):
    found = check("database")
    assert (found["state"], "is locked by another program" in found["found"]) == ("problem", True)


def test_an_older_database_is_told_to_be_brought_up_to_date(
    stored: Path, check: Callable[..., Any]
):
    with sqlite3.connect(stored) as connection:
        connection.execute("DROP TABLE ledger")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert f"version 1, brought to {VERSION} at the next start" in check("database")["more"][0]
    assert check("traces")["state"] == "ok"


def test_a_ledger_that_does_not_fit_the_traces_is_told(stored: Path, check: Callable[..., Any]):
    with sqlite3.connect(stored) as connection:
        connection.execute("DELETE FROM trace WHERE number = 1")
    connection.close()
    found = check("traces")
    assert (found["state"], found["more"]) == (
        "warning",
        ["by the ledger there should be 2"],
    )


def test_retention_says_what_it_would_remove(
    stored: Path, configure: Any, check: Callable[..., Any]
):
    assert check("retention")["found"].startswith("everything is kept")
    configure("[retention]\ntraces = 1\ndays = 30")
    found = check("retention")
    assert found["found"] == "at most 30 days, 1 traces; 1 trace beyond traces go next"
    assert found["excess"] == {"traces": 1}
    configure("[retention]\nmegabytes = 5")
    assert "one request alone may have 30 MiB" in check("retention")["more"][0]


def test_test_cases_with_errors_are_a_problem(
    stored: Path, check: Callable[..., Any], tmp_path: Path
):
    cases = tmp_path / "testcases"
    cases.mkdir()
    (cases / "good.yaml").write_text(
        "cases: [{name: a, assertions: [{target: response_regex, pattern: x}]}]"
    )
    assert check("test cases")["found"] == "1 file with 1 case in testcases"
    (cases / "bad.yaml").write_text("cases: [{name: a, assertions: [{target: respons_regex}]}]")
    found = check("test cases")
    assert found["state"] == "problem"
    assert found["more"][0].startswith("testcases/bad.yaml:1:")
    assert "did you mean 'response_regex'?" in found["more"][0]


def test_agents_that_nothing_leads_to_are_told(
    stored: Path, configure: Any, check: Callable[..., Any]
):
    configure(
        '[[agents]]\nname = "first"\nworkflow_ids = ["wf-1"]\n'
        '[[agents]]\nname = "second"\nworkflow_ids = ["wf-1"]\n'
        '[[agents]]\nname = "third"'
    )
    found = check("agents")
    assert found["state"] == "warning"
    assert found["more"][0] == "workflow wf-1 is of 'first' and 'second': 'first' gets all"
    assert "'third' gets only what names it by platformId" in found["more"][1]
    assert found["more"][3] == "2 traces of agents that are not configured any more"


def test_the_judge_is_looked_at(stored: Path, configure: Any, check: Callable[..., Any]):
    configure('[judge]\nmodel = "small"\nbase_url = "http://127.0.0.1:9/v1"')
    assert check("judge")["found"] == "small at http://127.0.0.1:9/v1"
    configure('[judge]\nmodel = "small"')
    assert "names no provider" in check("judge")["found"]
    configure('[judge]\nmodel = "nowhere:small"')
    assert check("judge")["state"] == "problem"
    configure('[judge]\nmodel = "openai:small"\napi_key_env = "NO_SUCH_KEY_HERE"')
    assert "NO_SUCH_KEY_HERE is not set" in check("judge")["found"]


def test_a_look_that_fails_is_a_finding(
    configure: Any, doctor: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
):
    def check_weather(_: object) -> Iterator[Any]:
        raise RuntimeError("no window")

    monkeypatch.setattr(doctor_checks, "CHECKS", (check_weather, *doctor_checks.CHECKS))
    result = doctor()
    assert result.exit_code == 2
    assert "✗ weather        could not be looked at: RuntimeError: no window" in result.output


def test_a_folder_that_is_not_there():
    result = CliRunner().invoke(cli, ["doctor", "--workspace", "/nowhere/at/all"])
    assert result.exit_code == 2
    assert "/nowhere/at/all: no such folder" in result.output


def test_what_a_sender_made_up_is_shown_as_plain_text(
    configure: Any, open_desk: Callable[..., Any], call: Callable[..., Any], doctor: Any
):
    desk = open_desk()
    desk.store.writer.note("", "refused", "NOT_FOUND", message="\x1b[31mred\nnext line")
    desk.stop()
    assert "\x1b" not in doctor().output

"""``tracedesk agents``: what is printed, what stands in the file then, and what a desk does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.roster import make_key
from tracedesk.workspace import open_workspace

Run = Callable[..., Result]
Call = Callable[..., tuple[int, Any]]
Until = Callable[[Callable[[], Any]], Any]

BODY = {"data": {"text": "Hello"}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def invoke(*args: str, typed: str = "") -> Result:
        words = ["agents", "--workspace", str(tmp_path), *args]
        return CliRunner().invoke(cli, words, input=typed)

    return invoke


def test_without_any_the_list_names_local_and_what_to_do(run: Run):
    shown = run()
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[1].split()[:3] == ["local", "auto", "everything"]
    assert "tracedesk agents add NAME" in shown.stdout
    assert run("list").stdout == shown.stdout
    (local,) = json.loads(run("list", "--json").stdout)["agents"]
    assert (local["name"], local["configured"]) == ("local", False)


def test_every_setting_can_be_set_and_unset(tmp_path: Path, run: Run):
    added = run(
        "add", "support", "--type", "n8n", "--workflow-id", "wf-1", "--workflow-id", "wf-2",
        "--chatflow-id", "flow-1", "--timezone", "Europe/Madrid", "--response-path", "a.0.b",
        "--otlp-service-name", "bot", "--legacy-external-id-upsert",
        "--n8n-base-url", "http://127.0.0.1:5678/api/v1", "--n8n-api-key-env", "N8N_KEY",
        "--json",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout) == {
        "id": open_workspace(tmp_path).agents[0].id,
        "name": "support",
        "type": "n8n",
        "responsePath": "a.0.b",
        "otlpServiceName": "bot",
        "workflowIds": ["wf-1", "wf-2"],
        "chatflowIds": ["flow-1"],
        "timezone": "Europe/Madrid",
        "legacyExternalIdUpsert": True,
    }
    names = ("type", "response-path", "otlp-service-name", "workflow-ids", "chatflow-ids",
             "timezone", "legacy-external-id-upsert", "n8n")  # fmt: skip
    assert run("edit", "support", *(w for n in names for w in ("--unset", n))).exit_code == 0
    text = (tmp_path / "tracedesk.toml").read_text()
    assert [line.split(" = ")[0] for line in text.splitlines()] == ["[[agents]]", "id", "name"]


def test_a_new_name_keeps_the_id_and_an_id_can_be_brought_along(tmp_path: Path, run: Run):
    brought = "550e8400-e29b-41d4-a716-446655440000"
    assert run("add", "booking", "--id", brought).exit_code == 0
    assert run("edit", "booking", "--name", "tables", "--workflow-id", "wf-1").exit_code == 0
    (agent,) = open_workspace(tmp_path).agents
    assert (agent.id, agent.name, agent.workflow_ids) == (brought, "tables", ("wf-1",))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["add", "booking"], "have the same name"),
        (["add", "x", "--id", "7"], "id: Input should be a valid UUID"),
        (["add", "x", "--timezone", "Europe/Madird"], "did you mean 'Europe/Madrid'?"),
        (["add", "x", "--type", "n9n"], "'n9n' is not one of"),
        (["add", "x", "--n8n-api-key-env", "KEY"], "n8n.base_url: Field required"),
        (["edit", "bokking", "--type", "n8n"], "no agent 'bokking'; did you mean 'booking'?"),
        (["edit", "booking"], "nothing to change"),
        (["edit", "booking", "--type", "n8n", "--unset", "type"], "set and unset at once"),
        (["remove", "x"], "no agent 'x'; there are 'booking'"),
        (["rename", "x"], "no such command; there are list, add, edit, remove"),
        (["ad", "x"], "did you mean 'add'?"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    tmp_path: Path, run: Run, args: list[str], said: str
):
    run("add", "booking")
    before = (tmp_path / "tracedesk.toml").read_bytes()
    refused = run(*args)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert refused.stdout == ""
    assert (tmp_path / "tracedesk.toml").read_bytes() == before


def test_removing_tells_of_traces_and_keys_and_wants_a_yes(
    tmp_path: Path, run: Run, open_desk: Callable[..., Any], call: Call
):
    run("add", "booking")
    run("add", "refunds")
    desk = open_desk()
    assert call(desk, "/public/traces", BODY)[0] == 201
    make_key(desk.store, desk.workspace, "both", ["booking", "refunds"])
    make_key(desk.store, desk.workspace, "one", ["booking"])
    desk.stop()

    asked = run("remove", "booking")
    assert asked.exit_code == 2
    assert "1 stored trace of booking will stay" in asked.stderr
    assert "the key both" in asked.stderr
    assert "is then only for refunds" in asked.stderr
    assert "the key one" in asked.stderr
    assert "is then of no use; revoke it" in asked.stderr
    assert "--yes" in asked.stderr

    assert run("remove", "booking", "--yes").exit_code == 0
    refunds, booking = json.loads(run("--json").stdout)["agents"]
    assert [key["name"] for key in refunds["keys"]] == ["both"]
    assert (booking["name"], booking["configured"], booking["traceCount"]) == ("booking", False, 1)
    assert booking["keys"] == []
    listed = CliRunner().invoke(cli, ["list", "agent:booking", "--workspace", str(tmp_path)])
    assert " booking " in listed.stdout, "the traces keep the name"


def test_removing_what_leaves_nothing_behind_does_not_ask(run: Run):
    run("add", "booking")
    assert run("remove", "booking").exit_code == 0
    assert run("remove", "booking").exit_code == 2


def test_a_running_desk_follows(
    tmp_path: Path, run: Run, open_desk: Callable[..., Any], call: Call, until: Until
):
    desk = open_desk()
    assert call(desk, "/public/traces", BODY)[1]["data"]["platformId"].startswith("00000000")
    added = json.loads(run("add", "booking", "--json").stdout)
    until(lambda: desk.workspace.agent("booking"))
    assert call(desk, "/public/traces", BODY)[1]["data"]["platformId"] == added["id"]
    run("edit", "booking", "--name", "tables")
    until(lambda: desk.agent_name(added["id"]) == "tables")


def test_a_running_desk_follows_a_file_that_is_kept_elsewhere(
    tmp_path: Path, run: Run, open_desk: Callable[..., Any], until: Until
):
    shared = tmp_path / "shared" / "desk.toml"
    shared.parent.mkdir()
    shared.write_text("")
    (tmp_path / "tracedesk.toml").symlink_to(shared)
    desk = open_desk()
    run("add", "booking")
    assert "booking" in shared.read_text()
    until(lambda: desk.workspace.agent("booking"))

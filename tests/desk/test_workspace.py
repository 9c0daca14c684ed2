"""Finding a workspace, and what a wrong ``tracedesk.toml`` is told."""

import stat
from pathlib import Path

import pytest

from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.listening import Listener
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.model.limits import Limits
from tracedesk.model.price import Price
from tracedesk.workspace import (
    ConfigError,
    EndpointConfig,
    Workspace,
    find_workspace,
    open_workspace,
)


def configured(folder: Path, text: str) -> Path:
    (folder / "tracedesk.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_bare_folder_is_a_workspace_with_the_local_agent(tmp_path: Path):
    workspace = find_workspace(tmp_path)
    assert workspace.root == tmp_path.resolve()
    assert workspace.agents == (LOCAL_AGENT,)
    assert workspace.case_paths == (tmp_path.resolve() / "testcases",)
    assert not workspace.private.exists(), "finding creates nothing"


@pytest.mark.parametrize("marker", ["tracedesk.toml", ".tracedesk"])
def test_the_nearest_marked_folder_upwards_is_taken(tmp_path: Path, marker: str):
    if marker.endswith("toml"):
        configured(tmp_path, "")
    else:
        (tmp_path / marker).mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_workspace(below).root == tmp_path.resolve()


def test_the_private_folder_is_its_owners_alone_and_ignored_by_git(tmp_path: Path):
    workspace = find_workspace(tmp_path)
    workspace.prepare()
    workspace.prepare()
    assert stat.S_IMODE(workspace.private.stat().st_mode) == 0o700
    assert (workspace.private / ".gitignore").read_text() == "*\n"


def test_agents_are_read_and_an_agent_without_id_keeps_the_same_one(tmp_path: Path):
    configured(
        tmp_path,
        """
        [[agents]]
        id = "550e8400-e29b-41d4-a716-446655440000"
        name = "booking"
        type = "n8n"
        workflow_ids = ["wf-1"]
        timezone = "Europe/Madrid"

        [[agents]]
        name = "refunds"
        otlp_service_name = "refund-bot"

        [testcases]
        paths = ["cases", "more/one.yaml"]

        [reading.map]
        "acme.answer" = "response"
        """,
    )
    first, again = open_workspace(tmp_path), open_workspace(tmp_path)
    booking, refunds = first.agents
    assert (booking.id, booking.type) == ("550e8400-e29b-41d4-a716-446655440000", "n8n")
    assert booking.timezone == "Europe/Madrid"
    assert refunds.id == again.agents[1].id
    assert first.agent("refunds") is refunds
    assert first.case_paths == (tmp_path / "cases", tmp_path / "more/one.yaml")
    assert first.roles == (("acme.answer", "response"),)


def test_prices_are_read(tmp_path: Path):
    text = '[prices]\n"small" = { input = 0.5, output = 2 }'
    assert open_workspace(configured(tmp_path, text)).prices == {"small": Price(0.5, 2)}


def test_the_judge_is_read(tmp_path: Path):
    text = '[judge]\nmodel = "qwen3:8b"\nbase_url = "http://127.0.0.1:11434/v1"\nsamples = 3'
    judge = open_workspace(configured(tmp_path, text)).judge
    assert judge is not None
    assert (judge.model, judge.samples, judge.threshold) == ("qwen3:8b", 3, 0.7)
    assert open_workspace(configured(tmp_path, '[judge]\nmodel = "none"')).judge is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[judge]\nsamples = 3", "judge.model"),
        ('[judge]\nmodel = "x"\nmodle = "y"', "judge.modle: unknown key; did you mean 'model'?"),
        ('[judge]\nmodel = " "', "judge.model"),
        ('[judge]\nmodel = "x"\nthreshold = 0', "judge.threshold"),
        ('[judge]\nmodel = "x"\napi_key_env = "sk-123"', "the name of an environment variable"),
        ("[prices]\na = 3", "prices.a"),
    ],
)
def test_a_judge_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(ConfigError) as refused:
        open_workspace(configured(tmp_path, text))
    assert told in str(refused.value)


def test_the_limits_of_a_request_are_read(tmp_path: Path):
    text = "[endpoint]\nmax_body_mib = 2\nheld_mib = 8\nrequest_s = 1.5\nidle_s = 20"
    workspace = open_workspace(configured(tmp_path, text))
    settings = Listener(workspace, workspace.endpoint).settings()
    assert (settings.max_body_bytes, settings.held_bytes) == (2 << 20, 8 << 20)
    assert (settings.request_s, settings.idle_s) == (1.5, 20.0)


def test_what_is_not_configured_is_as_the_endpoint_has_it(tmp_path: Path):
    settings = Listener(Workspace(root=tmp_path), EndpointConfig()).settings()
    assert settings == EndpointSettings(redaction=settings.redaction)


def test_retention_is_read(tmp_path: Path):
    text = "[retention]\ndays = 0.5\ntraces = 1000\nmegabytes = 200"
    assert open_workspace(configured(tmp_path, text)).retention == Limits(0.5, 1000, 200)
    assert not open_workspace(configured(tmp_path, "[retention]")).retention


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[agents]\n", "not valid TOML"),
        ("[endpoint]\nprot = 4318", "endpoint.prot: unknown key; did you mean 'port'?"),
        ("[endpiont]\nport = 4318", "endpiont: unknown key; did you mean 'endpoint'?"),
        ("[endpoint]\nport = 'x'", "endpoint.port: Input should be a valid integer"),
        ("[endpoint]\nport = 70000", "endpoint.port: Input should be less than"),
        ("[endpoint]\nidle_ = 5", "endpoint.idle_: unknown key; did you mean 'idle_s'?"),
        ("[endpoint]\nidle_s = 0", "endpoint.idle_s: Input should be greater than or equal to 1"),
        ("[endpoint]\nrequest_s = inf", "endpoint.request_s: Input should be a finite number"),
        ("[endpoint]\nheld_mib = 0.5", "endpoint.held_mib: Input should be a valid integer"),
        ('[[agents]]\nname = "a"\ntype = "n9n"', "agents[0].type: Input should be"),
        ('[[agents]]\nname = "a"\nid = "7"', "agents[0].id: Input should be a valid UUID"),
        ('[[agents]]\nname = "a"\ntimezone = "Mars/X"', "unknown time zone 'Mars/X'"),
        ('[[agents]]\nname = "a"\n[[agents]]\nname = "a"', "have the same"),
        ("[retention]\nday = 3", "retention.day: unknown key; did you mean 'days'?"),
        ("[retention]\ndays = 0", "retention.days: must be a number above 0; leave it out"),
        ("[retention]\ntraces = -1", "retention.traces: must be a number above 0; leave"),
        ("[retention]\ntraces = 1.5", "retention.traces: Input should be a valid integer"),
        ("[retention]\nmegabytes = '9'", "retention.megabytes: must be a number above 0"),
        ("[retention]\nmegabytes = nan", "retention.megabytes: must be a number above 0"),
        ("[retention]\ndays = true", "retention.days: must be a number above 0"),
    ],
)
def test_a_wrong_file_is_named_with_the_key_and_the_mend(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigError) as caught:
        open_workspace(configured(tmp_path, text))
    assert said in str(caught.value)
    assert str(tmp_path / "tracedesk.toml") in str(caught.value)


def test_a_file_that_is_not_text_is_said_so(tmp_path: Path):
    (tmp_path / "tracedesk.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        open_workspace(tmp_path)

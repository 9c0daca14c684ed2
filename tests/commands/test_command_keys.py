"""``tracedesk keys``: printed once, listed masked, revoked by whatever a person has at hand."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.roster import RosterError, expiry, find_key
from tracedesk.store.keys import StoredKey

Run = Callable[..., Result]
BODY = {"data": {"text": "Hello"}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["keys", *args, "--workspace", str(tmp_path)])

    return invoke


def made(run: Run, *args: str) -> dict[str, Any]:
    result = run("create", *args, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_list_is_what_the_command_alone_says(run: Run):
    made(run, "ci")
    for options in ([], ["--json"]):
        assert run("list", *options).stdout == run(*options).stdout


def test_a_new_key_is_one_json_document_of_five_fields(run: Run):
    key = made(run, "ci")
    assert list(key) == ["id", "name", "key", "agents", "expiresAt"]
    assert (key["name"], key["agents"], key["expiresAt"]) == ("ci", [], None)
    assert re.fullmatch(r"mibo_[A-Za-z0-9]{43}", key["key"])


def test_for_people_the_key_alone_is_on_stdout(run: Run):
    result = run("create", "ci")
    assert re.fullmatch(r"mibo_\w{43}\n", result.stdout)
    assert "not shown again" in result.stderr


def test_it_is_never_printed_again_nor_kept(tmp_path: Path, run: Run):
    secret = made(run, "ci")["key"]
    shown = run().stdout + run("--json").stdout
    assert secret not in shown
    assert f"mibo_...{secret[-4:]}" in shown
    files = [path for path in (tmp_path / ".tracedesk").rglob("*") if path.is_file()]
    assert files
    assert not any(secret.encode() in path.read_bytes() for path in files)


def test_agents_are_named_by_name_or_id(run: Run, tmp_path: Path):
    CliRunner().invoke(cli, ["agents", "add", "booking", "--workspace", str(tmp_path)])
    shown = CliRunner().invoke(cli, ["agents", "--json", "--workspace", str(tmp_path)]).stdout
    agent_id = json.loads(shown)["agents"][0]["id"]
    assert made(run, "a", "--agent", "booking")["agents"] == ["booking"]
    assert made(run, "b", "--agent", agent_id.upper(), "--agent", "booking")["agents"] == [
        "booking"
    ]
    wrong = run("create", "c", "--agent", "bokking")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "no agent 'bokking'; did you mean 'booking'?" in wrong.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["create", " "], "a key's name is one line"),
        (["create", "a\x1bb"], "a key's name is one line"),
        (["create", "x", "--expires", "soon"], "use such as 12h, 90d"),
        (["create", "x", "--expires", "2020-01-01"], "is past already"),
        (["create", "x", "--expires", "999999y"], "'999999y' is no time"),
        (["create", "x", "--expires", "300y"], "too far away"),
        (["revoke", "ci2"], "no key 'ci2'; did you mean 'ci'?"),
        (["revoke", ""], "no key ''"),
        (["revok", "ci"], "did you mean 'revoke'?"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, args: list[str], said: str):
    made(run, "ci")
    refused = run(*args)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert len(json.loads(run("--json").stdout)["keys"]) == 1


NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", datetime(2026, 11, 23, 0, tzinfo=UTC)),
        ("90d", datetime(2027, 2, 20, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 12, 6, 12, tzinfo=UTC)),
        ("1 Y", datetime(2027, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)),
        ("2026-12-31T18:00", datetime(2026, 12, 31, 18, tzinfo=UTC)),
        ("2026-12-31T18:00+01:00", datetime(2026, 12, 31, 17, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_an_age_a_day_or_a_moment(text: str, moment: datetime):
    assert expiry(text, NOON) == int(moment.timestamp()) * 10**9


def test_revoking_says_so_and_doing_it_twice_is_no_fault(run: Run):
    made(run, "ci")
    assert run("revoke", "ci").stdout.startswith("revoked ci")
    again = run("revoke", "ci")
    assert again.exit_code == 0
    assert "was revoked already" in again.stdout
    assert json.loads(run("--json").stdout)["keys"][0]["state"] == "revoked"
    assert json.loads(run("revoke", "ci", "--json").stdout)["state"] == "revoked"


def key(name: str, key_id: str, last4: str, *, revoked: bool = False) -> StoredKey:
    return StoredKey(
        id=key_id, name=name, hash=name.encode(), last4=last4, created_ns=1,
        revoked_ns=1 if revoked else None,
    )  # fmt: skip


KEYS = [
    key("ci", "aaaa1111-0000", "wxyz"),
    key("laptop", "aaaa2222-0000", "abcd"),
    key("laptop", "bbbb3333-0000", "efgh", revoked=True),
    key("abcd", "cccc4444-0000", "ijkl"),
]


@pytest.mark.parametrize(
    ("text", "key_id"),
    [
        ("ci", "aaaa1111-0000"),
        ("wxyz", "aaaa1111-0000"),
        ("mibo_...wxyz", "aaaa1111-0000"),
        ("AAAA2", "aaaa2222-0000"),
        ("laptop", "aaaa2222-0000"),
        ("bbbb3333", "bbbb3333-0000"),
    ],
)
def test_a_key_is_found_by_what_a_person_has_at_hand(text: str, key_id: str):
    assert find_key(KEYS, text).id == key_id


@pytest.mark.parametrize("text", ["aaaa", "abcd"])
def test_what_fits_several_lists_them(text: str):
    with pytest.raises(RosterError, match="fits 2 keys") as caught:
        find_key(KEYS, text)
    assert "aaaa2222-0000  mibo_...abcd  laptop" in str(caught.value)


@pytest.mark.parametrize("text", ["a", "aaa", "", " "])
def test_a_slip_of_the_hand_finds_none(text: str):
    with pytest.raises(RosterError, match="no key"):
        find_key(KEYS, text)


def test_a_running_desk_takes_and_refuses_at_once(
    run: Run, open_desk: Callable[..., Any], call: Callable[..., Any], until: Callable[..., Any]
):
    desk = open_desk(require_key=True)
    secret = made(run, "ci")["key"]
    assert call(desk, "/public/traces", BODY, x_api_key=secret)[0] == 201
    assert run("revoke", secret[-4:]).exit_code == 0
    until(lambda: call(desk, "/public/traces", BODY, x_api_key=secret)[0] == 401)
    until(lambda: json.loads(run("--json").stdout)["keys"][0]["lastUsedAt"])

"""``show --revision``: what a trace was before it was replaced."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli


@pytest.fixture
def show(tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]) -> Any:
    desk = open_desk()
    for name in ("Draft", "Final"):
        spans = {"spans": [{"span_id": "r", "name": name}]}
        call(desk, "/public/traces", spans, x_request_id="chat-1")
    call(desk, "/public/traces", {"data": {"text": "alone"}})
    desk.stop()

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["show", *args, "--workspace", str(tmp_path)])

    return invoke


def test_the_latest_names_the_earlier_ones(show: Callable[..., Result]):
    output = show("chat-1").output
    assert "Final" in output
    assert "revision 2 · replaced ones are kept, see --revision: 1" in output
    assert "--revision" not in show("last").output


def test_an_earlier_one_is_shown(show: Callable[..., Result]):
    assert show("chat-1", "--revision", "1").output.startswith("Draft  ")
    document = json.loads(show("chat-1", "--revision", "1", "--json").stdout)
    assert (document["revision"], document["spans"][0]["name"]) == (1, "Draft")
    assert document["externalId"] == "chat-1"


def test_the_latest_may_be_named_by_number(show: Callable[..., Result]):
    assert show("chat-1", "--revision", "2").output == show("chat-1").output


@pytest.mark.parametrize(
    ("trace", "number", "said"),
    [
        ("chat-1", "7", "the latest is 2, and of the earlier ones there are 1"),
        ("last", "7", "the latest is 1, and it replaced none"),
        ("chat-1", "0", "0 is not in the range"),
        ("chat-1", "one", "'one' is not a valid integer range"),
    ],
)
def test_what_is_not_kept_is_said_so(
    show: Callable[..., Result], trace: str, number: str, said: str
):
    result = show(trace, "--revision", number)
    assert result.exit_code == 2
    assert said in result.output

"""``tracedesk explain`` as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli

TRACE = {
    "spans": [
        {
            "span_id": "r",
            "name": "Ferry Desk",
            "attributes": {"gen_ai.response.text": "Ticket 55 is booked.", "acme.question": "55?"},
        },
        {
            "span_id": "t",
            "parent_span_id": "r",
            "name": "book_ticket",
            "attributes": {"gen_ai.tool.name": "book_ticket", "gen_ai.tool.call.arguments": "{}"},
        },
    ]
}


@pytest.fixture
def run(tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]) -> Any:
    desk = open_desk()
    call(desk, "/public/traces", TRACE)
    desk.stop()

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["explain", *args, "--workspace", str(tmp_path)])

    return invoke


def test_text_names_sources_and_nearest_attributes(run: Callable[..., Result]) -> None:
    done = run("last")

    assert done.exit_code == 0
    assert "response  Ticket 55 is booked." in done.output
    assert "from     gen_ai.response.text of span r" in done.output
    assert "nearest  acme.question of span r" in done.output


def test_json_holds_every_value(run: Callable[..., Result]) -> None:
    explained = json.loads(run("last", "--json").stdout)["explained"]

    assert [each["field"] for each in explained][:3] == ["response", "input", "system"]
    assert explained[0]["source"]["place"] == "gen_ai.response.text"
    assert "gen_ai.input.messages" in explained[1]["tried"]


def test_an_unknown_trace_is_told(run: Callable[..., Result]) -> None:
    done = run("nothing")

    assert done.exit_code == 2
    assert "no stored trace 'nothing'" in done.stderr

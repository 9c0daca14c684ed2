"""``tracedesk list``: what is stored, read as soon as somebody asks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli

Run = Callable[..., Result]


def request(name: str, seconds: int, tokens: int) -> dict[str, Any]:
    span = {
        "span_id": "1",
        "name": name,
        "start_time_unix_nano": "1780000000000000000",
        "end_time_unix_nano": str(1780000000000000000 + seconds * 10**9),
        "attributes": {"gen_ai.usage.input_tokens": tokens, "gen_ai.response.text": "Hello"},
        "status": {"code": 1},
    }
    return {"spans": [span]}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Any command in a workspace into which a short and a long trace were just imported."""

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, [*args, "--workspace", str(tmp_path)])

    for name, seconds in (("short", 1), ("long", 9)):
        (tmp_path / f"{name}.json").write_text(json.dumps(request(name, seconds, seconds * 100)))
    found = invoke("import", str(tmp_path / "short.json"), str(tmp_path / "long.json"))
    assert found.exit_code == 0, found.output
    return invoke


def names(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [entry["name"] for entry in json.loads(result.stdout)["traces"]]


@pytest.mark.parametrize("words", ["dur>2s", "tokens>500", "status:completed dur>2s"])
def test_a_filter_finds_what_was_imported_and_never_looked_at(run: Run, words: str):
    assert names(run("list", *words.split(), "--json")) == ["long"]


def test_the_list_says_what_was_read_without_a_filter_too(run: Run):
    found = json.loads(run("list", "--json").stdout)["traces"]
    assert [(e["name"], e["status"], e["durationMs"], e["tokens"]) for e in found] == [
        ("long", "completed", 9000.0, 900), ("short", "completed", 1000.0, 100),
    ]  # fmt: skip


def test_only_what_is_listed_is_read_and_only_once(run: Run, monkeypatch: pytest.MonkeyPatch):
    from tracedesk.evaluation import unread

    read: list[str] = []
    load = unread.load_trace

    def noted(store: Any, row: Any, *rest: Any) -> Any:
        read.append(row.name)
        return load(store, row, *rest)

    monkeypatch.setattr(unread, "load_trace", noted)
    assert names(run("list", "--limit", "1", "--json")) == ["long"]
    assert read == ["long"]
    assert names(run("list", "dur>0s", "--json")) == ["long", "short"]
    assert read == ["long", "short"]

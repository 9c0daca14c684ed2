"""The help pages: what they tell people to type is accepted as it stands."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from tracedesk.cli import COMMANDS, cli

ROOT = Path(__file__).parents[2]
HELP = ROOT / "src" / "tracedesk" / "help"
PAGES = [ROOT / "README.md", ROOT / "sample_traces" / "README.md", *sorted(HELP.glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")

BLOCKS = [
    pytest.param(kind, text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")), 1)
]


def blocks(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "text", [pytest.param(p.values[1], id=p.id) for p in BLOCKS if p.values[0] in kinds]
    )


def test_there_is_something_to_test() -> None:
    kinds = {p.values[0] for p in BLOCKS}
    assert kinds == {"sh", "json", "yaml", "toml"}


@blocks("yaml")
def test_test_cases_load(text: str) -> None:
    from tracedesk.testcases.load import load_text

    loaded = load_text(text, "testcases/help.yaml")
    assert loaded.cases
    assert not loaded.diagnostics
    assert not any(case.problems for case in loaded.cases)


@blocks("json")
def test_bodies_are_traces_with_a_response(text: str) -> None:
    from tracedesk.formats.detect import read_body
    from tracedesk.reading import read

    envelope = read_body(text.encode())
    reading = read(envelope.trace())
    assert reading.response.text
    assert json.loads(text)


@blocks("toml")
def test_configuration_is_accepted(tmp_path: Path, text: str) -> None:
    from tracedesk.workspace import find_workspace

    assert tomllib.loads(text)
    (tmp_path / "tracedesk.toml").write_text(text)
    find_workspace(tmp_path)  # raises for what is not known


@blocks("sh")
def test_commands_exist_with_their_options(text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        for command in re.split(r"\s&&\s", line):
            words = shlex.split(command, comments=True)
            if not words:
                continue
            assert words[0] in {"tracedesk", "curl", "export", "pip", "pytest", "python"}, words
            if words[0] == "tracedesk" and len(words) > 1:
                check_usage(words[1], words[2:])


def check_usage(name: str, arguments: list[str]) -> None:
    assert name in COMMANDS
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        assert arguments[0] in command.commands, arguments
        command, arguments = command.commands[arguments[0]], arguments[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in arguments if word.startswith("-")} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_inline_commands_exist() -> None:
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for name in re.findall(r"`tracedesk ([a-z]+)", text):
            assert name in COMMANDS, f"{page.name}: tracedesk {name}"

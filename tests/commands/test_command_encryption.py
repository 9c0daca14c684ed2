"""``tracedesk encrypt`` and ``decrypt``, and every other command over an encrypted workspace."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.query.filter import parse_filter
from tracedesk.workspace import ConfigError, open_workspace

LITERAL = "kJ8vQ2xW7rT4"
BODY = {"spans": [{"span_id": "a", "name": f"Root {LITERAL}"}], "metadata": {"said": LITERAL}}
ENCRYPTED = '[storage]\nencrypt = true\nkey_file = "../keys/key"\n'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one trace that says the literal, not encrypted yet."""
    monkeypatch.delenv("TRACEDESK_KEY_FILE", raising=False)
    root = tmp_path / "desk"
    root.mkdir()
    (tmp_path / "trace.json").write_text(json.dumps(BODY))
    done = CliRunner().invoke(
        cli, ["import", str(tmp_path / "trace.json"), "--workspace", str(root)]
    )
    assert done.exit_code == 0, done.output
    return root


def run(root: Path, *words: str) -> Result:
    done = CliRunner().invoke(cli, [*words, "--workspace", str(root)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def configure(root: Path, text: str) -> None:
    (root / "tracedesk.toml").write_text(text)


def on_disk(root: Path) -> bytes:
    return b"".join(f.read_bytes() for f in (root / ".tracedesk").iterdir())


def test_there_and_back(root: Path) -> None:
    assert LITERAL.encode() in on_disk(root)
    configure(root, ENCRYPTED)
    done = run(root, "encrypt")
    assert done.exit_code == 0, done.output
    assert "is encrypted now; its key is in the key file" in done.stdout
    assert LITERAL.encode() not in on_disk(root)
    assert "was encrypted before" in run(root, "encrypt").stdout

    configure(root, "")
    done = run(root, "decrypt")
    assert done.exit_code == 0, done.output
    assert "is not encrypted any more" in done.stdout
    assert f"Root {LITERAL}" in run(root, "list").stdout


def test_as_json(root: Path) -> None:
    configure(root, ENCRYPTED)
    key = f"the key file {root.parent / 'keys' / 'key'}"
    database = str(root / ".tracedesk" / "traces.db")
    assert json.loads(run(root, "encrypt", "--json").stdout) == {
        "database": database,
        "encrypted": True,
        "changed": True,
        "traces": 1,
        "key": key,
    }
    configure(root, "")
    assert json.loads(run(root, "decrypt", "--json").stdout) == {
        "database": database,
        "encrypted": False,
        "key": key,
    }


def test_the_first_command_that_writes_converts_and_says_so(root: Path) -> None:
    configure(root, ENCRYPTED)
    done = run(root, "check")
    assert (done.exit_code, "is not encrypted yet" in done.stderr) == (2, True)
    done = run(root, "list")
    assert "tracedesk: encrypting" in done.stderr
    assert f"Root {LITERAL}" in done.stdout
    assert LITERAL.encode() not in on_disk(root)


def test_all_commands_read_an_encrypted_workspace(root: Path) -> None:
    configure(root, ENCRYPTED)
    run(root, "encrypt")
    assert LITERAL in run(root, "list").stdout
    assert LITERAL in run(root, "list", f"name:{LITERAL}").stdout
    assert LITERAL in run(root, "show", "last").stdout
    assert run(root, "check").exit_code in (0, 1)
    done = run(root, "import", str(root.parent / "trace.json"))
    assert done.exit_code == 0
    assert LITERAL.encode() not in on_disk(root)


@pytest.mark.parametrize(
    ("configured", "words", "said"),
    [
        ("", ["encrypt"], "encrypt = true is not set"),
        ("", ["decrypt"], "is not encrypted"),
        (ENCRYPTED, ["decrypt"], "Take that out first"),
        (ENCRYPTED.replace("../keys", ".tracedesk"), ["encrypt"], "beside the database"),
        (ENCRYPTED.replace("../keys", ".tracedesk"), ["list"], "beside the database"),
        (ENCRYPTED.replace("../keys", ".tracedesk"), ["serve"], "beside the database"),
        (ENCRYPTED.replace("../keys/key", "/dev/null/key"), ["list"], "cannot be"),
    ],
)
def test_what_cannot_be_done_is_said(
    root: Path, configured: str, words: list[str], said: str
) -> None:
    configure(root, configured)
    done = run(root, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "wanted", "key_file"),
    [
        ("", False, None),
        ("encrypt = true", True, None),
        ("[storage]\nencrypt = true", True, None),
        ("encrypt = false\n[storage]\nencrypt = false", False, None),
        ('[storage]\nkey_file = "/k/key"', False, Path("/k/key")),
        ('[storage]\nkey_file = "~/key"', False, Path.home() / "key"),
    ],
)
def test_configuration(tmp_path: Path, text: str, wanted: bool, key_file: Path | None) -> None:
    configure(tmp_path, text)
    settings = open_workspace(tmp_path).encryption
    assert (settings.wanted, settings.key_file) == (wanted, key_file)
    assert settings.account == str(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("encrypt = true\n[storage]\nencrypt = false", "encrypt and storage.encrypt differ"),
        ('encrypt = "yes"', "encrypt: .*boolean"),
        ("[storage]\nencrypted = true", "did you mean 'encrypt'"),
        ('[storage]\nkey_file = ""', "storage.key_file: .*blank"),
    ],
)
def test_wrong_configuration(tmp_path: Path, text: str, problem: str) -> None:
    configure(tmp_path, text)
    with pytest.raises(ConfigError, match=problem):
        open_workspace(tmp_path)


def test_a_desk_over_an_encrypted_workspace(
    root: Path, open_desk: Callable[..., Any], call: Callable[..., Any], until: Callable[..., Any]
) -> None:
    configure(root, ENCRYPTED)
    desk = open_desk(root)
    status, _ = call(desk, "/public/traces", {"data": {"text": f"Hello {LITERAL}"}})
    assert status == 201
    until(lambda: desk.store.rows()[0].response == f"Hello {LITERAL}")
    assert desk.store.count(parse_filter(LITERAL)) == 2
    assert desk.store.count(parse_filter(f"metadata.said:{LITERAL}")) == 1
    assert LITERAL.encode() not in on_disk(root)
    configure(root, "")
    until(lambda: "[storage] of tracedesk.toml: from the next start on" in desk.activity)
    desk.stop()
    assert LITERAL.encode() not in on_disk(root)

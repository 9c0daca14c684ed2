"""``tracedesk export`` and ``show --curl``: stored traces out again, ready to come back."""

import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.sending.curl import INLINE_BYTES, curl_commands
from tracedesk.sending.outgoing import Outgoing

BODY = b'{"spans": [{"span_id": "a",  "name": "Ferry Desk"}], "metadata": {"v": 2}}'
TRACE_ID = "5b8efff798038103d269b633813fc60c"
Run = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a canonical trace, and one of OTLP in two parts."""
    made = tmp_path / "desk"
    made.mkdir()
    saved = {"request": {"headers": {"x-request-id": "chat-7"}, "body": BODY.decode()}}
    entries = [json.dumps(saved), json.dumps(otlp("a", "1")), json.dumps(otlp("b", "2"))]
    (tmp_path / "in.jsonl").write_text("\n".join(entries))
    found = CliRunner().invoke(
        cli, ["import", str(tmp_path / "in.jsonl"), "--workspace", str(made)]
    )
    assert found.exit_code == 0, found.output
    return made


@pytest.fixture
def run(root: Path) -> Run:
    def invoke(*words: Any, command: str = "export") -> Result:
        arguments = [command, *map(str, words), "--workspace", str(root)]
        return CliRunner().invoke(cli, arguments)

    return invoke


def otlp(name: str, digit: str) -> dict[str, Any]:
    span = {"traceId": TRACE_ID, "spanId": digit * 16, "name": name}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def test_canonical_is_what_can_be_posted(run: Run) -> None:
    body = json.loads(run("chat-7").stdout)
    assert body == {
        "spans": [{"span_id": "a", "name": "Ferry Desk", "attributes": {}}],
        "metadata": {"v": 2},
    }


def test_several_traces_come_one_a_line(run: Run) -> None:
    result = run("chat-7", TRACE_ID, "last", "--format", "otlp")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 2, "'last' is one of them already"
    ids = [line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] for line in lines]
    assert ids[1] == TRACE_ID


def test_raw_of_one_request_is_its_very_bytes(run: Run) -> None:
    assert run("chat-7", "--format", "raw").stdout_bytes == BODY


def test_raw_of_several_requests_can_be_imported_again(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "out.jsonl"
    assert run(TRACE_ID, "chat-7", "--format", "raw", "-o", path).exit_code == 0
    other = tmp_path / "other"
    other.mkdir()
    again = CliRunner().invoke(cli, ["import", str(path), "--workspace", str(other)])
    assert again.stdout == "2 traces stored from 3 requests\n"
    shown = CliRunner().invoke(
        cli, ["export", "chat-7", "--format", "raw", "--workspace", str(other)]
    )
    assert shown.stdout_bytes == BODY, "bytes and x-request-id came along"


def test_a_folder_takes_a_file_a_part(tmp_path: Path, run: Run) -> None:
    assert run(TRACE_ID, "--format", "raw", "-o", f"{tmp_path}/parts/").exit_code == 0
    parts = sorted((tmp_path / "parts").iterdir())
    assert [part.name for part in parts] == ["part-001.json", "part-002.json"]
    assert [json.loads(part.read_bytes()) for part in parts] == [otlp("a", "1"), otlp("b", "2")]


def test_files_are_private_and_never_written_over_unasked(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "out.json"
    assert run("chat-7", "-o", path).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("mine")
    refused = run("chat-7", "-o", path)
    assert (refused.exit_code, path.read_text()) == (2, "mine")
    assert f"{path} exists; --force writes over it" in refused.stderr
    assert run("chat-7", "-o", path, "--force").exit_code == 0
    assert json.loads(path.read_text())
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".out")] == []


def test_one_file_in_the_way_stops_all_of_them(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    run("chat-7", "-o", folder)
    (only,) = folder.iterdir()
    result = run("chat-7", TRACE_ID, "-o", folder)
    assert result.exit_code == 2
    assert list(folder.iterdir()) == [only]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing-like-it"], "no stored trace 'nothing-like-it'"),
        (["chat-7", "--tokens", "500"], "--tokens is for --format md"),
        (["chat-7", "-o", "/proc/no/such/place.json"], "tracedesk: "),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, words: list[str], told: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


# -- digests ------------------------------------------------------------------------------


def digest_of(tmp_path: Path, body: dict[str, Any], *words: str, cases: str = "") -> str:
    root = tmp_path / "digest"
    (root / "testcases").mkdir(parents=True)
    if cases:
        (root / "testcases" / "cases.yaml").write_text(cases)
    (tmp_path / "one.json").write_text(json.dumps(body))
    for arguments in (["import", str(tmp_path / "one.json")], ["export", "last", *words]):
        result = CliRunner().invoke(cli, [*arguments, "--workspace", str(root)])
        assert result.exit_code == 0, result.output
    return result.stdout


SPANS = [
    {
        "span_id": "r", "name": "Ferry Desk",
        "attributes": {"gen_ai.prompt": "When?", "gen_ai.response.text": "At nine.\nDaily."},
    },
    *(
        {
            "span_id": f"t{i}", "parent_span_id": "r", "name": "lookup",
            "attributes": {"gen_ai.tool.name": "lookup", "gen_ai.tool.call.arguments": {"n": i}},
            "status": {"code": 2, "message": "timed out"},
        }
        for i in range(40)
    ),
]  # fmt: skip

CASES = """\
cases:
  - name: Says ten
    assertions: [{target: response_regex, pattern: ten}]
"""


def test_a_digest_says_what_happened_and_what_is_wrong(tmp_path: Path) -> None:
    text = digest_of(tmp_path, {"spans": SPANS}, "--format", "md", cases=CASES)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Ferry Desk", "## Input", "## Response", "## Failed assertions", "## Errors",
        "## Tool calls", "## Spans",
    ]  # fmt: skip
    assert "At nine.\nDaily." in text
    assert "lookup: timed out  ×40" in text, "the same error once"
    assert "fail Says ten  (testcases/cases.yaml:2)" in text
    assert "fail response_regex, line 3: " in text


@pytest.mark.parametrize("tokens", [200, 300, 400])
def test_a_digest_keeps_to_its_budget_and_says_what_it_left_out(
    tmp_path: Path, tokens: int
) -> None:
    body = {"spans": SPANS}
    text = digest_of(tmp_path, body, "--format", "md", "--tokens", str(tokens), cases=CASES)
    assert len(text) < tokens * 4 + 400, "headings and notes come on top"
    assert "lines more" in text
    assert "At nine." in text


def test_nothing_in_a_trace_ends_the_fence_around_it(tmp_path: Path) -> None:
    said = "```\n# not a heading\n````\n\x1b[2Jgone"
    span = {"span_id": "a", "name": "*x* [y](z)", "attributes": {"gen_ai.response.text": said}}
    text = digest_of(tmp_path, {"spans": [span]}, "--format", "md")
    assert text.splitlines()[0] == r"# \*x\* \[y\](z)"
    assert "`````\n```\n# not a heading\n````\n" in text
    assert "\x1b" not in text


# -- curl ---------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs what was printed, as a person would who pastes it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path)}
    place = tmp_path / "elsewhere"
    place.mkdir()

    def execute(commands: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", commands], cwd=place, env=environment, text=True, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip

    return execute


NASTY = 'it\'s "$HOME" `id` $(id) \\ ! %s {a,b} &amp; é 漢 🛳\nand a second line'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            json.dumps({"spans": [{"span_id": "1", "name": NASTY}]}, ensure_ascii=False).encode(),
            id="quoting",
        ),
        pytest.param(
            b'{\n  "spans": [\n    {"span_id": "1", "name": "laid out"}\n  ]\n}\n', id="lines"
        ),
        pytest.param(b'\t{"spans": [{"span_id": "1", "name": "tab"}]}\r\n', id="controls"),
        pytest.param(
            json.dumps({"spans": [{"span_id": "1", "name": "x" * INLINE_BYTES}]}).encode(),
            id="large",
        ),
    ],
)
def test_the_printed_command_makes_the_trace_anew(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    shell: Callable[[str], subprocess.CompletedProcess[str]],
    body: bytes,
) -> None:
    desk = open_desk()
    call(desk, "/public/traces", gzip.compress(body), content_encoding="gzip", x_odd="it's; `id`")
    shown = CliRunner().invoke(cli, ["show", "last", "--curl", "--workspace", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    done = shell(shown.stdout)
    assert done.returncode == 0, done.stderr
    assert '"success":true' in done.stdout
    new, old = desk.store.rows()
    ((sent,), (kept,)) = desk.store.requests(new.id), desk.store.requests(old.id)
    assert sent.body == kept.body == body
    assert sent.headers["x-odd"] == "it's; `id`"


def test_parts_in_protobuf_come_from_files(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    shell: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    sample = Path(__file__).parents[2] / "sample_traces" / "trip-two-services.json"
    place = tmp_path / "it's here"
    place.mkdir()
    assert (
        CliRunner().invoke(cli, ["import", str(sample), "--workspace", str(place)]).exit_code == 0
    )
    shown = CliRunner().invoke(cli, ["show", "last", "--curl", "--workspace", str(place)]).stdout
    desk = open_desk()
    done = shell(shown.replace("http://127.0.0.1:4318", desk.endpoint.url))
    assert done.returncode == 0, done.stderr
    (row,) = desk.store.rows()
    assert (row.span_count, len(desk.store.requests(row.id))) == (6, 5)


def test_the_key_is_a_variable_and_never_the_key_itself(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    shell: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    from tracedesk.endpoint.keys import create_key

    desk = open_desk(require_key=True)
    _, key = create_key(desk.store, "test")
    call(desk, "/public/traces", BODY, x_api_key=key)
    text = CliRunner().invoke(cli, ["show", "last", "--curl", "--workspace", str(tmp_path)]).stdout
    assert key not in text
    assert '"MISSING_API_KEY"' in shell(text).stdout, "no variable, no header"
    assert '"success":true' in shell(f"export TRACEDESK_API_KEY={key}\n{text}").stdout


def test_a_body_that_begins_like_a_file_name_is_no_file_name(tmp_path: Path) -> None:
    request = Outgoing(path="/public/traces", headers={}, body=b"@/etc/passwd")
    text = curl_commands("0" * 36, [request], "http://127.0.0.1:1", tmp_path)
    assert "@/etc/passwd" not in text


def test_curl_and_json_exclude_one_another(run: Run) -> None:
    result = run("last", "--curl", "--json", command="show")
    assert result.exit_code == 2

"""``tracedesk check`` end to end: files and stored traces in, documents and statuses out."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from tracedesk.commands.check import command
from tracedesk.commands.import_ import command as import_command

Check = Callable[..., Result]

CASES = """\
cases:
  - name: looks it up
    assertions:
      - target: node_call
        expected_name: look_up
        expected_arguments: {order: {matcher: regex, value: "^ORD-"}}
      - {target: node_call, condition: MUST_NOT_CALL, expected_name: refund}
"""


def body(order: str, *tools: str, **fields: Any) -> str:
    spans: list[dict[str, Any]] = [{"span_id": "root", "name": "support agent"}]
    spans += [
        {
            "span_id": f"s-{tool}",
            "parent_span_id": "root",
            "name": tool,
            "attributes": {
                "gen_ai.tool.name": tool,
                "gen_ai.tool.call.arguments": {"order": order},
            },
        }
        for tool in tools
    ]
    return json.dumps({"spans": spans, **fields})


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run ``check`` in ``tmp_path``, which holds a good trace, a bad one and their cases."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.yaml").write_text(CASES)
    (tmp_path / "good.json").write_text(body("ORD-1", "look_up"))
    (tmp_path / "bad.json").write_text(body("12", "look_up", "refund"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command, list(arguments), catch_exceptions=False)

    return run


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_good_trace(check: Check) -> None:
    result = check("good.json", "--cases", "cases.yaml")
    assert result.exit_code == 0
    assert "✓ looks it up" in result.stdout
    assert "1 trace · 1 case · 2 assertions: 2 pass · quality 100.0" in result.stdout


def test_the_json_document(check: Check) -> None:
    result = check("good.json", "bad.json", "--cases", "cases.yaml", "--json")
    assert result.exit_code == 1
    found = document(result)
    elapsed = found["summary"].pop("elapsedMs")
    assert isinstance(elapsed, int)
    assert found["summary"] == {
        "traces": 2, "cases": 1, "assertions": 4, "pass": 2, "fail": 2, "missing": 0,
        "error": 0, "skipped": 0, "quality": 50.0,
    }  # fmt: skip
    assert found["diagnostics"] == []
    good, bad = found["results"]
    assert (good["verdict"], good["score"], good["file"]) == ("pass", 1.0, "good.json")
    assert (bad["case"], bad["caseFile"], bad["line"]) == ("looks it up", "cases.yaml", 2)
    first, second = bad["assertions"]
    assert set(first) == {
        "target", "line", "verdict", "score", "reason", "expected", "actual", "evidence",
        "nearest", "stage",
    }  # fmt: skip
    assert (first["line"], first["verdict"], first["stage"]) == (4, "fail", "parameters")
    assert first["evidence"] == [{"span": "s-look_up", "path": "$.order"}]
    assert first["nearest"] == {"span": "s-look_up", "name": "look_up"}
    assert (second["line"], second["verdict"], second["nearest"]) == (7, "fail", None)


def test_a_failure_is_told_with_its_line_and_its_nearest_call(check: Check) -> None:
    lines = check("bad.json", "--cases", "cases.yaml").stdout.splitlines()
    assert "    ✗ cases.yaml:6  node_call look_up  parameters" in lines
    assert any(line.strip().startswith("▸ 6 │         expected_arguments:") for line in lines)
    assert any("nearest call  #2 look_up" in line for line in lines)
    assert any("order" in line and 'actual "12"' in line for line in lines)


def test_a_broken_case_is_an_error_and_never_left_out(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(CASES.replace("matcher: regex", "matcher: rgeex"))
    result = check("good.json", "--cases", "cases.yaml", "--json")
    assert result.exit_code == 2
    found = document(result)
    (diagnostic,) = found["diagnostics"]
    assert (diagnostic["line"], diagnostic["code"]) == (6, "unknown-matcher")
    assert diagnostic["message"] == "unknown matcher 'rgeex'; did you mean 'regex'?"
    (only,) = found["results"]
    assert only["verdict"] == "error"
    assert [a["verdict"] for a in only["assertions"]] == ["error", "pass"]


def test_a_file_that_is_no_yaml(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("cases:\n\t- name: a\n")
    result = check("good.json", "--cases", "cases.yaml")
    assert result.exit_code == 2
    assert "cases.yaml:2:1: error: a tab cannot indent YAML; use spaces [syntax]" in result.stdout


def test_a_trace_that_cannot_be_read(check: Check, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"spans": [')
    result = check("good.json", "broken.json", "gone.json", "--cases", "cases.yaml", "--json")
    assert result.exit_code == 2
    found = document(result)
    assert [d["file"] for d in found["diagnostics"]] == ["broken.json", "gone.json"]
    assert {d["code"] for d in found["diagnostics"]} == {"unreadable-trace"}
    assert len(found["results"]) == 1


def test_nothing_decided_is_not_a_success(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(CASES + "    when: {response: nothing}\n")
    result = check("good.json", "--cases", "cases.yaml")
    assert result.exit_code == 1
    assert "1 case skipped: not meant for this trace" in result.stdout


def test_missing_fails_unless_allowed(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(
        CASES + '      - {target: response_regex, pattern: "done"}\n'
    )
    assert check("good.json", "--cases", "cases.yaml").exit_code == 1
    assert check("good.json", "--cases", "cases.yaml", "--allow-missing").exit_code == 0


def test_options_that_make_no_sense(check: Check) -> None:
    for arguments in (
        ["good.json", "--cases", "nowhere"],
        ["good.json", "--cases", "cases.yaml", "--filter", "statsu:x"],
        ["good.json", "--cases", "cases.yaml", "--filter", "verdict:fail"],
        ["good.json", "--cases", "cases.yaml", "--agent", "nobody"],
        ["good.json", "--cases", "cases.yaml", "--format", "xml"],
        ["good.json", "--cases", "cases.yaml", "--workspace", "nowhere"],
    ):
        result = check(*arguments)
        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr


def test_patterns_and_case_files_among_the_paths(check: Check) -> None:
    assert check("good.json", "--cases", "ca*.yaml").exit_code == 0
    assert check("good.json", "cases.yaml").exit_code == 0


def test_a_filter_chooses_traces(check: Check) -> None:
    result = check("good.json", "bad.json", "cases.yaml", "--filter", "-tool:refund", "--json")
    assert result.exit_code == 0
    assert document(result)["summary"]["traces"] == 1


def test_junit(check: Check, tmp_path: Path) -> None:
    result = check("bad.json", "--cases", "cases.yaml", "--junit", "report.xml")
    assert result.exit_code == 1
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    assert [test.get("line") for test in suite] == ["4", "7"]
    assert suite[0][0].tag == "failure"
    printed = check("bad.json", "--cases", "cases.yaml", "--format", "junit").stdout
    assert ElementTree.fromstring(printed.encode()).tag == "testsuites"


def test_otlp_parts_of_one_trace_in_several_files(check: Check, tmp_path: Path) -> None:
    for number, tool in enumerate(("look_up", "other")):
        span = {
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": f"00f067aa0ba902b{number}",
            "name": tool,
            "attributes": [
                {"key": "gen_ai.tool.name", "value": {"stringValue": tool}},
                {
                    "key": "gen_ai.tool.call.arguments",
                    "value": {"stringValue": '{"order":"ORD-1"}'},
                },
            ],
        }
        part = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        (tmp_path / f"part{number}.json").write_text(json.dumps(part))
    result = check("part0.json", "part1.json", "--cases", "cases.yaml", "--json")
    assert result.exit_code == 0
    (only,) = document(result)["results"]
    assert only["trace"] == "0af7651916cd43dd8448eb211c80319c"


def test_cases_of_a_configured_agent(check: Check, tmp_path: Path) -> None:
    first, second = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    (tmp_path / "tracedesk.toml").write_text(
        f'[[agents]]\nid = "{first}"\nname = "one"\n[[agents]]\nid = "{second}"\nname = "two"\n'
    )
    (tmp_path / "cases.yaml").write_text(CASES + "    agent: two\n")
    (tmp_path / "named.json").write_text(body("ORD-1", "look_up", platformId=first))
    assert check("good.json", "cases.yaml").exit_code == 0, "nobody says whose trace it is"
    assert check("named.json", "cases.yaml").exit_code == 1, "it is the other agent's"
    assert check("named.json", "cases.yaml", "--agent", "two").exit_code == 0


def test_stored_traces(check: Check, tmp_path: Path) -> None:
    from tracedesk.formats.detect import read_body
    from tracedesk.model.agent import LOCAL_AGENT
    from tracedesk.store.database import Store
    from tracedesk.store.incoming import Incoming

    (tmp_path / ".tracedesk").mkdir()
    with Store.open(tmp_path / ".tracedesk" / "traces.db") as store:
        for name in ("good.json", "bad.json"):
            content = (tmp_path / name).read_bytes()
            incoming = Incoming(
                trace=read_body(content).trace(),
                agent_id=LOCAL_AGENT.id,
                routed_by="test",
                body=content,
                received_ns=time.time_ns(),
            )
            store.writer.submit([incoming]).result()
    result = check("--cases", "cases.yaml", "--json")
    assert result.exit_code == 1
    found = document(result)
    assert [r["verdict"] for r in found["results"]] == ["pass", "fail"]
    assert {r["file"] for r in found["results"]} == {None}
    assert check("--cases", "cases.yaml", "--filter", "-tool:refund").exit_code == 0


def test_no_screen_is_imported(check: Check, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tracedesk.commands.check import command\n"
        "try: command(['good.json', '--cases', 'cases.yaml', '--json'])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "wrong = {'textual', 'sqlite3', 'uvicorn', 'pydantic', 'jsonschema', 'ruamel'}\n"
        "print(sorted(wrong & {name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stderr.strip() == "[]"


def test_html_is_one_page_that_needs_nothing(check: Check, tmp_path: Path) -> None:
    name = "<script>alert(1)</script> & co"
    cases = CASES.replace("looks it up", f'"{name}"')
    (tmp_path / "cases.yaml").write_text(cases)
    done = check("good.json", "bad.json", "--cases", "cases.yaml", "--html", "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert done.exit_code == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    for forbidden in ("<script", "http:", "https:", "src=", "onclick"):
        assert forbidden not in page
    assert page.count('<details class="fail" open>') == 1
    assert page.count('<details class="pass">') == 1
    assert "2 traces · 1 case · 4 assertions: 2 pass, 2 fail" in page


def test_html_shows_what_is_wrong_with_a_file(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(CASES.replace("look_up\n", "look_up\n        mode: <b>\n"))
    done = check("good.json", "--cases", "cases.yaml", "--html", "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert done.exit_code == 2
    assert "[unknown-key]" in page
    assert "mode: &lt;b&gt;" in page


def test_html_that_cannot_be_written_is_said(check: Check) -> None:
    done = check("good.json", "--cases", "cases.yaml", "--html", "no-such-folder/report.html")
    assert done.exit_code == 2
    assert "cannot be written" in done.output


@pytest.mark.parametrize("stored", [False, True], ids=["files", "stored"])
def test_several_processes_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    bodies = [
        body(f"ORD-{n}" if n % 3 else "12", "look_up", *["refund"] * (n % 2)) for n in range(7)
    ]
    for number, content in enumerate(bodies):
        (tmp_path / f"trace-{number}.json").write_text(content)
    (tmp_path / "cases.yaml").write_text(CASES)
    files = [f"trace-{number}.json" for number in range(7)]
    if stored:
        assert CliRunner().invoke(import_command, files).exit_code == 0

    def alone(*arguments: str) -> str:
        done = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert done.stderr == ""
        return without_times(done.stdout)

    def shared(*arguments: str) -> str:
        asked = [sys.executable, "-m", "tracedesk", "check", *arguments, "--jobs", "3"]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return without_times(done.stdout)

    for shape in ("text", "json"):
        asked = (*([] if stored else files), "--cases", "cases.yaml", "--format", shape)
        found = alone(*asked, "--jobs", "1")
        assert "look_up" in found
        assert shared(*asked) == found


def without_times(text: str) -> str:
    return re.sub(r'\d+ ms|"elapsedMs": \d+', "", text)


def test_watching_runs_again_after_a_save_and_ends_with_the_last_status(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(body("ORD-1", "look_up"))
    cases = tmp_path / "cases.yaml"
    cases.write_text(CASES)
    asked = [sys.executable, "-m", "tracedesk", "check", "good.json", "--cases", "cases.yaml"]
    with subprocess.Popen(
        [*asked, "--watch"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert _until(process.stdout, "2 pass")
        cases.write_text(CASES.replace("^ORD-", "^X-"))
        assert _until(process.stdout, "cases.yaml ─")
        assert _until(process.stdout, "1 pass, 1 fail")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == ""


def test_watching_is_for_people(check: Check) -> None:
    result = check("good.json", "--cases", "cases.yaml", "--watch", "--json")
    assert result.exit_code == 2
    assert "--watch prints a report for people" in result.stderr


def test_a_misspelt_forbidden_name_is_told(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(
        CASES.replace("expected_name: refund", "expected_name: look_upp")
    )
    result = check("good.json", "--cases", "cases.yaml")
    assert result.exit_code == 0
    assert "cases.yaml:7:" in result.stdout
    assert "did you mean 'look_up'? [never_seen]" in result.stdout


def _until(lines: Iterable[str], told: str) -> bool:
    return any(told in line for line in lines)

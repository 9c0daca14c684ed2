"""``tracedesk check`` against what was said before: stored results, a report, earlier cases."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.desk import Desk, Options
from tracedesk.workspace import find_workspace

Run = Callable[..., Result]

CASES = """\
cases:
  - name: books for %s
    id: books
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: %s}
"""


def body(party: int) -> str:
    call = {"gen_ai.tool.name": "create_booking", "gen_ai.tool.call.arguments": {"party": party}}
    spans = [
        {"span_id": "root", "name": "agent"},
        {"span_id": "book", "parent_span_id": "root", "name": "book", "attributes": call},
    ]
    return json.dumps({"spans": spans})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Any command in a workspace of three traces, for parties of 4, 4 and 2, whose results by
    a case that wants 4 are stored."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "testcases").mkdir()
    cases = tmp_path / "testcases" / "booking.yaml"
    cases.write_text(CASES % ("four", 4))

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, list(args), catch_exceptions=False)

    for number, party in enumerate((4, 4, 2)):
        (tmp_path / f"{number}.json").write_text(body(party))
        assert invoke("import", f"{number}.json").exit_code == 0
    desk = Desk(find_workspace(tmp_path), Options(listen=False))
    assert desk.evaluate_all(record=True)
    desk.stop()
    return invoke


def edit(text: str) -> None:
    (Path("testcases") / "booking.yaml").write_text(text)


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def test_nothing_flips_while_nothing_is_edited(run: Run) -> None:
    result = run("check", "--against", "stored")
    assert result.exit_code == 0, "what failed before and still does is not what is asked"
    assert "no verdict flipped, of 3 results compared with the stored results" in result.stdout
    assert "of these very cases already" in result.stdout


def test_the_end_of_all_days_is_a_date_too(run: Run) -> None:
    result = run("check", "--against", "9999-12-31")
    assert result.exit_code == 0
    assert "of 3 results compared with the stored results as of 9999-12-31" in result.stdout


def test_an_edit_is_told_with_its_counts_and_the_assertions_that_turned(run: Run) -> None:
    edit(CASES % ("two", 2))
    result = run("check", "--against", "stored")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("2 pass→fail · 1 fail→pass, of 3 results compared")
    assert "books for two  testcases/booking.yaml:2" in lines
    assert "      testcases/booking.yaml:5  a1 node_call  pass→fail" in lines
    assert "        before create_booking was called as expected (1 argument)" in lines
    assert any(line.startswith("        now    create_booking was called, but") for line in lines)
    assert run("check", "--against", "stored", "--allow-flips").exit_code == 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_document_lists_the_flips(run: Run, jobs: str) -> None:
    edit(CASES % ("two", 2))
    result = run("check", "--against", "stored", "--json", "--jobs", jobs)
    assert result.exit_code == 1
    found = told(result)
    assert found["against"]["counts"] == {"pass→fail": 2, "fail→pass": 1}
    assert (found["against"]["compared"], found["against"]["worse"]) == (3, 2)
    first = found["flips"][0]
    assert (first["kind"], first["worse"], first["line"]) == ("pass→fail", True, 2)
    (turn,) = first["assertions"]
    assert (turn["id"], turn["before"], turn["after"], turn["span"]) == (
        "a1",
        "pass",
        "fail",
        "book",
    )
    assert turn["reasonBefore"] != turn["reason"]
    assert len(found["results"]) == 3


def test_junit_and_page_tell_the_flips(run: Run, tmp_path: Path) -> None:
    edit(CASES % ("<two>", 2))
    run("check", "--against", "stored", "--junit", "flips.xml", "--html", "flips.html")
    root = ElementTree.fromstring((tmp_path / "flips.xml").read_text())
    (suite,) = root.findall("testsuite")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "since the stored results", "3", "2",
    )  # fmt: skip
    page = (tmp_path / "flips.html").read_text()
    assert "<h2>What changed</h2>" in page
    assert "books for &lt;two&gt;" in page


def test_new_and_removed_cases(run: Run) -> None:
    edit((CASES % ("four", 4)).replace("id: books", "id: seats"))
    result = run("check", "--against", "stored")
    assert result.exit_code == 0
    assert "1 new case · 1 removed case" in result.stdout
    assert "new  books for four  testcases/booking.yaml:2  2 pass, 1 fail" in result.stdout
    assert "removed  books for four  testcases/booking.yaml  2 pass, 1 fail" in result.stdout


def test_only_what_the_filter_chooses_is_compared(run: Run) -> None:
    run("mark", "last", "bad")
    edit(CASES % ("two", 2))
    found = told(run("check", "--against", "stored", "--filter", "mark:none", "--json"))
    assert found["against"]["counts"] == {"pass→fail": 2}
    found = told(run("check", "--against", "stored", "--filter", "mark:bad", "--json"))
    assert found["against"]["counts"] == {"fail→pass": 1}


def test_a_broken_file_cannot_be_compared(run: Run) -> None:
    edit("cases: [")
    assert run("check", "--against", "stored").exit_code == 2
    edit((CASES % ("four", 4)).replace("expected_name", "expectd_name"))
    assert run("check", "--against", "stored", "--allow-flips").exit_code == 2


def test_with_results_of_a_time(run: Run) -> None:
    edit(CASES % ("two", 2))
    result = run("check", "--against", "1h")
    assert result.exit_code == 2
    assert "no result that old is stored to compare with" in result.output
    assert run("check", "--against", "0s").exit_code == 1


def test_with_a_report(run: Run) -> None:
    Path("then.json").write_text(run("check", "--json").stdout)
    assert run("check", "--baseline", "then.json").exit_code == 0
    edit(CASES % ("four", 2))
    result = run("check", "--baseline", "then.json")
    assert result.exit_code == 1
    assert result.stdout.startswith("2 pass→fail · 1 fail→pass, of 3 results compared with the")
    files = run("check", "0.json", "2.json", "--cases", "testcases", "--json")
    Path("files.json").write_text(files.stdout)
    edit(CASES % ("four", 4))
    result = run("check", "0.json", "2.json", "--cases", "testcases", "--baseline", "files.json")
    assert result.stdout.startswith("1 pass→fail · 1 fail→pass, of 2 results")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_with_earlier_cases(run: Run, jobs: str) -> None:
    Path("old.yaml").write_text((CASES % ("four", 4)).replace("    id: books\n", ""))
    edit((CASES % ("four", 2)).replace("    id: books\n", ""))
    result = run("check", "--before", "old.yaml", "--jobs", jobs)
    assert result.exit_code == 1
    assert result.stdout.startswith("2 pass→fail · 1 fail→pass, of 3 results compared with the")
    result = run("check", "0.json", "--cases", "testcases", "--before", "old.yaml")
    assert result.stdout.startswith("1 pass→fail, of 1 result")


def test_what_cannot_be_compared(run: Run) -> None:
    Path("no.json").write_text("[1")
    Path("empty.json").write_text('{"results": []}')
    Path("broken.yaml").write_text("cases: [")
    for args, words in (
        (("--against", "soon"), "--against: 'soon' is no time"),
        (("--against", "all"), "say stored, an age such as 2h, or a date"),
        (("--against", "stored", "--baseline", "x"), "--against and --baseline exclude one"),
        (("--baseline", "gone.json"), "gone.json: cannot be read"),
        (("--baseline", "no.json"), "no.json: is no report of check --json"),
        (("--baseline", "empty.json"), "empty.json: holds no result"),
        (("--before", "gone.yaml"), "gone.yaml: no such file"),
        (("--before", "broken.yaml"), "broken.yaml: cannot be compared with"),
        (("0.json", "--cases", "testcases", "--against", "stored"), "--against compares stored"),
        (("0.json", "--cases", "testcases", "--marked"), "only stored traces are marked"),
    ):
        result = run("check", *args)
        assert result.exit_code == 2, args
        assert words in result.output, result.output
        assert "Traceback" not in result.output


def test_nothing_stored_to_compare_with(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["check", "--against", "stored", "--workspace", str(tmp_path)])
    assert result.exit_code == 2
    assert "no result is stored to compare with" in result.output


# -- marks -----------------------------------------------------------------------------


def test_marked_traces_decide_the_run(run: Run) -> None:
    assert run("check").exit_code == 1, "the trace for two fails"
    run("mark", "last", "bad")
    assert run("check").exit_code == 0, "as it is known to"
    edit(CASES % ("two", 2))
    run("mark", "last", "good")
    result = run("check", "--marked")
    assert (result.exit_code, "1 trace ·" in result.stdout) == (0, True)
    edit(CASES % ("four", 4))
    result = run("check", "--marked", "--json")
    assert result.exit_code == 1
    (fault,) = told(result)["marks"]
    assert (fault["mark"], fault["failing"]) == ("good", ["books for four"])


def test_a_bad_trace_on_which_nothing_fails_any_more(run: Run) -> None:
    run("mark", "last", "bad")
    edit(CASES % ("two", 2))
    result = run("check", "--against", "stored", "--allow-flips")
    assert result.exit_code == 1
    assert "is marked bad, and no case fails on it\n" in result.stdout
    Path("other.yaml").write_text(CASES % ("two", 2))
    assert run("check", "--cases", "other.yaml", "--filter", "mark:bad").exit_code == 0
    assert run("check", "--cases", "other.yaml", "--marked").exit_code == 1


def test_with_no_mark_there_is_nothing_to_check(run: Run) -> None:
    result = run("check", "--marked")
    assert result.exit_code == 1
    assert "nothing was evaluated" in result.stdout

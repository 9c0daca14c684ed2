"""``tracedesk report`` as a person types it: the same numbers as text, as JSON and as a page."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.commands import report_data

CASES = """\
version: 1
cases:
  - name: Books for four
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: 4}
  - name: Costs little
    assertions:
      - {target: cost_limit, max_usd: 1}
"""

Run = Callable[..., Result]


def body(party: Any, version: str, question: str = "A table for four") -> dict[str, Any]:
    return {
        "metadata": {"version": version},
        "spans": [
            {"span_id": "r", "name": "agent", "attributes": {"gen_ai.prompt": question}},
            {
                "span_id": "t",
                "parent_span_id": "r",
                "name": "create_booking",
                "attributes": {
                    "gen_ai.tool.name": "create_booking",
                    "gen_ai.tool.call.arguments": json.dumps({"party": party}),
                },
            },
        ],
    }


@pytest.fixture
def run(tmp_path: Path, open_desk: Callable[..., Any], call: Callable[..., Any]) -> Run:
    """Reports on a workspace that was sent three traces before there was a test case."""
    desk = open_desk()
    for sent in (body(4, "1.0"), body("4", "1.1"), body(4, "1.0", "Two tables\x1b[2J")):
        assert call(desk, "/public/traces", sent, content_type="application/json")[0] == 201
    desk.stop()
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "booking.yaml").write_text(CASES)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["report", *args, "--workspace", str(tmp_path)])

    return invoke


def test_what_was_never_evaluated_is_evaluated_first(run: Run) -> None:
    done = run()

    assert done.exit_code == 0, "a failing case is no failure of the report"
    assert "3 traces, 2 cases" in done.output
    assert "66.7  2 of 3 points in 3 results; 3 missing; 3 assertions missing" in done.output
    assert re.search(r"Books for four +· +· +1/3 33% \* +· +· +1 of 3\n", done.output)
    assert re.search(r"Costs little +0 of 0 +3\n", done.output)
    assert re.search(r"✗ \w{8}  Books for four  parameters  a1  create_booking was", done.output)
    assert run().output == done.output, "and evaluated but once"


def test_json_says_the_same(run: Run) -> None:
    found = json.loads(run("--json").output)

    assert found["scores"]["quality"]["percent"] == pytest.approx(200 / 3)
    assert found["scores"]["determinism"]["pairs"] == 1
    assert [version["version"] for version in found["versions"]] == ["1.0", "1.1"]
    (row,) = [row for row in found["matrix"]["rows"] if row["failed"]]
    assert row["cells"]["parameters"] == {
        "failures": 1, "evaluated": 3, "share": pytest.approx(1 / 3), "roots": 1,
    }  # fmt: skip
    (failure,) = found["failures"]
    assert (failure["span"], failure["stage"], failure["version"]) == ("t", "parameters", "1.1")
    assert found["comparison"] is None


def test_two_versions_are_compared_where_they_were_asked_the_same(run: Run) -> None:
    done = run("--compare", "1.0", "1.1")

    assert "version 1.0 → version 1.1: 2 pairs of results with equal inputs, 2 and 0" in done.output
    assert "quality        100.0 → 0.0  −100.0" in done.output
    assert re.search(r"pass → fail: 1\npass → fail  Books for four  \w{8} → \w{8}", done.output)
    assert "fail → pass: 0" in done.output
    found = json.loads(run("--compare", "1.0", "1.1", "--json").output)["comparison"]
    assert [flip["case"] for flip in found["passToFail"]] == [
        "testcases/booking.yaml#books-for-four"
    ]


def test_an_edit_of_the_cases_is_compared_on_the_same_traces(run: Run, tmp_path: Path) -> None:
    run()
    file = tmp_path / "testcases" / "booking.yaml"
    file.write_text(CASES.replace("party: 4", "party: '4'"))

    done = run("--compare-edit", "booking.yaml")

    assert "pass → fail: 2" in done.output
    assert "fail → pass: 1" in done.output
    assert "of results of the same traces" in done.output
    assert "testcases/booking.yaml changed" in done.output


def test_options_narrow_what_is_counted(run: Run) -> None:
    assert "1 trace, 2 cases" in run("--version", "1.1").output
    assert "2 traces, 2 cases" in run("--filter", "version=1.0").output
    assert "3 traces" in run("--since", "24h", "--agent", "local").output
    assert "no evaluated trace is in this window" in run("--since", "2999-01-01").output


def test_the_page_stands_alone_and_nothing_in_it_acts(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run("--compare", "1.0", "1.1", "--html", str(page)).exit_code == 0

    html = page.read_text()
    assert "<script" not in html
    assert not re.search(r"(src|href)=", html)
    assert "1/3 33% *" in html
    assert "pass → fail: 1" in html
    assert "\x1b" not in html


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "soon"), "--since: 'soon' is no time: say 24h, 7d, 2w, 2026-03-01 or all"),
        (("--agent", "nobody"), "no agent 'nobody' here; there is local"),
        (("--filter", "statos:failed"), "did you mean 'status'?"),
        (("--filter", "verdict:fail"), "--filter: 'verdict' is what the report is about"),
        (("--compare", "1.0", "1.3"), "no evaluated trace has version '1.3'; did you mean"),
        (("--compare-since", "all"), "there is no time before all"),
        (("--compare-since", "3000-01-01"), "--compare-since: '3000-01-01' is still to come"),
        (("--compare-edit", "other.yaml"), "the history tells of no change of other.yaml"),
        (("--compare", "1.0", "1.1", "--compare-since", "7d"), "three questions; ask one"),
        (("--html", "/nowhere/at/all.html"), "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_answered_is_said_in_words(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert told in done.output
    assert "Traceback" not in done.output


def test_a_broken_case_file_is_told_of(run: Run, tmp_path: Path) -> None:
    (tmp_path / "testcases" / "more.yaml").write_text("cases: [{name: x, assertoins: []}]\n")

    done = run()

    assert done.exit_code == 0
    assert "testcases/more.yaml:1" in done.output.splitlines()[0]


def test_check_writes_the_matrix_into_its_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    arguments = ["check", "--html", str(page), "--workspace", str(tmp_path)]
    CliRunner().invoke(cli, arguments)

    html = page.read_text()
    assert "<h2>Failure matrix</h2>" in html
    assert "1/3 33% *" in html
    assert "<script" not in html


def test_beside_a_desk_that_has_evaluated_nothing_yet_it_says_so(
    run: Run, open_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(report_data, "CAUGHT_UP_WITHIN_S", 0.0)
    cases = tmp_path / "testcases" / "booking.yaml"
    cases.unlink()
    desk = open_desk()
    assert desk.hold_evaluation()
    cases.write_text(CASES)
    done = run()
    assert "3 traces not evaluated yet" in done.output
    assert "nothing is evaluated yet" in done.output


def test_what_a_running_desk_has_not_evaluated_yet_is_told(
    run: Run,
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    until: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_data, "CAUGHT_UP_WITHIN_S", 0.0)
    desk = open_desk()
    until(lambda: json.loads(run("--json").output)["tracesNotEvaluated"] == 0)
    assert desk.hold_evaluation()
    call(desk, "/public/traces", body(4, "1.2"), content_type="application/json")
    page = tmp_path / "report.html"
    done = run("--html", str(page))
    assert "1 trace not evaluated yet by the desk that is running" in done.output
    assert "3 traces, 2 cases" in done.output
    assert "1 trace not evaluated yet" in page.read_text()
    file = tmp_path / "testcases" / "booking.yaml"
    file.write_text(CASES.replace("party: 4", "party: 5"))
    assert json.loads(run("--json").output)["tracesNotEvaluated"] == 4
    desk.hold_evaluation()
    until(lambda: json.loads(run("--json").output)["tracesNotEvaluated"] == 0)
    assert "4 traces, 2 cases" in run().output

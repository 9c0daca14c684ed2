"""Where an assertion may go, and what a new case or file looks like."""

from pathlib import Path

import pytest

from tracedesk.authoring.targets import (
    Target,
    free_name,
    new_case,
    new_path,
    new_text,
    next_status,
    targets,
    with_assertion,
    with_case,
)
from tracedesk.model.agent import Agent
from tracedesk.testcases.edit import EditError
from tracedesk.testcases.load import load_text

TEXT = """\
# ours
cases:
  - name: for the other    # comment
    agent: Other
    assertions: [{target: no_errors}]
  - name: resting
    status: paused
    assertions:
      - {target: no_errors}
  - name: books
    each: [{N: 1}, {N: 2}]
    assertions:
      - {target: no_errors}   # last
"""
BOOKING = Agent(id="7d6c1c39-5b0e-4c0f-9d55-6e2f54f0a9b1", name="Booking")
CLAIM = {"target": "http_status", "expected": 200}


def file(text=TEXT, path="testcases/a.yaml"):
    return load_text(text, path)


def test_cases_that_apply_come_first_then_new_ones_then_the_others():
    found = targets([file()], BOOKING, "testcases")
    assert [(each.name, each.note) for each in found] == [
        ("books [1]", ""),
        ("resting", "paused"),
        ("", ""),
        ("", ""),
        ("for the other", "for Other only"),
    ]
    assert found[3] == Target("testcases/cases.yaml", new=True)


def test_where_no_case_applies_a_new_one_comes_first():
    """Written to another, the assertion would say nothing of the trace it was made on."""
    cases = file().cases
    found = targets([file()], BOOKING, "testcases", {case.id for case in cases})
    assert found[0] == Target("testcases/a.yaml")
    assert found[1].new
    assert {each.note for each in found[2:] if each.name != "for the other"} == {
        "does not apply to this trace"
    }


def test_a_broken_file_is_not_offered_nor_a_taken_name():
    broken = file("cases: [", "testcases/cases.yaml")
    found = targets([broken], None, "testcases")
    assert found == [Target("testcases/cases2.yaml", new=True)]


def test_an_assertion_is_written_below_the_others_and_nothing_else_changes():
    place = targets([file()], BOOKING, "testcases")[0]
    after = with_assertion(TEXT, place, CLAIM)
    assert after == TEXT + "      - target: http_status\n        expected: 200\n" or (
        after == TEXT + "      - {target: http_status, expected: 200}\n"
    )


def test_a_new_case_is_written_at_the_end():
    after = with_case(TEXT, Target("a.yaml"), new_case("new: one", [CLAIM], draft=True))
    assert after.startswith(TEXT)
    case = load_text(after, "a.yaml").cases[-1]
    assert (case.name, case.status, len(case.checks)) == ("new: one", "draft", 1)


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_new_file_loads_as_what_it_is(name):
    text = new_text(new_case("it's “new”\n- x: y", [CLAIM], agent="Booking"), name)
    loaded = load_text(text, name)
    assert loaded.diagnostics == ()
    assert loaded.cases[0].name == "it's “new”\n- x: y"
    assert loaded.cases[0].agent == "Booking"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("elsewhere/a.yaml", "is not looked at: test cases are read from testcases"),
        ("../a.yaml", "is not looked at"),
        ("testcases/.hidden/a.yaml", "begins with a dot"),
        ("testcases/there.yaml", "is there already"),
        ("", "needs a name"),
        ("testcases/\x1b.yaml", "needs a name"),
    ],
)
def test_a_new_file_must_be_one_that_is_read(tmp_path, name, words):
    folder = tmp_path / "testcases"
    folder.mkdir()
    (folder / "there.yaml").touch()
    with pytest.raises(EditError, match=words):
        new_path(name, tmp_path, [folder])


def test_a_new_file_is_yaml_unless_said_otherwise(tmp_path):
    folder = tmp_path / "testcases"
    assert new_path("testcases/deep/x", tmp_path, [folder]) == Path(folder, "deep", "x.yaml")


def test_names_are_free_and_statuses_go_round():
    assert free_name("books [1]", file()) == "books [1] 2"
    assert free_name("new", None) == "new"
    assert [next_status(each) for each in ("active", "paused", "draft")] == [
        "paused", "draft", "active"
    ]  # fmt: skip

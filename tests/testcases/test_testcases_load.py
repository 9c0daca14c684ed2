"""Loading files: cases as they are meant, and an exact diagnostic for every way to go wrong."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.testcases.load import load_paths, load_text
from tracedesk.testcases.models import Case, CaseFile

GOOD = """\
version: 1
defaults: {agent: Harbour Desk, tags: [smoke], context: {BOOK: book_berth}}
cases:
  - name: books the berth that was asked for
    scenario: A skipper asks for a berth.
    input: "Is berth 3 free tonight?"
    context: {BERTH: "3"}
    tags: [berths]
    assertions:
      - target: node_call
        expected_name: "{{BOOK}}"
        expected_arguments: {berth: {matcher: regex, value: "^{{BERTH}}$"}}
      - {target: response_regex, pattern: "={{ $json.x }}|berth {{BERTH}}", weight: 0}
"""


def wrap(assertion: str) -> str:
    return f"cases:\n  - name: a\n    assertions:\n      - {assertion}\n"


FINE = wrap("{target: node_call, expected_name: x}")


def loaded(text: str, file: str = "a.yaml") -> Case:
    (case,) = load_text(text, file).cases
    return case


def faults(text: str | bytes, file: str = "a.yaml") -> list[tuple[int, int, str]]:
    return [(d.line, d.column, d.code) for d in load_text(text, file).diagnostics]


def test_a_case_with_its_defaults_and_variables() -> None:
    file = load_text(GOOD, "testcases/harbour.yaml")
    assert not file.diagnostics
    (case,) = file.cases
    assert case.id == "testcases/harbour.yaml#books-the-berth-that-was-asked-for"
    assert (case.agent, case.status, case.tags) == ("Harbour Desk", "active", ("smoke", "berths"))
    assert (case.line, case.lines) == (4, (10, 13))
    first, second = case.assertions
    assert first.source["expected_name"] == "book_berth"
    assert first.source["expected_arguments"] == {"berth": {"matcher": "regex", "value": "^3$"}}
    assert second.source["pattern"] == "={{ $json.x }}|berth 3"
    assert (first.id, second.id, second.weight) == ("a1", "a2", 0)


def test_json_says_the_same() -> None:
    text = '{"cases": [\n\t{"name": "a", "assertions": [\n\t{"target": "nod_call"}]}]}'
    assert faults(text, "a.json") == [(3, 13, "unknown-target")]


def test_a_case_moved_in_its_file_stays_the_same_case() -> None:
    moved = loaded("# a comment\n\n" + GOOD)
    assert moved.digest == loaded(GOOD).digest
    assert moved.line == loaded(GOOD).line + 2
    assert loaded(GOOD.replace("^{{BERTH}}$", "{{BERTH}}")).digest != loaded(GOOD).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tags: [berths]", "tags: [berths, faithfulness]"),
        ("tags: [berths]", "tags: []"),
        ("    tags: [berths]\n", "    tags: [berths]\n    weight: 2\n"),
        ("weight: 0}", "weight: 0, stage: runtime}"),
    ],
)
def test_a_case_that_counts_otherwise_is_another(old: str, new: str) -> None:
    assert loaded(GOOD.replace(old, new)).digest != loaded(GOOD).digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("casse:\n  - name: a\n", [(1, 1, "unknown-key")]),
        ("version: 2\n" + FINE, [(1, 10, "wrong-type")]),
        ("defaults: {agnet: x}\n" + FINE, [(1, 12, "unknown-key")]),
        ("defaults: {threshold: 0}\n" + FINE, [(1, 23, "always-true")]),
        ("defaults: []\n" + FINE, [(1, 11, "wrong-type")]),
        ("cases:\n", [(1, 7, "empty-value")]),
        ("cases: {a: 1}\n", [(1, 8, "wrong-type")]),
        ("cases: [text]\n", [(1, 9, "wrong-type")]),
        ("[1, 2]\n", [(1, 1, "missing-field")]),
        ("", [(1, 1, "missing-field")]),
        ("cases:\n  - nmae: a\n    assertions: [{target: node_call, expected_name: x}]\n",
         [(2, 5, "unknown-key")]),
        ("cases:\n  - name: 12\n    assertions: [{target: node_call, expected_name: x}]\n",
         [(2, 11, "wrong-type")]),
        ("cases:\n  - name: a\n", [(2, 5, "missing-field")]),
        (FINE + "    status: pasued\n", [(5, 13, "unknown-status")]),
        (FINE + "    threshold: 1.5\n", [(5, 16, "wrong-type")]),
        (FINE + "    weight: -1\n", [(5, 13, "wrong-type")]),
        (FINE + "    tags: smoke\n", [(5, 11, "wrong-type")]),
        (FINE + "    input: []\n", [(5, 12, "empty-value")]),
        (FINE + "    context: {user: x}\n", [(5, 15, "wrong-type")]),
        (FINE + "    when: {}\n", [(5, 11, "empty-value")]),
        (FINE + "    when: {statsu: failed}\n", [(5, 12, "unknown-key")]),
        (FINE + "    when: {status: fialed}\n", [(5, 20, "unknown-status")]),
        (FINE + "    when: {input: {matcher: contians, value: x}}\n",
         [(5, 29, "unknown-matcher")]),
        (FINE + "    when: 'agnet:x'\n", [(5, 11, "unknown-key")]),
        (FINE + "    when: 'verdict:fail'\n", [(5, 11, "bad-filter")]),
        (FINE + "    when: 'mark:good'\n", [(5, 11, "bad-filter")]),
        (FINE + "    when: 'since:1h'\n", [(5, 11, "bad-filter")]),
        (wrap("{target: node_call, expected_name: '{{WHO}}'}"), [(4, 44, "unknown-variable")]),
        (wrap("{target: node_call, expected_name: x, expected_arguments: {'{{WHO}}': 1}}"),
         [(4, 68, "unknown-variable")]),
        (wrap("{target: node_call, expected_name: x, when: {}}"), [(4, 53, "empty-value")]),
        (wrap("{target: node_call, expected_name: x, when: }"), [(4, 53, "empty-value")]),
        (wrap("{target: node_call, expected_name: x, weight: 0}"), [(3, 5, "always-true")]),
        (wrap("{target: node_call, expected_name: x, expected_name: y}"),
         [(4, 47, "duplicate-key")]),
        (wrap("{target: node_call, expected_name: x, id: i}") + "      - {target: node_call, "
         "expected_name: y, id: i}\n", [(5, 51, "duplicate-id")]),
        (wrap("just text"), [(4, 9, "wrong-type")]),
        (FINE + "  - name: a\n    assertions: [{target: node_call, expected_name: y}]\n",
         [(5, 11, "duplicate-name")]),
        (b"cases:\n  - name: caf\xe9\n", [(2, 14, "syntax")]),
        (b"\xff\xfec\x00a\x00", [(1, 1, "syntax")]),
        (b"\x89PNG\r\n\x1a\n\x00\x00", [(1, 1, "syntax")]),
        ("cases:\n\t- name: a\n", [(2, 1, "syntax")]),
        ("a: 1\n---\ncases: []\n", [(2, 1, "syntax")]),
        ("x" * (5 * 1024 * 1024 + 1), [(1, 1, "too-large")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(
    text: str | bytes, expected: list[tuple[int, int, str]]
) -> None:
    assert sorted(faults(text)) == expected


def test_did_you_mean_stands_in_the_message() -> None:
    (diagnostic,) = load_text(FINE + "    status: pasued\n", "a.yaml").diagnostics
    assert diagnostic.suggestion == "paused"
    assert str(diagnostic) == (
        "a.yaml:5:13: error: unknown status 'pasued'; it is one of active, paused, draft; "
        "did you mean 'paused'? [unknown-status]"
    )
    assert diagnostic.path == "$.cases[0].status"


def test_an_error_in_one_assertion_breaks_that_one_alone() -> None:
    case = loaded(FINE + "      - {target: node_call, expcted_name: y}\n")
    good, bad = case.checks
    assert not good.problems
    assert [problem.code for problem in bad.problems] == ["unknown-key"]
    assert not case.problems


def test_an_error_in_a_case_leaves_its_neighbours_alone() -> None:
    text = (
        FINE
        + "    wieght: 2\n  - name: b\n    assertions: [{target: node_call, expected_name: y}]\n"
    )
    bad, good = load_text(text, "a.yaml").cases
    assert [problem.code for problem in bad.problems] == ["unknown-key"]
    assert not good.problems


def test_an_error_of_the_file_breaks_all_its_cases() -> None:
    file = load_text("verison: 1\n" + FINE, "a.yaml")
    assert file.failed
    assert [problem.suggestion for problem in file.cases[0].problems] == ["version"]


def test_names_that_differ_only_in_punctuation_get_different_ids() -> None:
    text = "cases:\n" + "".join(
        f"  - {{name: '{name}', assertions: [{{target: node_call, expected_name: x}}]}}\n"
        for name in ("a b", "a-b", "?", "ü")
    )
    ids = [case.id for case in load_text(text, "f.yaml").cases]
    assert ids == ["f.yaml#a-b", "f.yaml#a-b-2", "f.yaml#case-3", "f.yaml#ü"]


def test_an_agent_nobody_knows_is_a_warning() -> None:
    text = FINE + "    agent: bokking\n"
    (diagnostic,) = load_text(text, "a.yaml", agents=["booking"]).diagnostics
    assert (diagnostic.severity, diagnostic.code) == ("warning", "unknown-agent")
    assert diagnostic.suggestion == "booking"
    assert not load_text(text, "a.yaml").diagnostics, "nobody is unknown where nobody is known"


def test_a_default_that_is_never_used_is_a_warning() -> None:
    text = "defaults: {status: draft}\n" + FINE + "    status: active\n"
    (diagnostic,) = load_text(text, "a.yaml").diagnostics
    assert (diagnostic.severity, diagnostic.code) == ("warning", "unused-default")


# -- files on disk ---------------------------------------------------------------------


def only(files: list[CaseFile]) -> CaseFile:
    (file,) = files
    return file


def test_a_folder_is_searched_and_a_file_without_cases_is_no_test_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "b" / "deep.yml").write_text(FINE)
    (tmp_path / ".hidden" / "x.yaml").write_text(FINE)
    (tmp_path / "a.json").write_text('{"spans": []}')
    (tmp_path / "notes.txt").write_text("cases: []")
    files = load_paths([tmp_path], tmp_path)
    assert [(f.path, f.is_test_file) for f in files] == [("a.json", False), ("b/deep.yml", True)]
    assert not any(f.diagnostics for f in files)


def test_a_file_named_itself_must_have_cases(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"spans": []}')
    file = only(load_paths([path], tmp_path))
    assert {d.code for d in file.diagnostics} == {"unknown-key", "missing-field"}


def test_a_misspelt_cases_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("case:\n  - name: x\n")
    assert "unknown-key" in {d.code for d in only(load_paths([tmp_path], tmp_path)).errors}


def test_one_id_in_two_files_makes_the_second_an_error(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(FINE + "    id: same\n")
    first, second = load_paths([tmp_path], tmp_path)
    assert not first.diagnostics
    assert [d.code for d in second.diagnostics] == ["duplicate-id"]
    assert second.cases[0].problems


def test_what_cannot_be_opened_is_a_diagnostic(tmp_path: Path) -> None:
    missing = only(load_paths([tmp_path / "gone.yaml"], tmp_path))
    assert "No such file" in missing.diagnostics[0].message
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    assert only(load_paths([tmp_path], tmp_path)).failed
    assert load_paths([tmp_path / "no-such-folder"], tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(FINE)
    path.chmod(0)
    assert "Permission denied" in only(load_paths([path], tmp_path)).diagnostics[0].message


def test_a_pipe_in_the_folder_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in only(load_paths([tmp_path], tmp_path)).diagnostics[0].message


def test_a_folder_named_like_a_file_and_a_loop_of_links(tmp_path: Path) -> None:
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    (folder / "a.yaml").write_text(FINE)
    (folder / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert [f.path for f in load_paths([tmp_path], tmp_path)] == ["folder.yaml/a.yaml"]


# -- nothing raises, nothing turns green -----------------------------------------------


@given(st.text() | st.binary(), st.sampled_from(["a.yaml", "a.json"]), st.booleans())
def test_loading_never_raises(text: str | bytes, file: str, explicit: bool) -> None:
    result = load_text(text, file, explicit=explicit)
    assert result.diagnostics or result.cases or not result.is_test_file


@settings(max_examples=200)
@given(st.data())
def test_a_key_changed_by_one_letter_is_always_noticed(data: st.DataObject) -> None:
    """No mistyped key of a valid file may be ignored: its case would check less than it says."""
    lines = GOOD.splitlines(keepends=True)
    keys = [key for key in (
        "version", "defaults", "agent", "tags", "cases", "name", "scenario", "input", "context",
        "assertions", "target", "expected_name", "expected_arguments", "value", "pattern",
        "weight",
    ) if any(f"{key}:" in line for line in lines)]  # fmt: skip
    key = data.draw(st.sampled_from(keys))
    at = data.draw(st.integers(0, len(key) - 1))
    wrong = key[:at] + data.draw(st.sampled_from("qzj")) + key[at + 1 :]
    file = load_text(GOOD.replace(f"{key}:", f"{wrong}:", 1), "a.yaml")
    assert file.errors
    affected = file.failed or any(
        case.problems or any(check.problems for check in case.checks) for case in file.cases
    )
    assert affected or not file.cases

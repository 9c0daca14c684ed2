"""``each``: one case for every entry of a list, a CSV file or a JSON file."""

import threading
from pathlib import Path

import pytest

from tracedesk.testcases.load import load_paths, load_text
from tracedesk.testcases.models import CaseFile
from tracedesk.testcases.watch import Watcher

HEAD = "cases:\n  - name: books a berth\n"
TAIL = """\
    assertions:
      - target: node_call
        expected_name: "{{TOOL}}"
        expected_arguments: {berth: "{{BERTH}}", text: "berth {{BERTH}}"}
"""
INLINE = f"""\
{HEAD}    context: {{TOOL: book_berth}}
    each:
      - {{BERTH: B-3}}
      - {{BERTH: 4, TOOL: reserve_berth}}
{TAIL}"""


def said(file: CaseFile) -> list[tuple[int, int, str]]:
    return [(d.line, d.column, d.code) for d in file.diagnostics]


def arguments(file: CaseFile) -> list[tuple[str, dict[str, object]]]:
    sources = [case.assertions[0].source for case in file.cases]
    return [(source["expected_name"], source["expected_arguments"]) for source in sources]


def beside(folder: Path, name: str, content: str, each: str = "") -> CaseFile:
    """A case file whose ``each`` is the file ``name``."""
    (folder / name).write_text(content)
    each = each or name
    path = folder / "cases.yaml"
    path.write_text(f"{HEAD}    context: {{TOOL: t}}\n    each: {each}\n{TAIL}")
    (file,) = load_paths([path], folder)
    return file


def test_one_case_for_each_entry_of_a_list() -> None:
    file = load_text(INLINE, "a.yaml")
    assert not file.diagnostics
    assert [case.name for case in file.cases] == ["books a berth [B-3]", "books a berth [4]"]
    assert [case.id for case in file.cases] == [
        "a.yaml#books-a-berth-b-3",
        "a.yaml#books-a-berth-4",
    ]
    assert {case.line for case in file.cases} == {2}
    assert len({case.digest for case in file.cases}) == 2


def test_a_text_that_is_one_variable_keeps_its_type() -> None:
    assert arguments(load_text(INLINE, "a.yaml")) == [
        ("book_berth", {"berth": "B-3", "text": "berth B-3"}),
        ("reserve_berth", {"berth": 4, "text": "berth 4"}),
    ]


def test_an_explicit_id_is_extended_and_twins_get_numbers() -> None:
    text = INLINE.replace("    each:", "    id: berth\n    each:").replace("BERTH: 4", "BERTH: b-3")
    file = load_text(text.replace(", TOOL: reserve_berth", ""), "a.yaml")
    assert [case.id for case in file.cases] == ["berth[1]", "berth[2]"]


def test_a_csv_file_beside_the_case_file(tmp_path: Path) -> None:
    file = beside(tmp_path, "berths.csv", 'BERTH,GUESTS\r\n"B-3, east",2\r\n\r\n020,4\r\n')
    assert not file.diagnostics
    assert [case.name for case in file.cases] == [
        "books a berth [B-3, east]",
        "books a berth [020]",
    ]
    assert arguments(file)[1] == ("t", {"berth": "020", "text": "berth 020"})
    assert file.inputs == (str(tmp_path / "berths.csv"),)


def test_a_json_file_keeps_types(tmp_path: Path) -> None:
    file = beside(tmp_path, "berths.json", '[{"BERTH": 3}, {"BERTH": true}]')
    assert [found["berth"] for _, found in arguments(file)] == [3, True]


@pytest.mark.parametrize(
    ("each", "where", "code"),
    [
        ("[]", (3, 11), "empty-value"),
        ("", (3, 10), "empty-value"),
        ("5", (3, 11), "wrong-type"),
        ("{BERTH: 3}", (3, 11), "wrong-type"),
        ("[3]", (3, 12), "wrong-type"),
        ("[{}]", (3, 12), "empty-value"),
        ("[{berth: 3}]", (3, 13), "wrong-type"),
        ("[{BERTH: [3]}]", (3, 20), "wrong-type"),
        ("[{BERTH: 3, BERTH: 4}]", (3, 23), "duplicate-key"),
        ("berths.csv", (3, 11), "unreadable"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_at_its_place(
    each: str, where: tuple[int, int], code: str
) -> None:
    text = f"{HEAD}    each: {each}\n{TAIL}".replace("{{TOOL}}", "t")
    file = load_text(text, "a.yaml")
    assert (*where, code) in said(file)
    (case, *_) = file.cases
    assert case.problems


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "BERTH,GUESTS\n3,4\n5\n", "a.csv:3: 1 cells under a header of 2"),
        ("a.csv", 'BERTH\n"3\n', "a.csv:2: not CSV"),
        ("a.csv", "berth\n3\n", "a.csv:2: the variable name 'berth'"),
        ("a.csv", "BERTH,BERTH\n3,4\n", "a.csv:1: two columns are named 'BERTH'"),
        ("a.csv", "BERTH\n", "a.csv has no entries"),
        ("a.csv", "", "a.csv has no entries"),
        ("a.json", "[]", "a.json has no entries"),
        ("a.json", "{}", "a.json:1: parameters are a list of objects"),
        ("a.json", '[\n{"BERTH": 3},\n4]', "a.json:3: an entry is an object"),
        ("a.json", '[\n{"BERTH": 3,}]', "a.json:2: a comma"),
        ("a.json", '[{"BERTH": 3},\n{"BERTH": null}]', "a.json:2: BERTH must be"),
        ("a.json", '[{"BERTH": 3, "BERTH": 4}]', "a.json:1: 'BERTH' is written twice"),
        ("a.txt", "BERTH\n3\n", "a.txt: parameters are read from .csv and .json"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    file = beside(tmp_path, name, content)
    (diagnostic,) = file.diagnostics
    assert words in diagnostic.message
    assert (diagnostic.line, diagnostic.column) == (4, 11)
    assert file.cases[0].problems


def test_a_variable_that_an_entry_lacks_names_the_entry() -> None:
    text = INLINE.replace("context: {TOOL: book_berth}", "tags: []")
    (diagnostic,) = load_text(text, "a.yaml").diagnostics
    assert diagnostic.code == "unknown-variable"
    assert "nor in the entry 'B-3' of 'each'" in diagnostic.message


def test_a_file_that_is_not_there_and_one_outside_are_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("BERTH\n3\n")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    for each, words in (
        ("gone.csv", "no such file"),
        ("../secret.csv", "outside of the workspace"),
        ("link.csv", "outside of the workspace"),
        (str(tmp_path / "secret.csv"), "outside of the workspace"),
    ):
        (diagnostic,) = beside(inside, "other.csv", "", each).diagnostics
        assert words in diagnostic.message


def test_too_many_entries_are_an_error(tmp_path: Path) -> None:
    rows = "".join(f"{number}\n" for number in range(1_001))
    (diagnostic,) = beside(tmp_path, "a.csv", "BERTH\n" + rows).diagnostics
    assert diagnostic.code == "too-large"


def test_a_change_of_the_parameters_is_a_change_of_the_file(tmp_path: Path) -> None:
    before = beside(tmp_path, "a.csv", "BERTH\n3\n4\n")
    after = beside(tmp_path, "a.csv", "BERTH\n3\n5\n")
    assert before.text == after.text
    assert before.digest != after.digest
    assert before.cases[0].digest == after.cases[0].digest


def test_parameter_files_are_watched(tmp_path: Path) -> None:
    testcases, data = tmp_path / "testcases", tmp_path / "data"
    testcases.mkdir()
    data.mkdir()
    (data / "a.csv").write_text("BERTH\n3\n")
    cases = testcases / "cases.yaml"
    cases.write_text(f"{HEAD}    context: {{TOOL: t}}\n    each: ../data/a.csv\n{TAIL}")
    seen: list[list[str]] = []
    three = threading.Event()

    def on_change(files: list[CaseFile]) -> None:
        seen.append([case.name for file in files for case in file.cases])
        if seen[-1] == ["books a berth [3]", "books a berth [4]"]:
            three.set()

    watcher = Watcher([testcases], tmp_path, on_change)
    watcher.start()
    try:
        assert watcher.watching.wait(10)
        (data / "a.csv").write_text("BERTH\n3\n4\n")
        assert three.wait(10)
    finally:
        watcher.stop()

"""Edits of files: nothing else changes, the result loads, and removing undoes adding."""

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.testcases.edit import (
    EditError,
    add_assertion,
    add_case,
    remove_assertion,
    remove_case,
    replace_assertion,
    set_status,
)
from tracedesk.testcases.load import load_text

SAMPLES = sorted((Path(__file__).parents[2] / "sample_traces" / "testcases").glob("*.yaml"))
NEW = {"target": "node_call", "expected_name": "pay: now", "expected_arguments": {"amount": 1.0}}

STYLES = """\
# the file
version: 1
cases:
- name: a   # un-indented
  status: active   # for now
  assertions:   # all of them
  # about the first
  - {target: no_errors}   # trailing
  - target: node_call
    expected_name: >-
      pay
      now
    # about its name

  # of nobody
- name: b
  assertions:
      - target: &kind no_loop
        max_same: 2   \t
      - {target: *kind,
         max_same: 3}

- name: c
  assertions: [{target: no_errors}, {target: no_loop, max_same: 4},]
- name: d
  assertions: [
    {target: no_errors},   # first
    {target: no_loop, max_same: 5}   # last
  ]
- {name: e, assertions: [target: no_errors]}
- name: f
  assertions: &list
    # an anchor above
    - {target: no_errors}
- name: g
  assertions:
    - target: response_regex
      pattern: |+
        keep

"""
AS_JSON = """\
{
\t"cases": [
\t\t{"name": "a", "assertions": [{"target": "no_errors"}]},
\t\t{
\t\t\t"name": "b",
\t\t\t"assertions": [
\t\t\t\t{
\t\t\t\t\t"target": "no_loop",
\t\t\t\t\t"max_same": 2
\t\t\t\t}
\t\t\t]
\t\t}
\t]
}
"""


def changed_lines(before: str, after: str) -> list[str]:
    """Lines that are not in both, signs before them."""
    compared = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in compared if line[0] in "+-"]


def cases_of(text: str, file: str) -> int:
    return len(load_text(text, file).cases)


def variants(text: str) -> list[str]:
    """The same file with other line ends, without the last one, and behind a mark."""
    crlf = text.replace("\n", "\r\n")
    return [text, crlf, text.removesuffix("\n"), crlf.removesuffix("\r\n"), "\ufeff" + text]


@pytest.mark.parametrize("text", variants(STYLES), ids=range(5))
@pytest.mark.parametrize("case", list("abcdefg"))
def test_removing_undoes_adding_in_every_style(text: str, case: str) -> None:
    file = load_text(text, "a.yaml")
    place = [found.name for found in file.cases].index(case)
    count = len(file.cases[place].checks)

    added = add_assertion(text, case, NEW, file="a.yaml")

    after = load_text(added, "a.yaml")
    assert not after.diagnostics
    assert after.cases[place].assertions[-1].source == NEW
    assert remove_assertion(added, case, count, file="a.yaml") == text
    assert remove_assertion(added, place, count, file="a.yaml") == text


@pytest.mark.parametrize("text", variants(STYLES), ids=range(5))
@pytest.mark.parametrize("case", list("abdg"))
def test_adding_to_a_list_of_lines_only_adds_lines(text: str, case: str) -> None:
    changed = changed_lines(text, add_assertion(text, case, NEW, file="a.yaml"))
    removed = [line for line in changed if line[0] == "-"]
    if case == "d":  # a comma was needed
        assert [line.strip() for line in removed] == [
            "-     {target: no_loop, max_same: 5}   # last"
        ]
    elif not text.endswith("\n"):
        assert len(removed) <= 1
    else:
        assert not removed


def test_what_is_added_looks_like_its_neighbours() -> None:
    def added(case: str) -> list[str]:
        text = add_assertion(STYLES, case, NEW, file="a.yaml")
        return [line[2:] for line in changed_lines(STYLES, text) if line[0] == "+"]

    assert added("a") == [
        "  - target: node_call\n",
        '    expected_name: "pay: now"\n',
        "    expected_arguments: {amount: 1.0}\n",
    ]
    assert added("f") == [
        '    - {target: node_call, expected_name: "pay: now", expected_arguments: {amount: 1.0}}\n'
    ]
    assert added("d") == [
        "    {target: no_loop, max_same: 5},   # last\n",
        '    {target: node_call, expected_name: "pay: now", expected_arguments: {amount: 1.0}}\n',
    ]


def test_comments_of_an_item_stay_with_it() -> None:
    lines = add_assertion(STYLES, "a", NEW, file="a.yaml").splitlines()
    assert lines.index("    # about its name") < lines.index('    expected_name: "pay: now"')
    assert lines.index('    expected_name: "pay: now"') < lines.index("  # of nobody")


@pytest.mark.parametrize("text", variants(AS_JSON), ids=range(5))
@pytest.mark.parametrize("case", ["a", "b"])
def test_json_keeps_its_tabs(text: str, case: str) -> None:
    added = add_assertion(text, case, NEW, file="a.json")
    assert json.loads(added.removeprefix("\ufeff"))["cases"][case == "b"]["assertions"][1] == NEW
    assert remove_assertion(added, case, 1, file="a.json") == text
    if case == "b":
        newline = "\r\n" if "\r\n" in text else "\n"
        assert f'\t\t\t\t{{{newline}\t\t\t\t\t"target": "node_call",' in added


@pytest.mark.parametrize("text", variants(STYLES), ids=range(5))
def test_removing_a_case_undoes_adding_it(text: str) -> None:
    case = {"name": "new", "when": "status:failed", "assertions": [NEW, NEW]}
    added = add_case(text, case, file="a.yaml")
    assert cases_of(added, "a.yaml") == cases_of(text, "a.yaml") + 1
    assert remove_case(added, "new", file="a.yaml") == text


def test_a_case_in_json() -> None:
    case = {"name": "new", "assertions": [NEW]}
    added = add_case(AS_JSON, case, file="a.json")
    assert json.loads(added)["cases"][2] == case
    assert remove_case(added, "new", file="a.json") == AS_JSON


@pytest.mark.parametrize(
    ("text", "file", "case", "lines"),
    [
        (STYLES, "a.yaml", "a", [
            "-   status: active   # for now\n", "+   status: paused   # for now\n",
        ]),
        (STYLES, "a.yaml", "b", ["+   status: paused\n"]),
        (STYLES, "a.yaml", "e", [
            "- - {name: e, assertions: [target: no_errors]}\n",
            "+ - {name: e, status: paused, assertions: [target: no_errors]}\n",
        ]),
        (AS_JSON, "a.json", "b", ['+ \t\t\t"status": "paused",\n']),
    ],
)  # fmt: skip
def test_the_status_is_set_where_it_stands(
    text: str, file: str, case: str, lines: list[str]
) -> None:
    paused = set_status(text, case, "paused", file=file)
    assert changed_lines(text, paused) == lines
    assert set_status(paused, case, "paused", file=file) is paused
    assert {c.name: c.status for c in load_text(paused, file).cases}[case] == "paused"


def test_only_what_differs_of_an_assertion_is_rewritten() -> None:
    text = """\
cases:
  - name: a
    assertions:
      - target: node_call   # kept
        expected_name: pay
        # kept too
        expected_arguments: {amount: 100, currency: "EUR"}   # and this
"""
    old = load_text(text, "a.yaml").cases[0].assertions[0].source
    new = {
        **old,
        "expected_arguments": {**old["expected_arguments"], "amount": 120},
        "max_calls": 1,
    }
    assert changed_lines(text, replace_assertion(text, "a", 0, new, file="a.yaml")) == [
        '-         expected_arguments: {amount: 100, currency: "EUR"}   # and this\n',
        '+         expected_arguments: {amount: 120, currency: "EUR"}   # and this\n',
        "+         max_calls: 1\n",
    ]
    other = replace_assertion(text, "a", 0, {"criteria": "polite"}, file="a.yaml")
    assert other.endswith("      - criteria: polite   # and this\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cases: &all\n  - &one {name: a, assertions: &list [target: no_errors]}\n  - {name: b, "
         "assertions: *list}\n", "laid out in a way"),
        ("cases: [\n", "a.yaml:2"),
        ("text\n", "no file of test cases"),
        ("cases:\n  - {name: z, assertions: [target: no_errors]}\n", "there is no case 'a'"),
        ("cases:\n" + "  - {name: a, assertions: [target: no_errors]}\n" * 2, "2 cases are called"),
        ("cases:\n  - name: a\n    assertions: {}\n", "cannot be written here"),
        ("cases:\n  - name: a\n", "cannot be written here"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_says_why(text: str, words: str) -> None:
    with pytest.raises(EditError, match=words):
        add_assertion(text, "a", NEW, file="a.yaml")


def test_an_alias_is_not_edited_through() -> None:
    text = (
        "x-list: &list [target: no_errors, target: no_loop]\n"
        "cases:\n  - {name: a, assertions: *list}\n"
    )
    text = text.replace("[target: no_errors, target: no_loop]", "[{target: no_errors}]")
    with pytest.raises(EditError, match="by an alias"):
        add_assertion(text, "a", NEW, file="a.yaml")


def test_the_only_assertion_and_a_broken_one_are_refused() -> None:
    with pytest.raises(EditError, match="only assertion"):
        remove_assertion(STYLES, "g", 0, file="a.yaml")
    with pytest.raises(EditError, match="that would be wrong: unknown target"):
        add_assertion(STYLES, "a", {"target": "nope"}, file="a.yaml")
    with pytest.raises(EditError, match="surrogate"):
        add_assertion(STYLES, "a", {"criteria": "\ud800"}, file="a.yaml")
    with pytest.raises(EditError):
        add_assertion(
            STYLES, "a", {"target": "http_status", "expected": float("nan")}, file="a.yaml"
        )


# -- properties ------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("'\":#-{}[],&*!|>%@ \t\n~"),
    max_size=12,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["yes", "no", "null", "1", "1.0", "0x1", ".5", "12:30", "2020-01-01", "~"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(TEXTS.filter(lambda k: k != "matcher"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
ASSERTIONS = st.dictionaries(TEXTS.filter(lambda key: key != "$"), VALUES, max_size=3).map(
    lambda arguments: {
        "target": "node_call",
        "expected_name": "pay",
        "x-arguments": arguments,
    }
)

COMMENTS = st.sampled_from(["", "", "   # why", " #", "\t# tab"])
GAPS = st.sampled_from(["", "", "\n", "  # below\n", "          # deep\n", "# left\n", "   \n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A YAML file of cases in some layout."""
    text = draw(st.sampled_from(["", "# head\n", "---\n", "version: 1\n\n"])) + "cases:"
    text += draw(COMMENTS) + "\n"
    outer = draw(st.sampled_from(["", "  ", "    "]))
    for number in range(draw(st.integers(1, 3))):
        space = draw(st.sampled_from([" ", "   "]))
        inner = outer + " " + space
        text += f"{outer}-{space}name: case {number}{draw(COMMENTS)}\n{draw(GAPS)}"
        count = draw(st.integers(1, 3))
        if draw(st.booleans()):
            items = ", ".join("{target: no_errors}" for _ in range(count))
            tail = draw(st.sampled_from(["]", " ]", ",]", "\n" + inner + "  ]"]))
            text += f"{inner}assertions: [{items}{tail}{draw(COMMENTS)}\n"
        else:
            deep = inner + draw(st.sampled_from(["", "  ", "      "]))
            anchor = draw(st.sampled_from(["", f" &list{number}"]))
            text += f"{inner}assertions:{anchor}{draw(COMMENTS)}\n{draw(GAPS)}"
            for place in range(count):
                body = draw(
                    st.sampled_from(
                        [
                            "{target: no_errors}",
                            f"target: no_errors\n{deep}  max_errors: {place}",
                            f"target: response_regex\n{deep}  pattern: |\n{deep}    x\n",
                            f"target: response_regex\n{deep}  pattern: |+\n{deep}    x\n\n",
                            f"target: response_regex\n{deep}  pattern: x\n{deep}    y",
                        ]
                    )
                )
                tail = "" if body.endswith("\n") else draw(COMMENTS) + "\n"
                text += f"{deep}- {body}{tail}{draw(GAPS)}"
        text += draw(GAPS)
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = text.replace("\n", newline)
    text = text if draw(st.booleans()) else text.removesuffix(newline)
    ends_in_block = "|" in text[text.rindex("- ") :] and not text.endswith(newline)
    return text + newline if ends_in_block else text  # it would grow by a line break


@settings(max_examples=120)
@given(files(), ASSERTIONS, st.integers(0, 2))
def test_adding_and_removing_in_any_layout(
    text: str, assertion: dict[str, Any], number: int
) -> None:
    before = load_text(text, "a.yaml")
    if before.failed:
        return
    place = number % len(before.cases)
    count = len(before.cases[place].checks)

    added = add_assertion(text, place, assertion, file="a.yaml")

    after = load_text(added, "a.yaml")
    assert len(after.diagnostics) == len(before.diagnostics)
    assert after.cases[place].assertions[-1].source == assertion
    assert [c.digest for i, c in enumerate(after.cases) if i != place] == [
        c.digest for i, c in enumerate(before.cases) if i != place
    ]
    assert remove_assertion(added, place, count, file="a.yaml") == text


@settings(max_examples=80)
@given(files(), ASSERTIONS)
def test_adding_and_removing_a_case_in_any_layout(text: str, assertion: dict[str, Any]) -> None:
    if load_text(text, "a.yaml").failed:
        return
    case = {"name": "the new one", "assertions": [assertion, assertion]}
    added = add_case(text, case, file="a.yaml")
    assert load_text(added, "a.yaml").cases[-1].assertions[1].source == assertion
    assert remove_case(added, "the new one", file="a.yaml") == text


@settings(max_examples=80)
@given(files(), ASSERTIONS, st.sampled_from(["paused", "draft"]))
def test_replacing_and_pausing_in_any_layout(
    text: str, assertion: dict[str, Any], status: str
) -> None:
    if load_text(text, "a.yaml").failed:
        return
    replaced = replace_assertion(text, 0, 0, assertion, file="a.yaml")
    assert load_text(replaced, "a.yaml").cases[0].assertions[0].source == assertion
    paused = set_status(text, 0, status, file="a.yaml")
    assert load_text(paused, "a.yaml").cases[0].status == status


@settings(max_examples=100)
@given(
    st.lists(st.lists(ASSERTIONS, min_size=1, max_size=2), min_size=1, max_size=2),
    st.sampled_from([None, 1, 2, "\t"]),
    ASSERTIONS,
)
def test_json_in_any_layout(
    lists: list[list[dict[str, Any]]], indent: int | str | None, new: dict[str, Any]
) -> None:
    cases = [{"name": f"c{n}", "assertions": found} for n, found in enumerate(lists)]
    text = json.dumps({"cases": cases}, indent=indent, ensure_ascii=False)
    added = add_assertion(text, 0, new, file="a.json")
    assert json.loads(added)["cases"][0]["assertions"][-1] == new
    assert remove_assertion(added, 0, len(lists[0]), file="a.json") == text
    replaced = replace_assertion(text, 0, 0, new, file="a.json")
    assert json.loads(replaced)["cases"][0]["assertions"][0] == new


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_can_be_edited(path: Path) -> None:
    text = path.read_text()
    for place, case in enumerate(load_text(text, path.name).cases):
        added = add_assertion(text, place, NEW, file=path.name)
        assert all(line[0] == "+" for line in changed_lines(text, added))
        assert remove_assertion(added, place, len(case.checks), file=path.name) == text

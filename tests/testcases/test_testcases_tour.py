"""A tour of files that are wrong: what is said of each, and exactly where.

Every file of ``tests/data/wrong_cases`` has one mistake that a person makes; the table says
code, line, column and *did you mean* of everything that loading reports of it.
"""

from pathlib import Path

import pytest

from tracedesk.testcases.load import load_paths, load_text

FOLDER = Path(__file__).parents[1] / "data" / "wrong_cases"

WARNED = {"dollar-key.yaml", "pattern-of-everything.yaml", "unused-default.yaml"}
"""Files that are used all the same."""

Told = tuple[str, int, int, str | None]

TOUR: dict[str, list[Told]] = {
    "all-weights-zero.yaml": [("always-true", 3, 5, None)],
    "at-least-no-span.yaml": [("always-true", 5, 22, None)],
    "at-least-no-time.yaml": [("always-true", 4, 41, None)],
    "at-least-none.yaml": [("always-true", 6, 20, None)],
    "bounds-reversed.yaml": [("contradiction", 4, 67, None)],
    "broken-expression.yaml": [("bad-expression", 7, 46, "TODAY")],
    "broken-path.yaml": [("bad-path", 5, 15, None)],
    "broken-pattern.yaml": [("bad-regex", 5, 16, None)],
    "broken-schema.yaml": [("bad-schema", 5, 24, None)],
    "counts-of-nothing.yaml": [("contradiction", 7, 20, None)],
    "dollar-key.yaml": [("dollar-key", 7, 19, "regex")],
    "duplicate-key.yaml": [("duplicate-key", 6, 9, None)],
    "empty-pattern.yaml": [("empty-value", 5, 18, None)],
    "empty-sequence.yaml": [("always-true", 4, 59, None)],
    "empty-when.yaml": [("empty-value", 3, 11, None)],
    "expected-and-default.yaml": [("contradiction", 6, 30, None)],
    "expected-and-ignored.yaml": [("contradiction", 6, 30, None)],
    "judge-of-everything.yaml": [("always-true", 4, 48, None)],
    "matcher-for-all-arguments.yaml": [("unknown-matcher-option", 6, 30, None)],
    "matcher-option.yaml": [("unknown-matcher-option", 8, 9, None)],
    "merge-key.yaml": [("syntax", 5, 10, None)],
    "misspelt-case-field.yaml": [("unknown-key", 3, 5, "weight")],
    "misspelt-case-status.yaml": [("unknown-status", 2, 11, "active")],
    "misspelt-cases.yaml": [("unknown-key", 1, 1, "cases")],
    "misspelt-condition.yaml": [("unknown-condition", 5, 20, "MUST_CALL")],
    "misspelt-fact.yaml": [("unknown-key", 5, 18, "@status")],
    "misspelt-field.yaml": [("unknown-key", 6, 9, "expected_name")],
    "misspelt-filter.yaml": [("unknown-key", 3, 11, "agent")],
    "misspelt-key.json": [("unknown-key", 4, 57, "min_calls")],
    "misspelt-matcher-key-in-list.yaml": [("unknown-matcher-option", 7, 44, "matcher")],
    "misspelt-matcher-key.yaml": [("unknown-matcher-option", 8, 19, "matcher")],
    "misspelt-matcher.yaml": [("unknown-matcher", 7, 28, "contains")],
    "misspelt-mode.yaml": [("unknown-mode", 5, 15, "exact")],
    "misspelt-schema-keyword.yaml": [("unknown-key", 7, 11, "required")],
    "misspelt-selector.yaml": [("unknown-key", 5, 18, "name")],
    "misspelt-status.yaml": [("unknown-status", 6, 22, "error")],
    "misspelt-target.yaml": [("unknown-target", 4, 17, "node_call")],
    "misspelt-when.yaml": [("unknown-key", 3, 12, "response")],
    "no-target.yaml": [("missing-field", 4, 9, None)],
    "number-for-name.yaml": [("wrong-type", 4, 44, None)],
    "order-in-a-circle.yaml": [("contradiction", 6, 11, None)],
    "pattern-of-everything.yaml": [("always-true", 5, 18, None)],
    "remote-schema.yaml": [("remote-ref", 5, 45, None)],
    "required-and-forbidden.yaml": [("contradiction", 6, 21, None)],
    "schema-of-everything.yaml": [("always-true", 5, 17, None)],
    "schema-true.yaml": [("always-true", 7, 16, None)],
    "schema-without-constraint.yaml": [("always-true", 5, 17, None)],
    "tab.yaml": [("syntax", 2, 1, None)],
    "tag.yaml": [("syntax", 4, 44, None)],
    "text-for-number.yaml": [("wrong-type", 4, 41, None)],
    "threshold-zero.yaml": [("always-true", 3, 16, None)],
    "trailing-comma.json": [("syntax", 5, 5, None)],
    "two-assertion-ids.yaml": [("duplicate-id", 5, 60, None)],
    "two-cases-of-one-name.yaml": [("duplicate-name", 4, 11, None)],
    "two-ids.yaml": [("duplicate-id", 6, 9, None)],
    "two-names-of-one-field.yaml": [("contradiction", 6, 9, None)],
    "unclosed.yaml": [("syntax", 5, 1, None)],
    "unknown-variable.yaml": [("unknown-variable", 6, 18, "BERTH")],
    "unused-default.yaml": [("unused-default", 1, 12, None)],
    "value-and-expression.yaml": [("contradiction", 7, 51, None)],
    "verdict-in-filter.yaml": [("bad-filter", 3, 11, None)],
    "weight-inside.yaml": [("unknown-key", 5, 69, None)],
}


def told(name: str) -> list[Told]:
    file = load_text((FOLDER / name).read_bytes(), name)
    return [(d.code, d.line, d.column, d.suggestion) for d in file.diagnostics]


@pytest.mark.parametrize("name", TOUR)
def test_exactly_this_is_said_at_exactly_this_place(name: str) -> None:
    assert told(name) == TOUR[name]


@pytest.mark.parametrize("name", TOUR)
def test_a_broken_file_never_counts_as_good(name: str) -> None:
    file = load_text((FOLDER / name).read_bytes(), name)
    assert bool(file.errors) == (name not in WARNED)
    broken = file.failed or any(
        case.problems or any(check.problems for check in case.checks) for case in file.cases
    )
    assert broken == (name not in WARNED)


def test_the_tour_visits_every_file() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(TOUR)


@pytest.mark.parametrize("name", TOUR)
def test_a_suggestion_stands_in_the_message_too(name: str) -> None:
    for diagnostic in load_text((FOLDER / name).read_bytes(), name).diagnostics:
        if diagnostic.suggestion is not None:
            assert f"did you mean '{diagnostic.suggestion}'?" in diagnostic.message


def test_a_folder_of_broken_files_loads_whole() -> None:
    files = load_paths([FOLDER], FOLDER)
    assert len(files) == len(TOUR)
    assert all(file.diagnostics for file in files)

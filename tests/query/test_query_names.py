"""Names: folding, the four ways of matching, the nearest known one."""

import fnmatch
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.names import (
    FULLY,
    NO,
    PARTLY,
    NameTest,
    edit_distance,
    fold,
    glob_matches,
    nearest,
)
from tracedesk.query.patterns import Pattern


@pytest.mark.parametrize(
    ("name", "mode", "labels", "tool", "degree"),
    [
        ("mail", "substring", ["Mail Archive"], False, PARTLY),
        (" MAIL ", "substring", ["mail"], False, FULLY),
        ("Look up order", "substring", ["Look_up_order"], True, FULLY),
        ("Look up order", "substring", ["Look_up_order"], False, NO),
        ("look--up", "substring", ["Look_up_order"], True, PARTLY),
        ("STRASSE", "exact", ["Straße"], False, FULLY),
        ("mail", "exact", ["mail archive"], False, NO),
        ("order_*", "glob", ["Order-Get"], True, PARTLY),
        ("order_*", "glob", ["reorder_get"], True, NO),
        ("^send", "regex", ["Send"], False, NO),
        ("(?i)^send", "regex", ["x", "Send"], False, PARTLY),
        ("raw", "substring", ["label", "raw.name"], False, PARTLY),
    ],
)
def test_matching(name: str, mode: str, labels: list[str], tool: bool, degree: int) -> None:
    pattern = Pattern(name) if mode == "regex" else None
    test = NameTest(name, mode, pattern)
    assert test.test(labels, tool, 1.0) == degree
    assert test.test_folded(labels, [fold(label, tool) for label in labels], tool, 1.0) == degree
    if degree and test.plainly:
        folded = [fold(label, tool) for label in labels]
        assert any((test.as_tool if tool else test.as_node) in label for label in folded)


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("expcted_name", ["expected_output", "expected_name"], "expected_name"),
        ("contians", ["contains", "contains_all"], "contains"),
        ("nmae", ["name"], "name"),
        ("nema", ["name"], None),  # two edits are too many under five letters
        ("exactly", ["in_order", "exact"], "exact"),
        ("Zebra", ["exact"], None),
    ],
)
def test_did_you_mean(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


def naive_distance(a: str, b: str) -> int:
    """Optimal string alignment, straight from its definition."""
    if not a or not b:
        return len(a) + len(b)
    found = min(
        naive_distance(a[1:], b) + 1,
        naive_distance(a, b[1:]) + 1,
        naive_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )
    if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
        found = min(found, naive_distance(a[2:], b[2:]) + 1)
    return found


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 6))
def test_edit_distance_equals_its_definition(a: str, b: str, limit: int) -> None:
    assert edit_distance(a, b, limit) == min(naive_distance(a, b), limit + 1)


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=8))
def test_globs_equal_the_standard_ones(pattern: str, text: str) -> None:
    assert glob_matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_a_name_of_any_length_compares_and_only_short_ones_are_remembered() -> None:
    name = "Create_Booking " * 1_000
    assert fold(name, tool=True) == ("create booking " * 1_000).strip()
    tracemalloc.start()
    try:
        for at in range(200):
            fold(f"{name}{at}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 20 * len(name)

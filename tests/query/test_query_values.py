"""JSON values: equality, keys of equality, numbers, short wording."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.values import (
    ABSENT,
    as_number,
    equality_key,
    json_equal,
    json_text,
    shorten,
    show_typed,
    type_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5, "", "1", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=5,
)


@given(JSON, JSON)
def test_values_are_equal_exactly_when_their_keys_are(left: Any, right: Any) -> None:
    assert json_equal(left, right) == (equality_key(left) == equality_key(right))
    assert json_equal(left, left)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" 12 ", 12),
        ("-1.50", -1.5),
        (".5", 0.5),
        ("1e3", None),
        ("1,000", None),
        ("٣", None),
        ("", None),
        ("9" * 500, None),
        (True, None),
        (None, None),
        (3, 3),
    ],
)
def test_numbers_in_text(text: Any, number: Any) -> None:
    assert as_number(text) == number


def test_a_value_missing_on_both_sides_is_not_equality() -> None:
    assert not json_equal(ABSENT, ABSENT)
    assert type_of(ABSENT) == "absent"


@pytest.mark.parametrize("text", ["5", '"a"', "{broken", "plain", "", None, 5])
def test_only_objects_and_lists_in_text_are_opened(text: Any) -> None:
    assert json_text(text) is ABSENT


def test_long_values_are_cut_in_the_middle() -> None:
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert len(show_typed("x" * 10_000)) < 220


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (10**22, 1e22), (0, -0.0), ({"a": [2.0], "b": "1e5"}, {"b": "1e5", "a": [2]})],
)
def test_whole_numbers_have_one_key(left: Any, right: Any) -> None:
    assert equality_key(left) == equality_key(right)


def test_values_that_no_encoder_takes_have_keys() -> None:
    assert equality_key({"a": "\ud800"}) == equality_key({"a": "\ud800"})
    assert equality_key({"a": "\ud800"}) != equality_key({"a": "\ud801"})

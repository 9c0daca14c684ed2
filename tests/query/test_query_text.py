"""Durations in one format, and untrusted text with its teeth drawn."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.text import duration_text, plain


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (0, "0"),
        (-3, "0"),
        (0.0004, "1µs"),
        (0.25, "250µs"),
        (3.4, "3ms"),
        (998.9, "999ms"),
        (999.6, "1.0s"),
        (12_400, "12.4s"),
        (125_000, "2m 05s"),
        (3_840_000, "1h 04m"),
    ],
)
def test_duration(milliseconds: float | None, text: str):
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("naïve ✓ 東京", "naïve ✓ 東京"),
        ("\x1b[31mred", "␛[31mred"),
        ("two\nlines\tand\x7f", "two␊lines␉and␡"),
        ("\x9b31m", "�31m"),
        ("abc\u202edef", "abc�def"),
        ("half \ud800", "half �"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        (None, "null"),
    ],
)
def test_plain(value: object, text: str):
    assert plain(value) == text


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_a_terminal_would_obey_is_left(text: str):
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in plain(text))

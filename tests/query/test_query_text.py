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
        (-5, "-5ms"),
        (0.0004, "400ns"),
        (0.25, "250µs"),
        (3, "3ms"),
        (3.4, "3.4ms"),
        (12.4, "12ms"),
        (998.9, "999ms"),
        (999.6, "1.0s"),
        (12_400, "12.4s"),
        (125_000, "2m05s"),
        (3_840_000, "1h04m"),
    ],
)
def test_duration(milliseconds: float | None, text: str):
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [({"a": [1, None]}, '{"a": [1, null]}'), (None, "null"), (True, "true")]
)
def test_what_is_not_text_is_compact_json(value: object, text: str):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\x00b\x07c\x7f", "a␀b␇c␡"),
        ("\x9b31m", "\\x9b31m"),
        ("one\ntwo\ttab\r", "one⏎two␉tab␍"),
        ("user‮gpj.exe", "user\\u202egpj.exe"),
        ("\u2066hidden\u2069", "\\u2066hidden\\u2069"),
        ("zero​width\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud800", "half \\ud800"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
    ],
)
def test_what_a_terminal_could_act_upon_is_made_visible(hostile, shown):
    assert plain(hostile) == shown


@pytest.mark.parametrize("harmless", ["", "plain", "héllo", "日本語", "مرحبا", "👩‍🚀", "e\u0301"])
def test_letters_of_any_script_stay(harmless):
    assert plain(harmless) == harmless


@given(st.text(alphabet=st.characters(codec=None)))
def test_plain_leaves_no_control_and_is_idempotent(text):
    shown = plain(text)
    assert plain(shown) == shown
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("‪‫‬‭‮⁦⁧⁨⁩")
    shown.encode()  # what is shown can be written

"""Nothing that a trace says may reach the terminal as anything but visible text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.tui.text import ASCII, cells, fit, middle, pad, pad_left, plain, wrap


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


@given(st.text(), st.integers(0, 40))
def test_padded_text_is_exactly_as_wide_as_asked(text, width):
    assert cells(pad(text, width)) == width
    assert cells(pad_left(text, width)) == width
    assert cells(fit(text, width)) <= width


@given(st.text(), st.integers(4, 40))
def test_no_folded_line_is_wider_than_asked(text, width):
    assert all(cells(line) <= width for line in wrap(text, width))


def test_wide_characters_are_counted_in_cells():
    assert cells("日本") == 4
    assert fit("日本語のスパン", 7) == "日本語…"


def test_wrapping_prefers_blanks_and_cuts_what_has_none():
    assert list(wrap("a table for four", 9)) == ["a table", "for four"]
    assert list(wrap("abcdefghij", 4)) == ["abcd", "efgh", "ij"]
    assert list(wrap("one\n\ntwo", 20)) == ["one", "", "two"]


def test_a_long_value_keeps_both_ends():
    assert middle("x" * 300 + "end", 40).endswith("end")
    assert len(middle("x" * 300, 40)) <= 40
    assert middle("short", 40) == "short"


def test_every_glyph_of_ours_has_an_ascii_stand_in_of_the_same_width():
    assert all(len(stand_in) == 1 and stand_in.isascii() for stand_in in ASCII.values())

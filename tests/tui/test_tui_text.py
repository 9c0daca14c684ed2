"""Text in cells: fitted, padded and folded to exactly the room there is."""

from hypothesis import given
from hypothesis import strategies as st

from tracedesk.tui.text import cells, fit, middle, pad, pad_left, wrap


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

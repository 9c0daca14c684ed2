"""Bars and ticks on a row of cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.tui.text import cells
from tracedesk.tui.view_models.time_axis import Axis, round_step

S = 1_000_000_000
AXIS = Axis(0, 8 * S)


@pytest.mark.parametrize(
    ("start", "end", "drawn"),
    [
        (0.0, 8.0, "████████"),
        (0.0, 2.0, "██"),
        (0.0, 1.25, "█▎"),
        (2.5, 4.0, "  ▐█"),
        (3.0, 3.5, "   ▌"),
        (3.0, 3.01, "   ╎"),
        (8.0, 8.0, "       ╎"),
        (6.0, None, "      ▒▒"),
        (5.0, 3.0, "     ╎"),
    ],
)
def test_bars(start, end, drawn):
    bar = AXIS.bar(round(start * S), None if end is None else round(end * S), 8)
    assert " " * bar.offset + bar.glyphs == drawn


def test_a_span_without_a_start_has_no_bar():
    assert AXIS.bar(None, 5, 8) is None


@given(
    st.integers(-(10**10), 10**11), st.integers(-(10**10), 10**11) | st.none(), st.integers(1, 200)
)
def test_no_bar_leaves_its_cells(start, end, width):
    bar = AXIS.bar(start, end, width)
    assert bar.glyphs
    assert bar.offset >= 0
    assert bar.offset + len(bar.glyphs) <= width


def test_ticks_stand_at_round_values():
    assert Axis(0, round(12.4 * S)).ticks(40) == "0               5s              10s     "


@given(st.integers(1, 10**16), st.integers(0, 200))
def test_ticks_fill_the_row_exactly(length, width):
    assert cells(Axis(0, length).ticks(width)) == width


@given(st.floats(1, 1e15))
def test_steps_are_one_two_five(at_least):
    step = round_step(at_least)
    assert step >= at_least
    minutes = step // 60_000_000_000
    assert str(step).rstrip("0") in ("1", "2", "5") or minutes * 60_000_000_000 == step

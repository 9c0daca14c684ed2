"""Alignment of two traces: by role, name and content, whatever was inserted, lost or swapped."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sides import make_side, side_of

from tracedesk.comparing.alignment import align, ascending
from tracedesk.comparing.comparison import Change, Comparison
from tracedesk.testing import make_span, make_trace

CALLS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3)).map(
        lambda call: f"{call[0]}{{q={call[1]}}}"
    ),
    max_size=14,
).map(" ".join)


def shape(left, right):
    """The comparison in one line: ``a=a b≠b c< >d`` for same, changed, only left, only right."""
    signs = {Change.SAME: "=", Change.CHANGED: "≠", Change.LEFT: "<", Change.RIGHT: ">"}
    comparison = Comparison(left, right)
    told = []
    for row in comparison.rows[1:]:
        here = "" if row.left is None else left.names[row.left]
        there = "" if row.right is None else right.names[row.right]
        told.append(f"{here}{signs.get(row.change, '~')}{there}")
    return " ".join(told)


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        pytest.param("a b c", "a b c", "a=a b=b c=c", id="the same"),
        pytest.param("a{q=1} b", "a{q=2} b", "a≠a b=b", id="another argument"),
        pytest.param("a b", "a x b", "a=a >x b=b", id="an inserted call"),
        pytest.param("a x b", "a b", "a=a x< b=b", id="a missing call"),
        pytest.param("a b", "a y{q=1}", "a=a b< >y", id="another call in its place"),
        pytest.param("a{q=1} a{q=2} b", "a{q=2} b", "a< a=a b=b", id="the right one of repeated"),
        pytest.param("a a a", "a a", "a=a a=a a<", id="one repetition less"),
        pytest.param("a{q=1} b{q=1}", "b{q=1} a{q=1}", "a~ b=b ~a", id="a swapped call"),
        pytest.param(
            'find{city="Graz",day="Monday"}', 'search{city="Graz",day="Monday"}', "find≠search",
            id="a renamed call with the same arguments",
        ),
        pytest.param("", "a", ">a", id="nothing on the left"),
    ],
)  # fmt: skip
def test_calls_are_found_again(side, left, right, told):
    assert shape(side(left), side(right)) == told


@given(CALLS)
def test_a_trace_is_the_same_as_itself(calls):
    comparison = Comparison(make_side(calls), make_side(calls))
    assert all(row.left == row.right is not None for row in comparison.rows)
    assert comparison.first is None


@given(CALLS, CALLS)
def test_both_sides_see_the_same(left, right):
    here, there = make_side(left), make_side(right)
    pairs = {(row.left, row.right) for row in Comparison(here, there).rows}
    back = {(row.right, row.left) for row in Comparison(there, here).rows}
    assert pairs == back


@given(CALLS, CALLS)
def test_every_call_stands_on_exactly_one_line_in_its_order(left, right):
    here, there = make_side(left), make_side(right)
    rows = Comparison(here, there).rows
    assert [row.left for row in rows if row.left is not None] == list(range(len(here)))
    assert [row.right for row in rows if row.right is not None] == list(range(len(there)))


@given(CALLS, st.integers(0, 14))
def test_an_inserted_call_leaves_all_others_in_place(calls, at):
    words = calls.split()
    inserted = [*words[:at], "stranger{q=9}", *words[at:]]
    comparison = Comparison(make_side(calls), make_side(" ".join(inserted)))
    alone = [row for row in comparison.rows if row.change is not Change.SAME]
    assert [row.change for row in alone] == [Change.RIGHT]


@given(st.lists(st.integers(0, 30), unique=True))
def test_the_longest_ascending_run_is_found(rights):
    found = ascending(list(enumerate(rights)))
    assert found == sorted(found, key=lambda pair: pair[1])
    longest = [1] * len(rights)
    for at, value in enumerate(rights):
        longest[at] += max((longest[b] for b in range(at) if rights[b] < value), default=0)
    assert len(found) == max(longest, default=0)


def long_trace(size, seed, drop=0):
    """Steps of five calls each; every one of them with content of its own."""
    chance = random.Random(seed)
    spans = [make_span("root", "agent", start_ms=0, end_ms=size)]
    above = "root"
    for number in range(size):
        if drop and chance.random() < drop:
            continue
        attributes = {} if number % 5 else {"input.value": f"question {number}"}
        name = f"step {number % 7}" if not number % 5 else "http GET"
        parent = "root" if not number % 5 else above
        spans.append(
            make_span(
                f"s{number}", name, parent, attributes=attributes, start_ms=number, end_ms=number
            )
        )
        if not number % 5:
            above = f"s{number}"
    return make_trace(*spans)


def test_long_traces_take_linear_time():
    took = []
    for size in (5_000, 20_000):
        left, right = side_of(long_trace(size, 1)), side_of(long_trace(size, 2, drop=0.01))
        began = time.process_time()
        comparison = Comparison(left, right)
        assert comparison.first is not None
        took.append(time.process_time() - began)
        same = comparison.counts()[Change.SAME] + comparison.counts()[Change.CHANGED]
        assert same > 0.9 * size
    assert took[1] < 12 * took[0] + 0.2


def test_what_no_key_divides_is_paired_by_name_and_place():
    keys = [["x"] * 3_000]
    other = [["x"] * 2_000]
    assert align(keys, other, lambda a, b: 1.0) == [(at, at) for at in range(2_000)]
    assert align([["x"] * 300], [["y"] * 300], lambda a, b: 1.0) == []

"""The line of traces: in order whatever order they come in, taken from either end."""

import random

import pytest

from tracedesk.evaluation import line as module
from tracedesk.evaluation.line import Line


def drawn(line: Line) -> list[int]:
    return list(iter(line.pop_last, None))


@pytest.mark.parametrize("few", [0, 1000])
def test_numbers_come_out_in_order_however_they_came(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW", few)
    numbers = list(range(300))
    random.Random(1).shuffle(numbers)
    line = Line()
    for number in numbers[:200]:
        line.add(number)
    assert list(line.from_last()) == sorted(numbers[:200], reverse=True)
    for number in numbers[200:]:
        line.add(number)
    assert list(line.first(3)) == [0, 1, 2]
    assert drawn(line) == list(range(299, -1, -1))
    assert drawn(line) == []


@pytest.mark.parametrize("few", [0, 1000])
def test_a_number_that_is_there_is_not_put_beside_itself(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW", few)
    line = Line()
    for number in (1, 5, 9, 5, 9, 1, 0):
        line.add(number)
    assert drawn(line) == [9, 5, 1, 0]


def test_of_the_far_end_some_are_kept() -> None:
    line = Line()
    for number in range(10):
        line.add(number)
    assert list(line.first(6)) == [0, 1, 2, 3, 4, 5]
    line.drop_first(4, [1, 3])
    assert list(line.first(3)) == [1, 3, 4]
    line.drop_first(3, [])
    line.add(2)  # it comes back, or became ready late
    line.add(10)
    assert drawn(line) == [10, 9, 8, 7, 6, 5, 2]


def test_both_ends_meet() -> None:
    line = Line()
    for number in range(1000):
        line.add(number)
    found: list[int] = []
    while some := list(line.first(7)):
        line.drop_first(len(some), [])
        found += some
        if (last := line.pop_last()) is not None:
            found.append(last)
    assert sorted(found) == list(range(1000))
    line.add(5)
    line.add(3)
    assert drawn(line) == [5, 3]
    line.add(1)
    line.clear()
    assert drawn(line) == []

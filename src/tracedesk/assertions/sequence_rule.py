"""Fitting expected steps to actual calls: the five modes of tool_sequence.

Every mode is solved with certain fits first, then once more with unknown ones: only that
makes missing. Sides are never swapped (assertion spec 7.1).
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tracedesk.assertions.arguments import UNKNOWN, YES, State
from tracedesk.assertions.call_names import Resolution
from tracedesk.assertions.call_spec import CallSpec
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Outcome
from tracedesk.query.assignment import UNPAIRED, pair
from tracedesk.query.names import NameTest

SEQUENCE_MODES: Final = ("in_order", "exact", "same_set", "contains", "only")
ORDERED_MODES: Final = frozenset({"in_order", "exact"})

Grid = list[bytearray]
"""State of each step (row) on each call (column)."""

_CERTAIN: Final = (YES,)
_POSSIBLE: Final = (YES, UNKNOWN)


class Fitting(msgspec.Struct, frozen=True):
    """How steps and calls came together."""

    outcome: Outcome
    calls: tuple[int, ...]
    """Per step the call it was given, or ``UNPAIRED``."""
    names_fit: bool
    """Whether it would hold if arguments did not matter."""


def grid_of(
    steps: Sequence[CallSpec],
    calls: Sequence[Call],
    resolve: Callable[[NameTest], Resolution],
    index: TraceIndex,
) -> tuple[Grid, Grid]:
    """States of name and arguments, and of the name alone, for each step and call."""
    full: Grid = []
    names: Grid = []
    place_of = index.places(calls)
    for step in steps:
        name_row = bytearray(len(calls))  # NO everywhere
        row = bytearray(len(calls)) if step.parts else name_row  # a bare name has no other state
        meant: Sequence[Call] = resolve(step.test).calls
        if step.call_status != "any":
            meant = [call for call in meant if step.counts(call)]
        for call in meant:
            place = place_of.get(id(call))
            if place is not None:
                name_row[place] = YES
                if step.parts:
                    row[place] = step.state(call, index)
        full.append(row)
        names.append(name_row)
    return full, names


def fit(mode: str, full: Grid, names: Grid, count: int) -> Fitting:
    """Solve one mode over ``count`` calls."""
    certain = _solve(mode, full, count, _CERTAIN)
    if _complete(mode, certain, count):
        return Fitting(PASS, tuple(certain), True)
    if any(UNKNOWN in row for row in full):
        possible = _solve(mode, full, count, _POSSIBLE)
        if _complete(mode, possible, count):
            return Fitting(MISSING, tuple(possible), True)
    by_name = names != full and _complete(mode, _solve(mode, names, count, _CERTAIN), count)
    return Fitting(FAIL, tuple(certain), by_name)


def _solve(mode: str, grid: Grid, count: int, good: tuple[State, ...]) -> list[int]:
    if mode == "exact":
        return [i if i < count and row[i] in good else UNPAIRED for i, row in enumerate(grid)]
    if mode == "in_order":
        return _subsequence(grid, count, good)
    return pair([_places(row, good) for row in grid], count)


def _places(row: bytearray, good: tuple[State, ...]) -> list[int]:
    """The calls that a step fits, in order."""
    found: list[int] = []
    for state in good:
        place = row.find(state)
        while place >= 0:
            found.append(place)
            place = row.find(state, place + 1)
    return sorted(found) if len(good) > 1 else found


def _subsequence(grid: Grid, count: int, good: tuple[State, ...]) -> list[int]:
    """Each step takes the earliest call that fits after the one before it: optimal here."""
    found: list[int] = []
    after = 0
    for row in grid:
        places = [place for state in good if (place := row.find(state, after)) >= 0]
        if not places:
            break
        place = min(places)
        found.append(place)
        after = place + 1
    return found + [UNPAIRED] * (len(grid) - len(found))


def _complete(mode: str, calls: Sequence[int], count: int) -> bool:
    """Whether an assignment is all that the mode asks for."""
    steps_done = UNPAIRED not in calls
    if mode in ("in_order", "contains"):
        return steps_done
    calls_done = len(calls) - calls.count(UNPAIRED) == count
    return calls_done if mode == "only" else steps_done and calls_done


def longest_common(full: Grid, count: int) -> int:
    """Length of the longest common subsequence of steps and calls, certain fits only."""
    before = [0] * (count + 1)
    for row in full:
        current = [0]
        for j in range(count):
            best = before[j] + 1 if row[j] == YES else max(before[j + 1], current[j])
            current.append(best)
        before = current
    return before[-1]


def align(
    steps: Sequence[CallSpec], calls: Sequence[Call], fitting: Fitting, names: Grid
) -> tuple[str, ...]:
    """Rows for people: ``=`` fits, ``~`` only the name fits, ``-`` not reached, ``+`` surplus."""
    step_of = {call: step for step, call in enumerate(fitting.calls) if call != UNPAIRED}
    loose = [step for step, call in enumerate(fitting.calls) if call == UNPAIRED]
    rows: list[tuple[float, str]] = []
    for place, call in enumerate(calls):
        if place in step_of:
            rows.append((place, f"= {call.label}"))
            continue
        near = next((step for step in loose if names[step][place] == YES), None)
        if near is None:
            rows.append((place, f"+ {call.label}"))
        else:
            loose.remove(near)
            rows.append((place, f"~ {call.label}"))
    last = -0.5
    for step, place in enumerate(fitting.calls):
        if place != UNPAIRED:
            last = place + 0.25
        elif step in loose:
            rows.append((last, f"- {steps[step].name}"))
    return tuple(text for _, text in sorted(rows, key=lambda row: row[0]))

"""The results of a case file before one of its edits, and those of today.

Both are of the present revision of each trace: what a trace was before it was replaced is no
older verdict on the same thing. The order is that in which executions were stored, whatever a
clock said; none of them is decoded.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tracedesk.evaluation.regressions import Edit
from tracedesk.evaluation.trends import Ids, Survey, survey_of
from tracedesk.model.execution import Execution
from tracedesk.model.shape import Shape
from tracedesk.store.shapes import IDS, Outline, Outlines

READ_AT_ONCE = 200
"""Traces read between two looks at whether anybody still waits."""


class _Results(NamedTuple):
    """Of an execution the results on cases of the file."""

    all: tuple[tuple[str, int], ...]
    """Case and number of its shape."""
    in_effect: tuple[tuple[str, int], ...]


class Sides:
    """Both sides of an edit, gathered trace by trace. ``counts``: whether a result is of a case
    that is still in effect."""

    def __init__(self, reader: Outlines, edit: Edit, counts: Callable[[Shape], bool]) -> None:
        self._reader = reader
        self._edit = edit
        self._counts = counts
        self._known: dict[bytes, _Results] = {}
        self._before: list[tuple[Execution, Ids]] = []
        self._after: list[tuple[Execution, Ids]] = []

    def gather(self, breathe: Callable[[], None]) -> tuple[Survey, Survey]:
        """Before and after. Raises StoreError, and what ``breathe`` raises."""
        traces = sorted(self._reader.newest(), reverse=True)
        for start in range(0, len(traces), READ_AT_ONCE):
            for outlines in self._reader.of(traces[start : start + READ_AT_ONCE]).values():
                breathe()
                self._take(outlines)
        shapes = self._reader.shapes
        return survey_of(self._before, shapes, breathe), survey_of(self._after, shapes, breathe)

    def _take(self, outlines: Sequence[Outline]) -> None:
        """The executions of one trace, newest first."""
        revision = max(execution.revision for execution, _ in outlines)
        listed = [
            (execution, self._results(ids))
            for execution, ids in outlines
            if execution.revision == revision
        ]
        older = [each for each in listed if each[0].number < self._edit.number]
        self._before += _newest((execution, found.all) for execution, found in older)
        self._after += _newest((execution, found.in_effect) for execution, found in listed)

    def _results(self, ids: bytes) -> _Results:
        found = self._known.get(ids)
        if found is None:
            shapes = ((number, self._reader.shapes[number]) for number in array(IDS, ids))
            of_file = [(n, shape) for n, shape in shapes if shape.file == self._edit.file]
            found = self._known[ids] = _Results(
                tuple((shape.case, n) for n, shape in of_file),
                tuple((shape.case, n) for n, shape in of_file if self._counts(shape)),
            )
        return found


def _newest(
    results: Iterable[tuple[Execution, tuple[tuple[str, int], ...]]],
) -> Iterable[tuple[Execution, Ids]]:
    """Of each case the first result."""
    told: set[str] = set()
    for execution, found in results:
        fresh = [number for case, number in found if case not in told]
        if fresh:
            told.update(case for case, _ in found)
            yield execution, fresh

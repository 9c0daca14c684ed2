"""The history of a store as surveys and comparisons.

Only cases that are in effect count: what a case that was deleted or paused once said is
history. A file that cannot be read takes no result away, since nobody knows its cases now.
"""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from tracedesk.evaluation.edited import Sides
from tracedesk.evaluation.newest import Newest
from tracedesk.evaluation.paired import compare_surveys
from tracedesk.evaluation.regressions import BY_TRACE, Comparison, Edit, Step, edits_in
from tracedesk.evaluation.trends import Failed, Ids, Survey, survey_of
from tracedesk.evaluation.windows import Result, Window, time_of
from tracedesk.model.execution import CaseRecord, Execution, ExecutionKind
from tracedesk.model.shape import Shape
from tracedesk.store.shapes import IDS

if TYPE_CHECKING:
    from tracedesk.query.filter import Filter
    from tracedesk.store.database import Store
    from tracedesk.testcases.models import CaseFile

SURVEYS_KEPT = 4
"""Surveys kept for going back and forth between windows."""

EDITS_READ = 50_000
"""Executions, the newest, in which edits of case files are looked for."""

Breathe = Callable[[], None]


class InEffect(msgspec.Struct, frozen=True):
    """The cases whose results count."""

    cases: frozenset[str]
    unreadable: frozenset[str]
    """Files that are broken as a whole."""

    def holds(self, record: CaseRecord | Shape) -> bool:
        """True when a result is of such a case."""
        return record.case in self.cases or record.file in self.unreadable


def in_effect(files: "Iterable[CaseFile]") -> InEffect:
    """The active cases of the loaded files."""
    listed = list(files)
    return InEffect(
        frozenset(case.id for file in listed for case in file.cases if case.active),
        frozenset(file.path for file in listed if file.failed or file.stale),
    )


class Gathered(msgspec.Struct, frozen=True):
    """A survey, and what is not in it."""

    survey: Survey
    gone: frozenset[str]
    """Ids of cases in the window that are not in effect any more."""
    newest_ns: int | None
    """When the newest evaluated trace happened, in the window or not; None without any."""


class Gatherer:
    """Surveys of one store, remembered until the store changes. Thread-safe."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._newest = Newest(store)
        self._kept: OrderedDict[tuple[object, ...], Gathered] = OrderedDict()
        self._lock = threading.Lock()

    def gather(self, window: Window, effect: InEffect, breathe: Breathe = lambda: None) -> Gathered:
        """The newest results in a window. Takes a second for a million of them the first time:
        call it from a worker, and raise in ``breathe`` to give up. Raises StoreError."""
        key = (self._store.revision(), window, effect)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        gathered = self._gather(window, effect, breathe)
        with self._lock:
            self._kept[key] = gathered
            while len(self._kept) > SURVEYS_KEPT:
                self._kept.popitem(last=False)
        return gathered

    def _gather(self, window: Window, effect: InEffect, breathe: Breathe) -> Gathered:
        outlines, shapes = self._newest.outlines(breathe)
        counting = {number for number, shape in shapes.items() if effect.holds(shape)}
        kept: dict[bytes, tuple[Ids, Ids]] = {}
        left_out: set[int] = set()
        newest_ns = max((time_of(execution) for execution, _ in outlines), default=None)

        def wanted() -> Iterator[tuple[Execution, Ids]]:
            for execution, told in outlines:
                if window.holds(execution):
                    if told not in kept:
                        ids = array(IDS, told)
                        kept[told] = _parted(ids, counting)
                    ids_in, ids_out = kept[told]
                    left_out.update(ids_out)
                    if ids_in:
                        yield execution, ids_in

        made = survey_of(wanted(), shapes, breathe)
        gone = frozenset(shapes[number].case for number in left_out)
        return Gathered(made, gone, newest_ns)

    def read(self, failed: Sequence[Failed]) -> list[Result]:
        """What some failed results said, as far as they are still kept. Raises StoreError."""
        wanted: dict[int, set[str]] = {}
        for execution, shape in failed:
            wanted.setdefault(execution.number, set()).add(shape.case)
        return list(self._store.history.records(wanted))

    def compare_windows(
        self, before: Window, after: Window, effect: InEffect, breathe: Breathe = lambda: None
    ) -> Comparison:
        """What flipped between two windows or versions, where both were asked the same. Raises
        StoreError."""
        earlier, later = (self.gather(each, effect, breathe).survey for each in (before, after))
        return compare_surveys(earlier, later, self._store.history.records, breathe)

    def edits(self, breathe: Breathe = lambda: None) -> list[Edit]:
        """When case files changed, first to last, as far back as the history is looked through.
        Raises StoreError."""
        history = self._store.history

        def steps() -> Iterator[Step]:
            for started_ns, number, kind, covers in history.told(EDITS_READ):
                breathe()
                yield Step(started_ns, number, kind == ExecutionKind.EDIT, covers)

        def named(number: int, cases: Sequence[str]) -> dict[str, tuple[str, str]]:
            found = history.records({number: set(cases)})
            return {record.case: (record.file, record.name) for _, record in found}

        return edits_in(steps(), named)

    def compare_edit(
        self, edit: Edit, effect: InEffect, breathe: Breathe = lambda: None
    ) -> Comparison:
        """What flipped since an edit of a case file, on the same traces. Raises StoreError."""
        history = self._store.history
        earlier, later = Sides(history.outlines(), edit, effect.holds).gather(breathe)
        return compare_surveys(earlier, later, history.records, breathe, pairing=BY_TRACE)


def _parted(ids: Ids, counting: set[int]) -> tuple[Ids, Ids]:
    """The shapes that count, and those that do not."""
    if counting.issuperset(ids):
        return ids, ()
    return tuple(n for n in ids if n in counting), tuple(n for n in ids if n not in counting)


def traces_of(store: "Store", where: "Filter") -> frozenset[str]:
    """Ids of the stored traces that fit a filter. Raises StoreError."""
    return frozenset(row.id for row in store.rows(where=where, limit=-1))

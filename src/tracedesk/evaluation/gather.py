"""The history of a store as surveys and comparisons.

Only cases that are in effect count: what a case that was deleted or paused once said is
history. A file that cannot be read takes no result away, since nobody knows its cases now.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from tracedesk.evaluation.regressions import (
    BY_INPUT,
    Comparison,
    Edit,
    Side,
    compare_edit,
    compare_sides,
    edits,
)
from tracedesk.evaluation.trends import Survey, survey
from tracedesk.evaluation.windows import Result, Window, time_of
from tracedesk.model.execution import Execution, ExecutionKind

if TYPE_CHECKING:
    from tracedesk.query.filter import Filter
    from tracedesk.store.database import Store
    from tracedesk.testcases.models import CaseFile

SURVEYS_KEPT = 4
"""Surveys kept for going back and forth between windows."""

EDITS_READ = 20_000
"""Executions after edits, the newest, in which edits of case files are looked for."""

Breathe = Callable[[], None]


class InEffect(msgspec.Struct, frozen=True):
    """The cases whose results count."""

    cases: frozenset[str]
    unreadable: frozenset[str]
    """Files that are broken as a whole."""

    def holds(self, result: Result) -> bool:
        """True when a result is of such a case."""
        record = result[1]
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
        self._kept: OrderedDict[tuple[object, ...], Gathered] = OrderedDict()
        self._lock = threading.Lock()

    def gather(self, window: Window, effect: InEffect, breathe: Breathe = lambda: None) -> Gathered:
        """The newest results in a window. Takes seconds for a million of them: call it from a
        worker, and raise in ``breathe`` to give up. Raises StoreError."""
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
        gone: set[str] = set()
        newest_ns: int | None = None

        def wanted() -> Iterator[Result]:
            nonlocal newest_ns
            seen: Execution | None = None
            inside = False
            for result in self._store.history.latest_results():
                execution, record = result
                if execution is not seen:
                    breathe()
                    seen = execution
                    inside = window.holds(execution)
                    at = time_of(execution)
                    newest_ns = at if newest_ns is None else max(newest_ns, at)
                if not inside:
                    continue
                if effect.holds(result):
                    yield result
                else:
                    gone.add(record.case)

        made = survey(wanted())
        return Gathered(made, frozenset(gone), newest_ns)

    def compare_windows(
        self, before: Window, after: Window, effect: InEffect, breathe: Breathe = lambda: None
    ) -> Comparison:
        """What flipped between two windows or versions, where both were asked the same. Raises
        StoreError."""
        sides = Side(BY_INPUT), Side(BY_INPUT)
        seen: Execution | None = None
        chosen: list[Side] = []
        for execution, record in self._store.history.latest_results():
            if execution is not seen:
                breathe()
                seen = execution
                windows = zip(sides, (before, after), strict=True)
                chosen = [side for side, window in windows if window.holds(execution)]
            if chosen and effect.holds((execution, record)):
                for side in chosen:
                    side.add(execution, record)
        return compare_sides(*sides)

    def edits(self, breathe: Breathe = lambda: None) -> list[Edit]:
        """When case files changed, oldest first, as far back as the history is looked through.
        Raises StoreError."""
        after_edits = self._store.history.executions(kind=ExecutionKind.EDIT, limit=EDITS_READ)
        return edits(_breathing(after_edits, breathe))

    def compare_edit(self, edit: Edit, breathe: Breathe = lambda: None) -> Comparison:
        """What flipped since an edit of a case file, on the same traces. Raises StoreError."""
        return compare_edit(_breathing(self._store.history.executions(limit=None), breathe), edit)


def _breathing(executions: Iterable[Execution], breathe: Breathe) -> Iterator[Execution]:
    for execution in executions:
        breathe()
        yield execution


def traces_of(store: "Store", where: "Filter") -> frozenset[str]:
    """Ids of the stored traces that fit a filter. Raises StoreError."""
    return frozenset(row.id for row in store.rows(where=where, limit=-1))

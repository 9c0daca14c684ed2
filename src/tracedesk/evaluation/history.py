"""Takes up after a restart what earlier executions say, so that not all is evaluated again.

A result is taken up only if it is the last word on its case, and the trace's revision, the case's
digest, the version of the program and the settings are those of then; the clock of date
expressions is part of the revision. Errors are never taken up, but those of a broken test case,
nor, where there is a judge, what it has not decided: another attempt may do better.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.memo import Known, Pair
from tracedesk.evaluation.plan import Plan
from tracedesk.evaluation.unsettled import Unsettled
from tracedesk.model.verdict import Outcome
from tracedesk.store.database import Store
from tracedesk.store.errors import DamagedError
from tracedesk.store.executions import Coverage, Facts
from tracedesk.store.packing import BriefCase
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.models import Case

log = logging.getLogger(__name__)

PAIRS_SHARED = 10_000
"""Different results remembered for sharing."""

_ORDER = tuple(Outcome)

_Told = tuple[frozenset[str], frozenset[str]]


class Recollection:
    """Used by the evaluator's thread only, while it first walks over the stored traces."""

    def __init__(
        self,
        store: Store,
        plan_of: Callable[[str], Plan],
        settings_of: Callable[[str], str],
        shared: Callable[[Plan, int, tuple[Pair, ...]], Known],
        unsettled: Unsettled,
        *,
        judge: bool = True,
    ) -> None:
        self._judge = judge
        """Somebody is there to decide what was not decided then."""
        self._store = store
        self._plan_of = plan_of
        self._settings_of = settings_of
        self._shared = shared
        self._unsettled = unsettled
        self._pairs: dict[tuple[object, ...], Pair] = {}
        self._parts: dict[tuple[int, frozenset[str]], tuple[Plan, Plan]] = {}
        self._fitting: dict[tuple[int, int], tuple[Coverage, Plan, _Told]] = {}
        self._broken: dict[int, tuple[Plan, dict[str, Case]]] = {}

    def of(self, rows: Sequence[TraceRow]) -> dict[str, Known]:
        """What is known of these traces, by id; of some perhaps not every case. Raises StoreError
        when the store cannot be read; a damaged execution only costs an evaluation."""
        by_number = {row.number: row for row in rows if self._plan_of(row.agent_id).cases}
        if not by_number:
            return {}
        try:
            facts = self._store.history.facts_of(by_number)
            wanted = self._wanted(facts, by_number)
            told = self._store.history.brief(
                {number for each in wanted.values() for number in each}
            )
        except DamagedError as fault:
            log.warning("some traces are evaluated again: %s", fault)
            return {}
        return {
            by_number[trace].id: known
            for trace, chosen in wanted.items()
            if (known := self._known(by_number[trace], chosen, told)) is not None
        }

    def _wanted(
        self, facts: Iterable[Facts], rows: dict[int, TraceRow]
    ) -> dict[int, dict[int, frozenset[str]]]:
        """By trace: the executions to read, and which of their cases still fit."""
        wanted: dict[int, dict[int, frozenset[str]]] = {}
        for number, group in groupby(facts, key=lambda each: each.trace):
            row = rows[number]
            plan, settings = self._plan_of(row.agent_id), self._settings_of(row.agent_id)
            told: frozenset[str] = frozenset()
            chosen = wanted[number] = {}
            for each in group:
                covered, fitting = self._fits(each.covers, plan)
                alike = each.settings == settings and each.engine == engine()
                if alike and (fresh := fitting - told):
                    chosen[each.number] = fresh
                told |= covered
        return wanted

    def _fits(self, covers: Coverage, plan: Plan) -> _Told:
        """The cases of an execution, and those that stand in the plan as they were then."""
        found = self._fitting.get((id(covers), id(plan)))
        if found is None:
            present = {(case.id, case.digest) for case in plan.cases}
            fitting = frozenset(case for case, digest in covers if (case, digest) in present)
            told = frozenset(case for case, _ in covers), fitting
            found = self._fitting[id(covers), id(plan)] = (covers, plan, told)
        return found[2]

    def _known(
        self,
        row: TraceRow,
        chosen: dict[int, frozenset[str]],
        told: dict[int, tuple[BriefCase, ...]],
    ) -> Known | None:
        pairs: dict[str, Pair] = {}
        whole = self._plan_of(row.agent_id)
        broken = self._broken_in(whole)
        for number, cases in chosen.items():
            for brief in told.get(number, ()):
                if brief.case not in cases:
                    continue
                pair = self._pair(brief, broken.get(brief.case))
                if pair is None:
                    self._unsettled.note(row.id, row.revision, brief)
                else:
                    pairs[brief.case] = pair
        if not pairs:
            return None
        plan = self._part(whole, frozenset(pairs))
        return self._shared(plan, row.revision, tuple(pairs[case.id] for case in plan.cases))

    def _part(self, plan: Plan, cases: frozenset[str]) -> Plan:
        """The plan, or as much of it as there are results for."""
        if len(cases) == len(plan.cases):
            return plan
        found = self._parts.get((id(plan), cases))
        if found is None:
            part = Plan(case for case in plan.cases if case.id in cases)
            found = self._parts[id(plan), cases] = (plan, part)
        return found[1]

    def _broken_in(self, plan: Plan) -> dict[str, Case]:
        """The cases of a plan with a load error, by id."""
        found = self._broken.get(id(plan))
        if found is None:
            cases = {case.id: case for case in plan.cases if _is_broken(case)}
            found = self._broken[id(plan)] = (plan, cases)
        return found[1]

    def _pair(self, brief: BriefCase, broken: Case | None) -> Pair | None:
        key = (
            brief.outcome,
            brief.score,
            *((check.target, check.outcome) for check in brief.checks),
        )
        found = self._pairs.get(key)
        if found is None and self._final(brief, broken):
            if len(self._pairs) >= PAIRS_SHARED:
                self._pairs.clear()
            outcomes = [check.outcome for check in brief.checks]
            counts = tuple(outcomes.count(outcome) for outcome in _ORDER)
            found = Pair(brief.outcome, brief.score, counts)
            if broken is None:
                self._pairs[key] = found
        return found

    def _final(self, brief: BriefCase, broken: Case | None) -> bool:
        """Whether evaluating once more could not come out otherwise. ``broken``: its case, when
        that has a load error, which is then the one error that was to be expected."""
        if broken is None and brief.outcome is Outcome.ERROR:
            return False
        checks = broken.checks if broken is not None else ()
        expected = {place for place, check in enumerate(checks) if check.problems}
        return not any(
            (check.outcome is Outcome.ERROR and place not in expected)
            or (self._judge and check.target == "semantic" and not check.outcome.decided)
            for place, check in enumerate(brief.checks)
        )


def _is_broken(case: Case) -> bool:
    return bool(case.problems) or any(check.problems for check in case.checks)

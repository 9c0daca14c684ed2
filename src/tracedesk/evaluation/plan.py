"""Which cases concern the traces of one agent, and what a change of files leaves valid.

A plan is immutable. Two plans are compared once, however many traces were evaluated by the
older one: that is what keeps "one case changed" cheap on ten thousand traces.
"""

from collections.abc import Iterable, Sequence

from tracedesk.assertions.known_names import forbidden_names
from tracedesk.evaluation.run import applies_to
from tracedesk.model.agent import Agent
from tracedesk.testcases.models import Case, CaseFile

CHANGED = -1
"""Stands for a case that an older plan does not hold in this form."""


class Plan:
    """The active cases for one agent, in file order."""

    __slots__ = ("_carried", "_edited", "cases", "forbids", "stale")

    def __init__(self, cases: Iterable[Case], stale: frozenset[str] = frozenset()) -> None:
        self.cases = tuple(cases)
        self.stale = stale
        """Ids of cases that are the last good ones of a broken file."""
        self.forbids = any(forbidden_names(a) for case in self.cases for a in case.assertions)
        """Some assertion wants a name not to be called."""
        self._carried: dict[int, tuple[Plan, tuple[int, ...]]] = {}
        self._edited: dict[int, tuple[Plan, tuple[tuple[int, int], ...]]] = {}

    def carried_from(self, older: "Plan") -> tuple[int, ...]:
        """For each case of this plan its index in an older one, or ``CHANGED``."""
        if older is self:
            return tuple(range(len(self.cases)))
        found = self._carried.get(id(older))
        if found is None or found[0] is not older:
            index = {(case.id, case.digest): i for i, case in enumerate(older.cases)}
            carried = tuple(index.get((case.id, case.digest), CHANGED) for case in self.cases)
            found = self._carried[id(older)] = (older, carried)
        return found[1]

    def edited_from(self, older: "Plan") -> tuple[tuple[int, int], ...]:
        """The cases that an older plan holds in another form: their indexes here and there."""
        found = self._edited.get(id(older))
        if found is None or found[0] is not older:
            index = {case.id: i for i, case in enumerate(older.cases)}
            edited = tuple(
                (here, index[case.id])
                for here, (case, at) in enumerate(
                    zip(self.cases, self.carried_from(older), strict=True)
                )
                if at == CHANGED and case.id in index
            )
            found = self._edited[id(older)] = (older, edited)
        return found[1]

    def forget_older(self) -> None:
        """Let go of the plans this one was compared with."""
        self._carried.clear()
        self._edited.clear()


def plan_for(agent: Agent | None, files: Sequence[CaseFile]) -> Plan:
    """The plan of one agent's traces."""
    cases = [
        case for file in files for case in file.cases if case.active and applies_to(case, agent)
    ]
    stale = {case.id for file in files if file.stale for case in file.cases}
    return Plan(cases, frozenset(stale))

"""Keeps advice about the loaded cases while traces come and go, for the evaluator's thread.

Names are noted as traces are evaluated; the advice itself is found again when there is
nothing more urgent, and no more often than every ``PAUSE_S``.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import nlargest
from operator import attrgetter

from tracedesk.evaluation.advice import WINDOW, Seen, advise
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.memo import Entry
from tracedesk.evaluation.plan import Plan
from tracedesk.model.agent import Agent
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.models import CaseFile, Diagnostic

PAUSE_S = 2.0
"""Advice is not urgent, and finding it walks over all traces."""


class Adviser:
    """Changed by one thread; ``advice`` is read by any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.advice: tuple[Diagnostic, ...] = ()
        self._clock = clock
        self._seen = Seen()
        self._stale = False
        self._next = 0.0

    def note(self, entry: Entry, loaded: Loaded, agent: Agent | None, plan: Plan) -> None:
        """Take notice of a trace that was just evaluated; its names matter only where some
        are forbidden, and finding them costs as much as a verdict."""
        self.count(entry, agent)
        if self.wants_names(entry, plan):
            self._seen.note(agent, loaded.trace, loaded.reading)
            entry.noted = entry.revision + 1

    def count(self, entry: Entry, agent: Agent | None) -> None:
        """Take notice that a trace is there."""
        self._stale = True
        self._seen.count(agent, first=not entry.noted)
        entry.noted = max(entry.noted, 1)

    @staticmethod
    def wants_names(entry: Entry, plan: Plan) -> bool:
        """Whether the names in a trace matter and are not known yet."""
        return plan.forbids and entry.noted <= entry.revision

    def files_changed(self) -> None:
        """The advice is about other cases now: find it again at the next chance."""
        self._stale = True
        self._next = 0.0

    def update(
        self,
        files: Sequence[CaseFile],
        entries: Collection[Entry],
        plan_of: Callable[[str], Plan],
    ) -> bool:
        """Find the advice again if it is time; whether it changed."""
        now = self._clock()
        if not self._stale or now < self._next:
            return False
        self._stale, self._next = False, now + PAUSE_S
        cases = [case for file in files for case in file.cases]
        recent = _recent(entries, plan_of)
        found = tuple(advise(cases, self._seen, lambda case: recent.get(case.id, ())))
        changed = found != self.advice
        self.advice = found
        return changed


def _recent(
    entries: Iterable[Entry], plan_of: Callable[[str], Plan]
) -> dict[str, Sequence[Outcome]]:
    """Outcomes by case id over the newest traces of each agent that are up to date."""
    by_agent: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.known is not None and entry.known.revision == entry.revision:
            by_agent[entry.agent_id].append(entry)
    found: dict[str, list[tuple[int, Outcome]]] = defaultdict(list)
    for agent_id, theirs in by_agent.items():
        plan = plan_of(agent_id)
        for entry in nlargest(WINDOW, theirs, key=attrgetter("number")):
            if entry.known is not None and entry.known.plan is plan:
                for case, pair in zip(plan.cases, entry.known.pairs, strict=True):
                    found[case.id].append((entry.number, pair.outcome))
    return {
        case_id: [outcome for _, outcome in nlargest(WINDOW, outcomes)]
        for case_id, outcomes in found.items()
    }

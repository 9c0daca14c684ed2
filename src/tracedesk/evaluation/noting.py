"""Notes the names in traces whose results were taken up from history, when there is time.

Nobody read those traces in this run; advice on names that were never seen waits for them.
"""

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice

from tracedesk.evaluation.adviser import Adviser
from tracedesk.evaluation.memo import Entry
from tracedesk.evaluation.standing import Standing
from tracedesk.evaluation.supply import Supply
from tracedesk.model.agent import Agent


class Noting:
    """Used by the evaluator's thread only."""

    def __init__(
        self,
        standing: Standing,
        supply: Supply,
        adviser: Adviser,
        agents: Callable[[], Mapping[str, Agent]],
    ) -> None:
        self._standing = standing
        self._supply = supply
        self._adviser = adviser
        self._agents = agents
        self._left: deque[Entry] = deque()

    def __bool__(self) -> bool:
        """Whether any are left."""
        return bool(self._left)

    def add(self, entry: Entry) -> None:
        self._left.append(entry)

    def work(self, going: Callable[[], bool]) -> bool:
        """Go on as long as ``going`` says so; whether all is done. Raises StoreError."""
        while self._left and going():
            entry = self._left[0]
            if entry.id in self._standing.entries:
                self._note(entry)
            self._left.popleft()
        return not self._left

    def _note(self, entry: Entry) -> None:
        plan, agent = self._standing.plan(entry.agent_id), self._agents().get(entry.agent_id)
        loaded = None
        if self._adviser.wants_names(entry, plan):
            loaded = self._supply.take(entry, lambda most: list(islice(self._left, 1, most + 1)))
        if loaded is None:
            self._adviser.count(entry, agent)
        else:
            self._adviser.note(entry, loaded, agent, plan)

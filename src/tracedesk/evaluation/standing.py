"""Every stored trace with what is known of it, and what of it is due.

Owned by the evaluator's thread; other threads read ``entries``, ``plan`` and ``counts`` only.
A trace is pending from the moment its newer revision or a changed case is heard of.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from sys import intern

from tracedesk.evaluation.memo import Entries, Entry, Known, Pair, Sharing, code_of
from tracedesk.evaluation.plan import CHANGED, Plan, plan_for
from tracedesk.evaluation.progress import Run
from tracedesk.evaluation.results import Counts, state_of
from tracedesk.evaluation.schedule import Schedule
from tracedesk.model.agent import Agent
from tracedesk.model.trace import Format
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.models import CaseFile

CONSIDERED = 2_000
"""Traces looked at in one turn: some ten milliseconds."""


class Standing:
    """``quiet_ns`` is how long an OTLP trace must not have grown before it is evaluated."""

    def __init__(
        self,
        agents: Callable[[], Mapping[str, Agent]],
        run: Run,
        quiet_ns: int,
        now_ns: Callable[[], int],
    ) -> None:
        self.entries = Entries()
        self.files: tuple[CaseFile, ...] = ()
        self.schedule = Schedule()
        self.counts = Counts()
        self.behind: Iterator[Entry] | None = None
        """Traces that were not looked at since other files apply; None when all were."""
        self._agents = agents
        self._run = run
        self._quiet_ns = quiet_ns
        self._now_ns = now_ns
        self._latest_ns = 0
        self._newest = 0
        self._plans: dict[str, Plan] = {}
        self._sharing = Sharing()

    def plan(self, agent_id: str) -> Plan:
        """The cases that concern an agent's traces, as the files are now."""
        plan = self._plans.get(agent_id)
        if plan is None:
            plan = plan_for(self._agents().get(agent_id), self.files)
            plan = self._plans.setdefault(agent_id, plan)
        return plan

    def apply(self, files: tuple[CaseFile, ...], first: Sequence[str], newest: int) -> None:
        """Go by these files, saved when ``newest`` was the highest number of a stored trace (0:
        there was none): what they leave valid is carried over, the rest is scheduled. The
        traces ``first`` at once, the others by ``go_on``: looking at each takes longer than
        finding the verdicts of those on screen."""
        older = self._plans
        self.files, self._plans, self._newest = files, {}, newest
        for plan in older.values():
            plan.forget_older()
        for trace_id in first:
            entry = self.entries.get(trace_id)
            if entry is not None:
                self.consider(entry)
        self.behind = iter(tuple(self.entries.values()))

    def go_on(self) -> bool:
        """Look at some more of the traces that were there when other files applied; whether any
        were left."""
        if self.behind is None:
            return False
        some = tuple(islice(self.behind, CONSIDERED))
        for entry in some:
            if self.entries.holds(entry):
                self.consider(entry)
        if len(some) < CONSIDERED:
            self.behind = None
        return True

    def consider_all(self) -> None:
        """Schedule everything that is due, also what was cancelled."""
        for entry in self.entries.values():
            self.consider(entry)

    def shared(self, plan: Plan, revision: int, pairs: tuple[Pair, ...]) -> Known:
        """Results as one object with all equal ones."""
        return self._sharing.known(plan, revision, pairs)

    def take_row(self, row: TraceRow, known: Known | None) -> None:
        """Hear of a new or changed trace; ``known`` is what was found of it earlier."""
        entry = self.entries.get(row.id)
        if entry is None:
            entry = Entry(
                code=code_of(row.id),
                agent_id=intern(row.agent_id),
                revision=row.revision,
                ready_ns=0,
                read_revision=0,
                known=known,
            )
            self.entries.add(entry)
            self._run.know(len(known.pairs) if known else 0)
        entry.revision, entry.read_revision = row.revision, row.read_revision
        entry.agent_id = intern(row.agent_id)
        if row.format == Format.OTLP:
            now_ns = self._now_ns()
            quiet_ns = min(row.updated_ns, now_ns) + self._quiet_ns
            entry.ready_ns = quiet_ns if quiet_ns > now_ns else 0
        self.consider(entry)

    def consider(self, entry: Entry) -> None:
        """Schedule an entry if anything of it is to be done, and count it."""
        plan = self.plan(entry.agent_id)
        due = self._due(entry, plan)
        known = entry.known
        if not due and known is not None and known.plan is not plan:
            carried = plan.carried_from(known.plan)
            pairs = tuple(known.pairs[index] for index in carried)
            self._run.know(len(pairs) - len(known.pairs))
            entry.known = self.shared(plan, known.revision, pairs)
        if due or entry.read_revision != entry.revision:
            self.schedule.add(entry)
            counted = 0 if entry.ready_ns else due
            self._run.expect(counted - entry.due)
            entry.due = counted
        self.count(entry, plan)

    def _due(self, entry: Entry, plan: Plan) -> int:
        """How many pairs of an entry have no valid result."""
        known = entry.known
        if known is None or known.revision != entry.revision:
            return len(plan.cases)
        return plan.carried_from(known.plan).count(CHANGED)

    def found(self, entry: Entry, plan: Plan, pairs: tuple[Pair, ...], evaluated: int) -> None:
        """An entry was brought up to date with a plan."""
        self.take_up(entry, self.shared(plan, entry.revision, pairs), evaluated)

    def take_up(self, entry: Entry, known: Known, evaluated: int) -> None:
        """``found``, of results that are ``shared`` already."""
        older, entry.known = entry.known, known
        self._run.know(len(known.pairs) - (len(older.pairs) if older else 0))
        self._run.did(evaluated, entry.due, saved=self._saved(entry, older))
        entry.due = 0

    def _saved(self, entry: Entry, older: Known | None) -> bool:
        """Whether an entry was due because of the present files, and not since it came later."""
        if older is None:
            return entry.number <= self._newest
        return older.revision == entry.revision

    def count(self, entry: Entry, plan: Plan) -> None:
        """Have the totals say what is shown of an entry."""
        state = state_of(entry, plan)
        if state != entry.shown:
            self.counts.move(entry.shown, state)
            entry.shown = state

    def forget(self, entry: Entry) -> None:
        """A trace was deleted."""
        self.schedule.discard(entry)
        self._run.expect(-entry.due)
        self._run.know(-len(entry.known.pairs) if entry.known else 0)
        self.counts.move(entry.shown, "")
        self.entries.discard(entry)

    def cancel(self) -> None:
        """Leave undone what is due now; it stays pending. Traces that are still growing keep
        their turn."""
        while self.behind is not None:  # what nobody looked at must not look done
            self.go_on()
        for entry in self.schedule.drop_ready(self._now_ns()):
            self._run.expect(-entry.due)
            entry.due = 0

    def heed_clock(self) -> None:
        """A clock that was set back must not keep anything waiting for longer than quiet takes."""
        now_ns = self._now_ns()
        if now_ns < self._latest_ns:
            self.schedule.hasten(now_ns + self._quiet_ns)
        self._latest_ns = now_ns


def preferred(opened: str | None, screen: Sequence[str]) -> tuple[str, ...]:
    """The open trace, then what is on screen."""
    return tuple(screen) if opened is None else (opened, *screen)

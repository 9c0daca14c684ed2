"""The background thread that keeps every verdict up to date.

It works at the granularity of (trace, case): only pairs whose trace revision or case content
changed are evaluated, the open trace first, then what is on screen, then the newest. Other
threads only read what it publishes. It never raises and never stops for what one trace,
one case or a busy database did.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from tracedesk.evaluation.adviser import Adviser
from tracedesk.evaluation.breath import Breath
from tracedesk.evaluation.memo import KEPT_VERDICTS, Entry, Full, Newest, Sharing
from tracedesk.evaluation.pairs import find_pairs
from tracedesk.evaluation.plan import CHANGED, Plan, plan_for
from tracedesk.evaluation.progress import Progress, Run
from tracedesk.evaluation.results import Counts, published, state_of, summary_of
from tracedesk.evaluation.run import TraceVerdicts
from tracedesk.evaluation.schedule import Schedule
from tracedesk.evaluation.supply import Supply
from tracedesk.model.agent import Agent
from tracedesk.model.trace import Format
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.rows import Summary, TraceRow
from tracedesk.testcases.models import CaseFile, Diagnostic

log = logging.getLogger(__name__)

POLL_S = 0.1
"""How often the store is asked whether anything changed; other processes write to it too."""

SLICE_S = 0.02
"""Work done before looking again at what is more urgent."""

CHUNK = 500
"""Rows taken from the store at once."""

FLOOD_ROWS = 200
"""As many new traces at once mean that senders need the processor more than we do."""

RETRY_S = 1.0
"""Pause after the database could not be read."""


class Evaluator:
    """Evaluates stored traces against case files for as long as it runs.

    ``agents`` maps agent ids to the configured agents; ``quiet_s`` is how long an OTLP trace
    must not have grown before it is evaluated; ``roles`` are the ``[reading.map]`` pairs.
    """

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        quiet_s: float = 2.0,
        *,
        roles: Sequence[tuple[str, str]] = (),
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._agents = agents
        self._quiet_ns = round(quiet_s * 1e9)
        self._now_ns = now_ns

        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._asked = False
        """Something was asked for that the running slice does not know of."""
        self._new_files: tuple[CaseFile, ...] | None = None
        self._asked_at = time.perf_counter()
        self._opened: str | None = None
        self._screen: tuple[str, ...] = ()
        self._settle_asked = self._settle_done = 0

        self._files: tuple[CaseFile, ...] = ()
        self._plans: dict[str, Plan] = {}
        self._entries: dict[str, Entry] = {}
        self._schedule = Schedule()
        self._supply = Supply(store, agents, roles)
        self._sharing = Sharing()
        self._full: Newest[Full] = Newest(KEPT_VERDICTS)
        self._counts = Counts()
        self._adviser = Adviser()
        self._summaries: list[Summary] = []
        self._sequence = 0
        self._store_revision = -1
        self._version = 0
        self._breathe = Breath().take
        self._run = Run()

    # -- for other threads -------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="tracedesk-evaluator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the pair at hand. May be called twice, or before ``start``."""
        with self._wake:
            self._stopping = True
            self._ask()
        if self._thread is not None:
            self._thread.join()

    def set_files(self, files: Sequence[CaseFile]) -> None:
        """Evaluate by these files from now on; only what changed in them runs again."""
        with self._wake:
            self._new_files = tuple(files)
            self._asked_at = time.perf_counter()
            self._ask()

    def open(self, trace_id: str | None) -> None:
        """Put one trace first in line and keep its evidence; None when none is open."""
        with self._wake:
            self._opened = trace_id
            self._ask()

    def on_screen(self, trace_ids: Sequence[str]) -> None:
        """Traces to evaluate right after the open one."""
        with self._wake:
            self._screen = tuple(trace_ids)
            self._ask()

    def results(self, trace_id: str) -> TraceVerdicts | None:
        """What is known of a trace; None before the evaluator has seen it."""
        entry = self._entries.get(trace_id)
        if entry is None:
            return None
        plan = self._plan(entry.agent_id)
        waiting = self._new_files is not None
        return published(entry, plan, self._full.get(trace_id), waiting=waiting)

    def totals(self) -> dict[str, int]:
        """Number of traces by outcome, ``pending``, and ``none`` where no case applies."""
        return self._counts.copy()

    def advice(self) -> tuple[Diagnostic, ...]:
        """What the stored traces say about the cases, by file and line; never a verdict."""
        return self._adviser.advice

    def progress(self) -> Progress:
        """How far the present run is and how long the last one took."""
        return self._run.progress

    def version(self) -> int:
        """Grows with every change of any result."""
        return self._version

    def settle(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything stored and loaded by now is evaluated; False after the timeout."""
        with self._wake:
            self._settle_asked += 1
            wanted = self._settle_asked
            self._ask()
            return self._wake.wait_for(
                lambda: self._settle_done >= wanted or self._stopping, timeout_s
            )

    def _ask(self) -> None:
        self._asked = True
        self._wake.notify_all()

    # -- the thread --------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping:
            try:
                self._turn()
            except StoreError as fault:
                if not self._stopping:
                    log.warning("evaluation waits for the database: %s", fault)
                    self._pause(RETRY_S)
            except Exception:
                log.exception("the evaluator met something unexpected and goes on")
                self._pause(RETRY_S)

    def _turn(self) -> None:
        """Look at what is new, work one slice, rest when there is nothing to do."""
        with self._wake:
            self._asked = False
            settling = self._settle_asked
        self._take_files()
        arrived = self._take_changes()
        self._schedule.prefer(self._preferred())
        worked = self._slice()
        self._write_back()
        if worked or arrived == CHUNK:
            if FLOOD_ROWS <= arrived < CHUNK:
                self._pause(SLICE_S)
            return
        self._run.finish()
        if not self._schedule:
            if self._adviser.update(self._files, self._entries.values(), self._plan):
                self._version += 1
            with self._wake:
                self._settle_done = settling
                self._wake.notify_all()
        self._pause(self._rest_s())

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._asked or self._stopping, seconds)

    def _rest_s(self) -> float:
        ready_ns = self._schedule.next_ready_ns()
        if ready_ns is None:
            return POLL_S
        return min(POLL_S, max(0.0, (ready_ns - self._now_ns()) / 1e9))

    # -- what is new -------------------------------------------------------------------

    def _take_files(self) -> None:
        """Apply new files: what they leave valid is carried over, the rest is scheduled."""
        files = self._new_files
        if files is None:
            return
        older = self._plans
        self._files, self._plans = files, {}
        for plan in older.values():
            plan.forget_older()
        self._run.begin(self._asked_at)
        self._adviser.files_changed()
        for entry in self._entries.values():
            self._consider(entry)
            self._breathe()
        with self._wake:
            if self._new_files is files:
                self._new_files = None
        self._version += 1

    def _take_changes(self) -> int:
        """Take one chunk of new and changed traces from the store; their number."""
        revision = self._store.revision()
        if revision == self._store_revision:
            return 0
        rows = self._store.changed_since(self._sequence, CHUNK)
        for row in rows:
            self._take_row(row)
            self._breathe()
        if len(rows) < CHUNK:
            self._store_revision = revision
        if not rows and self._store.count() != len(self._entries):
            self._forget_deleted()
        if rows:
            self._version += 1
        return len(rows)

    def _take_row(self, row: TraceRow) -> None:
        self._sequence = max(self._sequence, row.sequence)
        entry = self._entries.get(row.id)
        if entry is None:
            entry = self._entries[row.id] = Entry(
                id=row.id,
                number=row.number,
                agent_id=row.agent_id,
                revision=row.revision,
                ready_ns=0,
                read_revision=0,
            )
        entry.revision, entry.read_revision = row.revision, row.read_revision
        entry.agent_id = row.agent_id
        if row.format == Format.OTLP:
            now_ns = self._now_ns()
            quiet_ns = min(row.updated_ns, now_ns) + self._quiet_ns
            entry.ready_ns = quiet_ns if quiet_ns > now_ns else 0
        self._run.begin(time.perf_counter())
        self._consider(entry)

    def _consider(self, entry: Entry) -> None:
        """Schedule an entry if anything of it is to be done, and count it."""
        plan = self._plan(entry.agent_id)
        due = self._due(entry, plan)
        known = entry.known
        if not due and known is not None and known.plan is not plan:
            carried = plan.carried_from(known.plan)
            pairs = tuple(known.pairs[index] for index in carried)
            self._run.know(len(pairs) - len(known.pairs))
            entry.known = self._sharing.known(plan, known.revision, pairs)
        if due or entry.read_revision != entry.revision:
            self._schedule.add(entry)
            counted = 0 if entry.ready_ns else due
            self._run.expect(counted - entry.due)
            entry.due = counted
        self._count(entry, plan)

    def _due(self, entry: Entry, plan: Plan) -> int:
        """How many pairs of an entry have no valid result."""
        known = entry.known
        if known is None or known.revision != entry.revision:
            return len(plan.cases)
        return plan.carried_from(known.plan).count(CHANGED)

    def _preferred(self) -> tuple[str, ...]:
        """The open trace and the screen; evidence that was let go is found again for the first."""
        opened, screen = self._opened, self._screen
        wanted = screen if opened is None else (opened, *screen)
        self._full.pinned = frozenset(wanted)
        self._supply.pin(self._full.pinned)
        entry = None if opened is None else self._entries.get(opened)
        if entry is not None and self._lacks_evidence(entry):
            self._schedule.add(entry)
        return wanted

    def _lacks_evidence(self, entry: Entry) -> bool:
        cases, full = self._plan(entry.agent_id).cases, self._full.get(entry.id)
        return bool(cases) and not (full is not None and full.covers(entry.revision, cases))

    def _forget_deleted(self) -> None:
        stored = set(self._store.numbers())
        for entry in [entry for entry in self._entries.values() if entry.number not in stored]:
            self._forget(entry)
            self._breathe()

    def _forget(self, entry: Entry) -> None:
        self._schedule.discard(entry)
        self._run.expect(-entry.due)
        self._run.know(-len(entry.known.pairs) if entry.known else 0)
        self._counts.move(entry.shown, "")
        self._entries.pop(entry.id, None)
        self._full.drop(entry.id)
        self._supply.forget(entry.id)
        self._version += 1

    def _plan(self, agent_id: str) -> Plan:
        plan = self._plans.get(agent_id)
        if plan is None:
            plan = plan_for(self._agents().get(agent_id), self._files)
            plan = self._plans.setdefault(agent_id, plan)
        return plan

    # -- work --------------------------------------------------------------------------

    def _slice(self) -> bool:
        """Evaluate for ``SLICE_S`` at most; whether there was anything."""
        end = time.perf_counter() + SLICE_S
        worked = False
        while time.perf_counter() < end and not self._asked:
            entry = self._schedule.take(self._now_ns())
            if entry is None:
                break
            worked = True
            try:
                self._evaluate(entry)
            except StoreError:
                self._schedule.add(entry)
                raise
        return worked

    def _evaluate(self, entry: Entry) -> None:
        plan = self._plan(entry.agent_id)
        loaded = self._supply.take(entry, self._schedule.following)
        if loaded is None:
            self._forget(entry)
            return
        entry.revision = loaded.row.revision
        found = find_pairs(
            plan,
            loaded,
            self._agents().get(entry.agent_id),
            entry.known,
            self._full.get(entry.id),
            with_evidence=entry.id == self._opened,
            breathe=self._breathe,
        )
        self._run.know(len(found.pairs) - (len(entry.known.pairs) if entry.known else 0))
        entry.known = self._sharing.known(plan, entry.revision, found.pairs)
        if plan.cases:
            self._adviser.note(entry, loaded, self._agents().get(entry.agent_id), plan)
        verdicts = sum(len(verdict.verdicts) for _, verdict in found.full.cases.values())
        self._full.put(entry.id, entry.number, found.full, 1 + verdicts)
        self._run.did(found.evaluated, entry.due)
        entry.due = 0
        if entry.read_revision != entry.revision:
            self._summaries.append(summary_of(loaded))
            entry.read_revision = entry.revision
        self._count(entry, plan)
        self._version += 1
        self._breathe()

    def _count(self, entry: Entry, plan: Plan) -> None:
        state = state_of(entry, plan)
        if state != entry.shown:
            self._counts.move(entry.shown, state)
            entry.shown = state

    def _write_back(self) -> None:
        """Have the store keep what the list shows of the readings of this slice."""
        summaries, self._summaries = self._summaries, []
        if summaries and not self._store.read_only:
            self._store.writer.summaries(summaries)

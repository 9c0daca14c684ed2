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

from tracedesk.assertions import Settings
from tracedesk.evaluation.adviser import Adviser
from tracedesk.evaluation.arrivals import CHUNK, Arrivals
from tracedesk.evaluation.assistant import Assistant, Assisted
from tracedesk.evaluation.awaited import Awaited
from tracedesk.evaluation.flips import Edit, Flips
from tracedesk.evaluation.history import Recollection
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.memo import KEPT_VERDICTS, Entry, Full, Newest
from tracedesk.evaluation.noting import Noting
from tracedesk.evaluation.orders import Orders
from tracedesk.evaluation.pairs import Found, find_pairs
from tracedesk.evaluation.plan import Plan
from tracedesk.evaluation.progress import Progress, Run
from tracedesk.evaluation.recorder import ran, settings_key
from tracedesk.evaluation.replay import replayed
from tracedesk.evaluation.results import lacks_evidence, published, summary_of
from tracedesk.evaluation.run import DEFAULT_SETTINGS, TraceVerdicts
from tracedesk.evaluation.showing import Showing
from tracedesk.evaluation.standing import Standing, preferred
from tracedesk.evaluation.supply import Supply
from tracedesk.evaluation.unsettled import Unsettled
from tracedesk.evaluation.upkeep import Upkeep
from tracedesk.model.agent import Agent
from tracedesk.model.execution import ExecutionKind
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.testcases.models import Diagnostic

log = logging.getLogger(__name__)

POLL_S = 0.1
"""How often the store is asked whether anything changed; other processes write to it too."""

SLICE_S = 0.02
"""Work done before looking again at what is more urgent."""

FLOOD_ROWS = 200
"""As many new traces at once mean that senders need the processor more than we do."""

RETRY_S = 1.0
"""Pause after the database could not be read."""


class _Halted(Exception):  # noqa: N818
    """The trace at hand is left for later: evaluation was paused, cancelled or ended."""


class Evaluator(Orders):
    """Evaluates stored traces against case files for as long as it runs.

    ``agents`` maps agent ids to the configured agents; ``quiet_s`` is how long an OTLP trace
    must not have grown before it is evaluated; ``roles`` are the ``[reading.map]`` pairs.
    With ``record`` the store keeps what was evaluated as executions; of several desks over one
    store only one should. ``base`` holds the judge and whatever else all agents have in common.
    ``assisted``: a second process may help, which opens the same file by its path.
    ``showing`` is whoever shows the open trace now.
    """

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        quiet_s: float = 2.0,
        *,
        roles: Sequence[tuple[str, str]] = (),
        record: bool = False,
        base: Settings = DEFAULT_SETTINGS,
        now_ns: Callable[[], int] = time.time_ns,
        assisted: bool = False,
        showing: Callable[[], Showing | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._store = store
        self._agents = agents
        self._roles = tuple(roles)
        self._base = base
        self._awaited = Awaited(base.judge)
        self._now_ns = now_ns
        self._showing = showing

        self._run = Run()
        self._standing = Standing(agents, self._run, round(quiet_s * 1e9), now_ns)
        self._supply = Supply(store, agents, roles)
        self._full: Newest[Full] = Newest(KEPT_VERDICTS)
        self._adviser = Adviser()
        self._flips = Flips()
        self._upkeep = Upkeep(store, self._come_back, record=record)
        self._flooded = False
        self._noting = Noting(self._standing, self._supply, self._adviser, agents)
        self._unsettled = Unsettled()
        recollection = Recollection(
            store,
            self._standing.plan,
            self._settings,
            self._standing.shared,
            self._unsettled,
            judge=base.judge is not None,
        )
        self._arrivals = Arrivals(store, self._standing, self._noting, recollection, self._forget)
        self._assistant = Assistant(
            store.path if assisted else None, self._standing, agents, roles, base, self._come_back
        )
        self._thread: threading.Thread | None = None
        self._version = 0

    # -- for other threads -------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._work, name="tracedesk-evaluator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the pair at hand, and keep what it found. May be called twice, or
        before ``start``."""
        self._end()
        if self._thread is not None:
            self._thread.join()

    def results(self, trace_id: str) -> TraceVerdicts | None:
        """What is known of a trace; None before the evaluator has seen it."""
        entry = self._standing.entries.get(trace_id)
        if entry is None:
            return None
        plan = self._standing.plan(entry.agent_id)
        waiting = self._new_files is not None
        return published(entry, plan, self._full.get(trace_id), waiting=waiting)

    def last_edit(self) -> Edit | None:
        """What the last edit of case files turned over so far; None before the first edit."""
        return self._flips.edit

    def totals(self) -> dict[str, int]:
        """Number of traces by outcome, ``pending``, and ``none`` where no case applies."""
        return self._standing.counts.copy()

    def advice(self) -> tuple[Diagnostic, ...]:
        """What the stored traces say about the cases, by file and line; never a verdict."""
        return self._adviser.advice

    def progress(self) -> Progress:
        """How far the present run is and how long the last one took."""
        return self._run.progress

    def version(self) -> int:
        """Grows with every change of any result."""
        return self._version

    # -- the thread --------------------------------------------------------------------

    def _work(self) -> None:
        trouble = ""
        while not self._stopping:
            try:
                self._run.tell(paused=self._paused, trouble=trouble)
                self._turn()
                trouble = ""
            except StoreError as fault:
                if not self._stopping:
                    if str(fault) != trouble:
                        log.warning("evaluation waits for the database: %s", fault)
                    trouble = str(fault)
                    self._run.tell(paused=self._paused, trouble=trouble)
                    self._pause(RETRY_S)
            except Exception:
                log.exception("the evaluator met something unexpected and goes on")
                self._pause(RETRY_S)
        self._assistant.close()
        self._upkeep.finish()

    def _turn(self) -> None:
        """Look at what is new, work one slice, rest when there is nothing to do."""
        settling = self._begin_turn()
        self._take_files()
        self._take_orders()
        self._take_answers()
        arrived = self._arrivals.take()
        self._flooded = FLOOD_ROWS <= arrived < CHUNK
        if arrived:
            self._version += 1
        self._replay()
        self._standing.schedule.prefer(self._preferred())
        self._assist()
        worked = not self._paused and self._slice()
        looked = self._standing.go_on()
        self._upkeep.readings(self._supply.new_readings())
        self._upkeep.write(busy=worked or self._flooded)
        if worked or looked or arrived == CHUNK:
            if self._flooded:
                self._pause(SLICE_S)
            return
        if not self._paused:
            self._rest(settling)
        self._pause(self._rest_s())

    def _rest(self, settling: int) -> None:
        """Nothing is due: say so, and do what was put off."""
        self._assistant.take_back()
        if not self._assistant.busy:
            self._run.finish()
        end = time.perf_counter() + SLICE_S
        noted = self._noting.work(lambda: time.perf_counter() < end and not self._asked)
        if self._standing.schedule or self._assistant.busy:
            return
        if noted and self._adviser.update(
            self._standing.files, self._standing.entries.values(), self._standing.plan
        ):
            self._version += 1
        self._settled(settling, recorded=noted and self._upkeep.idle)

    def _rest_s(self) -> float:
        if self._noting:
            return 0.0
        if not self._upkeep.idle:
            return SLICE_S / 4
        if self._paused:
            return POLL_S
        return min(POLL_S, self._standing.schedule.rest_s(self._now_ns()))

    # -- what is new -------------------------------------------------------------------

    def _take_files(self) -> None:
        files = self._new_files
        if files is None:
            return
        newest = max((row.number for row in self._store.rows(limit=1)), default=0)
        self._run.save(self._asked_at)
        self._flips.begin(self._standing.files, files)
        self._standing.apply(files, preferred(self._opened, self._screen), newest)
        self._adviser.files_changed()
        self._took_files(files)
        self._version += 1
        opened = None if self._opened is None else self._standing.entries.get(self._opened)
        if opened is not None and not opened.due:  # else once it is evaluated
            self._show(opened.id)

    def _take_orders(self) -> None:
        """Heed the clock, what was cancelled or resumed, and what is coming."""
        self._standing.heed_clock()
        if self._save_expected:
            self._save_expected = False
            self._assistant.stand_by()
        cancelled, resumed = self._take_cancelled()
        if cancelled:
            self._standing.cancel()
        elif resumed:
            self._standing.consider_all()
        self._run.tell(paused=self._paused, trouble="")

    def _take_answers(self) -> None:
        """Have what waited for an answer of the judge evaluated once more."""
        for trace_id in self._awaited.answered():
            entry = self._standing.entries.get(trace_id)
            if entry is not None:
                self._standing.schedule.add(entry)

    def _preferred(self) -> tuple[str, ...]:
        """The open trace and the screen; evidence that was let go is found again for the first."""
        opened = self._opened
        wanted = preferred(opened, self._screen)
        self._full.prefer(wanted, opened)
        self._supply.prefer(wanted, opened)
        entry = None if opened is None else self._standing.entries.get(opened)
        if entry is not None:
            plan, full = self._standing.plan(entry.agent_id), self._full.get(entry.id)
            if lacks_evidence(entry, plan, full):
                self._standing.schedule.add(entry)
        return wanted

    def _forget(self, entry: Entry) -> None:
        self._standing.forget(entry)
        self._full.drop(entry.id)
        self._supply.forget(entry.id)
        self._version += 1

    # -- work --------------------------------------------------------------------------

    def _slice(self) -> bool:
        """Evaluate for ``SLICE_S`` at most; whether there was anything."""
        end = time.perf_counter() + SLICE_S
        worked = False
        while time.perf_counter() < end and not self._asked:
            entry = self._standing.schedule.take(self._now_ns())
            if entry is None:
                break
            worked = True
            try:
                self._evaluate(entry)
            except StoreError:
                self._standing.schedule.add(entry)
                raise
            except _Halted:
                self._standing.schedule.add(entry)
        return worked

    def _between(self) -> None:
        """Called between two pairs."""
        if self._stopping or self._paused or self._cancelled:
            raise _Halted

    def _evaluate(self, entry: Entry) -> None:
        plan, agent = self._standing.plan(entry.agent_id), self._agents().get(entry.agent_id)
        started_ns = self._now_ns()
        judged = self._judge(entry, plan, agent) or self._judge(entry, plan, agent, anew=True)
        if judged is None:
            self._forget(entry)
            return
        loaded, found = judged
        trace_id = loaded.row.id
        fresh = entry.known is None or entry.known.revision != entry.revision
        awaited = entry.known is not None and any(pair.awaited for pair in entry.known.pairs)
        self._awaited.note(trace_id, (verdict for _, verdict in found.full.cases.values()))
        news, again = self._unsettled.heed(trace_id, entry.revision, found.new)
        if news and self._upkeep.records:
            self._upkeep.execution(
                ran(
                    loaded,
                    ExecutionKind.PASSIVE if fresh or awaited or again else ExecutionKind.EDIT,
                    news,
                    started_ns=started_ns,
                    ended_ns=self._now_ns(),
                    settings=self._settings(entry.agent_id),
                )
            )
        older = None if fresh else entry.known
        self._standing.found(entry, plan, found.pairs, found.evaluated)
        self._flips.note(entry, older)
        if plan.cases:
            self._adviser.note(entry, loaded, agent, plan)
        if found.full.cases and self._full.wants(trace_id, entry.number):
            self._full.put(trace_id, entry.number, found.full, found.full.weight)
        if entry.read_revision != entry.revision:
            self._upkeep.summary(summary_of(loaded))
            entry.read_revision = entry.revision
        self._standing.count(entry, plan)
        self._version += 1
        if trace_id == self._opened:
            self._show(trace_id)

    def _judge(
        self, entry: Entry, plan: Plan, agent: Agent | None, *, anew: bool = False
    ) -> tuple[Loaded, Found] | None:
        """A trace and what the cases say of it; None when it is gone, or not ``anew`` and what
        was kept of it does not do."""
        loaded = self._supply.take(
            entry,
            self._standing.schedule.following,
            anew=anew,
            keep=bool(plan.cases) and self._upkeep.records and not self._flooded,
        )
        if loaded is None:
            return None
        entry.revision = loaded.row.revision
        found = find_pairs(
            plan,
            loaded,
            agent,
            entry.known,
            self._full.get(loaded.row.id),
            with_evidence=loaded.row.id == self._opened,
            between=self._between,
            base=self._base,
        )
        return None if loaded.void else (loaded, found)

    def _show(self, opened: str) -> None:
        """Have newer results of the open trace painted before all else goes on."""
        showing = self._showing()
        if showing is not None:
            showing.tell(opened)

    def _assist(self) -> None:
        """Give the assistant its share, and take what it found."""
        for job in self._assistant.take():
            for found in job:
                self._take_up(found)
            self._upkeep.readings([found.reading for found in job if found.reading is not None])
            self._version += 1
        if not self._paused:
            self._assistant.give(self._settings, self._now_ns())

    def _take_up(self, found: Assisted) -> None:
        entry = found.entry
        self._standing.take_up(entry, found.known, found.evaluated)
        self._flips.note(entry, found.older)
        self._adviser.count(entry, self._agents().get(entry.agent_id))
        self._upkeep.execution(found.execution)
        self._standing.count(entry, found.known.plan)

    def _settings(self, agent_id: str) -> str:
        return settings_key(self._agents().get(agent_id), self._roles, self._base)

    def _replay(self) -> None:
        """Run what somebody asked for by name, even while paused."""
        while self._replays:
            replay = self._replays.popleft()
            found = replayed(
                replay,
                self._store,
                self._agents(),
                self._roles,
                [case for file in self._standing.files for case in file.cases],
                self._now_ns,
                self._base,
            )
            if found is not None:
                self._upkeep.execution(found)

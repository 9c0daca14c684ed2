"""A second process that takes part of the work when a saved file concerns very many traces.

Python runs one thread at a time: ten thousand traces would keep one core busy and the others
idle, and the screen would share that one core. The assistant is given traces from the far end
of the line, those that are looked at last. What it finds is what the evaluator would have
found; what it cannot do, or left undone when it ended, goes back into the line.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tracedesk.assertions import Settings
from tracedesk.evaluation.assisting import Asked, Beginning, Done, Job
from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.memo import Entry, Known, Pair
from tracedesk.evaluation.plan import CHANGED, Plan
from tracedesk.evaluation.standing import Standing
from tracedesk.evaluation.talk import Talk
from tracedesk.model.agent import Agent
from tracedesk.store.readings import KeptReading
from tracedesk.testcases.models import Case, CaseFile

log = logging.getLogger(__name__)

AT_LEAST = 1_000
"""Traces in the line from which a second process pays: it takes a third of a second to start."""

JOB = 64
"""Traces of one job. Towards the end of a run jobs are down to a quarter of that, so that neither
process waits for the other for long."""

JOBS = 3
"""Jobs that are given at once."""

IDLE_S = 30.0
"""How long it stays without work; it takes some 60 to 95 MB."""

STALLED_S = 0.1
"""When nothing came back for so long, the evaluator takes on itself what it would wait for."""

RESTART_S = 60.0
"""Rest before another is started after one that ended by itself."""


class Assisted(NamedTuple):
    """One trace as the assistant left it."""

    entry: Entry
    older: Known
    known: Known
    """Its results by the plan of the job; to be had by ``Standing.take_up``."""
    evaluated: int
    """How many pairs are new."""
    execution: msgspec.Raw
    """``Packed``."""
    reading: KeptReading | None


class _Given(msgspec.Struct, frozen=True, eq=False):
    """A job that is under way."""

    plan: Plan
    older: Plan
    traces: list[tuple[Entry, Known] | None]
    """None: it came back."""


class Assistant:
    """Used by the evaluator's thread only. ``wake`` is called by another one whenever something
    came back. Without a ``database`` there never is a second process."""

    def __init__(
        self,
        database: Path | None,
        standing: Standing,
        agents: Callable[[], Mapping[str, Agent]],
        roles: Sequence[tuple[str, str]],
        base: Settings,
        wake: Callable[[], None],
    ) -> None:
        self._database = database if sys.executable and spare_cores() > 0 else None
        self._standing = standing
        self._agents = agents
        self._roles = tuple(roles)
        self._base = base
        self._wake = wake
        self._process: _Process | None = None
        self._not_before = self._used = 0.0
        self._awaited_since = 0.0
        self._number = 0
        self._given: dict[int, _Given] = {}

    @property
    def busy(self) -> bool:
        """Something was given and has not come back."""
        return bool(self._given)

    @property
    def _stalled(self) -> bool:
        return self.busy and time.monotonic() > self._awaited_since + STALLED_S

    def stand_by(self) -> None:
        """Be ready for a save that may come soon, if very many traces are stored."""
        now = time.monotonic()
        if self._database is None or now < self._not_before:
            return
        if len(self._standing.entries) >= AT_LEAST:
            self._begin()
            self._used = now

    def give(self, settings_of: Callable[[str], str], now_ns: int) -> None:
        """Give it what it can do of a long line, from the far end. ``settings_of`` is the key of
        an agent's settings in executions."""
        now, left = time.monotonic(), len(self._standing.schedule)
        if self._database is None or now < self._not_before or self._stalled:
            return
        if not self.busy and left < (2 * JOB if self._process else AT_LEAST):
            if self._process is not None and now > self._used + IDLE_S:
                self.close()
            return
        while len(self._given) < JOBS and left >= JOB // 2:
            size = max(JOB // 4, min(JOB, left // 8))
            job = self._next_job(size, settings_of, now_ns)
            if job is None:
                return
            self._send(job)
            left = len(self._standing.schedule)

    def take(self) -> Iterator[list[Assisted]]:
        """What came back since, a job at a time. Traces that did not, or were overtaken by a newer
        revision or other files, are back in the line."""
        process = self._process
        if process is None:
            return
        while process.done:
            done = process.done.popleft()
            self._used = self._awaited_since = time.monotonic()
            given = self._given.pop(done.number, None)
            if given is not None:
                yield self._assisted(given, done)
                self._back(given)
        if process.ended and not process.done:
            log.warning("the second process for evaluation ended; going on without it")
            self.close()
            self._not_before = time.monotonic() + RESTART_S

    def take_back(self) -> None:
        """Nothing is left in the line. When it has not been heard of for a while, what it was given
        last, and will hardly have begun, goes back there; should it be done, nobody asks."""
        if self._stalled:
            self._back(self._given.pop(max(self._given)))

    def close(self) -> None:
        """End the process; what it still had goes back into the line."""
        if self._process is not None:
            self._process.close()
            self._process = None
        given, self._given = self._given, {}
        for each in given.values():
            self._back(each)

    def _assisted(self, given: _Given, done: Done) -> list[Assisted]:
        """What is not of the past of a job."""
        wholes: dict[tuple[int, int], Known] = {}
        found = []
        for judged in done.judged:
            trace = given.traces[judged.trace]
            if trace is None or not self._current(given.plan, *trace):
                continue
            given.traces[judged.trace] = None
            entry, older = trace
            key = (id(older), judged.pairs)
            known = wholes.get(key)
            if known is None:
                known = wholes[key] = self._whole(given, older, done.pairs[judged.pairs])
            evaluated = len(done.pairs[judged.pairs])
            found.append(
                Assisted(entry, older, known, evaluated, judged.execution.copy(), judged.reading)
            )
        return found

    def _current(self, plan: Plan, entry: Entry, known: Known) -> bool:
        return (
            entry.known is known
            and entry.revision == known.revision
            and self._standing.entries.holds(entry)
            and self._standing.plan(entry.agent_id) is plan
        )

    def _whole(self, given: _Given, older: Known, new: tuple[Pair, ...]) -> Known:
        """The results by the whole plan."""
        fresh = iter(new)
        pairs = tuple(
            next(fresh) if at == CHANGED else older.pairs[at]
            for at in given.plan.carried_from(given.older)
        )
        return self._standing.shared(given.plan, older.revision, pairs)

    def _back(self, given: _Given) -> None:
        """Into the line with what is still due."""
        for trace in given.traces:
            if trace is not None and self._standing.entries.holds(trace[0]):
                self._standing.consider(trace[0])

    # -- giving ------------------------------------------------------------------------

    def _next_job(self, size: int, settings_of: Callable[[str], str], now_ns: int) -> Job | None:
        """The next traces for which the same cases changed, at most so many; out of the line with
        them."""
        shape: tuple[Plan, Plan] | None = None

        def fits(entry: Entry) -> bool:
            nonlocal shape
            known, plan = entry.known, self._standing.plan(entry.agent_id)
            if known is None or not _only_cases_changed(entry, known, plan):
                return False
            if shape is None and self._can(_changed(plan, known.plan)):
                shape = (plan, known.plan)
            return shape is not None and shape[0] is plan and shape[1] is known.plan

        entries = self._standing.schedule.take_last(size, fits, now_ns)
        if not entries or shape is None:
            return None
        plan, older = shape
        cases = _changed(plan, older)
        self._number += 1
        self._given[self._number] = _Given(
            plan, older, [None if e.known is None else (e, e.known) for e in entries]
        )
        agent_id = entries[0].agent_id
        return Job(
            number=self._number,
            agent_id=agent_id,
            agent=self._agents().get(agent_id),
            settings=settings_of(agent_id),
            files=tuple((file.path, file.text) for file in self._files_of(cases)),
            cases=tuple((case.id, case.digest) for case in cases),
            traces=tuple(Asked(entry.code.to_bytes(16), entry.revision) for entry in entries),
        )

    def _files_of(self, cases: Sequence[Case]) -> list[CaseFile]:
        names = {case.file for case in cases}
        return [file for file in self._standing.files if file.path in names]

    def _can(self, cases: Sequence[Case]) -> bool:
        """Whether the text of their files tells it everything about the cases. A judge stays
        with the evaluator, which alone keeps to its budget."""
        files = self._files_of(cases)
        asks = self._base.judge is not None and any("semantic" in file.text for file in files)
        return bool(cases) and not asks and not any(file.inputs or file.stale for file in files)

    def _send(self, job: Job) -> None:
        self._used = time.monotonic()
        if len(self._given) == 1:  # there was none before
            self._awaited_since = self._used
        self._begin().send(msgspec.msgpack.encode(job))

    def _begin(self) -> "_Process":
        """The process, begun unless it is there."""
        if self._process is None:
            beginning = Beginning(
                engine=engine(),
                database=str(self._database),
                roles=self._roles,
                regex_timeout_s=self._base.regex_timeout_s,
                prices=self._base.prices,
                identity=self._base.identity,
                cautions_as_missing=self._base.cautions_as_missing,
            )
            self._process = _Process(beginning, self._wake)
        return self._process


def _changed(plan: Plan, older: Plan) -> list[Case]:
    return [
        case for case, at in zip(plan.cases, plan.carried_from(older), strict=True) if at == CHANGED
    ]


def _only_cases_changed(entry: Entry, known: Known, plan: Plan) -> bool:
    """Whether all else that is done when a trace is evaluated was done for this revision."""
    revision = entry.revision
    return (
        known.plan is not plan
        and known.revision == revision == entry.read_revision
        and not (plan.forbids and entry.noted <= revision)
        and not any(pair.awaited for pair in known.pairs)
    )


def spare_cores() -> int:
    """Processors beside the one that the evaluator and the screen share."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) - 1
    return (os.cpu_count() or 1) - 1


class _Process:
    """The process and the line to it. ``done`` is filled by a thread."""

    def __init__(self, beginning: Beginning, wake: Callable[[], None]) -> None:
        self.done: deque[Done] = deque()
        self.ended = False
        self._wake = wake
        ours, theirs = socket.socketpair()
        with theirs:
            # -P: a folder of traces may hold Python files of any name; none is to be imported
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "tracedesk.evaluation.assisting",
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the screen alone
            )
        self._talk = Talk(ours)
        self._reader = threading.Thread(target=self._read, name="tracedesk-assistant", daemon=True)
        self._reader.start()
        self.send(msgspec.msgpack.encode(beginning))

    def send(self, message: bytes) -> None:
        """Say something. To a process that ended it is lost, as the reader finds out."""
        try:
            self._talk.send(message)
        except OSError:
            self.ended = True

    def _read(self) -> None:
        decode = msgspec.msgpack.Decoder(Done).decode
        try:
            while True:
                self.done.append(decode(self._talk.receive()))
                self._wake()
        except (EOFError, OSError, msgspec.MsgspecError):
            self.ended = True
            self._wake()

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._talk.close()

"""``python -m tracedesk.evaluation.assisting``: the second process of an ``Assistant``, and what
the two say to each other.

It reads the database and writes nothing; it ends when its end of the line is closed. Messages
are data alone, no code and no objects, so neither side can be made to run what the other says.
"""

import logging
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tracedesk.assertions import Settings
from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.memo import Entry, Pair
from tracedesk.evaluation.pairs import find_pairs
from tracedesk.evaluation.plan import Plan
from tracedesk.evaluation.recorder import execution_of, ran
from tracedesk.evaluation.run import settings_for
from tracedesk.evaluation.supply import Supply
from tracedesk.evaluation.talk import Talk
from tracedesk.model.agent import Agent
from tracedesk.model.execution import ExecutionKind
from tracedesk.model.price import Price
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.packing import encoded, pack
from tracedesk.store.readings import KeptReading
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import Case

log = logging.getLogger(__name__)

KEPT_BYTES = 48 << 20
"""Decoded traces kept, some 3,600 of five spans, which then take two thirds of the time. The
process ends half a minute after the last save that needed it."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What the assistant is told first."""

    engine: str
    """It ends when it is another one itself, since the program was changed meanwhile."""
    database: str
    roles: tuple[tuple[str, str], ...]
    regex_timeout_s: float
    prices: Mapping[str, Price]
    identity: str
    cautions_as_missing: tuple[str, ...]

    def settings(self) -> Settings:
        """How it evaluates: as whoever began it, but without a judge."""
        return Settings(
            regex_timeout_s=self.regex_timeout_s,
            prices=self.prices,
            identity=self.identity,
            cautions_as_missing=self.cautions_as_missing,
        )


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """One trace of a job."""

    code: bytes
    """Sixteen bytes: the code of its entry (see ``memo.code_of``)."""
    revision: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Some cases on some traces of one agent."""

    number: int
    agent_id: str
    agent: Agent | None
    """As it is configured now."""
    settings: str
    """Of the executions; see ``Execution.settings``."""
    files: tuple[tuple[str, str], ...]
    """Name and text of the files in which the cases stand."""
    cases: tuple[tuple[str, str], ...]
    """Id and digest of each, in their order."""
    traces: tuple[Asked, ...]


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """What the cases of a job said of one of its traces."""

    trace: int
    """Its place among those of the job."""
    pairs: int
    """Place of its pairs in ``Done.pairs``."""
    execution: msgspec.Raw
    """``Packed``, not looked at before it is written."""
    reading: KeptReading | None
    """Of a trace that had to be read, for whoever may write."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A job, done. Whoever gave it evaluates the traces that are missing."""

    number: int
    pairs: tuple[tuple[Pair, ...], ...] = ()
    """What came out, each once: most traces are alike."""
    judged: tuple[Judged, ...] = ()


class Work:
    """The jobs of one process over one store."""

    def __init__(self, store: Store, beginning: Beginning) -> None:
        self._base = beginning.settings()
        self._agents: dict[str, Agent] = {}
        self._supply = Supply(store, lambda: self._agents, beginning.roles, KEPT_BYTES)
        self._files: tuple[tuple[str, str], ...] = ()
        self._cases: dict[tuple[str, str], Case] = {}

    def done(self, job: Job) -> Done:
        """Evaluate what can be evaluated. Never raises for what stands in a trace or a case."""
        if job.agent is not None and self._agents.get(job.agent_id) != job.agent:
            self._agents = {**self._agents, job.agent_id: job.agent}
        cases = self._cases_of(job)
        if cases is None:
            return Done(number=job.number)
        plan = Plan(cases)
        waiting = [_entry(asked, job.agent_id) for asked in job.traces]
        pairs: dict[tuple[Pair, ...], int] = {}
        judged = []
        for place, entry in enumerate(waiting):
            found = self._found(job, plan, entry, waiting[place + 1 :])
            if found is not None:
                which = pairs.setdefault(found[0], len(pairs))
                judged.append(Judged(place, which, *found[1:]))
        return Done(number=job.number, pairs=tuple(pairs), judged=tuple(judged))

    def _cases_of(self, job: Job) -> list[Case] | None:
        """The cases as they stand in the files; None when one is not there in that form."""
        if job.files != self._files:
            self._files = job.files
            files = [load_text(text, path) for path, text in job.files]
            self._cases = {(c.id, c.digest): c for file in files for c in file.cases}
        found = [self._cases.get(wanted) for wanted in job.cases]
        return None if None in found else [case for case in found if case is not None]

    def _found(
        self, job: Job, plan: Plan, entry: Entry, later: list[Entry]
    ) -> tuple[tuple[Pair, ...], msgspec.Raw, KeptReading | None] | None:
        revision, started_ns = entry.revision, time.time_ns()
        try:
            loaded = self._supply.take(entry, lambda most: later[:most], keep=True)
        except StoreError:
            return None
        if loaded is None or loaded.row.revision != revision:
            return None
        found = find_pairs(
            plan,
            loaded,
            job.agent,
            None,
            None,
            with_evidence=False,
            between=lambda: None,
            base=settings_for(job.agent, self._base),
        )
        if loaded.void or len(found.ran) < len(plan.cases):  # one of them waits for something
            return None
        execution = ran(
            loaded,
            ExecutionKind.EDIT,
            found.new,
            started_ns=started_ns,
            ended_ns=time.time_ns(),
            settings=job.settings,
        )
        read = (each for each in self._supply.new_readings() if each.trace == entry.number)
        return found.pairs, encoded(pack(execution_of(execution))), next(read, None)


def _entry(asked: Asked, agent_id: str) -> Entry:
    code, revision = int.from_bytes(asked.code), asked.revision
    return Entry(code, agent_id, revision, ready_ns=0, read_revision=revision)


def serve(talk: Talk) -> None:
    """Do one job after the other until the other end is closed. Raises StoreError when the database
    cannot be opened."""
    beginning = msgspec.msgpack.decode(talk.receive(), type=Beginning)
    if beginning.engine != engine():
        return
    decode = msgspec.msgpack.Decoder(Job).decode
    with Store.open(Path(beginning.database), read_only=True) as store:
        work = Work(store, beginning)
        while True:
            talk.send(msgspec.msgpack.encode(work.done(decode(talk.receive()))))


if __name__ == "__main__":
    try:
        with socket.socket(fileno=int(sys.argv[1])) as given:
            serve(Talk(given))
    except (EOFError, OSError, StoreError):
        sys.exit(1)

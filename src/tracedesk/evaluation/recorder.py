"""What was evaluated, on its way into the history: gathered while there is something more urgent
to do, written in batches when there is not.

Only the evaluator's thread uses it. It holds a bounded number of verdicts; what could not be
written is tried again, and what a crash takes is evaluated again at the next start.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from tracedesk.assertions import Settings
from tracedesk.evaluation.engine import engine
from tracedesk.evaluation.likeness import digest, likeness
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.run import DEFAULT_SETTINGS
from tracedesk.evaluation.scores import quality, trace_outcome
from tracedesk.model.agent import Agent
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.judgement import Judged, judged_document
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.packing import Packed, decode_packed, encoded, pack
from tracedesk.testcases.models import Case, Check

log = logging.getLogger(__name__)

HELD_BYTES = 5 << 20
"""Held back until there is time to write it: some 8,000 executions of one case. Beyond it they
are written although there is more urgent work."""

BATCH = 100
"""Executions written together: a few milliseconds of the writer's time."""

RETRY_S = 1.0

REASON_CHARS = 500
RATIONALE_CHARS = 2_000
QUOTES_KEPT = 3
PATH_CHARS = 200
EVIDENCE_KEPT = 8
"""Places kept of each verdict, the deciding ones first."""

FACT_CHARS = 200
"""Kept of a version and an environment."""

_VERDICT_BYTES = 1_000
"""About what a verdict takes with its evidence."""
_PACKED_BYTES = 100
"""What a packed execution takes beside its bytes."""

_DECIDING = ("decided", "violated")


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that were evaluated together on one trace, before they are packed."""

    execution: Execution
    """All but its cases, outcome and score."""
    results: tuple[tuple[Case, CaseVerdict], ...]

    @property
    def weight(self) -> int:
        """About the bytes that it takes."""
        return _VERDICT_BYTES * (1 + sum([len(found.verdicts) for _, found in self.results]))


def ran(
    loaded: Loaded,
    kind: ExecutionKind,
    results: Sequence[tuple[Case, CaseVerdict]],
    *,
    started_ns: int,
    ended_ns: int,
    settings: str,
) -> Ran:
    """What was found on a trace. A clock that was set back meanwhile makes it end as it began."""
    row, trace = loaded.row, loaded.trace
    alike = loaded.likeness or likeness(loaded.reading)
    return Ran(
        execution=Execution(
            trace=row.id,
            agent_id=row.agent_id,
            revision=row.revision,
            kind=kind,
            started_ns=started_ns,
            ended_ns=max(started_ns, ended_ns),
            clock_ns=trace.clock_ns,
            engine=engine(),
            settings=settings,
            input_key=alike.input,
            behaviour_key=alike.behaviour,
            version=_fact(trace.metadata.get("version")),
            environment=_fact(trace.metadata.get("environment")),
            **_errors(trace),
        ),
        results=tuple(results),
    )


def _errors(trace: Trace) -> dict[str, Any]:
    """The spans of a trace that ended in error. What ended first made those around it fail."""
    failed = [span for span in trace.spans if span.failed]
    if not failed:
        return {}
    first = min(failed, key=lambda span: (span.end_ns is None, span.end_ns or 0))
    said = f"{first.label}: {first.failure}" if first.failure else first.label
    return {
        "errors": len(failed),
        "error_span": first.span_id,
        "error_text": " ".join(said.split())[:REASON_CHARS],
    }


def execution_of(ran: Ran) -> Execution:
    """The execution with its cases, as it is kept."""
    verdicts = [verdict for _, verdict in ran.results]
    percent = quality(verdicts)
    return msgspec.structs.replace(
        ran.execution,
        outcome=trace_outcome([verdict.outcome for verdict in verdicts]),
        score=None if percent is None else percent / 100,
        cases=tuple([_case_record(case, verdict) for case, verdict in ran.results]),
    )


def _case_record(case: Case, verdict: CaseVerdict) -> CaseRecord:
    return CaseRecord(
        case=case.id,
        name=case.name,
        file=case.file,
        digest=case.digest,
        outcome=verdict.outcome,
        score=verdict.score,
        weight=verdict.weight,
        reason=verdict.reason[:REASON_CHARS],
        checks=tuple(
            [
                _check_record(case, check, found)
                for check, found in zip(case.checks, verdict.verdicts, strict=False)
            ]
        ),
    )


def _check_record(case: Case, check: Check, found: Verdict) -> CheckRecord:
    places = found.evidence
    if len(places) > 1:
        places = tuple(sorted(places, key=lambda place: place.role not in _DECIDING))
    tags = check.assertion.tags
    return CheckRecord(
        found.assertion,
        found.target,
        found.outcome,
        found.score,
        found.weight,
        found.stage,
        found.reason[:REASON_CHARS],
        tuple(
            [(place.span, place.of, place.path[:PATH_CHARS]) for place in places[:EVIDENCE_KEPT]]
        ),
        tuple(dict.fromkeys((*tags, *case.tags))) if case.tags else tags,
        None if found.judged is None else judged_document(_short(found.judged)),
    )


def _short(judged: Judged) -> Judged:
    """A judgement at a length that a history can hold."""
    return msgspec.structs.replace(
        judged,
        rationale=judged.rationale[:RATIONALE_CHARS],
        quotes=tuple(quote[:REASON_CHARS] for quote in judged.quotes[:QUOTES_KEPT]),
    )


def _fact(value: Any) -> str:
    if value is None:
        return ""
    known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value)[:FACT_CHARS] if known else ""


@lru_cache(maxsize=256)
def settings_key(
    agent: Agent | None, roles: tuple[tuple[str, str], ...], base: Settings = DEFAULT_SETTINGS
) -> str:
    """Digest of what decides verdicts beside trace, case and version of the program."""
    told = agent and (agent.name, agent.type, agent.response_path, agent.timezone)
    return digest([told, sorted(roles), base.identity] if base.identity else [told, sorted(roles)])


# -- writing ---------------------------------------------------------------------------

_Held: TypeAlias = Ran | msgspec.Raw
"""As it was found, or ``Packed`` and encoded: a tenth of that."""


class Recorder:
    """Has executions written by the store's writer, in the order in which they were found.
    ``wake`` is called, by another thread, whenever some were written."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake
        self._older: deque[_Held] = deque()
        """Those before ``_newer``, packed when there was no more room for them."""
        self._newer: deque[_Held] = deque()
        self._weight = 0
        self._sent: list[_Held] = []
        self._written: Future[None] | None = None
        self._not_before = 0.0

    def add(self, ran: _Held) -> None:
        """Have it written some time; the oldest of far too many are let go."""
        self._newer.append(ran)
        self._weight += _weight(ran)
        if self._weight > 4 * HELD_BYTES:  # the database has been refusing for long
            self._take()

    @property
    def idle(self) -> bool:
        """Everything is written."""
        self._heed()
        return not self._older and not self._newer and self._written is None

    def make_room(self) -> None:
        """Hold no more than may be held although there is more urgent work than writing: packed
        it takes less, and only when that does not do is some of it written."""
        while self._weight > HELD_BYTES and self._newer:
            each = self._newer.popleft()
            packed = each if isinstance(each, msgspec.Raw) else encoded(_packed(each))
            self._weight += _weight(packed) - _weight(each)
            self._older.append(packed)
        if self._weight > HELD_BYTES:
            self.write()

    def write(self) -> None:
        """Hand a batch to the writer, unless it still has the last one."""
        if self.idle or self._written is not None or time.monotonic() < self._not_before:
            return
        left = len(self._older) + len(self._newer)
        self._sent = [self._take() for _ in range(min(BATCH, left))]
        try:
            self._written = self._store.writer.record_packed([_packed(e) for e in self._sent])
        except StoreError as fault:
            self._failed(fault)
        else:
            self._written.add_done_callback(lambda _: self._wake())

    def finish(self) -> None:
        """Write all that is held, and wait for it; what the database refuses is lost."""
        while not self.idle and time.monotonic() >= self._not_before:
            self.write()
            if self._written is not None:
                self._written.exception()

    def _take(self) -> _Held:
        """The oldest, held no more."""
        oldest = (self._older or self._newer).popleft()
        self._weight -= _weight(oldest)
        return oldest

    def _heed(self) -> None:
        """See whether the last batch was written."""
        written = self._written
        if written is not None and written.done():
            self._written = None
            fault = written.exception()
            if fault is not None:
                self._failed(fault)
            self._sent = []

    def _failed(self, fault: BaseException) -> None:
        log.warning("executions could not be written: %s", fault)
        self._older.extendleft(reversed(self._sent))
        self._weight += sum(map(_weight, self._sent))
        self._not_before = time.monotonic() + RETRY_S


def _packed(held: _Held) -> Packed:
    return pack(execution_of(held)) if isinstance(held, Ran) else decode_packed(held)


def _weight(held: _Held) -> int:
    """About the bytes that it takes."""
    if isinstance(held, msgspec.Raw):
        return _PACKED_BYTES + len(held)
    return held.weight

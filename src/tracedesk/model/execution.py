"""Executions: what the test cases said of one revision of a trace at one time.

They are history: a later execution of the same trace stands beside an earlier one and never
changes it (assertion spec 10.1). Everything here can be shown without the trace.
"""

from enum import StrEnum
from typing import Any

import msgspec

from tracedesk.model.verdict import Outcome


class ExecutionKind(StrEnum):
    """Why the cases ran."""

    PASSIVE = "passive"
    """The trace arrived, was replaced or grew."""
    EDIT = "edit"
    """A case file was saved."""
    REPLAY = "replay"
    """Somebody asked for it again."""
    CHECK = "check"
    """``tracedesk check`` over stored traces."""


class CheckRecord(msgspec.Struct, frozen=True, gc=False):
    """One assertion as it came out."""

    assertion: str
    """Id of the assertion in its case."""
    target: str
    outcome: Outcome
    score: float | None = None
    weight: float = 1.0
    stage: str = ""
    """Stage of the failure matrix (assertion spec 10.4); of a failure that of the rule."""
    reason: str = ""
    evidence: tuple[tuple[str | None, str, str], ...] = ()
    """Span id, what of it, and JSONPath; the deciding places first."""
    tags: tuple[str, ...] = ()
    details: Any = None
    """What a judge adds: model, rationale, spread, cached or not; else None."""


class CaseRecord(msgspec.Struct, frozen=True):
    """One test case as it came out."""

    case: str
    """Case id."""
    name: str
    file: str
    digest: str
    """Version of the case: equal digests give equal verdicts."""
    outcome: Outcome
    score: float | None = None
    weight: float = 1.0
    reason: str = ""
    checks: tuple[CheckRecord, ...] = ()


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """All cases that ran on one revision of one trace together. Times are nanoseconds since the
    epoch."""

    number: int = 0
    """Place in the history; 0 before it is stored."""
    trace: str
    agent_id: str
    revision: int
    kind: ExecutionKind
    started_ns: int
    ended_ns: int
    clock_ns: int | None = None
    """What *now* meant in date expressions."""
    engine: str = ""
    """Version of tracedesk."""
    settings: str = ""
    """Digest of what else decides: how traces of the agent are read, and its time zone."""
    outcome: Outcome | None = None
    score: float | None = None
    """0 to 1; None when nothing was decided."""
    cases: tuple[CaseRecord, ...] = ()
    """Those that ran; an ``edit`` holds only what changed."""
    input_key: str = ""
    """Equal for equal normalised inputs; blank without one (assertion spec 10.3)."""
    behaviour_key: str = ""
    """Equal for equal call sequences with equal normalised responses."""
    version: str = ""
    """``metadata.version`` of the trace."""
    environment: str = ""
    """``metadata.environment`` of the trace."""
    errors: int = 0
    """Spans of the trace that ended in error."""
    error_span: str = ""
    """Id of the one that ended first; blank without any."""
    error_text: str = ""
    """Its label, and what it says of its error."""

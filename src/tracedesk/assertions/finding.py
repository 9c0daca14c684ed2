"""What one rule found on one trace, before it is labelled with the assertion it belongs to."""

from typing import Any, Final, Protocol

import msgspec

from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.judgement import Judged
from tracedesk.model.verdict import (
    Caution,
    Difference,
    Evidence,
    NearMiss,
    Outcome,
    Support,
    Verdict,
)

INSTRUMENTATION: Final = "instrumentation"
"""Missing because the trace does not record what is needed."""

VACUOUS: Final = "vacuous"
"""Missing because there was nothing to inspect."""

ROUTING: Final = "routing"
TOOL_CHOICE: Final = "tool_choice"
PARAMETERS: Final = "parameters"
COMMUNICATION: Final = "communication"
RUNTIME: Final = "runtime"
STAGES: Final = (ROUTING, TOOL_CHOICE, PARAMETERS, COMMUNICATION, RUNTIME)
"""Columns of the failure matrix in handling order (assertion spec 10.4)."""

THE_TRACE: Final = (Evidence(None, "trace", "$", "inspected"),)
"""Evidence of a fact about the trace as a whole."""


class Finding(msgspec.Struct, kw_only=True, gc=False):
    """A verdict without its labels. The fields mean what they mean in ``Verdict``."""

    outcome: Outcome
    reason: str
    code: str = ""
    missing_kind: str | None = None
    score: float | None = None
    expected: Any = None
    actual: Any = None
    differences: tuple[Difference, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    near_misses_left: int = 0
    cautions: tuple[Caution, ...] = ()
    support: Support = Support()
    stage: str = ""
    children: tuple[Verdict, ...] = ()
    judged: Judged | None = None


class Rule(Protocol):
    """A compiled assertion of some kind."""

    def evaluate(self, index: TraceIndex) -> Finding:
        """Decide. May raise PatternTimeoutError and ExpressionError, which become errors."""


def missing(
    reason: str, code: str, kind: str = INSTRUMENTATION, *, stage: str = "", **more: Any
) -> Finding:
    """Neither pass nor fail; the reason says what is missing and how to provide it."""
    return Finding(
        outcome=Outcome.MISSING, reason=reason, code=code, missing_kind=kind, stage=stage, **more
    )


def no_structure(stage: str) -> Finding:
    """The first missing rule of every kind that looks at calls."""
    return missing(
        "this trace records no nodes, spans or tool list; send spans, a node map or tool_calls",
        "no_structure",
        stage=stage,
    )


WHEN_ABSENT: Final = ("missing", "pass", "fail")
"""Values of ``when_absent``: what a claim about nothing is (assertion spec 1.2)."""


def absent(when_absent: str, reason: str, index: TraceIndex, *, stage: str, **more: Any) -> Finding:
    """The claim's subject is not in the trace: the author's choice, by default missing."""
    if when_absent == "missing":
        return missing(reason, "nothing_selected", VACUOUS, stage=stage, **more)
    outcome = Outcome.PASS if when_absent == "pass" else Outcome.FAIL
    return Finding(
        outcome=outcome,
        reason=f"{reason}; when_absent says {when_absent}",
        code="nothing_selected",
        evidence=THE_TRACE,
        support=index.support,
        stage=stage,
        **more,
    )


def plural(count: int, noun: str) -> str:
    """``1 call``, ``2 calls``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

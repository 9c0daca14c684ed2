"""Executions by hand: what the tests of scores and matrix count."""

from typing import Any

from tracedesk.evaluation.scores import case_outcome, case_score
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.verdict import Outcome, Verdict

T0_NS = 1_780_000_000_000_000_000
DAY_NS = 86_400_000_000_000


def check(
    outcome: str, stage: str = "parameters", *, score: float | None = None, **fields: Any
) -> CheckRecord:
    """One assertion; ``a1`` and a node_call unless said otherwise."""
    decided = Outcome(outcome).decided
    return CheckRecord(
        assertion=fields.pop("assertion", "a1"),
        target=fields.pop("target", "node_call"),
        outcome=Outcome(outcome),
        score=(float(outcome == "pass") if decided else None) if score is None else score,
        stage=stage,
        reason=fields.pop("reason", f"it is a {outcome}"),
        **fields,
    )


def case(*checks: CheckRecord, name: str = "books", **fields: Any) -> CaseRecord:
    """A case with the outcome and score that its assertions give it."""
    verdicts = [
        Verdict(outcome=c.outcome, reason="", weight=c.weight, score=c.score) for c in checks
    ]
    return CaseRecord(
        case=fields.pop("case", f"booking.yaml#{name}"),
        name=name,
        file=fields.pop("file", "booking.yaml"),
        digest=fields.pop("digest", "d1"),
        outcome=fields.pop("outcome", case_outcome(verdicts, fields.pop("threshold", None))),
        score=fields.pop("score", case_score(verdicts)),
        checks=checks,
        **fields,
    )


def execution(trace: str, *cases: CaseRecord, at_ns: int = T0_NS, **fields: Any) -> Execution:
    """One execution of the first revision of a trace, found as it happened."""
    started = fields.pop("started_ns", at_ns)
    return Execution(
        trace=trace,
        agent_id=fields.pop("agent_id", "booking"),
        revision=fields.pop("revision", 1),
        kind=fields.pop("kind", ExecutionKind.PASSIVE),
        started_ns=started,
        ended_ns=started,
        clock_ns=at_ns,
        cases=cases,
        **fields,
    )

"""The failure matrix: at which stage failed cases broke (assertion spec 10.4).

What is counted is a case on a trace. Its failure stands in the column of every stage at which
one of its assertions failed, in that of runtime also when spans of the trace ended in error,
and as the root in the earliest of them alone: the roots of a row add up to its failures. The
list behind a cell is as long as the cell's number says.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from tracedesk.evaluation.scores import STAGES
from tracedesk.evaluation.tally import NO_STAGE, CaseTally, Tally, stages_of
from tracedesk.evaluation.trends import newest_first
from tracedesk.evaluation.windows import Result, time_of
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution, ExecutionKind
from tracedesk.model.shape import RUNTIME, shape_of
from tracedesk.model.verdict import CaseVerdict, Outcome
from tracedesk.query.text import counted

STAGE_TITLES = {
    "routing": "routing", "tool_choice": "tool choice", "parameters": "parameters",
    "communication": "communication", "runtime": "runtime", NO_STAGE: "no stage",
}  # fmt: skip

STAGE_MEANINGS = {
    "routing": "the wrong path was chosen",
    "tool_choice": "the wrong tool was called, or the right one was not",
    "parameters": "the right tool, with the wrong inputs",
    "communication": "the right information, badly told",
    "runtime": "it did not run well: too slow, too dear, or with spans in error",
    NO_STAGE: "no single assertion failed, but a threshold was not met",
}


class Cell(msgspec.Struct, frozen=True):
    """Failures of a case at a stage, of all its decided results."""

    failures: int = 0
    evaluated: int = 0
    roots: int = 0
    """Failures that broke at this stage first."""

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing was decided."""
        return self.failures / self.evaluated if self.evaluated else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One test case."""

    case: str
    name: str
    file: str
    cells: dict[str, Cell]
    """By stage, every stage of the matrix listed."""
    failed: int
    evaluated: int
    """Results that are a pass or a failure."""
    missing: int
    errors: int
    skipped: int

    @property
    def root(self) -> str | None:
        """The stage at which most failures began, the earliest of several; None without any."""
        broken = [(-cell.roots, at) for at, cell in enumerate(self.cells.values()) if cell.roots]
        return list(self.cells)[min(broken)[1]] if broken else None


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with the most failures first."""

    stages: tuple[str, ...]
    """The stages in the order of handling, and ``NO_STAGE`` when something stands there."""
    rows: tuple[Row, ...]
    totals: Row
    traces: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failed case on one trace, at one stage."""

    trace: str
    agent_id: str
    at_ns: int
    """When the trace happened."""
    version: str
    environment: str
    case: str
    name: str
    file: str
    stage: str
    root: bool
    assertion: str
    """The first assertion that failed at this stage; blank when none did."""
    target: str
    reason: str
    span: str | None
    path: str
    more: int
    """Further assertions that failed at this stage."""


def matrix_of(tally: Tally) -> Matrix:
    """The matrix of counted results; cases that were meant for no trace have no row."""
    listed = [case for case in tally.cases.values() if case.outcomes.keys() - {Outcome.SKIPPED}]
    extra = (NO_STAGE,) if any(case.stages[NO_STAGE] for case in listed) else ()
    stages = (*STAGES, *extra)
    rows = sorted((_row(case, stages) for case in listed), key=_worst_first)
    return Matrix(stages=stages, rows=tuple(rows), totals=_total(rows, stages),
                  traces=len(tally.traces))  # fmt: skip


def _row(case: CaseTally, stages: Sequence[str]) -> Row:
    outcomes = case.outcomes
    return Row(
        case=case.case,
        name=case.name,
        file=case.file,
        cells={s: Cell(case.stages[s], case.decided, case.roots[s]) for s in stages},
        failed=outcomes[Outcome.FAIL],
        evaluated=case.decided,
        missing=outcomes[Outcome.MISSING],
        errors=outcomes[Outcome.ERROR],
        skipped=outcomes[Outcome.SKIPPED],
    )


def _worst_first(row: Row) -> tuple[int, str, str, str]:
    return (-row.failed, row.file, row.name, row.case)


def _total(rows: Sequence[Row], stages: Sequence[str]) -> Row:
    def total(field: str) -> int:
        return sum(getattr(row, field) for row in rows)

    cells = {
        stage: Cell(
            sum(row.cells[stage].failures for row in rows),
            total("evaluated"),
            sum(row.cells[stage].roots for row in rows),
        )
        for stage in stages
    }
    return Row(case="", name="all cases", file="", cells=cells, failed=total("failed"),
               evaluated=total("evaluated"), missing=total("missing"), errors=total("errors"),
               skipped=total("skipped"))  # fmt: skip


def failures_by(results: Iterable[Result], stage: str | None) -> dict[tuple[int, str], Failure]:
    """Failed results by the number of their execution and their case."""
    return {
        (execution.number, failure.case): failure
        for execution, record in results
        for failure in _failures([(execution, record)], record.case, stage)
    }


def failures_of(
    results: Iterable[Result], *, case: str | None = None, stage: str | None = None
) -> list[Failure]:
    """What stands behind a cell, a row (no stage: where each broke first), a column or the
    whole; newest first."""
    return list(_failures(results, case, stage))


def _failures(results: Iterable[Result], case: str | None, stage: str | None) -> Iterator[Failure]:
    for execution, record in sorted(results, key=newest_first):
        if record.outcome is not Outcome.FAIL or case not in (None, record.case):
            continue
        stages = stages_of(shape_of(record, execution.errors))
        at = stages[0] if stage is None else stage
        if at not in stages:
            continue
        failing = [check for check in record.checks if _failed_at(check, at)]
        yield Failure(
            trace=execution.trace,
            agent_id=execution.agent_id,
            at_ns=time_of(execution),
            version=execution.version,
            environment=execution.environment,
            case=record.case,
            name=record.name,
            file=record.file,
            stage=at,
            root=at == stages[0],
            **(_assertion(failing) if failing else _trace(execution, record, at)),
        )


def _assertion(failing: Sequence[CheckRecord]) -> dict[str, Any]:
    """What a failure says of its assertions."""
    first = failing[0]
    span, _, path = first.evidence[0] if first.evidence else (None, "", "")
    return {
        "assertion": first.assertion,
        "target": first.target,
        "reason": first.reason,
        "span": span,
        "path": "" if path == "$" else path,
        "more": len(failing) - 1,
    }


def _trace(execution: Execution, record: CaseRecord, stage: str) -> dict[str, Any]:
    """What a failure says where no assertion failed: the spans in error, or the threshold."""
    nothing = {"assertion": "", "target": "", "path": "", "more": 0}
    if stage != RUNTIME:
        return {**nothing, "reason": _without(record), "span": None}
    spans = counted(execution.errors, "span")
    reason = f"{spans} of the trace ended in error, first {execution.error_text}"
    return {**nothing, "reason": reason, "span": execution.error_span or None}


def _failed_at(check: CheckRecord, stage: str) -> bool:
    return check.outcome is Outcome.FAIL and check.weight > 0 and check.stage == stage


def _without(record: CaseRecord) -> str:
    if record.reason:
        return record.reason
    score = "" if record.score is None else f" with a score of {record.score:.2f}"
    return f"the case failed{score}, by no single assertion"


def verdict_result(trace: str, verdict: CaseVerdict) -> Result:
    """A verdict that is in no history, as a result to be counted; nothing is known of its trace
    but the id."""
    checks = tuple(
        CheckRecord(v.assertion, v.target, v.outcome, v.score, v.weight, v.stage, v.reason)
        for v in verdict.verdicts
    )
    record = CaseRecord(
        case=verdict.case,
        name=verdict.name,
        file=verdict.file,
        digest="",
        outcome=verdict.outcome,
        score=verdict.score,
        weight=verdict.weight,
        reason=verdict.reason,
        checks=checks,
    )
    return _unrecorded(trace), record


def _unrecorded(trace: str) -> Execution:
    return Execution(
        trace=trace,
        agent_id="",
        revision=1,
        kind=ExecutionKind.CHECK,
        started_ns=0,
        ended_ns=0,
    )

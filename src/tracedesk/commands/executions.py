"""``tracedesk show --executions``: what the test cases said of a trace, and when."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from tracedesk.commands.common import print_json, print_table
from tracedesk.model.execution import CaseRecord, CheckRecord, Execution
from tracedesk.query.text import iso, plain

CASES_NAMED = 3
"""Cases of an execution that are named; of more, the rest is counted."""

COLUMNS = ("when", "kind", "revision", "outcome", "score", "cases")


def show_executions(trace_id: str, executions: Sequence[Execution], *, as_json: bool) -> None:
    """Print them in their order, a line each or one document."""
    if as_json:
        print_json({"trace": trace_id, "executions": [_execution(each) for each in executions]})
    elif executions:
        print_table(COLUMNS, [_cells(execution) for execution in executions])
        for line in _judgements(executions):
            click.echo(line)
    else:
        click.echo("no execution is kept: no active test case has run on this trace")


def _cells(execution: Execution) -> list[str]:
    return [
        iso(execution.ended_ns)[:19].replace("T", " "),
        str(execution.kind),
        str(execution.revision),
        str(execution.outcome or "–"),
        "–" if execution.score is None else f"{execution.score:.0%}",
        _cases(execution.cases),
    ]


def _cases(cases: Sequence[CaseRecord]) -> str:
    """The first few, with those that are not well before the others."""
    worst = sorted(cases, key=lambda case: case.outcome in ("pass", "skipped"))
    named = [f"{case.outcome} {case.name[:40]}" for case in worst[:CASES_NAMED]]
    if left := len(cases) - len(named):
        named.append(f"{left} more")
    return ", ".join(named)


def _judgements(executions: Sequence[Execution]) -> Iterator[str]:
    """What a judge said, each judgement once however often it was asked for again."""
    told: set[tuple[object, ...]] = set()
    for execution in executions:
        for case in execution.cases:
            for check in case.checks:
                details = check.details or {}
                key = (case.case, check.assertion, check.score, details.get("rationale"))
                if details.get("state") == "answered" and key not in told:
                    told.add(key)
                    yield from _judgement(execution, case, check)


def _judgement(execution: Execution, case: CaseRecord, check: CheckRecord) -> Iterator[str]:
    details, when = check.details, iso(execution.ended_ns)[:19].replace("T", " ")
    samples = len(details["samples"])
    spread = f", {samples} samples, spread {details['spread']:.2f}" if samples > 1 else ""
    score = f"{details['score']:.2f} of {details['threshold']:g}{spread}"
    model = plain(details["model"] or "")
    yield f"\n{when}  {plain(case.name)} {check.assertion}: {check.outcome}, {score} ({model})"
    if details["rationale"]:
        yield f"  {plain(details['rationale'])}"
    for quote in details["quotes"]:
        yield f"  “{plain(quote)}”"


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "number": execution.number,
        "kind": str(execution.kind),
        "revision": execution.revision,
        "startedAt": iso(execution.started_ns),
        "endedAt": iso(execution.ended_ns),
        "clock": None if execution.clock_ns is None else iso(execution.clock_ns),
        "engine": execution.engine,
        "outcome": execution.outcome,
        "score": execution.score,
        "version": execution.version or None,
        "environment": execution.environment or None,
        "errorSpans": execution.errors,
        "cases": [_case(case) for case in execution.cases],
    }


def _case(case: CaseRecord) -> dict[str, Any]:
    return {
        "id": case.case,
        "name": case.name,
        "file": case.file,
        "digest": case.digest,
        "outcome": case.outcome,
        "score": case.score,
        "weight": case.weight,
        "reason": case.reason or None,
        "assertions": [_check(check) for check in case.checks],
    }


def _check(check: CheckRecord) -> dict[str, Any]:
    return {
        "id": check.assertion,
        "target": check.target,
        "outcome": check.outcome,
        "score": check.score,
        "weight": check.weight,
        "stage": check.stage or None,
        "reason": check.reason,
        "tags": list(check.tags),
        "evidence": [{"span": span, "of": of, "path": path} for span, of, path in check.evidence],
        "details": check.details,
    }

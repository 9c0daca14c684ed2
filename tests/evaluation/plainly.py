"""Counting and comparing the plain way, every record decoded: what the fast ways are held to."""

from collections.abc import Iterable, Iterator

import msgspec

from tracedesk.evaluation.regressions import (
    BY_TRACE,
    Comparison,
    Edit,
    Flip,
    Step,
    case_changes,
    compared,
    edits_in,
    flip_of,
)
from tracedesk.evaluation.tally import tally_of
from tracedesk.evaluation.trends import newest_first
from tracedesk.evaluation.windows import Result, Window, age_order
from tracedesk.model.execution import Execution, ExecutionKind
from tracedesk.model.shape import shape_of
from tracedesk.model.verdict import Outcome


def latest(executions: Iterable[Execution]) -> list[Result]:
    """The newest result of each case on the newest revision of each trace, in no order that
    means anything: the same for every permutation."""
    newest: dict[str, Execution] = {}
    for execution in (listed := list(executions)):
        known = newest.get(execution.trace)
        if known is None or age_order(execution) > age_order(known):
            newest[execution.trace] = execution
    found: dict[tuple[str, str], Result] = {}
    for execution in listed:
        if execution.revision != newest[execution.trace].revision:
            continue
        for case in execution.cases:
            key = (execution.trace, case.case)
            if key not in found or age_order(execution) > age_order(found[key][0]):
                found[key] = (execution, case)
    return list(found.values())


def within(results: Iterable[Result], window: Window) -> Iterator[Result]:
    """The results that lie in a window."""
    return (result for result in results if window.holds(result[0]))


def compare(before: Iterable[Result], after: Iterable[Result], pairing: str) -> Comparison:
    """Compare two sets of results, each case on a trace given once a side."""
    sides = list(before), list(after)
    newest, alone = zip(*(_newest(side, pairing) for side in sides), strict=True)
    both = newest[0].keys() & newest[1].keys()
    pairs = [(newest[0][subject], newest[1][subject]) for subject in both]
    tallies = [tally_of(side) for side in sides]
    return compared(
        pairing=pairing,
        scores=(tallies[0].scores(), tallies[1].scores()),
        flips=[_flip(was, now) for was, now in pairs if was[1].outcome is not now[1].outcome],
        paired=len(both),
        results=(len(newest[0]) + alone[0], len(newest[1]) + alone[1]),
        cases=case_changes(tallies[0].cases, tallies[1].cases),
    )


def _newest(results: list[Result], pairing: str) -> tuple[dict[tuple[str, ...], Result], int]:
    """The newest result of each case by what it is paired by, and how many have nothing."""
    found: dict[tuple[str, ...], Result] = {}
    alone = 0
    for result in sorted(results, key=newest_first):
        execution, record = result
        if record.outcome is Outcome.SKIPPED:
            continue
        if pairing == BY_TRACE:
            found.setdefault((execution.trace, record.case), result)
        elif execution.input_key:
            found.setdefault((execution.agent_id, execution.input_key, record.case), result)
        else:
            alone += 1
    return found, alone


def _flip(was: Result, now: Result) -> Flip:
    execution, telling = now if now[1].outcome is not Outcome.PASS else was
    return flip_of(was, now, telling, shape_of(telling, execution.errors))


def edits(executions: Iterable[Execution]) -> list[Edit]:
    """When case files changed, as these executions tell."""
    numbered = {execution.number: execution for execution in executions}
    steps = [
        Step(e.started_ns, number, e.kind is ExecutionKind.EDIT,
             tuple((record.case, record.digest) for record in e.cases))
        for number, e in sorted(numbered.items())
    ]  # fmt: skip
    return edits_in(steps, lambda at, _: {r.case: (r.file, r.name) for r in numbered[at].cases})


def compare_edit(executions: Iterable[Execution], edit: Edit) -> Comparison:
    """The results of a file's cases before one of its edits, against those of today."""
    listed = list(executions)
    newest = {e.trace: e.revision for e in sorted(listed, key=age_order)}
    of_file = [
        msgspec.structs.replace(execution, cases=cases)
        for execution in listed
        if execution.revision == newest[execution.trace]
        and (cases := tuple(record for record in execution.cases if record.file == edit.file))
    ]
    earlier = [execution for execution in of_file if execution.number < edit.number]
    return compare(latest(earlier), latest(of_file), BY_TRACE)

"""What the evaluator shows to other threads, built from what it remembers.

A result of an older revision or an older file is shown as stale and its trace as pending:
a green that is out of date never looks fresh.
"""

from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.memo import Entry, Full, Pair
from tracedesk.evaluation.plan import CHANGED, Plan
from tracedesk.evaluation.run import TraceVerdicts, combined, moved
from tracedesk.model.verdict import CaseVerdict, Outcome
from tracedesk.store.rows import HEAD_CHARS, Summary
from tracedesk.testcases.models import Case


class Counts:
    """Traces by what is shown of them: an outcome, ``pending``, or ``none`` without cases."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def move(self, before: str, after: str) -> None:
        """One trace changed from one state to another; blank is not being there at all."""
        for state, step in ((before, -1), (after, 1)):
            if state:
                self._shown[state] = self._shown.get(state, 0) + step

    def copy(self) -> dict[str, int]:
        return {state: number for state, number in self._shown.copy().items() if number}


def published(entry: Entry, plan: Plan, full: Full | None, *, waiting: bool) -> TraceVerdicts:
    """Everything known of one trace. ``waiting``: newer case files are about to be applied."""
    known = entry.known
    pairs = known.pairs if known else ()
    carried = plan.carried_from(known.plan) if known else (CHANGED,) * len(plan.cases)
    current = known is not None and known.revision == entry.revision
    cases: list[CaseVerdict] = []
    stale = set(plan.stale)
    counts = dict.fromkeys(Outcome, 0)
    pending, brief = waiting, False
    for case, index in zip(plan.cases, carried, strict=True):
        pair = pairs[index] if index != CHANGED else None
        detail = full.cases.get(case.id) if full else None
        if pair is None or not current:
            pending = True
            if detail is not None:
                stale.add(case.id)
                cases.append(detail[1])
            continue
        evidence = full is not None and full.revision == entry.revision
        if evidence and detail is not None and detail[0] == case.digest:
            cases.append(moved(detail[1], case))
        else:
            brief = True
            cases.append(_without_evidence(case, pair))
        pending = pending or pair.awaited
        if pair.outcome is not Outcome.SKIPPED:
            for outcome, number in zip(Outcome, pair.counts, strict=True):
                counts[outcome] += number
    return combined(
        entry.id,
        known.revision if known else entry.revision,
        tuple(cases),
        counts=counts,
        pending=pending,
        stale=frozenset(stale & {case.case for case in cases}),
        brief=brief,
    )


def lacks_evidence(entry: Entry, plan: Plan, full: Full | None) -> bool:
    """Whether some case would be shown in brief, or not at all."""
    return bool(plan.cases) and not (full is not None and full.covers(entry.revision, plan.cases))


def _without_evidence(case: Case, pair: Pair) -> CaseVerdict:
    return CaseVerdict(
        case=case.id,
        name=case.name,
        file=case.file,
        line=case.line,
        outcome=pair.outcome,
        score=pair.score,
        weight=case.weight,
    )


def state_of(entry: Entry, plan: Plan) -> str:
    """What is shown of a trace in one word, for the totals."""
    known = entry.known
    if not plan.cases:
        return "none"
    if known is None or known.revision != entry.revision or known.plan is not plan:
        return "pending"
    return known.state


def summary_of(loaded: Loaded) -> Summary:
    """What the list shows of a reading."""
    row, reading = loaded.row, loaded.reading
    return Summary(
        number=row.number,
        revision=row.revision,
        status=reading.status,
        duration_ms=reading.duration_ms.value,
        tokens=reading.usage.total,
        response=_head(reading.response.text),
        input=_head(reading.input.text),
    )


def _head(text: str | None) -> str | None:
    return None if text is None else text[:HEAD_CHARS]

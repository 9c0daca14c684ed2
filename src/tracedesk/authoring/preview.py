"""What an assertion would turn over if it were written: its case before and after, on the newest
traces that the case is about."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from tracedesk.assertions import Settings
from tracedesk.assertions.trace_index import forget
from tracedesk.evaluation.flips import LISTED, Edit, Flipped, edit_of
from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.run import applies_to, evaluate_case
from tracedesk.model.agent import Agent
from tracedesk.model.verdict import Outcome
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.models import Case


class Preview(msgspec.Struct, frozen=True):
    """The flips of an edit that was not made."""

    edit: Edit
    rows: Mapping[str, TraceRow]
    """The traces of the flips that are listed, by id."""
    traces: int
    """How many the case is about, of those that were looked at."""


def preview(
    before: Case | None,
    after: Case,
    traces: Iterable[Loaded],
    agents: Mapping[str, Agent],
    base: Settings,
    cancelled: Callable[[], bool],
) -> Preview | None:
    """Evaluate both on each trace; None when cancelled. A case that is not there ``before`` is as
    good as skipped, and turns over what it would not pass. For a worker: takes its time."""
    counts: Counter[tuple[Outcome, Outcome]] = Counter()
    listed: list[Flipped] = []
    rows: dict[str, TraceRow] = {}
    tried = 0
    try:
        for loaded in traces:
            if cancelled():
                return None
            row, agent = loaded.row, agents.get(loaded.row.agent_id)
            if not applies_to(after, agent):
                continue
            was, now = _outcomes(before, after, loaded, agent, base)
            tried += now is not Outcome.SKIPPED
            if was is now or (before is None and now is Outcome.PASS):
                continue
            counts[was, now] += 1
            if len(listed) < LISTED:
                rows[row.id] = row
                listed.append(
                    Flipped(row.id, after.id, after.name, after.file, after.line, was, now)
                )
    finally:
        forget()  # what was prepared of the last trace, which the thread would keep
    return Preview(edit_of((after.file,), counts, listed), rows, tried)


def _outcomes(
    before: Case | None, after: Case, loaded: Loaded, agent: Agent | None, base: Settings
) -> tuple[Outcome, Outcome]:
    trace, reading = loaded.trace, loaded.reading
    if before is None:
        found = evaluate_case(after, trace, reading, agent, base=base)
        return Outcome.SKIPPED, found.outcome
    old = evaluate_case(before, trace, reading, agent, base=base)
    known = {
        check.digest: verdict for check, verdict in zip(before.checks, old.verdicts, strict=False)
    }
    new = evaluate_case(after, trace, reading, agent, known, base=base)
    return old.outcome, new.outcome

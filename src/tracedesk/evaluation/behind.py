"""How far the history is behind the test cases: traces of which it does not say yet what the
cases of now say. For whoever counts while another program evaluates.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from tracedesk.evaluation.plan import Plan, plan_for
from tracedesk.model.agent import Agent
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.models import CaseFile

if TYPE_CHECKING:
    from tracedesk.store.database import Store

ROWS = 500
"""Traces looked at together."""


def behind(store: "Store", agents: Mapping[str, Agent], files: Sequence[CaseFile]) -> int:
    """The number of stored traces with a case whose last word is missing, of an earlier revision,
    or by another text. Raises StoreError."""
    plans: dict[str, Plan] = {}
    found = sequence = 0
    while rows := store.changed_since(sequence, ROWS):
        sequence = rows[-1].sequence
        for row in rows:
            if row.agent_id not in plans:
                plans[row.agent_id] = plan_for(agents.get(row.agent_id), files)
        found += _behind(store, {row.number: row for row in rows}, plans)
    return found


def _behind(store: "Store", rows: dict[int, TraceRow], plans: Mapping[str, Plan]) -> int:
    waiting = {number for number, row in rows.items() if plans[row.agent_id].cases}
    for trace, group in groupby(store.history.facts_of(waiting), key=lambda facts: facts.trace):
        told: dict[str, str] = {}
        for facts in group:
            told = {**dict(facts.covers), **told}
        if all(told.get(case.id) == case.digest for case in plans[rows[trace].agent_id].cases):
            waiting.discard(trace)
    return len(waiting)

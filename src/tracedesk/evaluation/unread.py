"""Traces that were stored and not read yet: what the list shows of them, and what a filter looks
at, is written back before either answers.

The evaluator does the same in passing where a desk is at work; after an import nobody has.
"""

from collections.abc import Iterable, Mapping, Sequence

from tracedesk.evaluation.load import load_trace
from tracedesk.evaluation.results import summary_of
from tracedesk.model.agent import Agent
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow

AT_A_TIME = 200
"""Traces that are read before their summaries are written."""


def read_unread(
    store: Store,
    agents: Mapping[str, Agent],
    roles: Sequence[tuple[str, str]] = (),
    rows: Iterable[TraceRow] | None = None,
) -> int:
    """Read all stored traces that were not read since they last changed, or those of ``rows``,
    and wait until what was found is stored. How many that were. Raises StoreError.

    ``agents`` are by id; ``roles`` are the ``[reading.map]`` pairs of attribute and role.
    """
    due = store.unread() if rows is None else [r for r in rows if r.read_revision != r.revision]
    for start in range(0, len(due), AT_A_TIME):
        summaries = [
            summary_of(load_trace(store, row, agents.get(row.agent_id), roles))
            for row in due[start : start + AT_A_TIME]
        ]
        store.writer.summaries(summaries).result()
    return len(due)

"""What the endpoint tells the ledger: requests that were refused, and what of an accepted
request is not kept. What is stored, the store counts itself (``store.ledger``)."""

from collections.abc import Iterable

from tracedesk.endpoint.errors import Refused
from tracedesk.model.trace import TraceWarning
from tracedesk.store.database import Store

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that bring nothing, so that refusing them refuses no trace."""

DROPPED = {
    "spans_without_id": "spans without an id, trace id or name",
    "spans_unrouted": "spans of resources that no agent fits",
    "duplicate_spans": "spans whose id came again in the same body",
    "log_records_unrouted": "log records of resources that no agent fits",
    "log_records_without_span": "log records that name no span",
    "metrics_requests": "requests with metrics, which are not kept",
}
"""Code in the ledger, and what was dropped."""


def note_refusal(store: Store, error: Refused, size: int = 0) -> None:
    """Count a refused request whose body, as far as it was read, has ``size`` bytes."""
    store.writer.note(error.agent_id, "refused", error.code, size=size, message=error.message)


def note_dropped(store: Store, agent_id: str, dropped: Iterable[tuple[str, int]]) -> None:
    """Count what a request brought that stored nothing."""
    for what, count in dropped:
        store.writer.note(agent_id, "dropped", what, count=count)


def dropped(**counts: int) -> tuple[tuple[str, int], ...]:
    """``Incoming.dropped`` of these counts by code, without the zeros."""
    return tuple((what, count) for what, count in counts.items() if count)


def repeated_spans(warnings: Iterable[TraceWarning]) -> int:
    """How many spans of a body were replaced by later ones of the same id."""
    return sum(warning.code == "duplicate_span_id" for warning in warnings)

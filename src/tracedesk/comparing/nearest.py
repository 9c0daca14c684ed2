"""The passing trace that a failing one should have been like: of the same agent, asked the same
if there is one, with the same tools called in the same order.

Traces are looked through newest first, as far as ``LOOKED`` and ``SPANS_READ`` go, by the names
in the index of spans; no body is decoded.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from tracedesk.model.trace import Kind
from tracedesk.store.database import Store
from tracedesk.store.rows import SpanRow, TraceRow

LOOKED = 2_000
"""Traces of the agent whose verdict is asked for, newest first."""

COMPARED = 300
"""Those that do not fail, whose spans are looked at."""

SPANS_READ = 200_000
"""Spans that are read in all: about a second."""

WINDOW = 200

GOOD = {"pass": 2, "missing": 1}
"""Outcomes that a failing trace may be held against, the better one first."""

INPUT, TOOLS, ORDER, NAMES = 0.4, 0.3, 0.2, 0.1
"""What counts how much: the same input, the same tools, in the same order, the same other spans."""


class Nearest(msgspec.Struct, frozen=True):
    """What was found, and how far was looked."""

    row: TraceRow | None
    outcome: str = ""
    """``pass``; ``missing`` where no trace passes and this one at least fails nothing."""
    likeness: float = 0.0
    """From 0 to 1."""
    looked: int = 0
    """Traces of the agent that were asked for their verdict."""
    compared: int = 0
    """Those of them that were compared, since they do not fail."""
    bounded: bool = False
    """True when older traces were not looked at."""


def nearest_passing(
    store: Store,
    row: TraceRow,
    outcome_of: Callable[[str], str | None],
    stopped: Callable[[], bool] = lambda: False,
) -> Nearest:
    """The trace of the same agent that passes and is most like ``row``; of equal ones the newest.
    Where none passes, the most similar one that fails nothing.

    ``outcome_of`` gives the worst outcome of a trace by id, None while it is not known. Raises
    StoreError.
    """
    wanted = Outline(row, store.spans(row.id))
    best = Nearest(None)
    looked, compared, spans, bounded = 0, 0, 0, False
    for each in _newest_first(store, row.agent_id):
        if stopped():
            break
        if looked >= LOOKED or compared >= COMPARED or spans >= SPANS_READ:
            bounded = True
            break
        looked += 1
        outcome = None if each.id == row.id else outcome_of(each.id)
        if outcome not in GOOD:
            continue
        if spans + each.span_count > SPANS_READ:
            bounded = True
            continue
        compared += 1
        spans += each.span_count
        likeness = wanted.likeness(Outline(each, store.spans(each.id)))
        better = GOOD[outcome] - GOOD.get(best.outcome, 0)
        if better > 0 or (not better and likeness > best.likeness):
            best = Nearest(each, str(outcome), likeness)
    return msgspec.structs.replace(best, looked=looked, compared=compared, bounded=bounded)


def _newest_first(store: Store, agent_id: str) -> Iterator[TraceRow]:
    offset = 0
    while rows := store.rows(agent_id=agent_id, offset=offset, limit=WINDOW):
        yield from rows
        offset += len(rows)


class Outline:
    """A trace by the names in its index."""

    def __init__(self, row: TraceRow, spans: Sequence[SpanRow]) -> None:
        self.input = row.input
        timed = all(span.start_ns is not None for span in spans)
        ordered = sorted(spans, key=lambda span: span.start_ns or 0) if timed else spans
        tools = [span.name for span in ordered if span.kind == Kind.TOOL]
        self.tools = Counter(tools)
        self.order = Counter(pairwise(["", *tools, ""]))
        self.names = Counter((span.kind, span.name) for span in spans)

    def likeness(self, other: "Outline") -> float:
        """From 0 to 1; the same from either side."""
        same_input = self.input is not None and self.input == other.input
        return (
            INPUT * same_input
            + TOOLS * _shared(self.tools, other.tools)
            + ORDER * _shared(self.order, other.order)
            + NAMES * _shared(self.names, other.names)
        )


def _shared(left: "Counter[Any]", right: "Counter[Any]") -> float:
    """Part of the entries that both have; 1 when neither has any."""
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0

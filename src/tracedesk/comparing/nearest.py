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

GOOD = ("pass", "missing")
"""Outcomes that a failing trace may be held against, the better one first."""

AS_ALIKE = 0.5
"""What a trace that passes must have of the likeness of one that only fails nothing, to be taken
before it: a run of another kind explains no failure."""

INPUT, TOOLS, ORDER, NAMES = 0.4, 0.3, 0.2, 0.1
"""What counts how much: the same input, the same tools, in the same order, the same other spans."""


class Nearest(msgspec.Struct, frozen=True):
    """What was found, and how far was looked."""

    row: TraceRow | None
    outcome: str = ""
    """``pass``; ``missing`` where no trace like it passes and this one at least fails nothing."""
    likeness: float = 0.0
    """From 0 to 1."""
    looked: int = 0
    """Other traces of the agent that were asked for their verdict."""
    judged: int = 0
    """Those of them that have one."""
    compared: int = 0
    """Those of them that were compared, since they do not fail."""
    bounded: bool = False
    """True when older traces were not looked at."""

    @property
    def why_none(self) -> str:
        """Why there is no ``row``, as a sentence without its full stop."""
        if not self.looked:
            return "there is no other trace of the agent"
        if self.judged:
            why = "no other trace of the agent passes: they fail or are not judged yet"
        else:
            why = "no test case says anything of another trace of the agent"
        which = f"the newest {self.looked:,}" if self.bounded else f"all {self.looked:,}"
        return f"{why}; {which} were looked at"


def nearest_passing(
    store: Store,
    row: TraceRow,
    outcome_of: Callable[[str], str | None],
    stopped: Callable[[], bool] = lambda: False,
) -> Nearest:
    """The trace of the same agent that passes and is most like ``row``; of equal ones the newest.
    Where none passes, or only runs of another kind do, the most similar one that fails nothing.

    ``outcome_of`` gives the worst outcome of a trace by id, None while it is not known. Raises
    StoreError.
    """
    wanted = Outline(row, store.spans(row.id))
    best = {outcome: Nearest(None) for outcome in GOOD}
    looked, judged, compared, spans, bounded = 0, 0, 0, 0, False
    for each in _newest_first(store, row.agent_id):
        if stopped():
            break
        if each.id == row.id:
            continue
        if looked >= LOOKED or compared >= COMPARED or spans >= SPANS_READ:
            bounded = True
            break
        looked += 1
        outcome = outcome_of(each.id)
        judged += outcome is not None
        if outcome not in GOOD:
            continue
        if spans + each.span_count > SPANS_READ:
            bounded = True
            continue
        compared += 1
        spans += each.span_count
        likeness = wanted.likeness(Outline(each, store.spans(each.id)))
        if best[outcome].row is None or likeness > best[outcome].likeness:
            best[outcome] = Nearest(each, outcome, likeness)
    return msgspec.structs.replace(
        _better(best), looked=looked, judged=judged, compared=compared, bounded=bounded
    )


def _better(best: dict[str, Nearest]) -> Nearest:
    passing, harmless = (best[outcome] for outcome in GOOD)
    if harmless.row is None or passing.row is None:
        return passing if harmless.row is None else harmless
    return passing if passing.likeness >= AS_ALIKE * harmless.likeness else harmless


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

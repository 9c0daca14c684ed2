"""What candidates would say of the traces that are stored, newest first, counted as it comes.

A candidate is tried on each trace by itself, whatever case it may end up in; the open trace is
one of those counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Final

import msgspec

from tracedesk.assertions import Settings, evaluate
from tracedesk.assertions.trace_index import forget
from tracedesk.authoring.candidates import loaded
from tracedesk.evaluation.load import Loaded
from tracedesk.model.verdict import Outcome

NEWEST: Final = 1_000
"""Traces that effects are counted over."""

TOLD_S: Final = 0.15
"""Between two reports of how far the counting is."""


class Effects(msgspec.Struct, frozen=True):
    """How far the counting is."""

    counts: tuple[Counter[Outcome], ...] = ()
    """Of each candidate, in the order given."""
    traces: int = 0
    """Traces counted so far."""
    wanted: int = 0
    """Traces that will be counted."""
    stored: int = 0
    """Traces of the same agent that are stored in all."""

    @property
    def done(self) -> bool:
        return self.traces >= self.wanted

    @property
    def over(self) -> str:
        """``over all 12 traces``, ``over the newest 1,000 of 41,000``, or how far it is."""
        if not self.wanted:
            return "no stored trace to try them on"
        if self.wanted < self.stored:
            window = f"over the newest {self.wanted:,} of {self.stored:,} traces"
        else:
            window = f"over all {self.wanted:,} traces" if self.wanted > 1 else "over this trace"
        return window if self.done else f"{window}: {self.traces:,} so far"


_WORDS: Final = (
    (Outcome.PASS, "passes on"),
    (Outcome.FAIL, "fails on"),
    (Outcome.MISSING, "missing on"),
    (Outcome.ERROR, "error on"),
    (Outcome.SKIPPED, "skipped on"),
)


def told(counts: Counter[Outcome]) -> str:
    """``passes on 412, fails on 9, missing on 3``."""
    parts = [f"{words} {counts[outcome]:,}" for outcome, words in _WORDS if counts[outcome]]
    return ", ".join(parts)


def effects(
    assertions: Sequence[dict[str, object]],
    traces: Iterable[Loaded],
    wanted: int,
    stored: int,
    settings: Settings,
    tell: Callable[[Effects], None],
    cancelled: Callable[[], bool],
) -> None:
    """Count each assertion's verdicts over the traces, telling of it every now and then and in
    the end. For a worker: takes as long as the traces are large. Ends early when cancelled."""
    checks = [loaded(assertion) for assertion in assertions]
    counts: list[Counter[Outcome]] = [Counter() for _ in assertions]
    at, last = 0, monotonic()

    def report(number: int, total: int) -> None:
        tell(Effects(tuple(map(Counter, counts)), number, total, stored))

    try:
        for at, trace in enumerate(traces, 1):
            for count, check in zip(counts, checks, strict=True):
                if cancelled():
                    return
                if check is not None:
                    found = evaluate(check.assertion, trace.trace, trace.reading, settings)
                    count[found.outcome] += 1
            if monotonic() - last >= TOLD_S:
                report(at, wanted)
                last = monotonic()
    finally:
        forget()  # what was prepared of the last trace, which the thread would keep
    report(at, at)

"""What candidates would say of the traces that are stored, newest first, counted as it comes.

A candidate is tried on the traces that the case applies to which it would be written into; the
open trace is one of those counted.
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
from tracedesk.query.text import counted

NEWEST: Final = 1_000
"""Traces that effects are counted over."""

TOLD_S: Final = 0.15
"""Between two reports of how far the counting is."""


class Effects(msgspec.Struct, frozen=True):
    """How far the counting is."""

    counts: tuple[Counter[Outcome], ...] = ()
    """Of each candidate, in the order given."""
    counted: int = 0
    """Traces that the case applies to, so far."""
    traces: int = 0
    """Traces looked at so far."""
    wanted: int = 0
    """Traces that will be looked at."""
    stored: int = 0
    """Traces that are stored in all."""
    whose: str = ""
    """Which traces are counted: ``of booking``; blank for all of them."""

    @property
    def done(self) -> bool:
        return self.traces >= self.wanted

    @property
    def over(self) -> str:
        """``of 7 traces of booking``, ``of 31 traces of booking among the newest 1,000``, and how
        far it is while it is being counted."""
        if not self.wanted:
            return "no stored trace to try them on"
        told = f"of {counted(self.counted, 'trace')}{' ' if self.whose else ''}{self.whose}"
        if self.wanted < self.stored:
            told += f" among the newest {self.wanted:,}"
        return told if self.done else f"{told}: {self.traces:,} of {self.wanted:,} looked at"


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
    holds: Callable[[Loaded], bool] = lambda loaded: True,
    whose: str = "",
) -> None:
    """Count each assertion's verdicts over those traces that ``holds``, telling of it every now
    and then and in the end; ``whose`` names them. For a worker: takes as long as the traces are
    large. Ends early when cancelled."""
    checks = [loaded(assertion) for assertion in assertions]
    counts: list[Counter[Outcome]] = [Counter() for _ in assertions]
    at, tried, last = 0, 0, monotonic()

    def report(number: int, total: int) -> None:
        tell(Effects(tuple(map(Counter, counts)), tried, number, total, stored, whose))

    try:
        for at, trace in enumerate(traces, 1):
            held = not cancelled() and holds(trace)
            tried += held
            for count, check in zip(counts, checks, strict=True):
                if cancelled():
                    return
                if check is not None and held:
                    found = evaluate(check.assertion, trace.trace, trace.reading, settings)
                    count[found.outcome] += 1
            if monotonic() - last >= TOLD_S:
                report(at, wanted)
                last = monotonic()
    finally:
        forget()  # what was prepared of the last trace, which the thread would keep
    report(at, at)

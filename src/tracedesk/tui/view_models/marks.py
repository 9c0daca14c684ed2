"""Which verdicts belong to which spans, counted once however many spans they name.

A verdict belongs to the spans that decided or violated it; one that names none belongs to
the trace, which the first root stands for. What a span was merely inspected for marks
nothing. A pending or stale verdict is never counted as decided.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable

import msgspec

from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict

MARKING_ROLES = frozenset(("decided", "violated", "absent_here"))


class Counts(msgspec.Struct, frozen=True):
    """Verdicts by outcome; skipped ones are not counted, stale ones only as stale."""

    passed: int = 0
    failed: int = 0
    missing: int = 0
    error: int = 0
    stale: int = 0
    """Verdicts of a file that no longer parses, whatever they said."""

    @property
    def any(self) -> bool:
        return bool(self.passed or self.failed or self.missing or self.error or self.stale)


class Marks:
    """Verdicts laid on the rows of a tree."""

    def __init__(
        self,
        cases: Iterable[CaseVerdict] = (),
        row_of: Callable[[str], int | None] = lambda _: None,
        *,
        pending: bool = False,
        stale: frozenset[str] = frozenset(),
    ) -> None:
        """``stale`` are ids of cases whose verdicts are the last good ones of a broken file."""
        self.pending = pending
        """True while a newer evaluation is awaited: the counts are then of the past."""
        self._outcomes: list[tuple[Outcome, bool]] = []
        pairs: set[tuple[int, int]] = set()
        for case in cases:
            for verdict in case.verdicts:
                if verdict.outcome is Outcome.SKIPPED:
                    continue
                for row in marked_rows(verdict, row_of):
                    pairs.add((row, len(self._outcomes)))
                self._outcomes.append((verdict.outcome, case.case in stale))
        self._pairs = sorted(pairs)

    def counts(self, row: int, end: int | None = None) -> Counts:
        """Counts of one row, or of the rows ``row:end``, each verdict once."""
        pairs = self._pairs
        first = bisect_left(pairs, (row, -1))
        last = bisect_left(pairs, (row + 1 if end is None else end, -1))
        if first == last:
            return NO_COUNTS
        found = [self._outcomes[verdict] for verdict in {v for _, v in pairs[first:last]}]
        return Counts(
            found.count((Outcome.PASS, False)),
            found.count((Outcome.FAIL, False)),
            found.count((Outcome.MISSING, False)),
            found.count((Outcome.ERROR, False)),
            sum(stale for _, stale in found),
        )

    def failing_rows(self) -> list[int]:
        """Rows with a failed assertion, in order."""
        return [row for row, verdict in self._pairs if self._outcomes[verdict][0] is Outcome.FAIL]

    def standing_rows(self) -> list[int]:
        """Rows that a verdict other than a pass belongs to: they are shown by themselves."""
        outcomes = self._outcomes
        return [row for row, verdict in self._pairs if outcomes[verdict][0] is not Outcome.PASS]


NO_COUNTS = Counts()


def marked_rows(verdict: Verdict, row_of: Callable[[str], int | None]) -> set[int]:
    """The rows that a verdict belongs to; the first row when it names no known span."""
    rows = {
        row
        for evidence in verdict.evidence
        if evidence.role in MARKING_ROLES
        and evidence.span is not None
        and (row := row_of(evidence.span)) is not None
    }
    return rows or {0}

"""Which traces wait for which answers of the judge.

An answer concerns every trace that asked the same question; those, and no others, are
evaluated once more. Used by the evaluator's thread only.
"""

from collections.abc import Iterable

from tracedesk.model.judgement import Judge
from tracedesk.model.verdict import CaseVerdict


class Awaited:
    """Without a judge nothing is ever awaited."""

    def __init__(self, judge: Judge | None) -> None:
        self._judge = judge
        self._traces: dict[str, set[str]] = {}
        self._taken = 0
        """Answers of the judge that were heeded."""

    def note(self, trace_id: str, cases: Iterable[CaseVerdict]) -> None:
        """A trace was evaluated; remember what its verdicts wait for."""
        if self._judge is None:
            return
        for case in cases:
            for verdict in case.verdicts:
                for key in verdict.awaited:
                    self._traces.setdefault(key, set()).add(trace_id)

    def answered(self) -> set[str]:
        """Ids of the traces that got an answer since this was asked last."""
        if self._judge is None or not self._traces:
            return set()
        keys = self._judge.answered_since(self._taken)
        self._taken += len(keys)
        found: set[str] = set()
        for key in keys:
            found |= self._traces.pop(key, set())
        return found

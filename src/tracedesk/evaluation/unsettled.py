"""What the history tells of but did not settle: errors, and what no judge decided.

It is evaluated again after a restart. Only what then comes out otherwise is a new execution;
else every start and every report would push the past of a trace out of its history.
"""

from collections.abc import Sequence

from tracedesk.model.verdict import CaseVerdict, Outcome
from tracedesk.store.packing import BriefCase
from tracedesk.testcases.models import Case

_Said = tuple[str, Outcome, float | None, tuple[Outcome, ...]]


class Unsettled:
    """Used by the evaluator's thread only."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, dict[str, _Said]]] = {}

    def note(self, trace_id: str, revision: int, brief: BriefCase) -> None:
        """The last word on a case of this revision, which is to be found again."""
        _, said = self._said.setdefault(trace_id, (revision, {}))
        outcomes = tuple(check.outcome for check in brief.checks)
        said[brief.case] = (brief.digest, brief.outcome, brief.score, outcomes)

    def heed(
        self, trace_id: str, revision: int, results: Sequence[tuple[Case, CaseVerdict]]
    ) -> tuple[list[tuple[Case, CaseVerdict]], bool]:
        """What of these results is news, and whether any of them was to be found again. Each
        case is compared once."""
        noted, said = self._said.pop(trace_id, (revision, {}))
        if not said or noted != revision:
            return list(results), False
        news = [(case, found) for case, found in results if said.get(case.id) != _said(case, found)]
        return news, any(case.id in said for case, _ in results)


def _said(case: Case, found: CaseVerdict) -> _Said:
    outcomes = tuple(verdict.outcome for verdict in found.verdicts)
    return (case.digest, found.outcome, found.score, outcomes)

"""Results read once, then looked at by agent, version, environment and day.

A survey is a cube of tallies: every slice of it is a sum of its cells, so choosing another
agent or version reads nothing again. Failed results are kept for drilling down, the newest of
them when there are very many; their numbers are always complete.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from tracedesk.evaluation.tally import Scores, Tally
from tracedesk.evaluation.windows import Result, day_of, day_text, time_of
from tracedesk.model.execution import Execution
from tracedesk.model.verdict import Outcome

FAILURES_KEPT = 50_000
"""Failed results kept for drilling down, some 50 MB of them."""

ANY = None
"""No choice made of agent, version or environment."""


class Cut(NamedTuple):
    """What a cell of the cube has in common."""

    agent_id: str
    version: str
    environment: str
    day: int
    """Days since 1970 in UTC."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a survey; None takes all."""

    agent_id: str | None = ANY
    version: str | None = ANY
    environment: str | None = ANY

    def holds(self, cut: "Cut | Execution") -> bool:
        """True when a cell, or a trace, belongs to the slice."""
        return (
            self.agent_id in (None, cut.agent_id)
            and self.version in (None, cut.version)
            and self.environment in (None, cut.environment)
        )


EVERYTHING = Choice()


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one day, or of one version."""

    label: str
    day: int
    """The day, or that of a version's earliest trace."""
    scores: Scores
    versions: tuple[str, ...] = ()
    """Versions whose first trace is of this day."""


class Survey:
    """Counted results; ``None`` in a choice stands for all."""

    def __init__(self) -> None:
        self.cells: dict[Cut, Tally] = {}
        self.failed: list[Result] = []
        self.left_out = 0
        """Failed results that are counted and not kept."""

    def tally(self, choice: Choice = EVERYTHING) -> Tally:
        """All of a slice."""
        return _merged(tally for cut, tally in self.cells.items() if choice.holds(cut))

    def failures(self, choice: Choice = EVERYTHING) -> list[Result]:
        """The failed results of a slice, newest first."""
        return [result for result in self.failed if choice.holds(result[0])]

    @property
    def agents(self) -> list[str]:
        """Ids of the agents whose traces are counted."""
        return sorted({cut.agent_id for cut in self.cells})

    def versions(self, choice: Choice = EVERYTHING) -> list[str]:
        """The versions of a slice by their first trace, the oldest first; blank is none stated."""
        first: dict[str, tuple[int, str]] = {}
        for cut, tally in self.cells.items():
            if choice.holds(cut):
                found = (tally.first_ns or 0, cut.version)
                first[cut.version] = min(first.get(cut.version, found), found)
        return [version for _, version in sorted(first.values())]

    @property
    def environments(self) -> list[str]:
        """The environments that traces state; blank is none stated."""
        return sorted({cut.environment for cut in self.cells})

    def by_day(self, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every day that has a trace, oldest first."""
        cells = [(cut, tally) for cut, tally in self.cells.items() if choice.holds(cut)]
        first: dict[str, int] = {}
        for cut, _ in cells:
            first[cut.version] = min(cut.day, first.get(cut.version, cut.day))
        return [
            Point(
                label=day_text(day),
                day=day,
                scores=_merged(tally for cut, tally in cells if cut.day == day).scores(),
                versions=tuple(sorted(v for v, at in first.items() if v and at == day)),
            )
            for day in sorted({cut.day for cut, _ in cells})
        ]

    def by_version(self, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every version, by its first trace."""
        points = []
        for version in self.versions(choice):
            tally = self.tally(msgspec.structs.replace(choice, version=version))
            points.append(
                Point(label=version, day=day_of(tally.first_ns or 0), scores=tally.scores())
            )
        return points


def survey(results: Iterable[Result], breathe: Callable[[], None] = lambda: None) -> Survey:
    """Count results, each case on a trace given once. ``breathe`` is called now and then, and
    may raise to give up."""
    made = Survey()
    seen: Execution | None = None
    tally = Tally()
    for execution, record in results:
        if execution is not seen:
            breathe()
            seen = execution
            cut = Cut(
                execution.agent_id,
                execution.version,
                execution.environment,
                day_of(time_of(execution)),
            )
            found = made.cells.get(cut)
            tally = found if found is not None else made.cells.setdefault(cut, Tally())
        tally.add(execution, record)
        if record.outcome is Outcome.FAIL:
            made.failed.append((execution, record))
            if len(made.failed) > 2 * FAILURES_KEPT:
                _keep_newest(made)
    _keep_newest(made)
    return made


def _keep_newest(made: Survey) -> None:
    made.failed.sort(key=newest_first)
    made.left_out += len(made.failed[FAILURES_KEPT:])
    del made.failed[FAILURES_KEPT:]


def newest_first(result: Result) -> tuple[int, str, str]:
    """Orders results by the time of their trace, the newest first, whatever order they came in."""
    execution, record = result
    return (-time_of(execution), execution.trace, record.case)


def _merged(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total

"""Results counted once, then looked at by agent, version, environment and day.

A survey is a cube of counts of shapes: every slice of it is a sum of its cells, so choosing
another agent or version reads nothing again. Which results failed in a cell is found when
somebody asks; what they said is read from the history only for those that are shown.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from tracedesk.evaluation.tally import Scores, Tally, stages_of
from tracedesk.evaluation.windows import Result, day_of, day_text, time_of
from tracedesk.model.execution import Execution
from tracedesk.model.shape import Shape, shape_of
from tracedesk.model.verdict import Outcome

ANY = None
"""No choice made of agent, version or environment."""

DAYS, VERSIONS, ENVIRONMENTS = AXES = ("days", "versions", "environments")
"""What scores are looked at over."""

Ids = Sequence[int]
"""Numbers of shapes."""


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


class Failed(NamedTuple):
    """A failed result, before anybody asked what it said."""

    execution: Execution
    shape: Shape


class _Cell:
    """The results of traces that have a cut in common."""

    __slots__ = ("counts", "executions", "first_ns")

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        """When the earliest of the traces happened."""
        self.counts: Counter[int] = Counter()
        """Number of a shape → results of it."""
        self.executions: list[Execution] = []


class Survey:
    """Counted results; ``None`` in a choice stands for all."""

    def __init__(self, shapes: Mapping[int, Shape]) -> None:
        self.shapes = shapes
        self.cells: dict[Cut, _Cell] = {}
        self.counted: list[tuple[Execution, Ids]] = []
        self.found: Mapping[int, int] = {}
        """Shapes of cases that were called otherwise once → when the newest was found."""
        self._tallies: dict[Choice, Tally] = {}
        self._points: dict[tuple[str, Choice], list[Point]] = {}

    def tally(self, choice: Choice = EVERYTHING) -> Tally:
        """All of a slice; summed once."""
        made = self._tallies.get(choice)
        if made is None:
            cells = (cell for cut, cell in self.cells.items() if choice.holds(cut))
            made = self._tallies[choice] = self._summed(cells)
        return made

    def points(self, axis: str, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every day, version or environment (``AXES``) of a slice; summed once."""
        found = self._points.get((axis, choice))
        if found is None:
            found = self._points[axis, choice] = _POINTS[axis](self, choice)
        return found

    def _summed(self, cells: Iterable[_Cell]) -> Tally:
        counts: Counter[int] = Counter()
        made = Tally()
        for cell in cells:
            counts.update(cell.counts)
            for execution in cell.executions:
                made.trace(execution)
        for number, times in counts.items():
            made.count(self.shapes[number], times, self.found.get(number, 0))
        return made

    def failing(
        self, choice: Choice = EVERYTHING, *, case: str | None = None, stage: str | None = None
    ) -> list[Failed]:
        """The failed results of a slice, of one case or all, with a failure at one stage or
        anywhere; newest first."""
        held = {number for cell in self.cells.values() for number in cell.counts}
        wanted = {
            number
            for number in held
            if (shape := self.shapes[number]).outcome is Outcome.FAIL
            and case in (None, shape.case)
            and (stage is None or stage in stages_of(shape))
        }
        found = [
            Failed(execution, self.shapes[number])
            for execution, ids in self.counted
            if choice.holds(execution)
            for number in ids
            if number in wanted
        ]
        return sorted(found, key=_newest_first)

    @property
    def agents(self) -> list[str]:
        """Ids of the agents whose traces are counted."""
        return sorted({cut.agent_id for cut in self.cells})

    def versions(self, choice: Choice = EVERYTHING) -> list[str]:
        """The versions of a slice by their first trace, the oldest first; blank is none stated."""
        first: dict[str, tuple[int, str]] = {}
        for cut, cell in self.cells.items():
            if choice.holds(cut):
                found = (cell.first_ns, cut.version)
                first[cut.version] = min(first.get(cut.version, found), found)
        return [version for _, version in sorted(first.values())]

    def environments(self, choice: Choice = EVERYTHING) -> list[str]:
        """The environments that traces of a slice state, by name; blank is none stated."""
        return sorted({cut.environment for cut in self.cells if choice.holds(cut)})

    def by_day(self, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every day that has a trace, oldest first."""
        cells = sorted(
            ((cut, cell) for cut, cell in self.cells.items() if choice.holds(cut)),
            key=lambda each: each[0].day,
        )
        known: set[str] = set()
        points = []
        for day, group in groupby(cells, key=lambda each: each[0].day):
            of_day = list(group)
            new = {cut.version for cut, _ in of_day} - known - {""}
            known |= new
            points.append(
                Point(
                    label=day_text(day),
                    day=day,
                    scores=self._summed(cell for _, cell in of_day).scores(),
                    versions=tuple(sorted(new)),
                )
            )
        return points

    def by_version(self, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every version, by its first trace."""
        return self._by(choice, "version", self.versions(choice))

    def by_environment(self, choice: Choice = EVERYTHING) -> list[Point]:
        """A point for every environment, by name."""
        return self._by(choice, "environment", self.environments(choice))

    def _by(self, choice: Choice, field: str, values: Iterable[str]) -> list[Point]:
        points = []
        for value in values:
            tally = self.tally(msgspec.structs.replace(choice, **{field: value}))
            day = day_of(tally.first_ns or 0)
            points.append(Point(label=value, day=day, scores=tally.scores()))
        return points


_POINTS: Final = {
    DAYS: Survey.by_day, VERSIONS: Survey.by_version, ENVIRONMENTS: Survey.by_environment,
}  # fmt: skip


def survey(results: Iterable[Result]) -> Survey:
    """Count results, each case on a trace given once."""
    numbers: dict[Shape, int] = {}
    given: dict[int, tuple[Execution, list[int]]] = {}
    for execution, record in results:
        shape = shape_of(record, execution.errors)
        _, ids = given.setdefault(id(execution), (execution, []))
        ids.append(numbers.setdefault(shape, len(numbers) + 1))
    return survey_of(given.values(), {number: shape for shape, number in numbers.items()})


def survey_of(
    counted: Iterable[tuple[Execution, Ids]],
    shapes: Mapping[int, Shape],
    breathe: Callable[[], None] = lambda: None,
) -> Survey:
    """Count executions by the shapes of their results, each case on a trace given once.
    ``breathe`` is called now and then, and may raise to give up."""
    made = Survey(shapes)
    for execution, ids in counted:
        breathe()
        at = time_of(execution)
        cut = Cut(execution.agent_id, execution.version, execution.environment, day_of(at))
        cell = made.cells.get(cut)
        if cell is None:
            cell = made.cells[cut] = _Cell(at)
        cell.first_ns = min(at, cell.first_ns)
        cell.counts.update(ids)
        cell.executions.append(execution)
        made.counted.append((execution, ids))
    made.found = _found(made)
    return made


def _found(made: Survey) -> Mapping[int, int]:
    """Of cases that had several names: when the newest result under each was found."""
    names: dict[str, set[tuple[str, str]]] = {}
    held = {number for cell in made.cells.values() for number in cell.counts}
    for number in held:
        shape = made.shapes[number]
        names.setdefault(shape.case, set()).add((shape.name, shape.file))
    renamed = {number for number in held if len(names[made.shapes[number].case]) > 1}
    found: dict[int, int] = {}
    if renamed:
        for execution, ids in made.counted:
            for number in renamed.intersection(ids):
                found[number] = max(execution.started_ns, found.get(number, 0))
    return found


def _newest_first(failed: Failed) -> tuple[int, str, str]:
    return (-time_of(failed.execution), failed.execution.trace, failed.shape.case)


def newest_first(result: Result) -> tuple[int, str, str]:
    """Orders results by the time of their trace, the newest first, whatever order they came in."""
    execution, record = result
    return (-time_of(execution), execution.trace, record.case)

"""Two surveys held against each other: results of one case on the same trace, or on traces of
equal input.

Results are paired by their shapes, so that neither side's executions are decoded; what a flip
says is read for the flips alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tracedesk.evaluation.regressions import (
    BY_INPUT,
    BY_TRACE,
    Comparison,
    Flip,
    Subject,
    case_changes,
    compared,
    flip_of,
)
from tracedesk.evaluation.trends import Ids, Survey
from tracedesk.evaluation.windows import Result, time_of
from tracedesk.model.execution import CaseRecord, Execution
from tracedesk.model.shape import Shape
from tracedesk.model.verdict import Outcome

Cases = Mapping[str, Shape]
"""The results of an execution that can be paired, by case; those that were skipped cannot."""

ReadRecords = Callable[[Mapping[int, set[str]]], Iterable[Result]]
"""Numbers of executions and their cases → what is kept of those."""


class Found(NamedTuple):
    """A result, known by its shape."""

    execution: Execution
    shape: Shape


class Asked:
    """One side: what was asked, and the newest result of each case on it."""

    def __init__(self, survey: Survey, pairing: str, breathe: Callable[[], None]) -> None:
        self.tally = survey.tally()
        self.subjects: dict[Subject, list[tuple[Execution, Cases]]] = {}
        """Executions of one trace, or of equal input, the newest trace first."""
        self.unmatched = 0
        """Results on traces without a known input."""
        known: dict[int, Cases] = {}
        for execution, ids in sorted(survey.counted, key=_newest_trace_first):
            breathe()
            cases = known.get(id(ids))
            if cases is None:
                cases = known[id(ids)] = _cases(ids, survey.shapes)
            subject = _subject(execution, pairing)
            if subject is None:
                self.unmatched += len(cases)
            elif cases:
                self.subjects.setdefault(subject, []).append((execution, cases))


def _subject(execution: Execution, pairing: str) -> Subject | None:
    """What results are paired by, beside their case."""
    if pairing == BY_TRACE:
        return ("", execution.trace)
    return (execution.agent_id, execution.input_key) if execution.input_key else None


def _newest_trace_first(counted: tuple[Execution, Ids]) -> tuple[int, str]:
    execution, _ = counted
    return (-time_of(execution), execution.trace)


def _cases(ids: Ids, shapes: Mapping[int, Shape]) -> Cases:
    found = map(shapes.__getitem__, ids)
    return {shape.case: shape for shape in found if shape.outcome is not Outcome.SKIPPED}


def compare_surveys(
    before: Survey,
    after: Survey,
    read: ReadRecords,
    breathe: Callable[[], None] = lambda: None,
    *,
    pairing: str = BY_INPUT,
) -> Comparison:
    """What flipped between two surveys where both were asked the same. Takes as long as there
    are executions, not results. Raises what ``breathe`` and ``read`` raise."""
    here, there = (Asked(survey, pairing, breathe) for survey in (before, after))
    pairs = _Pairing()
    for subject, parts in here.subjects.items():
        breathe()
        others = there.subjects.get(subject)
        if others is not None:
            pairs.add(parts, others)
    counts = [
        side.unmatched + sum(map(_number_of_cases, side.subjects.values()))
        for side in (here, there)
    ]
    return compared(
        pairing=pairing,
        scores=(here.tally.scores(), there.tally.scores()),
        flips=list(_told(pairs.flipped, read)),
        paired=pairs.paired,
        results=(counts[0], counts[1]),
        cases=case_changes(here.tally.cases, there.tally.cases),
    )


class _Pairing:
    """Counts results that have a partner, and keeps those whose outcomes differ."""

    def __init__(self) -> None:
        self.paired = 0
        self.flipped: list[tuple[Found, Found]] = []
        self._seen: dict[tuple[int, int], tuple[int, Sequence[str]]] = {}

    def add(
        self, before: list[tuple[Execution, Cases]], after: list[tuple[Execution, Cases]]
    ) -> None:
        """Pair the results of one input."""
        (old, was), (new, now) = before[0], after[0]
        if _is_first_alone(before) and _is_first_alone(after):
            key = id(was), id(now)
            if key not in self._seen:
                both = was.keys() & now.keys()
                differing = [case for case in both if was[case].outcome is not now[case].outcome]
                self._seen[key] = len(both), differing
            number, cases = self._seen[key]
            self.paired += number
            self.flipped += ((Found(old, was[case]), Found(new, now[case])) for case in cases)
            return
        earlier, later = _merged(before), _merged(after)
        for case in earlier.keys() & later.keys():
            self.paired += 1
            pair = earlier[case], later[case]
            if pair[0].shape.outcome is not pair[1].shape.outcome:
                self.flipped.append(pair)


def _is_first_alone(parts: list[tuple[Execution, Cases]]) -> bool:
    """True when the newest execution has a result of every case that any of them has."""
    first = parts[0][1].keys()
    return all(cases.keys() <= first for _, cases in parts[1:])


def _merged(parts: list[tuple[Execution, Cases]]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for execution, cases in parts:
        for case, shape in cases.items():
            if case not in found:
                found[case] = Found(execution, shape)
    return found


def _number_of_cases(parts: list[tuple[Execution, Cases]]) -> int:
    if _is_first_alone(parts):
        return len(parts[0][1])
    return len({case for _, cases in parts for case in cases})


def _told(flipped: Sequence[tuple[Found, Found]], read: ReadRecords) -> Iterator[Flip]:
    """The flips with what their telling side said, as far as that is still kept."""
    telling = [now if now.shape.outcome is not Outcome.PASS else was for was, now in flipped]
    wanted: dict[int, set[str]] = {}
    for execution, shape in telling:
        wanted.setdefault(execution.number, set()).add(shape.case)
    records: dict[tuple[int, str], CaseRecord] = {
        (execution.number, record.case): record for execution, record in read(wanted)
    }
    for (was, now), (execution, shape) in zip(flipped, telling, strict=True):
        record = records.get((execution.number, shape.case))
        if record is not None:
            yield flip_of(was, now, record, shape)

"""Two sets of results side by side, and what flipped between them.

Results of the same traces, judged by an older and a newer case file, are paired by trace.
Results of other traces, from another version or another time, are paired by equal normalised
input: the same question asked of both. What has no partner is counted and never compared.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tracedesk.evaluation.tally import NO_STAGE, CaseTally, Scores, Tally, stages_of
from tracedesk.evaluation.trends import newest_first
from tracedesk.evaluation.windows import Result, latest
from tracedesk.model.execution import CaseRecord, Execution, ExecutionKind
from tracedesk.model.shape import Shape, shape_of
from tracedesk.model.verdict import Outcome

BY_TRACE, BY_INPUT = "trace", "input"

ONE_SAVE_NS = 5_000_000_000
"""Cases that change within this time of one another changed in one edit of their file."""

Subject = tuple[str, str]
"""Agent and input, or a trace."""


class Flip(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A case that came out otherwise."""

    case: str
    name: str
    file: str
    was: Outcome
    now: Outcome
    trace_before: str
    trace: str
    """The trace of the later result; the same as before when paired by trace."""
    stage: str
    """Where the failing one of the two broke first."""
    assertion: str
    reason: str
    """Of the failing one of the two."""
    span: str | None


class Share(msgspec.Struct, frozen=True):
    """Passes of decided results."""

    passed: int
    decided: int


class CaseChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One case on both sides."""

    case: str
    name: str
    file: str
    before: Share
    after: Share

    @property
    def drop(self) -> float:
        """By how much the share of passes fell, 0 to 1; 0 when one side decided nothing."""
        if not self.before.decided or not self.after.decided:
            return 0.0
        return self.before.passed / self.before.decided - self.after.passed / self.after.decided


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Before and after, with what flipped. Other changes, such as a pass that became missing,
    are in ``others``."""

    pairing: str
    before: Scores
    after: Scores
    broken: tuple[Flip, ...]
    """Pass → fail."""
    mended: tuple[Flip, ...]
    """Fail → pass."""
    others: tuple[Flip, ...]
    paired: int
    unpaired_before: int
    unpaired_after: int
    cases: tuple[CaseChange, ...]
    """Those that fell most first."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A case file changed, as the history of its results tells."""

    file: str
    at_ns: int
    """When the first result of the new text was found."""
    cases: tuple[str, ...]
    """Names of the cases that changed."""


class Side:
    """The results of one side, counted as they come. Of a pass nothing is kept but that it was
    one, so that a million results take little room."""

    def __init__(self, pairing: str) -> None:
        self.pairing = pairing
        self.tally = Tally()
        self.newest: dict[Subject, dict[str, Result]] = {}
        """Of each case on each trace or input, the newest result."""
        self.unmatched = 0
        """Results on traces without a known input."""
        self._passes: dict[tuple[str, str, str], CaseRecord] = {}

    def add(self, execution: Execution, record: CaseRecord) -> None:
        """Count one result."""
        self.tally.add(execution, record)
        if record.outcome is Outcome.SKIPPED:
            return
        subject = self._subject(execution)
        if subject is None:
            self.unmatched += 1
            return
        if record.outcome is Outcome.PASS:
            record = self._pass(record)
        found = self.newest.setdefault(subject, {})
        result = (execution, record)
        known = found.get(record.case)
        if known is None or newest_first(result) < newest_first(known):
            found[record.case] = result

    def _subject(self, execution: Execution) -> Subject | None:
        """What a result is paired by, beside its case."""
        if self.pairing == BY_TRACE:
            return ("", execution.trace)
        return (execution.agent_id, execution.input_key) if execution.input_key else None

    def _pass(self, record: CaseRecord) -> CaseRecord:
        key = (record.case, record.name, record.file)
        if key not in self._passes:
            self._passes[key] = msgspec.structs.replace(record, checks=(), reason="")
        return self._passes[key]


def compare(before: Iterable[Result], after: Iterable[Result], pairing: str) -> Comparison:
    """Compare two sets of results, each case on a trace given once a side."""
    sides = Side(pairing), Side(pairing)
    for side, results in zip(sides, (before, after), strict=True):
        for execution, record in results:
            side.add(execution, record)
    return compare_sides(*sides)


def compare_sides(before: Side, after: Side) -> Comparison:
    """Compare two sides that were counted with the same pairing."""
    return compared(
        pairing=before.pairing,
        scores=(before.tally.scores(), after.tally.scores()),
        flips=_flips(before, after),
        paired=_cases_in_both(before, after),
        results=(_distinct(before), _distinct(after)),
        cases=case_changes(before.tally.cases, after.tally.cases),
    )


def compared(
    *,
    pairing: str,
    scores: tuple[Scores, Scores],
    flips: Iterable[Flip],
    paired: int,
    results: tuple[int, int],
    cases: Iterable[CaseChange],
) -> Comparison:
    """What was found of two sides, in order. ``results``: of each, those of equal input counted
    once."""
    kinds = {(Outcome.PASS, Outcome.FAIL): "broken", (Outcome.FAIL, Outcome.PASS): "mended"}
    sorted_in: dict[str, list[Flip]] = {"broken": [], "mended": [], "others": []}
    for flip in sorted(flips, key=_in_order):
        sorted_in[kinds.get((flip.was, flip.now), "others")].append(flip)
    return Comparison(
        pairing=pairing,
        before=scores[0],
        after=scores[1],
        broken=tuple(sorted_in["broken"]),
        mended=tuple(sorted_in["mended"]),
        others=tuple(sorted_in["others"]),
        paired=paired,
        unpaired_before=results[0] - paired,
        unpaired_after=results[1] - paired,
        cases=tuple(cases),
    )


def _in_order(flip: Flip) -> tuple[str, str, str, str]:
    return (flip.file, flip.name, flip.case, flip.trace)


def _cases_in_both(before: Side, after: Side) -> int:
    return sum(
        len(cases.keys() & after.newest[subject].keys())
        for subject, cases in before.newest.items()
        if subject in after.newest
    )


def _distinct(side: Side) -> int:
    """Results, those of equal input that came again counted once, as they are paired."""
    return side.unmatched + sum(map(len, side.newest.values()))


def _flips(before: Side, after: Side) -> Iterator[Flip]:
    for subject, cases in before.newest.items():
        others = after.newest.get(subject, {})
        for case, was in cases.items():
            now = others.get(case)
            if now is not None and was[1].outcome is not now[1].outcome:
                yield _flip(was, now)


def _flip(was: Result, now: Result) -> Flip:
    execution, telling = now if now[1].outcome is not Outcome.PASS else was
    return flip_of(was, now, telling, shape_of(telling, execution.errors))


def flip_of(
    was: tuple[Execution, CaseRecord | Shape],
    now: tuple[Execution, CaseRecord | Shape],
    telling: CaseRecord,
    shape: Shape,
) -> Flip:
    """A flip as the side tells it that is no pass: by its record and the shape of that."""
    (old, before), (new, after) = was, now
    stage = stages_of(shape)[0] if telling.outcome is Outcome.FAIL else NO_STAGE
    check = next((c for c in telling.checks if c.outcome is telling.outcome), None)
    return Flip(
        case=after.case,
        name=after.name,
        file=after.file,
        was=before.outcome,
        now=after.outcome,
        trace_before=old.trace,
        trace=new.trace,
        stage=stage,
        assertion=check.assertion if check else "",
        reason=check.reason if check else telling.reason,
        span=check.evidence[0][0] if check and check.evidence else None,
    )


def case_changes(before: dict[str, CaseTally], after: dict[str, CaseTally]) -> list[CaseChange]:
    """The share of passes of each case on either side, those that fell most first."""
    changes = []
    for case in before.keys() | after.keys():
        known = after.get(case) or before[case]
        shares = [_share(side.get(case)) for side in (before, after)]
        if any(share.decided for share in shares):
            changes.append(
                CaseChange(case=case, name=known.name, file=known.file,
                           before=shares[0], after=shares[1])
            )  # fmt: skip
    return sorted(changes, key=lambda change: (-change.drop, change.file, change.name, change.case))


def _share(tally: CaseTally | None) -> Share:
    return Share(0, 0) if tally is None else Share(tally.outcomes[Outcome.PASS], tally.decided)


# -- revisions of a case file ----------------------------------------------------------


class Step(NamedTuple):
    """What an execution says of the texts of its cases."""

    started_ns: int
    number: int
    edit: bool
    """True when it ran because a case file was saved."""
    covers: tuple[tuple[str, str], ...]
    """Id and digest of each case."""


Named = Callable[[int, Sequence[str]], Mapping[str, tuple[str, str]]]
"""Number of an execution and ids of some of its cases → file and name of each."""


def edits(executions: Iterable[Execution]) -> list[Edit]:
    """When case files changed, as these executions tell."""
    listed = list(executions)
    places = {id(execution): place for place, execution in enumerate(listed)}
    steps = [
        Step(e.started_ns, places[id(e)], e.kind is ExecutionKind.EDIT,
             tuple((record.case, record.digest) for record in e.cases))
        for e in sorted(listed, key=lambda e: (e.started_ns, e.number))
    ]  # fmt: skip
    return edits_in(steps, lambda place, _: {r.case: (r.file, r.name) for r in listed[place].cases})


def edits_in(steps: Iterable[Step], named: Named) -> list[Edit]:
    """When case files changed, oldest first: each time a case was judged by another text than
    before. Its first text is a change only where the history says so. ``steps`` are in order of
    time."""
    held: dict[str, str] = {}
    known: set[tuple[tuple[str, str], ...]] = set()
    changes: list[tuple[int, str, str]] = []
    for step in steps:
        if step.covers in known:
            continue
        changed = [
            case
            for case, digest in step.covers
            if held.get(case, "" if step.edit else digest) != digest
        ]
        held.update(step.covers)
        if changed:
            known.clear()
            names = named(step.number, changed)
            changes += [(step.started_ns, *names[case]) for case in changed if case in names]
        known.add(step.covers)
    return _gathered(changes)


def _gathered(changes: Iterable[tuple[int, str, str]]) -> list[Edit]:
    """Changes in order of time → edits."""
    made: list[Edit] = []
    open_edits: dict[str, int] = {}
    for at_ns, file, name in changes:
        at = open_edits.get(file)
        if at is not None and at_ns - made[at].at_ns <= ONE_SAVE_NS:
            if name not in made[at].cases:
                made[at] = msgspec.structs.replace(made[at], cases=(*made[at].cases, name))
            continue
        open_edits[file] = len(made)
        made.append(Edit(file=file, at_ns=at_ns, cases=(name,)))
    return made


def compare_edit(executions: Iterable[Execution], edit: Edit) -> Comparison:
    """The results of a file's cases before one of its edits, against those of today."""
    of_file = [
        msgspec.structs.replace(execution, cases=cases)
        for execution in executions
        if (cases := tuple(record for record in execution.cases if record.file == edit.file))
    ]
    earlier = [execution for execution in of_file if execution.started_ns < edit.at_ns]
    return compare(latest(earlier), latest(of_file), BY_TRACE)

"""Two sets of results side by side, and what flipped between them.

Results of the same traces, judged by an older and a newer case file, are paired by trace.
Results of other traces, from another version or another time, are paired by equal normalised
input: the same question asked of both. What has no partner is counted and never compared.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tracedesk.evaluation.tally import NO_STAGE, CaseTally, Scores, stages_of
from tracedesk.model.execution import CaseRecord, Execution
from tracedesk.model.shape import Shape
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
    number: int
    """Of the execution that found it; what was stored before is by the older text."""
    cases: tuple[str, ...]
    """Names of the cases that changed."""


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


def edits_in(steps: Iterable[Step], named: Named) -> list[Edit]:
    """When case files changed, first to last: each time a case was judged by another text than
    before. Its first text is a change only where the history says so. ``steps`` are in the order
    in which they were stored."""
    held: dict[str, str] = {}
    known: set[tuple[tuple[str, str], ...]] = set()
    changes: list[_Change] = []
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
            changes += [_Change(step, *names[case]) for case in changed if case in names]
        known.add(step.covers)
    return _gathered(changes)


class _Change(NamedTuple):
    """The first step by another text of a case."""

    step: Step
    file: str
    name: str


def _gathered(changes: Iterable[_Change]) -> list[Edit]:
    """Changes in their order → edits."""
    made: list[Edit] = []
    open_edits: dict[str, int] = {}
    for step, file, name in changes:
        at = open_edits.get(file)
        if at is not None and abs(step.started_ns - made[at].at_ns) <= ONE_SAVE_NS:
            if name not in made[at].cases:
                made[at] = msgspec.structs.replace(made[at], cases=(*made[at].cases, name))
            continue
        open_edits[file] = len(made)
        made.append(Edit(file=file, at_ns=step.started_ns, number=step.number, cases=(name,)))
    return made

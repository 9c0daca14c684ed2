"""Two sets of results side by side, and what flipped between them.

Results of the same traces, judged by an older and a newer case file, are paired by trace.
Results of other traces, from another version or another time, are paired by equal normalised
input: the same question asked of both. What has no partner is counted and never compared.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from tracedesk.evaluation.tally import NO_STAGE, CaseTally, Scores, stages_of, tally_of
from tracedesk.evaluation.trends import newest_first
from tracedesk.evaluation.windows import Result, latest
from tracedesk.model.execution import Execution, ExecutionKind
from tracedesk.model.verdict import Outcome

BY_TRACE, BY_INPUT = "trace", "input"

ONE_SAVE_NS = 5_000_000_000
"""Cases that change within this time of one another changed in one edit of their file."""

Key = tuple[str, str, str]


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


def compare(before: Iterable[Result], after: Iterable[Result], pairing: str) -> Comparison:
    """Compare two sets of results, each case on a trace given once a side."""
    old, new = list(before), list(after)
    was, now = _by_key(old, pairing), _by_key(new, pairing)
    flips = sorted(_flips(was, now), key=lambda flip: (flip.file, flip.name, flip.case, flip.trace))
    sides = tally_of(old), tally_of(new)
    kinds = {(Outcome.PASS, Outcome.FAIL): "broken", (Outcome.FAIL, Outcome.PASS): "mended"}
    sorted_in: dict[str, list[Flip]] = {"broken": [], "mended": [], "others": []}
    for flip in flips:
        sorted_in[kinds.get((flip.was, flip.now), "others")].append(flip)
    paired = was.keys() & now.keys()
    return Comparison(
        pairing=pairing,
        before=sides[0].scores(),
        after=sides[1].scores(),
        broken=tuple(sorted_in["broken"]),
        mended=tuple(sorted_in["mended"]),
        others=tuple(sorted_in["others"]),
        paired=len(paired),
        unpaired_before=_unpaired(old, paired, pairing),
        unpaired_after=_unpaired(new, paired, pairing),
        cases=tuple(_changes(sides[0].cases, sides[1].cases)),
    )


def _key(result: Result, pairing: str) -> Key | None:
    execution, record = result
    if record.outcome is Outcome.SKIPPED:
        return None
    if pairing == BY_TRACE:
        return ("", execution.trace, record.case)
    if not execution.input_key:
        return None
    return (execution.agent_id, execution.input_key, record.case)


def _by_key(results: Iterable[Result], pairing: str) -> dict[Key, Result]:
    """The newest result of each key; of equally new ones always the same."""
    found: dict[Key, Result] = {}
    for result in sorted(results, key=newest_first):
        key = _key(result, pairing)
        if key is not None:
            found.setdefault(key, result)
    return found


def _unpaired(results: Iterable[Result], paired: Collection[Key], pairing: str) -> int:
    """Results that say something and have no partner."""
    return sum(
        record.outcome is not Outcome.SKIPPED and _key((execution, record), pairing) not in paired
        for execution, record in results
    )


def _flips(was: dict[Key, Result], now: dict[Key, Result]) -> Iterator[Flip]:
    for key in was.keys() & now.keys():
        (old, before), (new, after) = was[key], now[key]
        if before.outcome is after.outcome:
            continue
        telling = after if after.outcome is not Outcome.PASS else before
        stage = stages_of(telling)[0] if telling.outcome is Outcome.FAIL else NO_STAGE
        check = next((c for c in telling.checks if c.outcome is telling.outcome), None)
        yield Flip(
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


def _changes(before: dict[str, CaseTally], after: dict[str, CaseTally]) -> list[CaseChange]:
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


def edits(executions: Iterable[Execution]) -> list[Edit]:
    """When case files changed, oldest first: each time a case was judged by another text than
    before. Its first text is a change only where the history says so."""
    held: dict[str, str] = {}
    changes: list[tuple[int, str, str]] = []
    for execution in sorted(executions, key=lambda e: (e.started_ns, e.number)):
        for record in execution.cases:
            before = held.get(record.case)
            held[record.case] = record.digest
            new = before is None and execution.kind is ExecutionKind.EDIT
            if new or before not in (None, record.digest):
                changes.append((execution.started_ns, record.file, record.name))
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

"""What test cases say of traces now, against what they said before: which verdicts flipped.

Each case on each trace has one standing before and one now. Only a pair of them is compared;
a case or a trace that has no earlier word is counted as new, never as a change. Beside
``regressions``, which compares scores of whole windows, this tells the assertion that turned.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from tracedesk.evaluation.gate import (
    BROKEN,
    FAILED,
    MUST_FAIL,
    OK,
    MarkFault,
    Result,
    Subject,
)
from tracedesk.model.execution import CaseRecord, CheckRecord
from tracedesk.model.mark import Mark
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testcases.models import Case, CaseFile, Diagnostic

BAD = (Outcome.FAIL, Outcome.MISSING, Outcome.ERROR)

Key = tuple[str, str, str]
"""Trace file (blank for a stored trace), trace id and case."""


class Said(msgspec.Struct, frozen=True):
    """What one case said of one trace before."""

    record: CaseRecord
    revision: int | None = None
    """Of the trace it was said of; None when that is not known."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion that came out otherwise; None where it was not there."""

    assertion: str
    target: str
    line: int
    was: Outcome | None
    now: Outcome | None
    before: str = ""
    """The reason it gave then."""
    reason: str = ""
    """The reason it gives now."""
    span: str | None = None


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """One case on one trace that came out otherwise."""

    trace: str
    source: str | None
    """Trace file; None for a stored trace."""
    case: str
    name: str
    file: str
    line: int
    was: Outcome
    now: Outcome
    turns: tuple[Turn, ...] = ()
    worse: bool = False
    """A pass was lost, and nobody expected that it would be."""

    @property
    def kind(self) -> str:
        """``pass→fail``."""
        return f"{self.was}→{self.now}"


class Lone(msgspec.Struct, frozen=True, kw_only=True):
    """A case that is only on one side, and what it said there."""

    case: str
    name: str
    file: str
    line: int
    outcomes: dict[Outcome, int]


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that changed between then and now."""

    base: str
    """What was compared with, in words."""
    flips: tuple[Flip, ...]
    """By case file, case and trace; lost passes first."""
    new: tuple[Lone, ...]
    """Cases that said nothing before."""
    removed: tuple[Lone, ...]
    """Cases that are gone from their files."""
    compared: int
    """Cases on traces with a standing before and now."""
    uncompared: int
    """Cases on traces of which the case is known, but not what it said of this trace."""
    same_text: int
    """Of those compared, how many were said by the very text of the case that is there now."""

    @property
    def counts(self) -> dict[str, int]:
        """Flips by kind, lost passes first."""
        kinds = Counter(flip.kind for flip in self.flips)
        return dict(sorted(kinds.items(), key=lambda item: _rank(item[0])))

    @property
    def worse(self) -> int:
        """How many passes were lost."""
        return sum(flip.worse for flip in self.flips)


_ORDER = tuple(map(str, (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.MISSING)))


def _rank(kind: str) -> tuple[int, ...]:
    return tuple(_ORDER.index(word) if word in _ORDER else 9 for word in kind.split("→"))


def compare(
    results: Sequence[Result],
    said: Mapping[Key, Said],
    base: str,
    *,
    files: Iterable[CaseFile],
    subjects: Iterable[Subject],
    name_of: Callable[[Case], str] = lambda case: case.id,
) -> Backtest:
    """Compare the results of these case files on these traces with what was said before.
    ``name_of`` gives the third part of a case's key."""
    known = {case for _, _, case in said}
    flips: list[Flip] = []
    new: dict[str, list[Result]] = {}
    compared = uncompared = same_text = 0
    for result in results:
        name = name_of(result.case)
        before = said.get((result.subject.source or "", result.subject.id, name))
        if name not in known:
            new.setdefault(name, []).append(result)
        elif before is None or before.revision not in (None, result.subject.revision):
            uncompared += 1
        else:
            compared += 1
            same_text += bool(result.case.digest) and before.record.digest == result.case.digest
            flips += _flip(result, before.record)
    flips.sort(key=lambda f: (not f.worse, f.file, f.line, f.name, f.source or "", f.trace))
    return Backtest(
        base=base,
        flips=tuple(flips),
        new=tuple(_new(found) for found in new.values()),
        removed=tuple(_removed(said, files, subjects, name_of)),
        compared=compared,
        uncompared=uncompared,
        same_text=same_text,
    )


def standing(outcome: Outcome, checks: Iterable[CheckRecord | Verdict]) -> Outcome:
    """The outcome of a case as the gate takes it: a pass in which something is missing is
    incomplete, which is no pass."""
    missing = outcome is Outcome.PASS and any(
        check.outcome is Outcome.MISSING and check.weight > 0 for check in checks
    )
    return Outcome.MISSING if missing else outcome


def _flip(result: Result, before: CaseRecord) -> Iterator[Flip]:
    verdict = result.verdict
    was = standing(before.outcome, before.checks)
    now = standing(verdict.outcome, verdict.verdicts)
    if was is now:
        return
    yield Flip(
        trace=result.subject.id,
        source=result.subject.source,
        case=result.case.id,
        name=verdict.name,
        file=verdict.file,
        line=verdict.line,
        was=was,
        now=now,
        turns=tuple(_turns(before.checks, verdict)),
        worse=_worse(was, now, result),
    )


def _worse(was: Outcome, now: Outcome, result: Result) -> bool:
    """A pass that was lost; of a case that must fail, a failure that was lost. A trace that is
    known to be bad is expected to fail."""
    if MUST_FAIL in result.case.tags:
        return was is Outcome.FAIL and now is not Outcome.SKIPPED
    if result.subject.mark == Mark.BAD and now is Outcome.FAIL:
        return False
    return was is Outcome.PASS and now in BAD


def _turns(before: Sequence[CheckRecord], verdict: CaseVerdict) -> Iterator[Turn]:
    """The assertions of a case whose outcome is another one. They are paired by id, or by place
    where the earlier ones have none."""
    older = {check.assertion or f"#{at}": check for at, check in enumerate(before)}
    by_place = not any(check.assertion for check in before)
    for at, found in enumerate(verdict.verdicts):
        check = older.pop(f"#{at}" if by_place else found.assertion, None)
        if check is not None and check.target != found.target:
            yield _gone(check, verdict)
            check = None
        if check is not None and check.outcome is found.outcome:
            continue
        yield Turn(
            assertion=found.assertion,
            target=found.target,
            line=found.line,
            was=check.outcome if check else None,
            now=found.outcome,
            before=check.reason if check else "",
            reason=found.reason,
            span=_span(found),
        )
    yield from (_gone(check, verdict) for check in older.values())


def _gone(check: CheckRecord, verdict: CaseVerdict) -> Turn:
    return Turn(
        assertion=check.assertion,
        target=check.target,
        line=verdict.line,
        was=check.outcome,
        now=None,
        before=check.reason,
    )


def _span(found: Verdict) -> str | None:
    spans = (e.span for e in found.evidence if e.span and e.role in ("decided", "violated"))
    near = found.near_misses[0].span if found.near_misses else None
    return next(spans, near)


def _new(found: Sequence[Result]) -> Lone:
    first = found[0].verdict
    return Lone(
        case=first.case,
        name=first.name,
        file=first.file,
        line=first.line,
        outcomes=dict(Counter(result.verdict.outcome for result in found)),
    )


def _removed(
    said: Mapping[Key, Said],
    files: Iterable[CaseFile],
    subjects: Iterable[Subject],
    name_of: Callable[[Case], str],
) -> Iterator[Lone]:
    """Cases that are in none of the files which they were in."""
    read = {file.path: file for file in files}
    present = {name_of(case) for file in read.values() for case in file.cases}
    traces = {(subject.source or "", subject.id) for subject in subjects}
    gone: dict[str, list[CaseRecord]] = {}
    for (source, trace, case), before in said.items():
        if case not in present and before.record.file in read and (source, trace) in traces:
            gone.setdefault(case, []).append(before.record)
    for records in gone.values():
        first = records[0]
        yield Lone(
            case=first.case,
            name=first.name,
            file=first.file,
            line=0,
            outcomes=dict(Counter(record.outcome for record in records)),
        )


def flip_status(
    test: Backtest,
    diagnostics: Iterable[Diagnostic],
    faults: Sequence[MarkFault] = (),
    *,
    allow_flips: bool = False,
    allow_missing: bool = False,
) -> int:
    """The exit status of a comparison: 0 nothing was lost, whatever failed before and still
    does; 1 a pass was lost, or a mark does not hold; 2 a load error."""
    if any(d.is_error for d in diagnostics):
        return BROKEN
    lost = any(
        flip.worse and not (allow_missing and flip.now is Outcome.MISSING) for flip in test.flips
    )
    return FAILED if faults or (lost and not allow_flips) else OK


def record_of(result: Result) -> CaseRecord:
    """A result as something that was said before."""
    verdict = result.verdict
    return CaseRecord(
        case=verdict.case,
        name=verdict.name,
        file=verdict.file,
        digest=result.case.digest,
        outcome=verdict.outcome,
        score=verdict.score,
        weight=verdict.weight,
        reason=verdict.reason,
        checks=tuple(
            CheckRecord(
                assertion=found.assertion,
                target=found.target,
                outcome=found.outcome,
                score=found.score,
                weight=found.weight,
                reason=found.reason,
            )
            for found in verdict.verdicts
        ),
    )

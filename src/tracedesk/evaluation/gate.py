"""A whole run of cases over traces: its totals and whether it may pass a gate.

The one place that turns verdicts into an exit status (assertion spec 10.6). Nothing decided
is not a success, and neither is a file that could not be read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec
from msgspec.structs import replace

from tracedesk.assertions import Settings
from tracedesk.evaluation.run import DEFAULT_SETTINGS, applies_to, count, evaluate_case
from tracedesk.evaluation.scores import quality
from tracedesk.model.agent import Agent
from tracedesk.model.mark import Mark
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testcases.models import Case, Diagnostic

if TYPE_CHECKING:
    from tracedesk.evaluation.advice import Seen

MUST_FAIL = "must_fail"
"""Tag of cases whose traces are known to be bad and must stay red."""

OK, FAILED, BROKEN = 0, 1, 2


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A trace to be checked."""

    id: str
    source: str | None
    """Trace file; None for a stored trace."""
    agent: Agent | None
    """Whose trace it is; None when unknown, and every case then applies."""
    load: Callable[[Agent | None], tuple[Trace, Reading]]
    """Decode and read it as a trace of an agent."""
    revision: int | None = None
    """Of a stored trace."""
    mark: str | None = None
    """``good`` or ``bad`` where a person said so of a stored trace."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case on one trace."""

    subject: Subject
    reading: Reading
    case: Case
    verdict: CaseVerdict


def evaluate_subject(
    subject: Subject,
    cases: Iterable[Case],
    agents: Sequence[Agent],
    seen: "Seen | None" = None,
    base: Settings = DEFAULT_SETTINGS,
) -> Iterator[Result]:
    """Every active case that is meant for the trace. A trace of which nobody knows the agent
    is taken as one of the agent that the case names. ``seen`` takes notice of its names."""
    loaded: dict[str | None, tuple[Trace, Reading]] = {}
    for case in cases:
        if not case.active or not applies_to(case, subject.agent):
            continue
        agent = _taken_as(subject, case, agents)
        key = agent.id if agent else None
        if key not in loaded:
            loaded[key] = subject.load(agent)
            if seen is not None:
                seen.count(agent, first=len(loaded) == 1)
                seen.note(agent, *loaded[key])
        trace, reading = loaded[key]
        verdict = evaluate_case(case, trace, reading, agent, base=base)
        yield Result(subject=subject, reading=reading, case=case, verdict=verdict)


def evaluated_again(result: Result, agents: Sequence[Agent], base: Settings) -> Result:
    """The same case on the same trace, by what is known now."""
    agent = _taken_as(result.subject, result.case, agents)
    trace, reading = result.subject.load(agent)
    verdict = evaluate_case(result.case, trace, reading, agent, base=base)
    return replace(result, verdict=verdict)


def _taken_as(subject: Subject, case: Case, agents: Sequence[Agent]) -> Agent | None:
    """Whose trace it is, or is taken for by a case that names somebody."""
    if subject.agent is not None or case.agent is None:
        return subject.agent
    return next((agent for agent in agents if case.agent in (agent.id, agent.name)), None)


def detached_results(subject: Subject, results: Iterable[Result]) -> list[Result]:
    """Results on one trace as plain data, for another process: the trace cannot be loaded there,
    of the cases there are but the ids, and only what has to be explained brings its reading
    along, which they share, so that it travels once."""
    from tracedesk.evaluation.readings import detached

    plain: dict[int, Reading] = {}
    nothing = Reading()
    found: list[Result] = []
    for result in results:
        reading = nothing
        if result.verdict.outcome not in (Outcome.PASS, Outcome.SKIPPED):
            known = plain.get(id(result.reading))
            reading = known or plain.setdefault(id(result.reading), detached(result.reading))
        case = Case(id=result.case.id, name="", file="", line=0)
        verdict = result.verdict
        found.append(Result(subject=subject, reading=reading, case=case, verdict=verdict))
    return found


def detached_subject(subject: Subject) -> Subject:
    """The trace as plain data."""
    return replace(subject, load=_elsewhere)


def _elsewhere(_: Agent | None) -> NoReturn:
    raise LookupError("the trace was evaluated in another process")


class JudgeTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What became of everything that was for a judge to decide."""

    asked: int = 0
    """Decided by answers of this run."""
    cached: int = 0
    skipped: int = 0
    """No judge, or it was not asked."""
    failed: int = 0


_STATES = {"failed": "failed", "unasked": "skipped", "pending": "skipped"}


def judge_totals(verdicts: Iterable[Verdict]) -> JudgeTotals | None:
    """Totals over these verdicts and their children; None when no judge had anything to do."""
    counts: dict[str, int] = {}
    waiting = list(verdicts)
    while waiting:
        verdict = waiting.pop()
        waiting.extend(verdict.children)
        judged = verdict.judged
        if judged is not None and not verdict.children:
            answered = "cached" if judged.cached else "asked"
            state = _STATES.get(judged.state, answered)
            counts[state] = counts.get(state, 0) + 1
    return JudgeTotals(**counts) if counts else None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The headline numbers of a run."""

    traces: int
    cases: int
    assertions: int
    outcomes: dict[Outcome, int]
    quality: float | None
    """0 to 100; None when nothing was decided."""
    judge: JudgeTotals | None = None
    """None when there was nothing for a judge."""


def totals_of(results: Iterable[Result], traces: int) -> Totals:
    """Totals over all results; cases whose ``when`` is false are not in them."""
    counted = [r for r in results if r.verdict.outcome is not Outcome.SKIPPED]
    outcomes = count(found for result in counted for found in result.verdict.verdicts)
    return Totals(
        traces=traces,
        cases=len({result.case.id for result in counted}),
        assertions=sum(outcomes.values()),
        outcomes=outcomes,
        quality=quality(result.verdict for result in counted),
        judge=judge_totals(found for result in counted for found in result.verdict.verdicts),
    )


class MarkFault(msgspec.Struct, frozen=True, kw_only=True):
    """A marked trace that is not as its mark says."""

    trace: str
    mark: str
    failing: tuple[str, ...] = ()
    """Names of the cases that fail on a trace known to be good."""

    def __str__(self) -> str:
        if not self.failing:
            return f"trace {self.trace} is marked {self.mark}, and no case fails on it"
        return f"trace {self.trace} is marked {self.mark}, and fails: {', '.join(self.failing)}"


def mark_faults(
    subjects: Iterable[Subject], results: Iterable[Result], *, whole: bool
) -> list[MarkFault]:
    """Traces marked good on which a case fails, and, when the ``whole`` of the test cases ran,
    traces marked bad on which none does. A case that must fail says nothing against a good
    trace, and of a bad one it is as good as any."""
    failing: dict[str, list[Case]] = {}
    for result in results:
        if result.subject.mark and result.verdict.outcome is Outcome.FAIL:
            failing.setdefault(result.subject.id, []).append(result.case)
    faults = []
    for subject in subjects:
        cases = failing.get(subject.id, [])
        if subject.mark == Mark.BAD and whole and not cases:
            faults.append(MarkFault(trace=subject.id, mark=subject.mark))
        names = tuple(case.name for case in cases if MUST_FAIL not in case.tags)
        if subject.mark == Mark.GOOD and names:
            faults.append(MarkFault(trace=subject.id, mark=subject.mark, failing=names))
    return faults


def exit_status(
    results: Iterable[Result],
    diagnostics: Iterable[Diagnostic],
    *,
    allow_missing: bool = False,
    faults: Sequence[MarkFault] = (),
) -> int:
    """0 everything passed and is complete; 1 something failed, is missing, a mark does not hold,
    or nothing was decided; 2 a load error or an ``error`` verdict. Where a trace is known to be
    bad and some case fails on it, what else is wrong with it is no news."""
    listed = list(results)
    if any(d.is_error for d in diagnostics):
        return BROKEN
    if any(result.verdict.outcome is Outcome.ERROR for result in listed):
        return BROKEN
    decided = any(
        found.outcome.decided
        for result in listed
        if result.verdict.outcome is not Outcome.SKIPPED
        for found in result.verdict.verdicts
    )
    red = {r.subject.id for r in listed if _known_bad(r) and r.verdict.outcome is Outcome.FAIL}
    good = all(
        _passes(result, allow_missing=allow_missing)
        for result in listed
        if result.subject.id not in red or MUST_FAIL in result.case.tags
    )
    return OK if decided and good and not faults else FAILED


def _known_bad(result: Result) -> bool:
    return result.subject.mark == Mark.BAD


def _passes(result: Result, *, allow_missing: bool) -> bool:
    outcome = result.verdict.outcome
    if outcome is Outcome.SKIPPED:
        return True
    if MUST_FAIL in result.case.tags:
        return outcome is Outcome.FAIL
    missing = any(
        found.outcome is Outcome.MISSING and found.weight > 0 for found in result.verdict.verdicts
    )
    if missing and not allow_missing:
        return False
    return outcome is Outcome.PASS or (outcome is Outcome.MISSING and allow_missing)

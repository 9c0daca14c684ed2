"""A whole run of cases over traces: its totals and whether it may pass a gate.

The one place that turns verdicts into an exit status (assertion spec 10.6). Nothing decided
is not a success, and neither is a file that could not be read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec
from msgspec.structs import replace

from tracedesk.evaluation.run import applies_to, count, evaluate_case
from tracedesk.evaluation.scores import quality
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Outcome
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


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case on one trace."""

    subject: Subject
    reading: Reading
    case: Case
    verdict: CaseVerdict


def evaluate_subject(
    subject: Subject, cases: Iterable[Case], agents: Sequence[Agent], seen: "Seen | None" = None
) -> Iterator[Result]:
    """Every active case that is meant for the trace. A trace of which nobody knows the agent
    is taken as one of the agent that the case names. ``seen`` takes notice of its names."""
    by_name = {name: agent for agent in agents for name in (agent.id, agent.name)}
    loaded: dict[str | None, tuple[Trace, Reading]] = {}
    for case in cases:
        if not case.active or not applies_to(case, subject.agent):
            continue
        agent = subject.agent or by_name.get(case.agent or "")
        key = agent.id if agent else None
        if key not in loaded:
            loaded[key] = subject.load(agent)
            if seen is not None:
                seen.count(agent, first=len(loaded) == 1)
                seen.note(agent, *loaded[key])
        trace, reading = loaded[key]
        verdict = evaluate_case(case, trace, reading, agent)
        yield Result(subject=subject, reading=reading, case=case, verdict=verdict)


def detached_result(result: Result) -> Result:
    """The result as plain data, for another process: the trace cannot be loaded there, of the
    case there is but the id, and only what has to be explained brings its reading along."""
    from tracedesk.evaluation.readings import detached

    fine = result.verdict.outcome in (Outcome.PASS, Outcome.SKIPPED)
    return Result(
        subject=replace(result.subject, load=_elsewhere),
        reading=Reading() if fine else detached(result.reading),
        case=Case(id=result.case.id, name="", file="", line=0),
        verdict=result.verdict,
    )


def _elsewhere(_: Agent | None) -> NoReturn:
    raise LookupError("the trace was evaluated in another process")


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The headline numbers of a run."""

    traces: int
    cases: int
    assertions: int
    outcomes: dict[Outcome, int]
    quality: float | None
    """0 to 100; None when nothing was decided."""


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
    )


def exit_status(
    results: Iterable[Result], diagnostics: Iterable[Diagnostic], *, allow_missing: bool = False
) -> int:
    """0 everything passed and is complete; 1 something failed, is missing, or nothing was
    decided; 2 a load error or an ``error`` verdict."""
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
    good = all(_passes(result, allow_missing=allow_missing) for result in listed)
    return OK if decided and good else FAILED


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

"""Cases × one trace → verdicts. Pure: nothing is read, nothing is kept.

A verdict depends on the assertion, the trace, its clock and the settings alone. Whatever
goes wrong unexpectedly becomes an ``error`` verdict; nothing that was written is left out.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from tracedesk.assertions import Settings, evaluate
from tracedesk.evaluation.scores import case_outcome, case_score, quality, trace_outcome
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testcases.models import Case, Check, Diagnostic
from tracedesk.testcases.when import When

log = logging.getLogger(__name__)

DEFAULT_SETTINGS = Settings()

_PROBLEMS: Final = attrgetter("problems")


class TraceVerdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the test cases say about one trace."""

    trace: str
    revision: int
    cases: tuple[CaseVerdict, ...] = ()
    outcome: Outcome | None = None
    """The worst of the cases that apply; None when there is none."""
    score: float | None = None
    """Weighted mean of the case scores, from 0 to 1."""
    counts: dict[Outcome, int] = {}
    """Assertions by outcome, those of skipped cases left out."""
    pending: bool = False
    """A result is still to come: for a newer revision, a changed case, or a quiet sender."""
    stale: frozenset[str] = frozenset()
    """Ids of cases whose file is broken, so that these are its last good results,
    and of cases that changed since: their results are older than the file."""
    brief: bool = False
    """Some case comes without its assertions, since their evidence was let go; it is found
    again when the trace is opened."""


def applies_to(case: Case, agent: Agent | None) -> bool:
    """Whether a case is meant for traces of this agent; without an agent, every case is."""
    if case.agent is None or agent is None:
        return True
    return case.agent == agent.id or case.agent.casefold() == agent.name.casefold()


def evaluate_case(
    case: Case,
    trace: Trace,
    reading: Reading,
    agent: Agent | None = None,
    known: Mapping[str, Verdict] = {},
    limit_s: float | None = None,
    base: Settings = DEFAULT_SETTINGS,
) -> CaseVerdict:
    """One case on one trace. Never raises.

    ``known`` holds verdicts of this trace by check digest; they are not found again. After
    ``limit_s`` no further assertion is begun: those left are errors. One that has begun ends by
    the limits of its own kind; nothing can stop it from outside.
    """
    end = None if limit_s is None else time.monotonic() + limit_s
    broken = bool(case.problems) or any(map(_PROBLEMS, case.checks))
    reason = _told(case.problems[0]) if case.problems else ""
    if case.when is not None:
        refusal, fault = _refusal(case.when, trace, reading, agent)
        if fault is not None:
            broken, reason = True, reason or f"'when' could not be decided: {fault}"
        elif refusal is not None and not broken:
            return _verdict(case, (), Outcome.SKIPPED, f"'when' does not hold: {refusal}")
    settings = settings_for(agent, base)
    found: list[Verdict] = []
    for check in case.checks:
        verdict = _again(known.get(check.digest), check) if known else None
        if verdict is None and end is not None and time.monotonic() >= end:
            verdict = _late(case, check, limit_s)
        found.append(verdict or check_verdict(check, trace, reading, agent, settings))
    verdicts = tuple(found)
    outcome = case_outcome(verdicts, case.threshold, broken=broken)
    return _verdict(case, verdicts, outcome, reason)


def _late(case: Case, check: Check, limit_s: float | None) -> Verdict:
    """The verdict of an assertion whose case has used up its time."""
    told = f"not begun: the case '{case.name}' took longer than {limit_s:g} s on this trace"
    return _undecided(check, Outcome.ERROR, told, "timeout")


def settings_for(agent: Agent | None, base: Settings = DEFAULT_SETTINGS) -> Settings:
    """How the traces of an agent are evaluated, with all else as in ``base``; one object for all
    of the same settings, so that cases share what is prepared of a trace."""
    return _settings(agent.timezone, base) if agent else base


@lru_cache(maxsize=64)
def _settings(timezone: str, base: Settings) -> Settings:
    return replace(base, timezone=timezone)


def _again(verdict: Verdict | None, check: Check) -> Verdict | None:
    """A verdict found before, told at the line where its assertion stands now."""
    if verdict is None or verdict.outcome is Outcome.ERROR:  # an error may have been the clock's
        return None
    if verdict.awaited or (verdict.judged is not None and verdict.judged.state != "answered"):
        return None  # the judge may know more by now
    return verdict if verdict.line == check.line else replace(verdict, line=check.line)


def _verdict(
    case: Case, verdicts: tuple[Verdict, ...], outcome: Outcome, reason: str
) -> CaseVerdict:
    return CaseVerdict(
        case=case.id,
        name=case.name,
        file=case.file,
        line=case.line,
        outcome=outcome,
        score=case_score(verdicts),
        verdicts=verdicts,
        weight=case.weight,
        reason=reason,
    )


def _refusal(
    when: When, trace: Trace, reading: Reading, agent: Agent | None
) -> tuple[str | None, Exception | None]:
    """Why a condition does not hold, or what kept it from being decided."""
    try:
        return when.refusal(trace, reading, agent), None
    except Exception as fault:
        log.debug("a condition could not be decided", exc_info=True)
        return None, fault


def check_verdict(
    check: Check, trace: Trace, reading: Reading, agent: Agent | None, settings: Settings
) -> Verdict:
    """One assertion on one trace. Never raises."""
    if check.problems:
        return _undecided(check, Outcome.ERROR, _told(check.problems[0]), "load_error")
    if check.when is not None:
        refusal, fault = _refusal(check.when, trace, reading, agent)
        if fault is not None:
            told = f"'when' could not be decided: {fault}"
            return _undecided(check, Outcome.ERROR, told, "when")
        if refusal is not None:
            return _undecided(check, Outcome.SKIPPED, f"'when' does not hold: {refusal}", "when")
    try:
        return evaluate(check.assertion, trace, reading, settings, check.line)
    except Exception as fault:
        log.exception("assertion on line %d could not be evaluated", check.line)
        message = f"could not be evaluated: {type(fault).__name__}: {fault}"
        return _undecided(check, Outcome.ERROR, message, "internal")


def _undecided(check: Check, outcome: Outcome, reason: str, code: str) -> Verdict:
    assertion = check.assertion
    return Verdict(
        outcome=outcome,
        reason=reason,
        reason_code=code,
        target=assertion.target,
        assertion=assertion.id,
        name=assertion.name or "",
        line=check.line,
        weight=assertion.weight,
        stage=assertion.stage or "",
    )


def _told(problem: Diagnostic) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}: {problem.message}"


def evaluate_trace(
    trace_id: str,
    revision: int,
    trace: Trace,
    reading: Reading,
    cases: Iterable[Case],
    agent: Agent | None = None,
    base: Settings = DEFAULT_SETTINGS,
) -> TraceVerdicts:
    """All active cases that are meant for the agent, on one trace. Never raises."""
    return combined(
        trace_id,
        revision,
        tuple(
            evaluate_case(case, trace, reading, agent, base=base)
            for case in cases
            if case.active and applies_to(case, agent)
        ),
    )


def combined(
    trace_id: str,
    revision: int,
    cases: tuple[CaseVerdict, ...],
    *,
    counts: dict[Outcome, int] | None = None,
    pending: bool = False,
    stale: frozenset[str] = frozenset(),
    brief: bool = False,
) -> TraceVerdicts:
    """The case verdicts of one trace with their totals; ``counts`` when known already."""
    if counts is None:
        counts = count(v for c in cases if c.outcome is not Outcome.SKIPPED for v in c.verdicts)
    percent = quality(cases)
    return TraceVerdicts(
        trace=trace_id,
        revision=revision,
        cases=cases,
        outcome=trace_outcome(case.outcome for case in cases),
        score=None if percent is None else percent / 100,
        counts=counts,
        pending=pending,
        stale=stale,
        brief=brief,
    )


def count(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Verdicts by outcome, every outcome listed."""
    counts = dict.fromkeys(Outcome, 0)
    for verdict in verdicts:
        counts[verdict.outcome] += 1
    return counts


def moved(verdict: CaseVerdict, case: Case) -> CaseVerdict:
    """The same result for a case that only changed its place in the file."""
    if verdict.line == case.line and verdict.file == case.file and verdict.name == case.name:
        lines = case.lines
        if all(v.line == line for v, line in zip(verdict.verdicts, lines, strict=False)):
            return verdict
    return replace(
        verdict,
        file=case.file,
        name=case.name,
        line=case.line,
        verdicts=tuple(
            replace(found, line=line)
            for found, line in zip(verdict.verdicts, case.lines, strict=False)
        ),
    )

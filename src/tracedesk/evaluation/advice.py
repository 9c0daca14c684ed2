"""Advice from many traces: what no single verdict can tell about a test case.

It is never a verdict. A forbidden name that nothing has ever called or offered is most often
misspelt; a case that always passes, or never applies, protects nothing (assertion spec 10.5).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from tracedesk.assertions.known_names import forbidden_names, names_known_to
from tracedesk.evaluation.run import applies_to, settings_for
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Outcome
from tracedesk.query.names import NO, NameTest, nearest
from tracedesk.query.patterns import PatternTimeoutError
from tracedesk.query.text import counted
from tracedesk.testcases.models import Case, CaseFile, Check, Diagnostic

WINDOW: Final = 50
"""Traces, the newest ones, over which a case is said to *always* do something."""

KEPT_NAMES: Final = 20_000
"""Names kept of one agent; a trace that makes up names must not fill the memory."""

REGEX_TIMEOUT_S: Final = 0.25

Recent = Callable[[Case], Sequence[Outcome]]
"""The outcomes of a case over the newest traces it was meant for, at most ``WINDOW``."""

_ALWAYS: Final = {
    Outcome.SKIPPED: ("case_never_applies", "warning", "applied to none of the last {}"),
    Outcome.MISSING: ("always_missing", "warning", "found nothing to look at in the last {}"),
    Outcome.PASS: ("always_passes", "info", "passed on each of the last {}"),
}


class Seen:
    """The names that the traces of each agent have shown."""

    def __init__(self) -> None:
        self._agents: dict[str | None, tuple[Agent | None, set[str]]] = {}
        self._traces: dict[str | None, int] = {}

    def count(self, agent: Agent | None, *, first: bool = True) -> None:
        """Take notice that there is a trace; ``first``: it was not counted before."""
        key = agent.id if agent else None
        self._agents.setdefault(key, (agent, set()))
        self._traces[key] = self._traces.get(key, 0) + first

    def note(self, agent: Agent | None, trace: Trace, reading: Reading) -> None:
        """Remember the names of a trace of an agent that was counted."""
        names = self._agents[agent.id if agent else None][1]
        if len(names) < KEPT_NAMES:
            names |= names_known_to(trace, reading, settings_for(agent))

    def absorb(self, other: "Seen") -> None:
        """Take over what another has seen."""
        for key, (agent, names) in other._agents.items():
            self._agents.setdefault(key, (agent, set()))[1].update(names)
            self._traces[key] = self._traces.get(key, 0) + other._traces[key]

    def of(self, case: Case) -> set[str]:
        """All names seen in traces that the case is meant for."""
        found = [names for agent, names in self._agents.values() if applies_to(case, agent)]
        return found[0] if len(found) == 1 else set().union(*found)

    def traces_of(self, case: Case) -> int:
        """How many traces were counted that the case is meant for."""
        fitting = (key for key, (agent, _) in self._agents.items() if applies_to(case, agent))
        return sum(self._traces[key] for key in fitting)


def advise(
    cases: Iterable[Case], seen: Seen, recent: Recent, *, misspelt_only: bool = False
) -> list[Diagnostic]:
    """What the traces say about these cases, in file order; drafts and broken cases aside.

    ``misspelt_only`` keeps, of the forbidden names that were never seen, those with a known
    name near: a handful of files proves nothing about a name that merely did not occur.
    """
    found: list[Diagnostic] = []
    for case in cases:
        if not case.active or case.problems:
            continue
        if not seen.traces_of(case):
            if case.agent is not None and not misspelt_only:
                message = f"no trace of the agent '{case.agent}' is stored"
                found.append(_about(case, "unused_case_agent", "info", message))
            continue
        found += _never_seen(case, seen, misspelt_only)
        found += _always(case, recent(case))
    return sorted(found, key=lambda each: (each.file, each.line, each.column))


def with_advice(files: Iterable[CaseFile], advice: Iterable[Diagnostic]) -> list[CaseFile]:
    """The files, each with the advice about it among its diagnostics; ``info`` is left out."""
    told: dict[str, list[Diagnostic]] = defaultdict(list)
    for each in advice:
        if each.severity != "info":
            told[each.file].append(each)
    return [
        replace(file, diagnostics=(*file.diagnostics, *told[file.path]))
        if file.path in told
        else file
        for file in files
    ]


def _never_seen(case: Case, seen: Seen, misspelt_only: bool) -> list[Diagnostic]:
    found = []
    names = seen.of(case)
    for check in case.checks:
        for test in forbidden_names(check.assertion) if not check.problems else ():
            if _occurs(test, names):
                continue
            meant = None if test.mode == "regex" else nearest(test.name, sorted(names))
            if meant is None and misspelt_only:
                continue
            told = (
                f"'{test.name}' is forbidden, but no trace has ever called it or had it on offer"
                f" ({counted(seen.traces_of(case), 'trace')} looked at)"
            )
            found.append(_of_check(case, check, told, meant))
    return found


def _occurs(test: NameTest, names: set[str]) -> bool:
    try:
        return any(test.test(names, tool, REGEX_TIMEOUT_S) != NO for tool in (False, True))
    except PatternTimeoutError:
        return True  # the verdicts say that the pattern is too slow


def _always(case: Case, outcomes: Sequence[Outcome]) -> list[Diagnostic]:
    if len(outcomes) < WINDOW or len(set(outcomes)) != 1 or outcomes[0] not in _ALWAYS:
        return []
    code, severity, words = _ALWAYS[outcomes[0]]
    message = f"'{case.name}' {words.format(counted(len(outcomes), 'trace'))}"
    return [_about(case, code, severity, message)]


def _about(case: Case, code: str, severity: str, message: str) -> Diagnostic:
    return Diagnostic(
        file=case.file, line=case.line, column=1, severity=severity, code=code, message=message
    )


_NAMED_BY: Final = ("expected_name", "forbidden")
"""Fields that hold a forbidden name."""


def _of_check(case: Case, check: Check, message: str, meant: str | None) -> Diagnostic:
    line = next((check.places[key] for key in _NAMED_BY if key in check.places), check.line)
    return Diagnostic(
        file=case.file,
        line=line,
        column=check.column,
        severity="warning",
        code="never_seen",
        message=f"{message}; did you mean '{meant}'?" if meant else message,
        suggestion=meant,
    )

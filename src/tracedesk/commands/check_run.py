"""One run of ``tracedesk check``: which cases on which traces, and what could not be read.

Traces come from files, which then stay decoded for the next run, or from the store.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.structs import replace

from tracedesk.assertions import Settings
from tracedesk.commands.check_judge import judge_at_hand, wait_for
from tracedesk.commands.common import fail
from tracedesk.commands.processes import spread
from tracedesk.evaluation.advice import WINDOW, Seen, advise
from tracedesk.evaluation.files import FileTraces
from tracedesk.evaluation.gate import (
    Result,
    Subject,
    detached_results,
    detached_subject,
    evaluate_subject,
)
from tracedesk.evaluation.judging import judged_again
from tracedesk.formats.saved import SavedFault, saved_requests
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.mark import Mark
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Outcome
from tracedesk.query.filter import Filter
from tracedesk.testcases.load import load_paths
from tracedesk.testcases.models import Case, CaseFile, Diagnostic
from tracedesk.testcases.when import Subject as Asked
from tracedesk.testcases.when import facts
from tracedesk.workspace import Workspace

if TYPE_CHECKING:
    from tracedesk.store.database import Store
    from tracedesk.store.rows import TraceRow


class Source(Protocol):
    """Where the traces come from."""

    stored: bool
    diagnostics: Sequence[Diagnostic]
    """What could not be read."""

    def subjects(self, share: int = 0, of: int = 1) -> Iterator[Subject]:
        """The traces, each to be decoded when it is looked at: all, or one share of several."""

    def held(self) -> AbstractContextManager[None]:
        """Until this ends, all traces that were gone through can be decoded again."""

    def keep_decoded(self) -> None:
        """Get ready for runs that are repeated."""


class Files:
    """Traces of files, read once."""

    stored = False

    def __init__(self, paths: Iterable[Path], workspace: Workspace, agent: Agent | None) -> None:
        found = FileTraces(workspace.agents, agent)
        for path in paths:
            found.take(saved_requests(path))
        self.diagnostics: Sequence[Diagnostic] = [_diagnostic(fault) for fault in found.faults]
        self._subjects = [kept.subject(workspace.roles) for kept in found.traces]

    def subjects(self, share: int = 0, of: int = 1) -> Iterator[Subject]:
        return iter(self._subjects[share::of])

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def keep_decoded(self) -> None:
        """Decode each trace once."""
        self._subjects = [replace(s, load=_Once(s)) for s in self._subjects]


class _Once:
    """Loads a subject once for each agent."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._loaded: dict[str | None, tuple[Trace, Reading]] = {}

    def __call__(self, agent: Agent | None) -> tuple[Trace, Reading]:
        key = agent.id if agent else None
        if key not in self._loaded:
            self._loaded[key] = self._subject.load(agent)
        return self._loaded[key]

    def forget(self) -> None:
        """Keep nothing decoded; it is loaded anew when it is asked for again."""
        self._loaded.clear()


class Stored:
    """The stored traces of one agent or of all, in order of their last change."""

    stored = True
    diagnostics: Sequence[Diagnostic] = ()

    def __init__(
        self, workspace: Workspace, agent: Agent | None, *, marked_only: bool = False
    ) -> None:
        self._workspace = workspace
        self._agent = agent
        self._marked_only = marked_only
        self._store: Store | None = None

    def _wanted(self, row: "TraceRow") -> bool:
        return (self._agent is None or row.agent_id == self._agent.id) and not (
            self._marked_only and row.mark is None
        )

    def subjects(self, share: int = 0, of: int = 1) -> Iterator[Subject]:
        from tracedesk.evaluation.load import stored_subject

        if self._store is None:  # in a process of its own
            with self.held():
                yield from () if self._store is None else self.subjects(share, of)
            return
        store, roles = self._store, self._workspace.roles
        agents = {agent.id: agent for agent in self._workspace.agents}
        sequence = place = 0
        while rows := store.changed_since(sequence):
            sequence = rows[-1].sequence
            for row in rows:
                if self._wanted(row):
                    if place % of == share:
                        yield stored_subject(store, row, agents.get(row.agent_id), roles)
                    place += 1

    @contextmanager
    def held(self) -> Iterator[None]:
        from tracedesk.store.errors import StoreError

        if not self._workspace.database.exists():
            yield
            return
        try:
            with self._workspace.open_store(read_only=True) as self._store:
                yield
        except StoreError as fault:
            fail(str(fault))
        finally:
            self._store = None

    def keep_decoded(self) -> None:
        """Stored traces are as many as they are: they are decoded again, and may be others."""


class Run(msgspec.Struct, kw_only=True):
    """What came of it."""

    case_files: list[CaseFile]
    results: list[Result]
    diagnostics: list[Diagnostic]
    """Of case files, then of traces, then advice."""
    subjects: list[Subject]
    """Traces that were looked at and fit the filter."""
    earlier: list[Result] = []
    """What earlier versions of the cases said of the same traces."""

    @property
    def traces(self) -> int:
        return len(self.subjects)


def case_files(workspace: Workspace, paths: Sequence[Path]) -> list[CaseFile]:
    """The case files in these places, read."""
    known = [agent for agent in workspace.agents if agent is not LOCAL_AGENT]
    names = {name for agent in known for name in (agent.id, agent.name)} or None
    return load_paths(paths, workspace.root, agents=names)


def run(
    workspace: Workspace,
    files: list[CaseFile],
    source: Source,
    chosen: Filter,
    jobs: int = 1,
    earlier: Sequence[Case] = (),
    *,
    ask_judge: bool = True,
) -> Run:
    """Every case on every trace that fits the filter, in ``jobs`` processes; ``earlier`` versions
    of the cases on the same traces too. One process is enough where a judge is asked: it is the
    judge who takes the time."""
    cases = [case for file in files for case in file.cases]
    with judge_at_hand(workspace, [*cases, *earlier], ask=ask_judge) as (judge, base):
        jobs = 1 if judge else jobs
        with nullcontext() if jobs > 1 else source.held():
            whole = _evaluated(workspace, source, chosen, cases, earlier, jobs, base)
            results = [result for _, found in whole.results for result in found]
            before = whole.earlier
            if judge is not None and workspace.judge is not None:
                wait_for(judge, workspace.judge.wait_s)
                results = judged_again(results, workspace.agents, base)
                before = judged_again(before, workspace.agents, base)
    diagnostics = [d for file in files for d in file.diagnostics]
    diagnostics += source.diagnostics
    diagnostics += _advice(cases, whole.seen, results, stored=source.stored)
    return Run(
        case_files=files,
        results=results,
        diagnostics=diagnostics,
        subjects=[subject for subject, _ in whole.results],
        earlier=before,
    )


def _evaluated(
    workspace: Workspace,
    source: Source,
    chosen: Filter,
    cases: Sequence[Case],
    earlier: Sequence[Case],
    jobs: int,
    base: Settings,
) -> "_Share":
    """What there is to be found at once."""

    def evaluate(share: int) -> _Share:
        done = _Share()
        for subject in source.subjects(share, jobs):
            once = _Once(subject)
            asked = replace(subject, load=once)
            if not chosen.terms or _fits(asked, chosen):
                found = evaluate_subject(asked, cases, workspace.agents, done.seen, base)
                done.results.append((asked, list(found)))
                done.earlier += evaluate_subject(asked, earlier, workspace.agents, base=base)
            once.forget()
        return done

    if jobs == 1:
        return evaluate(0)
    shares = spread(lambda share: _detached(evaluate(share)), jobs)
    return _joined(shares, cases, earlier)


class _Share(msgspec.Struct):
    """What one process found."""

    results: list[tuple[Subject, list[Result]]] = []
    """By trace, in order."""
    earlier: list[Result] = []
    seen: Seen = msgspec.field(default_factory=Seen)


def _detached(done: _Share) -> _Share:
    """The share as it can leave its process."""
    results: list[tuple[Subject, list[Result]]] = []
    for subject, found in done.results:
        plain = detached_subject(subject)
        results.append((plain, detached_results(plain, found)))
    earlier: list[Result] = []
    for _, each in groupby(done.earlier, key=lambda result: id(result.subject)):
        found = list(each)
        earlier += detached_results(detached_subject(found[0].subject), found)
    return _Share(results, earlier, done.seen)


def _joined(shares: Sequence[_Share], cases: Sequence[Case], earlier: Sequence[Case]) -> _Share:
    """All shares as one; traces were dealt out in turns and come back so."""
    by_id, earlier_by_id = ({case.id: case for case in each} for each in (cases, earlier))
    whole = _Share()
    for turn in zip_longest(*(share.results for share in shares)):
        for each in turn:
            if each is not None:
                subject, found = each
                attached = [replace(r, case=by_id[r.case.id]) for r in found]
                whole.results.append((subject, attached))
    for share in shares:
        whole.earlier += [replace(r, case=earlier_by_id[r.case.id]) for r in share.earlier]
        whole.seen.absorb(share.seen)
    return whole


def _fits(subject: Subject, chosen: Filter) -> bool:
    trace, reading = subject.load(subject.agent)
    told: dict[str, Any] = {
        **facts(Asked(trace, reading, subject.agent)),
        "id": [subject.id],
        "mark": subject.mark or Mark.NONE,
    }
    return chosen.matches(told)


def _advice(
    cases: Sequence[Case], seen: Seen, results: Sequence[Result], *, stored: bool
) -> list[Diagnostic]:
    """What all these traces together tell about the cases."""
    outcomes: dict[str, list[Outcome]] = {}
    for result in results:
        outcomes.setdefault(result.case.id, []).append(result.verdict.outcome)
    return advise(
        cases,
        seen,
        lambda case: outcomes.get(case.id, [])[-WINDOW:],
        misspelt_only=not stored,
    )


def _diagnostic(fault: SavedFault) -> Diagnostic:
    return Diagnostic(
        file=fault.source,
        line=fault.line or 1,
        column=1,
        code="unreadable-trace",
        message=fault.message,
    )

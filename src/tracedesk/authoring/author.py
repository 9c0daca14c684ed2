"""What a screen asks for while test cases are written: one object over a workspace at work.

Everything here may take long and is for workers. Errors are ``SaveError`` and ``EditError`` for
what a person did, StoreError for the database.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tracedesk.assertions import Settings
from tracedesk.authoring.candidates import Candidate, Offer, offer
from tracedesk.authoring.effects import NEWEST, Effects, effects
from tracedesk.authoring.place import Place
from tracedesk.authoring.preview import Preview, preview
from tracedesk.authoring.saving import Edits, Saved, SaveError, content
from tracedesk.authoring.scope import Scope, kept_to, scope_of
from tracedesk.authoring.targets import (
    Target,
    new_case,
    new_path,
    new_text,
    next_status,
    targets,
    with_assertion,
    with_case,
)
from tracedesk.authoring.trial import Trial, tried
from tracedesk.authoring.vocabulary import NEWEST as NAMES_FROM
from tracedesk.authoring.vocabulary import Vocabulary
from tracedesk.evaluation.load import Loaded, load_trace
from tracedesk.evaluation.run import applies_to, settings_for
from tracedesk.model.agent import Agent
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.testcases.edit import EditError, set_status
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile

if TYPE_CHECKING:
    from tracedesk.model.reading import Reading
    from tracedesk.model.trace import Trace
    from tracedesk.store.database import Store
    from tracedesk.store.rows import TraceRow
    from tracedesk.workspace import Workspace


class Written(msgspec.Struct, frozen=True):
    """An assertion or case that was written, and what it says of the open trace."""

    saved: Saved
    file: str
    line: int = 0
    verdict: Verdict | None = None
    case: CaseVerdict | None = None


class Author:
    """See the module. ``settings`` gives what traces are evaluated by; its judge asks nothing."""

    def __init__(
        self,
        store: "Store",
        workspace: "Callable[[], Workspace]",
        agents: Callable[[], Mapping[str, Agent]],
        files: Callable[[], Sequence[CaseFile]],
        settings: Callable[[], Settings],
    ) -> None:
        self._store = store
        self._workspace = workspace
        self._agents = agents
        self._files = files
        self._settings = settings
        self.edits = Edits()
        self.last: Target | None = None
        """Where the last assertion was written."""

    # -- asserting ----------------------------------------------------------------------

    def offer(self, place: Place, row: "TraceRow", trace: "Trace", reading: "Reading") -> Offer:
        """The candidates for a place of a trace."""
        return offer(place, trace, reading, self._settings_of(row))

    def effects(
        self,
        candidates: Sequence[Candidate],
        row: "TraceRow",
        scope: Scope,
        tell: Callable[[Effects], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Count what candidates would say of the newest traces in a scope."""
        agent_id = self._agent_of(scope)
        stored = self._store.count(agent_id=agent_id)
        effects(
            [each.assertion for each in candidates],
            self._newest(agent_id, NEWEST),
            min(stored, NEWEST),
            stored,
            self._settings_of(row),
            tell,
            cancelled,
            lambda each: scope.holds(each, self._agents().get(each.row.agent_id)),
            scope.whose,
        )

    def scope(self, target: Target, row: "TraceRow", trace: "Trace") -> Scope:
        """The traces that the case of a target is about, or would be if it is to be made."""
        return scope_of(target, self._files(), self._agents().get(row.agent_id), trace)

    def _agent_of(self, scope: Scope) -> str | None:
        """The one agent whose traces can be in a scope, so that no others are read."""
        case = scope.case
        if case is None or case.agent is None:
            return None
        return next((a.id for a in self._agents().values() if applies_to(case, a)), None)

    def targets(self, row: "TraceRow", skipped: Container[str] = ()) -> list[Target]:
        """Where an assertion about a trace may be written, the last place used first if what is
        there says something of the trace.
        ``skipped``: ids of cases that do not apply to the trace."""
        agent = self._agents().get(row.agent_id)
        found = targets(self._files(), agent, self._folder(), skipped)
        last = self.last
        first = [
            each
            for each in found
            if last and each.fits and (each.file, each.case) == (last.file, last.case)
        ]
        return [*first, *(each for each in found if each not in first)]

    def write(
        self,
        target: Target,
        assertion: dict[str, Any],
        row: "TraceRow",
        opened: "tuple[Trace, Reading]",
        name: str = "",
    ) -> Written:
        """Write an assertion where it was said, and run it. ``name`` is of a new case."""
        agent = self._agents().get(row.agent_id)
        path, before, after = self._draft(target, assertion, agent, opened[0], name)
        told = f"{assertion['target']} in {target.file}"
        saved = self.edits.make(path, before, after.encode(), told)
        case_id = target.case or load_text(after, target.file).cases[-1].id
        self.last = Target(target.file, case_id, target.name or name)
        return self._written(saved, after, case_id, row, opened)

    def _draft(
        self,
        target: Target,
        assertion: dict[str, Any],
        agent: Agent | None,
        trace: "Trace",
        name: str,
    ) -> tuple[Path, bytes | None, str]:
        """The file, what is in it (None: it is new), and its text with the assertion."""
        if target.new:
            path = new_path(target.file, self._root, self._folders())
            case = new_case(name, [assertion], **kept_to(None, agent, trace))
            return path, None, new_text(case, target.file)
        path = self._root / target.file
        before, text = self._read(path)
        if target.case:
            return path, before, with_assertion(text, target, assertion)
        case = new_case(name, [assertion], **kept_to(text, agent, trace))
        return path, before, with_case(text, target, case)

    def preview(
        self,
        target: Target,
        assertion: dict[str, Any],
        row: "TraceRow",
        trace: "Trace",
        cancelled: Callable[[], bool],
    ) -> Preview | None:
        """What would flip on the newest traces if an assertion were written; None when it was
        cancelled. Nothing is written."""
        agents = self._agents()
        agent = agents.get(row.agent_id)
        _, before, after = self._draft(target, assertion, agent, trace, "new")
        cases = load_text(after, target.file).cases
        case = next((c for c in cases if c.id == target.case), cases[-1])
        old = load_text(before.decode(), target.file).cases if before and target.case else ()
        traces = self._newest(self._agent_of(Scope(case)), NEWEST)
        found = next((c for c in old if c.id == target.case), None)
        return preview(found, case, traces, agents, self._settings(), cancelled)

    def _written(
        self,
        saved: Saved,
        text: str,
        case_id: str,
        row: "TraceRow",
        opened: "tuple[Trace, Reading]",
    ) -> Written:
        trial = self.tried(saved.path, text, row, opened)
        case = next((c for c in trial.file.cases if c.id == case_id), None)
        verdict = next((v for v in trial.verdicts if v.case == case_id), None)
        line = case.checks[-1].line if case is not None and case.checks else 0
        last = verdict.verdicts[-1] if verdict is not None and verdict.verdicts else None
        return Written(saved, trial.file.path, line, last, verdict)

    # -- cases and files ----------------------------------------------------------------

    def add_case(self, file: str, name: str, *, agent: str | None = None) -> Saved:
        """Add a draft of a case to a file, which is made when it is not there. It has one
        assertion, which holds of every trace without errors."""
        case = new_case(name, [{"target": "no_errors"}], agent=agent, draft=True)
        known = {each.path for each in self._files()}
        if file in known:
            path = self._root / file
            before, text = self._read(path)
            after = with_case(text, Target(file), case)
        else:
            path = new_path(file, self._root, self._folders())
            before, after = None, new_text(case, path.name)
        return self.edits.make(path, before, after.encode(), f"new case “{name}” in {file}")

    def cycle_status(self, file: str, case: str) -> tuple[Saved, str]:
        """Make an active case paused, a paused one a draft, a draft active."""
        path = self._root / file
        before, text = self._read(path)
        found = next((c for c in load_text(text, file).cases if c.id == case), None)
        if found is None:
            raise EditError(f"{file}: there is no case {case!r}; it was changed meanwhile")
        status = next_status(found.status)
        after = set_status(text, case, status, file=file)
        told = f"“{found.name}” {status}"
        return self.edits.make(path, before, after.encode(), told), status

    def _read(self, path: Path) -> tuple[bytes, str]:
        found = content(path)
        if found is None:
            raise SaveError(f"{path.name} was removed; choose another file, or a new one")
        try:
            return found, found.decode()
        except UnicodeDecodeError as fault:
            raise SaveError(f"{path.name} is not UTF-8 text (byte {fault.start})") from None

    # -- editing ------------------------------------------------------------------------

    def tried(
        self,
        path: Path,
        text: str,
        row: "TraceRow | None",
        opened: "tuple[Trace, Reading] | None",
    ) -> Trial:
        """What the loader says of a text, and the engine of the open trace."""
        agents = self._agents().values()
        return tried(
            text,
            path,
            self._root,
            agents=frozenset(word for agent in agents for word in (agent.id, agent.name)),
            agent=None if row is None else self._agents().get(row.agent_id),
            opened=opened,
            settings=self._settings(),
        )

    def vocabulary(self, agent_id: str | None) -> Vocabulary:
        """The names that the newest traces know."""
        found = Vocabulary()
        for trace in self._newest(agent_id, NAMES_FROM):
            found.note(trace)
        return found

    def agent_names(self) -> list[str]:
        return [agent.name for agent in self._agents().values()]

    # -- what all of them share ---------------------------------------------------------

    @property
    def _root(self) -> Path:
        return self._workspace().root

    def _folders(self) -> list[Path]:
        return [path for path in self._workspace().case_paths if not path.is_file()]

    def _folder(self) -> str:
        """The folder that a new file goes to, relative to the root."""
        folders = self._folders() or [self._root / "testcases"]
        inside = [each for each in folders if each.is_relative_to(self._root)]
        return (inside[0].relative_to(self._root) if inside else folders[0]).as_posix()

    def _settings_of(self, row: "TraceRow") -> Settings:
        return settings_for(self._agents().get(row.agent_id), self._settings())

    def _newest(self, agent_id: str | None, limit: int) -> Iterator[Loaded]:
        """The newest traces, one in memory at a time."""
        roles = self._workspace().roles
        for offset in range(0, limit, _ROWS):
            rows = self._store.rows(
                agent_id=agent_id, offset=offset, limit=min(_ROWS, limit - offset)
            )
            for row in rows:
                yield load_trace(self._store, row, self._agents().get(row.agent_id), roles)
            if len(rows) < _ROWS:
                return


_ROWS = 100
"""Rows of traces read at once."""

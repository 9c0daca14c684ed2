"""The composition root: one desk over one workspace.

Opens the store, owns the endpoint, the watcher and the evaluator, and is all that the
screen, ``serve`` and the tests know of what lies below. Making one is quick; ``start`` does
the rest in a thread, so that the first frame waits for no server.
"""

import gc
import logging
import sys
import threading
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tracedesk.document import trace_document
from tracedesk.listening import EndpointState
from tracedesk.model.mark import Mark
from tracedesk.opening import Opener, OpenTrace
from tracedesk.receiving import Options, Receiving, polled
from tracedesk.store.agents import remember_agents
from tracedesk.store.errors import StoreError
from tracedesk.store.ledger import Counts, Ledger, counts_since, read_ledger
from tracedesk.store.marks import set_mark
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_PORT, Workspace

if TYPE_CHECKING:
    from tracedesk.authoring.author import Author
    from tracedesk.comparing.moments import Moments, Order
    from tracedesk.comparing.rereading import Reread
    from tracedesk.config_watch import ConfigWatcher
    from tracedesk.evaluation.gather import Gatherer
    from tracedesk.testcases.models import CaseFile
    from tracedesk.testcases.watch import Watcher

__all__ = ["Desk", "OpenTrace", "Options"]

log = logging.getLogger(__name__)

SWITCH_S = 0.001
"""How long a thread that waits for the interpreter lets another one go on. A key waits for
several turns of it, so Python's own five thousandths would be felt."""

COLLECTED_AFTER = (5_000, 4, 1_000)
"""New objects between two collections of garbage, and collections of the young between those of
the older. Everything stands still meanwhile, and the screen makes much that only a collection
frees: each line it paints. 50,000 at once take 70 ms, and what was kept so took 10 MB."""


class Desk(Receiving):
    """One workspace at work. Thread-safe; ``load`` may be called from any worker."""

    def __init__(self, workspace: Workspace, options: Options = Options()) -> None:
        """Opens the workspace's database. Raises StoreError and OSError."""
        super().__init__(workspace, options)
        self.files: tuple[CaseFile, ...] = ()
        self.activity = ""
        """What is going on besides receiving and evaluating, for the header; blank mostly."""
        self.ready = threading.Event()
        """Set when the first files are read and the endpoint listens, or could not."""
        workspace.prepare()
        self._agents = {agent.id: agent for agent in workspace.agents}
        self.store = workspace.open_store()
        self._names: dict[str, str] = {}
        self._names = self._remember_agents()
        self.store.agent_names = lambda: self._names
        self._before = self.ledger()
        self.store.verdict_of = self._outcome
        self._quiet_s = options.quiet_s
        self._changes = 0
        self._opener = Opener(self.store, lambda: self._agents, lambda: self.workspace.roles)
        self._in_the_end: Counts | None = None
        self._watcher: Watcher | None = None
        self._config_watcher: ConfigWatcher | None = None
        self._starter: threading.Thread | None = None

    # -- life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start watcher, evaluator and endpoint in the background; see ``ready``."""
        self._starter = threading.Thread(target=self._start, name="desk-start", daemon=True)
        self._starter.start()

    def stop(self) -> None:
        """Stop everything; whatever was accepted is committed before this returns."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._starter is not None:
            self._starter.join()
        self._stop_changes()
        if self._evaluator is not None:
            self._evaluator.stop()
        if self._judge is not None:
            self._judge.stop()
        for watcher in (
            self._config_watcher, self._watcher, self._keeper, self._sketcher, self._polling
        ):  # fmt: skip
            if watcher is not None:
                watcher.stop()
        self._listener.close()
        if self.options.listen:
            self._in_the_end = self._settled_counts()
        self.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        try:
            with self._changed() as at_work:
                if at_work:
                    self._receive()
                    self._watch()
                    self._own()
        except Exception as fault:  # the screen must live and say so
            log.exception("the desk could not start")
            self._now(EndpointState("failed", message=str(fault)))
        finally:
            self.ready.set()
            # what is alive now stays; collections then look only at what came later
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTED_AFTER)
            sys.setswitchinterval(SWITCH_S)

    def _watch(self) -> None:
        from tracedesk.config_watch import ConfigWatcher

        self._read_anew_if_rules_changed()
        self._watch_cases()
        self._begin_evaluating()
        self._config_watcher = ConfigWatcher(self.workspace.root, self._reconfigure, self.say)
        self._config_watcher.start()

    def _watch_cases(self) -> None:
        from tracedesk.testcases.watch import Watcher

        self.read_cases()
        self._watcher = Watcher(
            self.workspace.case_paths,
            self.workspace.root,
            self._take_files,
            agents=self._agent_names(),
        )
        self._watcher.start()

    def _reconfigure(self, workspace: Workspace) -> None:
        """``tracedesk.toml`` was saved: agents, test-case paths, redaction and the rules of
        reading apply at once; where the endpoint listens and how the database is kept are
        settled for this run."""
        with self._changed() as at_work:
            if at_work:
                self._use(workspace)

    def _use(self, workspace: Workspace) -> None:
        later = [
            f"[{table}]"
            for table, moved in (
                ("endpoint", workspace.endpoint != self.workspace.endpoint),
                ("storage", workspace.encryption != self.workspace.encryption),
            )
            if moved
        ]
        judge_changed = (self.workspace.judge, self.workspace.prices) != (
            workspace.judge,
            workspace.prices,
        )
        self.workspace = workspace
        self._listener.redaction.use(workspace.redaction)
        before = polled(self._agents.values())
        self._agents = {agent.id: agent for agent in workspace.agents}
        self._names = self._remember_agents()
        self._opener.close_all()
        if self._evaluator is not None:
            self._evaluator.stop()
        if self._watcher is not None:
            self._watcher.stop()
        self._read_anew_if_rules_changed()
        if judge_changed:
            self._take_judge()
        self._watch_cases()
        self._begin_evaluating()
        self._keep_within_limits()
        if polled(self._agents.values()) != before:
            self._poll_n8n()
        what = " and ".join(later)
        self.say(f"{what} of tracedesk.toml: from the next start on" if later else "")

    def _remember_agents(self) -> dict[str, str]:
        """Agent id → name, of all that ever were; traces of removed ones keep their name."""
        names = {agent.id: agent.name for agent in self._agents.values()}
        try:
            return remember_agents(self.store, names)
        except StoreError as fault:  # a locked database: the names are known here all the same
            log.warning("the names of agents could not be kept: %s", fault)
            return self._names | names

    def _read_anew_if_rules_changed(self) -> None:
        remembered, settings = self.workspace.read_by, self.workspace.reading_settings()
        if not remembered.exists() or remembered.read_text(encoding="utf-8") != settings:
            self.store.forget_summaries()
            remembered.touch(mode=0o600)
            remembered.chmod(0o600)
            remembered.write_text(settings, encoding="utf-8")

    def evaluate_all(self, timeout_s: float = 600.0, *, record: bool = False) -> bool:
        """Read the case files and evaluate every stored trace, for commands that do not stay.
        ``record`` keeps what was evaluated as executions; only where no desk owns the endpoint,
        which does that itself. False when it took longer than allowed."""
        self.read_cases()
        evaluator = self._begin_evaluating(ask=False, record=record)
        return evaluator.settle(timeout_s, recorded=record)

    def _take_files(self, files: "list[CaseFile]") -> None:
        self.files = tuple(files)
        if self._evaluator is not None:
            self._evaluator.set_files(files)
        self._changes += 1

    def read_cases(self) -> None:
        """Read the case files once; all that commands which do not watch need."""
        from tracedesk.testcases.load import load_paths

        paths, root = self.workspace.case_paths, self.workspace.root
        self.files = tuple(load_paths(paths, root, agents=self._agent_names()))
        self._changes += 1

    def _agent_names(self) -> frozenset[str]:
        """What a test case may name as its agent."""
        return frozenset(word for agent in self._agents.values() for word in (agent.id, agent.name))

    # -- what is going on ---------------------------------------------------------------

    def revision(self) -> tuple[int, int, int]:
        """Changes whenever anything on the screen may have changed; cheap enough for 10 Hz."""
        evaluated = self._evaluator.version() if self._evaluator else 0
        return (self.store.revision(), evaluated, self._changes)

    def mark(self, row: TraceRow, mark: Mark, note: str | None = None) -> bool:
        """Mark a trace as known good or known bad, or take its mark away; False when it is no
        longer stored. Raises StoreError."""
        return set_mark(self.store, row.number, mark, note)

    def ledger(self) -> Ledger:
        """What became of everything that was ever sent here. Raises StoreError."""
        return read_ledger(self.store)

    def counts(self) -> Counts:
        """What became of what was sent since this desk was opened; after ``stop``, in the end.
        Raises StoreError."""
        return self._in_the_end or counts_since(self._before, self.ledger())

    def _settled_counts(self) -> Counts:
        try:
            self.store.writer.run(lambda _: None).result()  # the last refusals go along
            return self.counts()
        except StoreError as fault:
            log.warning("the ledger could not be read: %s", fault)
            return Counts()

    @cached_property
    def gatherer(self) -> "Gatherer":
        """Scores and failure matrix of the history of executions."""
        from tracedesk.evaluation.gather import Gatherer

        return Gatherer(self.store)

    @cached_property
    def author(self) -> "Author":
        """Writes test cases: candidates, their effects, edits that can be taken back."""
        from tracedesk.authoring.author import Author

        return Author(
            self.store,
            lambda: self.workspace,
            lambda: self._agents,
            lambda: self.files,
            lambda: self._settings(ask=False),
        )

    # -- traces -------------------------------------------------------------------------

    def agent_name(self, agent_id: str) -> str:
        """The name it is or was last configured under; the id of one never seen."""
        return self._names.get(agent_id, agent_id)

    def load(self, trace_id: str) -> OpenTrace | None:
        """See ``Opener.load``: for workers. Raises StoreError."""
        return self._opener.load(trace_id)

    def load_revision(self, row: TraceRow, revision: int) -> OpenTrace | None:
        """See ``Opener.load_revision``: for workers. Raises StoreError."""
        return self._opener.load_revision(row, revision)

    def sketch(self, trace_id: str) -> OpenTrace | None:
        """See ``Opener.sketch``. Raises StoreError."""
        return self._opener.sketch(trace_id, self._sketcher)

    def reread(self, trace_id: str) -> "list[Reread] | None":
        """Decode a trace anew from its kept bytes by the rules of this moment, and say what reads
        differently than before; None when it is no longer stored. For workers. Raises StoreError.
        """
        from tracedesk.comparing.rereading import reread_differences

        row = self.store.row(trace_id)
        if row is None:
            return None
        index = self.store.spans(trace_id)
        before = self._opener.let_go(trace_id)
        opened = self.load(trace_id)
        if opened is None or opened.row.revision != row.revision:
            return None if opened is None else []
        return reread_differences(row, index, before, opened.trace, opened.reading)

    def moments(self, opened: OpenTrace, order: "Order") -> "Moments":
        """The steps through an open trace. For workers. Raises StoreError."""
        from tracedesk.comparing.moments import moments_of

        agent = self._agents.get(opened.row.agent_id)
        return moments_of(
            self.store, opened.row, opened.trace, opened.tree, agent, self.workspace.roles, order
        )

    def describe(self, row: TraceRow) -> Mapping[str, Any]:
        """The JSON object of ``GET /public/traces/{id}`` and ``show --json``."""
        opened = self.load(row.id)
        assert opened is not None, "the row was just read from the store"
        return self.document(opened)

    def document(self, opened: OpenTrace) -> Mapping[str, Any]:
        """The same of a trace that is open, or of an earlier revision of one."""
        return trace_document(
            opened.row,
            opened.trace,
            opened.tree,
            opened.reading,
            self.agent_name(opened.row.agent_id),
            self.evaluate(opened),
        )

    def digest(self, row: TraceRow, tokens: int | None = None) -> str:
        """A trace as a page of Markdown, at most about ``tokens`` long."""
        from tracedesk.digest import DEFAULT_TOKENS, digest

        opened = self.load(row.id)
        assert opened is not None, "the row was just read from the store"
        return digest(
            opened.row,
            opened.trace,
            opened.tree,
            opened.reading,
            self.agent_name(row.agent_id),
            self.evaluate(opened),
            tokens=tokens or DEFAULT_TOKENS,
        )

    def curl(self, row: TraceRow) -> str:
        """Commands that make a stored trace anew at this desk's endpoint."""
        from tracedesk.owner import announced_url
        from tracedesk.sending.curl import curl_commands
        from tracedesk.sending.outgoing import of_stored

        url = self.endpoint.url or announced_url(self.workspace)
        requests = of_stored(self.store.requests(row.id))
        url = url or f"http://127.0.0.1:{DEFAULT_PORT}"
        return curl_commands(row.id, requests, url, self.workspace.root)

"""The composition root: one desk over one workspace.

Opens the store, owns the endpoint, the watcher and the evaluator, and is all that the
screen, ``serve`` and the tests know of what lies below. Making one is quick; ``start`` does
the rest in a thread, so that the first frame waits for no server.
"""

import gc
import logging
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from tracedesk.document import trace_document
from tracedesk.listening import EndpointState, Listener
from tracedesk.model.agent import Agent
from tracedesk.model.execution import Execution
from tracedesk.model.mark import Mark
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.opening import Opener, OpenTrace
from tracedesk.store.agents import remember_agents
from tracedesk.store.errors import StoreError
from tracedesk.store.ledger import Counts, Ledger, counts_since, read_ledger
from tracedesk.store.marks import set_mark
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_PORT, Workspace

if TYPE_CHECKING:
    from tracedesk.assertions import Settings
    from tracedesk.authoring.author import Author
    from tracedesk.comparing.moments import Moments, Order
    from tracedesk.comparing.rereading import Reread
    from tracedesk.config_watch import ConfigWatcher
    from tracedesk.evaluation.evaluator import Evaluator
    from tracedesk.evaluation.flips import Edit
    from tracedesk.evaluation.gather import Gatherer
    from tracedesk.evaluation.progress import Progress
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.judge.judge import Progress as JudgeProgress
    from tracedesk.judge.judge import StoppableJudge
    from tracedesk.model.judgement import Judge
    from tracedesk.n8n_polling.poller import Polling
    from tracedesk.retention import Keeper
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

ASKED = "the judge is asked"
NOT_ASKED = "the judge is asked by the workbench, serve and check, and has not answered this yet"


class Options(msgspec.Struct, frozen=True):
    """What the command line or a test overrides; None leaves the configuration's word."""

    host: str | None = None
    port: int | None = None
    require_key: bool | None = None
    strict_canonical: bool | None = None
    route_by_workflow: bool | None = None
    quiet_s: float = 2.0
    """How long an OTLP trace must be quiet before it is evaluated (ingestion spec 9)."""
    listen: bool = True
    """False for commands that only read."""


class Desk:
    """One workspace at work. Thread-safe; ``load`` may be called from any worker."""

    def __init__(self, workspace: Workspace, options: Options = Options()) -> None:
        """Opens the workspace's database. Raises StoreError and OSError."""
        self.workspace = workspace
        self.options = options
        self.endpoint = EndpointState("starting" if options.listen else "off")
        self.files: tuple[CaseFile, ...] = ()
        self.activity = ""
        """What is going on besides receiving and evaluating, for the header; blank mostly."""
        self.ready = threading.Event()
        """Set when the first files are read and the endpoint listens, or could not."""
        workspace.prepare()
        self._agents: dict[str, Agent] = {agent.id: agent for agent in workspace.agents}
        self.store = workspace.open_store()
        self._names: dict[str, str] = {}
        self._names = self._remember_agents()
        self.store.agent_names = lambda: self._names
        self._before = self.ledger()
        self.store.verdict_of = self._outcome
        self._evaluator: Evaluator | None = None
        self._held = False
        self._judge: StoppableJudge | None = None
        self._changes = 0
        self._opener = Opener(self.store, lambda: self._agents, lambda: self.workspace.roles)
        self._in_the_end: Counts | None = None
        self._listener = Listener(workspace, self._endpoint_config())
        self._watcher: Watcher | None = None
        self._config_watcher: ConfigWatcher | None = None
        self._keeper: Keeper | None = None
        self._polling: Polling | None = None
        self._starter: threading.Thread | None = None
        self._stopping = threading.Event()

    def _endpoint_config(self) -> Any:
        overrides = {
            name: value
            for name in ("host", "port", "require_key", "strict_canonical", "route_by_workflow")
            if (value := getattr(self.options, name)) is not None
        }
        return msgspec.structs.replace(self.workspace.endpoint, **overrides)

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
        if self._evaluator is not None:
            self._evaluator.stop()
        if self._judge is not None:
            self._judge.stop()
        for watcher in (self._config_watcher, self._watcher, self._keeper, self._polling):
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
            if self.options.listen and not self._stopping.is_set():
                self._now(self._listener.open(self.store, lambda: self._agents, self.describe))
            self._watch()
            self._keep_within_limits()
            self._poll_n8n()
            self._now(self._listener.open_grpc(self.endpoint, self.store, lambda: self._agents))
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

    @property
    def owns_endpoint(self) -> bool:
        """Of several desks over one workspace the one that listens, or would; it alone removes
        what is beyond the limits and records executions."""
        return self.endpoint.state in ("listening", "failed")

    def _keep_within_limits(self) -> None:
        """Have ``[retention]`` observed, if this is the desk that owns the endpoint."""
        if self._keeper is not None:
            self._keeper.stop()
        if self.owns_endpoint:
            from tracedesk.retention import Keeper

            self._keeper = Keeper(self.store, self.workspace.retention)
            self._keeper.start()

    def _poll_n8n(self) -> None:
        """Look at the n8n of agents that have one, if this is the desk that owns the endpoint."""
        if self._polling is not None:
            self._polling.stop()
            self._polling = None
        agents = polled(self._agents.values())
        if agents and self.endpoint.state == "listening":
            from tracedesk.n8n_polling.poller import Polling

            settings, folder = self._listener.settings(), self.workspace.private
            self._polling = Polling(agents, self.store, settings, folder, self.say)
            self._polling.start()

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

    def _take_judge(self) -> None:
        """Have the judge that is configured now; it is not asked anything yet."""
        from tracedesk.evaluation.judging import judge_of

        if self._judge is not None:
            self._judge.stop()
        judge, prices = self.workspace.judge, self.workspace.prices
        self._judge = judge_of(judge, prices, self.store, self._judge_went_on)

    def _judge_went_on(self, progress: "JudgeProgress") -> None:
        """Say how many answers are to come, and why the last one did not."""
        if progress.waiting:
            self.say(f"{ASKED}: {progress.waiting} to come")
        elif self.activity.startswith(ASKED):
            self.say(f"{ASKED}: {progress.last_failure}" if progress.last_failure else "")

    def judge_progress(self) -> "JudgeProgress | None":
        """How far the judge is; None without one."""
        return self._judge.progress() if self._judge else None

    def _settings(self, *, ask: bool) -> "Settings":
        """What all agents' traces are evaluated by; a judge that shall not ask only tells what
        it knows."""
        from tracedesk.evaluation.judging import base_settings

        if self._judge is None:
            self._take_judge()
        judge: Judge | None = self._judge
        if self._judge is not None and not ask:
            judge = self._judge.recalling(NOT_ASKED)
        return base_settings(judge, self.workspace.judge, self.workspace.prices)

    def _begin_evaluating(self, *, ask: bool = True, record: bool = False) -> "Evaluator":
        # reading and evaluating take a fifth of a second to import, which no first frame pays
        from tracedesk.evaluation.evaluator import Evaluator
        from tracedesk.store.connections import file_kind

        evaluator = Evaluator(
            self.store,
            lambda: self._agents,
            quiet_s=self.options.quiet_s,
            roles=self.workspace.roles,
            record=record or self.owns_endpoint,
            base=self._settings(ask=ask),
            # an encrypted database is opened by the process that has its key, and no other
            assisted=file_kind(self.store.path) == "plain",
        )
        evaluator.set_files(list(self.files))
        evaluator.start()
        self._evaluator = evaluator
        return evaluator

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

    def say(self, activity: str) -> None:
        """Show in the header what is going on besides receiving; blank takes it away."""
        self.activity = activity
        self._changes += 1

    def _now(self, endpoint: EndpointState) -> None:
        self.endpoint = endpoint
        self._changes += 1

    def progress(self) -> "Progress | None":
        """How far the evaluator is; None before it runs."""
        return self._evaluator.progress() if self._evaluator else None

    def hold_evaluation(self) -> bool:
        """Pause evaluation, or go on and take up what was cancelled; whether it is paused now."""
        evaluator = self._evaluator
        if evaluator is None:
            return False
        if self._held:
            evaluator.resume()
        else:
            evaluator.pause()
        self._held = not self._held
        return self._held

    def cancel_evaluation(self) -> bool:
        """Leave undone what is due now; False when nothing is."""
        evaluator = self._evaluator
        if evaluator is None or not evaluator.progress().busy:
            return False
        evaluator.cancel()
        return True

    def last_edit(self) -> "Edit | None":
        """What the last edit of case files turned over; None before the first one here."""
        return self._evaluator.last_edit() if self._evaluator else None

    def mark(self, row: TraceRow, mark: Mark, note: str | None = None) -> bool:
        """Mark a trace as known good or known bad, or take its mark away; False when it is no
        longer stored. Raises StoreError."""
        return set_mark(self.store, row.number, mark, note)

    def totals(self) -> dict[str, int]:
        """Traces by outcome, ``pending`` and ``none``; empty before the evaluator runs."""
        return self._evaluator.totals() if self._evaluator else {}

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

    def sending_examples(self) -> str:
        """How to send the first trace, with this desk's real address."""
        from tracedesk.sending.examples import examples

        return examples(self.sending_url, keys_demanded=self.keys_demanded)

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

    @property
    def sending_url(self) -> str:
        """Where to send, or where it will be as far as is known yet."""
        return self.endpoint.url or f"http://127.0.0.1:{DEFAULT_PORT}"

    @property
    def keys_demanded(self) -> bool:
        """True where this desk's endpoint refuses a request without a key."""
        from tracedesk.endpoint.settings import EndpointSettings

        config = self._endpoint_config()
        return EndpointSettings(host=config.host, require_key=config.require_key).keys_demanded

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
        return self._opener.sketch(trace_id)

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

    def evaluate_as_of(
        self, opened: OpenTrace, trace: Trace, whole: "TraceVerdicts | None"
    ) -> "tuple[Reading, TraceVerdicts | None]":
        """How an open trace read while only ``trace`` of it was there, and which of its verdicts
        were decided by then. For workers."""
        from tracedesk.assertions.trace_index import forget
        from tracedesk.comparing.decided import verdicts_so_far
        from tracedesk.evaluation.load import reading_settings
        from tracedesk.reading import read

        agent = self._agents.get(opened.row.agent_id)
        reading = read(trace, reading_settings(agent, self.workspace.roles))
        if whole is None:
            return reading, None
        cases = [case for file in self.files for case in file.cases]
        base = self._settings(ask=False)
        try:
            return reading, verdicts_so_far(whole, cases, trace, reading, agent, base)
        finally:
            forget()  # what was prepared of the trace, which the thread would keep

    def show(self, trace_id: str) -> None:
        """Tell the evaluator which trace is open, so that its verdicts come first."""
        if self._evaluator is not None:
            self._evaluator.open(trace_id)

    def on_screen(self, trace_ids: Sequence[str]) -> None:
        """Tell the evaluator which traces are in sight; theirs come next."""
        if self._evaluator is not None:
            self._evaluator.on_screen(trace_ids)

    def advised_files(self) -> "list[CaseFile]":
        """The loaded case files, with what the stored traces say about them as warnings."""
        from tracedesk.evaluation.advice import with_advice

        advice = self._evaluator.advice() if self._evaluator else ()
        return with_advice(self.files, advice)

    def verdicts(self, trace_id: str) -> "TraceVerdicts | None":
        """What the evaluator found on a trace so far; None before it was looked at."""
        return self._evaluator.results(trace_id) if self._evaluator else None

    def run_case(self, trace_id: str, *case_ids: str) -> "Future[Execution]":
        """Run test cases on a stored trace now, whatever their status; see
        ``Evaluator.run_case``. Raises LookupError before the evaluator runs."""
        if self._evaluator is None:
            raise LookupError("test cases cannot be run yet: the workspace is still being opened")
        return self._evaluator.run_case(trace_id, *case_ids)

    def _outcome(self, trace_id: str) -> str | None:
        """For ``verdict:`` in filters; None while a trace waits for its verdicts."""
        verdicts = self.verdicts(trace_id)
        return None if verdicts is None or verdicts.pending else verdicts.outcome

    def evaluate(self, opened: OpenTrace) -> "TraceVerdicts":
        """Evaluate the loaded case files on one trace, here and now."""
        from tracedesk.assertions.trace_index import forget
        from tracedesk.evaluation.run import evaluate_trace

        row = opened.row
        cases = [case for file in self.files for case in file.cases]
        agent = self._agents.get(row.agent_id)
        base = self._settings(ask=False)
        try:
            return evaluate_trace(
                row.id, row.revision, opened.trace, opened.reading, cases, agent, base
            )
        finally:
            forget()  # what was prepared of the trace, which the thread would keep

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
        from tracedesk.listening import announced_url
        from tracedesk.sending.curl import curl_commands
        from tracedesk.sending.outgoing import of_stored

        url = self.endpoint.url or announced_url(self.workspace)
        requests = of_stored(self.store.requests(row.id))
        url = url or f"http://127.0.0.1:{DEFAULT_PORT}"
        return curl_commands(row.id, requests, url, self.workspace.root)


def polled(agents: Iterable[Agent]) -> list[Agent]:
    """The agents whose n8n is asked for executions."""
    return [agent for agent in agents if agent.n8n is not None]

"""The composition root: one desk over one workspace.

Opens the store, owns the endpoint, the watcher and the evaluator, and is all that the
screen, ``serve`` and the tests know of what lies below. ``open`` is quick; ``start`` does
the rest in a thread, so that the first frame waits for no server.
"""

import gc
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from tracedesk.document import trace_document
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.tree import SpanTree
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_PORT, Workspace

if TYPE_CHECKING:
    from tracedesk.endpoint.server import Server
    from tracedesk.evaluation.evaluator import Evaluator, Progress
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.testcases.models import CaseFile
    from tracedesk.testcases.watch import Watcher

log = logging.getLogger(__name__)

OPEN_TRACES_KEPT = 8
"""Decoded traces kept for going back and forth in the list."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class EndpointState(msgspec.Struct, frozen=True):
    """Where the endpoint is, for the header. ``url`` is None until it listens."""

    state: str
    """``starting``, ``listening``, ``attached`` (another desk owns it), ``failed`` or ``off``."""
    url: str | None = None
    message: str = ""


class OpenTrace(msgspec.Struct, frozen=True):
    """A stored trace, decoded, drawn as a tree, and read."""

    row: TraceRow
    trace: Trace
    tree: SpanTree
    reading: Reading


class Options(msgspec.Struct, frozen=True):
    """What the command line or a test overrides; None leaves the configuration's word."""

    host: str | None = None
    port: int | None = None
    require_key: bool | None = None
    strict_canonical: bool | None = None
    quiet_s: float = 2.0
    """How long an OTLP trace must be quiet before it is evaluated (ingestion spec 9)."""
    listen: bool = True
    """False for commands that only read."""


class Desk:
    """One workspace at work. Thread-safe; ``load`` may be called from any worker."""

    def __init__(self, workspace: Workspace, options: Options = Options()) -> None:
        self.workspace = workspace
        self.options = options
        self.endpoint = EndpointState("starting" if options.listen else "off")
        self.files: tuple[CaseFile, ...] = ()
        self.ready = threading.Event()
        """Set when the endpoint listens (or has failed) and the first files are read."""
        self.activity = ""
        """What is going on besides receiving and evaluating, for the header; blank mostly."""
        self._agents: dict[str, Agent] = {agent.id: agent for agent in workspace.agents}
        self._files_version = 0
        self._opened: OrderedDict[tuple[str, int], OpenTrace] = OrderedDict()
        self._opened_lock = threading.Lock()
        self._lock_file: IO[str] | None = None
        self._server: Server | None = None
        self._watcher: Watcher | None = None
        self._evaluator: Evaluator | None = None
        self._starter: threading.Thread | None = None
        self._stopping = threading.Event()
        workspace.prepare()
        self.store = Store.open(workspace.database)

    # -- life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start watcher, evaluator and endpoint in the background; see ``ready``."""
        self._starter = threading.Thread(target=self._start, name="desk-start", daemon=True)
        self._starter.start()

    def stop(self) -> None:
        """Stop everything; whatever was accepted is committed before this returns."""
        self._stopping.set()
        if self._starter is not None:
            self._starter.join()
        for part in (self._server, self._watcher, self._evaluator):
            if part is not None:
                part.stop()
        self.store.close()
        if self._lock_file is not None:
            self._lock_file.close()

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
            self._start_evaluation()
            if self.options.listen and not self._stopping.is_set():
                self._start_endpoint()
        except Exception as fault:  # the screen must live and say so
            log.exception("the desk could not start")
            self.endpoint = EndpointState("failed", message=str(fault))
        finally:
            self.ready.set()
            # what is alive now stays; collections then look only at what came later
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 1000)

    def _start_evaluation(self) -> None:
        from tracedesk.evaluation.evaluator import Evaluator
        from tracedesk.testcases.load import load_paths
        from tracedesk.testcases.watch import Watcher

        self._evaluator = Evaluator(
            self.store,
            lambda: self._agents,
            quiet_s=self.options.quiet_s,
            roles=self.workspace.roles,
        )
        root, paths = self.workspace.root, self.workspace.case_paths
        self._take_files(load_paths(paths, root))
        self._evaluator.start()
        self._watcher = Watcher(paths, root, self._take_files)
        self._watcher.start()

    def _take_files(self, files: "list[CaseFile]") -> None:
        self.files = tuple(files)
        self._files_version += 1
        if self._evaluator is not None:
            self._evaluator.set_files(files)

    # -- endpoint -----------------------------------------------------------------------

    def _start_endpoint(self) -> None:
        from tracedesk.endpoint.app import EndpointSettings, make_app
        from tracedesk.endpoint.server import PortBusy, Server

        owner = self._claim()
        if owner is not None:
            url = owner.get("url")
            self.endpoint = EndpointState(
                "attached", url, f"attached: process {owner.get('pid')} owns the endpoint"
            )
            return
        config, options = self.workspace.endpoint, self.options
        host = options.host or config.host
        asked = options.port if options.port is not None else config.port
        require_key = config.require_key if options.require_key is None else options.require_key
        strict = (
            config.strict_canonical
            if options.strict_canonical is None
            else options.strict_canonical
        )
        settings = EndpointSettings(
            host=host,
            require_key=require_key or host not in LOOPBACK_HOSTS,
            strict_canonical=strict,
            max_body_bytes=config.max_body_mib << 20,
            allowed_hosts=config.allowed_hosts,
        )
        app = make_app(settings, self.store, lambda: self._agents, self.describe)
        message = ""
        server = Server(app)
        try:
            server.bind(host, DEFAULT_PORT if asked is None else asked)
        except PortBusy as busy:
            message = f"port {busy.port} is taken by another program"
            if asked is not None or busy.next_free is None:
                free = f"; {busy.next_free} is free" if busy.next_free else ""
                self.endpoint = EndpointState("failed", message=f"{message}{free}, see --port")
                return
            server.bind(host, busy.next_free)
        except OSError as fault:
            self.endpoint = EndpointState("failed", message=f"cannot listen on {host}: {fault}")
            return
        server.start()
        self._server = server
        self.endpoint = EndpointState("listening", server.url, message)
        self._announce(server.url)

    def _claim(self) -> dict[str, Any] | None:
        """Take the workspace's lock. None when it is ours, else what its owner announced."""
        try:
            import fcntl
        except ImportError:  # no such locks on this system: every desk listens for itself
            return None
        lock = open(self.workspace.lock, "a+", encoding="utf-8")  # noqa: SIM115  held until stop
        self.workspace.lock.chmod(0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            text = lock.read()
            lock.close()
            try:
                found = json.loads(text)
            except ValueError:
                found = {}
            return found if isinstance(found, dict) else {}
        self._lock_file = lock
        return None

    def _announce(self, url: str) -> None:
        if self._lock_file is not None:
            self._lock_file.truncate(0)
            json.dump({"pid": os.getpid(), "url": url}, self._lock_file)
            self._lock_file.flush()

    def sending_examples(self) -> str:
        """How to send the first trace, with this desk's real address."""
        url = self.endpoint.url or f"http://127.0.0.1:{DEFAULT_PORT}"
        return SENDING_EXAMPLES.replace("{url}", url)

    # -- reading ------------------------------------------------------------------------

    def revision(self) -> tuple[int, int, int, str]:
        """Changes whenever anything on the screen may have changed; cheap enough for 10 Hz."""
        evaluated = self._evaluator.version() if self._evaluator else 0
        return (
            self.store.revision(),
            evaluated,
            self._files_version,
            f"{self.endpoint.state} {self.activity}",
        )

    def agent_name(self, agent_id: str) -> str:
        """The configured name, or the id of an agent no longer configured."""
        agent = self._agents.get(agent_id)
        return agent.name if agent else agent_id

    def load(self, trace_id: str) -> OpenTrace | None:
        """Decode, draw and read one stored trace; None when there is none of that id.

        Takes as long as the trace is large: call it from a worker. Raises StoreError.
        """
        row = self.store.row(trace_id)
        if row is None:
            return None
        key = (row.id, row.revision)
        with self._opened_lock:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        from tracedesk.evaluation.load import load_trace

        loaded = load_trace(self.store, row, self._agents.get(row.agent_id), self.workspace.roles)
        spans = loaded.trace.spans
        tree = SpanTree.build(
            [s.span_id for s in spans], [s.parent_id for s in spans], [s.start_ns for s in spans]
        )
        opened = OpenTrace(row, loaded.trace, tree, loaded.reading)
        with self._opened_lock:
            self._opened[key] = opened
            while len(self._opened) > OPEN_TRACES_KEPT:
                self._opened.popitem(last=False)
        return opened

    def show(self, trace_id: str) -> None:
        """Tell the evaluator which trace is open, so that its verdicts come first."""
        if self._evaluator is not None:
            self._evaluator.open(trace_id)

    def verdicts(self, trace_id: str) -> "TraceVerdicts | None":
        """What the evaluator found on a trace so far; None before it was looked at."""
        return self._evaluator.results(trace_id) if self._evaluator else None

    def progress(self) -> "Progress | None":
        """How far the evaluator is; None before it runs."""
        return self._evaluator.progress() if self._evaluator else None

    def describe(self, row: TraceRow) -> Mapping[str, Any]:
        """The JSON object of ``GET /public/traces/{id}`` and ``show --json``."""
        opened = self.load(row.id)
        assert opened is not None, "the row was just read from the store"
        return trace_document(
            opened.row,
            opened.trace,
            opened.tree,
            opened.reading,
            self.agent_name(row.agent_id),
            self.verdicts(row.id) or self.evaluate(opened),
        )

    def evaluate(self, opened: OpenTrace) -> "TraceVerdicts":
        """Evaluate the loaded case files on one trace, here and now."""
        from tracedesk.evaluation.run import evaluate_trace

        cases = [case for file in self.files for case in file.cases]
        row = opened.row
        return evaluate_trace(
            row.id,
            row.revision,
            opened.trace,
            opened.reading,
            cases,
            self._agents.get(row.agent_id),
        )

    def read_cases(self) -> None:
        """Read the case files once, for commands that do not watch."""
        from tracedesk.testcases.load import load_paths

        self.files = tuple(load_paths(self.workspace.case_paths, self.workspace.root))


SENDING_EXAMPLES = """\
curl -s {url}/public/traces -H 'Content-Type: application/json' -d '{"data": {"text": "Hello"}}'

export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-agent
"""

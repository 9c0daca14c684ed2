"""Who listens for a workspace, and where.

The first desk on a workspace holds its lock and runs the endpoint; any further one attaches
to what that desk receives. A busy port is a message that names the next free one.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from tracedesk.formats.redaction.settings import Redaction
from tracedesk.model.agent import Agent
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_GRPC_PORT, DEFAULT_PORT, EndpointConfig, Workspace

if TYPE_CHECKING:
    from tracedesk.endpoint.otlp_grpc import GrpcServer
    from tracedesk.endpoint.server import Server
    from tracedesk.endpoint.settings import EndpointSettings


TOLD_WITHIN_S = 5.0
"""How long a desk that attaches waits to be told where the owner listens, which is starting."""
_LOOK_S = 0.05


class Owner(msgspec.Struct, frozen=True):
    """What the desk that holds a workspace's lock says of itself, in the lock's own file."""

    pid: int = 0
    url: str | None = None
    """Where it listens; None until it does."""
    problem: str = ""
    """Why it cannot listen."""

    @property
    def settled(self) -> bool:
        """Is it known whether it listens?"""
        return bool(self.url or self.problem)


class EndpointState(msgspec.Struct, frozen=True):
    """Where the endpoint is, for the header and for ``serve``."""

    state: str
    """``starting``, ``listening``, ``attached`` (another desk owns it), ``failed`` or ``off``."""
    url: str | None = None
    """None until it is known where traces can be sent."""
    message: str = ""
    """What a person should know: why it failed, or that the usual port was taken."""
    grpc: str | None = None
    """Where OTLP over gRPC is received, as ``host:port``; None when it is not."""

    @property
    def host(self) -> str:
        """The address it listens on; blank until it does."""
        return (urlsplit(self.url).hostname or "") if self.url else ""

    @property
    def port(self) -> int:
        """The port it listens on; 0 until it does."""
        return (urlsplit(self.url).port or 0) if self.url else 0


class Listener:
    """The endpoint of one desk. ``open`` once, ``close`` once; neither raises for what is
    outside our hands, such as a busy port: the state says it."""

    def __init__(self, workspace: Workspace, config: EndpointConfig) -> None:
        self._workspace = workspace
        self._config = config
        self._lock: IO[str] | None = None
        self._server: Server | None = None
        self._grpc: GrpcServer | None = None
        self.redaction = Redaction(workspace.redaction)
        """What is taken out of requests; may be configured anew while listening."""

    def open(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        describe: Callable[[TraceRow], Mapping[str, Any]],
    ) -> EndpointState:
        """Listen, or attach to the desk that already does."""
        owner = self._claim()
        if owner is not None:
            owner = self._once_settled(owner)
            message = f"attached: process {owner.pid or 'unknown'} owns the endpoint"
            if owner.problem:
                message += f", which does not listen: {owner.problem}"
            return EndpointState("attached", owner.url, message)
        # uvicorn and the OTLP messages take a while to import; this runs in its own thread
        from tracedesk.endpoint.app import make_app
        from tracedesk.endpoint.server import Server

        server = Server(make_app(self.settings(), store, agents, describe))
        try:
            message = self._bind(server)
        except OSError as fault:
            problem = str(fault.strerror or fault)
            self._announce(problem=problem)
            return EndpointState("failed", message=problem)
        server.start()
        self._server = server
        self._announce(url=server.url)
        return EndpointState("listening", server.url, message)

    def open_grpc(
        self, state: EndpointState, store: Store, agents: Callable[[], Mapping[str, Agent]]
    ) -> EndpointState:
        """Receive OTLP over gRPC too, where ``state`` says that this desk listens and grpcio is
        installed; the state with its address, or with why there is none."""
        asked = self._config.grpc
        if state.state != "listening" or asked is False:
            return state
        # grpcio takes a tenth of a second to import; this too runs in its own thread
        from tracedesk.endpoint.otlp_grpc import GrpcServer, GrpcUnavailableError, installed

        if asked is None and not installed():
            return state
        usual = 0 if self._config.port == 0 else DEFAULT_GRPC_PORT
        room = None if self._server is None else self._server.room
        server = GrpcServer(self.settings(), store, agents, room)
        try:
            address = server.start(self._config.host, usual if asked in (None, True) else asked)
        except GrpcUnavailableError as fault:
            message = "; ".join(part for part in (state.message, str(fault)) if part)
            return msgspec.structs.replace(state, message=message)
        self._grpc = server
        return msgspec.structs.replace(state, grpc=address)

    def settings(self) -> "EndpointSettings":
        """What everything that takes traces in for this desk goes by."""
        from tracedesk.endpoint.settings import EndpointSettings

        config = self._config
        return EndpointSettings(
            host=config.host,
            require_key=config.require_key,
            strict_canonical=config.strict_canonical,
            max_body_bytes=config.max_body_mib << 20,
            held_bytes=config.held_mib << 20,
            request_s=config.request_s,
            idle_s=config.idle_s,
            allowed_hosts=config.allowed_hosts,
            route_by_workflow=config.route_by_workflow,
            redaction=self.redaction,
        )

    def _bind(self, server: "Server") -> str:
        """Bind the asked-for port, or the default or the next free one; what to say of it."""
        from tracedesk.endpoint.server import PortBusy

        host, asked = self._config.host, self._config.port
        try:
            server.bind(host, DEFAULT_PORT if asked is None else asked)
        except PortBusy as busy:
            said = f"port {busy.port} is taken by another program"
            if asked is not None or busy.next_free is None:
                free = f"; {busy.next_free} is free, see --port" if busy.next_free else ""
                raise OSError(busy.errno, said + free) from busy
            server.bind(host, busy.next_free)
            return said
        return ""

    def _claim(self) -> Owner | None:
        """Take the workspace's lock. None when it is ours, else what its owner announced."""
        try:
            import fcntl
        except ImportError:  # no such locks on this system: every desk listens for itself
            return None
        lock = open(self._workspace.lock, "a+", encoding="utf-8")  # noqa: SIM115  held until close
        os.chmod(self._workspace.lock, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with lock:
                lock.seek(0)
                return _announced(lock.read())
        self._lock = lock
        self._announce()  # what a killed desk left there is not true any more
        return None

    def _announce(self, url: str | None = None, problem: str = "") -> None:
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.write(msgspec.json.encode(Owner(os.getpid(), url, problem)).decode())
            self._lock.flush()

    def _once_settled(self, owner: Owner) -> Owner:
        """The owner once it says where it listens, or as it is after a while."""
        pause = threading.Event()
        for _ in range(int(TOLD_WITHIN_S / _LOOK_S)):
            if owner.settled:
                break
            pause.wait(_LOOK_S)
            with contextlib.suppress(OSError):
                owner = _announced(self._workspace.lock.read_text(encoding="utf-8"))
        return owner

    def close(self) -> None:
        """Answer what is in flight, then let go of ports and lock."""
        if self._server is not None:
            self._server.stop()
        if self._grpc is not None:
            self._grpc.stop()
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()


def announced_url(workspace: Workspace) -> str | None:
    """Where the desk at work on a workspace says that it listens; None when none does. One
    that was killed may still be named: asking there tells."""
    owner = owner_of(workspace)
    return None if owner is None else owner.url


def owner_of(workspace: Workspace) -> Owner | None:
    """The desk that owns the endpoint of a workspace, or that was killed while it did; None
    when there is none. Looks only."""
    try:
        text = workspace.lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not text:
        return None
    return _announced(text)


def is_alive(workspace: Workspace, owner: Owner) -> bool:
    """False when the owner was killed, and could not say that it ended."""
    return _exists(owner.pid) and _held(workspace)


def _announced(text: str) -> Owner:
    try:
        return msgspec.json.decode(text, type=Owner)
    except msgspec.DecodeError:  # the owner has not come to announcing yet
        return Owner()


def _exists(pid: int) -> bool:
    """Is there such a process? 0 is a desk that did not tell its number yet."""
    if not pid:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _held(workspace: Workspace) -> bool:
    """Does any process hold the lock? Where there are no such locks: as far as is known."""
    try:
        import fcntl
    except ImportError:
        return True
    with contextlib.suppress(OSError), workspace.lock.open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

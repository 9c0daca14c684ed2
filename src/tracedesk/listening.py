"""Who listens for a workspace, and where.

The first desk on a workspace holds its lock and runs the endpoint; any further one attaches
to what that desk receives, and one of them takes over, on the same port and by the same rules,
when it ends. A busy port is a message that names the next free one.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec

from tracedesk.formats.redaction.settings import Redaction
from tracedesk.model.agent import Agent
from tracedesk.owner import NOBODY, Lock, Owner, owner_of
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow
from tracedesk.workspace import DEFAULT_GRPC_PORT, DEFAULT_PORT, EndpointConfig, Workspace

if TYPE_CHECKING:
    from tracedesk.endpoint.otlp_grpc import GrpcServer
    from tracedesk.endpoint.server import Server
    from tracedesk.endpoint.settings import EndpointSettings

T = TypeVar("T")
Agents: TypeAlias = Callable[[], Mapping[str, Agent]]
Describe: TypeAlias = Callable[[TraceRow], Mapping[str, Any]]

GIVEN_UP_WITHIN_S = 2.0
"""How long a port is waited for whose owner ended. The system closes the files of a killed
process one after another: the lock may be free before the port is."""
_LOOK_S = 0.05


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
        self.config = config
        """By which rules it listens, or the owner does."""
        self._demands = config.require_key
        self._workspace = workspace
        self._lock = Lock(workspace)
        self._owner = NOBODY
        """Who listens instead."""
        self._server: Server | None = None
        self._grpc: GrpcServer | None = None
        self.redaction = Redaction(workspace.redaction)
        """What is taken out of requests; may be configured anew while listening."""

    def open(self, store: Store, agents: Agents, describe: Describe) -> EndpointState:
        """Listen, or attach to the desk that already does."""
        if self._lock.claim():
            return self._listen(store, agents, describe, self._bind)
        return self._attach(NOBODY)

    def claim(self) -> EndpointState | None:
        """Become the owner after another one ended. None when that succeeded, and ``take_over``
        or ``close`` comes next; else the state of a desk that is attached to the new owner."""
        last = owner_of(self._workspace)  # a killed one's words are there until somebody claims
        if not self._lock.claim_after(self._owner):
            return self._attach(self._owner)
        if last is not None and last.settled:
            self._owner = last
        return None

    def take_over(self, store: Store, agents: Agents, describe: Describe) -> EndpointState:
        """Listen where and as the owner did that ended."""
        before = self._owner
        port = urlsplit(before.url or "").port
        demanded = self.config.require_key or self._demands  # as much as either was told to
        self.config = msgspec.structs.replace(self.config, require_key=demanded)
        state = self._listen(store, agents, describe, lambda server: self._bind_again(server, port))
        said = f"{before.name} ended, this desk took over"
        message = "; ".join(part for part in (said, state.message) if part)
        return msgspec.structs.replace(state, message=message)

    def _attach(self, ended: Owner) -> EndpointState:
        owner = self._owner = self._lock.owner(ended)
        self.config = owner.config or self.config
        message = f"attached: {owner.name} owns the endpoint"
        if owner.problem:
            message += f", which does not listen: {owner.problem}"
        return EndpointState("attached", owner.url, message)

    def _listen(
        self, store: Store, agents: Agents, describe: Describe, bind: Callable[["Server"], str]
    ) -> EndpointState:
        # uvicorn and the OTLP messages take a while to import; this runs in its own thread
        from tracedesk.endpoint.app import make_app
        from tracedesk.endpoint.server import Server

        server = Server(make_app(self.settings(), store, agents, describe))
        try:
            message = bind(server)
        except OSError as fault:
            problem = str(fault.strerror or fault)
            self._lock.announce(problem=problem, config=self.config)
            return EndpointState("failed", message=problem)
        server.start()
        self._server = server
        self._lock.announce(url=server.url, config=self.config)
        return EndpointState("listening", server.url, message)

    def open_grpc(self, state: EndpointState, store: Store, agents: Agents) -> EndpointState:
        """Receive OTLP over gRPC too, beside the endpoint that listens, where grpcio is installed;
        the ``state`` with its address, or with why there is none."""
        asked = self.config.grpc
        if asked is False:
            return state
        # grpcio takes a tenth of a second to import; this too runs in its own thread
        from tracedesk.endpoint.otlp_grpc import GrpcUnavailableError, installed

        if asked is None and not installed():
            return state
        try:
            address = self._serve_grpc(store, agents, asked)
        except GrpcUnavailableError as fault:
            message = "; ".join(part for part in (state.message, str(fault)) if part)
            return msgspec.structs.replace(state, message=message)
        self._lock.announce(grpc=address)
        return msgspec.structs.replace(state, grpc=address)

    def _serve_grpc(self, store: Store, agents: Agents, asked: bool | int | None) -> str:
        """The address; the one of the owner that ended, if there was one. Raises
        GrpcUnavailableError."""
        from tracedesk.endpoint.otlp_grpc import GrpcServer, GrpcUnavailableError

        room = None if self._server is None else self._server.room
        self._grpc = server = GrpcServer(self.settings(), store, agents, room)
        if self._owner.grpc is not None:
            port = int(self._owner.grpc.rpartition(":")[2])
            return _given_up(lambda: server.start(self.config.host, port), GrpcUnavailableError)
        usual = 0 if self.config.port == 0 else DEFAULT_GRPC_PORT
        return server.start(self.config.host, usual if asked in (None, True) else asked)

    def settings(self) -> "EndpointSettings":
        """What everything that takes traces in for this desk goes by."""
        from tracedesk.endpoint.settings import EndpointSettings

        config = self.config
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
        asked = self.config.port
        return self._bind_port(server, DEFAULT_PORT if asked is None else asked, asked)

    def _bind_again(self, server: "Server", port: int | None) -> str:
        """Bind the port of the owner that ended, or if that did not listen any."""
        if port is None:
            return self._bind(server)
        from tracedesk.endpoint.server import PortBusy

        try:
            _given_up(lambda: server.bind(self.config.host, port), PortBusy)
        except PortBusy:
            return self._bind_port(server, port, self.config.port)
        return ""

    def _bind_port(self, server: "Server", port: int, asked: int | None) -> str:
        """Bind a port; the next free one when no other number was ``asked`` for."""
        from tracedesk.endpoint.server import PortBusy

        try:
            server.bind(self.config.host, port)
        except PortBusy as busy:
            said = f"port {busy.port} is taken by another program"
            if asked or busy.next_free is None:
                free = f"; {busy.next_free} is free, see --port" if busy.next_free else ""
                raise OSError(busy.errno, said + free) from busy
            server.bind(self.config.host, busy.next_free)
            return said
        return ""

    def close(self) -> None:
        """Answer what is in flight, then let go of ports and lock."""
        if self._server is not None:
            self._server.stop()
        if self._grpc is not None:
            self._grpc.stop()
        self._lock.release()


def _given_up(start: Callable[[], T], busy: type[Exception]) -> T:
    """What ``start`` gives, which raises ``busy`` while the one before still has the port."""
    pause = threading.Event()
    for _ in range(int(GIVEN_UP_WITHIN_S / _LOOK_S)):
        with contextlib.suppress(busy):
            return start()
        pause.wait(_LOOK_S)
    return start()

"""The HTTP server: uvicorn in a thread of its own, on a socket that was bound before, with
connections of our own (``connection``).

A busy port is therefore an exception in the caller's hands, not a thread that died. A stop
lets requests in flight finish.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tracedesk.endpoint.connection import Connection
from tracedesk.endpoint.room import Room
from tracedesk.endpoint.turns import Application

PORTS_TRIED = 100
"""How far beyond a busy port a free one is looked for."""
BACKLOG = 2048
GRACE_S = 5
"""How long a stop waits for requests in flight."""
LARGE_BLOCK = 1 << 20
"""Bytes from which a block of memory is given back as soon as it is free."""
_M_MMAP_THRESHOLD = -3
"""From malloc.h."""
MOST_FILES = 10_240
"""Files, and so connections, that are asked of the system; macOS grants no more."""


class PortBusy(OSError):  # noqa: N818
    """Another program listens on ``port``; ``next_free`` is the next port that is free."""

    def __init__(self, port: int, next_free: int | None) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is taken")
        self.port = port
        self.next_free = next_free


class Server:
    """Serves one application. ``bind``, ``start``, ``stop``, each once."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.room = Room(app.settings.held_bytes)
        """Bytes of bodies that may be held; for all that take requests beside this server too."""
        self._socket: socket.socket | None = None
        self._host = ""
        self._uvicorn: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._serving = threading.Event()

    def bind(self, host: str, port: int) -> socket.socket:
        """Listen on the address; port 0 takes any free one. Raises PortBusy, else OSError."""
        try:
            self._socket = _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortBusy(port, _next_free(host, port)) from None
        self._host = host
        return self._socket

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._socket is not None, "bind comes first"
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where programs on this machine reach the endpoint."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
        name = everywhere.get(self._host, self._host)
        return f"http://{f'[{name}]' if ':' in name and '[' not in name else name}:{self.port}"

    def start(self) -> None:
        """Serve in a daemon thread; returns once requests are being answered."""
        assert self._socket is not None, "bind comes first"
        _return_large_blocks()
        # without a handler of its own, a library's warning would be printed over the screen
        logging.getLogger("uvicorn").addHandler(logging.NullHandler())
        closed = asyncio.Event()
        config = uvicorn.Config(
            _no_asgi,
            log_config=None,
            access_log=False,
            lifespan="off",
            interface="asgi3",
            http=_connections(self._app, self.room, _most_connections(), closed),
            ws="none",
            proxy_headers=False,
            backlog=BACKLOG,
        )
        self._uvicorn = _Uvicorn(config, self._serving, closed)
        self._thread = threading.Thread(target=self._run, name="tracedesk-endpoint", daemon=True)
        self._thread.start()
        self._serving.wait()

    def stop(self) -> None:
        """Answer what is in flight, close all connections, end the thread."""
        if self._uvicorn is not None and self._thread is not None:
            self._uvicorn.ask_to_stop()
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        assert self._uvicorn is not None
        assert self._socket is not None
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            try:
                runner.run(self._uvicorn.serve(sockets=[self._socket]))
            finally:
                self._serving.set()


def _connections(
    app: Application, room: Room, most: int, closed: asyncio.Event
) -> type[asyncio.Protocol]:
    """The class of which uvicorn makes one object a connection; ``closed`` tells when one ends."""

    class Served(Connection):
        def __init__(
            self,
            config: uvicorn.Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            loop = _loop or asyncio.get_running_loop()
            super().__init__(app, server_state.connections, loop, room, most)

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            closed.set()

    return Served


def _most_connections() -> int:
    """Raise the limit of open files as far as the system lets us, and leave a quarter of it to
    the database and everything else: whoever comes beyond that is told so, where a full table
    of files would only leave him waiting."""
    try:
        import resource
    except ImportError:  # no such limit on this system
        return MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    files = MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)
    return files * 3 // 4


async def _no_asgi(scope: object, receive: object, send: object) -> None:
    """uvicorn asks for an ASGI application; our connections never call it."""


class _Uvicorn(uvicorn.Server):
    """Tells when it serves, and stops when it is told to: uvicorn itself looks ten times a second
    whether it should, and as often whether the connections are closed."""

    def __init__(
        self, config: uvicorn.Config, serving: threading.Event, closed: asyncio.Event
    ) -> None:
        super().__init__(config)
        self._serving = serving
        self._closed = closed
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask_to_stop(self) -> None:
        """From any thread, once it serves."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self._loop.call_soon_threadsafe(self._asked.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._serving.set()

    async def main_loop(self) -> None:
        await self._asked.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let those there are end within ``GRACE_S``."""
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        await asyncio.sleep(0)  # who was accepted just now is a connection after this
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while connections:
                    self._closed.clear()
                    await self._closed.wait()


def _return_large_blocks() -> None:
    """Let the memory of large bodies go back to the system once they are stored. By itself
    glibc learns from the first of them to keep such blocks: 60 MB in each thread that had one."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, which needs no telling
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # there is none for this system
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except BaseException:
        found.close()
        raise
    return found


def _next_free(host: str, port: int) -> int | None:
    for candidate in range(port + 1, min(port + 1 + PORTS_TRIED, 65536)):
        try:
            _listen(host, candidate).close()
        except OSError:
            continue
        return candidate
    return None

"""What answers the browser: the page, its assets, and a WebSocket for each session.

Every request passes the guard first. ``serve`` returns only when no session and no process of
one is left.
"""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import textual_serve
from aiohttp import WSMsgType, web

from tracedesk.commands.web_guard import COOKIE, Guard, Headers, RefusedError
from tracedesk.commands.web_page import POLICY, SCRIPT, STYLE, page
from tracedesk.commands.web_session import Session, side

ASSETS = Path(textual_serve.__file__).parent / "static"
MOST_SESSIONS = 16
"""Each is a process of about 100 MB."""
HEARTBEAT_S = 15.0
"""How soon it is noticed that a browser is gone without a word."""
ENDS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
"""Ctrl-C, a polite kill, a closed terminal."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


class Pages:
    """The application for one workspace."""

    def __init__(
        self, guard: Guard, command: Sequence[str], title: str, before: Callable[[], None]
    ) -> None:
        """``command`` is run for each session; ``before``, in a thread, is called first."""
        self._guard = guard
        self._command = command
        self._title = title
        self._before = before
        self._sessions: set[Session] = set()

    def application(self) -> web.Application:
        """The aiohttp application."""
        base = self._guard.base
        app = web.Application(middlewares=[self._admit])
        app.add_routes(
            [
                web.get("/", self._enter),
                web.get(base, self._page),
                web.get(f"{base}page.css", _fixed(STYLE, "text/css")),
                web.get(f"{base}page.js", _fixed(SCRIPT, "text/javascript")),
                web.get(f"{base}ws", self._session),
                web.static(f"{base}static", ASSETS),
            ]
        )
        app.on_response_prepare.append(_harden)
        app.on_shutdown.append(self._end_all)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._guard.check(
                Headers(
                    host=request.headers.getall("Host", []),
                    origin=request.headers.getall("Origin", []),
                    websocket="Upgrade" in request.headers,
                )
            )
            if request.path != "/":
                self._guard.check_cookie(request.cookies.get(COOKIE, ""))
            elif not self._guard.knows(request.query.get("token", "")):
                self._guard.check_cookie("")
        except RefusedError as refused:
            log.warning("web: refused %s: %s", request.remote, refused)
            return web.Response(status=403, text=f"tracedesk: {refused}\n")
        return await handler(request)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """Exchange the token for the cookie, so that it does not stay in the address bar."""
        reply = web.Response(status=303, headers={"Location": self._guard.base})
        reply.set_cookie(
            COOKIE, self._guard.cookie, path=self._guard.base, httponly=True, samesite="Lax"
        )
        return reply

    async def _page(self, request: web.Request) -> web.StreamResponse:
        address = f"ws://{request.host}"
        reply = web.Response(
            text=page(self._title, f"{address}{self._guard.base}ws"), content_type="text/html"
        )
        reply.headers["Content-Security-Policy"] = POLICY.format(socket=address)
        return reply

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if len(self._sessions) >= MOST_SESSIONS:
            log.warning("web: a session refused; %d are open", MOST_SESSIONS)
            return web.Response(status=503, text=f"{MOST_SESSIONS} sessions are open already\n")
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
        session = Session(self._command, websocket)
        self._sessions.add(session)
        try:
            await websocket.prepare(request)
            await asyncio.to_thread(self._before)
            width, height = (side(name, request.query.get(name)) for name in ("width", "height"))
            await session.start(width, height)
            async for message in websocket:
                if message.type == WSMsgType.TEXT:
                    await session.take(_decoded(message.data))
        finally:
            await session.stop()
            self._sessions.discard(session)
        return websocket

    async def _end_all(self, app: web.Application) -> None:
        await asyncio.gather(*(session.stop() for session in self._sessions))


async def serve(app: web.Application, listening: socket.socket, begun: Callable[[], None]) -> None:
    """Answer on a socket that listens until it is told to end; ``begun`` is called once it does."""
    stop = asyncio.Event()
    for number in ENDS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # no access log: it would have the token in it
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        begun()
        await stop.wait()
    finally:
        await runner.cleanup()


def _fixed(text: str, content_type: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type)

    return handle


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"

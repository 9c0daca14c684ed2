"""HTTP/1.1 on one connection: bytes in, requests to the application, replies out in order.

httptools reads the bytes, uvicorn owns the listening socket. No task, future or scope is
made for a request: through ASGI a 3 KB POST costs 23 µs before the application sees it,
here 9. Requests that are sent ahead wait their turn, and nothing more is read meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias, cast
from urllib.parse import unquote

import httptools
import msgspec

from tracedesk.endpoint.errors import Refused, too_large
from tracedesk.endpoint.replies import Reply

QUIET_S = 75
"""A connection on which nothing happens for so long is closed. Longer than the pause of a
batch exporter, so that it never meets a closing connection."""
MAX_HEAD = 64 * 1024
"""Bytes of a request line with its headers."""

Respond: TypeAlias = Callable[[Reply], None]
Handler: TypeAlias = Callable[[bytes, Respond], None]
"""Takes the body; calls ``Respond`` exactly once, now or later, on the same loop."""


class Head(msgspec.Struct, gc=False):
    """A request without its body."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    """By lower-case name; of a repeated header the last."""


class Application(Protocol):
    """What answers requests. Neither method raises."""

    max_body_bytes: int

    def admit(self, head: Head) -> Handler | Reply:
        """Whoever shall have the body, or the reply when the head alone decides."""

    def refuse(self, error: Refused) -> Reply:
        """The reply to a request that was refused outside of the application."""


class _Turn:
    """One request and where it stands."""

    __slots__ = ("bodiless", "chunks", "complete", "handler", "keep_alive", "reply", "sent", "size")

    def __init__(self, admitted: Handler | Reply, *, keep_alive: bool, bodiless: bool) -> None:
        self.handler: Handler | None = None
        self.reply: Reply | None = None
        if isinstance(admitted, Reply):
            self.reply = admitted
        else:
            self.handler = admitted
        self.keep_alive = keep_alive
        self.bodiless = bodiless
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False
        self.sent = False


class Connection(asyncio.Protocol):
    """One client. ``connections`` is where the server finds it to shut it down."""

    def __init__(
        self, app: Application, connections: set[Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._app = app
        self._connections = connections
        self._loop = loop
        self._parser: Any = httptools.HttpRequestParser(self)
        """None once the client is gone."""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._turn: _Turn | None = None
        """The request whose body is being received."""
        self._current: _Turn | None = None
        """The request whose reply is awaited."""
        self._waiting: deque[_Turn] = deque()
        """Requests that were sent ahead."""
        self._pumping = False
        self._stalled = False
        """The client does not read its replies."""
        self._deaf = False
        """What the client sends from here on means nothing."""
        self._closing = False
        self._paused = False
        self._active = loop.time()
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None

    # -- the transport's side ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._timer = self._loop.call_later(QUIET_S, self._check_quiet)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._deaf = True
        self._waiting.clear()
        self._parser = None

    def data_received(self, data: bytes) -> None:
        self._active = self._loop.time()
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # what follows is another protocol
            self.shutdown()
        except httptools.HttpParserError:
            self._reject(400, "the request is not valid HTTP")
        if self._turn is None:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._reject(431, "the request line and headers are too long")

    def eof_received(self) -> bool:
        """Half-closed: what was sent whole is still answered."""
        self._deaf = self._closing = True
        return self._current is not None or bool(self._waiting)

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._pump()

    def shutdown(self) -> None:
        """The server stops: answer what was begun, then close."""
        self._closing = True
        receiving = self._turn is not None and not self._turn.complete
        if self._current is None and not self._waiting and not receiving:
            self._transport.close()

    def _check_quiet(self) -> None:
        now, unsent = self._loop.time(), self._transport.get_write_buffer_size()
        if self._current is not None or unsent != self._unsent:
            self._active = now
        self._unsent = unsent
        left = QUIET_S - (now - self._active)
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_quiet)
        else:
            self._transport.abort()

    # -- the parser's side -------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._turn = None
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._turn is None:  # else a trailer of a chunked body, which means nothing here
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._head_size = 0
        method = self._parser.get_method().decode("ascii")
        headers = self._headers
        target = _target(self._url)
        if target is None:
            bad = Refused(400, "VALIDATION_ERROR", "the request target is not valid")
            admitted: Handler | Reply = self._app.refuse(bad)
        else:
            admitted = self._app.admit(Head(method, target[0], target[1], headers))
        keep_alive = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        self._turn = turn = _Turn(admitted, keep_alive=keep_alive, bodiless=method == "HEAD")
        expects = b"expect" in headers and headers[b"expect"].lower() == b"100-continue"
        if turn.reply is not None:
            if expects:  # the client may never send the body that it announced
                turn.keep_alive, turn.complete, self._deaf = False, True, True
            self._reply_early(turn)
        elif expects and self._current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        turn = self._turn
        if turn is None or turn.reply is not None:
            return
        turn.size += len(body)
        turn.chunks.append(body)
        if turn.size > self._app.max_body_bytes:
            turn.chunks.clear()
            turn.reply = self._app.refuse(too_large(self._app.max_body_bytes))
            self._reply_early(turn)

    def on_message_complete(self) -> None:
        turn = self._turn
        if turn is None:
            return
        turn.complete = True
        if turn.sent:
            self._finish(turn)
        elif self._current is None and not self._waiting and not self._stalled:
            self._begin(turn)
        else:
            self._waiting.append(turn)
            if not self._paused:
                self._paused = True
                self._transport.pause_reading()

    # -- turns -------------------------------------------------------------------------

    def _reply_early(self, turn: _Turn) -> None:
        """Tell the client at once, though its body is still to come, unless others are
        before it."""
        if self._current is None and not self._waiting and turn.reply is not None:
            turn.sent = True
            self._write(turn, turn.reply)
            if turn.complete:
                self._finish(turn)

    def _begin(self, turn: _Turn) -> None:
        self._current = turn
        if turn.handler is None or turn.reply is not None:
            assert turn.reply is not None
            self._respond(turn.reply)
            return
        chunks = turn.chunks
        turn.handler(chunks[0] if len(chunks) == 1 else b"".join(chunks), self._respond)

    def _respond(self, reply: Reply) -> None:
        turn, self._current = self._current, None
        if turn is None or self._parser is None:  # the client is gone
            return
        self._write(turn, reply)
        self._finish(turn)

    def _finish(self, turn: _Turn) -> None:
        self._active = self._loop.time()
        if not turn.keep_alive or (self._closing and not self._waiting):
            self._deaf = True
            self._waiting.clear()
            self._transport.close()
        elif self._waiting:
            self._pump()

    def _pump(self) -> None:
        """Answer the requests that were sent ahead, as long as replies are taken."""
        if self._pumping:
            return
        self._pumping = True
        while self._waiting and self._current is None and not self._stalled:
            self._begin(self._waiting.popleft())
        self._pumping = False
        if self._paused and not self._waiting and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _reject(self, status: int, message: str) -> None:
        """The bytes make no sense any more: say so, unless a reply is owed, and close."""
        self._deaf = self._closing = True
        if self._current is None and not self._waiting:
            refused = self._app.refuse(Refused(status, "VALIDATION_ERROR", message))
            turn = _Turn(refused, keep_alive=False, bodiless=False)
            turn.complete = True
            self._reply_early(turn)

    def _write(self, turn: _Turn, reply: Reply) -> None:
        body = reply.body
        start = _start(reply.status, reply.content_type, turn.keep_alive and not self._closing)
        extra = b"".join([b"%b: %b\r\n" % each for each in reply.headers]) if reply.headers else b""
        self._transport.write(
            b"%b%bcontent-length: %d\r\n\r\n%b"
            % (start, extra, len(body), b"" if turn.bodiless else body)
        )


@lru_cache(maxsize=256)
def _start(status: int, content_type: bytes, keep_alive: bool) -> bytes:
    closing = b"" if keep_alive else b"connection: close\r\n"
    phrase = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%b" % (status, phrase, content_type, closing)


@lru_cache(maxsize=256)
def _target(url: bytes) -> tuple[str, str] | None:
    """Path and query of a request target; None when it is none."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return None
    path = (parsed.path or b"/").decode("latin-1")
    return unquote(path) if "%" in path else path, (parsed.query or b"").decode("latin-1")

"""HTTP/1.1 on one connection: bytes in, requests to the application, replies out in order.

httptools reads the bytes, uvicorn owns the listening socket. No task, future or scope is
made for a request: through ASGI a 3 KB POST costs 23 µs before the application sees it,
here 9. Requests that are sent ahead wait their turn, and nothing more is read meanwhile.
A client that is slow costs only its own connection, and that only for a while.
"""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Any, cast

import httptools

from tracedesk.endpoint.errors import Refused, busy, timed_out, too_large
from tracedesk.endpoint.replies import Reply
from tracedesk.endpoint.room import INFLATES_MOST, SMALL, Room
from tracedesk.endpoint.turns import Application, Handler, Turn, begun, declined, malformed, wire

MAX_HEAD = 64 * 1024
"""Bytes of a request line with its headers."""
SLOWEST = 64 * 1024
"""Bytes a second that a body must bring on average, once its first ``request_s`` are over."""
STALL_S = 2.0
"""A body for which others wait may not pause for longer."""
LINGER_S = 2.0
"""How long a client that was refused amidst its request may go on sending: closed at once,
the connection would be reset and the reply lost."""
STOP_S = 0.5
"""How long a stop waits for a request of which a part was received."""
ONCE = frozenset(
    (b"host", b"x-api-key", b"x-request-id", b"content-type", b"content-encoding", b"origin")
)
"""Headers that mean nothing when they are sent twice with different values."""


class Connection(asyncio.Protocol):
    """One client. ``connections`` is where the server finds it to shut it down; beyond ``most``
    of them it is turned away. ``room`` is shared by all."""

    def __init__(
        self,
        app: Application,
        connections: set[Any],
        loop: asyncio.AbstractEventLoop,
        room: Room,
        most: int,
    ) -> None:
        self._app = app
        self._settings = app.settings
        self._connections = connections
        self._loop = loop
        self._room = room
        self._most = most
        self._parser: Any = httptools.HttpRequestParser(self)
        """None once the client is gone."""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._twice = b""
        """A header that was sent twice and may not be."""
        self._head_size = 0
        self._ended = False
        """Did a request end in the bytes that were received last?"""
        self._turn: Turn | None = None
        """The request whose body is being received."""
        self._current: Turn | None = None
        """The request whose reply is awaited."""
        self._waiting: deque[Turn] = deque()
        """Requests that were sent ahead."""
        self._pumping = False
        self._stalled = False
        """The client does not read its replies."""
        self._deaf = False
        """What the client sends from here on means nothing."""
        self._closing = False
        self._paused = False
        self._active = self._begun = loop.time()
        """When something last happened, and when the request that is received began."""
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None

    # -- the transport's side ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._tick()
        if len(self._connections) > self._most:
            self._reject(busy("too many connections are open; close some, or try again later"))

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._deaf = True
        self._parser = None
        for turn in (self._turn, self._current, *self._waiting):
            if turn is not None and (turn is not self._current or turn.crowded_out):
                self._give_back(turn)  # else its body is still at work
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._active = self._loop.time()
        if self._deaf:
            return
        self._ended = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._turn is None:  # declined, by going on as if it had not been made
                head = declined(self._parser, self._url, self._headers)
                self._parser = httptools.HttpRequestParser(self)
                self.data_received(head + data[offer.args[0] :])
                return
            self._deaf = True  # what follows is another protocol
            self.shutdown()
        except httptools.HttpParserError:
            secure = "; it looks like HTTPS, which this port does not speak: use http://"
            said = secure if data.startswith(b"\x16\x03") else ""
            self._reject(malformed(f"the request is not valid HTTP{said}"))
        if self._turn is None:
            # how much belongs to requests before this one is not known
            self._head_size += 1 if self._ended else len(data)
            if self._head_size > MAX_HEAD:
                self._reject(malformed("the request line and headers are too long", 431))

    def eof_received(self) -> bool:
        """Half-closed: what was sent whole is still answered."""
        owed = self._current is not None or bool(self._waiting)
        if self._receiving and not owed and not self._deaf:
            self._reject(malformed("the request ended before its body was complete"))
        self._deaf = self._closing = True
        return owed

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._pump()

    def shutdown(self) -> None:
        """The server stops: answer what was begun, then close."""
        self._closing = True
        if self._current is not None or self._waiting:
            return
        if self._receiving and not self._deaf:
            self._loop.call_later(STOP_S, self._stop_receiving)
        else:
            self._transport.close()

    def _stop_receiving(self) -> None:
        if self._receiving and self._current is None and not self._deaf:
            self._reject(busy("the endpoint is being stopped"))
            self._transport.close()

    @property
    def _receiving(self) -> bool:
        """Was a part of a request received?"""
        return self._head_size > 0 if self._turn is None else not self._turn.complete

    # -- the clock ---------------------------------------------------------------------

    def _tick(self) -> None:
        """Look again soon whether the client still keeps pace. Not a timer for each request:
        two a request would be a tenth of its cost."""
        wait = min(STALL_S, self._settings.request_s / 4, self._settings.idle_s / 4)
        self._timer = self._loop.call_later(wait, self._check_pace)

    def _check_pace(self) -> None:
        now, unsent = self._loop.time(), self._transport.get_write_buffer_size()
        waited_for = self._current is not None or self._crowded_out
        if waited_for or unsent != self._unsent:
            self._active = self._begun = now
        self._unsent = unsent
        quiet = now - self._active
        if not self._receiving or self._deaf:
            if quiet > self._settings.idle_s:
                self._transport.abort()
        elif self._too_slow(quiet, now - self._begun):
            if self._turn is not None and self._turn.sent:
                self._transport.abort()
            else:
                self._reject(timed_out(self._settings.request_s))
        if not self._transport.is_closing():
            self._tick()

    def _too_slow(self, quiet: float, taken: float) -> bool:
        """Of the request that is received: ``quiet`` and ``taken`` are seconds."""
        patience, turn = self._settings.request_s, self._turn
        if turn is None or turn.sent:
            return taken > patience
        wanted = turn.claim is not None and self._room.crowded and quiet > STALL_S
        return wanted or quiet > patience or taken > patience + turn.size / SLOWEST

    # -- the parser's side -------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._turn = None
        self._begun = self._active
        self._url = self._twice = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._turn is None:  # else a trailer of a chunked body, which means nothing here
            name = name.lower()
            if name in ONCE and self._headers.get(name, value) != value:
                self._twice = name
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        if b"upgrade" in self._headers and self._parser.should_upgrade() and not self._twice:
            return  # see declined
        self._head_size = 0
        self._turn = turn = begun(self._app, self._parser, self._url, self._headers, self._twice)
        if turn.reply is not None:
            if turn.expects:  # the client may never send the body that it announced
                turn.keep_alive, turn.complete, self._deaf = False, True, True
            self._reply_early(turn)
        elif turn.expects and self._current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        turn = self._turn
        if turn is None or turn.reply is not None:
            return
        turn.size += len(body)
        turn.chunks.append(body)
        if turn.size > SMALL:
            most = self._settings.max_body_bytes
            if turn.size > most:
                self._refuse_body(turn, too_large(most))
            elif turn.claim is None:
                inflated = most if turn.encoded else 0
                self._make_room(turn, (turn.length or most) + inflated)

    def on_message_complete(self) -> None:
        turn = self._turn
        if turn is None:
            return
        turn.complete = self._ended = True
        if turn.sent:
            self._finish(turn)
        elif self._current is None and not self._waiting and not self._stalled:
            self._begin(turn)
        else:
            self._waiting.append(turn)
            self._read_or_not()

    # -- turns -------------------------------------------------------------------------

    def _reply_early(self, turn: Turn) -> None:
        """Tell the client at once, though its body is still to come, unless others are
        before it."""
        free = self._current is None and not self._waiting and not self._stalled
        if free and turn.reply is not None:
            turn.sent = True
            self._write(turn, turn.reply)
            if turn.complete:
                self._finish(turn)

    def _begin(self, turn: Turn) -> None:
        self._current = turn
        if turn.handler is None or turn.reply is not None:
            assert turn.reply is not None
            self._respond(turn.reply)
            return
        if turn.encoded and turn.claim is None:
            most = self._settings.max_body_bytes
            self._make_room(turn, min(most, turn.size * INFLATES_MOST))
        if not turn.crowded_out:
            self._hand_over(turn, turn.handler)

    def _hand_over(self, turn: Turn, handler: Handler) -> None:
        chunks, turn.chunks = turn.chunks, []
        turn.handler = None  # it keeps the body, and the turn stays until the next request
        handler(chunks[0] if len(chunks) == 1 else b"".join(chunks), self._respond)

    def _respond(self, reply: Reply) -> None:
        turn, self._current = self._current, None
        if turn is None:
            return
        if turn.claim is not None:
            self._give_back(turn)
        if self._parser is None:  # the client is gone
            return
        self._write(turn, reply)
        self._finish(turn)

    def _finish(self, turn: Turn) -> None:
        self._active = self._loop.time()
        if not turn.keep_alive or (self._closing and not self._waiting):
            self._deaf = True
            self._waiting.clear()
            if turn.complete:
                self._transport.close()
            else:
                self._linger()
        elif self._waiting:
            self._pump()

    def _linger(self) -> None:
        """Say that no more comes, and hear the client out."""
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._loop.call_later(LINGER_S, self._transport.abort)

    def _pump(self) -> None:
        """Answer the requests that were sent ahead, as long as replies are taken."""
        if self._pumping:
            return
        self._pumping = True
        while self._waiting and self._current is None and not self._stalled:
            self._begin(self._waiting.popleft())
        self._pumping = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Read nothing while requests wait for their turn or for room."""
        pause = bool(self._waiting) or self._crowded_out
        if pause == self._paused or self._transport.is_closing():
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _reject(self, error: Refused) -> None:
        """No sense is to be made of the client any more: say so, after the replies that are
        owed, and close."""
        if self._deaf:
            return
        self._deaf = self._closing = True
        if self._turn is not None and self._turn is not self._current:
            self._give_back(self._turn)
        if self._turn is not None and self._turn.sent and not self._turn.complete:
            self._linger()
            return
        turn = Turn(self._app.refuse(error), keep_alive=False, bodiless=False)
        if self._current is None and not self._waiting:
            self._reply_early(turn)
            self._finish(turn)
        else:
            self._waiting.append(turn)

    def _refuse_body(self, turn: Turn, error: Refused) -> None:
        """Refuse a request whose body is being received, or waits for room."""
        self._give_back(turn)
        turn.reply = self._app.refuse(error)
        if turn is self._current:
            self._respond(turn.reply)
        else:
            self._reply_early(turn)
        self._read_or_not()

    # -- room --------------------------------------------------------------------------

    @property
    def _crowded_out(self) -> bool:
        turn, current = self._turn, self._current
        return (turn is not None and turn.crowded_out) or (
            current is not None and current.crowded_out
        )

    def _make_room(self, turn: Turn, size: int) -> None:
        """Claim memory for the body; read nothing more until it is granted."""
        # told through the loop: room is made in any thread, and each of thousands who wait may
        # answer at once and so wake the next
        turn.claim = self._room.claim(size, partial(self._wake, turn))
        if turn.crowded_out:
            late = self._settings.patience_s
            turn.patience = self._loop.call_later(late, self._refuse_body, turn, busy())
            self._read_or_not()

    def _wake(self, turn: Turn) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and its clients are gone
            self._loop.call_soon_threadsafe(self._found_room, turn)

    def _found_room(self, turn: Turn) -> None:
        if turn.patience is not None:
            turn.patience.cancel()
        if turn.claim is None or self._parser is None:  # refused or gone meanwhile
            return
        self._active = self._loop.time()
        if turn is self._current and turn.handler is not None:
            self._hand_over(turn, turn.handler)
        self._read_or_not()

    def _give_back(self, turn: Turn) -> None:
        """Let go of the body and the room it took."""
        turn.chunks.clear()
        if turn.patience is not None:
            turn.patience.cancel()
        if turn.claim is not None:
            claim, turn.claim = turn.claim, None
            self._room.give_back(claim)

    def _write(self, turn: Turn, reply: Reply) -> None:
        keep_alive = turn.keep_alive and (not self._closing or bool(self._waiting))
        self._transport.write(wire(reply, keep_alive=keep_alive, bodiless=turn.bodiless))

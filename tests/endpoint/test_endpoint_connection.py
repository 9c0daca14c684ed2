"""HTTP on the wire: what a client may send, byte for byte, and what it gets."""

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from wire import BODY, connected, post, statuses, to_the_end, until

from tracedesk.endpoint import connection as module
from tracedesk.endpoint.connection import Connection
from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.replies import Reply, refused
from tracedesk.endpoint.room import Room
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.endpoint.turns import Head, Respond

Endpoint = Any

IDLE_S = 75


def test_thousands_of_requests_sent_ahead_are_answered_in_order(endpoint: Endpoint):
    with connected(endpoint) as made:
        ahead = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3_000
        made.sendall(ahead + post() + b"GET /no HTTP/1.1\r\nHost: localhost\r\n\r\n" + post())
        made.shutdown(socket.SHUT_WR)
        received = to_the_end(made)
    assert statuses(received) == [200] * 3_000 + [201, 404, 201]


def test_a_client_that_has_sent_all_may_close_its_side(endpoint: Endpoint):
    with connected(endpoint) as made:
        made.sendall(post())
        made.shutdown(socket.SHUT_WR)
        assert statuses(to_the_end(made)) == [201]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(BODY, b"Connection: close"), 201),
        (post(version=b"1.0"), 201),
        (b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\n"
         b"Connection: Upgrade, close\r\n\r\n", 200),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
         200),
        (b"GET /health HTTP/9.9\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /traces HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * module.MAX_HEAD, 431),
        (b"GET /" + b"x" * module.MAX_HEAD, 431),
    ],
)  # fmt: skip
def test_requests_that_end_their_connection(endpoint: Endpoint, request_bytes: bytes, status: int):
    with connected(endpoint) as made:
        made.sendall(request_bytes)
        received = to_the_end(made)
    assert statuses(received) == [status]
    if request_bytes.startswith(b"HEAD"):
        assert b"content-length: 15" in received
        assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_an_offer_of_another_protocol_is_declined_and_the_body_read(endpoint: Endpoint, step: int):
    offer = post(
        BODY, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"
    )
    wire = offer + post(BODY, b"Connection: close")
    with connected(endpoint) as made:
        for at in range(0, len(wire), step):
            made.sendall(wire[at : at + step])
        assert statuses(to_the_end(made)) == [201, 201]


def test_a_client_of_http_1_0_is_sent_no_interim_reply(endpoint: Endpoint):
    with connected(endpoint) as made:
        made.sendall(post(BODY, b"Expect: 100-continue", version=b"1.0"))
        assert statuses(to_the_end(made)) == [201]


def test_a_chunked_body_is_put_together_and_its_trailers_are_ignored(endpoint: Endpoint):
    chunks = [BODY[at : at + 7] for at in range(0, len(BODY), 7)]
    wire = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    request = post(wire + b"0\r\nX-Late: 1\r\n\r\n", b"Transfer-Encoding: chunked")
    with connected(endpoint) as made:
        for at in range(0, len(request), 11):
            made.sendall(request[at : at + 11])
        until(made, b'"success":true')
    (row,) = endpoint.store.rows()
    (kept,) = endpoint.store.requests(row.id)
    assert kept.body == BODY
    assert "x-late" not in kept.headers


def test_who_waits_to_be_asked_for_a_body_is_asked(endpoint: Endpoint):
    head, _, body = post(BODY, b"Expect: 100-continue").partition(b"\r\n\r\n")
    with connected(endpoint) as made:
        made.sendall(head + b"\r\n\r\n")
        assert until(made, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        made.sendall(body)
        assert statuses(until(made, b"}}")) == [201]


def test_who_waits_to_be_asked_for_too_much_is_refused_at_once(endpoint: Endpoint):
    head = b"POST /traces HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    with connected(endpoint) as made:
        made.sendall(head + b"Content-Length: 99999999\r\n\r\n")
        assert statuses(to_the_end(made)) == [413]


def test_a_refusal_does_not_wait_for_the_body_and_the_connection_goes_on(endpoint: Endpoint):
    with connected(endpoint) as made:
        made.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        assert statuses(until(made, b"}}")) == [404]
        made.sendall(b"x" * 9 + post())
        assert statuses(until(made, b"}}")) == [201]


# -- without sockets: clocks and full buffers ------------------------------------------


class Transport:
    """Remembers what is done to it."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.reading = True
        self.ended = False
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close


class Loop:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, int, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        self.timers.append((self.now + delay, id(call), call))
        return Handle()

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.timers and min(self.timers)[0] <= end:
            self.timers.sort()
            self.now, _, call = self.timers.pop(0)
            call()
        self.now = end


class Handle(asyncio.Handle):
    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return "Handle"

    def cancel(self) -> None:
        pass


class App:
    """Answers when told to."""

    settings = EndpointSettings(idle_s=75, request_s=30)

    def __init__(self) -> None:
        self.asked: list[Respond] = []

    def admit(self, head: Head) -> Callable[[bytes, Respond], None]:
        return lambda body, respond: self.asked.append(respond)

    def refuse(self, error: Refused) -> Reply:
        return refused(error)


class Bench:
    def __init__(self) -> None:
        self.app, self.loop, self.transport = App(), Loop(), Transport()
        self.connection = Connection(
            self.app,
            set(),
            self.loop,
            Room(1000),
            most=10,  # type: ignore[arg-type]
        )
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]

    def answer(self) -> None:
        self.app.asked.pop(0)(Reply(200, b"{}"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_connection_on_which_nothing_happens_is_closed(bench: Bench):
    bench.loop.pass_time(IDLE_S - 1)
    bench.connection.data_received(post())
    bench.answer()
    bench.loop.pass_time(IDLE_S - 1)
    assert not bench.transport.closed
    bench.loop.pass_time(1 + module.STALL_S)
    assert bench.transport.closed


def test_a_request_that_does_not_go_on_is_told_so_and_cut_off(bench: Bench):
    bench.connection.data_received(post()[:20])
    bench.loop.pass_time(29)
    assert not bench.transport.written
    bench.loop.pass_time(1 + module.STALL_S)
    assert statuses(bench.transport.written) == [408]
    bench.loop.pass_time(module.LINGER_S)
    assert bench.transport.closed


def test_a_body_that_trickles_is_cut_off_too(bench: Bench):
    bench.connection.data_received(post(b"x" * 1_000)[:-999])
    for _ in range(29):
        bench.loop.pass_time(1)
        bench.connection.data_received(b"x")
    assert not bench.transport.written
    bench.loop.pass_time(1 + module.STALL_S)
    assert statuses(bench.transport.written) == [408]


def test_a_connection_that_waits_for_us_stays_open(bench: Bench):
    bench.connection.data_received(post())
    for _ in range(3):
        bench.loop.pass_time(IDLE_S + 1)
    assert not bench.transport.closed
    bench.answer()
    assert statuses(bench.transport.written) == [200]
    bench.loop.pass_time(IDLE_S + 1)
    bench.loop.pass_time(IDLE_S + 1)
    assert bench.transport.closed


def test_nothing_more_is_read_while_requests_wait(bench: Bench):
    bench.connection.data_received(post() * 3)
    assert len(bench.app.asked) == 1, "one at a time"
    assert not bench.transport.reading
    for _ in range(3):
        bench.answer()
    assert bench.transport.reading
    assert statuses(bench.transport.written) == [200] * 3


def test_requests_sent_ahead_are_not_taken_for_one_long_head(bench: Bench):
    ahead = post() * (module.MAX_HEAD // 50)
    bench.connection.data_received(ahead + post()[:20])
    assert not bench.transport.written
    for _ in range(module.MAX_HEAD // 50):
        bench.answer()
    bench.connection.data_received(post()[20:])
    bench.answer()
    assert set(statuses(bench.transport.written)) == {200}


def test_a_client_that_does_not_read_its_replies_gets_no_more_of_them(bench: Bench):
    bench.connection.data_received(post() * 3)
    bench.connection.pause_writing()
    bench.answer()
    assert (len(bench.app.asked), bench.transport.reading) == (0, False)
    bench.connection.resume_writing()
    assert len(bench.app.asked) == 1


def test_a_slow_reader_of_a_long_reply_is_not_cut_off(bench: Bench):
    bench.transport.unsent = 3
    for left in (2, 1, 1):
        assert not bench.transport.closed
        bench.loop.pass_time(IDLE_S)
        bench.transport.unsent = left
    bench.loop.pass_time(IDLE_S)
    assert bench.transport.closed, "it stopped reading"


def test_a_shutdown_answers_what_is_owed_and_then_closes(bench: Bench):
    bench.connection.data_received(post() * 2)
    bench.connection.shutdown()
    assert not bench.transport.closed
    bench.answer()
    bench.answer()
    assert statuses(bench.transport.written) == [200, 200]
    assert bench.transport.closed


def test_a_reply_to_a_client_that_left_goes_nowhere(bench: Bench):
    bench.connection.data_received(post())
    bench.connection.connection_lost(None)
    bench.answer()
    assert bench.transport.written == b""


def test_an_idle_connection_keeps_nothing_of_its_last_request(bench: Bench):
    class Post:
        """Has the body, as the application's handlers do."""

        def __call__(self, body: bytes, respond: Respond) -> None:
            respond(Reply(200, body))

    handlers: list[weakref.ref[Post]] = []

    def admit(head: Head) -> Post:
        post = Post()
        handlers.append(weakref.ref(post))
        return post

    bench.app.admit = admit  # type: ignore[method-assign]
    bench.connection.data_received(post())
    assert statuses(bench.transport.written) == [200]
    assert [handler() for handler in handlers] == [None]

"""Clients, disks and neighbours that misbehave, over real sockets: nothing is half-stored,
nobody else waits, and it works again afterwards."""

import gzip
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import perf_counter
from typing import Any

import pytest
from wire import BODY, connected, post, statuses, to_the_end, until

from tracedesk.endpoint import connection as module
from tracedesk.endpoint.room import Room
from tracedesk.store import connections

Endpoint = Any
Serve = Callable[..., Endpoint]

CLIENTS = 2_000


def body_of(size: int) -> bytes:
    """A trace of about ``size`` bytes."""
    span = {"span_id": "r", "name": "Root", "attributes": {"pad": "x" * (size - 100)}}
    return json.dumps({"spans": [span]}).encode()


@contextmanager
def held(endpoint: Endpoint) -> Iterator[threading.Event]:
    """The writer does nothing until the event is set, or the block ends."""
    reached, release = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        reached.set()
        release.wait(30)

    holding = endpoint.store.writer.run(hold)
    assert reached.wait(30)
    try:
        yield release
    finally:
        release.set()
        holding.result(30)


def code(received: bytes) -> str:
    return str(json.loads(received.rpartition(b"\r\n\r\n")[2])["error"]["code"])


# -- slow clients ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /traces HT",
        b"POST /traces HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        post()[:-5],
        b"POST /traces HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST /traces HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Length: 9\r\n\r\n",
    ],
)
def test_a_request_that_stops_is_408(serve: Serve, begun: bytes):
    endpoint = serve(request_s=0.1)
    with connected(endpoint) as made:
        made.sendall(begun)
        received = to_the_end(made).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert (statuses(received), code(received)) == ([408], "REQUEST_TIMEOUT")
    assert endpoint.store.count() == 0


def test_a_silent_connection_is_closed_without_a_word(serve: Serve):
    endpoint = serve(idle_s=0.1)
    with connected(endpoint) as made:
        assert to_the_end(made) == b""
        assert endpoint.post(BODY).status == 201


def test_a_client_that_never_reads_its_replies_is_cut_off(serve: Serve):
    endpoint = serve(idle_s=0.2, request_s=0.4)
    endpoint.post(body_of(200_000), **{"x-request-id": "big"})
    with connected(endpoint) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        made.settimeout(15)
        ask = b"GET /nowhere/" + b"x" * 30_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            made.sendall(ask * 10_000)


def test_thousands_of_stalled_and_idle_clients_block_nobody(serve: Serve):
    endpoint = serve()
    before = threading.active_count()
    with ExitStack() as stack:
        try:
            clients = [stack.enter_context(connected(endpoint)) for _ in range(CLIENTS)]
        except OSError as error:
            pytest.skip(f"this system does not open so many sockets: {error}")
        for number, client in enumerate(clients):
            half = (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", post()[:30], post()[:-3])
            client.sendall(half[number % 3])
        for client in clients[::3]:
            assert statuses(until(client, b"}")) == [200]
        begun = perf_counter()
        assert endpoint.post(BODY).status == 201
        assert perf_counter() - begun < 2
        assert threading.active_count() <= before + 1
        for client in clients[2::3]:  # and they may go on whenever they like
            client.sendall(BODY[-3:])
        assert {*map(tuple, map(statuses, (until(c, b"}}") for c in clients[2::3])))} == {(201,)}
    assert endpoint.store.count() == 1 + len(clients[2::3])


FEW_FILES = """
import resource, socket, sys, time
from tracedesk.endpoint.app import EndpointSettings, make_app
from tracedesk.endpoint.server import Server
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store import Store
from pathlib import Path

store = Store.open(Path(sys.argv[1]))
server = Server(make_app(EndpointSettings(), store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT}, dict))
server.bind("127.0.0.1", 0)
server.start()
open_now = len(list(Path("/dev/fd").iterdir()))
resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 10, open_now + 10))
print(server.port, flush=True)
sys.stdin.readline()
print(time.process_time(), flush=True)
sys.stdin.readline()
print(time.process_time(), flush=True)
sys.stdin.readline()
server.stop()
store.close()
"""


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="counts open files there")
def test_a_full_table_of_files_neither_spins_nor_ends_the_server(tmp_path: Any):
    process = subprocess.Popen(
        [sys.executable, "-c", FEW_FILES, str(tmp_path / "traces.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None

    def say() -> str:
        print(file=process.stdin, flush=True)
        return process.stdout.readline()  # type: ignore[union-attr]

    try:
        address = ("127.0.0.1", int(process.stdout.readline()))
        with ExitStack() as stack:
            first = stack.enter_context(socket.create_connection(address, timeout=30))
            first.sendall(post())
            assert statuses(until(first, b"}}")) == [201]
            for _ in range(100):
                stack.enter_context(socket.create_connection(address, timeout=30))
            before, begun = float(say()), perf_counter()
            for _ in range(20):  # whoever is in is served
                first.sendall(post())
                assert statuses(until(first, b"}}")) == [201]
            threading.Event().wait(0.3)
            spent = float(say()) - before
            assert spent < 0.5 * (perf_counter() - begun), "it spins"
        answers: list[int] = []
        while not answers:  # until it has seen that the others are gone
            with (
                suppress(ConnectionError),
                socket.create_connection(address, timeout=30) as later,
            ):
                later.sendall(post())
                answers = statuses(until(later, b"}}"))
        assert answers == [201]
    finally:
        process.communicate("\n\n\n", timeout=30)
    assert process.returncode == 0


def test_more_connections_than_files_are_told_so(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tracedesk.endpoint.server._most_connections", lambda: 2)
    endpoint = serve()
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(endpoint)) for _ in range(2)]
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert statuses(until(client, b"}")) == [200]
        with connected(endpoint) as turned_away:
            received = to_the_end(turned_away)
        assert (statuses(received), code(received)) == ([503], "SERVICE_BUSY")
        assert b"retry-after: 1" in received


# -- ends and beginnings ---------------------------------------------------------------


@pytest.mark.parametrize("cut", [post()[:30], post()[:-1]])
def test_a_request_that_ends_too_early_is_400(endpoint: Endpoint, cut: bytes):
    with connected(endpoint) as made:
        made.sendall(cut)
        made.shutdown(socket.SHUT_WR)
        assert statuses(to_the_end(made)) == [400]
    assert endpoint.store.count() == 0


def test_what_follows_a_body_is_the_next_request(endpoint: Endpoint):
    with connected(endpoint) as made:
        made.sendall(post() + b"and more\r\n\r\n")
        assert statuses(to_the_end(made)) == [201, 400]
    assert endpoint.store.count() == 1


def test_who_leaves_during_the_commit_leaves_a_trace_and_no_error(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
):
    with held(endpoint) as release:
        for number, last_word in enumerate((b"", b"GET /health HTTP/1.1\r\n", post()[:-4])):
            with connected(endpoint) as made:
                made.sendall(post() + last_word)
                while endpoint.store.writer._queued <= number:
                    threading.Event().wait(0.001)
                hard = b"\1\0\0\0\0\0\0\0"
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)  # closes with a reset
        release.set()
    endpoint.store.writer.run(lambda _: None).result(30)
    assert endpoint.store.count() == 3
    endpoint.server.stop()
    assert not endpoint.server._uvicorn.server_state.connections
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_stop_does_not_wait_for_a_request_that_does_not_come(endpoint: Endpoint):
    with connected(endpoint) as half, connected(endpoint) as idle, connected(endpoint) as head:
        half.sendall(post() + post()[:-4])
        until(half, b"}}")
        head.sendall(b"POST ")
        idle.sendall(post())
        until(idle, b"}}")
        begun = perf_counter()
        endpoint.server.stop()
        assert perf_counter() - begun < 3
        received = to_the_end(half)
        assert (statuses(received), code(received)) == ([503], "SERVICE_BUSY")
        assert to_the_end(idle) == b""
    assert endpoint.store.count() == 2


# -- requests that two readers would read differently ------------------------------------

CHUNKED = b"4\r\nabcd\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4",
        b"Content-Length: 4\r\nContent-Length: 14",
        b"Content-Length: 14\r\nContent-Length: 14",
        b"Content-Length: 4, 14",
        b"Content-Length: +14",
        b"Content-Length: 0x0e",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length : 14",
        b"Content-Length:\r\n 14",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: y\x00z",
        b"Host: elsewhere.example\r\nContent-Length: 14",
        b"X-Api-Key: one\r\nX-Api-Key: two\r\nContent-Length: 14",
    ],
)
def test_ambiguous_requests_are_refused(endpoint: Endpoint, headers: bytes):
    with connected(endpoint) as made:
        made.sendall(
            b"POST /traces HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n\r\n" + CHUNKED
        )
        made.shutdown(socket.SHUT_WR)
        first, *more = statuses(to_the_end(made))
    assert first == 400
    assert set(more) <= {400}
    assert endpoint.store.count() == 0


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400, b"use http://"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, b"not valid HTTP"),
        (b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n", 431, b"too long"),
        (b"GET / HTTP/1.1\r\n" + b"X-Many: header\r\n" * 60_000, 431, b"too long"),
        (b"\r\n" * 100_000, 431, b"too long"),
    ],
)
def test_floods_and_other_protocols_are_told_what_is_wrong(
    endpoint: Endpoint, sent: bytes, status: int, words: bytes
):
    with connected(endpoint) as made:
        made.sendall(sent)
        received = to_the_end(made)
    assert statuses(received) == [status]
    assert words in received


# -- memory ----------------------------------------------------------------------------


def test_room_is_granted_in_order_and_anything_fits_into_an_empty_one():
    room, granted = Room(100), []
    claims = [
        room.claim(size, lambda at=at: granted.append(at))
        for at, size in enumerate((500, 60, 60, 30))
    ]
    assert [claim.granted for claim in claims] == [True, False, False, False]
    room.give_back(claims[0])
    assert granted == [1], "60 and 60 do not fit, and nobody overtakes"
    room.give_back(claims[2])
    assert granted == [1, 3]
    room.give_back(claims[2])
    room.give_back(claims[1])
    room.give_back(claims[3])
    assert room._used == 0
    assert not room.crowded


@pytest.mark.parametrize("zipped", [False, True])
def test_bodies_beyond_the_bound_wait_and_then_come_back_later(serve: Serve, zipped: bool):
    endpoint = serve(held_bytes=1 << 20, max_body_bytes=900_000, patience_s=0.2)
    body = body_of(600_000)
    headers = [b"Connection: close"]
    if zipped:
        body = gzip.compress(body)
        headers.append(b"Content-Encoding: gzip")
    with connected(endpoint) as first, connected(endpoint) as second:
        with held(endpoint):
            first.sendall(post(body, *headers))
            while not endpoint.store.writer._queued:
                threading.Event().wait(0.001)
            second.sendall(post(body, *headers))
            received = to_the_end(second)
            assert (statuses(received), code(received)) == ([503], "SERVICE_BUSY")
            assert b"retry-after: 1" in received
            assert endpoint.post(BODY, "/nowhere").status == 404, "the small are not kept waiting"
        assert statuses(to_the_end(first)) == [201]
    assert endpoint.store.count() == 1
    with connected(endpoint) as again:
        again.sendall(post(body, *headers))
        assert statuses(to_the_end(again)) == [201]


def test_many_large_bodies_at_once_all_get_their_turn(serve: Serve):
    endpoint = serve(held_bytes=1 << 20, patience_s=30)
    answers: list[int] = []
    body = body_of(500_000)
    chunked = (
        b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:70_000], body[70_000:]))
        + b"0\r\n\r\n"
    )

    def send(number: int) -> None:
        with connected(endpoint) as made:
            if number % 3:
                made.sendall(post(body, b"Connection: close"))
            else:
                made.sendall(post(chunked, b"Transfer-Encoding: chunked", b"Connection: close"))
            answers.extend(statuses(to_the_end(made)))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [201] * 24
    assert endpoint.store.count() == 24


def test_who_stalls_in_a_large_body_makes_room_for_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "STALL_S", 0.05)
    endpoint = serve(held_bytes=1 << 20, patience_s=30)
    body = body_of(900_000)
    with connected(endpoint) as stalled, connected(endpoint) as other:
        stalled.sendall(post(body)[:500_000])
        threading.Event().wait(0.01)
        other.sendall(post(body, b"Connection: close"))
        assert statuses(to_the_end(other)) == [201]
        assert statuses(to_the_end(stalled)) == [408]


def test_who_leaves_while_waiting_for_room_leaves_nothing_behind(serve: Serve):
    endpoint = serve(held_bytes=1 << 20, patience_s=30)
    body = body_of(600_000)
    with held(endpoint), connected(endpoint) as first, connected(endpoint) as second:
        first.sendall(post(body))
        while not endpoint.store.writer._queued:
            threading.Event().wait(0.001)
        second.sendall(post(body)[:300_000])
    assert endpoint.post(body).status == 201
    assert endpoint.post(body).status == 201


# -- a store that cannot, and can again ------------------------------------------------


def test_a_lock_of_another_program_delays_everybody_only_once(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "LOCK_PATIENCE_S", 0.5)
    other = sqlite3.connect(endpoint.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(endpoint)) for _ in range(400)]
        begun = perf_counter()
        for client in clients:
            client.sendall(post())
        answers = [statuses(until(client, b"}}"))[0] for client in clients]
        took = perf_counter() - begun
        assert set(answers) == {503}
        assert took < 1.9, "four batches of a hundred, one after the other, would take 2 s"
        other.execute("ROLLBACK")
        other.close()
        for client in clients:
            client.sendall(post())
        assert {statuses(until(client, b"}}"))[0] for client in clients} == {201}
    assert endpoint.store.count() == 400


@pytest.mark.parametrize("pragma", ["query_only = 1", "max_page_count = 1"])
def test_a_disk_that_was_full_or_read_only_works_again(endpoint: Endpoint, pragma: str):
    def set_to(value: str) -> None:
        run = endpoint.store.writer.run
        run(lambda connection: connection.execute(f"PRAGMA {value}").fetchall()).result(30)

    name = pragma.partition(" ")[0]
    set_to(pragma)
    traced = {"spans": [{"span_id": f"{i}", "name": "n" * 500} for i in range(3_000)]}
    refused = [endpoint.post(traced, x_request_id=f"{i}") for i in range(3)]
    assert {(answer.status, answer.code) for answer in refused} == {(503, "STORE_UNAVAILABLE")}
    assert endpoint.get("/public/traces?platformId=" + endpoint.agents[0].id).body["data"] == []
    endpoint.store.writer._pen._connection.execute(
        f"PRAGMA {name} = {0 if name == 'query_only' else 1_000_000}"
    ).fetchall()
    assert [endpoint.post(traced, x_request_id=f"{i}").status for i in range(3)] == [201] * 3
    assert endpoint.store.query("SELECT count(*) FROM span") == [(9_000,)]
    assert endpoint.store.query("PRAGMA integrity_check") == [("ok",)]

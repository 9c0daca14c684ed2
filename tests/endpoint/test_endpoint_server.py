"""The server around the endpoint: ports, stopping, and a death that loses nothing."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.replies import Reply
from tracedesk.endpoint.server import PortBusy, Server
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.endpoint.turns import Head
from tracedesk.store import Store

Endpoint = Any

SERVE = """
import sys
from pathlib import Path
from tracedesk.endpoint.app import EndpointSettings, make_app
from tracedesk.endpoint.server import Server
from tracedesk.model.agent import LOCAL_AGENT
from tracedesk.store import Store

store = Store.open(Path(sys.argv[1]))
agents = {LOCAL_AGENT.id: LOCAL_AGENT}
server = Server(make_app(EndpointSettings(), store, lambda: agents, lambda row: {}))
server.bind("127.0.0.1", 0)
server.start()
print(server.port, flush=True)
sys.stdin.read()
server.stop()
store.close()
"""


class Nothing:
    """An application that answers every request with an empty 204."""

    settings = EndpointSettings()

    def admit(self, head: Head) -> Reply:
        return Reply(204, b"")

    def refuse(self, error: Refused) -> Reply:
        return Reply(error.status, b"")


nothing = Nothing()


def test_a_busy_port_is_an_exception_with_the_next_free_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(nothing)
        with pytest.raises(PortBusy) as caught:
            server.bind("127.0.0.1", port)
        assert caught.value.port == port
        assert caught.value.next_free is not None
        server.bind("127.0.0.1", caught.value.next_free)
        server.stop()


def test_two_servers_never_share_a_port():
    first, second = Server(nothing), Server(nothing)
    first.bind("127.0.0.1", 0)
    with pytest.raises(PortBusy):
        second.bind("127.0.0.1", first.port)
    first.stop()
    second.stop()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}"),
        ("localhost", "http://localhost:{}"),
        ("0.0.0.0", "http://127.0.0.1:{}"),
        ("::1", "http://[::1]:{}"),
    ],
)
def test_the_url_is_one_that_works_on_this_machine(host: str, url: str):
    server = Server(nothing)
    try:
        server.bind(host, 0)
    except OSError:
        pytest.skip(f"{host} is not available here")
    assert server.url == url.format(server.port)
    server.stop()


def test_a_stopped_server_frees_its_port():
    first = Server(nothing)
    first.bind("127.0.0.1", 0)
    first.start()
    port = first.port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().status == 204
    first.stop()
    connection.close()
    second = Server(nothing)
    second.bind("127.0.0.1", port)
    second.stop()


def test_a_stop_takes_no_longer_than_its_connections():
    def stop() -> float:
        server = Server(nothing)
        server.bind("127.0.0.1", 0)
        server.start()
        with socket.create_connection(("127.0.0.1", server.port), 30) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
            assert idle.recv(64).startswith(b"HTTP/1.1 204")
            begun = perf_counter()
            server.stop()
            return perf_counter() - begun

    assert min(stop() for _ in range(5)) < 0.09


def test_a_stop_answers_what_is_in_flight(serve: Callable[..., Endpoint]):
    endpoint = serve()
    reached, release = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        reached.set()
        release.wait(20)

    endpoint.store.writer.run(hold)
    assert reached.wait(20)
    statuses: list[int] = []
    body = {"spans": [{"span_id": "r", "name": "R"}]}
    posting = threading.Thread(target=lambda: statuses.append(endpoint.post(body).status))
    posting.start()
    while not endpoint.store.writer._queued:
        posting.join(0.005)
    stopping = threading.Thread(target=endpoint.server.stop)
    stopping.start()
    release.set()
    stopping.join(20)
    posting.join(20)
    assert statuses == [201]


class Clients:
    """Threads that post one trace after the other and note which were acknowledged."""

    def __init__(self, port: int, count: int) -> None:
        self.accepted: list[str] = []
        self.enough = threading.Event()
        self._port = port
        self._threads = [threading.Thread(target=self._post, args=(i,)) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _post(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        for number in range(100_000):
            name = f"{client}-{number}"
            span = {"span_id": "r", "name": name, "attributes": {"pad": "x" * (number % 3000)}}
            try:
                connection.request(
                    "POST", "/traces", json.dumps({"spans": [span]}), {"x-request-id": name}
                )
                status = connection.getresponse()
                status.read()
            except (OSError, http.client.HTTPException):
                break
            assert status.status == 201
            self.accepted.append(name)
            if len(self.accepted) > 300:
                self.enough.set()
        connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)


def test_a_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path):
    path = tmp_path / "traces.db"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    clients = Clients(int(process.stdout.readline()), 6)
    assert clients.enough.wait(60)
    threading.Event().wait(random.uniform(0, 0.2))  # at a moment nobody chose
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    process.stdin.close()
    process.stdout.close()
    clients.join()
    with Store.open(path) as store:
        kept = Counter(row.external_id for row in store.rows(limit=1_000_000))
        assert set(clients.accepted) <= set(kept)
        assert set(kept.values()) == {1}
        unanswered = set(kept) - set(clients.accepted)
        assert len(unanswered) <= 6, "at most what each client was waiting for"
        for row in store.rows(limit=20):
            assert store.requests(row.id)[0].body
        assert store.query("PRAGMA integrity_check") == [("ok",)]

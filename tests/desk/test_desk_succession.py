"""The owner of an endpoint ends, by itself or killed: a desk that is attached takes over."""

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from tracedesk.desk import Desk
from tracedesk.owner import owner_of
from tracedesk.workspace import find_workspace

Open = Callable[..., Any]
Call = Callable[..., tuple[int, Any]]
Until = Callable[[Callable[[], Any]], Any]
ATTACHED = str(Path(__file__).with_name("attached_desk.py"))
CASES = "cases: [{name: kept, assertions: [{target: response_regex, pattern: kept}]}]"


class Process:
    """A desk in a process of its own."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid

    @property
    def _said(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def url(self) -> str:
        """Of ``serve``, once it listens."""
        return next(word for word in self._said.readline().split() if word.startswith("http:"))

    def until(self, said: str) -> None:
        """Wait until an attached desk says this of itself."""
        assert any(line.startswith(said) for line in self._said), f"it ended without {said}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(*command: str) -> Process:
        started.append(Process(*command))
        return started[-1]

    yield begin
    for each in started:
        each.kill()
        with each.process:
            pass


@pytest.fixture
def serve(start: Callable[..., Process], tmp_path: Path) -> Callable[..., Process]:
    words = ("-m", "tracedesk", "serve", "--workspace", str(tmp_path), "--port", "0")
    return lambda *more: start(*words, *more)


def taken_over(desk: Desk, until: Until) -> str:
    """What the desk says once it listens."""
    until(lambda: desk.endpoint.state == "listening" and desk.endpoint.grpc)
    return desk.endpoint.message


@pytest.mark.parametrize("end", [Process.kill, Process.end])
def test_an_attached_desk_takes_over_where_the_owner_listened(
    end: Callable[[Process], None],
    tmp_path: Path,
    serve: Callable[..., Process],
    open_desk: Open,
    call: Call,
    until: Until,
):
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "kept.yaml").write_text(CASES)
    owner = serve()
    url = owner.url()
    desk = open_desk(port=None)
    before = owner_of(find_workspace(tmp_path))
    assert before is not None
    assert (desk.endpoint.url, call(desk, "/traces", {"data": {"text": "kept"}})[0]) == (url, 201)
    end(owner)
    assert taken_over(desk, until) == f"process {owner.pid} ended, this desk took over"
    assert (desk.endpoint.url, desk.endpoint.grpc) == (url, before.grpc)
    assert call(desk, "/traces", {"data": {"text": "kept too"}})[0] == 201
    assert desk.ledger().kept == desk.store.count() == 2
    until(lambda: desk.totals().get("pass") == 2)
    executions = "SELECT count(*) FROM execution"
    until(lambda: sqlite3.connect(desk.store.path).execute(executions).fetchone()[0] == 2)


def test_what_the_owner_demanded_is_demanded_after_it(
    serve: Callable[..., Process], open_desk: Open, call: Call, until: Until
):
    owner = serve("--require-key", "--strict-canonical")
    owner.url()
    desk = open_desk()
    assert desk.keys_demanded
    owner.kill()
    taken_over(desk, until)
    assert call(desk, "/traces", {"data": {"text": "kept"}})[0] == 401
    assert desk.keys_demanded
    assert desk._listener.config.strict_canonical


def test_of_several_desks_one_takes_over_and_the_others_say_which(
    tmp_path: Path, serve: Callable[..., Process], start: Callable[..., Process]
):
    owner = serve()
    url = owner.url()
    heirs = {heir.pid: heir for heir in [start(ATTACHED, str(tmp_path)) for _ in range(3)]}
    for heir in heirs.values():
        heir.until(f"attached|{url}|None|attached: process {owner.pid} owns")
    while heirs:
        owner.kill()
        next_one = told(tmp_path, besides=owner.pid)
        ended, owner = owner, heirs.pop(next_one)
        owner.until(f"listening|{url}|None|process {ended.pid} ended, this desk took over")
        for heir in heirs.values():
            heir.until(f"attached|{url}|None|attached: process {owner.pid} owns")


def test_nothing_accepted_is_lost_when_owners_are_killed_under_load(
    serve: Callable[..., Process], open_desk: Open, until: Until
):
    owner = serve()
    port = urlsplit(owner.url()).port
    assert port is not None
    desk, accepted, enough = open_desk(), [], threading.Event()
    sender = threading.Thread(target=send_until, args=(port, enough, accepted))
    sender.start()
    until(lambda: len(accepted) > 50)
    owner.kill()
    taken_over(desk, until)
    so_far = len(accepted)
    until(lambda: len(accepted) > so_far + 50)
    enough.set()
    sender.join()
    stored = sqlite3.connect(desk.store.path).execute("SELECT id FROM trace").fetchall()
    ids = [row[0] for row in stored]
    assert len(ids) == len(set(ids)) >= len(accepted)
    assert set(accepted) <= set(ids)
    assert desk.ledger().kept == len(ids)


def send_until(port: int, enough: threading.Event, accepted: list[str]) -> None:
    """Send one trace after another, and note the ids of those that were accepted."""
    body = json.dumps({"spans": [{"span_id": "a", "name": "step"}]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while not enough.is_set():
        try:
            connection.request("POST", "/public/traces", body)
            accepted.append(json.loads(connection.getresponse().read())["id"])
        except (OSError, http.client.HTTPException):
            connection.close()
            enough.wait(0.01)
    connection.close()


def test_a_port_that_another_program_took_meanwhile_is_said(
    tmp_path: Path, open_desk: Open, until: Until
):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tracedesk.toml").write_text("")
    other = open_desk(root=tmp_path / "other")
    owner, desk = open_desk(), open_desk()
    # as if the owner's port had been grabbed the moment it ended
    desk._listener._owner = replace(desk._listener._owner, url=other.endpoint.url)
    owner.stop()
    assert "took over; port" in taken_over(desk, until)
    assert f"port {other.endpoint.port} is taken by another program" in desk.endpoint.message
    assert desk.endpoint.port not in (0, other.endpoint.port)


def test_a_desk_that_was_stopped_takes_nothing_over(tmp_path: Path, open_desk: Open):
    owner, stopped = open_desk(), open_desk()
    stopped.stop()
    owner.stop()
    assert stopped.endpoint.state == "attached"
    assert open_desk().endpoint.state == "listening"


def told(folder: Path, besides: int) -> int:
    """The process that owns the endpoint of the workspace, once that is not the one that ended."""
    pause, workspace = threading.Event(), find_workspace(folder)
    for _ in range(2_000):
        owner = owner_of(workspace)
        if owner is not None and owner.url and owner.pid != besides:
            return owner.pid
        pause.wait(0.01)
    raise AssertionError("nobody took over")

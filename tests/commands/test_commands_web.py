"""``tracedesk web``: who gets a session, what it shows, and that nothing of it is left behind."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tracedesk.cli import cli
from tracedesk.owner import announced_url, owner_of
from tracedesk.workspace import open_workspace

pytest.importorskip("textual_serve")

import aiohttp
from aiohttp import web

from tracedesk.commands import web as web_command
from tracedesk.commands.web_app import MOST_SESSIONS, Pages
from tracedesk.commands.web_guard import COOKIE, Guard, Headers, RefusedError
from tracedesk.commands.web_page import PAGE, SCRIPT, STYLE, page
from tracedesk.commands.web_session import Session, side

WAIT_S = 30.0

PAINTS = """
import sys
def packet(kind, payload):
    sys.stdout.buffer.write(kind + len(payload).to_bytes(4, "big") + payload)
    sys.stdout.buffer.flush()
sys.stdout.buffer.write(b"__GANGLION__\\n")
packet(b"D", b"painted")
while head := sys.stdin.buffer.read(5):
    said = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if b"quit" in said:
        break
    packet(b"D", b"got " + said)
"""
"""What a session runs here where the app itself does not matter: it paints, and echoes."""

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.buffer.write(b"__GANGLION__\\nD\\0\\0\\0\\2ok")
sys.stdout.buffer.flush()
time.sleep(600)
"""


class Browser:
    """A client of a server of pages, that has been let in or not."""

    def __init__(self, http: aiohttp.ClientSession, port: int, guard: Guard, pages: Pages) -> None:
        self.http, self.guard, self.pages = http, guard, pages
        self.url = f"http://127.0.0.1:{port}"
        self.home = f"{self.url}{guard.base}"

    async def enter(self) -> None:
        async with self.http.get(self.url, params={"token": self.guard.token}) as reply:
            assert reply.status == 200
            assert str(reply.url) == self.home, "the token does not stay in the address"

    def connect(self, **headers: str) -> Any:
        headers = {"Origin": self.url, **headers}
        return self.http.ws_connect(f"{self.home}ws?width=80&height=24", headers=headers)


@contextlib.asynccontextmanager
async def serving(program: str = PAINTS) -> AsyncIterator[Browser]:
    guard = Guard("127.0.0.1")
    pages = Pages(guard, [sys.executable, "-c", program], "a <b>desk</b>", lambda: None)
    runner = web.AppRunner(pages.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of addresses too
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        try:
            yield Browser(http, runner.addresses[0][1], guard, pages)
        finally:
            await runner.cleanup()


async def painted(session: aiohttp.ClientWebSocketResponse, *words: bytes) -> bytes:
    """What a session paints, until all of the words are in it."""
    seen = b""
    async with asyncio.timeout(WAIT_S):
        while not all(word in seen for word in words):
            message = await session.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), seen
            if message.type == aiohttp.WSMsgType.BINARY:
                seen += message.data
    return seen


# -- who gets in --------------------------------------------------------------------------


async def test_with_the_token_the_page_opens_and_paints() -> None:
    async with serving() as browser:
        await browser.enter()
        async with browser.http.get(browser.home) as reply:
            text = await reply.text()
            assert "&lt;b&gt;desk&lt;/b&gt;" in text
            assert "script-src 'self';" in reply.headers["Content-Security-Policy"]
            assert reply.headers["Referrer-Policy"] == "no-referrer"
        for asset in re.findall(r'(?:src|href)="((?!data:)[^"]+)"', text):
            async with browser.http.get(browser.home + asset) as reply:
                assert reply.status == 200, asset
        async with browser.connect() as session:
            await painted(session, b"painted")
            await session.send_str(json.dumps(["stdin", "j"]))
            await painted(session, b"got j")


@pytest.mark.parametrize(
    ("path", "headers", "why"),
    [
        ("", {}, "no token"),
        ("?token=guessed", {}, "no token"),
        ("?token={token}", {"Host": "evil.example"}, "'evil.example' is not a name"),
        ("?token={token}", {"Host": "127.0.0.1.evil.example:8000"}, "is not a name"),
        ("?token={token}", {"Origin": "http://evil.example"}, "another site"),
        ("{base}", {}, "no token"),
        ("{base}ws", {}, "no token"),
        ("{base}static/js/textual.js", {}, "no token"),
        ("{base}", {"Cookie": f"{COOKIE}=guessed"}, "no token"),
        ("{base}", {"Cookie": f"{COOKIE}=гость"}, "no token"),
    ],
)
async def test_refused(path: str, headers: dict[str, str], why: str) -> None:
    async with serving() as browser:
        path = path.format(token=browser.guard.token, base=browser.guard.base[1:])
        async with browser.http.get(f"{browser.url}/{path}", headers=headers) as reply:
            assert reply.status == 403
            assert why in await reply.text()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},  # another program's page on this machine
        {"Origin": "null"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
async def test_a_websocket_from_elsewhere_is_refused_even_with_the_cookie(
    headers: dict[str, str],
) -> None:
    async with serving() as browser:
        await browser.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.connect(**headers)
        assert refused.value.status == 403


async def test_a_websocket_that_says_no_origin_is_refused() -> None:
    async with serving() as browser:
        await browser.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.http.ws_connect(f"{browser.home}ws")
        assert refused.value.status == 403


async def test_a_websocket_without_the_cookie_is_refused() -> None:
    async with serving() as browser:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.connect()
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("bound_to", "host", "good"),
    [
        ("127.0.0.1", "localhost:9000", True),  # as at the end of a tunnel
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "desk.localhost:8000", True),
        ("127.0.0.1", "192.0.2.7:8000", False),
        ("127.0.0.1", "", False),
        ("0.0.0.0", "192.0.2.7:8000", True),
        ("0.0.0.0", f"{socket.gethostname()}:8000", True),
        ("0.0.0.0", "evil.example", False),
        ("box.example", "Box.Example:8000", True),
    ],
)
def test_names_that_a_page_may_be_asked_for_by(bound_to: str, host: str, good: bool) -> None:
    with contextlib.nullcontext() if good else pytest.raises(RefusedError):
        Guard(bound_to).check(Headers(host=[host]))


def test_two_hosts_in_one_request_are_none() -> None:
    with pytest.raises(RefusedError):
        Guard("127.0.0.1").check(Headers(host=["127.0.0.1", "127.0.0.1"]))


# -- a session ----------------------------------------------------------------------------


async def test_why_a_session_could_not_begin_stands_in_the_page() -> None:
    async with serving("import sys; sys.exit('the key is missing \\33[31m')") as browser:
        await browser.enter()
        async with browser.connect() as session:
            assert b"\33[31m" not in await painted(session, b"the key is missing")
            assert (await session.receive()).type == aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("told", ["[", "[]", "{}", '["resize"]', '["resize", {"width": "x"}]', "1"])
async def test_nonsense_from_a_page_changes_nothing(told: str) -> None:
    async with serving() as browser:
        await browser.enter()
        async with browser.connect() as session:
            await session.send_str(told)
            await session.send_bytes(b"\0\xff")
            await session.send_str('["stdin", "still here"]')
            await painted(session, b"got still here")


async def test_no_more_sessions_than_the_machine_can_bear() -> None:
    async with serving() as browser:
        await browser.enter()
        browser.pages._sessions.update(object() for _ in range(MOST_SESSIONS))  # type: ignore[misc]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.connect()
        assert refused.value.status == 503
        browser.pages._sessions.clear()


async def test_a_process_that_does_not_listen_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracedesk.commands.web_session.PATIENCE_S", 0.1)
    async with serving(STUBBORN) as browser:
        await browser.enter()
        async with browser.connect() as session:
            await painted(session, b"ok")
            (running,) = browser.pages._sessions
        await running.stop()
        assert running._process is not None
        assert running._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("name", "told", "taken"),
    [("width", "120", 120), ("width", 10**9, 1000), ("height", "-3", 1), ("height", None, 24)],
)
def test_sides_of_a_terminal_are_kept_in_bounds(name: str, told: object, taken: int) -> None:
    assert side(name, told) == taken


class Told:
    """Stands where a WebSocket does, and remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send_str(self, text: str) -> None:
        self.sent.append(text)

    send_bytes = send_str


@pytest.mark.parametrize(
    ("url", "opened"),
    [("https://example.com/x", True), ("javascript:alert(1)", False), ("file:///etc/x", False)],
)
async def test_only_links_of_the_web_are_opened(url: str, opened: bool) -> None:
    told = Told()
    session = Session(["none"], told)  # type: ignore[arg-type]
    await session.on_meta(json.dumps({"type": "open_url", "url": url, "new_tab": True}).encode())
    assert bool(told.sent) == opened


def test_the_page_asks_nobody_else_for_anything() -> None:
    assert not re.search(r"(https?:)?//", PAGE + STYLE + SCRIPT)


def test_a_title_is_text() -> None:
    assert "<title>&lt;script&gt;\\x9bx</title>" in page("<script>\x9bx", "ws://127.0.0.1/ws")


# -- the command --------------------------------------------------------------------------


class Command:
    """``tracedesk web`` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tracedesk", "web", str(folder), "--port", "0"],
            env=os.environ | {"TRACEDESK_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        while not (found := re.search(r"open (http\S+/)(\?\S+)", self.said)):
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        self.url, self.query = found.groups()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            async with http.get(self.url + self.query) as reply:
                home = str(reply.url)
            origin = {"Origin": self.url.rstrip("/")}
            async with http.ws_connect(f"{home}ws?width=100&height=30", headers=origin) as session:
                yield session

    def children(self) -> list[int]:
        asked = ["ps", "-A", "-o", "ppid=,pid=,args="]
        lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")
        words = [line.split(None, 2) for line in lines if "tracedesk open" in line]
        return [int(pid) for parent, pid, _ in words if int(parent) == self.process.pid]

    def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            self.said += stdout.read()
        return self.process.wait(WAIT_S)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[[], Command]]:
    begun: list[Command] = []

    def begin() -> Command:
        begun.append(Command(tmp_path))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.wait(WAIT_S)
        if one.process.stdout is not None:
            one.process.stdout.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return not state.stdout.strip() or state.stdout.startswith("Z")


async def test_a_session_shows_the_app_attached_and_ends_with_its_tab_or_its_server(
    command: Callable[[], Command], until: Callable[[Callable[[], Any]], Any]
) -> None:
    served = command()
    assert "receiving traces at http://127.0.0.1:" in served.said
    async with served.session() as session:
        await painted(session, b"tracedesk", b"attached")
        (closed,) = served.children()
    await asyncio.to_thread(until, lambda: gone(closed))
    async with served.session() as session:
        await painted(session, b"attached")
        (open_still,) = served.children()
        assert await asyncio.to_thread(served.ends, signal.SIGINT) == 0
        assert gone(open_still)
    assert "stopped" in served.said
    assert owner_of(open_workspace(served.folder)) is None, "the lock is let go"


async def test_sessions_of_a_killed_server_end_by_themselves(
    command: Callable[[], Command], until: Callable[[Callable[[], Any]], Any]
) -> None:
    served = command()
    async with served.session() as session:
        await painted(session, b"attached")
        (pid,) = served.children()
        served.process.kill()
        await asyncio.to_thread(until, lambda: gone(pid))


async def test_it_attaches_to_a_desk_at_work_and_takes_over_when_that_has_ended(
    command: Callable[[], Command],
    open_desk: Callable[..., Any],
    until: Callable[[Callable[[], Any]], Any],
) -> None:
    desk = open_desk()
    served = command()
    assert f"attached to process {os.getpid()}" in served.said
    url, workspace = desk.endpoint.url, open_workspace(served.folder)
    await asyncio.to_thread(desk.stop)
    await asyncio.to_thread(until, lambda: announced_url(workspace) == url)
    async with served.session() as session:
        await painted(session, b"attached")
        owner = owner_of(workspace)
        assert owner is not None
        assert owner.pid == served.process.pid
    assert await asyncio.to_thread(served.ends, signal.SIGTERM) == 0


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web_command, "find_spec", lambda name: None)
    result = CliRunner().invoke(cli, ["web", str(tmp_path)])
    assert result.exit_code == 2
    assert "pip install 'tracedesk[web]'" in result.output
    assert not (tmp_path / ".tracedesk").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: no such folder"),
        ([".", "--host", "no.such.host.invalid"], "no.such.host.invalid cannot be listened on"),
        ([".", "--host", "192.0.2.1", "--port", "0"], "192.0.2.1, port 0, cannot be listened on"),
    ],
)
def test_what_cannot_be_served(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["web", *words])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_taken_port_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["web", str(tmp_path), "--port", str(number)])
        assert result.exit_code == 2
        assert f"port {number} is taken by another program" in result.output
        monkeypatch.setattr(web_command, "USUAL_PORT", number)
        with web_command._listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != number
    assert f"port {number} is taken by another program; the page is on" in capsys.readouterr().out

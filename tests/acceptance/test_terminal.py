"""The app in a real terminal: it starts, receives, and leaves in good order however it ends."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

WAIT_S = 30


class Terminal:
    """A command in a pseudo-terminal of 120x36, and everything it has painted."""

    def __init__(self, *command: str, folder: Path) -> None:
        self.painted = b""
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tracedesk", *command],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            cwd=folder,
            env=os.environ | {"TERM": "xterm-256color", "TMPDIR": str(folder)},
            start_new_session=True,
        )
        os.close(inside)

    def until(self, pattern: str) -> re.Match[bytes]:
        """Read what is painted until the pattern is in it."""
        deadline = time.monotonic() + WAIT_S
        while not (found := re.search(pattern.encode(), self.painted)):
            assert time.monotonic() < deadline, self.painted[-2000:]
            assert self._read(), self.painted[-2000:]
        return found

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def ends(self) -> int:
        """Read to the end, and the exit status."""
        while self._read():
            pass
        os.close(self._end)
        return self.process.wait(WAIT_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], WAIT_S)
        try:
            chunk = os.read(self._end, 65536) if ready else b""
        except OSError:  # the other end is closed
            return False
        self.painted += chunk
        return bool(chunk)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal("demo", "--port", "0", folder=tmp_path)
    yield terminal
    terminal.process.kill()
    terminal.process.wait(WAIT_S)


LISTENING = r"\xe2\x97\x8f[^:]*:(\d+)"


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith("tracedesk-demo-")]


def test_the_demo_listens_receives_and_is_gone_when_the_user_quits(demo: Terminal, tmp_path: Path):
    port = int(demo.until(LISTENING)[1])
    assert left_behind(tmp_path)
    body = {"spans": [{"span_id": "1", "name": "sent from elsewhere"}]}
    url = f"http://127.0.0.1:{port}/public/traces"
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=WAIT_S) as reply:
        assert reply.status == 201
    demo.until("sent from")
    demo.type("q")
    assert demo.ends() == 0
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_or_a_polite_kill_ends_it_in_good_order(
    demo: Terminal, tmp_path: Path, how: signal.Signals
):
    demo.until(LISTENING)
    demo.process.send_signal(how)
    assert demo.ends() == 0
    assert left_behind(tmp_path) == []


def test_a_terminal_that_takes_nothing_any_more_holds_nobody_back(demo: Terminal):
    demo.until(LISTENING)
    for _ in range(100):  # a frame each: far more to paint than the terminal holds
        demo.type("W")
        time.sleep(0.03)
    demo.process.send_signal(signal.SIGHUP)
    assert demo.process.wait(WAIT_S) == 1

"""One tab of a browser and the process that paints it: both end together.

The process speaks the packets of textual-serve on its pipes. Its command line is ours alone;
nothing of a request gets there but two numbers, the size of the terminal.
"""

import asyncio
import contextlib
import json
import os
import shlex
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from tracedesk.query.text import plain

DRIVER = "tracedesk.tui.web_driver:BrowserDriver"
BEGIN = b"__GANGLION__\n"
"""What Textual's driver writes before its first packet."""
HARMLESS = ("http", "https")
"""Schemes of links that the browser may be told to open."""
SIDES = {"width": (80, 1_000), "height": (24, 500)}
"""The sides of a terminal in cells: unless told, and at most; an app pays for each cell."""
PATIENCE_S = 3.0
"""How long a process may take to leave by itself, and then again after a signal."""
LAST_WORDS = 8_192
"""Bytes of what a process said on stderr that are kept, from the end."""


def side(name: str, value: object) -> int:
    """A width or a height as a browser told it, brought into bounds."""
    usual, most = SIDES[name]
    try:
        return max(1, min(int(str(value)), most))
    except ValueError:
        return usual


class Session(AppService):
    """``start`` once, ``stop`` as often as one likes; afterwards no process is left."""

    def __init__(self, command: Sequence[str], websocket: web.WebSocketResponse) -> None:
        super().__init__(
            shlex.join(command),
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._words = tuple(command)
        self._websocket = websocket

    async def _close(self) -> None:
        await self._websocket.close()

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        # the terminal is the one in the page, whatever this command was started in
        return environment | {
            "TEXTUAL_DRIVER": DRIVER,
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": "utf-8",
        }

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Without a shell, and in a group of its own that can be ended whole."""
        process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def run(self) -> None:
        """Hand on what the process paints until it ends; if it failed, what it said."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        complaint = asyncio.create_task(_last_words(process.stderr))
        try:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await process.stdout.readuntil(BEGIN)
                while True:
                    kind = await process.stdout.readexactly(1)
                    size = int.from_bytes(await process.stdout.readexactly(4), "big")
                    await self._hand_on(kind, await process.stdout.readexactly(size))
            if await process.wait():
                await self._hand_on(b"D", _shown(await complaint))
            await self._close()
        finally:
            complaint.cancel()

    async def _hand_on(self, kind: bytes, payload: bytes) -> None:
        """A packet to the browser. One that has left must not keep the process from ending:
        what it paints on is read and let go."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            if kind == b"D":
                await self.on_data(payload)
            elif kind == b"M":
                await self.on_meta(payload)

    async def on_meta(self, data: bytes) -> None:
        """The end of the app, or a link to open, of the web's own kind only: it may come from a
        trace, and would run in our page."""
        told: dict[str, Any] = json.loads(data)
        link = told["type"] == "open_url" and urlsplit(str(told["url"])).scheme in HARMLESS
        if told["type"] == "exit" or link:
            await super().on_meta(data)

    async def take(self, message: Any) -> None:
        """One message of the page: what was typed, a new size, whether it has the focus."""
        match message:
            case ["stdin", str(text)]:
                await self.send_bytes(text.encode("utf-8", "replace"))
            case ["resize", {"width": width, "height": height}]:
                await self.set_terminal_size(side("width", width), side("height", height))
            case ["ping", str(text)]:
                await self._websocket.send_json(["pong", text])
            case ["focus"]:
                await self.focus()
            case ["blur"]:
                await self.blur()

    async def stop(self) -> None:
        """Ask the app to end, then tell it, then end it."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            for step in (self._ask, self._terminate, self._kill):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        await step()
                        await process.wait()
                        break
        await self._kill()  # what it had started in turn
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE_S)

    async def _ask(self) -> None:
        await self.send_meta({"type": "quit"})

    async def _terminate(self) -> None:
        self._signal(signal.SIGTERM)

    async def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


async def _last_words(stderr: asyncio.StreamReader) -> bytes:
    said = b""
    while more := await stderr.read(LAST_WORDS):
        said = (said + more)[-LAST_WORDS:]
    return said


def _shown(said: bytes) -> bytes:
    """For the terminal in the page, with nothing in it that a terminal acts upon."""
    lines = said.decode("utf-8", "replace").splitlines()
    return "\r\n".join(plain(line) for line in lines).encode()

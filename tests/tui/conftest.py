"""Screen tests: a fixed clock, a desk in memory, and waiting on what happens, never on time."""

import sys
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "snapshots"))
sys.path.insert(0, str(Path(__file__).parent))

from fake_desk import NOW_NS, FakeDesk, booking_desk
from idle import never_asleep  # noqa: F401
from textual.worker import WorkerCancelled, WorkerFailed

from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.workbench import Workbench

PATIENCE_S = 30
"""Before a condition is given up on."""


class Session:
    """One running workbench, its pilot, and patience."""

    def __init__(self, app: TracedeskApp, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> Workbench:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, Workbench)
        return screen

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Let the loop turn until something holds."""
        end = monotonic() + PATIENCE_S
        while not condition():
            if monotonic() > end:
                raise AssertionError(f"never came true: {what}")
            await self._work_done()
            await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def settle(self) -> None:
        """All workers done and all messages handled."""
        for _ in range(3):
            await self._work_done()
            await self.pilot.pause()

    async def _work_done(self) -> None:
        """Workers that were overtaken by a newer one, or failed, are done too."""
        with suppress(WorkerCancelled, WorkerFailed):
            await self.app.workers.wait_for_complete()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if c == " " else c for c in text))
        await self.settle()

    def lines(self, selector: str) -> list[str]:
        """The text of a list as it is on screen, blanks at the ends removed."""
        view = self.app.screen.query_one(selector)
        shown = [view.render_line(y).text.rstrip() for y in range(view.size.height)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def bar(self, selector: str) -> str:
        """The text of a one-line bar."""
        return self.app.screen_stack[0].query_one(selector).render_line(0).text.strip()


@pytest.fixture
def workbench():
    """Opens a workbench: ``async with workbench(desk, size) as session``."""

    @asynccontextmanager
    async def open_workbench(desk: Any = None, size: tuple[int, int] = (160, 45), **options: Any):
        options.setdefault("strict", True)
        options.setdefault("ascii", False)
        app = TracedeskApp(desk or booking_desk(), now_ns=lambda: NOW_NS, **options)
        async with app.run_test(size=size) as pilot:
            session = Session(app, pilot)
            await session.until(
                lambda: session.screen.opened is not None or session.screen.has_class("-empty"),
                "the first trace is open",
            )
            await session.settle()
            yield session

    return open_workbench


@pytest.fixture
def desk() -> FakeDesk:
    return booking_desk()

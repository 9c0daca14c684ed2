"""A pilot that goes on as soon as there is nothing to do. Textual's own sleeps until the process
has been quiet for 20 ms, two to eight times a key."""

import asyncio

import pytest
import textual.app
import textual.pilot
from textual._context import active_app

QUIET_TURNS = 2
"""Turns of the loop in a row, with nothing else waiting for one, that make it idle."""

WORK_S = 0.05
"""For how long workers are waited for: one that is held up is for the test to wait for."""


async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 1) -> None:
    """Return when messages are handled and workers done: what is left waits for time or a file."""
    loop = asyncio.get_running_loop()
    latest = loop.time() + max_sleep
    work_until = loop.time() + WORK_S
    turns = 0
    while turns < QUIET_TURNS and loop.time() < latest:
        await asyncio.sleep(0)
        turns = 0 if loop._ready else turns + 1
        left = work_until - loop.time()
        if turns == QUIET_TURNS and left > 0 and (work := under_way()):
            await asyncio.wait(work, timeout=left)
            turns = 0


def under_way() -> list[asyncio.Task[None]]:
    """The workers of the app that have not ended."""
    tasks = [worker._task for worker in active_app.get().workers]
    return [task for task in tasks if task is not None and not task.done()]


@pytest.fixture(scope="session", autouse=True)
def never_asleep():
    """Every pilot waits for what happens, not for time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textual.app, "wait_for_idle", wait_for_idle)
        patch.setattr(textual.pilot, "wait_for_idle", wait_for_idle)
        yield

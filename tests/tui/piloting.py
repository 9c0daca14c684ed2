"""Waiting on what happens in a piloted app over a real desk, and reading what it shows."""

from contextlib import suppress
from time import monotonic

from textual.worker import WorkerCancelled, WorkerFailed

PATIENCE_S = 30
"""Before a condition is given up on: many times what any of them takes on a busy machine."""


async def until(pilot, condition, what):
    """Let workers and messages be handled until something holds, and then what follows of it."""
    end = monotonic() + PATIENCE_S
    while not condition():
        if monotonic() > end:
            raise AssertionError(f"never came true: {what}")
        with suppress(WorkerCancelled, WorkerFailed):  # overtaken by a newer one
            await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.01)
    await pilot.pause()


def lines_of(app, selector):
    """The lines of a list as they are on screen."""
    view = app.screen.query_one(selector)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]

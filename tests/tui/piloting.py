"""Waiting on what happens in a piloted app over a real desk, and reading what it shows."""

from textual.worker import WorkerCancelled, WorkerFailed

ROUNDS = 2_000
"""Looks at a condition before it is given up on: many times what any of them takes."""


async def until(pilot, condition, what):
    """Let workers and messages be handled until something holds, and then what follows of it."""
    for _ in range(ROUNDS):
        if condition():
            await pilot.pause()
            return
        try:
            await pilot.app.workers.wait_for_complete()
        except (WorkerCancelled, WorkerFailed):
            continue
        await pilot.pause(0.01)
    raise AssertionError(f"never came true: {what}")


def lines_of(app, selector):
    """The lines of a list as they are on screen."""
    view = app.screen.query_one(selector)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]

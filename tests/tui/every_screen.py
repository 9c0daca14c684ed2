"""A walk through every screen, modal and tab, over a desk with one failing booking."""

from contextlib import asynccontextmanager

from bookings import NOW_NS, booked, composed
from piloting import until

from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.edit_asking import ChangedScreen

PLACES = {
    "list": (), "filter": ("f", "s"), "filter with a fault": ("f", "s", "x", ":", "y"),
    "tree": ("2", "enter"), "search": ("enter", "/", "b"), "found": ("enter", "/", "b", "enter"),
    "zoomed": ("enter", "+", "c"), "half a command": ("y",), "nothing to do": ("n",),
    "reading": ("1", "x"), "chat": ("2",), "attributes": ("3",), "events": ("4",),
    "raw": ("5",), "verdicts": ("6", "x"), "tests": ("shift+tab",),
    "attribute search": ("enter", "enter", "3", "/", "g"),
    "value": ("enter", "enter", "3", "j", "j", "j", "o"),
    "value search": ("enter", "enter", "3", "j", "j", "j", "o", "/", "q"),
    "stepping": ("enter", "full_stop"), "help": ("?",), "help of the tree": ("enter", "?"),
    "palette": ("ctrl+p",), "palette, typed": ("ctrl+p", "o", "p"),
    "command line": (":",), "command line with a fault": (":", "x", "y", "enter"),
    "jump": ("ctrl+o",), "tour": (":", *"tour", "enter"), "themes": (":", *"theme", "enter"),
    "log": ("D",), "ledger": ("I",), "send again": ("R",), "flips": ("B",),
    "matrix": ("M",), "failures": ("M", "enter"), "matrix filter": ("M", "f"),
    "help of the matrix": ("M", "?"),
    "scores": ("S",), "scores by version": ("S", "t", "p"), "score flips": ("S", "t", "enter"),
    "help of scores": ("S", "?"),
    "agents": ("A",), "agent form": ("A", "a"), "key form": ("A", "tab", "n"),
    "new key": ("A", "tab", "n", *"mine", "enter"), "help of agents": ("A", "?"),
    "compare": ("w",), "difference": ("w", "tab"), "help of compare": ("w", "?"),
    "assert": ("enter", "a"), "assert target": ("enter", "a", "enter"),
    "new file": ("enter", "a", "enter", "G", "enter"),
    "new case": ("shift+tab", "o"),
    "editor": ("e",), "editor words": ("e", "ctrl+@"), "editor fault": ("e", "x", "y"),
    "editor close": ("e", "x", "escape"),
}  # fmt: skip
"""What is reached from the failing trace in the list by which keys."""


def failing_desk(folder, open_desk, call, monkeypatch):
    """Three bookings, the one in the middle wrong."""
    return composed(booked(folder, open_desk, call, monkeypatch))


@asynccontextmanager
async def at_failure(desk, size, **options):
    """The workbench with the failing booking open and judged."""
    app = TracedeskApp(desk, now_ns=lambda: NOW_NS, strict=True, **options)
    async with app.run_test(size=size) as pilot:
        bench = app.screen
        await until(pilot, lambda: desk.totals() and not desk.totals().get("pending"), "judged")
        await until(pilot, lambda: bench.traces.total == 3 and bench.cases, "open and judged")
        await to_failure(pilot, bench)
        yield app, pilot


async def to_failure(pilot, bench):
    """The cursor of the list on the failing booking."""
    bench.query_one("#traces").cursor = 1
    bench.open_trace(bench.traces.cursor_id)
    await until(
        pilot, lambda: bench.opened.row.external_id == "run-2" and bench.cases, "the failing one"
    )


async def places(app, pilot):
    """Go to each place in turn; yields its name once it stands."""
    bench = app.screen
    for name, keys in PLACES.items():
        for key in keys:
            await pilot.press(key)
            if len(key) > 1 or pilot.app.screen is not bench or not key.islower():
                await settled(pilot)
        await settled(pilot)
        yield name
        await home(app, pilot, bench)
    app.push_screen(ChangedScreen("booking.yaml", b"a: 1\n", b"a: 2\n"))
    await settled(pilot)
    yield "changed on disk"
    await pilot.press("v")
    await settled(pilot)
    yield "what differs"
    await home(app, pilot, bench)


async def settled(pilot):
    """What was asked for is done and painted."""
    done = pilot.app.workers
    await until(pilot, lambda: all(worker.is_finished for worker in done), "work is done")
    await pilot.pause()


async def home(app, pilot, bench):
    """Back to the list, with nothing over it and nothing said."""
    while app.screen is not bench:
        app.pop_screen()
    app.clear_notifications()
    while bench.filters() or bench.moments is not None or bench.query("FieldBar.-open"):
        await pilot.press("escape")
    bench.go_to_pane("list")
    await to_failure(pilot, bench)


def shown(app):
    """The lines of the terminal."""
    strips = app.screen._compositor.render_strips(app.size)
    return [strip.text for strip in strips]

"""The screen on large traces: open, fold, move. In a headless terminal of 160 × 45.

Opening is timed from a built trace: tree, view model, first paint of the rows on screen.
Keys are timed from the press to the compositor's answer, frames included.
"""

import asyncio
import gc
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from urllib.parse import urlsplit

import tracedesk.tui  # noqa: F401 - before Textual, whose pace of frames it sets

# isort: split

sys.path.insert(0, str(Path(__file__).parent.parent / "tui"))

import msgspec
from bench_ingest import canonical, http
from fake_desk import NOW_NS, FakeDesk, booking_verdicts, tree_of
from flood import packed
from table import Result
from textual import events
from textual.widget import Widget

from tracedesk.desk import COLLECTED_AFTER, SWITCH_S, Desk, Options
from tracedesk.model.trace import Kind, Status
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.widgets.span_tree import SpanTreeView
from tracedesk.tui.widgets.trace_list import TraceListView
from tracedesk.workspace import Workspace

SIZE = (160, 45)
OPEN_BUDGET_S = {10_000: 0.15, 100_000: 0.5, 1_000_000: 3.0}
FOLD_BUDGET_MS = 20.0
FLOOD = str(Path(__file__).with_name("flood.py"))
FLOOD_S = 8
KEY_BUDGET_MS = 30.0


def big_trace(count: int):
    """``count`` spans: an agent, turns of a hundred, calls nested ten deep, some failed."""
    spans = [make_span("root", "agent", start_ms=0, end_ms=count, kind=Kind.AGENT)]
    for number in range(1, count):
        turn = number - number % 100
        nested = number % 100 % 10
        parent = "root" if number == turn else (str(turn) if not nested else str(number - 1))
        spans.append(
            make_span(
                str(number), "call", parent, start_ms=number, end_ms=number + 100,
                kind=Kind.TOOL if nested else Kind.MODEL,
                status=Status.ERROR if number % 977 == 0 else Status.UNSET,
            )
        )  # fmt: skip
    return make_trace(*spans)


async def _open(count: int) -> list[Result]:
    """Open one trace of ``count`` spans, fold and unfold it, and walk in it."""
    trace = big_trace(count)
    gc.collect()
    gc.freeze()  # as a desk does once it is up
    gc.set_threshold(*COLLECTED_AFTER)
    sys.setswitchinterval(SWITCH_S)
    desk = FakeDesk()
    desk.add(make_trace(make_span("small")), "small")
    app = TracedeskApp(desk, now_ns=lambda: NOW_NS, ascii=False)
    results = []
    async with app.run_test(size=SIZE) as pilot:
        screen = app.screen
        assert isinstance(screen, Workbench)
        while screen.opened is None:
            await pilot.pause(0.01)
        begun = perf_counter()
        tree = tree_of(trace)
        rows = SpanRows(tree, trace.spans)
        took_tree = perf_counter() - begun
        opened = desk.load(desk.rows_newest_first()[0].id)
        opened = msgspec.structs.replace(opened, trace=trace, tree=tree)
        screen.show_trace(opened, rows, None)
        _paint(app)
        took = perf_counter() - begun
        budget = OPEN_BUDGET_S[count]
        note = f"of which tree and rows {took_tree:.2f} s"
        results.append(
            Result(f"open {count:,} spans, built → painted", took, "s", budget, took < budget, note)
        )
        view = screen.span_view
        screen.go_to_pane("tree")
        await pilot.pause()
        results.append(_folding(app, view, count))
        results.append(await _keys(app, view, count))
    return results


def _folding(app: TracedeskApp, view: SpanTreeView, count: int) -> Result:
    """The root holds everything: nothing folds more than that."""
    times, own = [], []
    for row in (0, 0, 1, 1, 0, 0):
        begun, cpu = perf_counter(), thread_time()
        view.toggle(row)
        _paint(app)
        times.append((perf_counter() - begun) * 1e3)
        own.append((thread_time() - cpu) * 1e3)
    worst = max(times)
    name = f"fold, unfold in {count:,} spans, painted (worst)"
    note = f"{max(own):.1f} ms CPU"
    return Result(name, worst, "ms", FOLD_BUDGET_MS, worst < FOLD_BUDGET_MS, note)


async def _keys(app: TracedeskApp, view: SpanTreeView, count: int) -> Result:
    times = []
    for key in ("j",) * 60 + ("ctrl+d",) * 20 + ("k",) * 20:
        action: Callable[[], None] = {
            "j": view.action_cursor_down,
            "k": view.action_cursor_up,
            "ctrl+d": lambda: view.action_half_page(1),
        }[key]
        begun = perf_counter()
        action()
        while app._message_queue.qsize() or app.screen._message_queue.qsize():
            await asyncio.sleep(0)
        _paint(app)
        times.append((perf_counter() - begun) * 1e3)
    p95 = quantiles(times, n=20)[-1]
    name = f"key → painted in {count:,} spans, detail beside it (p95)"
    return Result(name, p95, "ms", KEY_BUDGET_MS, p95 < KEY_BUDGET_MS)


async def _flooded() -> list[Result]:
    """Keys pressed ten times a second while sixteen clients fill the store of a real desk."""
    with TemporaryDirectory() as folder:
        requests = Path(folder) / "requests"
        requests.write_bytes(packed([http(canonical(number)) for number in range(2_000)]))
        with Desk(Workspace(root=Path(folder)), Options(port=0)) as desk:
            desk.ready.wait(20)
            app = TracedeskApp(desk, ascii=False)
            async with app.run_test(size=SIZE) as pilot:
                port = str(urlsplit(desk.endpoint.url or "").port)
                command = [sys.executable, FLOOD, port, "16", str(FLOOD_S), str(requests)]
                client = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
                screen = app.screen
                assert isinstance(screen, Workbench)
                while screen.opened is None or screen.traces.total < 100:
                    await pilot.pause(0.02)
                times = []
                view = screen.query_one(TraceListView)
                frames = Frames(screen, view)
                while client.returncode is None:
                    times.append(await press(app, view, frames))
                    await asyncio.sleep(0.1)
                assert client.stdout is not None
                sent = json.loads(await client.stdout.read())
        note = f"{sent['accepted'] / sent['seconds']:,.0f} traces/s meanwhile, {len(times)} keys"
        p50, p95, p99 = (quantiles(times, n=100)[at - 1] for at in (50, 95, 99))
        return [
            Result("key → painted during a flood (p50)", p50, "ms", None, True, note),
            Result("key → painted during a flood (p95)", p95, "ms", 30.0, p95 < 30),
            Result("key → painted during a flood (p99)", p99, "ms", 50.0, p99 < 50),
        ]


class Frames:
    """When each frame that paints a widget anew was out."""

    def __init__(self, screen: Workbench, widget: Widget) -> None:
        self.out = 0.0
        """When the last such frame was out."""
        paint = screen._compositor_refresh

        def painted() -> None:
            anew = widget in screen._dirty_widgets or screen in screen._dirty_widgets
            paint()
            if anew:
                self.out = perf_counter()

        screen._compositor_refresh = painted


async def press(app: TracedeskApp, view: TraceListView, frames: Frames) -> float:
    """Milliseconds from a key's arrival until the first frame with the moved cursor is out."""
    before, begun = view.cursor, perf_counter()
    app.post_message(events.Key("j" if before < 20 else "g", None))
    while view.cursor == before or frames.out < begun:
        await asyncio.sleep(0.0002)
    return (frames.out - begun) * 1e3


def _paint(app: TracedeskApp) -> None:
    """Lay out and render what is dirty, as the next frame would."""
    screen = app.screen
    screen._refresh_layout()
    screen._compositor.render_strips()


def _marks(count: int) -> Result:
    """A case's verdicts laid on a large tree."""
    trace = big_trace(count)
    rows = SpanRows(tree_of(trace), trace.spans)
    from tracedesk.tui.view_models.marks import Marks

    begun = perf_counter()
    marks = Marks([booking_verdicts()] * 300, rows.row_of)
    marks.counts(0, count)
    took = (perf_counter() - begun) * 1e3
    return Result(f"900 verdicts laid on {count:,} spans", took, "ms", 100.0, took < 100.0)


def run(counts: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> list[Result]:
    """All figures; a million spans take some seconds to build first."""
    results = []
    for count in counts:
        results += asyncio.run(_open(count))
    return [*results, _marks(100_000), *asyncio.run(_flooded())]


if __name__ == "__main__":
    from table import HEADER, render

    wanted = tuple(int(a) for a in sys.argv[1:]) or (10_000, 100_000, 1_000_000)
    print(HEADER)
    print(render(run(wanted)))

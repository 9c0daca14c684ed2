"""Large traces from a real store to the screen: sketched and painted.

Each trace is sent over OTLP in parts, as no sender sends a million spans at once, and opened twice,
by a process of its own each time: just arrived, when its tree is made of the span index, and at
rest, when that tree is kept. Run it alone: it takes minutes.
``python tests/benchmarks/bench_open.py 10000 100000``
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time
from urllib.parse import urlsplit

from bench_screen import OPEN_BUDGET_S, SIZE, _paint
from lateness import Lateness
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from table import Result, resident

from tracedesk.desk import SWITCH_S, Desk, Options
from tracedesk.store import Store
from tracedesk.testing import T0_NS
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.work import HURRIED_FROM
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.workspace import Workspace

PART = 20_000
"""Spans a request."""

MS = 1_000_000


def part(first: int, last: int, count: int) -> bytes:
    """Spans of one trace: an agent, turns of a hundred, calls nested ten deep, some failed."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(first, last):
        turn, nested = number - number % 100, number % 10
        parent = 0 if number == turn else (number - 1 if nested else turn)
        span = scope.spans.add(
            trace_id=count.to_bytes(16, "big"),
            span_id=_id(number),
            parent_span_id=_id(parent) if number else b"",
            name="call" if number else "agent",
            start_time_unix_nano=T0_NS + number * MS,
            end_time_unix_nano=T0_NS + (number + 100 if number else count) * MS,
        )
        kind = "execute_tool" if nested else "chat"
        span.attributes.add(key="gen_ai.operation.name").value.string_value = kind
        if number and number % 977 == 0:
            span.status.code = 2
    return request.SerializeToString()


def _id(number: int) -> bytes:
    """Eight bytes in no order, as senders make them."""
    return ((number + 1) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big")


def send(url: str, count: int) -> None:
    """One trace of ``count`` spans, in parts."""
    address = urlsplit(url)
    client = HTTPConnection(address.hostname or "", address.port)
    for first in range(0, count, PART):
        body = part(first, min(count, first + PART), count)
        client.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        reply = client.getresponse()
        told = reply.read()
        if reply.status != 200:
            raise SystemExit(f"refused: {reply.status} {told.decode(errors='replace')}")


async def _open(root: Path, count: int, when: str) -> Result:
    # with nothing decoded yet, nor to be decoded beside it
    with Desk(Workspace(root=root), Options(port=0, quiet_s=3_600)) as desk:
        desk.ready.wait(20)
        (row,) = desk.store.rows(limit=1)
        gc.collect()
        gc.freeze()
        before = resident()
        begun, cpu = perf_counter(), process_time()
        opened = desk.sketch(row.id) or desk.load(row.id)
        assert opened is not None
        hurried = opened.sketch and count >= HURRIED_FROM
        rows = SpanRows(opened.tree, opened.trace.spans, hurried=hurried)
        rows.row_of("")
        read, cpu = perf_counter() - begun, process_time() - cpu
        more = resident() - before
        app = TracedeskApp(desk, ascii=False)
        async with app.run_test(size=SIZE) as pilot:
            screen = app.screen
            assert isinstance(screen, Workbench)
            await pilot.pause()
            painting, own = perf_counter(), thread_time()
            screen.show_trace(opened, rows, None)
            _paint(app)
            took = read + perf_counter() - painting
            note = f"{cpu + thread_time() - own:.2f} s CPU"
            if hurried:
                looking = perf_counter()
                rows.time.take(rows.time.look_through())
                note += f", minimap {perf_counter() - looking:.2f} s later"
            note += f", {more / 2**20:,.0f} MB more"
        budget = OPEN_BUDGET_S[count]
        name = f"open {count:,} spans {when}, stored → painted"
        return Result(name, took, "s", budget, took < budget, note)


def _keep(root: Path) -> Result:
    """Make the tree of the one trace as its desk does in the background, and keep it."""
    sys.setswitchinterval(SWITCH_S)
    with Store.open(Workspace(root=root).database) as store:
        (row,) = store.rows(limit=1)
        lateness = Lateness()
        with lateness.watched():
            own = process_time()
            sketch = store.sketches.make(row.id)
            assert sketch is not None
            store.sketches.keep(row.id, sketch).result()
            own = process_time() - own
        ((size,),) = store.query("SELECT length(value) FROM sketch")
    late = [
        f"{name} by {quantiles(times, n=20)[18]:.0f} ms (p95), most {max(times):.0f}"
        for name, times in (("a thread beside", lateness.thread), ("machine", lateness.machine))
        if len(times) > 1
    ]
    note = f"{size / 1e6:.1f} MB kept; late: {', '.join(late)}"
    name = f"  tree of {row.span_count:,} spans made and kept"
    return Result(name, own, "s CPU", None, True, note)


def run(counts: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> list[Result]:
    results = []
    for count in counts:
        with TemporaryDirectory() as folder:
            root = Path(folder)
            with Desk(Workspace(root=root), Options(port=0)) as desk:
                desk.ready.wait(20)
                send(desk.endpoint.url or "", count)
            results.append(_apart(_opened, root, count, "just arrived"))
            results.append(_apart(_keep, root))
            results.append(_apart(_opened, root, count, "at rest"))
    return results


def _apart(measure: Callable[..., Result], *args: object) -> Result:
    """In a process that has done nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measure, *args).result()


def _opened(root: Path, count: int, when: str) -> Result:
    return asyncio.run(_open(root, count, when))


if __name__ == "__main__":
    from table import HEADER, render

    print(HEADER)
    wanted = tuple(int(a) for a in sys.argv[1:]) or (10_000, 100_000, 1_000_000)
    for count in wanted:
        print(render(run((count,))), flush=True)

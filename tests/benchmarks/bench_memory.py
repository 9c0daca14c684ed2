"""The memory of a whole desk, screen open, evaluator at work: idle, after 100,000 traces of five
spans, with one of 28 MB open, after it was closed, and after twelve such.

Each figure is the resident memory of one process, in which nothing else was done before.
"""

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from table import Result, resident

MIB = 1 << 20
TRACES = 100_000
LARGE = 12
LARGE_SPANS = 49_000
"""Of five kinds, some 28 MB together."""
CLIENTS, SECONDS = 16, 2.0
FLOOD = str(Path(__file__).with_name("flood.py"))
REST_S = 1.0
"""Within which a desk that has nothing to do has done what it puts off."""
LARGE_BUDGET_MIB = 340.0
"""With the last of them open: what it takes decoded, once for the screen and once for its
verdicts, beside what room the others left in the allocator."""

CASES = """\
version: 1
cases:
  - name: a table is booked
    assertions:
      - {target: node_call, condition: MUST_CALL, expected_name: create_booking}
      - {target: response_regex, pattern: booked}
"""


def run() -> list[Result]:
    """Measured in two processes of their own: what one did would be in the figures of the other."""
    return [result for part in ("many", "large") for result in _measured(part)]


def _measured(part: str) -> list[Result]:
    command = [sys.executable, __file__, part]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [
        Result(name, used, "MiB", budget, budget is None or used < budget)
        for name, used, budget in found
    ]


Figures = list[tuple[str, float, float | None]]
"""Name, mebibytes, budget."""


async def _of_a_desk(part: Callable[..., Awaitable[Figures]]) -> Figures:
    import tracedesk.tui  # noqa: F401 - before Textual, whose pace of frames it sets

    # isort: split
    from tracedesk.desk import Desk, Options
    from tracedesk.tui.app import TracedeskApp
    from tracedesk.workspace import Workspace

    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "cases.yaml").write_text(CASES)
        workspace = Workspace(root=root, case_paths=(root / "cases.yaml",))
        with Desk(workspace, Options(port=0)) as desk:
            desk.ready.wait(20)
            app = TracedeskApp(desk, ascii=False)
            async with app.run_test(size=(160, 45)):
                await asyncio.sleep(REST_S)
                return await part(desk, app, root)


async def _many(desk: Any, app: Any, root: Path) -> Figures:
    idle = resident() / MIB
    port = urlsplit(desk.endpoint.url).port
    requests = root / "requests"
    await _run(__file__, "pack", str(requests))
    while desk.store.count() < TRACES:
        await _run(FLOOD, str(port), str(CLIENTS), str(SECONDS), str(requests))
    most = resident() / MIB
    await _settled(desk)
    return [
        ("resident memory of an idle desk, screen open", idle, 90.0),
        (f"after {TRACES:,} stored traces, the last just received", most, None),
        ("  and all of them evaluated", resident() / MIB, 150.0),
    ]


async def _large(desk: Any, app: Any, root: Path) -> Figures:
    port = urlsplit(desk.endpoint.url).port
    figures: Figures = []
    for number in range(1, LARGE + 1):
        await _run(__file__, "post", str(port), str(LARGE_SPANS))
        await _settled(desk)
        if number == 1:
            await asyncio.to_thread(desk.load, desk.store.rows(limit=1)[0].id)
            figures.append(("a trace of 28 MB received and opened", resident() / MIB, None))
    figures.append((f"after {LARGE} of them, one open", resident() / MIB, LARGE_BUDGET_MIB))
    await _run(__file__, "post", str(port), "5")
    screen = app.screen
    screen.traces.follow = True
    small = desk.store.rows(limit=1)[0].id
    while screen.opened is None or screen.opened.row.id != small:
        await asyncio.sleep(0.05)
    await _settled(desk)
    figures.append(("  and a small one opened instead", resident() / MIB, None))
    return figures


async def _settled(desk: Any) -> None:
    while not await asyncio.to_thread(desk._evaluator.settle, 1.0):
        pass
    await asyncio.sleep(REST_S)


async def _run(*arguments: str) -> None:
    process: Process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent
    )
    assert not await process.wait()


def _pack(file: str) -> None:
    """Write the requests of the flood."""
    from bench_ingest import canonical, http
    from flood import packed

    Path(file).write_bytes(packed([http(canonical(number)) for number in range(2_000)]))


def _post(port: str, spans: str) -> None:
    """Send one trace of so many spans."""
    from bench_ingest import canonical

    five = json.loads(canonical(1))["spans"]
    body = [
        {
            **five[at % 5],
            "span_id": f"{at:016x}",
            "parent_span_id": f"{at // 8:016x}" if at else None,
        }
        for at in range(int(spans))
    ]
    connection = HTTPConnection("127.0.0.1", int(port))
    connection.request("POST", "/public/traces", json.dumps({"spans": body}))
    assert connection.getresponse().status == 201
    connection.close()


PARTS = {"many": _many, "large": _large}
SENDERS = {"pack": _pack, "post": _post}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    if name in SENDERS:
        SENDERS[name](*arguments)
    else:
        print(json.dumps(asyncio.run(_of_a_desk(PARTS[name]))))

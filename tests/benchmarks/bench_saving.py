"""From a saved test-case file to its verdict on the screen, with ten thousand stored traces.

A real desk watches a real folder. Timed from the write to the frame in which the drawer shows
the new verdict on the open trace, while all other traces are evaluated behind it.
"""

import asyncio
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import tracedesk.tui  # noqa: F401 - before Textual, whose pace of frames it sets

# isort: split

from bench_evaluation import MANY, fill
from bench_screen import SIZE, Frames
from table import Result

from tracedesk.desk import Desk, Options
from tracedesk.model.verdict import Outcome
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.widgets.drawer.results_view import ResultsView
from tracedesk.workspace import find_workspace

SAVES = 20
BUDGET_MS = 100.0


def run() -> list[Result]:
    painted, settled = asyncio.run(_saves())
    p95 = sorted(painted)[int(len(painted) * 0.95) - 1]
    name = f"save → verdict painted, {MANY:,} stored traces (p95)"
    note = f"median {median(painted):.0f} ms; all {MANY:,} done after {median(settled):.2f} s"
    return [Result(name, p95, "ms", BUDGET_MS, p95 <= BUDGET_MS, note)]


def _text(turn: int) -> str:
    """Five assertions, of which the last changes from turn to turn, and with it its verdict."""
    lines = ["cases:", "  - name: books", "    assertions:"]
    lines += 4 * ["      - {target: node_call, expected_name: find_table}"]
    lines.append(
        "      - {target: node_call, expected_name: book_table, "
        f"expected_arguments: {{party: {{matcher: lt, value: {_limit(turn)}}}}}}}"
    )
    return "\n".join(lines) + "\n"


def _limit(turn: int) -> int:
    """Above the party of four at each even turn."""
    return -turn if turn % 2 else 10 + turn


async def _saves() -> tuple[list[float], list[float]]:
    """Milliseconds to the painted verdict, and seconds to the last of all, of each save."""
    painted, settled = [], []
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "testcases").mkdir()
        (root / "tracedesk.toml").write_text("")
        cases = root / "testcases" / "a.yaml"
        cases.write_text(_text(0))
        with Desk(find_workspace(root), Options(port=0)) as desk:
            desk.ready.wait(20)
            fill(desk.store, MANY)
            app = TracedeskApp(desk, ascii=False)
            async with app.run_test(size=SIZE) as pilot:
                screen = app.screen
                assert isinstance(screen, Workbench)
                while screen.opened is None or not _done(desk):
                    await pilot.pause(0.05)
                frames = Frames(screen, screen.query_one(ResultsView))
                for turn in range(1, SAVES + 1):
                    wanted = Outcome.FAIL if turn % 2 else Outcome.PASS
                    begun = perf_counter()
                    cases.write_text(_text(turn))
                    while not _shown(screen, wanted) or frames.out < begun:
                        await asyncio.sleep(0.0005)
                    painted.append((frames.out - begun) * 1e3)
                    while not _done(desk):
                        await asyncio.sleep(0.005)
                    settled.append(perf_counter() - begun)
    return painted, settled


def _done(desk: Desk) -> bool:
    progress = desk.progress()
    pending = desk.totals().get("pending", 0)
    return progress is not None and not progress.busy and not pending and bool(desk.totals())


def _shown(screen: Workbench, wanted: Outcome) -> bool:
    """The open trace is shown with the verdict of the last save, which differs each time."""
    return bool(screen.cases) and screen.cases[-1].verdicts[-1].outcome is wanted

"""``python tests/benchmarks soak [--minutes M]``: a whole desk, screen open, at full speed for
minutes: good requests of every format and size, bad ones of every kind, keys pressed.

Exits with 1 on a broken promise: a 2xx that is not stored exactly once with the right
revision, a refusal that is, a reply no request of its kind may get, memory that keeps growing,
a key that is painted late. Beside the keys stands how late a process and a thread are woken that
do nothing, which tells a busy machine from a busy app.
"""

import tracedesk.tui  # noqa: F401 - before Textual, whose pace of frames it sets

# isort: split

import asyncio
import sys
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.parse import urlsplit

import msgspec
from bench_screen import SIZE, Frames, press
from lateness import Lateness
from load import Report
from promises import broken
from table import HEADER, Result, render, resident

from tracedesk.desk import Desk, Options
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.widgets.trace_list import TraceListView
from tracedesk.workspace import Workspace

LOAD = str(Path(__file__).with_name("load.py"))
PROCESSES, CLIENTS = 2, 8
"""Client processes, and connections of each."""
BETWEEN_KEYS_S = 0.1
KEYS_LEAST = 2
"""Pressed even if the machine lets a short run end before."""
KEY_BUDGETS_MS = {95: 30.0, 99: 50.0}
TRACE_BYTES = 250
"""Bytes of memory that a stored trace costs for good: what the evaluator remembers of it (its id,
revision, state and a share in the results, about 170, and its place in a table that is doubled
when it is full), so that one changed case reads nothing and a deleted trace is noticed."""
SLACK_MIB = 10.0
"""Growth that is no leak: caches that fill, pages that are not given back."""
MINUTE = 60
"""Samples of memory in a minute, about: one is taken each second, between two keys."""
JUDGED_FROM_MINUTES = 1.0
"""Shorter runs tell nothing of memory and little of keys: only lost traces fail them."""


def main(minutes: float = 5.0) -> int:
    """Run for so long; returns the exit status."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        lateness = Lateness()
        with lateness.watched():
            reports, times, memory = asyncio.run(_soak(root, minutes * 60))
        workspace = Workspace(root=root)
        found = broken(workspace.database, reports)
    print(_by_status(reports, minutes * 60))
    results = [*_keys(times), *lateness.results(), *_memory(memory, reports)]
    print(HEADER + "\n" + render(results))
    wrong = [line for report in reports for line in report.wrong]
    for line in [*found, *wrong[:10]]:
        print(f"broken: {line}")
    if not found and not wrong:
        accepted = sum(_statuses(reports)[status] for status in (200, 201))
        print(f"nothing lost, nothing refused stored, of {accepted:,} accepted")
    slow = minutes >= JUDGED_FROM_MINUTES and not all(result.ok for result in results)
    return 1 if found or wrong or slow else 0


async def _soak(root: Path, seconds: float) -> tuple[list[Report], list[float], list[int]]:
    """Reports of the clients, milliseconds of each key, resident bytes each second."""
    with Desk(Workspace(root=root), Options(port=0)) as desk:
        desk.ready.wait(20)
        app = TracedeskApp(desk, ascii=False)
        async with app.run_test(size=SIZE) as pilot:
            port = urlsplit(desk.endpoint.url or "").port
            outs = [root / f"clients-{number}.json" for number in range(PROCESSES)]
            clients = [await _clients(port or 0, seconds, out.stem, out) for out in outs]
            screen = app.screen
            assert isinstance(screen, Workbench)
            while screen.opened is None or screen.traces.total < 100:
                await pilot.pause(0.02)
            view = screen.query_one(TraceListView)
            frames = Frames(screen, view)
            times, memory, sampled = [], [resident()], perf_counter()
            while any(client.returncode is None for client in clients) or len(times) < KEYS_LEAST:
                times.append(await press(app, view, frames))
                await asyncio.sleep(BETWEEN_KEYS_S)
                if perf_counter() - sampled > 1:
                    memory.append(resident())
                    sampled = perf_counter()
            assert not any(client.returncode for client in clients), "a client process failed"
            reports = [msgspec.json.decode(out.read_bytes(), type=Report) for out in outs]
    return reports, times, memory


async def _clients(port: int, seconds: float, seed: str, out: Path) -> Process:
    command = [sys.executable, LOAD, str(port), str(CLIENTS), str(seconds), seed]
    with out.open("wb") as file:
        return await asyncio.create_subprocess_exec(*command, stdout=file)


def _statuses(reports: list[Report]) -> Counter[int]:
    found: Counter[int] = Counter()
    for report in reports:
        for counts in report.statuses.values():
            found.update(counts)
    return found


def _by_status(reports: list[Report], seconds: float) -> str:
    kinds: dict[str, Counter[int]] = {}
    for report in reports:
        for kind, counts in report.statuses.items():
            kinds.setdefault(kind, Counter()).update(counts)
    every = sorted({status for counts in kinds.values() for status in counts})
    named = ["no reply" if status == 0 else str(status) for status in every]
    lines = [f"{'replies a second':<26}" + "".join(f"{name:>10}" for name in named)]
    for kind, counts in sorted(kinds.items(), key=lambda pair: -pair[1].total()):
        rates = [f"{counts[s] / seconds:>10,.1f}" if counts[s] else " " * 10 for s in every]
        lines.append(f"{kind:<26}" + "".join(rates))
    total = _statuses(reports)
    lines.append(f"{'all':<26}" + "".join(f"{total[s] / seconds:>10,.1f}" for s in every))
    return "\n".join(lines) + "\n"


def _keys(times: list[float]) -> list[Result]:
    at = quantiles(times, n=100)
    return [
        Result(f"key → painted (p{p})", at[p - 1], "ms", budget, at[p - 1] < budget,
               f"{len(times):,} keys" if p == 95 else f"slowest {max(times):.0f} ms")
        for p, budget in KEY_BUDGETS_MS.items()
    ]  # fmt: skip


def _memory(samples: list[int], reports: list[Report]) -> list[Result]:
    """Flat: over the second half, the line through the samples rises by no more than
    ``TRACE_BYTES`` for each trace that was stored meanwhile and ``SLACK_MIB``. The caches are
    full long before: those of decoded traces and readings within half a minute."""
    half = samples[len(samples) // 2 :]
    stored = sum(len(report.created) for report in reports) / 2
    allowed = stored * TRACE_BYTES / 2**20 + SLACK_MIB
    growth = _slope(half) * len(half) / 2**20
    start, end = samples[0] / 2**20, samples[-1] / 2**20
    minutes = " ".join(f"{at / 2**20:.0f}" for at in samples[::MINUTE][1:])
    note = (
        f"{start:.0f} MiB at the start, {max(samples) / 2**20:.0f} at most, {end:.0f} at the end"
        + (f"; each minute {minutes}" if minutes else "")
    )
    return [
        Result(
            "memory gained over the second half", growth, "MiB", allowed, growth <= allowed, note
        )
    ]


def _slope(samples: list[int]) -> float:
    """Of the line through them (least squares), a step."""
    count = len(samples)
    if count < 2:
        return 0.0
    middle, mean = (count - 1) / 2, sum(samples) / count
    above = sum((at - middle) * (value - mean) for at, value in enumerate(samples))
    return above / sum((at - middle) ** 2 for at in range(count))

"""How late a plain loop is woken: what a busy machine does to everybody, beside what the app does.

``python lateness.py``: wakes every ``EVERY_S`` until its input is closed, then prints the
milliseconds by which each waking was late, as JSON.
"""

import gc
import json
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from time import perf_counter

from table import Result

EVERY_S = 0.01


class Lateness:
    """Filled while ``watched`` lasts; milliseconds."""

    def __init__(self) -> None:
        self.machine: list[float] = []
        """Of a process of its own, which does nothing else."""
        self.thread: list[float] = []
        """Of a thread beside the app's, which waits for the interpreter as they do."""
        self.collections: list[float] = []
        """How long everything stood still for each collection of garbage."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Measure meanwhile."""
        alone = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        ended, begun = threading.Event(), 0.0

        def collected(phase: str, _: dict[str, int]) -> None:
            nonlocal begun
            now = perf_counter()
            if phase == "start":
                begun = now
            else:
                self.collections.append((now - begun) * 1e3)

        thread = threading.Thread(target=lambda: self.thread.extend(_late(ended.wait)))
        thread.start()
        gc.callbacks.append(collected)
        try:
            yield
        finally:
            gc.callbacks.remove(collected)
            ended.set()
            thread.join()
            self.machine = json.loads(alone.communicate()[0])

    def results(self) -> list[Result]:
        """For comparison only."""
        return [
            Result(f"  {name} (p99)", quantiles(times, n=100)[98], "ms", None, True,
                   f"p95 {quantiles(times, n=100)[94]:.1f}, most {max(times):.0f}")
            for name, times in (
                ("a process that does nothing is woken late", self.machine),
                ("a thread beside the app's is woken late", self.thread),
                ("a collection of garbage", self.collections),
            )
            if len(times) > 1
        ]  # fmt: skip


def _late(wait: Callable[[float], object]) -> list[float]:
    """Until ``wait``, which waits at most so many seconds, says that it ended."""
    times = []
    while True:
        begun = perf_counter()
        if wait(EVERY_S):
            return times
        times.append((perf_counter() - begun - EVERY_S) * 1e3)


if __name__ == "__main__":
    print(json.dumps(_late(lambda seconds: select.select([sys.stdin], [], [], seconds)[0])))

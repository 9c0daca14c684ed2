"""How long a person waits: the help, the first frame; and what an idle desk weighs."""

import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from table import Result

RUNS = 5


def run() -> list[Result]:
    help_s = median(lambda: timed([sys.executable, "-m", "tracedesk", "--help"]))
    frame_s, rss = zip(*(first_frame() for _ in range(RUNS)), strict=True)
    frame, weight = statistics.median(frame_s), statistics.median(rss)
    return [
        Result("tracedesk --help", help_s, "s", 0.1, help_s <= 0.1),
        Result("cold start → first frame", frame, "s", 0.6, frame <= 0.6),
        Result("idle resident memory", weight, "MB", 90, weight <= 90),
    ]


def median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(RUNS))


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def first_frame() -> tuple[float, float]:
    """Seconds until the header is on a real pseudo-terminal, and MB resident 3 s later."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"}
            os.execv(sys.executable, [sys.executable, "-m", "tracedesk", folder, "--port", "0"])
        seen = b""
        while b"tracedesk" not in seen:
            seen += os.read(terminal, 65536)
        elapsed = time.perf_counter() - start
        drain(terminal, 3.0)
        rss = resident_mb(pid)
        os.write(terminal, b"q")
        drain(terminal, 5.0)
        os.waitpid(pid, 0)
        os.close(terminal)
    return elapsed, rss


def drain(terminal: int, seconds: float) -> None:
    """Read what the app paints, as a terminal would, until it is quiet or gone."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([terminal], [], [], left)
        try:
            if ready and not os.read(terminal, 65536):
                return
        except OSError:  # the other end closed
            return


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError("no VmRSS")

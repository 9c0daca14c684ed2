"""``python tests/benchmarks crash [--times N]``: ``tracedesk serve`` under load, killed with
-9 at random moments. After each restart every 2xx must be stored exactly once, nothing
half-stored, and the file sound. Exits with 1 when it is not.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from load import Report
from promises import broken

CLIENTS = 16
LOAD = str(Path(__file__).with_name("load.py"))
PATIENCE_S = 60.0


def main(times: int = 20) -> int:
    """Kill so often; returns the exit status."""
    reports: list[Report] = []
    failures = 0
    print(f"{'kill':>4} {'after':>8} {'2xx':>7} {'other':>6} {'open':>5} {'restart':>8}  verdict")
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / ".tracedesk" / "traces.db"
        serve = _Serve(folder)
        for number in range(1, times + 1):
            moment = random.uniform(0.05, 1.5)
            report = _killed(serve, f"kill{number}", moment)
            reports.append(report)
            begun = time.perf_counter()
            serve = _Serve(folder)
            restart = time.perf_counter() - begun
            found = broken(database, reports)
            found += report.wrong[:3]
            failures += bool(found)
            by_status = [(s, n) for counts in report.statuses.values() for s, n in counts.items()]
            accepted = sum(n for status, n in by_status if 200 <= status < 300)
            dropped = sum(n for status, n in by_status if status == 0)
            other = sum(n for _, n in by_status) - accepted - dropped
            print(
                f"{number:>4} {moment:>6.2f} s {accepted:>7,} {other:>6,} {dropped:>5}"
                f" {restart:>6.2f} s  {'; '.join(found) or 'whole'}",
                flush=True,
            )
        if serve.stop() != 0:
            print("serve did not end well after SIGTERM")
            failures += 1
    print(f"{times} kills, {failures} with broken promises")
    return 1 if failures else 0


class _Serve:
    """``tracedesk serve`` on a folder; listens once made."""

    def __init__(self, folder: str) -> None:
        command = [sys.executable, "-m", "tracedesk", "serve", "--json-log", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--workspace", folder], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        url = msgspec.json.decode(line)["url"] if line else ""
        assert url, "serve did not start"
        self.port = urlsplit(url).port

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def _killed(serve: _Serve, seed: str, moment: float) -> Report:
    """Load it, kill it ``moment`` seconds after the load began, and hear the clients out."""
    command = [sys.executable, LOAD, str(serve.port), str(CLIENTS), str(PATIENCE_S), seed]
    clients = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert clients.stdout is not None
    clients.stdout.readline()  # the first of them was answered
    time.sleep(moment)  # at a moment nobody chose
    os.kill(serve.process.pid, signal.SIGKILL)
    serve.process.communicate()
    out, _ = clients.communicate(timeout=PATIENCE_S)
    return msgspec.json.decode(out, type=Report)

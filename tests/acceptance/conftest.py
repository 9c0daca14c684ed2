"""Real clients run against a real desk, each program once, and what was then read of them."""

import json
import os
import runpy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from tracedesk.desk import Desk, OpenTrace, Options
from tracedesk.workspace import find_workspace

CLIENTS = Path(__file__).parents[1] / "clients"
CLIENT_TIMEOUT_S = 90
WAIT_S = 20


class Seen(NamedTuple):
    """One trace after its client has ended: all that it sent was answered, so is stored."""

    document: dict[str, Any]
    """What ``GET /public/traces/{id}`` answers."""
    opened: OpenTrace
    requests: int

    @property
    def reading(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["reading"]
        return found

    @property
    def tools(self) -> list[tuple[str, Any, Any, str]]:
        """Name, arguments, result and status of each tool call."""
        return [
            (call["name"], call["arguments"], call["output"], call["status"])
            for call in self.reading["toolCalls"]
        ]

    @property
    def tokens(self) -> tuple[int, int, int]:
        usage = self.reading["usage"]
        return usage["input"], usage["output"], usage["total"]

    @property
    def labels(self) -> list[str]:
        """Indented names in tree order."""
        tree, spans = self.opened.tree, self.opened.trace.spans
        return ["  " * tree.depth[row] + spans[at].name for row, at in enumerate(tree.order)]


@pytest.fixture(scope="session")
def weather() -> dict[str, Any]:
    """What the agents of ``clients/weather.py`` are asked and say."""
    return runpy.run_path(str(CLIENTS / "weather.py"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., dict[str, Seen]]]:
    """``seen(program, *arguments, **environment)``: a client's traces by service name. The same
    call runs it once a module."""
    runs: dict[Any, dict[str, Seen]] = {}
    with Desk(
        find_workspace(tmp_path_factory.mktemp("clients")), Options(port=0, quiet_s=0.05)
    ) as desk:
        assert desk.ready.wait(WAIT_S)

        def run(*command: str, **environment: str) -> dict[str, Seen]:
            key = (command, tuple(environment.items()))
            if key not in runs:
                runs[key] = _run(desk, command, environment)
            return runs[key]

        yield run


def _run(desk: Desk, command: tuple[str, ...], environment: dict[str, str]) -> dict[str, Seen]:
    known = {row.id for row in desk.store.rows()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        command,
        cwd=CLIENTS,
        env={**clean, "OTEL_EXPORTER_OTLP_ENDPOINT": desk.endpoint.url or "", **environment},
        capture_output=True,
        text=True,
        timeout=CLIENT_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to export" not in done.stderr
    found = {}
    for row in desk.store.rows():
        if row.id in known:
            continue
        opened = desk.load(row.id)
        assert opened is not None
        with urlopen(f"{desk.endpoint.url}/public/traces/{row.id}", timeout=WAIT_S) as reply:
            document = json.load(reply)["data"]
        (service,) = {resource.service for resource in opened.trace.resources}
        assert service not in found, "one trace a scenario"
        found[service] = Seen(document, opened, len(desk.store.requests(row.id)))
    return found

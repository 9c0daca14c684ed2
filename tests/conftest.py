"""What many tests share: a desk over a fresh workspace, and waiting for it."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis
import pytest

if TYPE_CHECKING:
    from tracedesk.desk import Desk

hypothesis.settings.register_profile("tracedesk", deadline=None)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("tracedesk")
"""A machine that is busy elsewhere must not fail a property; pytest-timeout ends what hangs.
``--hypothesis-profile=deep`` looks longer at every property that names no number of its own."""

T = TypeVar("T")

WAIT_S = 20.0
"""Far above what anything takes: a test that hits this has failed, not been slow."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Short names, the same in every worker: bytes and long texts go by their argument."""
    if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60):
        return argname
    return None


@pytest.fixture
def until() -> Callable[[Callable[[], T]], T]:
    """Wait until a condition gives something true, and return that."""

    def wait(condition: Callable[[], T]) -> T:
        pause = threading.Event()
        for _ in range(int(WAIT_S / 0.01)):
            found = condition()
            if found:
                return found
            pause.wait(0.01)
        raise AssertionError(f"not true within {WAIT_S} s")

    return wait


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[..., "Desk"]]:
    """Start a desk over ``tmp_path`` on a free port; all of them are stopped at the end."""
    from tracedesk.desk import Desk, Options
    from tracedesk.workspace import find_workspace

    desks: list[Desk] = []

    def start(root: Path = tmp_path, **options: Any) -> Desk:
        options.setdefault("port", 0)
        options.setdefault("quiet_s", 0.05)
        desk = Desk(find_workspace(root), Options(**options))
        desks.append(desk)
        desk.start()
        assert desk.ready.wait(WAIT_S)
        return desk

    yield start
    for desk in desks:
        desk.stop()


@pytest.fixture
def call() -> Callable[..., tuple[int, Any]]:
    """One HTTP request to a desk: ``call(desk, path, body=None, **headers)``."""

    def send(desk: "Desk", path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{desk.endpoint.url}{path}", data, named)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    return send

"""Short runs of the soak and of the crashes, and that a broken promise is found at all."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from load import BAD, KINDS, REFUSED, Promise, Report, canonical  # noqa: E402
from promises import broken  # noqa: E402

Endpoint = Any


def run(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_desk_under_all_kinds_of_requests_loses_nothing_and_stores_no_refusal():
    printed = run("soak", "--minutes", "0.04")
    assert "nothing lost, nothing refused stored" in printed
    sent = {line[:26].rstrip() for line in printed.splitlines()}
    assert {*KINDS, *BAD} - {"bad"} <= sent


def test_two_kills_under_load_lose_nothing():
    assert "2 kills, 0 with broken promises" in run("crash", "--times", "2")


@pytest.fixture
def promised(endpoint: Endpoint) -> tuple[Path, Report]:
    """A stored creation, a trace replaced once, and what was promised of them."""
    created = endpoint.post(canonical("one")).body["id"]
    for name in ("two", "three"):
        replaced = endpoint.post(canonical(name), x_request_id="run").body["id"]
    promise = Promise(id=replaced, accepted=2, mark="three")
    endpoint.store.close()
    return endpoint.store.path, Report({}, [], [created], {"run": promise}, {}, 0)


def test_kept_promises_are_not_broken(promised: tuple[Path, Report]):
    assert broken(promised[0], [promised[1]]) == []


def forget(report: Report) -> None:
    report.created.clear()


def revise(report: Report) -> None:
    report.replaced["run"].accepted = 3


def rename(report: Report) -> None:
    report.replaced["run"].mark = "two"


@pytest.mark.parametrize("change", [forget, revise, rename])
def test_a_database_that_differs_from_what_was_said_is_found(
    promised: tuple[Path, Report], change: Callable[[Report], None]
):
    path, report = promised
    change(report)
    assert broken(path, [report])


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM trace WHERE number = 1",
        "DELETE FROM span WHERE trace = 2 AND span_id = '3'",
        "DELETE FROM request WHERE id = (SELECT request FROM part WHERE trace = 1)",
        "DELETE FROM part WHERE trace = 1",
        "UPDATE trace SET revision = 2 WHERE number = 1",
        "UPDATE counter SET number = 1",
        f"UPDATE trace SET name = '{REFUSED}' WHERE number = 1",
    ],
)
def test_a_damaged_database_is_found(promised: tuple[Path, Report], damage: str):
    path, report = promised
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    assert broken(path, [report])

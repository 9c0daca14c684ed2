"""The JSONPath compliance suite: what paths that begin with ``$`` find, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.query.paths import PathError, parse_path

TOLERATED = "a dot path may begin with $, its steps being any keys or indexes"
DIFFERENCES = {
    "basic, name shorthand, symbol": TOLERATED,
    "basic, name shorthand, number": TOLERATED,
}
"""Names of entries that come out otherwise here, and why."""


@pytest.fixture
def entries(recorded_json: Callable[[str], Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded_json("jsonpath_cts.json")["tests"]
    return found


def agrees(entry: dict[str, Any]) -> bool:
    """Whether the selector is refused, or finds what it should."""
    try:
        path = parse_path(entry["selector"])
    except PathError:
        return bool(entry.get("invalid_selector"))
    if entry.get("invalid_selector"):
        return False
    wanted = entry["results"] if "results" in entry else [entry["result"]]
    return [value for _, value in path.find(entry["document"])] in wanted


def test_every_other_selector_comes_out_as_in_the_suite(entries: list[dict[str, Any]]) -> None:
    assert {entry["name"] for entry in entries if not agrees(entry)} == set(DIFFERENCES)


def test_every_location_leads_back_to_its_value(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if entry.get("invalid_selector") or entry["name"] in DIFFERENCES:
            continue
        for location, value in parse_path(entry["selector"]).find(entry["document"]):
            assert parse_path(location).find(entry["document"]) == [(location, value)]

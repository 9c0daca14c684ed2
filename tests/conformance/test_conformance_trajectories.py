"""Trajectories of agentevals: what it says of two lists of messages, tool_sequence must say.

Its ``superset`` asks for at least the expected calls, which is ``contains`` here; its
``subset`` asks for nothing unexpected, which is ``only``.
"""

import ast
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.query.paths import parse_path
from tracedesk.testing import make_span, make_tool, make_trace

MODES = {"strict": "exact", "unordered": "same_set", "subset": "only", "superset": "contains"}
ARGUMENT_MODES = {"exact": "exact", "ignore": "ignore", "subset": "only", "superset": "contains"}

CALLABLE = "arguments are compared by a Python function, which no test case can name"
ONE_MESSAGE = "the calls of one message are taken in any order even under strict"
DIFFERENCES = {
    7: ONE_MESSAGE,
    28: CALLABLE,
    29: CALLABLE,
    30: CALLABLE,
    31: CALLABLE,
    37: CALLABLE,
    39: CALLABLE,
    41: CALLABLE,
    43: CALLABLE,
}
"""Entries, by position, that differ from ours or cannot be expressed, and why."""

_TOOL_CALLS = re.compile(r" tool_calls=(\[.*\]) invalid_tool_calls=")

Call = tuple[str, dict[str, Any]]


def calls_of(messages: Iterable[Any]) -> list[Call]:
    """Name and arguments of every tool call that the messages ask for."""
    found: list[Call] = []
    for message in messages:
        if isinstance(message, str):  # a message object, recorded as its text form
            match = _TOOL_CALLS.search(message)
            listed = ast.literal_eval(match[1]) if match else []
            found += [(call["name"], call["args"]) for call in listed]
        else:
            functions = [call["function"] for call in message.get("tool_calls") or ()]
            found += [(f["name"], json.loads(f["arguments"])) for f in functions]
    return found


def step(name: str, arguments: dict[str, Any], override: Any, mode: str) -> dict[str, Any]:
    """An expected call; an override is a mode of its own, or the only paths that count."""
    if isinstance(override, list):
        picked = {path: parse_path(path).first(arguments)[1] for path in override}
        return {"expected_name": name, "expected_arguments": picked}
    written = ARGUMENT_MODES[override or mode]
    return {"expected_name": name, "expected_arguments": arguments, "args_mode": written}


def sequence(entry: dict[str, Any]) -> dict[str, Any]:
    """The tool_sequence that says what the entry's configuration says."""
    settings, overrides = entry["cfg"], entry["overrides"]
    mode = settings.get("tool_args_match_mode", "exact")
    return {
        "target": "tool_sequence",
        "mode": MODES[settings.get("trajectory_match_mode", "strict")],
        "name_match": "exact",
        "when_absent": "pass",
        "expected": [
            step(name, arguments, overrides.get(name), mode)
            for name, arguments in calls_of(entry["args"]["reference_outputs"])
        ],
    }


@pytest.fixture
def entries(recorded_json: Callable[[str], Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded_json("agentevals_trajectory.json")
    return found


def differs(entry: dict[str, Any], decide: Callable[..., Verdict]) -> bool:
    """Whether the entry cannot be expressed or comes out otherwise than recorded."""
    if "<callable>" in entry["overrides"].values():
        return True
    tools = [
        make_tool(f"t{place}", name, "r", arguments=arguments, start_ms=place)
        for place, (name, arguments) in enumerate(calls_of(entry["args"]["outputs"]))
    ]
    found = decide(sequence(entry), make_trace(make_span("r", "agent"), *tools))
    return (found.outcome is Outcome.PASS) != entry["score"]


def test_every_other_trajectory_comes_out_as_recorded(
    entries: list[dict[str, Any]], decide: Callable[..., Verdict]
) -> None:
    assert {n for n, entry in enumerate(entries) if differs(entry, decide)} == set(DIFFERENCES)


def test_unknown_configuration_would_be_noticed(entries: list[dict[str, Any]]) -> None:
    assert {
        entry["cfg"].get("trajectory_match_mode", "strict") for entry in entries
    } == MODES.keys()
    assert {key for entry in entries for key in entry["cfg"]} == {
        "trajectory_match_mode",
        "tool_args_match_mode",
    }

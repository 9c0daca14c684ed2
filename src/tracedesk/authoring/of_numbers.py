"""Candidates for a whole trace and its numbers: time, tokens, cost, status, order of calls."""

from collections.abc import Iterator
from typing import Any

from tracedesk.assertions.cost_limit import computed, reported
from tracedesk.authoring import shapes
from tracedesk.authoring.draft import At, Draft
from tracedesk.authoring.forms import EXACT, LOOSER, MUST_NOT, STRICTER
from tracedesk.query.names import fold

BUDGETS = ((1.0, EXACT), (1.25, LOOSER), (2.0, LOOSER))
"""How much room a budget leaves over what was used here, and how strict that is."""

MAX_NAMES = 30
"""Names of tools in one assertion."""


def of_trace(at: At) -> Iterator[Draft]:
    """The trace as a whole: no errors, the tools called and their order, and its numbers."""
    failed = any(span.failed for span in at.trace.spans)
    words = "no span fails"
    yield Draft(MUST_NOT if failed else STRICTER, words, {"target": "no_errors"})
    retried = {"target": "no_ignored_error"}
    yield Draft(LOOSER, "every failed tool call is tried again, or the last", retried)
    yield from _tools(at)
    yield from of_duration(at)
    yield from of_tokens(at)
    yield from of_cost(at)
    yield from of_status(at)


def _tools(at: At) -> Iterator[Draft]:
    calls = at.reading.tool_calls
    once: dict[str, str] = {}
    for call in calls:
        once.setdefault(fold(call.label, tool=True), call.label)
    names = list(once.values())
    if not names or len(names) > MAX_NAMES:
        return
    listed = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    if len(names) > 1:
        order = {"target": "call_order", "order": names, "kind": "tool"}
        yield Draft(EXACT, f"the tools are first called in this order: {listed}", order)
    allowed = {"target": "tool_policy", "allowed": names}
    yield Draft(STRICTER, f"no other tools are called than {listed}", allowed)
    yield Draft(
        LOOSER, f"these tools are called: {listed}", {"target": "tool_policy", "required": names}
    )
    most = {"target": "tool_policy", "max_calls": len(calls)}
    yield Draft(STRICTER, f"at most {len(calls):,} tool calls", most)
    yield Draft(STRICTER, "no tool is called again with equal arguments", {
        "target": "no_loop", "max_same": 1
    })  # fmt: skip
    yield Draft(MUST_NOT, f"none of these tools is called: {listed}", {
        "target": "tool_policy", "forbidden": names
    })  # fmt: skip


def of_duration(at: At) -> Iterator[Draft]:
    """How long it took."""
    took = at.reading.duration_ms.value
    yield from _budgets(took, {"target": "response_time"}, "max_ms", "it takes", "ms", 1)


def of_tokens(at: At) -> Iterator[Draft]:
    """What it used, in all, in and out."""
    usage = at.reading.usage
    for used, field, words in (
        (usage.total, "max_tokens", "it uses"),
        (usage.output, "max_output_tokens", "its output has"),
        (usage.input, "max_input_tokens", "its input has"),
        (usage.reasoning, "max_reasoning_tokens", "its reasoning takes"),
    ):
        yield from _budgets(used, {"target": "token_limit"}, field, words, "tokens", 1)


def of_cost(at: At) -> Iterator[Draft]:
    """What it cost, as reported or by the prices of the workspace."""
    for shares, source in ((reported(at.index), "reported"), (computed(at.index), "computed")):
        if not isinstance(shares, str):
            cost = sum(share.usd for share in shares)
            made = {"target": "cost_limit"}
            yield from _budgets(cost, made, "max_usd", f"it costs ({source})", "USD", 0)
            return


def _budgets(
    used: float | None, made: dict[str, Any], field: str, words: str, unit: str, least: float
) -> Iterator[Draft]:
    if used is None or used < 0:
        return
    for factor, strength in BUDGETS:
        most = shapes.rounded_up(max(used * factor, least), 2 if factor > 1 else 3)
        room = "what it was here" if factor == 1 else f"{factor:g} times what it was"
        label = f"{words} at most {most:,g} {unit} ({room})"
        yield Draft(strength, label, {**made, field: most})
    half = shapes.rounded_down(used / 2)
    label = f"{words} at most {half:,g} {unit} (half of what it was)"
    yield Draft(MUST_NOT, label, {**made, field: half})


def of_status(at: At) -> Iterator[Draft]:
    """The HTTP status that it reports."""
    value = at.reading.http_status.value
    if value is None:
        return
    code = int(value)
    made = {"target": "http_status"}
    yield Draft(EXACT, f"the HTTP status is {code}", {**made, "expected": code})
    group = f"{code // 100}xx"
    yield Draft(LOOSER, f"the HTTP status is one of {group}", {**made, "expected": group})
    never = {**made, "expected": {"matcher": "not", "value": code}}
    yield Draft(MUST_NOT, f"the HTTP status is not {code}", never)

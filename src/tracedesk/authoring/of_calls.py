"""Candidates for what was called, with what, and what came back."""

from collections.abc import Iterator
from typing import Any

from tracedesk.assertions.call_rule import MUST_CALL, MUST_NOT_CALL
from tracedesk.authoring import naming, shapes
from tracedesk.authoring.draft import At, Draft
from tracedesk.authoring.forms import (
    EXACT,
    LOOSER,
    MAX_WRITTEN,
    MUST_NOT,
    STRICTER,
    forms,
    literal,
    written_size,
)
from tracedesk.model.reading import Call
from tracedesk.query.values import ABSENT


def node_call(call: Call, condition: str = MUST_CALL, /, **fields: Any) -> dict[str, Any]:
    """The assertion object about a call of this name."""
    return {
        "target": "node_call", "condition": condition, "expected_name": call.label, **fields
    }  # fmt: skip


def of_call(at: At, call: Call) -> Iterator[Draft]:
    """That it was called: with these arguments, at all, so often, successfully, so quickly."""
    name = call.label
    yield from _with_arguments(call)
    yield Draft(LOOSER, f"{name} is called", node_call(call))
    times = at.alike(call)
    often = "once" if times == 1 else f"{times} times"
    counts: dict[str, Any] = (
        {"min_calls": times, "max_calls": times} if times > 1 else {"max_calls": 1}
    )
    yield Draft(STRICTER, f"{name} is called exactly {often}", node_call(call, MUST_CALL, **counts))
    if call.status != "error":
        each = node_call(call, call_status="ok")
        yield Draft(STRICTER, f"{name} is called and does not fail", each)
    yield Draft(
        STRICTER,
        f"{name} has arguments as its tool declares them",
        node_call(call, args_mode="schema"),
    )
    yield from _time(call)
    yield Draft(MUST_NOT, f"{name} is never called", node_call(call, MUST_NOT_CALL))
    if call.status == "error":
        failing = node_call(call, MUST_NOT_CALL, call_status="error")
        yield Draft(MUST_NOT, f"{name} never fails", failing)


def _with_arguments(call: Call) -> Iterator[Draft]:
    """The call with all its arguments, and with their structure."""
    given = call.arguments
    if not call.tool or call.arguments_state != "captured" or not isinstance(given, dict):
        return
    if not given:
        no_others = node_call(call, expected_arguments={}, args_mode="exact")
        yield Draft(STRICTER, f"{call.label} is called without arguments", no_others)
        return
    if written_size(given) <= MAX_WRITTEN:
        expected = {key: literal(value) for key, value in given.items()}
        count = f"{len(given)} argument{'' if len(given) == 1 else 's'}"
        yield Draft(
            EXACT,
            f"{call.label} is called with just these {count}",
            node_call(call, expected_arguments=expected, args_mode="exact"),
        )
        yield Draft(
            LOOSER,
            f"{call.label} is called with these {count}, others too",
            node_call(call, expected_arguments=expected),
        )
    some = {key: {"matcher": "any"} for key in list(given)[: shapes.SCHEMA_KEYS]}
    if written_size(some) <= MAX_WRITTEN:
        yield Draft(
            LOOSER,
            f"{call.label} is called with arguments of these names",
            node_call(call, expected_arguments=some),
        )
    schema = shapes.schema_of(given)
    if written_size(schema) <= MAX_WRITTEN:
        typed = {naming.WHOLE: {"matcher": "schema", "value": schema}}
        yield Draft(
            LOOSER,
            f"{call.label} is called with arguments of this structure (schema)",
            node_call(call, expected_arguments=typed),
        )


def _time(call: Call) -> Iterator[Draft]:
    if call.start_ns is None or call.end_ns is None or call.end_ns < call.start_ns:
        return
    took = (call.end_ns - call.start_ns) / 1e6
    most = shapes.rounded_up(max(took * 1.5, 1))
    budget = {"target": "response_time", "target_node": call.label, "max_ms": most}
    yield Draft(STRICTER, f"{call.label} takes at most {most:g} ms", budget)


def of_arguments(at: At) -> Iterator[Draft]:
    """One argument, or all of them."""
    call = at.call
    if call is None:
        return
    if not at.place.steps and isinstance(at.root, dict):
        yield from of_call(at, call)
    else:
        yield from _of_part(at, call, "expected_arguments")


def of_output(at: At) -> Iterator[Draft]:
    """What a call gave back, or a part of it."""
    call = at.call
    if call is None:
        return
    field = "expected_output" if call.tool else "expected_arguments"
    yield from _of_part(at, call, field)
    text = at.value
    if isinstance(text, str) and not at.place.steps and text.strip():
        part = shapes.first_sentence(text[:4_000])[:80].strip()
        said = {
            "target": "response_regex", "pattern": shapes.escaped(part), "target_node": call.label
        }  # fmt: skip
        yield Draft(LOOSER, f"the last output of {call.label} says “{part[:40]}”", said)


def _of_part(at: At, call: Call, field: str) -> Iterator[Draft]:
    if at.value is ABSENT:
        return
    what = naming.words(at.place.steps) if at.place.steps else field.removeprefix("expected_")
    exact: dict[str, Any] | None = None
    for form in forms(at.value, at.clock_ns):
        expected = naming.expected_at(at.root, at.place.steps, form.expected)
        if expected is None:
            return
        exact = expected if form.strength == EXACT else exact
        made = node_call(call, MUST_CALL, **{field: expected})
        yield Draft(form.strength, f"{what} {form.words}", made)
    if exact is None:
        return
    label = f"{what} {forms(at.value, at.clock_ns)[0].words}"
    every = node_call(call, MUST_CALL, **{field: exact}, occurrence="every")
    yield Draft(STRICTER, f"{label}, on every call of {call.label}", every)
    once = node_call(call, MUST_CALL, **{field: exact}, max_calls=1)
    yield Draft(STRICTER, f"{label}, on exactly one call", once)
    never = node_call(call, MUST_NOT_CALL, **{field: exact})
    yield Draft(MUST_NOT, f"{call.label} is never called so that {label}", never)

"""Verdicts a second on a 50-call trace: full ones, with reason, evidence and near misses.

Each round takes a fresh reading, so that the engine prepares the trace anew, as it happens
when a saved test file is run over stored traces. Half of the mix asks for what is there, a
third of it fails. Beside it: each kind by itself, and growth up to 100,000 spans.
"""

import gc
from collections.abc import Iterable
from statistics import median
from time import perf_counter
from typing import Any

import msgspec
from table import Result

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.assertions.assertion import Assertion
from tracedesk.assertions.trace_index import forget
from tracedesk.desk import COLLECTED_AFTER
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Status, Trace
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

CALLS = 50
BUDGET = 50_000
"""Verdicts a second (design, section 5)."""

OTHERS = "promptfoo 5 to 8 k/s, pydantic-evals 41 k/s on such a machine"
"""What other tools reach, by measurements of their own deterministic checks on 2 cores."""

SIZES = (1_000, 10_000, 100_000)
GROWTH = 2.0
"""How much more a verdict may cost for each span of a trace ten times as long."""

NAMES = (
    "look_up_order",
    "check_policy",
    "issue_refund",
    "send_mail",
    "search_docs",
    "book_ticket",
    "find_plot",
    "open_vent",
    "get_tides",
    "escalate_case",
)

Written = dict[str, Any]


def call(name: str, **fields: Any) -> Written:
    return {"target": "node_call", "expected_name": name, **fields}


def passing(n: int) -> list[Written]:
    """Assertions that hold, about other names and numbers for each ``n``."""
    name, then = NAMES[n % 10], NAMES[(n + 1) % 10]
    return [
        call(name),
        call(f"delete_{n}", condition="MUST_NOT_CALL"),
        call(
            name,
            expected_arguments={
                "order_id": {"matcher": "regex", "value": f"^ORD-\\d*{n % 10}$"},
                "amount": {"matcher": "lte", "value": 100 + n},
            },
        ),
        call(then, expected_arguments={"who.city": "Porto", "amount": (n + 1) % 10}),
        call(
            "Desk",
            expected_tool_calls=[
                {"expected_name": then},
                {"expected_name": f"wipe_{n}", "condition": "MUST_NOT_CALL"},
            ],
        ),
        {"target": "response_regex", "pattern": f"refund (approved|issued|{n})", "flags": "i"},
        {"target": "json_match", "path": "gen_ai.usage.input_tokens", "expected": 200},
        {"target": "http_status", "expected": [200, "2xx"]},
        {"target": "response_time", "max_ms": 60_000 + n},
        {"target": "token_limit", "max_tokens": 1000 + n},
        {"target": "tool_sequence", "expected": [name, NAMES[(n + 3) % 10]]},
        {"target": "call_order", "order": sorted((name, then), key=NAMES.index)},
        {"target": "tool_policy", "forbidden": [f"wipe_{n}"], "max_calls": 60 + n},
    ]


def failing(n: int) -> list[Written]:
    """Assertions that do not hold, each with a reason, evidence and what came near."""
    name = NAMES[n % 10]
    return [
        call(name[:-1] + "x"),
        call(name, condition="MUST_NOT_CALL"),
        call(name, expected_arguments={"amount": {"matcher": "gte", "value": 1000 + n}}),
        call(name, expected_arguments={"who.city": "Lagos", "order_id": f"ORD-{n % 10}"}),
        call(name, max_calls=1),
        {"target": "response_regex", "pattern": f"refund (denied|{n}th)"},
        {"target": "response_time", "max_ms": n},
    ]


MIX: tuple[Written, ...] = tuple(
    written for n in range(5) for written in (*passing(n), *failing(n))
)
"""A hundred different assertions, 65 of which hold."""

KINDS: dict[str, Written] = {
    "node_call": call("issue_refund"),
    "node_call with arguments": passing(2)[2],
    "node_call, failing by name": call("isue_refund"),
    "node_call, failing by argument": failing(2)[2],
    "node_call, forbidden and called": failing(2)[1],
    "tool_sequence": {
        "target": "tool_sequence",
        "expected": ["look_up_order", "issue_refund", "send_mail"],
    },
    "tool_sequence, failing": {
        "target": "tool_sequence",
        "mode": "contains",
        "expected": ["look_up_order", "denied", "send_mail"],
    },
    "call_order": {"target": "call_order", "order": ["look_up_order", "issue_refund"]},
    "call_order, each": {
        "target": "call_order",
        "order": ["look_up_order", "issue_refund"],
        "rule": "each",
    },
    "no_ignored_error": {"target": "no_ignored_error"},
    "side_effect_once": {"target": "side_effect_once", "tools": ["issue_refund"]},
    "tool_policy": {"target": "tool_policy", "forbidden": ["wipe"], "max_calls": 60},
    "span_query": {
        "target": "span_query",
        "select": {"kind": "tool"},
        "checks": {"@status": {"matcher": "not", "value": "error"}},
    },
    "span_query, failing": {
        "target": "span_query",
        "select": {"kind": "tool"},
        "checks": {"@duration_ms": {"matcher": "lte", "value": 5}},
    },
    "no_errors": {"target": "no_errors"},
    "no_errors, failing": {"target": "no_errors", "ignore": ["send_mail"]},
    "no_loop": {"target": "no_loop"},
    "no_loop, failing": {"target": "no_loop", "max_same": 1},
}


def trace_of(calls: int, faulty: bool = False) -> Trace:
    """One root and tool calls with arguments and times; ``faulty``: failures and repeats."""
    attributes = {
        "gen_ai.response.text": "Refund approved for ORD-7.",
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 50,
        "http.response.status_code": 200,
    }
    tools = [
        make_tool(
            f"t{n}",
            NAMES[n % len(NAMES)],
            "r",
            arguments={
                "order_id": f"ORD-{n}",
                "amount": n % 20 if faulty else n,
                "who": {"city": "Porto"},
            }
            if not faulty
            else {"amount": n % 20},
            start_ms=n * 20,
            end_ms=n * 20 + 15,
            status=Status.ERROR if faulty and n % 7 == 0 else Status.UNSET,
        )
        for n in range(calls - 1)
    ]
    return make_trace(
        make_span("r", "Desk", attributes=attributes, start_ms=0, end_ms=calls * 20), *tools
    )


def compiled(written: Iterable[Written]) -> list[Assertion]:
    assertions = []
    for obj in written:
        assertion, problems = compile_assertion(obj)
        assert not problems, problems
        assertions.append(assertion)
    return assertions


def rate(written: Iterable[Written], trace: Trace, rounds: int, repeats: int = 1) -> float:
    """Median verdicts a second; each round is a fresh trace decided ``repeats`` times."""
    assertions = compiled(written)
    reading = read(trace)
    rates = []
    for _ in range(rounds):
        fresh = copy_of(reading)
        start = perf_counter()
        for _ in range(repeats):
            for assertion in assertions:
                verdict = evaluate(assertion, trace, fresh)
        rates.append(repeats * len(assertions) / (perf_counter() - start))
        assert verdict.outcome.decided
    return median(rates)


def copy_of(reading: Reading) -> Reading:
    """The same reading as another object, of which nothing is prepared yet."""
    return msgspec.structs.replace(reading)


def growth() -> list[Result]:
    """Microseconds a verdict and thousand spans, over traces of growing length."""
    assertions = compiled([*MIX, *KINDS.values()])
    results: list[Result] = []
    before = 0.0
    for size in SIZES:
        trace = trace_of(size)
        reading = read(trace)
        start = perf_counter()
        for assertion in assertions:
            evaluate(assertion, trace, reading)
        each = (perf_counter() - start) * 1e9 / len(assertions) / size
        forget()
        grown = each / before if before else 1.0
        results.append(
            Result(
                f"verdicts, {size:,} spans",
                each,
                "µs/1k spans",
                GROWTH * before if before else None,
                grown <= GROWTH,
                f"{len(assertions)} different assertions",
            )
        )
        before = each
    return results


def run() -> list[Result]:
    """Verdicts a second for the mix that has a budget and for each kind; growth."""
    gc.freeze()  # as the desk does once it runs
    gc.set_threshold(*COLLECTED_AFTER)
    trace, faulty = trace_of(CALLS), trace_of(CALLS, faulty=True)
    held = sum(evaluate(a, trace, read(trace)).outcome is Outcome.PASS for a in compiled(MIX))
    full = rate(MIX, trace, 60)
    results = [
        Result(
            f"verdicts, {len(MIX)} different assertions, fresh trace",
            full,
            "/s",
            BUDGET,
            full >= BUDGET,
            f"{held} hold; preparing the trace included; {OTHERS}",
        ),
    ]
    for name, obj in KINDS.items():
        on = faulty if obj["target"].startswith("no_") and "failing" in name else trace
        results.append(Result(f"verdicts, {name}", rate([obj], on, 40, 25), "/s", None, True))
    return results + growth()

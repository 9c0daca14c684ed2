"""Verdicts a second on a 50-call trace: full ones, with reason and evidence.

Each round reads nothing twice: a fresh reading makes the engine prepare the trace anew, as
it happens when a saved test file is run over stored traces.
"""

from statistics import median
from time import perf_counter
from typing import Any

import msgspec
from table import Result

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

CALLS = 50
BUDGET = 50_000
"""Verdicts a second (design, section 5)."""

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

DETERMINISTIC: tuple[dict[str, Any], ...] = (
    {"target": "node_call", "expected_name": "book_ticket"},
    {"target": "node_call", "condition": "MUST_NOT_CALL", "expected_name": "delete_all"},
    {
        "target": "node_call",
        "expected_name": "issue_refund",
        "expected_arguments": {
            "order_id": {"matcher": "regex", "value": "^ORD-\\d+$"},
            "amount": {"matcher": "lte", "value": 100},
        },
    },
    {
        "target": "node_call",
        "expected_name": "issue_refund",
        "expected_arguments": {"who.city": "Porto", "amount": 2},
    },
    {
        "target": "node_call",
        "expected_name": "Desk",
        "expected_tool_calls": [
            {"expected_name": "send_mail"},
            {"expected_name": "wipe", "condition": "MUST_NOT_CALL"},
        ],
    },
    {"target": "response_regex", "pattern": "refund (approved|issued)", "flags": "i"},
    {"target": "json_match", "path": "gen_ai.usage.input_tokens", "expected": 200},
    {"target": "http_status", "expected": [200, "2xx"]},
    {"target": "response_time", "max_ms": 60_000},
    {"target": "token_limit", "max_tokens": 1000},
)
"""The kinds that the product documents, ten to a case."""

OTHERS: dict[str, dict[str, Any]] = {
    "node_call, failing by name": {"target": "node_call", "expected_name": "isue_refund"},
    "node_call, failing by argument": {
        "target": "node_call",
        "expected_name": "issue_refund",
        "expected_arguments": {"amount": {"matcher": "gte", "value": 1000}},
    },
    "tool_sequence": {
        "target": "tool_sequence",
        "expected": ["look_up_order", "issue_refund", "send_mail"],
    },
    "call_order": {"target": "call_order", "order": ["look_up_order", "issue_refund"]},
    "tool_policy": {"target": "tool_policy", "forbidden": ["wipe"], "max_calls": 60},
    "span_query": {
        "target": "span_query",
        "select": {"kind": "tool"},
        "checks": {"@status": {"matcher": "not", "value": "error"}},
    },
    "no_errors": {"target": "no_errors"},
    "no_loop": {"target": "no_loop"},
}


def trace_of_calls() -> Trace:
    """One root and 49 tool calls with arguments and times."""
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
            arguments={"order_id": f"ORD-{n}", "amount": n, "who": {"city": "Porto"}},
            start_ms=n * 20,
            end_ms=n * 20 + 15,
        )
        for n in range(CALLS - 1)
    ]
    return make_trace(make_span("r", "Desk", attributes=attributes, start_ms=0, end_ms=999), *tools)


def copy_of(reading: Reading) -> Reading:
    """The same reading as another object, of which nothing is prepared yet."""
    return msgspec.structs.replace(reading)


def rate(written: list[dict[str, Any]], rounds: int, repeats: int) -> float:
    """Median verdicts a second; each round is a fresh trace decided ``repeats`` times."""
    trace = trace_of_calls()
    reading = read(trace)
    assertions = []
    for obj in written:
        assertion, problems = compile_assertion(obj)
        assert not problems, problems
        assertions.append(assertion)
    rates = []
    for _ in range(rounds):
        fresh = copy_of(reading)
        start = perf_counter()
        for _ in range(repeats):
            for assertion in assertions:
                verdict = evaluate(assertion, trace, fresh)
        rates.append(repeats * len(assertions) / (perf_counter() - start))
        assert verdict.outcome in (Outcome.PASS, Outcome.FAIL)
    return median(rates)


def run() -> list[Result]:
    """Verdicts a second, for the mix that has a budget and for the other kinds."""
    written = list(DETERMINISTIC)
    full = rate(written, 60, 10)
    results = [
        Result(
            "verdicts, 100 assertions on a fresh 50-call trace",
            full,
            "/s",
            BUDGET,
            full >= BUDGET,
            "reason and evidence included",
        ),
        Result(
            "verdicts, 10 assertions on a fresh 50-call trace",
            rate(written, 200, 1),
            "/s",
            None,
            True,
            "preparing the trace included",
        ),
    ]
    for name, obj in OTHERS.items():
        results.append(Result(f"verdicts, {name}", rate([obj], 20, 50), "/s", None, True))
    return results

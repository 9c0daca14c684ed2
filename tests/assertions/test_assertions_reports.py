"""Failures as people read them: each kind explains itself in full (assertion spec 11)."""

# ruff: noqa: E501 - lines are shown as they are printed

from textwrap import indent

import pytest

from tracedesk.evaluation.report import render_case
from tracedesk.evaluation.run import evaluate_case
from tracedesk.model.trace import Status, Trace
from tracedesk.reading import read
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace

ANSWER = '{"plot": 0, "gardener": {"name": "Ada"}, "text": "refund was denied"}'


def refunds() -> Trace:
    """A desk that looked up an order, paid twice, the second time in vain, and checked last."""
    usage = {"gen_ai.usage.input_tokens": 300, "gen_ai.usage.output_tokens": 100}
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    order = {"order_id": "ORD-881"}
    return make_trace(
        make_span(
            "r", "Desk", attributes={"gen_ai.response.text": ANSWER}, start_ms=0, end_ms=4000
        ),
        make_tool("t1", "look_up", "r", arguments=order, start_ms=10, end_ms=400),
        make_tool("t2", "isue_refund", "r", arguments={"amount": 90}, start_ms=500, end_ms=600),
        make_tool(
            "t3",
            "issue_refund",
            "r",
            arguments={"amount": "120", **order},
            start_ms=700,
            end_ms=2700,
        ),
        make_tool(
            "t4",
            "issue_refund",
            "r",
            arguments={"amount": "120", **order},
            start_ms=2800,
            end_ms=3000,
            status=Status.ERROR,
            message="timeout",
        ),
        make_tool("t5", "check_policy", "r", arguments={}, start_ms=3100, end_ms=3900),
        make_span("m1", "plan", "r", attributes={**model, **usage}, start_ms=20, end_ms=30),
        make_span(
            "m2",
            "answer",
            "r",
            attributes={**model, **usage, "gen_ai.usage.output_tokens": 700},
            start_ms=3910,
            end_ms=3990,
        ),
    )


def told(written: str) -> str:
    """The lines of one assertion between its code frame and the list of calls."""
    text = f"cases:\n  - name: refunds\n    assertions:\n{indent(written, '      ')}\n"
    file = load_text(text, "refunds.yaml")
    assert file.diagnostics == ()
    trace = refunds()
    reading = read(trace)
    verdict = evaluate_case(file.cases[0], trace, reading)
    lines = list(render_case(verdict, text, reading, file.cases[0]))[1:]
    end = lines.index("  calls") if "  calls" in lines else len(lines)
    shown = [line for line in lines[:end] if " │ " not in line]
    return "\n".join(line.removeprefix("  ") for line in shown)


CASES: dict[str, tuple[str, str]] = {
    "an argument of the nearest call": (
        """
- target: node_call
  expected_name: issue_refund
  expected_arguments: {amount: {matcher: lte, value: 100}, order_id: ORD-881}
""",
        """
✗ refunds.yaml:6  node_call issue_refund  parameters
  reason        issue_refund was called 2 times, but $.amount: expected number ≤ 100, actual string "120" (numeric text, compared as a number)
  nearest call  #4 issue_refund  span t3  1 of 2 match
                amount    expected number ≤ 100  actual string "120"  numeric text, compared as a number
                order_id  ✓ "ORD-881"
  why not       #5 issue_refund  span t4  failed (timeout); $.amount: expected number ≤ 100, actual string "120" (numeric text, compared as a number)
                #3 isue_refund  span t2  name differs by 1 edit: did you mean this?
  inspected     8 calls · 8 spans
""",
    ),
    "a slip in the name": (
        """
- {target: node_call, expected_name: issue_refnd}
""",
        """
✗ refunds.yaml:4  node_call issue_refnd  routing
  reason        issue_refnd was not called among 8 calls; did you mean 'issue_refund'?
  nearest call  #4 issue_refund  span t3
                name differs by 1 edit: did you mean this?
  why not       #5 issue_refund  span t4  name differs by 1 edit: did you mean this?
                #3 isue_refund  span t2  name differs by 2 edits: did you mean this?
  inspected     8 calls · 8 spans
""",
    ),
    "a forbidden call": (
        """
- {target: node_call, condition: MUST_NOT_CALL, expected_name: issue_refund}
""",
        """
✗ refunds.yaml:4  node_call MUST_NOT_CALL issue_refund  tool_choice
  reason        issue_refund must not be called, but was 2 times
  evidence      #4 issue_refund  span t3
                #5 issue_refund  span t4
  expected      not called
  actual        issue_refund
  inspected     8 calls · 8 spans
""",
    ),
    "too many calls": (
        """
- {target: node_call, expected_name: issue_refund, max_calls: 1}
""",
        """
✗ refunds.yaml:4  node_call issue_refund  tool_choice
  reason        issue_refund was called 2 times, expected at most 1 call
  evidence      #4 issue_refund  span t3
                #5 issue_refund  span t4
  expected      at most 1 call
  actual        2
  inspected     8 calls · 8 spans
""",
    ),
    "a sequence": (
        """
- {target: tool_sequence, mode: exact, expected: [look_up, check_policy, issue_refund]}
""",
        """
✗ refunds.yaml:4  tool_sequence exact  tool_choice
  reason        step 2 (check_policy) was not reached; no step is left for isue_refund, issue_refund, check_policy (fitting: 2/5 calls, 2/3 steps)
  alignment     = look_up
                + isue_refund
                = issue_refund
                + issue_refund
                ~ check_policy
  evidence      #3 isue_refund  span t2
                #5 issue_refund  span t4
                #6 check_policy  span t5
  inspected     8 calls · 8 spans
""",
    ),
    "a step whose arguments differ": (
        """
- target: tool_sequence
  expected: [look_up, {expected_name: issue_refund, expected_arguments: {amount: 1}}]
""",
        """
✗ refunds.yaml:4  tool_sequence  parameters
  reason        step 2 (issue_refund) was not reached (fitting: 1/5 calls, 1/2 steps)
  nearest call  #4 issue_refund  span t3  0 of 1 match
                amount  expected number 1  actual string "120"  numeric text; as a number still different
  alignment     = look_up
                + isue_refund
                ~ issue_refund
                + issue_refund
                + check_policy
  why not       #5 issue_refund  span t4  $.amount: expected number 1, actual string "120" (numeric text; as a number still different)
  inspected     8 calls · 8 spans
""",
    ),
    "an order": (
        """
- {target: call_order, order: [check_policy, issue_refund]}
""",
        """
✗ refunds.yaml:4  call_order  tool_choice
  reason        issue_refund (#4) has no check_policy before it; the first is #6
                $  expected check_policy before issue_refund  actual issue_refund (#4), check_policy (#6)
  evidence      #4 issue_refund  span t3
                #6 check_policy  span t5
  inspected     8 calls · 8 spans
""",
    ),
    "a pattern that died": (
        """
- {target: response_regex, pattern: "refund was (approved|issued)"}
""",
        r"""
✗ refunds.yaml:4  response_regex refund was (approved|issued)  communication
  reason        the response does not match /refund was (approved|issued)/: matched up to /refund was /, then came "denied\"}" at character 62
                $  expected a match of /refund was (approved|issued)/  actual "{\"plot\": 0, \"gardener\": {\"name\": \"Ada\"}, \"text\": \"refund was denied\"}"
  evidence      #1 Desk  span r
  inspected     1 span · 69 characters
""",
    ),
    "a forbidden pattern": (
        """
- {target: response_regex, condition: MUST_NOT_MATCH, pattern: "denied"}
""",
        """
✗ refunds.yaml:4  response_regex MUST_NOT_MATCH denied  communication
  reason        the response must not match /denied/, but has "denied" at character 62
                $  expected no match of /denied/  actual "denied"
  evidence      #1 Desk  span r
  inspected     1 span · 69 characters
""",
    ),
    "a schema": (
        """
- target: json_schema
  schema: {properties: {plot: {minimum: 1}, gardener: {properties: {name: {type: integer}}}}}
""",
        """
✗ refunds.yaml:4  json_schema  communication
  reason        the response is not valid at $.plot: 0 is less than the minimum of 1 ($.properties.plot.minimum); 2 faults
                plot           expected valid under $.properties.plot.minimum  actual 0  0 is less than the minimum of 1
                gardener.name  expected valid under $.properties.gardener.properties.name.type  actual "Ada"  'Ada' is not of type 'integer'
                ▸ "plot": 0
                  "gardener": {"name":"Ada"}
                  …
  evidence      #1 Desk  span r  response $.plot
                #1 Desk  span r  response $.gardener.name
  inspected     1 span · 63 characters
""",
    ),
    "a field": (
        """
- {target: json_match, path: gardener.name, expected: Bob}
""",
        """
✗ refunds.yaml:4  json_match gardener.name  communication
  reason        in response, $.gardener.name: expected "Bob", actual "Ada"
                gardener.name  expected "Bob"  actual "Ada"
  evidence      #1 Desk  span r  response $.gardener.name
  inspected     1 span · 1 character
""",
    ),
    "a duration": (
        """
- {target: response_time, max_ms: 2500}
""",
        """
✗ refunds.yaml:4  response_time  runtime
  reason        duration 4000 ms, 1500 over the bound ≤ 2500 ms (most: issue_refund 2000 ms, check_policy 800 ms)
                duration_ms  expected ≤ 2500 ms  actual 4000
  evidence      #1 Desk  span r  span $.end_time_unix_nano
                #1 Desk  span r
                #4 issue_refund  span t3
                +1 more
  inspected     8 spans
""",
    ),
    "tokens": (
        """
- {target: token_limit, max_tokens: 1000}
""",
        """
✗ refunds.yaml:4  token_limit  runtime
  reason        total tokens 1400, 400 over the bound ≤ 1000 (most: answer 1000, plan 400)
                usage.total  expected ≤ 1000  actual 1400
  evidence      #8 answer  span m2
                #7 plan  span m1
  inspected     2 spans
""",
    ),
    "errors": (
        """
- {target: no_errors}
""",
        """
✗ refunds.yaml:4  no_errors  runtime
  reason        1 error: issue_refund (timeout)
  evidence      #5 issue_refund  span t4  span $.status
  expected      at most 0 errors
  actual        1
  inspected     8 spans
""",
    ),
    "a loop": (
        """
- {target: no_loop, max_same: 1}
""",
        """
✗ refunds.yaml:4  no_loop  tool_choice
  reason        issue_refund was called 2 times with equal arguments, 1 allowed
  evidence      #4 issue_refund  span t3
                #5 issue_refund  span t4
  expected      at most 1
  actual        2
  inspected     8 calls · 8 spans
""",
    ),
    "a policy": (
        """
- {target: tool_policy, allowed: [look_up, issue_refund], forbidden: [check_policy]}
""",
        """
✗ refunds.yaml:4  tool_policy  tool_choice
  reason        isue_refund, check_policy are not allowed; check_policy is forbidden, but was called once
                $  expected one of look_up, issue_refund  actual ["isue_refund","check_policy"]
  evidence      #3 isue_refund  span t2
                #6 check_policy  span t5
  inspected     8 calls · 8 spans
""",
    ),
    "a check of spans": (
        """
- {target: span_query, select: {kind: tool}, checks: {"@duration_ms": {matcher: lte, value: 800}}}
""",
        """
✗ refunds.yaml:4  span_query {"kind":"tool"}  runtime
  reason        $["@duration_ms"]: expected number ≤ 800, actual 2000.0 (on issue_refund)
                @duration_ms  expected number ≤ 800  actual 2000.0  on issue_refund
  evidence      #4 issue_refund  span t3  span $["@duration_ms"]
  inspected     8 spans
""",
    ),
    "an empty selection": (
        """
- {target: span_query, select: {kind: tool, name: nope}}
""",
        """
✗ refunds.yaml:4  span_query {"kind":"tool","name":"nope"}  runtime
  reason        0 spans selected, expected at least 1 (8 → 0 → 0, removed by `name: nope`)
  expected      at least 1 selected
  actual        0
  inspected     8 spans
""",
    ),
    "a negation": (
        """
- {target: not, assertion: {target: node_call, expected_name: check_policy}}
""",
        """
✗ refunds.yaml:4  not  tool_choice
  reason        its assertion holds, but must not: check_policy was called once
  evidence      #6 check_policy  span t5
  inspected     8 calls · 8 spans
    ✓  node_call  check_policy was called once (8 calls · 8 spans)
""",
    ),
    "what is missing": (
        """
- {target: http_status, expected: 200}
""",
        """
? refunds.yaml:4  http_status  instrumentation
  reason        this trace reports no HTTP status; send http.response.status_code (tried http.response.status_code, http.status_code, metadata.http_status, data._http_status)
""",
    ),
}
"""What is written, and what is told of it between the code frame and the calls."""


@pytest.mark.parametrize("name", CASES)
def test_a_failure_explains_itself(name: str) -> None:
    written, expected = CASES[name]
    assert told(written.strip("\n")) == expected.strip("\n")

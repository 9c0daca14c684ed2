"""What holds for every assertion on every trace."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.model.reading import Call
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

NAMES = st.sampled_from(["book", "book_seat", "Book Seat", "mail", "Desk"])
VALUES = st.sampled_from([0, 1, 1.0, True, "1", "a", None, [], {}, {"b": 1}])
ARGUMENTS = st.dictionaries(st.sampled_from(["a", "b", "a.b"]), VALUES, max_size=2)
MATCHERS = st.one_of(
    VALUES,
    st.sampled_from(
        [
            {"matcher": "any"},
            {"matcher": "absent"},
            {"matcher": "gte", "value": 1},
            {"matcher": "not", "value": 1},
            {"matcher": "regex", "value": "1"},
            {"matcher": "contains_all", "value": [1]},
        ]
    ),
)
EXPECTED = st.dictionaries(st.sampled_from(["a", "b", "a.b", "$"]), MATCHERS, max_size=2)
TIMES = st.none() | st.integers(0, 3)


@st.composite
def spans(draw: st.DrawFn, recorded: bool = False) -> Span:
    """A span of some kind somewhere in the tree; parents may be missing or form a cycle."""
    span_id = draw(st.sampled_from("rstuvw"))
    parent = draw(st.none() | st.sampled_from("rstuvwx"))
    status = draw(st.sampled_from(Status))
    start, end = draw(TIMES), draw(TIMES)
    if draw(st.booleans()):
        arguments = draw(ARGUMENTS if recorded else st.none() | ARGUMENTS | st.just("{x"))
        return make_tool(
            span_id,
            draw(NAMES),
            parent,
            arguments=arguments,
            status=status,
            start_ms=start,
            end_ms=end,
        )
    text = draw(st.sampled_from(["", " ", "ok 1", '{"a": 1}']))
    attributes = {"gen_ai.response.text": text, "gen_ai.usage.input_tokens": 1}
    output = draw(ARGUMENTS)
    if recorded or draw(st.booleans()):
        attributes["n8n.node.output"] = output
    return make_span(
        span_id,
        draw(NAMES),
        parent,
        attributes=attributes,
        kind=Kind.NODE,
        status=status,
        start_ms=start,
        end_ms=end,
    )


def call_objects(**fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"target": st.just("node_call"), "expected_name": NAMES, **fixed},
        optional={
            "expected_arguments": EXPECTED,
            "args_mode": st.sampled_from(["contains", "exact", "only", "ignore"]),
            "kind": st.sampled_from(["any", "node", "tool"]),
            "call_status": st.sampled_from(["any", "ok", "error"]),
            "name_match": st.sampled_from(["substring", "exact", "glob"]),
        },
    )


ASSERTIONS = st.one_of(
    call_objects(condition=st.sampled_from(["MUST_CALL", "MUST_NOT_CALL"])),
    call_objects(occurrence=st.sampled_from(["first", "last", "every", 2])),
    call_objects(min_calls=st.integers(1, 2), max_calls=st.integers(2, 3)),
    call_objects(within=st.sampled_from([{"kind": "node"}, {"descendant": {"kind": "tool"}}])),
    call_objects(
        expected_tool_calls=st.just([{"expected_name": "book", "condition": "MUST_NOT_CALL"}])
    ),
    st.builds(
        lambda mode, names: {"target": "tool_sequence", "mode": mode, "expected": names},
        st.sampled_from(["in_order", "exact", "same_set", "contains", "only"]),
        st.lists(NAMES, min_size=1, max_size=3),
    ),
    st.sampled_from(
        [
            {"target": "call_order", "order": ["book", "mail"], "completed": True},
            {"target": "span_query", "select": {"status": "error"}, "checks": {"@depth": 1}},
            {"target": "span_query", "percentile": {"p": 50, "max_ms": 1}},
            {"target": "no_errors"},
            {"target": "no_ignored_error"},
            {"target": "no_loop", "consecutive": True},
            {"target": "side_effect_once", "tools": ["book"], "key": ["a"]},
            {"target": "tool_policy", "allowed": ["book"], "required": ["mail"]},
            {"target": "response_regex", "pattern": "ok", "condition": "MUST_NOT_MATCH"},
            {"target": "json_match", "path": "a", "expected": 1},
            {"target": "json_schema", "schema": {"type": "object"}},
            {"target": "response_time", "max_ms": 1},
            {"target": "token_limit", "max_tokens": 1},
            {"target": "cost_limit", "max_usd": 0},
            {"target": "http_status", "expected": "2xx"},
            {"criteria": "polite", "target_node": "Desk", "output_key": "a"},
        ]
    ),
)
TRACES = st.lists(spans(), max_size=6)


def decide(written: Any, trace: Trace) -> Verdict:
    assertion, problems = compile_assertion(written)
    assert all(problem.code in ("contradiction", "dollar-key") for problem in problems), problems
    return evaluate(assertion, trace, read(trace))


def content(trace: Trace) -> str:
    return json.dumps([(s.span_id, s.parent_id, s.name, s.attributes) for s in trace.spans])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(ASSERTIONS, TRACES)
def test_evaluation_is_deterministic_explained_and_changes_nothing(
    written: dict[str, Any], found: list[Span]
) -> None:
    trace, before = make_trace(*found), copy.deepcopy(written)
    content_before = content(trace)

    verdict = decide(written, trace)

    assert verdict.reason_code != "internal", verdict.reason
    assert verdict == decide(written, trace)
    assert written == before
    assert content(trace) == content_before
    if verdict.outcome.decided:
        assert verdict.evidence
    if verdict.outcome is Outcome.PASS:
        assert verdict.support.spans or verdict.support.calls or verdict.support.chars


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(ASSERTIONS, TRACES)
def test_not_never_makes_a_pass_of_what_is_undecided(
    written: dict[str, Any], found: list[Span]
) -> None:
    trace = make_trace(*found)
    plain = decide(written, trace).outcome
    negated = decide({"target": "not", "assertion": written}, trace).outcome
    opposite = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}
    assert negated is opposite.get(plain, plain)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(call_objects(), st.lists(spans(recorded=True), min_size=1, max_size=6))
def test_must_call_and_must_not_call_are_exact_opposites(
    written: dict[str, Any], found: list[Span]
) -> None:
    trace = make_trace(*found)
    must = decide({**written, "condition": "MUST_CALL"}, trace).outcome
    must_not = decide({**written, "condition": "MUST_NOT_CALL"}, trace).outcome
    assert {must, must_not} in ({Outcome.PASS, Outcome.FAIL}, {Outcome.ERROR})


@given(st.recursive(VALUES | NAMES, lambda x: st.lists(x) | st.dictionaries(NAMES, x)))
def test_loading_takes_anything(written: Any) -> None:
    assertion, problems = compile_assertion(written)
    assert problems
    assert not assertion.usable


def test_a_broken_reading_is_an_error_not_an_exception() -> None:
    trace = make_trace(make_tool("t", "book"))
    reading = read(trace)
    call = Call(id="t", tool=True, label=None)  # type: ignore[arg-type]
    broken = type(reading)(calls=(call,), has_structure=True)
    assertion, _ = compile_assertion({"target": "node_call", "expected_name": "book"})
    verdict = evaluate(assertion, trace, broken)
    assert (verdict.outcome, verdict.reason_code) == (Outcome.ERROR, "internal")

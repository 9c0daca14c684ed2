"""Cases on one trace: conditions, broken parts, variables, and nothing ever raised."""

from typing import Any

import pytest

from tracedesk.evaluation import run
from tracedesk.evaluation.run import evaluate_case, evaluate_trace
from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Resource, Trace
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import Case
from tracedesk.testcases.when import compile_when
from tracedesk.testing import make_span, make_tool, make_trace

AGENT = Agent(id="a-1", name="Harbour Desk", timezone="Europe/Madrid")


@pytest.fixture
def trace() -> Trace:
    return make_trace(
        make_span(
            "root",
            "desk",
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.response.text": "Berth 3 is yours.",
                "gen_ai.prompt": "Is berth 3 free tonight?",
                "tier": "gold",
            },
            start_ms=0,
            end_ms=2500,
        ),
        make_tool("t1", "berth_lookup", "root", arguments={"berth": "3"}, start_ms=10, end_ms=20),
        metadata={"environment": "production", "user": {"id": 7}},
        resources=[Resource({"service.name": "harbour"})],
    )


@pytest.fixture
def reading(trace: Trace) -> Reading:
    return read(trace)


def case(body: str, **fields: str) -> Case:
    extra = "".join(f"    {key}: {value}\n" for key, value in fields.items())
    text = f"cases:\n  - name: a\n{extra}    assertions:\n"
    lines = "".join(f"      - {line}\n" for line in body.strip().splitlines())
    (found,) = load_text(text + lines, "a.yaml").cases
    return found


CALLED = "{target: node_call, expected_name: berth_lookup}"
NOT_CALLED = "{target: node_call, expected_name: book_berth}"


def outcomes(found: Case, trace: Trace, reading: Reading) -> tuple[Outcome, list[Outcome]]:
    verdict = evaluate_case(found, trace, reading, AGENT)
    return verdict.outcome, [v.outcome for v in verdict.verdicts]


def test_all_assertions_run(trace: Trace, reading: Reading) -> None:
    found = outcomes(case(f"{NOT_CALLED}\n{CALLED}"), trace, reading)
    assert found == (Outcome.FAIL, [Outcome.FAIL, Outcome.PASS])


def test_a_broken_assertion_makes_its_case_an_error_and_its_siblings_still_run(
    trace: Trace, reading: Reading
) -> None:
    broken = case(CALLED + "\n{target: node_call, expcted_name: x}")
    assert outcomes(broken, trace, reading) == (Outcome.ERROR, [Outcome.PASS, Outcome.ERROR])
    verdict = evaluate_case(broken, trace, reading).verdicts[1]
    assert verdict.reason.startswith("a.yaml:5:")


def test_a_repeated_key_is_an_error_although_one_of_the_values_would_pass(
    trace: Trace, reading: Reading
) -> None:
    repeated = "{target: node_call, expected_name: berth_lookup, expected_name: other}"
    assert outcomes(case(repeated), trace, reading) == (Outcome.ERROR, [Outcome.ERROR])


def test_an_error_in_the_fields_of_a_case(trace: Trace, reading: Reading) -> None:
    verdict = evaluate_case(case(CALLED, wieght="2"), trace, reading)
    assert verdict.outcome is Outcome.ERROR
    assert "wieght" in verdict.reason


def test_a_case_that_does_not_apply_is_skipped_whole(trace: Trace, reading: Reading) -> None:
    verdict = evaluate_case(case(CALLED, when="{response: nothing}"), trace, reading)
    assert (verdict.outcome, verdict.verdicts) == (Outcome.SKIPPED, ())
    assert verdict.reason == "'when' does not hold: response"


def test_an_assertion_that_does_not_apply_is_skipped(trace: Trace, reading: Reading) -> None:
    text = "{target: node_call, expected_name: book_berth, when: {not_called: berth_lookup}}"
    found = outcomes(case(f"{CALLED}\n{text}"), trace, reading)
    assert found == (Outcome.PASS, [Outcome.PASS, Outcome.SKIPPED])


def test_a_broken_condition_is_an_error_not_a_skip(trace: Trace, reading: Reading) -> None:
    assert outcomes(case(CALLED, when="{respnse: x}"), trace, reading)[0] is Outcome.ERROR


def test_a_condition_that_takes_too_long_is_an_error(trace: Trace, reading: Reading) -> None:
    reading = read(make_trace(make_span("r", attributes={"gen_ai.response.text": "a" * 60 + "!"})))
    slow = case(CALLED, when='{response: {matcher: regex, value: "^(a|aa)+$"}}')
    assert outcomes(slow, trace, reading)[0] is Outcome.ERROR


def test_whatever_an_assertion_raises_is_an_error(
    trace: Trace, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(run, "evaluate", broken)
    verdict = evaluate_case(case(CALLED), trace, reading)
    assert verdict.outcome is Outcome.ERROR
    assert "ZeroDivisionError: oh" in verdict.verdicts[0].reason


def test_only_active_cases_of_the_agent(trace: Trace, reading: Reading) -> None:
    cases = [
        case(CALLED, id="mine", agent="harbour desk"),
        case(CALLED, id="by-id", agent="a-1"),
        case(CALLED, id="everyones"),
        case(CALLED, id="others", agent="other"),
        case(CALLED, id="paused", status="paused"),
    ]
    found = evaluate_trace("t", 1, trace, reading, cases, AGENT)
    assert [verdict.case for verdict in found.cases] == ["mine", "by-id", "everyones"]
    assert found.outcome is Outcome.PASS
    assert found.counts[Outcome.PASS] == 3
    assert found.score == 1.0


def test_skipped_cases_leave_the_totals(trace: Trace, reading: Reading) -> None:
    cases = [case(CALLED, id="one"), case(NOT_CALLED, id="two", when="{status: failed}")]
    found = evaluate_trace("t", 1, trace, reading, cases)
    assert (found.outcome, sum(found.counts.values())) == (Outcome.PASS, 1)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"input": {"matcher": "contains", "value": "BERTH", "ignore_case": True}}, True),
        ({"input": "Is berth 3 free tonight?"}, True),
        ({"response": {"matcher": "regex", "value": "berth \\d"}}, False),
        ({"metadata": {"user.id": 7, "environment": "production"}}, True),
        ({"metadata": {"user.id": 8}}, False),
        ({"metadata": {"nothing": {"matcher": "any"}}}, False),
        ({"metadata": {"nothing": {"matcher": "absent"}}}, True),
        ({"attributes": {"tier": "gold", "gen_ai.operation.name": "invoke_agent"}}, True),
        ({"status": "completed"}, True),
        ({"status": ["failed", "partial"]}, False),
        ({"format": ["otlp", "canonical"]}, True),
        ({"service_name": "harbour"}, True),
        ({"service_name": ["x", "y"]}, False),
        ({"service_name": {"matcher": "starts_with", "value": "har"}}, True),
        ({"called": "berth lookup"}, True),
        ({"called": ["berth_lookup", "book_berth"]}, False),
        ({"not_called": ["book_berth"]}, True),
        ({"not_called": ["berth_lookup"]}, False),
        ({"not": {"status": "failed"}}, True),
        ({"not": {"called": "berth_lookup"}}, False),
        ({"status": "completed", "called": "book_berth"}, False),
        ("tool:berth_lookup dur>2s", True),
        ("env=production agent:harbour", True),
        ("-tool:berth_lookup", False),
        ("tokens>1", False),
        ('"yours"', True),
    ],
)
def test_conditions(trace: Trace, reading: Reading, condition: Any, holds: bool) -> None:
    when, problems = compile_when(condition)
    assert not problems
    assert when is not None
    assert (when.refusal(trace, reading, AGENT) is None) is holds


def test_no_structure_no_calls_to_speak_of() -> None:
    trace = make_trace(format=Format.CUSTOM, data={"text": "hi"})
    reading = read(trace)
    for condition in ({"called": "x"}, {"not_called": "x"}):
        when, _ = compile_when(condition)
        assert when is not None
        assert when.refusal(trace, reading) is not None


def test_dates_in_conditions_use_the_clock_of_the_trace(trace: Trace, reading: Reading) -> None:
    dated = {"metadata": {"day": {"matcher": "exact", "expression": "TODAY()"}}}
    when, problems = compile_when(dated)
    assert not problems
    trace.metadata["day"] = "2026-05-28"
    assert when is not None
    assert when.refusal(trace, reading, AGENT) is None

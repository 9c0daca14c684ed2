"""What many traces tell about a case: forbidden names nobody knows, cases that never differ."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracedesk.assertions import compile_assertion
from tracedesk.assertions.known_names import forbidden_names, names_known_to
from tracedesk.evaluation.advice import WINDOW, Seen, advise, with_advice
from tracedesk.evaluation.adviser import Adviser
from tracedesk.evaluation.evaluator import Evaluator
from tracedesk.evaluation.run import settings_for
from tracedesk.formats.detect import read_body
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.store.database import Store
from tracedesk.store.incoming import Incoming
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import CaseFile, Diagnostic
from tracedesk.testing import make_span, make_tool, make_trace

BOOKING = Agent(id="11111111-1111-4111-8111-111111111111", name="booking")


def shown(*tools: str, **root: Any) -> Any:
    root_span = make_span("root", attributes=root)
    return make_trace(root_span, *(make_tool(tool, tool, "root") for tool in tools))


def seen(*traces: Any, agent: Agent | None = BOOKING) -> Seen:
    found = Seen()
    for trace in traces:
        found.count(agent)
        found.note(agent, trace, read(trace))
    return found


def file_of(*assertions: str, fields: str = "") -> CaseFile:
    lines = "".join(f"      - {each}\n" for each in assertions)
    file = load_text(f"cases:\n  - name: one\n{fields}    assertions:\n{lines}", "a.yaml")
    assert not file.errors, file.errors
    return file


def advice(file: CaseFile, known: Seen, outcomes: Sequence[Outcome] = (), **how: Any) -> list[str]:
    return [f"{d.line} {d.code}: {d.message}" for d in _advise(file, known, outcomes, **how)]


def _advise(
    file: CaseFile, known: Seen, outcomes: Sequence[Outcome], **how: Any
) -> list[Diagnostic]:
    return advise(file.cases, known, lambda case: outcomes, **how)


@pytest.mark.parametrize(
    ("assertion", "forbidden"),
    [
        ({"target": "node_call", "condition": "MUST_NOT_CALL", "expected_name": "pay"}, ["pay"]),
        ({"target": "node_call", "expected_name": "pay"}, []),
        ({"target": "node_call", "expected_name": "pay", "min_calls": 0, "max_calls": 0}, ["pay"]),
        (
            {
                "target": "node_call",
                "expected_name": "agent",
                "expected_tool_calls": [{"condition": "MUST_NOT_CALL", "expected_name": "pay"}],
            },
            ["pay"],
        ),
        ({"target": "tool_policy", "forbidden": ["pay", "refund"]}, ["pay", "refund"]),
        (
            {"target": "not", "assertion": {"target": "node_call", "expected_name": "pay"}},
            ["pay"],
        ),
        (
            {
                "target": "any_of",
                "assertions": [
                    {"target": "node_call", "expected_name": "ask"},
                    {"target": "tool_policy", "forbidden": ["pay"]},
                ],
            },
            ["pay"],
        ),
    ],
)
def test_the_names_an_assertion_forbids(assertion: Any, forbidden: list[str]) -> None:
    compiled, problems = compile_assertion(assertion)
    assert compiled is not None
    assert not problems
    assert [test.name for test in forbidden_names(compiled)] == forbidden


def test_a_trace_knows_what_it_called_skipped_asked_for_and_was_offered() -> None:
    body = {
        "spans": [
            {
                "span_id": "1",
                "name": "agent",
                "attributes": {
                    "gen_ai.tool.definitions": [{"type": "function", "function": {"name": "pay"}}],
                    "gen_ai.output.messages": [
                        {
                            "role": "assistant",
                            "parts": [
                                {"type": "text", "content": "May I?"},
                                {"type": "tool_call", "name": "ask", "arguments": {}},
                            ],
                        }
                    ],
                },
            },
            {"span_id": "2", "name": "idle", "attributes": {"n8n.node.status": "skipped"}},
        ]
    }
    trace = read_body(msgspec.json.encode(body)).trace()
    names = names_known_to(trace, read(trace), settings_for(None))
    assert {"agent", "pay", "ask", "idle"} <= names


def test_a_forbidden_name_that_no_trace_knows_is_most_likely_misspelt() -> None:
    file = file_of(
        "{target: node_call, expected_name: look_up}",
        "{target: node_call, condition: MUST_NOT_CALL, expected_name: refnd_order}",
    )
    assert advice(file, seen(shown("look_up"), shown("refund_order"))) == [
        "5 never_seen: 'refnd_order' is forbidden, but no trace has ever called it or had it on"
        " offer (2 traces looked at); did you mean 'refund_order'?"
    ]


def test_a_forbidden_name_that_was_called_or_offered_once_needs_no_advice() -> None:
    file = file_of("{target: tool_policy, forbidden: [Refund Order, 'pay*'], name_match: glob}")
    offered = shown(**{"gen_ai.tool.definitions": [{"name": "pay_now"}]})
    assert advice(file, seen(shown("refund-order"), offered)) == []


def test_only_traces_of_the_case_s_agent_are_asked() -> None:
    fields = "    agent: booking\n"
    file = file_of("{target: tool_policy, forbidden: [refund]}", fields=fields)
    other = Agent(id="22222222-2222-4222-8222-222222222222", name="other")
    assert advice(file, seen(shown("refund"), agent=other)) == [
        "2 unused_case_agent: no trace of the agent 'booking' is stored"
    ]
    both = seen(shown("refund"), agent=other)
    trace = shown("look_up")
    both.count(BOOKING)
    both.note(BOOKING, trace, read(trace))
    (found,) = advice(file, both)
    assert found.startswith("5 never_seen: 'refund' is forbidden")


def test_a_few_files_prove_nothing_about_a_name_that_is_near_to_none() -> None:
    file = file_of("{target: tool_policy, forbidden: [refund, look_upp]}")
    known = seen(shown("look_up"))
    assert len(advice(file, known)) == 2
    (found,) = advice(file, known, misspelt_only=True)
    assert found.endswith("did you mean 'look_up'?")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome.PASS, "always_passes: 'one' passed on each of the last 50 traces"),
        (Outcome.MISSING, "always_missing: 'one' found nothing to look at in the last 50 traces"),
        (Outcome.SKIPPED, "case_never_applies: 'one' applied to none of the last 50 traces"),
        (Outcome.FAIL, None),
    ],
)
def test_a_case_that_always_comes_out_alike(outcome: Outcome, told: str | None) -> None:
    file = file_of("{target: no_errors}")
    found = advice(file, seen(shown("a")), [outcome] * WINDOW)
    assert found == ([f"2 {told}"] if told else [])
    assert advice(file, seen(shown("a")), [outcome] * (WINDOW - 1)) == []
    assert advice(file, seen(shown("a")), [*[outcome] * WINDOW, Outcome.ERROR]) == []


def test_advice_is_a_warning_in_its_file_and_praise_is_left_out() -> None:
    file = file_of("{target: tool_policy, forbidden: [refund]}")
    found = _advise(file, seen(shown("a")), [Outcome.PASS] * WINDOW)
    assert {d.code: d.severity for d in found} == {"never_seen": "warning", "always_passes": "info"}
    (advised,) = with_advice([file], found)
    assert [d.code for d in advised.diagnostics] == ["never_seen"]
    assert not advised.errors


def test_the_evaluator_gives_advice_about_what_is_stored(tmp_path: Path) -> None:
    with Store.open(tmp_path / "traces.db") as store:
        body = b'{"spans": [{"span_id": "1", "name": "look_up"}]}'
        store.writer.submit([_incoming(body)]).result(10)
        evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
        evaluator.set_files([file_of("{target: tool_policy, forbidden: [lok_up]}")])
        evaluator.start()
        try:
            assert evaluator.settle()
            (found,) = evaluator.advice()
            assert (found.code, found.line, found.suggestion) == ("never_seen", 4, "look_up")
            evaluator.set_files([file_of("{target: tool_policy, forbidden: [look_up]}")])
            assert evaluator.settle()
            assert evaluator.advice() == ()
        finally:
            evaluator.stop()


def test_a_name_that_is_forbidden_later_is_looked_for_in_older_traces(tmp_path: Path) -> None:
    with Store.open(tmp_path / "traces.db") as store:
        store.writer.submit(
            [_incoming(b'{"spans": [{"span_id": "1", "name": "look_up"}]}')]
        ).result(10)
        evaluator = Evaluator(store, lambda: {LOCAL_AGENT.id: LOCAL_AGENT})
        evaluator.set_files([file_of("{target: no_errors}")])
        evaluator.start()
        try:
            assert evaluator.settle()
            evaluator.set_files(
                [file_of("{target: no_errors}", "{target: tool_policy, forbidden: [look_up]}")]
            )
            assert evaluator.settle()
            assert evaluator.advice() == ()
        finally:
            evaluator.stop()


def test_advice_is_found_again_no_more_often_than_every_two_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, asked = [0.0], []
    monkeypatch.setattr(
        "tracedesk.evaluation.adviser.advise", lambda *_: asked.append(now[0]) or []
    )
    adviser = Adviser(lambda: now[0])

    def update_at(when: float, change: Callable[[], None] | None) -> None:
        now[0] = when
        if change:
            change()
        adviser.update([], [], lambda agent: pytest.fail(agent))

    update_at(0.0, adviser.files_changed)
    update_at(0.1, None)
    adviser._stale = True  # a trace was evaluated
    update_at(1.0, None)
    update_at(2.5, None)
    update_at(2.6, adviser.files_changed)
    assert asked == [0.0, 2.5, 2.6]


def _incoming(body: bytes) -> Incoming:
    return Incoming(
        trace=read_body(body).trace(), agent_id=LOCAL_AGENT.id, external_id=None,
        mode="create", routed_by="key", method="POST", path="/public/traces", headers={},
        body=body, resources=None, received_ns=1,
    )  # fmt: skip

"""Agent frameworks and SDKs for Python, run live: what their instrumentation sends is read."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}

Seen = Any
See = Callable[..., dict[str, Seen]]
Say = dict[str, Any]

RUNS: dict[str, tuple[list[str], dict[str, str]]] = {
    "pydantic-ai": (["pydantic_agent.py"], {}),
    "langgraph": (["graph_agent.py"], {}),
    "openai": (["openai_agent.py"], {CAPTURE: "true"}),
    "openai-events": (
        ["openai_agent.py", "asked", "logs-before-spans"],
        {**LATEST, CAPTURE: "EVENT_ONLY"},
    ),
    "openai-attributes": (["openai_agent.py", "asked"], {**LATEST, CAPTURE: "SPAN_ONLY"}),
}
"""Program with its scenarios (all when none is named), and environment."""


@pytest.fixture
def of(seen: See) -> Callable[[str, str], Seen]:
    """The trace of one scenario of a run."""

    def find(run: str, scenario: str) -> Seen:
        (program, *scenarios), environment = RUNS[run]
        return seen(sys.executable, program, *scenarios, **environment)[scenario]

    return find


Of = Callable[[str, str], Seen]


@pytest.mark.parametrize(
    ("run", "scenario"),
    [
        *(("pydantic-ai", f"format-{version}") for version in (2, 3, 4, 5, 6)),
        ("pydantic-ai", "summed-at-the-root"),
        ("langgraph", "invoked"),
        ("langgraph", "streamed"),
        ("openai", "asked"),
        ("openai", "streamed"),
        ("openai", "logs-before-spans"),
        ("openai-events", "asked"),
        ("openai-events", "logs-before-spans"),
        ("openai-attributes", "asked"),
    ],
)
def test_question_tool_call_and_answer(of: Of, weather: Say, run: str, scenario: str) -> None:
    found = of(run, scenario)
    reading = found.reading
    assert reading["response"]["text"] == weather["ANSWER"]
    assert reading["input"]["text"] == weather["QUESTION"]
    assert found.opened.reading.system.text == weather["SYSTEM"]
    (call,) = reading["toolCalls"]
    assert (call["name"], call["arguments"]) == (weather["TOOL"], weather["ARGUMENTS"])
    assert (call["output"], call["argumentsState"]) == (weather["WEATHER"], "captured")
    assert call["status"] in ("ok", "unknown"), "many SDKs leave the status of a success unset"
    assert found.tokens == (270, 35, 305)
    assert found.document["status"] == "completed"
    assert found.opened.reading.model in ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")

    root, *others = found.document["spans"]
    assert root["parent_span_id"] is None
    assert {span["parent_span_id"] for span in others} <= {
        span["span_id"] for span in found.document["spans"]
    }
    took = int(root["end_time_unix_nano"]) - int(root["start_time_unix_nano"])
    assert reading["durationMs"] == pytest.approx(took / 1e6)


@pytest.mark.parametrize(
    ("run", "scenario", "labels"),
    [
        (
            "pydantic-ai",
            "format-2",
            ["agent run", "  chat gpt-4o-mini", "  running tool", "  chat gpt-4o-mini"],
        ),
        (
            "pydantic-ai",
            "format-6",
            [
                "invoke_agent forecaster",
                "  chat gpt-4o-mini",
                "  execute_tool get_weather",
                "  chat gpt-4o-mini",
            ],
        ),
        ("openai", "asked", ["handle question", "  chat gpt-4o-mini", "  chat gpt-4o-mini"]),
    ],
)
def test_the_tree(of: Of, run: str, scenario: str, labels: list[str]) -> None:
    assert of(run, scenario).labels == labels


def test_the_tree_of_a_graph(of: Of) -> None:
    labels = of("langgraph", "invoked").labels
    assert [label for label in labels if not label.startswith("    ")] == [
        "forecaster",
        "  agent",
        "  tools",
        "  agent",
    ]
    assert "    get_weather" in labels


def test_content_that_is_not_recorded_is_missing_and_the_rest_is_there(of: Of) -> None:
    found = of("pydantic-ai", "without-content")
    for name in ("response", "input"):
        assert found.reading[name]["text"] is None
        assert found.reading[name]["tried"]
    (call,) = found.reading["toolCalls"]
    assert (call["name"], call["argumentsState"], call["output"]) == ("get_weather", "absent", None)
    assert found.tokens == (270, 35, 305)


def test_a_streamed_run_of_pydantic_ai(of: Of, weather: Say) -> None:
    found = of("pydantic-ai", "streamed")
    assert found.reading["response"]["text"] == weather["ANSWER"]
    assert [call[:3] for call in found.tools] == [
        (weather["TOOL"], weather["ARGUMENTS"], weather["WEATHER"])
    ]
    assert found.document["status"] == "completed"


@pytest.mark.parametrize("run", ["pydantic-ai", "langgraph"])
def test_a_tool_that_fails(of: Of, weather: Say, run: str) -> None:
    found = of(run, "failing-tool")
    assert [(name, given, status) for name, given, _, status in found.tools] == [
        (weather["TOOL"], weather["ARGUMENTS"], "error")
    ]
    assert found.document["status"] == "failed"
    (call,) = found.opened.reading.tool_calls
    assert weather["ERROR"] in call.status_message
    answered = run == "langgraph"  # it hands the error to the model; pydantic-ai gives up
    assert found.reading["response"]["text"] == (weather["ANSWER"] if answered else None)


def test_a_tool_that_sends_the_model_back(of: Of, weather: Say) -> None:
    found = of("pydantic-ai", "tool-asks-again")
    (call,) = found.tools
    assert call == (weather["TOOL"], weather["ARGUMENTS"], "say which country", "error")
    assert found.reading["response"]["text"] == weather["ANSWER"]


def test_a_typed_answer_is_the_response_and_no_tool_call(of: Of) -> None:
    found = of("pydantic-ai", "typed-answer")
    assert found.reading["response"]["text"] == '{"city":"Lisbon","temperature":19}'
    assert [name for name, *_ in found.tools] == ["get_weather"]
    assert ("response", {"city": "Lisbon", "temperature": 19}) in found.opened.reading.views


def test_the_model_that_pydantic_ai_offers_for_tests(of: Of, weather: Say) -> None:
    found = of("pydantic-ai", "test-model")
    assert [call[:3] for call in found.tools] == [
        (weather["TOOL"], {"city": "a", "unit": "a"}, weather["WEATHER"])
    ]
    assert "Lisbon" in found.reading["response"]["text"]


def test_two_tools_asked_for_at_once(of: Of, weather: Say) -> None:
    found = of("langgraph", "two-tools-at-once")
    assert sorted(given["city"] for _, given, _, _ in found.tools) == ["Lisbon", "Porto"]
    for _, given, gave, status in found.tools:
        assert gave == {**weather["WEATHER"], "city": given["city"]}, "each has its own result"
        assert status == "ok"


def test_content_in_log_records_joins_the_spans_it_belongs_to(of: Of) -> None:
    for run in ("openai", "openai-events"):
        for scenario in ("asked", "logs-before-spans"):
            found = of(run, scenario)
            assert found.requests == 2, "spans and logs come apart"
            assert found.document["spanCount"] == 3
            events = [len(span["events"]) for span in found.document["spans"]]
            assert events[0] == 0
            assert all(events[1:]), "each model span has its own records"


def test_text_of_events_is_said_to_be_of_the_event_that_holds_it(of: Of) -> None:
    reading = of("openai", "asked").reading
    assert reading["input"]["source"]["attribute"] == "gen_ai.user.message"
    assert reading["response"]["source"]["attribute"] == "gen_ai.choice"


def test_a_request_that_the_model_refused(of: Of) -> None:
    found = of("openai", "refused")
    assert found.labels == ["handle question", "  chat gpt-4o-mini"]
    assert found.document["status"] == "failed"
    assert found.reading["response"]["text"] is None
    assert found.reading["usage"]["total"] is None
    assert found.tools == []

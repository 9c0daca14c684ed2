"""Frameworks as their instrumentations document their spans: one small trace each."""

import json
from typing import Any

import pytest

from tracedesk.model.reading import Reading
from tracedesk.model.trace import Event, Span
from tracedesk.reading import read
from tracedesk.reading.tables import ALL
from tracedesk.testing import make_span, make_trace

Q, A = "What is the weather in Lisbon?", "Sunny, 19 degrees."
CITY = {"city": "Lisbon"}


def reading(*spans: Span) -> Reading:
    return read(make_trace(*spans))


def span(span_id: str, parent: str | None = None, *, name: str | None = None, at: float = 0,
         events: Any = (), **attributes: Any) -> Span:  # fmt: skip
    """A span whose attribute names are written with ``__`` for a dot."""
    found = {
        key.replace("__", "."): value if isinstance(value, str | int) else json.dumps(value)
        for key, value in attributes.items()
    }
    return make_span(
        span_id, name, parent, attributes=found, start_ms=at, end_ms=at + 1, events=events
    )


def google_adk() -> Reading:
    system = {"parts": [{"text": "Be terse."}]}
    asked = {"role": "user", "parts": [{"text": Q}]}
    called = {"role": "model", "parts": [{"function_call": {"name": "weather", "args": CITY}}]}
    ai: dict[str, Any] = {"gen_ai__system": "gcp.vertex.agent", "gen_ai__request__model": "gemini"}
    return reading(
        span("r", name="invocation", at=0),
        span("m1", "r", name="call_llm", at=1, **ai,
             gcp__vertex__agent__llm_request={"contents": [asked], "config": {
                 "system_instruction": system}},
             gcp__vertex__agent__llm_response={"content": called, "usage_metadata": {
                 "prompt_token_count": 5, "candidates_token_count": 3}}),
        span("t", "r", name="execute_tool weather", at=2, gen_ai__operation__name="execute_tool",
             gen_ai__tool__name="weather", gcp__vertex__agent__tool_call_args=CITY,
             gcp__vertex__agent__tool_response={"result": "sunny"}),
        span("m2", "r", name="call_llm", at=3, **ai,
             gcp__vertex__agent__llm_request={"contents": [asked, called, {
                 "role": "user", "parts": [{"function_response": {
                     "name": "weather", "response": {"result": "sunny"}}}]}],
                 "config": {"system_instruction": system}},
             gcp__vertex__agent__llm_response={"content": {"role": "model", "parts": [
                 {"text": A}]}, "usage_metadata": {
                     "prompt_token_count": 9, "candidates_token_count": 4}}),
    )  # fmt: skip


def ai_sdk() -> Reading:
    prompt = [{"role": "user", "content": [{"type": "text", "text": Q}]}]
    call = {"toolCallType": "function", "toolCallId": "c1", "toolName": "weather", "input": CITY}
    result = {"type": "tool-result", "toolCallId": "c1", "toolName": "weather",
              "output": {"type": "json", "value": {"result": "sunny"}}}  # fmt: skip
    step: dict[str, Any] = {
        "ai__operationId": "ai.generateText.doGenerate",
        "ai__model__id": "small",
    }
    return reading(
        span("r", name="ai.generateText", ai__operationId="ai.generateText",
             ai__prompt={"system": "Be terse.", "prompt": Q}, ai__response__text=A),
        span("m1", "r", at=1, **step, ai__prompt__messages=prompt, ai__response__toolCalls=[call],
             ai__usage__inputTokens=5, ai__usage__outputTokens=3),
        span("t", "r", name="ai.toolCall", at=2, ai__operationId="ai.toolCall",
             ai__toolCall__name="weather", ai__toolCall__id="c1", ai__toolCall__args=CITY,
             ai__toolCall__result={"result": "sunny"}),
        span("m2", "r", at=3, **step, ai__response__text=A, ai__prompt__messages=[
                 *prompt, {"role": "tool", "content": [result]}],
             ai__usage__inputTokens=9, ai__usage__outputTokens=4),
    )  # fmt: skip


def langfuse() -> Reading:
    generation: dict[str, Any] = {"langfuse__observation__type": "generation",
                  "langfuse__observation__model__name": "small"}  # fmt: skip
    messages = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": Q}]
    return reading(
        span("r", langfuse__trace__input=Q, langfuse__trace__output=A),
        span("t", "r", name="weather", at=1, langfuse__observation__type="tool",
             langfuse__observation__input=CITY, langfuse__observation__output={"result": "sunny"}),
        span("m", "r", at=2, **generation, langfuse__observation__input=messages,
             langfuse__observation__output={"role": "assistant", "content": A},
             langfuse__observation__usage_details={"input": 14, "output": 7}),
    )  # fmt: skip


def langsmith() -> Reading:
    messages = {"messages": [{"role": "system", "content": "Be terse."},
                             {"role": "user", "content": Q}]}  # fmt: skip
    answer = {"messages": [{"role": "assistant", "content": A}]}
    return reading(
        span("r", langsmith__span__kind="chain", gen_ai__prompt=messages,
             gen_ai__completion=answer),
        span("t", "r", name="weather", at=1, langsmith__span__kind="tool", gen_ai__prompt=CITY,
             gen_ai__completion={"result": "sunny"}),
        span("m", "r", at=2, langsmith__span__kind="llm", gen_ai__request__model="small",
             gen_ai__input__messages=messages["messages"], gen_ai__completion=answer,
             gen_ai__usage__input_tokens=14, gen_ai__usage__output_tokens=7),
    )  # fmt: skip


def litellm() -> Reading:
    return reading(
        span("r", name="Received Proxy Server Request"),
        span("m1", "r", name="litellm_request", at=1, gen_ai__request__model="small",
             gen_ai__prompt__0__role="system", gen_ai__prompt__0__content="Be terse.",
             gen_ai__prompt__1__role="user", gen_ai__prompt__1__content=Q,
             gen_ai__completion__0__role="assistant",
             gen_ai__completion__0__tool_calls__0__id="c1",
             gen_ai__completion__0__tool_calls__0__name="weather",
             gen_ai__completion__0__tool_calls__0__arguments=json.dumps(CITY),
             gen_ai__usage__prompt_tokens=5, gen_ai__usage__completion_tokens=3),
        span("m2", "r", name="litellm_request", at=3, gen_ai__request__model="small",
             gen_ai__prompt__0__role="system", gen_ai__prompt__0__content="Be terse.",
             gen_ai__prompt__1__role="user", gen_ai__prompt__1__content=Q,
             gen_ai__prompt__2__role="tool", gen_ai__prompt__2__tool_call_id="c1",
             gen_ai__prompt__2__content=json.dumps({"result": "sunny"}),
             gen_ai__completion__0__role="assistant", gen_ai__completion__0__content=A,
             gen_ai__usage__prompt_tokens=9, gen_ai__usage__completion_tokens=4),
    )  # fmt: skip


def strands() -> Reading:
    def details(**lists: Any) -> Event:
        found = {f"gen_ai.{k}.messages": json.dumps(v) for k, v in lists.items()}
        return Event("gen_ai.client.inference.operation.details", None, found)

    asked = [{"role": "system", "parts": [{"type": "text", "content": "Be terse."}]},
             {"role": "user", "parts": [{"type": "text", "content": Q}]}]  # fmt: skip
    said = [{"role": "assistant", "parts": [{"type": "text", "content": A}]}]
    ai: dict[str, Any] = {"gen_ai__system": "strands-agents", "gen_ai__request__model": "small"}
    tool = [Event("gen_ai.tool.message", None, {"content": json.dumps(CITY), "id": "c1"}),
            Event("gen_ai.choice", None, {"message": json.dumps({"result": "sunny"})})]  # fmt: skip
    return reading(
        span("r", name="invoke_agent", gen_ai__operation__name="invoke_agent",
             gen_ai__usage__input_tokens=14, gen_ai__usage__output_tokens=7, **ai),
        span("t", "r", name="execute_tool weather", at=1, gen_ai__operation__name="execute_tool",
             gen_ai__tool__name="weather", events=tool),
        span("m", "r", at=2, gen_ai__operation__name="chat", **ai,
             gen_ai__usage__input_tokens=14, gen_ai__usage__output_tokens=7,
             events=[details(input=asked), details(output=said)]),
    )  # fmt: skip


def logfire() -> Reading:
    events = [
        {"event.name": "gen_ai.system.message", "role": "system", "content": "Be terse."},
        {"event.name": "gen_ai.user.message", "role": "user", "content": Q},
        {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": A}},
    ]
    return reading(
        span("r", name="customer question {n}", logfire__msg="customer question 7"),
        span("a", "r", name="agent run", at=1, all_messages_events=events, final_result=A),
        span("t", "a", name="running tool", at=2, gen_ai__tool__name="weather",
             tool_arguments=CITY, tool_response={"result": "sunny"}),
        span("m", "a", at=3, gen_ai__request__model="small",
             gen_ai__input__messages=events[:2],
             gen_ai__usage__input_tokens=14, gen_ai__usage__output_tokens=7),
    )  # fmt: skip


def agno() -> Reading:
    def message(side: str, number: int, role: str, content: str) -> dict[str, Any]:
        prefix = f"llm__{side}_messages__{number}__message__"
        return {f"{prefix}role": role, f"{prefix}content": content}

    return reading(
        span("r", name="Weather_Agent.run", openinference__span__kind="AGENT",
             input__value=Q, output__value=A),
        span("t", "r", name="weather", at=1, openinference__span__kind="TOOL",
             tool__name="weather", input__value=CITY, output__value={"result": "sunny"}),
        span("m", "r", at=2, openinference__span__kind="LLM", llm__model_name="small",
             **message("input", 0, "system", "Be terse."), **message("input", 1, "user", Q),
             **message("output", 0, "assistant", A),
             llm__token_count__prompt=14, llm__token_count__completion=7),
    )  # fmt: skip


FRAMEWORKS = [google_adk, ai_sdk, langfuse, langsmith, litellm, strands, logfire, agno]


@pytest.mark.parametrize("trace", FRAMEWORKS, ids=lambda f: f.__name__)
def test_a_weather_agent_reads_the_same_whoever_recorded_it(trace: Any) -> None:
    found = trace()
    (call,) = found.tool_calls

    assert (found.response.text, found.input.text) == (A, Q)
    assert found.system.text == "Be terse."
    assert call.label == "weather"
    assert (call.arguments, call.output) == (CITY, {"result": "sunny"})
    assert (found.usage.input, found.usage.output) == (14, 7)
    assert found.model in ("small", "gemini")
    assert found.response.source is not None
    assert found.input.source is not None


def test_crewai_gives_the_result_of_the_crew() -> None:
    found = reading(
        span("r", name="crewai.workflow", gen_ai__system="crewai", crewai__crew__result=A),
        span("a", "r", name="agent", gen_ai__agent__human_input=Q),
    )

    assert (found.response.text, found.input.text) == (A, Q)
    assert found.response.source is not None
    assert found.response.source.rule == "result of the crew"


def test_each_convention_has_a_name_of_its_own() -> None:
    assert len({table.name for table in ALL}) == len(ALL)

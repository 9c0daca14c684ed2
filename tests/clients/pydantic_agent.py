"""A pydantic-ai agent, reported by its own instrumentation. Each scenario is one run, and one
service.

    OTEL_EXPORTER_OTLP_ENDPOINT=URL python pydantic_agent.py [SCENARIO]...
"""

import asyncio
import sys
import warnings
from collections.abc import AsyncIterator
from typing import Any

import otel
import weather
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage

SCENARIOS: dict[str, dict[str, Any]] = {
    **{f"format-{version}": {"version": version} for version in (2, 3, 4, 5, 6)},
    "summed-at-the-root": {"use_aggregated_usage_attribute_names": False},
    "without-content": {"include_content": False},
    "streamed": {},
    "failing-tool": {},
    "tool-asks-again": {},
    "typed-answer": {},
    "test-model": {},
}
"""Settings of the instrumentation; the names themselves say what the agent meets."""


class Report(BaseModel):
    """A typed answer, which pydantic-ai asks for as one more tool."""

    city: str
    temperature: int


def script(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask for the tool, then answer."""
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    part: ToolCallPart | TextPart = TextPart(weather.ANSWER)
    if turn == 0:
        part = ToolCallPart(weather.TOOL, weather.ARGUMENTS, tool_call_id=weather.CALL_ID)
    elif info.output_tools:
        part = ToolCallPart(info.output_tools[0].name, {"city": "Lisbon", "temperature": 19})
    tokens = weather.TOKENS[min(turn, 1)]
    usage = RequestUsage(input_tokens=tokens[0], output_tokens=tokens[1])
    return ModelResponse(parts=[part], usage=usage)


async def streamed(
    messages: list[ModelMessage], info: AgentInfo
) -> AsyncIterator[str | DeltaToolCalls]:
    """The same, in pieces."""
    (part,) = script(messages, info).parts
    if isinstance(part, ToolCallPart):
        text = part.args_as_json_str()
        yield {0: DeltaToolCall(part.tool_name, text[:9], tool_call_id=part.tool_call_id)}
        yield {0: DeltaToolCall(json_args=text[9:])}
    elif isinstance(part, TextPart):
        for piece in part.content.partition(" degrees"):
            yield piece


async def run(scenario: str) -> None:
    model = FunctionModel(script, stream_function=streamed, model_name=weather.MODEL)
    agent = Agent(
        TestModel() if scenario == "test-model" else model,
        name="forecaster",
        instructions=weather.SYSTEM,
        output_type=Report if scenario == "typed-answer" else str,
    )

    @agent.tool_plain(retries=1)
    def get_weather(city: str, unit: str) -> dict[str, object]:
        if scenario == "failing-tool":
            raise RuntimeError(weather.ERROR)
        if scenario == "tool-asks-again":
            raise ModelRetry("say which country")
        return weather.WEATHER

    if scenario == "streamed":
        async with agent.run_stream(weather.QUESTION) as answer:
            assert await answer.get_output() == weather.ANSWER
        return
    try:
        await agent.run(weather.QUESTION)
    except RuntimeError:
        assert scenario == "failing-tool"


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # older formats are the point
    warnings.filterwarnings("ignore", message="Instrumentation format versions")
    for scenario in sys.argv[1:] or SCENARIOS:
        provider = otel.provider(scenario)
        settings = InstrumentationSettings(tracer_provider=provider, **SCENARIOS[scenario])
        Agent.instrument_all(settings)
        asyncio.run(run(scenario))
        provider.shutdown()


if __name__ == "__main__":
    main()

"""A LangGraph agent, reported by OpenInference's instrumentation of LangChain. Each scenario
is one run, and one service.

    OTEL_EXPORTER_OTLP_ENDPOINT=URL python graph_agent.py [SCENARIO]...
"""

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import otel
import weather
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.prebuilt import ToolNode, create_react_agent
from openinference.instrumentation.langchain import LangChainInstrumentor

SCENARIOS = ("invoked", "streamed", "failing-tool", "two-tools-at-once")


class Scripted(BaseChatModel):
    """Asks for the tool, once for each city, then answers."""

    cities: tuple[str, ...] = ("Lisbon",)
    model_name: str = weather.MODEL

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> "Scripted":
        return self

    def said(self, messages: list[BaseMessage]) -> AIMessage:
        turn = sum(isinstance(message, AIMessage) for message in messages)
        given, gave = weather.TOKENS[min(turn, 1)]
        calls = [
            {"name": weather.TOOL, "args": {"city": city, "unit": "celsius"}, "id": f"call_{n}"}
            for n, city in enumerate(self.cities)
        ]
        return AIMessage(
            content="" if turn == 0 else weather.ANSWER,
            tool_calls=calls if turn == 0 else [],
            response_metadata={"model_name": "gpt-4o-mini-2024-07-18"},
            usage_metadata={
                "input_tokens": given,
                "output_tokens": gave,
                "total_tokens": given + gave,
            },
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.said(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        said = self.said(messages)
        if said.tool_calls:
            pieces: list[dict[str, Any]] = [
                {"tool_call_chunks": [_chunk(call, number)], "content": ""}
                for number, call in enumerate(said.tool_calls)
            ]
        else:
            pieces = [{"content": piece} for piece in str(said.content).partition("degrees")]
        pieces[-1]["usage_metadata"] = said.usage_metadata
        for piece in pieces:
            chunk = ChatGenerationChunk(message=AIMessageChunk(**piece))
            if run_manager is not None:
                run_manager.on_llm_new_token(str(piece["content"]), chunk=chunk)
            yield chunk


def _chunk(call: Any, index: int) -> dict[str, Any]:
    return {
        "name": call["name"],
        "args": json.dumps(call["args"]),
        "id": call["id"],
        "index": index,
        "type": "tool_call_chunk",
    }


def run(scenario: str) -> None:
    """One run, reported by the service of its name."""

    @tool
    def get_weather(city: str, unit: str) -> str:
        """Current weather of a city."""
        if scenario == "failing-tool":
            raise RuntimeError(weather.ERROR)
        return json.dumps({**weather.WEATHER, "city": city})

    provider = otel.provider(scenario)
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    cities = ("Lisbon", "Porto") if scenario == "two-tools-at-once" else ("Lisbon",)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the function moves to another package in time
        agent = create_react_agent(
            Scripted(cities=cities),
            ToolNode([get_weather], handle_tool_errors=True),
            prompt=weather.SYSTEM,
            name="forecaster",
        )
    asked = {"messages": [("user", weather.QUESTION)]}
    if scenario == "streamed":
        for _ in agent.stream(asked, stream_mode="messages"):
            pass
    else:
        agent.invoke(asked)
    instrumentor.uninstrument()
    provider.shutdown()


if __name__ == "__main__":
    for name in sys.argv[1:] or SCENARIOS:
        run(name)

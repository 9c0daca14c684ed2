"""An agent on the OpenAI SDK, reported by OpenTelemetry's own instrumentation of it: spans to
``/v1/traces``, and what was said as log records to ``/v1/logs``.

The model is served on loopback by ``chat_server``. Whether content is recorded comes from
OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, as for any program. Each scenario is one
conversation, and one service.

    OTEL_EXPORTER_OTLP_ENDPOINT=URL python openai_agent.py [SCENARIO]...
"""

import json
import sys
from typing import Any

import chat_server
import openai
import otel
import weather
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

SCENARIOS = ("asked", "streamed", "logs-before-spans", "refused")

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": weather.TOOL,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def ask(client: openai.OpenAI, messages: list[Any], stream: bool) -> dict[str, Any]:
    """One model call; returns the message as it goes back into the conversation."""
    if not stream:
        done = client.chat.completions.create(model=weather.MODEL, messages=messages, tools=TOOLS)
        return done.choices[0].message.model_dump(exclude_none=True)
    text, calls = "", []
    for chunk in client.chat.completions.create(
        model=weather.MODEL,
        messages=messages,
        tools=TOOLS,
        stream=True,
        stream_options={"include_usage": True},
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                if call.id:
                    calls.append(call.model_dump(exclude_none=True, exclude={"index"}))
                else:
                    calls[-1]["function"]["arguments"] += call.function.arguments
    return {"role": "assistant", **({"tool_calls": calls} if calls else {"content": text})}


def converse(client: openai.OpenAI, scenario: str) -> None:
    """Question, tool call, answer."""
    stream = scenario == "streamed"
    messages: list[Any] = [
        {"role": "system", "content": weather.SYSTEM},
        {"role": "user", "content": "" if scenario == "refused" else weather.QUESTION},
    ]
    messages.append(ask(client, messages, stream))
    (call,) = messages[-1]["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(weather.WEATHER)}
    messages.append(result)
    assert ask(client, messages, stream)["content"] == weather.ANSWER


def run(client: openai.OpenAI, scenario: str) -> None:
    spans = otel.provider(scenario)
    logs = LoggerProvider(resource=spans.resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=spans, logger_provider=logs)
    try:
        with spans.get_tracer("weather-bot").start_as_current_span("handle question"):
            converse(client, scenario)
    except openai.BadRequestError:
        assert scenario == "refused"
    instrumentor.uninstrument()
    for provider in (logs, spans) if scenario == "logs-before-spans" else (spans, logs):
        provider.shutdown()


if __name__ == "__main__":
    with chat_server.serving() as url:
        for name in sys.argv[1:] or SCENARIOS:
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as model:
                run(model, name)

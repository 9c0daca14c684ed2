"""What the OpenTelemetry clients here share: one provider a service, and GenAI spans.

Everything about the export (where, compression, batch size) comes from the standard
``OTEL_*`` variables, as it does for any program.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, Tracer

MODEL = "gpt-4o-mini"
PACE = float(os.environ.get("AGENT_PACE", "1"))
"""Factor on all waiting: 1 for life-like durations, 0 for no waiting at all."""


def wait(seconds: float) -> None:
    """What a model, a network or a database would take."""
    time.sleep(seconds * PACE)


def provider(service: str, *, batch: bool = True) -> TracerProvider:
    """A provider exporting over OTLP/HTTP: in batches, or each span as it ends."""
    made = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter()
    made.add_span_processor(
        BatchSpanProcessor(exporter) if batch else SimpleSpanProcessor(exporter)
    )
    return made


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


@contextmanager
def agent(tracer: Tracer, name: str, question: str) -> Iterator[Span]:
    """An agent's own span, with the question it was asked."""
    with tracer.start_as_current_span(f"invoke_agent {name}") as span:
        span.set_attribute("gen_ai.operation.name", "invoke_agent")
        span.set_attribute("gen_ai.agent.name", name)
        span.set_attribute("gen_ai.input.messages", json.dumps([message("user", question)]))
        yield span


def answer(span: Span, text: str) -> None:
    span.set_attribute("gen_ai.output.messages", json.dumps([message("assistant", text)]))


def chat(tracer: Tracer, tokens: tuple[int, int], seconds: float, text: str | None = None) -> None:
    """One model call; ``text`` None when it asks for a tool."""
    with tracer.start_as_current_span(f"chat {MODEL}") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "openai")
        span.set_attribute("gen_ai.request.model", MODEL)
        span.set_attribute("gen_ai.usage.input_tokens", tokens[0])
        span.set_attribute("gen_ai.usage.output_tokens", tokens[1])
        if text is not None:
            answer(span, text)
        wait(seconds)


@contextmanager
def tool(tracer: Tracer, name: str, arguments: dict[str, Any]) -> Iterator[Span]:
    """One tool call. An exception that leaves it is recorded and marks it as failed."""
    with tracer.start_as_current_span(f"execute_tool {name}") as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", name)
        span.set_attribute("gen_ai.tool.call.arguments", json.dumps(arguments))
        yield span


def result(span: Span, value: Any) -> None:
    span.set_attribute("gen_ai.tool.call.result", json.dumps(value))


def failed(span: Span, why: str) -> None:
    """Mark a span as failed where no exception tells it."""
    span.set_status(Status(StatusCode.ERROR, why))

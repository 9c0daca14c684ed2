"""The standard OpenTelemetry exporter as client: protobuf, gzip, retries, and its settings."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from tracedesk.model.agent import Agent

Endpoint = Any

HARBOUR = Agent(
    id="3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4", name="harbour", otlp_service_name="harbour-bot"
)
OTHER = Agent(id="a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b", name="other")


@pytest.fixture
def endpoint(serve: Callable[..., Endpoint]) -> Endpoint:
    return serve(OTHER, HARBOUR)


@pytest.fixture
def tracing(endpoint: Endpoint) -> Iterator[Callable[..., TracerProvider]]:
    providers = []

    def start(path: str = "/v1/traces", service: str = "harbour-bot", **options: Any):
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.server.url}{path}", **options)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=3))
        providers.append(provider)
        return provider

    yield start
    for provider in providers:
        provider.shutdown()


def run_agent(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("agent")
    with tracer.start_as_current_span("Harbour Bot") as root:
        for i in range(4):
            with tracer.start_as_current_span("berth_lookup") as span:
                span.set_attribute("gen_ai.tool.name", "berth_lookup")
                span.set_attribute("gen_ai.tool.call.arguments", f'{{"berth": {i}}}')
                if i == 3:
                    span.set_status(Status(StatusCode.ERROR, "no such berth"))
        root.set_attribute("gen_ai.response.text", "Berth 3 is open.")
    assert provider.force_flush()


@pytest.mark.parametrize("path", ["/v1/traces", "/public/traces"])
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_several_exports_of_one_run_become_one_trace(
    endpoint: Endpoint, tracing: Callable[..., TracerProvider], path: str, compression: Compression
):
    run_agent(tracing(path, compression=compression))
    (row,) = endpoint.store.rows()
    assert (row.agent_id, row.routed_by) == (HARBOUR.id, "service_name")
    assert (row.name, row.span_count, row.error_count) == ("Harbour Bot", 5, 1)
    requests = endpoint.store.requests(row.id)
    assert len(requests) == 2, "the SDK sent five spans in batches of three"
    assert {r.headers["content-type"] for r in requests} == {"application/x-protobuf"}
    assert all(b"berth_lookup" in request.body for request in requests), "kept inflated"


def test_a_key_in_the_headers_is_checked(
    endpoint: Endpoint, tracing: Callable[..., TracerProvider]
):
    run_agent(tracing(headers={"x-api-key": endpoint.key(OTHER.id)}, service="unknown"))
    (row,) = endpoint.store.rows()
    assert (row.agent_id, row.routed_by) == (OTHER.id, "key")


def test_the_exporter_takes_our_replies_for_success_and_failure(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    provider = TracerProvider()
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("t").start_as_current_span("one"):
        pass
    spans = memory.get_finished_spans()
    url = f"{endpoint.server.url}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=url)
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    assert exporter.export(spans) is SpanExportResult.SUCCESS, "sent again, as after a timeout"
    assert endpoint.store.rows()[0].revision == 1
    exporter.shutdown()
    refused = OTLPSpanExporter(endpoint=url, headers={"x-api-key": "mibo_wrong"})
    assert refused.export(spans) is SpanExportResult.FAILURE
    refused.shutdown()
    provider.shutdown()


def test_the_variables_of_the_sdk_are_enough(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.server.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "harbour-bot")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    run_agent(provider)
    provider.shutdown()
    assert endpoint.store.rows()[0].agent_id == HARBOUR.id


def test_a_protobuf_reply_is_empty_unless_spans_were_rejected(endpoint: Endpoint):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"1" * 16, span_id=b"2" * 8, name="good")
    sent = {"path": "/v1/traces", "content_type": "application/x-protobuf"}
    answer = endpoint.post(request.SerializeToString(), **sent)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    spans.add(trace_id=b"1" * 16, name="no id")
    answer = endpoint.post(request.SerializeToString(), **sent)
    reply = ExportTraceServiceResponse.FromString(answer.body)
    assert reply.partial_success.rejected_spans == 1
    assert reply.partial_success.error_message

"""The other OTLP signals: logs join the spans they name, metrics are taken and not kept."""

import base64
import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tracedesk.evaluation.load import load_trace
from tracedesk.model.agent import Agent

Endpoint = Any
Serve = Callable[..., Endpoint]

CAPTURE = Path(__file__).parents[1] / "data" / "captures" / "otel-openai-v2.json"
TRACE = "21740531f10873e745c1fb0de9f4be87"
PROTOBUF = "application/x-protobuf"
BOOKING = Agent(
    id="3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4", name="booking", otlp_service_name="booking-bot"
)
OTHER = Agent(id="a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b", name="other", otlp_service_name="other")


def sender(service: str) -> dict[str, Any]:
    return {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}


def logs(*services: str, span: str = "00000000000000b2") -> dict[str, Any]:
    """One record a service."""
    record = {"traceId": TRACE, "spanId": span, "body": {"stringValue": "hello"}}
    return {
        "resourceLogs": [
            {"resource": sender(service), "scopeLogs": [{"logRecords": [record]}]}
            for service in services
        ]
    }


def spans(service: str = "booking-bot", name: str = "chat", **fields: Any) -> dict[str, Any]:
    span = {"traceId": TRACE, "spanId": "00000000000000b2", "name": name, **fields}
    return {"resourceSpans": [{"resource": sender(service), "scopeSpans": [{"spans": [span]}]}]}


def recorded() -> list[dict[str, Any]]:
    capture = json.loads(CAPTURE.read_text())
    sent: list[dict[str, Any]] = [capture["request"], *capture["other_signal_requests"]]
    return sent


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_whose_messages_are_in_logs_is_read_in_any_order(endpoint: Endpoint, order: int):
    for sent in recorded()[::order]:
        body = base64.b64decode(sent["body_base64"])
        answer = endpoint.post(body, sent["path"], content_type=PROTOBUF)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"] == PROTOBUF
    (row,) = endpoint.store.rows()
    assert (row.name, row.span_count, row.revision) == ("handle question", 3, 2)
    reading = load_trace(endpoint.store, row, None).reading
    assert reading.input.text == "What is the weather in Lisbon?"
    assert reading.response.text == "It is 19 degrees celsius and sunny in Lisbon."
    assert [call.label for call in reading.tool_calls] == ["get_weather"]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_exporters_of_the_sdk_send_all_three_signals(
    endpoint: Endpoint, compression: Compression, caplog: pytest.LogCaptureFixture
):
    url, resource = endpoint.server.url, Resource.create({"service.name": "booking-bot"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces", compression=compression))
    )
    logging_ = LoggerProvider(resource=resource)
    logging_.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs", compression=compression))
    )
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{url}/v1/metrics", compression=compression)
    )
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    meters.get_meter("agent").create_counter("gen_ai.client.token.usage").add(80)
    logger = logging_.get_logger("agent")
    logger.emit(LogRecord(body="started, outside of any span"))
    with tracing.get_tracer("agent").start_as_current_span("chat") as span:
        span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
        for name, body in (
            ("gen_ai.user.message", {"content": "A table for 4?"}),
            ("gen_ai.choice", {"index": 0, "message": {"content": "Booked at 8pm."}}),
        ):
            logger.emit(LogRecord(event_name=name, body=body, observed_timestamp=1))
    with caplog.at_level(logging.WARNING):
        for provider in (logging_, tracing, meters):
            assert provider.force_flush()
            provider.shutdown()
    assert not caplog.records, "no exporter complains"
    (row,) = endpoint.store.rows()
    reading = load_trace(endpoint.store, row, None).reading
    assert (reading.input.text, reading.response.text) == ("A table for 4?", "Booked at 8pm.")


def test_a_trace_of_logs_alone_is_listed_under_its_service(endpoint: Endpoint):
    assert endpoint.post(logs("booking-bot"), "/v1/logs").status == 200
    (row,) = endpoint.store.rows()
    assert (row.name, row.span_count, row.trace_id) == ("booking-bot", 0, TRACE)
    assert load_trace(endpoint.store, row, None).trace.spans == []
    endpoint.post(spans(parentSpanId="00000000000000a1"), "/v1/traces")
    endpoint.post(logs("booking-bot", span="00000000000000c3"), "/v1/logs")
    (row,) = endpoint.store.rows()
    assert (row.name, row.span_count, row.revision) == ("chat", 1, 3)
    assert [request.path for request in endpoint.store.requests(row.id)] == [
        "/v1/logs", "/v1/traces", "/v1/logs",
    ]  # fmt: skip


def test_the_same_logs_sent_again_change_nothing(endpoint: Endpoint):
    for _ in range(3):
        endpoint.post(logs("booking-bot"), "/v1/logs")
    (row,) = endpoint.store.rows()
    assert row.revision == 1
    assert len(endpoint.store.requests(row.id)) == 1


def test_logs_are_routed_as_spans_are(serve: Serve):
    endpoint = serve(BOOKING, OTHER)
    endpoint.post(spans(), "/v1/traces")
    answer = endpoint.post(logs("booking-bot", "other"), "/v1/logs")
    assert answer.body["partialSuccess"] == {}
    rows = {row.agent_id: row for row in endpoint.store.rows()}
    assert {agent: row.span_count for agent, row in rows.items()} == {BOOKING.id: 1, OTHER.id: 0}
    assert [r.resources for r in endpoint.store.requests(rows[OTHER.id].id)] == [(1,)]


def test_logs_that_cannot_be_routed_are_told(serve: Serve):
    endpoint = serve(BOOKING, OTHER)
    key = endpoint.key(BOOKING.id, OTHER.id)
    answer = endpoint.post(logs("booking-bot", "bokking"), "/v1/logs", x_api_key=key)
    assert answer.body["partialSuccess"]["rejectedLogRecords"] == 1
    assert "'bokking'" in answer.body["partialSuccess"]["errorMessage"]
    request = ExportLogsServiceRequest()
    for service in ("booking-bot", "bokking"):
        entry = request.resource_logs.add()
        entry.resource.attributes.add(key="service.name").value.string_value = service
        entry.scope_logs.add().log_records.add(trace_id=b"1" * 16, span_id=b"2" * 8)
    body = request.SerializeToString()
    answer = endpoint.post(body, "/v1/logs", x_api_key=key, content_type=PROTOBUF)
    reply = ExportLogsServiceResponse.FromString(answer.body)
    assert reply.partial_success.rejected_log_records == 1
    assert "bokking" in reply.partial_success.error_message
    answer = endpoint.post(logs("bokking"), "/v1/logs", x_api_key=key)
    assert (answer.status, answer.code) == (400, "CUSTOM_API_PLATFORM_NOT_FOUND")


def test_records_of_no_span_are_taken_and_counted(endpoint: Endpoint):
    answer = endpoint.post(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]},
        "/v1/logs",
    )
    assert (answer.status, answer.body["partialSuccess"]) == (200, {})
    assert "1 without a span let go" in answer.body["message"]
    assert endpoint.store.count() == 0


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics"])
def test_keys_hosts_encodings_and_sizes_are_checked_as_for_traces(serve: Serve, path: str):
    endpoint = serve(require_key=True, max_body_bytes=1000)
    assert endpoint.post({}, path).code == "UNAUTHORIZED"
    key = endpoint.key()
    assert endpoint.post({}, path, x_api_key=key, host="evil.example").code == "FORBIDDEN_HOST"
    assert endpoint.post({}, path, x_api_key=key, content_encoding="br").status == 400
    assert endpoint.post(b" " * 1001, path, x_api_key=key).code == "PAYLOAD_TOO_LARGE"
    assert endpoint.get(path, x_api_key=key).code == "METHOD_NOT_ALLOWED"
    assert endpoint.post({}, path, x_api_key=key).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"resourceSpans": []}', b"[]"])
def test_a_body_that_is_no_logs_is_400(endpoint: Endpoint, body: bytes):
    answer = endpoint.post(body, "/v1/logs")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    answer = endpoint.post(gzip.compress(body), "/v1/logs", content_encoding="gzip")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


def test_metrics_are_answered_in_their_own_form(endpoint: Endpoint):
    answer = endpoint.post({"resourceMetrics": []}, "/v1/metrics")
    assert (answer.status, answer.body["partialSuccess"]) == (200, {})
    answer = endpoint.post(b"\x00", "/v1/metrics", content_type=PROTOBUF)
    assert (answer.status, answer.body) == (200, b"")
    assert endpoint.store.count() == 0

"""OTLP over gRPC: the standard exporter, the raw protocol, and the desk that starts it."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tracedesk.endpoint.keys import create_key
from tracedesk.endpoint.otlp_grpc import GrpcServer, GrpcUnavailableError
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.store import Store

PIER = Agent(id="0d5b7f1e-93c2-4a68-8e21-7f40c6b9d351", name="pier", otlp_service_name="pier-bot")
YARD = Agent(id="e2c81a47-5d06-4b9f-a3c8-19f7e04d62b5", name="yard")
TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"
METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"
TIMEOUT_S = 20


class Served:
    """A gRPC endpoint over a new store, and the shortest way to call it."""

    def __init__(self, path: Path, agents: tuple[Agent, ...], **settings: Any) -> None:
        self.store = Store.open(path)
        known = {agent.id: agent for agent in agents}
        self.server = GrpcServer(EndpointSettings(**settings), self.store, lambda: known)
        self.address = self.server.start("127.0.0.1", 0)

    def call(self, body: bytes, service: str = TRACES, **metadata: str) -> Any:
        """The reply's bytes, or the status code and message of a refusal."""
        named = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        with grpc.insecure_channel(self.address) as channel:
            export = channel.unary_unary(f"/{service}/Export")
            try:
                return export(body, metadata=named, timeout=TIMEOUT_S)
            except grpc.RpcError as refused:
                return refused.code(), refused.details()  # type: ignore[attr-defined]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(*agents: Agent, **settings: Any) -> Served:
        running.append(Served(tmp_path / "traces.db", agents or (LOCAL_AGENT,), **settings))
        return running[-1]

    yield start
    for served in running:
        served.server.stop()
        served.store.close()


def message(*names: str, service: str = "", trace_id: bytes = b"1" * 16) -> bytes:
    """An export request with one span of each name."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    if service:
        attribute = resource.resource.attributes.add(key="service.name")
        attribute.value.string_value = service
    spans = resource.scope_spans.add().spans
    for number, name in enumerate(names):
        spans.add(trace_id=trace_id, span_id=bytes([number + 1] * 8), name=name)
    return request.SerializeToString()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_batches_of_the_standard_exporter_become_one_trace(
    serve: Callable[..., Served], compression: grpc.Compression
) -> None:
    served = serve(YARD, PIER)
    provider = TracerProvider(resource=Resource.create({"service.name": "pier-bot"}))
    exporter = OTLPSpanExporter(
        endpoint=f"http://{served.address}", insecure=True, compression=compression
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=3))
    tracer = provider.get_tracer("pier")
    with tracer.start_as_current_span("Pier Bot") as root:
        for number in range(4):
            with tracer.start_as_current_span("berth_lookup") as span:
                span.set_attribute("gen_ai.tool.name", "berth_lookup")
                span.set_attribute("berth", number)
        root.set_attribute("gen_ai.response.text", "Berth 3 is open.")
    assert provider.force_flush()
    provider.shutdown()
    (row,) = served.store.rows()
    assert (row.agent_id, row.routed_by) == (PIER.id, "service_name")
    assert (row.name, row.span_count) == ("Pier Bot", 5)
    requests = served.store.requests(row.id)
    assert len(requests) == 2, "five spans in batches of three"
    assert {r.path for r in requests} == {"/v1/traces"}
    assert requests[0].headers["x-tracedesk-transport"] == "grpc"
    assert requests[0].headers["user-agent"].startswith("OTel-OTLP-Exporter-Python")


def test_an_empty_reply_says_that_the_spans_are_stored(serve: Callable[..., Served]) -> None:
    served = serve()
    assert served.call(message("a"), x_request_id="run-7") == b""
    (row,) = served.store.rows()
    assert row.external_id == "run-7"
    assert served.call(b"") == b"", "an export of nothing"


def test_what_was_left_out_is_counted_in_the_reply(serve: Callable[..., Served]) -> None:
    reply = ExportTraceServiceResponse.FromString(serve().call(message("a", "")))
    assert reply.partial_success.rejected_spans == 1
    assert "name" in reply.partial_success.error_message


def test_keys_are_checked_as_over_http(serve: Callable[..., Served]) -> None:
    served = serve(YARD, PIER, require_key=True)
    _, key = create_key(served.store, "test", [PIER.id])
    assert served.call(message("a"))[0] is grpc.StatusCode.UNAUTHENTICATED
    code, told = served.call(b"\xff", x_api_key="mibo_wrong")
    assert code is grpc.StatusCode.UNAUTHENTICATED, "before the message is looked at"
    assert told == "this API key is unknown here"
    assert served.call(message("a"), x_api_key=key) == b""
    (row,) = served.store.rows()
    assert (row.agent_id, row.routed_by) == (PIER.id, "key")
    assert key not in str(served.store.requests(row.id))


def test_a_target_that_is_unknown_is_named(serve: Callable[..., Served]) -> None:
    served = serve(YARD, PIER)
    _, key = create_key(served.store, "test")
    code, told = served.call(message("a", service="pier-bit"), x_api_key=key)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "did you mean 'pier-bot'?" in told


@pytest.mark.parametrize(
    ("body", "metadata", "words"),
    [
        pytest.param(b"\xff\xff", {}, "is not an OTLP trace export request", id="no protobuf"),
        pytest.param(message("a"), {"x_request_id": "i" * 256}, "255 characters", id="long id"),
    ],
)
def test_bad_requests_are_refused_in_words(
    serve: Callable[..., Served], body: bytes, metadata: dict[str, str], words: str
) -> None:
    served = serve()
    code, told = served.call(body, **metadata)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert words in told
    assert not served.store.rows()


def test_the_size_limit_is_that_of_http(serve: Callable[..., Served]) -> None:
    served = serve(max_body_bytes=1_000)
    code, told = served.call(message("a" * 1_001))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "payload too large" in told
    assert served.call(message("a" * 900)) == b""


def test_a_small_message_that_inflates_beyond_the_limit_is_refused(
    serve: Callable[..., Served],
) -> None:
    served = serve(max_body_bytes=1_000)
    with grpc.insecure_channel(served.address, compression=grpc.Compression.Gzip) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(f"/{TRACES}/Export")(bytes(8 << 20), timeout=TIMEOUT_S)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_large_message_waits_for_room_and_is_told_to_come_back(
    serve: Callable[..., Served],
) -> None:
    served = serve(held_bytes=1 << 20, patience_s=0.05)
    large = message("a" * 600_000)
    taken = served.server.room.claim(600_000, lambda: None)
    code, told = served.call(large)
    assert code is grpc.StatusCode.UNAVAILABLE, "the status after which exporters send again"
    assert "send it again in a moment" in told
    assert served.store.count() == 0
    assert served.call(message("small")) == b"", "the small are not kept waiting"
    served.server.room.give_back(taken)
    assert served.call(large) == b""
    assert served.call(large) == b"", "what it took was given back"


def test_a_large_message_is_taken_in_as_soon_as_there_is_room(serve: Callable[..., Served]) -> None:
    served = serve(held_bytes=1 << 20, patience_s=TIMEOUT_S)
    room = served.server.room
    taken = room.claim(600_000, lambda: None)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(served.call, message("a" * 600_000))
        while not room.crowded:
            threading.Event().wait(0.001)
        room.give_back(taken)
        assert reply.result(TIMEOUT_S) == b""


def test_both_servers_of_a_desk_share_their_room(open_desk: Callable[..., Any]) -> None:
    desk = open_desk()
    http, grpc_server = desk._listener._server, desk._listener._grpc
    assert http.room is grpc_server.room


def test_a_store_that_takes_nothing_is_unavailable_so_that_clients_try_again(
    serve: Callable[..., Served],
) -> None:
    served = serve()
    served.store.writer.stop()
    code, told = served.call(message("a"))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "nothing was stored" in told


def test_logs_and_metrics_are_taken_too(serve: Callable[..., Served]) -> None:
    served = serve()
    assert served.call(b"", LOGS) == b""
    assert served.call(b"", METRICS) == b""
    assert served.call(b"", "other.Service")[0] is grpc.StatusCode.UNIMPLEMENTED


def test_a_port_in_use_is_an_error_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Store.open(tmp_path / "a.db") as store:
        server = GrpcServer(EndpointSettings(), store, dict)
        with pytest.raises(GrpcUnavailableError, match=r"port \d+ is taken by another program"):
            server.start("127.0.0.1", taken.getsockname()[1])


def test_a_desk_receives_over_both(open_desk: Callable[..., Any]) -> None:
    desk = open_desk()
    assert desk.endpoint.state == "listening"
    with grpc.insecure_channel(desk.endpoint.grpc) as channel:
        channel.unary_unary(f"/{TRACES}/Export")(message("a"), timeout=TIMEOUT_S)
    assert [row.name for row in desk.store.rows()] == ["a"]


def test_a_second_desk_of_a_workspace_leaves_it_to_the_first(
    open_desk: Callable[..., Any],
) -> None:
    open_desk()
    attached = open_desk()
    assert (attached.endpoint.state, attached.endpoint.grpc) == ("attached", None)


def test_a_busy_port_is_a_message_and_http_goes_on(
    tmp_path: Path, open_desk: Callable[..., Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "tracedesk.toml").write_text(f"[endpoint]\ngrpc = {port}\n")
        state = open_desk().endpoint
    assert (state.state, state.grpc) == ("listening", None)
    assert f"port {port} is taken" in state.message


def test_it_can_be_turned_off(tmp_path: Path, open_desk: Callable[..., Any]) -> None:
    (tmp_path / "tracedesk.toml").write_text("[endpoint]\ngrpc = false\n")
    state = open_desk().endpoint
    assert (state.state, state.grpc, state.message) == ("listening", None, "")


@pytest.mark.parametrize(
    ("asked", "message"),
    [("", ""), ("grpc = true", "OTLP over gRPC needs grpcio: pip install 'tracedesk[grpc]'")],
    ids=["by default", "asked for"],
)
def test_without_grpcio_nothing_is_said_unless_it_is_asked_for(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    message: str,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.setattr("tracedesk.endpoint.otlp_grpc.installed", lambda: False)
    (tmp_path / "tracedesk.toml").write_text(f"[endpoint]\n{asked}\n")
    state = open_desk().endpoint
    assert (state.state, state.grpc, state.message) == ("listening", None, message)


@pytest.mark.parametrize("value", ['"yes"', "0", "70000", "1.5"])
def test_a_wrong_setting_is_named(tmp_path: Path, value: str) -> None:
    from tracedesk.workspace import ConfigError, find_workspace

    (tmp_path / "tracedesk.toml").write_text(f"[endpoint]\ngrpc = {value}\n")
    with pytest.raises(ConfigError, match=r"endpoint\.grpc"):
        find_workspace(tmp_path)


def test_the_hosted_product_takes_no_grpc_which_is_told_or_refused(
    serve: Callable[..., Served],
) -> None:
    served = serve()
    assert served.call(message("a")) == b""
    (row,) = served.store.rows()
    assert [warning.code for warning in row.warnings] == ["hosted_refuses"]
    strict = serve(strict_canonical=True)
    code, told = strict.call(message("b"))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json" in told
    assert strict.store.count() == 1, "the first"

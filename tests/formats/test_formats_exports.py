"""Exports of other tools: what they become, how it reads, and what bad records cost.

All data are invented. Source of a rule, for the shapes: Jaeger ``internal/uimodel`` and
"OpenTelemetry to Jaeger Transformation"; Zipkin API ``zipkin2-api.yaml`` and "OpenTelemetry
to Zipkin Transformation"; Langfuse API reference (``commons.yml``, ``observations-v2.yml``)
and "Blob storage export field reference"; Phoenix REST API "Spans" and "Export Data & Query
Spans"; n8n public API "Executions" and "CLI commands"; Flowise entity ``Execution``;
OpenTelemetry Collector "File Exporter".
"""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.cli import cli
from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.detect import read_body
from tracedesk.formats.saved import SavedFault, SavedRequest, saved_requests
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Kind, Span, Status, Trace
from tracedesk.reading import read
from tracedesk.store.database import Store

START_US = 1_780_000_000_000_000
START_NS = START_US * 1_000
TRACE = "7d3f0c5ab1e24f6889aa01c2d3e4f506"
ROOT, MODEL, TOOL = "00f067aa0ba902b7", "53995c3f42cd8ad8", "c0ffee00c0ffee01"

ANSWER = "The 9:40 ferry has seats left."
QUESTION = "Is there a seat on the next ferry?"


def tag(key: str, value: Any, type_: str = "string") -> dict[str, Any]:
    return {"key": key, "type": type_, "value": value}


def child_of(span_id: str, trace_id: str = TRACE) -> dict[str, str]:
    return {"refType": "CHILD_OF", "traceID": trace_id, "spanID": span_id}


JAEGER_TRACE: dict[str, Any] = {
    "traceID": TRACE,
    "spans": [
        {
            "traceID": TRACE,
            "spanID": ROOT,
            "operationName": "Ferry desk",
            "references": [],
            "startTime": START_US,
            "duration": 2_450_000,
            "tags": [
                tag("gen_ai.prompt", QUESTION),
                tag("gen_ai.response.text", ANSWER),
                tag("otel.status_code", "OK"),
                tag("otel.scope.name", "ferry.agent"),
            ],
            "logs": [
                {
                    "timestamp": START_US + 10,
                    "fields": [tag("event", "seat.held"), tag("seats", "2", "int64")],
                }
            ],
            "processID": "p1",
            "warnings": None,
        },
        {
            "traceID": TRACE,
            "spanID": TOOL,
            "operationName": "find_seats",
            "references": [
                {"refType": "FOLLOWS_FROM", "traceID": "ab" * 16, "spanID": "cd" * 8},
                child_of(ROOT),
            ],
            "startTime": START_US + 100,
            "duration": 40,
            "tags": [
                tag("gen_ai.tool.name", "find_seats"),
                tag("gen_ai.tool.call.arguments", '{"departure": "9:40"}'),
                tag("gen_ai.usage.input_tokens", 120, "int64"),
                tag("gen_ai.usage.output_tokens", 80, "int64"),
                tag("error", True, "bool"),
                tag("otel.status_description", "no answer"),
            ],
            "logs": [],
            "processID": "p2",
        },
    ],
    "processes": {
        "p1": {"serviceName": "ferry-desk", "tags": [tag("host.name", "pier-1")]},
        "p2": {"serviceName": "seat-map", "tags": []},
    },
}
JAEGER: dict[str, Any] = {"data": [JAEGER_TRACE], "total": 0, "limit": 0, "errors": None}

ZIPKIN: list[dict[str, Any]] = [
    {
        "traceId": TRACE,
        "id": TOOL,
        "parentId": ROOT,
        "name": "find_seats",
        "kind": "CLIENT",
        "timestamp": START_US + 100,
        "duration": 40,
        "localEndpoint": {"serviceName": "ferry-desk"},
        "remoteEndpoint": {"serviceName": "seat-map", "ipv4": "10.0.0.7", "port": 9000},
        "annotations": [
            {"timestamp": START_US + 120, "value": '"retry": {"attempt": "2"}'},
            {"timestamp": START_US + 130, "value": "ws"},
        ],
        "tags": {
            "gen_ai.tool.name": "find_seats",
            "gen_ai.tool.call.arguments": '{"departure": "9:40"}',
            "gen_ai.usage.input_tokens": "120",
            "gen_ai.usage.output_tokens": "80",
            "error": "no answer",
        },
    },
    {
        "traceId": TRACE,
        "id": ROOT,
        "name": "ferry desk",
        "timestamp": START_US,
        "duration": 2_450_000,
        "localEndpoint": {"serviceName": "ferry-desk"},
        "tags": {"gen_ai.prompt": QUESTION, "gen_ai.response.text": ANSWER},
    },
]

LANGFUSE: dict[str, Any] = {
    "id": "2f3c1b52-90ab-4cde-8f01-23456789abcd",
    "timestamp": "2026-05-28T20:26:40.000Z",
    "name": "ferry-chat",
    "input": {"messages": [{"role": "user", "content": QUESTION}]},
    "output": {"role": "assistant", "content": ANSWER},
    "userId": "u-1",
    "sessionId": "s-1",
    "tags": ["pier"],
    "metadata": {"deck": "upper"},
    "observations": [
        {
            "id": "obs-root",
            "traceId": "2f3c1b52-90ab-4cde-8f01-23456789abcd",
            "type": "AGENT",
            "name": "Ferry desk",
            "startTime": "2026-05-28T20:26:40.000Z",
            "endTime": "2026-05-28T20:26:42.450Z",
            "level": "DEFAULT",
            "metadata": {
                "attributes": {"deck.crew": "4"},
                "resourceAttributes": {"service.name": "ferry-desk"},
                "scope": {"name": "langfuse-sdk"},
                "shift": "early",
            },
            "usage": {"input": 0, "output": 0, "total": 0, "unit": "TOKENS"},
        },
        {
            "id": "obs-model",
            "traceId": "2f3c1b52-90ab-4cde-8f01-23456789abcd",
            "parentObservationId": "obs-root",
            "type": "GENERATION",
            "name": "answer",
            "startTime": "2026-05-28T20:26:40.100Z",
            "endTime": "2026-05-28T20:26:41.100Z",
            "level": "DEFAULT",
            "model": "ferry-large",
            "modelParameters": {"temperature": 0.2},
            "input": [{"role": "user", "content": QUESTION}],
            "output": {"role": "assistant", "content": ANSWER},
            "usageDetails": {"input": 120, "output": 80, "total": 200},
        },
        {
            "id": "obs-tool",
            "traceId": "2f3c1b52-90ab-4cde-8f01-23456789abcd",
            "parentObservationId": "obs-root",
            "type": "TOOL",
            "name": "find_seats",
            "startTime": "2026-05-28T20:26:41.200Z",
            "endTime": "2026-05-28T20:26:41.300Z",
            "level": "ERROR",
            "statusMessage": "no answer",
            "input": {"departure": "9:40"},
            "output": {"seats": 2},
        },
        {
            "id": "obs-event",
            "traceId": "2f3c1b52-90ab-4cde-8f01-23456789abcd",
            "parentObservationId": "obs-root",
            "type": "EVENT",
            "name": "seat-held",
            "startTime": "2026-05-28T20:26:41.250Z",
            "endTime": None,
            "level": "DEFAULT",
        },
    ],
    "scores": [],
}

PHOENIX: list[dict[str, Any]] = [
    {
        "name": "Ferry desk",
        "context": {"trace_id": TRACE, "span_id": ROOT},
        "span_kind": "AGENT",
        "parent_id": None,
        "start_time": "2026-05-28T20:26:40+00:00",
        "end_time": "2026-05-28T20:26:42.450000+00:00",
        "status_code": "OK",
        "status_message": "",
        "attributes": {"input.value": QUESTION, "output.value": ANSWER},
        "events": [],
    },
    {
        "name": "ChatModel",
        "context": {"trace_id": TRACE, "span_id": MODEL},
        "span_kind": "LLM",
        "parent_id": ROOT,
        "start_time": "2026-05-28T20:26:40.100000+00:00",
        "end_time": "2026-05-28T20:26:41.100000+00:00",
        "status_code": "UNSET",
        "attributes": {
            "llm.model_name": "ferry-large",
            "llm.token_count.prompt": 120,
            "llm.token_count.completion": 80,
            "llm.input_messages": [{"message.role": "user", "message.content": QUESTION}],
            "llm.output_messages": [{"message": {"role": "assistant", "content": ANSWER}}],
        },
        "events": [],
    },
    {
        "name": "find_seats",
        "context": {"trace_id": TRACE, "span_id": TOOL},
        "span_kind": "TOOL",
        "parent_id": ROOT,
        "start_time": "2026-05-28T20:26:41.200000+00:00",
        "end_time": "2026-05-28T20:26:41.300000+00:00",
        "status_code": "ERROR",
        "status_message": "no answer",
        "attributes": {"tool": {"name": "find_seats"}, "input.value": {"departure": "9:40"}},
        "events": [
            {
                "name": "exception",
                "timestamp": "2026-05-28T20:26:41.290000+00:00",
                "attributes": {"exception.message": "no answer"},
            }
        ],
    },
]

EXECUTION: dict[str, Any] = {
    "id": 231,
    "finished": True,
    "mode": "webhook",
    "startedAt": "2026-05-28T20:26:40.000Z",
    "stoppedAt": "2026-05-28T20:26:42.450Z",
    "workflowId": "wf-7",
    "workflowData": {"id": "wf-7", "name": "Ferry desk", "nodes": []},
    "data": {"resultData": {"runData": {"Answer": [{"data": {"main": [[]]}}]}}},
}

EXECUTED = [{"nodeId": "agent_0", "nodeLabel": "Ferry desk", "status": "FINISHED", "data": {}}]
FLOWISE: dict[str, Any] = {
    "id": "0b5f8c1e-4d1c-4a53-9a0c-7a1f5c2b9d10",
    "executionData": json.dumps(EXECUTED),
    "state": "FINISHED",
    "agentflowId": "5e0c2c39-1a7e-4be1-8d6f-b3a4c5d6e7f8",
    "sessionId": "s-1",
    "agentflow": {"name": "Ferry desk", "flowData": "{}"},
}

EXPORTS: dict[str, Any] = {
    "jaeger": JAEGER,
    "zipkin": ZIPKIN,
    "langfuse": LANGFUSE,
    "phoenix": PHOENIX,
    "n8n": {"data": [EXECUTION], "nextCursor": None},
    "flowise": {"data": [FLOWISE], "total": 1},
}


def write(path: Path, content: Any) -> Path:
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def found_in(path: Path, **options: Any) -> tuple[list[SavedRequest], list[SavedFault]]:
    found = list(saved_requests(path, **options))
    return (
        [item for item in found if isinstance(item, SavedRequest)],
        [item for item in found if isinstance(item, SavedFault)],
    )


def one(path: Path, content: Any) -> SavedRequest:
    requests, faults = found_in(write(path, content))
    assert not faults, faults
    (request,) = requests
    return request


def lines(*entries: Any) -> str:
    return "\n".join(map(json.dumps, entries))


def trace_of(*requests: SavedRequest) -> Trace:
    """The OTLP trace that converted bodies hold together."""
    (trace_id,) = {
        trace.trace_id
        for request in requests
        for resource in read_body(request.body).resources()
        for trace in resource.traces
    }
    parts = [Part(content_type=r.content_type, body=r.body) for r in requests]
    return assemble(parts, trace_id=trace_id)


def opened(path: Path, content: Any) -> tuple[Trace, Reading]:
    trace = trace_of(one(path, content))
    return trace, read(trace)


def by_name(trace: Trace) -> dict[str, Span]:
    return {span.name: span for span in trace.spans}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_request_says_what_it_was_converted_from(tmp_path: Path, name: str) -> None:
    request = one(tmp_path / "export.json", EXPORTS[name])
    assert request.header("x-tracedesk-source") == name
    shape = read_body(request.body, request.content_type).shape
    expected = ("data", "/public/traces") if name in ("n8n", "flowise") else ("otlp", "/v1/traces")
    assert (shape, request.path) == expected


@pytest.mark.parametrize("name", ["jaeger", "zipkin", "langfuse", "phoenix"])
def test_what_was_said_called_and_counted_reads_like_any_trace(tmp_path: Path, name: str) -> None:
    trace, reading = opened(tmp_path / "export.json", EXPORTS[name])
    assert not trace.warnings
    assert reading.response.text == ANSWER
    assert reading.input.text == QUESTION
    assert (reading.usage.input, reading.usage.output, reading.usage.total) == (120, 80, 200)
    assert reading.duration_ms.value == 2_450
    assert reading.status == "failed"
    (call,) = (call for call in reading.calls if call.tool)
    assert (call.label, call.arguments) == ("find_seats", {"departure": "9:40"})
    assert (call.status, call.status_message) == ("error", "no answer")
    (root,) = (span for span in trace.spans if span.parent_id is None)
    assert call.parent == root.span_id
    assert (root.start_ns, root.end_ns) == (START_NS, START_NS + 2_450_000_000)


def test_jaeger_tags_logs_processes_and_references(tmp_path: Path) -> None:
    request = one(tmp_path / "a.json", JAEGER)
    first, second = read_body(request.body).resources()
    assert first.service_name == "ferry-desk"
    assert first.attributes["host.name"] == "pier-1"
    assert second.service_name == "seat-map"
    trace = trace_of(request)
    root, tool = by_name(trace)["Ferry desk"], by_name(trace)["find_seats"]
    assert (root.span_id, root.status) == (ROOT, Status.OK)
    assert trace.resources[root.resource].scope == "ferry.agent"
    (event,) = root.events
    assert (event.name, event.time_ns, event.attributes) == (
        "seat.held",
        START_NS + 10_000,
        {"seats": 2},
    )
    assert (tool.start_ns, tool.end_ns) == (START_NS + 100_000, START_NS + 140_000)
    assert [(link["traceId"], link["spanId"]) for link in tool.links] == [("ab" * 16, "cd" * 8)]
    assert tool.attributes["gen_ai.usage.input_tokens"] == 120


@pytest.mark.parametrize(
    ("references", "parent"),
    [
        ([{"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": ROOT}], ROOT),
        ([{"refType": "FOLLOWS_FROM", "traceID": TRACE, "spanID": MODEL}, child_of(ROOT)], ROOT),
        ([child_of(ROOT, "ab" * 16)], None),
        ([], None),
    ],
)
def test_the_parent_of_a_jaeger_span(
    tmp_path: Path, references: list[dict[str, str]], parent: str | None
) -> None:
    exported = copy.deepcopy(JAEGER_TRACE)
    exported["spans"][1]["references"] = references
    assert by_name(opened(tmp_path / "a.json", exported)[0])["find_seats"].parent_id == parent


def test_jaeger_search_results_become_a_request_for_each_trace(tmp_path: Path) -> None:
    other = json.loads(json.dumps(JAEGER_TRACE).replace(TRACE, "9f" * 16))
    requests, faults = found_in(write(tmp_path / "a.json", {"data": [JAEGER_TRACE, other]}))
    assert [r.place for r in requests] == ["data[0].spans[0]", "data[1].spans[0]"]
    assert not faults


def test_otlp_in_the_answer_of_jaegers_newer_api(tmp_path: Path) -> None:
    body = json.loads(one(tmp_path / "a.json", JAEGER).body)
    assert len(trace_of(one(tmp_path / "b.json", {"result": body})).spans) == 2


def test_ids_of_64_bits_are_padded(tmp_path: Path) -> None:
    text = json.dumps(JAEGER_TRACE).replace(TRACE, "7be2fd98d0973be").replace(ROOT, "a1")
    trace, _ = opened(tmp_path / "a.json", text)
    assert trace.trace_id == "00000000000000000" + "7be2fd98d0973be"
    root, tool = by_name(trace)["Ferry desk"], by_name(trace)["find_seats"]
    assert tool.parent_id == root.span_id == "00000000000000a1"
    assert root.attributes["tracedesk.original.trace_id"] == "7be2fd98d0973be"


def test_zipkin_endpoints_annotations_and_kinds(tmp_path: Path) -> None:
    request = one(tmp_path / "a.json", ZIPKIN)
    (resource,) = read_body(request.body).resources()
    assert resource.service_name == "ferry-desk"
    tool = by_name(trace_of(request))["find_seats"]
    assert tool.attributes["peer.service"] == "seat-map"
    assert tool.attributes["network.peer.address"] == "10.0.0.7"
    assert tool.attributes["zipkin.kind"] == "CLIENT"
    assert [(e.name, e.time_ns, e.attributes) for e in tool.events] == [
        ("retry", START_NS + 120_000, {"attempt": "2"}),
        ("ws", START_NS + 130_000, {}),
    ]


@pytest.mark.parametrize("grouped", [[ZIPKIN], [[ZIPKIN[0]], [ZIPKIN[1]]]])
def test_zipkin_spans_may_be_grouped_by_trace(tmp_path: Path, grouped: Any) -> None:
    assert len(trace_of(one(tmp_path / "a.json", grouped)).spans) == 2


def test_a_shared_zipkin_span_is_two(tmp_path: Path) -> None:
    def span(id_: str, name: str, service: str, **more: Any) -> dict[str, Any]:
        endpoint = {"serviceName": service}
        return {"traceId": TRACE, "id": id_, "name": name, "localEndpoint": endpoint, **more}

    exported = [
        span("0a" * 8, "work", "seat-map", parentId=ROOT),
        span(ROOT, "serve", "seat-map", kind="SERVER", shared=True),
        span(ROOT, "call", "ferry-desk", kind="CLIENT"),
        span("0b" * 8, "log", "ferry-desk", parentId=ROOT),
    ]
    spans = by_name(opened(tmp_path / "a.json", exported)[0])
    assert spans["call"].parent_id is None
    assert spans["serve"].parent_id == spans["log"].parent_id == ROOT
    assert spans["work"].parent_id == spans["serve"].span_id


def test_langfuse_observations_keep_what_they_state(tmp_path: Path) -> None:
    trace, reading = opened(tmp_path / "a.json", LANGFUSE)
    assert trace.trace_id == "2f3c1b5290ab4cde8f0123456789abcd"
    spans = by_name(trace)
    root = spans["Ferry desk"]
    assert (root.kind, spans["answer"].kind, spans["find_seats"].kind) == (
        Kind.AGENT,
        Kind.MODEL,
        Kind.TOOL,
    )
    assert root.attributes["tracedesk.original.span_id"] == "obs-root"
    assert root.attributes["langfuse.trace.name"] == "ferry-chat"
    assert root.attributes["user.id"] == "u-1"
    assert root.attributes["langfuse.trace.tags"] == ["pier"]
    assert root.attributes["langfuse.trace.metadata.deck"] == "upper"
    assert root.attributes["langfuse.observation.metadata.shift"] == "early"
    assert root.attributes["deck.crew"] == "4"
    assert trace.resources[root.resource].attributes["service.name"] == "ferry-desk"
    assert "langfuse.observation.usage_details" not in root.attributes, "zeros are no report"
    assert spans["seat-held"].end_ns == spans["seat-held"].start_ns
    assert reading.model == "ferry-large"
    assert reading.calls[2].output == {"seats": 2}


def test_a_langfuse_trace_without_one_root_gets_a_span_of_its_own(tmp_path: Path) -> None:
    exported = copy.deepcopy(LANGFUSE)
    exported["observations"] = exported["observations"][1:3]
    for observation in exported["observations"]:
        observation["parentObservationId"] = None
    trace, reading = opened(tmp_path / "a.json", {"trace": exported, **exported})
    root = by_name(trace)["ferry-chat"]
    assert root.start_ns == START_NS
    assert {span.parent_id for span in trace.spans} == {None, root.span_id}
    assert reading.response.text == ANSWER
    assert reading.response.source is not None
    assert reading.response.source.place == "langfuse.trace.output"


def test_langfuse_observations_alone_in_lines_and_snake_case(tmp_path: Path) -> None:
    def row(observation: dict[str, Any]) -> dict[str, Any]:
        renamed = {
            "trace_id": TRACE,
            "parent_observation_id": observation.get("parentObservationId"),
            "start_time": observation["startTime"].replace("T", " ").removesuffix("Z") + "000",
            "provided_model_name": observation.get("model"),
            "usage_details": observation.get("usageDetails", {}),
            "trace_name": "ferry-chat",
            "status_message": observation.get("statusMessage"),
        }
        kept = ("id", "type", "name", "level", "output")
        return {k: observation.get(k) for k in kept} | renamed | {"input": QUESTION}

    rows = [row(observation) for observation in LANGFUSE["observations"]]
    trace, reading = opened(tmp_path / "a.jsonl", lines(*rows))
    assert trace.trace_id == TRACE
    assert by_name(trace)["Ferry desk"].start_ns == START_NS
    assert (reading.response.text, reading.usage.total) == (ANSWER, 200)
    pages = {"data": LANGFUSE["observations"], "meta": {"cursor": None}}
    assert len(opened(tmp_path / "b.json", pages)[0].spans) == 4


def test_a_langfuse_trace_that_only_names_its_observations_is_a_fault(tmp_path: Path) -> None:
    exported = LANGFUSE | {"observations": ["obs-root"]}
    _, (fault,) = found_in(write(tmp_path / "a.json", {"data": [exported]}))
    assert fault.message.startswith("data[0].observations: holds ids only")


def test_tokens_of_langfuse_in_another_unit_are_not_tokens(tmp_path: Path) -> None:
    generation = copy.deepcopy(LANGFUSE["observations"][1])
    del generation["usageDetails"]
    generation["usage"] = {"input": 500, "output": 90, "unit": "CHARACTERS"}
    assert opened(tmp_path / "a.json", [generation])[1].usage.total is None
    generation["usage"]["unit"] = "TOKENS"
    assert opened(tmp_path / "a.json", [generation])[1].usage.total == 590


def phoenix_frame(span: dict[str, Any]) -> dict[str, Any]:
    """A span as a record of the data frame."""
    flat = {f"attributes.{k}": v for k, v in span["attributes"].items()}
    context = {f"context.{k}": v for k, v in span["context"].items()}
    rest = {k: v for k, v in span.items() if k not in ("attributes", "context")}
    rest["start_time"] = START_US // 1_000
    return rest | flat | context | {"attributes.unused": None, "events": json.dumps(span["events"])}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.jsonl", lines(*PHOENIX)),
        ("api.json", {"data": PHOENIX, "next_cursor": None}),
        ("cli.json", [{"traceId": TRACE, "spans": PHOENIX, "duration": 2450}]),
        ("frame.json", [phoenix_frame(span) for span in PHOENIX]),
    ],
)
def test_the_forms_of_phoenix(tmp_path: Path, name: str, content: Any) -> None:
    trace, reading = opened(tmp_path / name, content)
    spans = by_name(trace)
    assert [spans[n].kind for n in ("Ferry desk", "ChatModel", "find_seats")] == [
        Kind.AGENT,
        Kind.MODEL,
        Kind.TOOL,
    ]
    assert spans["find_seats"].exception
    assert spans["Ferry desk"].start_ns == START_NS
    assert reading.response.text == ANSWER
    assert reading.messages[0].text == QUESTION
    assert reading.usage.total == 200
    assert reading.model == "ferry-large"
    assert "unused" not in spans["ChatModel"].attributes


def test_otlp_spans_of_the_phoenix_api(tmp_path: Path) -> None:
    span = {
        "trace_id": TRACE,
        "span_id": ROOT,
        "name": "Ferry desk",
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": str(START_NS + 5),
        "status": {"code": 2, "message": "sunk"},
        "attributes": [{"key": "output.value", "value": {"string_value": ANSWER}}],
    }
    trace, reading = opened(tmp_path / "a.json", {"data": [span], "next_cursor": None})
    assert reading.response.text == ANSWER
    (found,) = trace.spans
    assert (found.start_ns, found.end_ns) == (START_NS, START_NS + 5)
    assert (found.status, found.status_message) == (Status.ERROR, "sunk")


@pytest.mark.parametrize("content", [EXECUTION, [EXECUTION], {"data": [EXECUTION]}])
def test_n8n_executions_are_pushed_as_they_are(tmp_path: Path, content: Any) -> None:
    request = one(tmp_path / "a.json", content)
    assert json.loads(request.body) == {
        "data": EXECUTION,
        "metadata": {"workflowId": "wf-7", "workflowName": "Ferry desk", "executionId": "231"},
    }
    assert request.header("x-request-id") == "n8n:wf-7:231"


@pytest.mark.parametrize("before", ["", "Execution was successful:\n" + "=" * 36 + "\n{oops\n"])
def test_what_n8n_execute_prints(tmp_path: Path, before: str) -> None:
    printed = {k: v for k, v in EXECUTION.items() if not k.startswith(("id", "workflow"))}
    log = "Initializing n8n process\n" + before + json.dumps(printed, indent=2) + "\nbye\n"
    request = one(tmp_path / "run.log", log)
    assert json.loads(request.body) == {"data": printed}
    assert request.header("x-tracedesk-source") == "n8n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "data[0].data: is missing; export the execution with includeData=true"),
        ("[]", "data[0].data: is n8n's flat form"),
        ({}, "data[0].data: has no resultData"),
    ],
)
def test_n8n_executions_without_their_data(tmp_path: Path, data: Any, message: str) -> None:
    listed = {"data": [EXECUTION | {"data": data}, EXECUTION]}
    requests, (fault,) = found_in(write(tmp_path / "a.json", listed))
    assert fault.message.startswith(message)
    assert len(requests) == 1


@pytest.mark.parametrize("content", [FLOWISE, {"Execution": [FLOWISE], "Tool": []}])
def test_flowise_executions(tmp_path: Path, content: Any) -> None:
    request = one(tmp_path / "a.json", content)
    body = json.loads(request.body)
    assert body["data"]["agentFlowExecutedData"] == EXECUTED
    assert body["data"]["executionId"] == request.header("x-request-id") == FLOWISE["id"]
    assert body["data"]["sessionId"] == "s-1"
    assert body["metadata"] == {
        "chatflowId": FLOWISE["agentflowId"],
        "chatflowName": "Ferry desk",
    }
    assert read_body(json.dumps(body).encode()).shape == "data"


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def otlp_message(span_id: str) -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes.fromhex(TRACE), bytes.fromhex(span_id), "leg"
    return request.SerializeToString()


@pytest.mark.parametrize("name", ["traces.pb", "traces.json", "traces"])
def test_length_prefixed_messages_of_the_collector(tmp_path: Path, name: str) -> None:
    as_json = json.dumps({"resourceSpans": []}).encode()
    packed = zstandard.compress(otlp_message(TOOL))
    content = b"".join(map(frame, (otlp_message(ROOT), packed, as_json)))
    requests, faults = found_in(write(tmp_path / name, content))
    assert not faults
    assert [r.content_type for r in requests] == [
        "application/x-protobuf",
        "application/x-protobuf",
        "application/json",
    ]
    spans = [read_body(r.body, r.content_type).resources()[0].traces[0] for r in requests[:2]]
    assert [trace.spans[0].span_id for trace in spans] == [ROOT, TOOL]
    assert requests[1].where.endswith(f"{name}: message 2")


def test_messages_that_end_early_or_hold_nothing(tmp_path: Path) -> None:
    good = frame(otlp_message(ROOT))
    requests, (fault,) = found_in(write(tmp_path / "a.pb", good + good[:-3]))
    assert len(requests) == 1
    assert fault.message == "message 2: the file ends within it"
    requests, (fault,) = found_in(write(tmp_path / "b.pb", good + bytes(8) + good))
    assert len(requests) == 1
    assert fault.message.startswith("message 2: its length is 0")
    big = frame(b"\x0a" + bytes(9_000))
    requests, (fault,) = found_in(write(tmp_path / "c.pb", big + good), max_body=1_000)
    assert fault.message.startswith("message 1: the message is larger")
    assert len(requests) == 1


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_exports(tmp_path: Path, pack: Any) -> None:
    packed = pack(lines(*PHOENIX).encode())
    assert len(trace_of(one(tmp_path / "a.jsonl.zst", packed)).spans) == 3


def test_damaged_zstd(tmp_path: Path) -> None:
    packed = bytearray(zstandard.compress(lines(*PHOENIX).encode()))
    packed[10:40] = bytes(30)
    _, (fault,) = found_in(write(tmp_path / "a.json.zst", bytes(packed)))
    assert "damaged zstd" in fault.message


def test_bad_records_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    exported = copy.deepcopy(JAEGER)
    exported["data"].insert(0, {"traceID": TRACE, "spans": [7, {"operationName": "lost"}]})
    requests, faults = found_in(write(tmp_path / "a.json", exported))
    assert [fault.message for fault in faults] == [
        "data[0].spans[0]: is not an object",
        "data[0].spans[1]: has no spanID",
    ]
    assert len(trace_of(*requests).spans) == 2
    text = lines(ZIPKIN[0], {"traceId": TRACE, "id": None}, 7, ZIPKIN[1])
    requests, faults = found_in(write(tmp_path / "a.jsonl", text))
    assert sorted(fault.line or 0 for fault in faults) == [2, 3]
    assert [request.line for request in requests] == [1]
    assert len(trace_of(*requests).spans) == 2


def test_times_that_are_none_stay_out_with_a_warning(tmp_path: Path) -> None:
    exported = copy.deepcopy(JAEGER_TRACE)
    exported["spans"][0]["startTime"] = "soon"
    exported["spans"][1]["duration"] = "long"
    trace, _ = opened(tmp_path / "a.json", exported)
    spans = by_name(trace)
    assert spans["Ferry desk"].start_ns is None
    assert (spans["find_seats"].start_ns, spans["find_seats"].end_ns) == (
        START_NS + 100_000,
        None,
    )
    assert [warning.code for warning in trace.warnings].count("coerced_field") <= 2
    assert {w.code for w in read_body(one(tmp_path / "a.json", exported).body).warnings} == {
        "coerced_field"
    }


@pytest.mark.parametrize("time", ["1e308", "9" * 400, "-1e308", "1" + "0" * 30])
def test_times_beyond_all_measure_stay_out_with_a_warning(tmp_path: Path, time: str) -> None:
    jaeger = json.dumps(JAEGER_TRACE).replace(str(START_US + 100), time, 1)
    zipkin = json.dumps(ZIPKIN).replace(str(START_US + 120), time, 1).replace("40", time, 1)
    for number, content in enumerate((jaeger, zipkin)):
        trace, _ = opened(tmp_path / f"{number}.json", content)
        tool = by_name(trace)["find_seats"]
        assert (tool.start_ns is None) == (content is jaeger)
        assert tool.end_ns is None


def test_a_large_trace_is_spread_over_bodies_that_fit(tmp_path: Path) -> None:
    spans = [
        {"traceId": TRACE, "id": f"{n + 1:016x}", "name": "leg", "tags": {"log": "x" * 200}}
        for n in range(200)
    ]
    requests, faults = found_in(write(tmp_path / "a.json", spans), max_body=20_000)
    assert not faults
    assert len(requests) > 1
    assert max(len(request.body) for request in requests) <= 20_000
    assert len(trace_of(*requests).spans) == 200


def test_unknown_shapes_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    for content in ({"hello": 1}, {"data": [{"hello": 1}, 7]}, [{"hello": 1}, 7]):
        requests, (fault,) = found_in(write(tmp_path / "a.json", content))
        assert not requests
        for known in ("resourceSpans", "Jaeger", "Zipkin v2", "Langfuse", "Phoenix", "Flowise"):
            assert known in fault.message
    _, (fault,) = found_in(write(tmp_path / "b.json", {"data": []}))
    assert fault.message == "data is empty: there is no trace in it"


def test_our_own_forms_are_not_mistaken_for_exports(tmp_path: Path) -> None:
    for body in (
        {"data": {"resultData": {"runData": {}}}},
        {"data": {"text": "hi"}, "metadata": {"mode": "test"}},
        {"spans": [{"span_id": "a", "name": "n"}], "data": []},
        {"resourceSpans": []},
    ):
        request = one(tmp_path / "a.json", body)
        assert json.loads(request.body) == body
        assert request.header("x-tracedesk-source") is None


@pytest.mark.parametrize("name", EXPORTS)
def test_import_stores_them_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "desk").mkdir()
    path = write(tmp_path / f"{name}.json", EXPORTS[name])
    for _ in range(2):
        words = ["import", str(path), "--workspace", str(tmp_path / "desk")]
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
    with Store.open(tmp_path / "desk" / ".tracedesk" / "traces.db") as store:
        (row,) = store.rows(newest_first=False)
        headers = {k.lower(): v for k, v in store.requests(row.id)[0].headers.items()}
        assert headers["x-tracedesk-source"] == name


def shards(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    for key, item in inner if isinstance(value, dict | list) else ():
        found += shards(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]
    return found


ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        2**70,
        1e300,
        "",
        " ",
        "x",
        "0",
        "{",
        "[1]",
        [],
        {},
        [None],
        [[]],
        {"": 1},
    ]
)


@given(name=st.sampled_from(sorted(EXPORTS)), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_mutation_raises(tmp_path: Path, name: str, data: st.DataObject) -> None:
    exported = copy.deepcopy(EXPORTS[name])
    places = shards(exported)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places))
        inside = exported
        try:
            for key in way:
                inside = inside[key]
            inside[last] = copy.deepcopy(data.draw(ODD))
        except (LookupError, TypeError):  # an earlier change took it away
            continue
    for found in saved_requests(write(tmp_path / "a.json", exported)):
        if isinstance(found, SavedRequest) and found.path == "/v1/traces":
            envelope = read_body(found.body)
            assert not envelope.rejected
            for resource in envelope.resources():
                for trace in resource.traces:
                    read(trace)
        elif isinstance(found, SavedRequest):
            json.loads(found.body)

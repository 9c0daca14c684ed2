"""Whatever is sent: a body is read or refused with faults, and every trace can be read."""

import copy
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.formats.assemble import merge
from tracedesk.formats.detect import read_body
from tracedesk.formats.errors import MAX_FAULTS, FormatError
from tracedesk.model.agent import AGENT_TYPES
from tracedesk.model.reading import Recorded
from tracedesk.model.trace import Trace
from tracedesk.model.tree import SpanTree
from tracedesk.reading import ReadingSettings, read

CANONICAL = {
    "spans": [
        {
            "span_id": "r",
            "parent_span_id": None,
            "name": "Desk",
            "start_time_unix_nano": "1780000000000000000",
            "end_time_unix_nano": "1780000001000000000",
            "status": {"code": 1, "message": "fine"},
            "attributes": {
                "gen_ai.output.messages": [
                    {"role": "assistant", "parts": [{"type": "text", "content": "yes"}]}
                ],
                "gen_ai.usage.input_tokens": 3,
                "http.response.status_code": 200,
            },
            "events": [{"name": "exception", "attributes": {"exception.type": "E"}}],
        },
        {
            "span_id": "t",
            "parent_span_id": "r",
            "name": "look_up",
            "attributes": {
                "gen_ai.tool.name": "look_up",
                "gen_ai.tool.call.arguments": '{"a": [1, 2]}',
                "n8n.node.output": '{"output": "x", "usage": {"input_tokens": 1}}',
            },
        },
    ],
    "metadata": {"mibo": {"platform_id": "3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4"}},
    "platformId": "3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4",
}
OTLP = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "lib"},
                    "spans": [
                        {
                            "traceId": "5b8efff798038103d269b633813fc60c",
                            "spanId": "eee19b7ec3c1b174",
                            "parentSpanId": "",
                            "name": "Root",
                            "startTimeUnixNano": "1780000000000000000",
                            "endTimeUnixNano": 1780000002000000000,
                            "attributes": [
                                {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "q"}},
                                {"key": "llm.output_messages.0.message.role", "value": {}},
                                {
                                    "key": "n",
                                    "value": {
                                        "arrayValue": {"values": [{"intValue": "4"}, {"x": 1}]}
                                    },
                                },
                            ],
                            "status": {"code": "STATUS_CODE_ERROR"},
                            "events": [{"name": "gen_ai.choice", "attributes": []}],
                        }
                    ],
                }
            ],
        }
    ]
}
DATA = {
    "data": {
        "status": "success",
        "text": "hello",
        "tool_calls": [{"name": "t", "arguments": {"a": 1}}],
        "Agent": {"output": {"text": "x", "usage": {"prompt_tokens": 2}}, "type": "ai-agent"},
        "nodes": [{"nodeName": "Hook", "items": [{"json": {"text": "hi"}}]}],
        "data": {"Node": {"output": {"a": 1}, "type": "langchain.agent", "tools_called": []}},
        "resultData": {"runData": {"A": [{"data": {"main": [[{"json": {"chatInput": "q"}}]]}}]}},
        "agentFlowExecutedData": [
            {"nodeId": "n", "nodeLabel": "L", "status": "FINISHED", "data": {"output": {}}}
        ],
    },
    "externalId": "x",
    "status": "partial",
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["", " ", "{", "[1,", '{"a":', "\x00", "2", "STATUS_CODE_OK", "skipped", "0"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    places, pending = [], [value]
    while pending:
        current = pending.pop()
        keys = current if isinstance(current, dict) else range(len(current))
        for key in list(keys):
            places.append((current, key))
            if isinstance(current[key], dict | list):
                pending.append(current[key])
    return places


@st.composite
def mutated(draw: st.DrawFn, body: dict[str, Any]) -> bytes:
    """The body with parts dropped, retyped, doubled or swapped, perhaps cut short."""
    changed = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 4))):
        places = _places(changed)
        if not places:
            break
        owner, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["drop", "retype", "double", "rename"]))
        if how == "drop":
            del owner[key]
        elif how == "double" and isinstance(owner, list):
            owner.append(copy.deepcopy(owner[key]))
        elif how == "rename" and isinstance(owner, dict):
            owner[draw(st.sampled_from(["spanId", "span_id", "nodes", "x", key]))] = owner.pop(key)
        else:
            owner[key] = draw(values)
    text = json.dumps(changed, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def traces_of(
    body: bytes,
    content_type: str = "application/json",
    agent_types: Sequence[str] = AGENT_TYPES,
) -> list[Trace]:
    """The traces of a body, a ``data`` body read as each of these types; none when refused."""
    try:
        envelope = read_body(body, content_type)
    except FormatError as error:
        if not told(error):
            raise
        return []
    if envelope.shape == "otlp":
        return [merge([trace]) for found in envelope.resources() for trace in found.traces]
    if envelope.shape == "canonical":
        return [envelope.trace()]
    return [envelope.trace(agent_type) for agent_type in agent_types]


def told(refused: FormatError) -> bool:
    """The refusal says what is wrong."""
    return 1 <= len(refused.faults) <= MAX_FAULTS and all(fault.msg for fault in refused.faults)


def touch(value: Any) -> None:
    """Look at every field and property, all the way down, and see that it can be written."""
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, tuple | list):
            pending += found
        elif isinstance(found, Recorded):
            pending += (found.value, found.state, found.place)
        elif isinstance(found, msgspec.Struct):
            names = dict.fromkeys(found.__struct_fields__)
            names |= {n: None for n, p in vars(type(found)).items() if isinstance(p, property)}
            pending += [getattr(found, name) for name in names]
        elif not callable(found):
            msgspec.json.encode(found)


def check(trace: Trace) -> None:
    """A trace whose every part can be read, stored and shown."""
    for span in trace.spans:
        assert span.span_id.strip()
        assert span.name.strip()
        assert span.start_ns is None or 0 < span.start_ns < 2**63
        assert span.end_ns is None or 0 < span.end_ns < 2**63
        msgspec.json.encode((span.attributes, span.links, span.label, span.aliases))
        msgspec.json.encode([(e.name, e.attributes) for e in span.events])
    columns = zip(*((s.span_id, s.parent_id, s.start_ns) for s in trace.spans), strict=True)
    tree = SpanTree.build(*(list(column) for column in columns)) if trace.spans else ()
    assert len(tree) == len(trace.spans)
    reading = read(trace, ReadingSettings(response_path="a.0.b", roles=(("a", "response"),)))
    assert read(trace) == read(trace)
    touch(reading)
    touch(trace.warnings)
    for call in reading.calls:
        assert {call.arguments_state, call.output_state} <= {"captured", "absent", "unreadable"}
        msgspec.json.encode((call.arguments, call.output))
    ids = [call.id for call in reading.calls]
    assert len(set(ids)) == len(ids)
    assert [call.order for call in reading.calls] == list(range(len(ids)))
    msgspec.json.encode((reading.response, reading.input, reading.system, reading.usage))
    msgspec.json.encode((reading.views, reading.messages, trace.warnings))


@given(mutated(CANONICAL))
def test_canonical_bodies(body: bytes) -> None:
    for trace in traces_of(body):
        check(trace)


@given(mutated(OTLP))
def test_otlp_json_bodies(body: bytes) -> None:
    for trace in traces_of(body):
        check(trace)


@given(mutated(DATA))
def test_data_bodies(body: bytes) -> None:
    for trace in traces_of(body):
        check(trace)


@given(values)
def test_any_json(value: Any) -> None:
    for key in ("spans", "data", "resourceSpans"):
        for trace in traces_of(json.dumps({key: value}).encode()):
            check(trace)


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    for content_type in ("application/json", "application/x-protobuf"):
        for trace in traces_of(body, content_type):
            check(trace)


def _protobuf_request() -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add().scope_spans.add()
    for number in range(3):
        span = group.spans.add()
        span.trace_id, span.span_id, span.name = b"\1" * 16, bytes([number + 1] * 8), "chat"
        span.start_time_unix_nano = 1_780_000_000_000_000_000
        for key, value in (("gen_ai.tool.name", "t"), ("gen_ai.completion", "[1"), ("a", "b")):
            entry = span.attributes.add()
            entry.key, entry.value.string_value = key, value
        span.events.add().name = "exception"
    return bytes(request.SerializeToString())


@given(st.data())
def test_damaged_protobuf(data: st.DataObject) -> None:
    body = bytearray(_protobuf_request())
    for _ in range(data.draw(st.integers(0, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for trace in traces_of(bytes(body[:cut]), "application/x-protobuf"):
        check(trace)

"""OTLP in JSON and protobuf becomes the same traces (ingestion spec 9, 15)."""

import base64
import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.formats.detect import read_body
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.errors import FormatError
from tracedesk.model.trace import Span, Status

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def request(*spans: dict[str, Any], resource: dict[str, str] | None = None) -> dict[str, Any]:
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in (resource or {}).items()]
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes},
                "scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}],
            }
        ]
    }


def span(**fields: Any) -> dict[str, Any]:
    return {"traceId": TRACE, "spanId": SPAN_ID, "name": "Root", **fields}


def read(body: dict[str, Any]) -> Envelope:
    return read_body(json.dumps(body).encode())


def only(body: dict[str, Any]) -> Span:
    (resource,) = read(body).resources()
    (trace,) = resource.traces
    (found,) = trace.spans
    return found


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (TRACE, SPAN_ID),
        (TRACE.upper(), SPAN_ID.upper()),
        (
            base64.b64encode(bytes.fromhex(TRACE)).decode(),
            base64.b64encode(bytes.fromhex(SPAN_ID)).decode(),
        ),
    ],
)
def test_ids_in_hex_of_any_case_or_base64(trace_id: str, span_id: str) -> None:
    envelope = read(request(span(traceId=trace_id, spanId=span_id, parentSpanId=span_id)))
    (trace,) = envelope.resources()[0].traces

    assert trace.trace_id == TRACE
    assert (trace.spans[0].span_id, trace.spans[0].parent_id) == (SPAN_ID, SPAN_ID)


@pytest.mark.parametrize("parent", ["", None, "0000000000000000", "AAAAAAAAAAA="])
def test_an_empty_or_zero_parent_is_none(parent: str | None) -> None:
    assert only(request(span(parentSpanId=parent))).parent_id is None


@pytest.mark.parametrize("time", ["1780000000000000000", 1780000000000000000])
def test_times_are_text_or_numbers(time: str | int) -> None:
    found = only(request(span(startTimeUnixNano=time, endTimeUnixNano=0)))

    assert (found.start_ns, found.end_ns) == (1780000000000000000, None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, Status.UNSET),
        ({"code": 0}, Status.UNSET),
        ({"code": 1}, Status.OK),
        ({"code": 2, "message": "m"}, Status.ERROR),
        ({"code": "STATUS_CODE_ERROR"}, Status.ERROR),
        ({"code": "STATUS_CODE_OK"}, Status.OK),
        ({"code": "STATUS_CODE_UNSET"}, Status.UNSET),
    ],
)
def test_status_codes_are_numbers_or_names(status: dict[str, Any], expected: Status) -> None:
    assert only(request(span(status=status))).status is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "x"}, "x"),
        ({"boolValue": False}, False),
        ({"intValue": "4"}, 4),
        ({"intValue": 4}, 4),
        ({"intValue": 9007199254740991}, 9007199254740991),
        ({"doubleValue": 2.5}, 2.5),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"bytesValue": "AAE="}, "AAE="),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}, [1, "b"]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}, {"a": True}),
        ({"string_value": "snake"}, "snake"),
        ({}, None),
        (None, None),
    ],
)
def test_values_become_plain_json(value: Any, expected: Any) -> None:
    assert only(request(span(attributes=[{"key": "k", "value": value}]))).attributes == {
        "k": expected
    }


def test_snake_case_and_the_older_library_name_are_read() -> None:
    body = {
        "resource_spans": [
            {
                "instrumentation_library_spans": [
                    {
                        "instrumentation_library": {"name": "old"},
                        "spans": [
                            {
                                "trace_id": TRACE,
                                "span_id": SPAN_ID,
                                "name": "x",
                                "start_time_unix_nano": "5",
                                "attributes": [{"key": "a", "value": {"int_value": "1"}}],
                            }
                        ],
                    }
                ]
            }
        ]
    }
    (trace,) = read(body).resources()[0].traces

    assert trace.resources[0].scope == "old"
    assert (trace.spans[0].start_ns, trace.spans[0].attributes) == (5, {"a": 1})


def test_spans_without_id_name_or_trace_are_dropped_and_counted() -> None:
    envelope = read(
        request(span(), span(spanId=""), span(name=""), span(traceId="0" * 32), span(name=None))
    )

    assert envelope.rejected == 4
    assert sum(len(t.spans) for r in envelope.resources() for t in r.traces) == 1


def test_several_traces_and_resources_are_kept_apart() -> None:
    first = request(
        span(), span(traceId="ab" * 16), span(spanId="1" * 16), resource={"service.name": " a "}
    )
    second = request(span(), resource={"mibo.platform_id": "p"})
    first["resourceSpans"] += second["resourceSpans"]
    one, two = read(first).resources()

    assert [(t.trace_id, len(t.spans)) for t in one.traces] == [(TRACE, 2), ("ab" * 16, 1)]
    assert (one.index, one.service_name, one.platform_id) == (0, "a", None)
    assert (two.index, two.service_name, two.platform_id) == (1, None, "p")
    assert one.traces[0].resources[0].attributes == {"service.name": " a "}
    assert one.traces[0].spans[0].place == "$.resourceSpans[0].scopeSpans[0].spans[0]"


def test_a_request_without_spans_is_fine() -> None:
    assert read({"resourceSpans": []}).resources() == []
    assert read(request()).resources()[0].traces == []


def test_the_label_of_a_generic_name_comes_from_the_attributes() -> None:
    attribute = {"key": "n8n.node.name", "value": {"stringValue": "AI Agent"}}
    found = only(request(span(name="node.execute", attributes=[attribute])))

    assert (found.name, found.label, found.aliases) == (
        "node.execute",
        "AI Agent",
        ("node.execute",),
    )


def protobuf() -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    entry = message.resource_spans.add()
    entry.resource.attributes.add(key="service.name").value.string_value = "s"
    group = entry.scope_spans.add()
    group.scope.name = "lib"
    found = group.spans.add(
        trace_id=bytes.fromhex(TRACE),
        span_id=bytes.fromhex(SPAN_ID),
        parent_span_id=bytes(8),
        name="chat",
        start_time_unix_nano=7,
        end_time_unix_nano=2**64 - 1,
    )
    for key, field, value in (
        ("s", "string_value", "x"),
        ("i", "int_value", -4),
        ("d", "double_value", float("inf")),
        ("b", "bool_value", False),
        ("y", "bytes_value", b"\x00\x01"),
        ("gen_ai.tool.name", "string_value", "look_up"),
    ):
        setattr(found.attributes.add(key=key).value, field, value)
    found.attributes.add(key="l").value.array_value.values.add().int_value = 1
    found.attributes.add(key="o").value.kvlist_value.values.add(key="k").value.bool_value = True
    found.attributes.add(key="e")
    found.status.code = 2
    found.status.message = "m"
    event = found.events.add(name="exception", time_unix_nano=9)
    event.attributes.add(key="a").value.string_value = "b"
    group.spans.add(name="no ids")
    return message


def test_protobuf_reads_like_json() -> None:
    envelope = read_body(protobuf().SerializeToString(), "application/x-protobuf; charset=x")
    (resource,) = envelope.resources()
    (trace,) = resource.traces
    (found,) = trace.spans

    assert (resource.service_name, trace.trace_id, trace.resources[0].scope) == ("s", TRACE, "lib")
    assert envelope.rejected == 1
    assert (found.span_id, found.parent_id, found.start_ns) == (SPAN_ID, None, 7)
    assert found.end_ns is None
    assert [w.code for w in envelope.warnings] == ["coerced_field"]
    assert (found.status, found.status_message, found.exception) == (Status.ERROR, "m", True)
    assert found.aliases == ("look_up",)
    assert found.attributes == {
        "s": "x",
        "i": -4,
        "d": "Infinity",
        "b": False,
        "y": "AAE=",
        "gen_ai.tool.name": "look_up",
        "l": [1],
        "o": {"k": True},
        "e": None,
    }
    assert [(e.name, e.time_ns, e.attributes) for e in found.events] == [
        ("exception", 9, {"a": "b"})
    ]


def test_what_is_no_protobuf_is_refused() -> None:
    with pytest.raises(FormatError, match="protobuf"):
        read_body(b'{"resourceSpans": []}', "application/x-protobuf")

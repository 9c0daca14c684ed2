"""OTLP logs: records become events of their spans, in whatever order anything comes."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.formats.assemble import Part, assemble
from tracedesk.formats.detect import read_request
from tracedesk.formats.errors import FormatError
from tracedesk.formats.otlp_logs import LOGS_PATH, read_logs
from tracedesk.model.trace import Trace
from tracedesk.reading import read

CAPTURE = Path(__file__).parents[1] / "data" / "captures" / "otel-openai-v2.json"
TRACE = "21740531f10873e745c1fb0de9f4be87"
ROOT, MODEL = "00000000000000a1", "00000000000000b2"


def attributes(**values: str) -> list[dict[str, Any]]:
    return [
        {"key": name.replace("__", "."), "value": {"stringValue": value}}
        for name, value in values.items()
    ]


def record(span: str = MODEL, at: int = 5, trace: str = TRACE, **fields: Any) -> dict[str, Any]:
    return {"traceId": trace, "spanId": span, "timeUnixNano": str(at), **fields}


def text(value: str) -> dict[str, Any]:
    return {"stringValue": value}


def said(**values: str) -> dict[str, Any]:
    """A log body that is an object."""
    return {"kvlistValue": {"values": attributes(**values)}}


def logs(*records: dict[str, Any], service: str = "booking-bot") -> Part:
    sender = {"attributes": attributes(service__name=service)}
    body = {"resourceLogs": [{"resource": sender, "scopeLogs": [{"logRecords": list(records)}]}]}
    return Part(content_type="application/json", body=json.dumps(body).encode(), path=LOGS_PATH)


def spans(*named: tuple[str, str], parent: str | None = ROOT) -> Part:
    wire = [
        {
            "traceId": TRACE,
            "spanId": span,
            "name": name,
            "parentSpanId": parent,
            "attributes": attributes(gen_ai__request__model="m") if name == "chat" else [],
        }
        for span, name in named
    ]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": wire}]}]}
    return Part(content_type="application/json", body=json.dumps(body).encode(), path="/v1/traces")


def events(trace: Trace, span_id: str = MODEL) -> list[tuple[str, dict[str, Any]]]:
    span = next(span for span in trace.spans if span.span_id == span_id)
    return [(event.name, event.attributes) for event in span.events]


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"eventName": "gen_ai.user.message", "body": said(content="Hi")},
         "gen_ai.user.message", {"content": "Hi"}),
        ({"eventName": "gen_ai.user.message", "body": text("Hi")},
         "gen_ai.user.message", {"content": "Hi"}),
        ({"eventName": "gen_ai.user.message", "body": text('{"content": "Hi"}')},
         "gen_ai.user.message", {"content": "Hi"}),
        ({"event_name": "gen_ai.choice", "body": said(finish_reason="stop"),
          "attributes": attributes(gen_ai__system="openai")},
         "gen_ai.choice", {"finish_reason": "stop", "gen_ai.system": "openai"}),
        ({"attributes": attributes(event__name="booked"), "body": said(table="4")},
         "booked", {"event.name": "booked", "table": "4"}),
        ({"body": text("no table left"), "severityText": "WARN"},
         "log", {"body": "no table left", "severity": "WARN"}),
        ({}, "log", {}),
    ],
)  # fmt: skip
def test_a_record_is_an_event_of_its_span(
    fields: dict[str, Any], name: str, expected: dict[str, Any]
) -> None:
    trace = assemble([spans((MODEL, "chat")), logs(record(**fields))], trace_id=TRACE)
    assert events(trace) == [(name, expected)]
    assert trace.spans[0].events[0].time_ns == 5


def test_the_time_is_when_it_happened_else_when_it_was_observed() -> None:
    late = {"traceId": TRACE, "spanId": MODEL, "observedTimeUnixNano": "7"}
    never = {"traceId": TRACE, "spanId": MODEL, "timeUnixNano": "soon"}
    trace = assemble([spans((MODEL, "chat")), logs(late, never)], trace_id=TRACE)
    assert [event.time_ns for event in trace.spans[0].events] == [None, 7]


def test_records_of_no_span_are_counted_and_let_go() -> None:
    body = logs(record(), record(span=""), record(trace="0" * 32), {"body": text("x")}, record())
    found = read_logs(body.body, protobuf=False)
    assert (len(found.records), found.loose) == (2, 3)


def test_records_of_other_traces_resources_and_spans_stay_out() -> None:
    other = "ab" * 16
    body = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [record(body=text("mine"))]}]},
            {"scopeLogs": [{"logRecords": [record(body=text("another agent's"))]}]},
            {"scopeLogs": [{"logRecords": [record(trace=other)]}]},
        ]
    }
    raw = json.dumps(body).encode()
    part = Part(content_type="", body=raw, resources=(0, 2), path=LOGS_PATH)
    trace = assemble([part, spans((MODEL, "chat"))], trace_id=TRACE)
    assert [found["body"] for _, found in events(trace)] == ["mine"]
    assert [t.trace_id for r in read_logs(raw, protobuf=False).resources for t in r.traces] == [
        TRACE, TRACE, other,
    ]  # fmt: skip


def test_a_record_whose_span_was_not_received_is_told() -> None:
    trace = assemble([spans((ROOT, "run"), parent=None), logs(record())], trace_id=TRACE)
    assert [warning.code for warning in trace.warnings] == ["log_without_span"]
    assert assemble([logs(record())], trace_id=TRACE).spans == []


def test_an_exception_in_a_log_does_not_fail_its_span() -> None:
    raised = record(eventName="exception", attributes=attributes(exception__type="KeyError"))
    (span,) = assemble([spans((MODEL, "chat")), logs(raised)], trace_id=TRACE).spans
    assert [event.name for event in span.events] == ["exception"]
    assert not span.failed


PARTS = [
    spans((MODEL, "chat")),
    spans((ROOT, "run"), parent=None),
    logs(
        record(eventName="gen_ai.user.message", body=said(content="A table?")),
        record(eventName="gen_ai.choice", body=said(content="Booked.")),
        record(ROOT, eventName="started"),
    ),
    logs(record(at=5, eventName="same moment"), record(at=1, eventName="gen_ai.system.message")),
    logs(record(at=5, eventName="same moment"), record(at=9, body=text("done"))),
]


def test_every_order_of_the_requests_makes_the_same_trace() -> None:
    told = []
    for order in itertools.permutations(PARTS):
        trace = assemble(order, trace_id=TRACE)
        told.append((events(trace), events(trace, ROOT), read(trace).input.text))
    assert all(each == told[0] for each in told)
    names = [name for name, _ in told[0][0]]
    assert names.index("gen_ai.user.message") + 1 == names.index("gen_ai.choice"), "one request"
    assert (names[0], names[-1], told[0][2]) == ("gen_ai.system.message", "log", "A table?")


def recorded() -> list[Part]:
    """What the client sent: spans, then logs."""
    capture = json.loads(CAPTURE.read_text())
    return [
        Part(
            content_type=next(v for k, v in sent["headers"].items() if k.lower() == "content-type"),
            body=base64.b64decode(sent["body_base64"]),
            path=sent["path"],
        )
        for sent in [capture["request"], *capture["other_signal_requests"]]
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_client_puts_into_logs_is_read(order: int) -> None:
    truth = json.loads(CAPTURE.read_text())["expected"]["ground_truth_not_in_payload"]
    reading = read(assemble(recorded()[::order], trace_id=TRACE))
    assert reading.input.text == truth["user_input"]
    assert reading.response.text == truth["response_text"]
    assert reading.system.text == truth["system_prompt"]
    calls = [{"name": c.label, "arguments": c.arguments} for c in reading.tool_calls]
    assert calls == truth["tool_calls"]
    assert reading.tool_calls[0].output == {
        "city": "Lisbon", "temperature": 19, "conditions": "sunny",
    }  # fmt: skip


def test_the_newer_event_with_whole_message_lists_is_read() -> None:
    messages = [{"role": "assistant", "parts": [{"type": "text", "content": "Booked at 8pm."}]}]
    sent = record(
        eventName="gen_ai.client.inference.operation.details",
        attributes=attributes(gen_ai__output__messages=json.dumps(messages)),
    )
    trace = assemble([logs(sent), spans((MODEL, "chat"))], trace_id=TRACE)
    assert read(trace).response.text == "Booked at 8pm."


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'{"resourceLogs": 7}', b'{"resourceSpans": []}', b'{"spans": []}',
     b'{"resourceLogs": ' + b"[" * 300 + b"]" * 300 + b"}"],
)  # fmt: skip
def test_a_body_that_is_no_logs_request_is_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        read_request(LOGS_PATH, body)


def test_bytes_that_are_no_protobuf_are_refused() -> None:
    with pytest.raises(FormatError):
        read_request(LOGS_PATH, b"\xff\xff\xff", "application/x-protobuf")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"resourceLogs": []}', b'\xef\xbb\xbf{"resource_logs": [{}]}']
)
def test_a_request_without_records_is_fine(body: bytes) -> None:
    envelope = read_request(LOGS_PATH, body)
    assert envelope.logs is not None
    assert envelope.logs.records == []


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resource", "attributes", "scopeLogs", "logRecords", "key", "value", "body",
                 "stringValue", "kvlistValue", "values", "timeUnixNano", "eventName"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(entries=ODD, odd=ODD)
def test_odd_records_never_raise_anything_else(entries: Any, odd: Any) -> None:
    wild = record(body=odd, attributes=odd, eventName=odd, timeUnixNano=odd)
    for value in (entries, [{"resource": odd, "scopeLogs": [{"logRecords": [wild, odd]}]}]):
        body = json.dumps({"resourceLogs": value}).encode()
        try:
            found = read_logs(body, protobuf=False)
        except FormatError:
            continue
        for each in found.records:
            assert each.event().name

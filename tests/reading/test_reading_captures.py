"""What real clients sent, read back: every recorded OTLP request against what is in it."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tracedesk.formats.assemble import Part, assemble
from tracedesk.model.trace import Trace
from tracedesk.reading import read

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
OTLP = sorted(path.name for path in CAPTURES.glob("*otel-*.json"))

MESSAGES_ONLY = {"otel-openinf.json", "otel-traceloop.json"}
"""Clients without a tool span: that a tool was executed shows in a later model's input."""


def load(name: str) -> tuple[list[Part], dict[str, Any]]:
    capture = json.loads((CAPTURES / name).read_text())
    parts = []
    for request in capture.get("requests") or [capture["request"]]:
        headers = {key.lower(): value for key, value in request["headers"].items()}
        body = request.get("body")
        raw = (
            base64.b64decode(request["body_base64"]) if body is None else json.dumps(body).encode()
        )
        if headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        parts.append(Part(content_type=headers.get("content-type", ""), body=raw))
    return parts, capture["expected"]


def only_trace(name: str) -> tuple[Trace, dict[str, Any]]:
    parts, expected = load(name)
    (told,) = expected["otlp"]["traces"]
    return assemble(parts, trace_id=told["trace_id"]), expected


@pytest.mark.parametrize("name", OTLP)
def test_spans_ids_parents_and_times(name: str) -> None:
    parts, expected = load(name)
    for told in expected["otlp"]["traces"]:
        trace = assemble(parts, trace_id=told["trace_id"])
        names = {span.span_id: span.name for span in trace.spans}

        assert [
            {
                "name": span.name,
                "span_id": span.span_id,
                "parent_span_id": span.parent_id,
                "parent_name": names.get(span.parent_id or ""),
                "status_code": int(span.status),
                "status_message": span.status_message or None,
                "start_time_unix_nano": str(span.start_ns),
                "end_time_unix_nano": str(span.end_ns),
                "events": [event.name for event in span.events],
            }
            for span in trace.spans
        ] == told["spans_in_export_order"]
        roots = [span.name for span in trace.spans if span.parent_id is None]
        orphans = [w for w in trace.warnings if w.code == "orphan_parent"]
        assert roots == told["roots"]
        assert len(orphans) == len(told["orphans_parent_not_captured"])


@pytest.mark.parametrize("name", OTLP)
def test_response_input_system_and_model(name: str) -> None:
    trace, expected = only_trace(name)
    reading = read(trace)

    assert reading.response.text == expected.get("response_text")
    assert reading.input.text == expected.get("user_input")
    if expected.get("system_prompt"):
        assert reading.system.text == expected["system_prompt"]
    if expected.get("model_in_response"):
        assert reading.model == expected["model_in_response"]
    for text in (reading.response, reading.input):
        assert (text.source is None) == (text.text is None)
        assert bool(text.tried) == (text.text is None)


@pytest.mark.parametrize("name", OTLP)
def test_tool_calls(name: str) -> None:
    trace, expected = only_trace(name)
    reading = read(trace)
    told = [(call["name"], call["arguments"]) for call in expected["tool_calls"]]

    assert [(call.label, call.arguments) for call in reading.tool_calls] == told
    assert [call.shown_by is not None for call in reading.tool_calls] == [
        name in MESSAGES_ONLY for _ in told
    ]


@pytest.mark.parametrize("name", sorted(MESSAGES_ONLY))
def test_a_tool_that_only_messages_tell_of_points_at_the_span_with_its_result(name: str) -> None:
    trace, _ = only_trace(name)
    root = next(span for span in trace.spans if span.parent_id is None)
    first, second = (span for span in trace.spans if span.parent_id is not None)
    (call,) = read(trace).tool_calls

    assert call.output == {"city": "Lisbon", "temperature": 19, "conditions": "sunny"}
    assert (call.status, call.parent, call.span) == ("ok", root.span_id, second.span_id)
    assert call.id != call.span
    assert call.start_ns == first.end_ns
    assert [c.id for c in read(trace).calls].index(call.id) == 1


@pytest.mark.parametrize("name", OTLP)
def test_usage_is_counted_once(name: str) -> None:
    trace, expected = only_trace(name)
    usage, told = read(trace).usage, expected.get("usage") or {}

    assert (usage.input, usage.output) == (told.get("input_tokens"), told.get("output_tokens"))
    if "total_tokens" in told:
        assert usage.total == told["total_tokens"]
    if "reasoning_output_tokens" in told:
        assert usage.reasoning == told["reasoning_output_tokens"]
    assert sum(share for _, share in usage.spans) == (usage.total or 0)


@pytest.mark.parametrize("name", OTLP)
def test_status_and_node_names(name: str) -> None:
    trace, expected = only_trace(name)
    reading = read(trace)

    assert (reading.status == "failed") == expected["error"]
    assert reading.http_status.value == expected.get("http_status")
    assert reading.duration_ms.value is not None
    if "node_names" in expected:
        labels = {name for call in reading.calls for name in call.names}
        assert labels >= set(expected["node_names"])

"""Traces written as canonical bodies and as OTLP: read again, they are the same traces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracedesk.formats.assemble import Part, assemble, merge
from tracedesk.formats.detect import read_body, read_request
from tracedesk.formats.saved import SavedFault, saved_requests
from tracedesk.formats.write.canonical import canonical_body
from tracedesk.formats.write.otlp import any_value, otlp_body
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Trace
from tracedesk.reading import read

ROOT = Path(__file__).parents[2]
FILES = [
    *sorted((ROOT / "sample_traces").glob("*.json*")),
    *sorted((ROOT / "tests" / "data" / "captures").glob("*.json*")),
]
ID = "2f1d3c5e-7a90-4b2c-8d4e-000000000001"


def traces_of(path: Path) -> Iterator[Trace]:
    """Every trace in a file, as the store would put it together."""
    parts: list[Part] = []
    ids: dict[str, None] = {}
    for request in saved_requests(path):
        assert not isinstance(request, SavedFault)
        envelope = read_request(request.path, request.body, request.content_type)
        if envelope.shape != "otlp":
            yield envelope.trace()
            continue
        parts.append(Part(content_type=request.content_type, body=request.body, path=request.path))
        ids.update((t.trace_id, None) for r in envelope.resources() for t in r.traces if t.trace_id)
    for trace_id in ids:
        yield assemble(parts, trace_id=trace_id)


def facts(trace: Trace, reading: Reading) -> dict[str, Any]:
    """What an assertion can ask about."""
    return {
        "response": reading.response.text,
        "input": reading.input.text,
        "calls": [
            (c.tool, c.label, c.arguments_state, c.arguments, c.status) for c in reading.calls
        ],
        "outputs": [(c.output_state, c.output) for c in reading.calls if c.tool],
        "usage": [getattr(reading.usage, name) for name in ("input", "output", "total")],
        "http status": reading.http_status.value,
        "duration": reading.duration_ms.value,
        "status": reading.status,
        "model": reading.model,
        "spans": [
            (s.name, s.label, s.kind, s.status, s.start_ns, s.end_ns, s.status_message)
            for s in trace.spans
            if not s.synthetic
        ],
    }


def parents(trace: Trace) -> list[int | None]:
    """The place of each span's parent among the spans; None at the top."""
    spans = [span for span in trace.spans if not span.synthetic]
    at = {span.span_id: place for place, span in enumerate(spans)}
    return [at.get(span.parent_id or "") for span in spans]


def as_canonical(trace: Trace, reading: Reading) -> Trace:
    return read_body(msgspec.json.encode(canonical_body(trace, reading))).trace()


def as_otlp(trace: Trace, reading: Reading) -> Trace:
    body = msgspec.json.encode(otlp_body(trace, reading, trace_id=ID, service="desk"))
    return merge([t for resource in read_body(body).resources() for t in resource.traces])


def unsayable(trace: Trace, written: Trace) -> set[str]:
    """What the written format has no word for."""
    if not trace.format.legacy:
        return set()
    found = {"duration"} if trace.declared_duration_ms or written.format is Format.OTLP else set()
    return found | ({"status"} if trace.declared_status == "partial" else set())


@pytest.mark.parametrize("write", [as_canonical, as_otlp])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_trace_written_and_read_again_is_the_same(path: Path, write: Any) -> None:
    for trace in traces_of(path):
        before = facts(trace, read(trace))
        written = write(trace, read(trace))
        after = facts(written, read(written))
        for name in before.keys() - unsayable(trace, written):
            assert after[name] == before[name], name
        assert parents(written) == parents(trace)


def test_there_is_something_to_write() -> None:
    assert len(FILES) > 20
    assert {t.format for path in FILES for t in traces_of(path)} >= {
        Format.CANONICAL, Format.OTLP, Format.CUSTOM, Format.FLOWISE, Format.N8N_NATIVE
    }  # fmt: skip


def test_an_answer_alone_becomes_one_span() -> None:
    trace = read_body(b'{"data": {"text": "We open at nine."}}').trace()
    (span,) = canonical_body(trace, read(trace))["spans"]
    assert span["attributes"]["gen_ai.response.text"] == "We open at nine."


def test_ids_that_otlp_cannot_hold_are_replaced_and_kept() -> None:
    below = {"span_id": "x", "name": "b", "parent_span_id": "root"}
    spans = [{"span_id": "root", "name": "a"}, below]
    trace = read_body(msgspec.json.encode({"spans": spans})).trace()
    (group,) = otlp_body(trace, read(trace), trace_id=ID, service="desk")["resourceSpans"]
    root, child = group["scopeSpans"][0]["spans"]
    assert root["traceId"] == ID.replace("-", "")
    assert len(root["spanId"]) == 16
    assert child["parentSpanId"] == root["spanId"]
    assert child["attributes"] == [
        {"key": "tracedesk.original.span_id", "value": {"stringValue": "x"}}
    ]


def test_it_is_the_json_that_protobuf_prescribes() -> None:
    """But for ids, which OTLP writes in hex: everything else is protobuf's own JSON."""
    import base64

    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for path in FILES:
        for trace in traces_of(path):
            body = otlp_body(trace, read(trace), trace_id=ID, service="desk")
            for group in body["resourceSpans"]:
                for span in (s for scope in group["scopeSpans"] for s in scope["spans"]):
                    for holder in (span, *span.get("links", ())):
                        for name in ("traceId", "spanId", "parentSpanId"):
                            if name in holder:
                                raw = bytes.fromhex(holder[name])
                                holder[name] = base64.b64encode(raw).decode()
            parsed = ParseDict(body, ExportTraceServiceRequest())
            assert parsed.resource_spans[0].scope_spans[0].spans[0].name


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON)
@example(1.7976931348623157e308)
def test_any_attribute_comes_back_as_it_was(value: Any) -> None:
    from tracedesk.formats.attributes import any_value as read_value

    assert read_value(any_value(value)) == value


def test_a_number_that_otlp_cannot_hold_becomes_text() -> None:
    assert any_value(2**63) == {"stringValue": "9223372036854775808"}
    assert any_value(-(2**63)) == {"intValue": "-9223372036854775808"}

"""What a body is refused for, and what is tolerated with a warning (ingestion spec 3, 14)."""

import gzip
import json
from typing import Any

import pytest

from tracedesk.formats.detect import read_body, read_request
from tracedesk.formats.errors import MAX_FAULTS, FormatError
from tracedesk.model.trace import Kind, Status, Trace

SPAN = {"span_id": "a", "name": "Desk"}


def canonical(*spans: dict[str, Any], **body: Any) -> Trace:
    return read_body(json.dumps({"spans": list(spans), **body}).encode()).trace()


def faults(body: Any) -> list[tuple[str, str]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(FormatError) as refused:
        read_body(raw)
    return [(fault.path, fault.msg) for fault in refused.value.faults]


def codes(trace: Trace) -> list[str]:
    return [warning.code for warning in trace.warnings]


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        (b"", "", "the body is empty"),
        (b"  \n", "", "the body is empty"),
        (b'{"spans":\n [x]}', "", "line 2, column 3"),
        (b'{"spans": [', "", "ends too early"),
        (b'{"spans": [{"span_id": NaN}]}', "", "not valid JSON"),
        (b"[]", "", "must be a JSON object"),
        (b'"text"', "", "must be a JSON object"),
        ({}, "", "none of spans, resourceSpans and data"),
        ({"platformId": None}, "", "none of spans"),
        ({"spans": []}, "spans", "non-empty list"),
        ({"spans": None}, "spans", "non-empty list"),
        ({"spans": {"a": 1}}, "spans", "non-empty list"),
        ({"spans": [1]}, "spans[0]", "must be an object"),
        ({"spans": [{"name": "x"}]}, "spans[0].span_id", "is required"),
        ({"spans": [{"span_id": "a"}]}, "spans[0].name", "is required"),
        ({"spans": [{"span_id": "a", "name": " "}]}, "spans[0].name", "must not be blank"),
        ({"spans": [{"span_id": "a", "name": {}}]}, "spans[0].name", "must be text"),
        ({"spans": [{"span_id": True, "name": "x"}]}, "spans[0].span_id", "must be text"),
        ({"data": {}}, "data", "non-empty object"),
        ({"data": []}, "data", "non-empty object"),
        ({"data": None}, "data", "non-empty object"),
        ({"data": "text"}, "data", "non-empty object"),
        ({"resourceSpans": 3}, "resourceSpans", "must be a list"),
        ({"spans": [SPAN], "platformId": "not-one"}, "platformId", "must be a UUID"),
        ({"spans": [SPAN], "platformId": 7}, "platformId", "must be a UUID"),
        ({"data": {"text": "x"}, "externalId": "x" * 256}, "externalId", "255"),
        ({"data": {"text": "x"}, "externalId": 12}, "externalId", "must be text"),
    ],
)
def test_what_is_refused_says_where_and_why(body: Any, path: str, words: str) -> None:
    found = faults(body)

    assert found[0][0] == path
    assert words in found[0][1]


def test_all_faults_of_a_body_are_reported_up_to_twenty() -> None:
    body = {"spans": [{"span_id": "a"}, {"name": "b"}, {}]}

    assert [path for path, _ in faults(body)] == [
        "spans[0].name",
        "spans[1].span_id",
        "spans[2].span_id",
        "spans[2].name",
    ]
    assert len(faults({"spans": [{}] * 50})) == MAX_FAULTS


@pytest.mark.parametrize("depth", [200, 900, 100_000])
@pytest.mark.parametrize(
    "wrap",
    [
        '{"spans": [{"span_id": "a", "name": "x", "attributes": {"k": %s}}]}',
        '{"spans": [{"span_id": "a", "name": "x", "events": [{"name": "e", "attributes": %s}]}]}',
        '{"spans": [{"span_id": "a", "name": "x"}], "metadata": {"k": %s}}',
        '{"data": {"k": %s}}',
        '{"resourceSpans": [%s]}',
    ],
)
def test_nesting_beyond_200_levels_is_refused(wrap: str, depth: int) -> None:
    assert "deep" in faults((wrap % ("[" * depth + "]" * depth)).encode())[0][1]


def test_190_levels_and_brackets_inside_texts_are_fine() -> None:
    deep: Any = "x"
    for _ in range(190):
        deep = [deep]
    trace = canonical({**SPAN, "attributes": {"deep": deep, "text": '{["\\' * 300}})

    assert trace.spans[0].attributes["deep"] == deep
    assert trace.spans[0].attributes["text"] == '{["\\' * 300


def test_a_span_as_specified() -> None:
    trace = canonical(
        {
            "span_id": "r",
            "name": "Desk",
            "parent_span_id": None,
            "start_time_unix_nano": "1780000000000000000",
            "end_time_unix_nano": "1780000001000000001",
            "status": {"code": 2, "message": "timeout"},
            "attributes": {"a": [1, 2.5, None], "gen_ai.tool.name": "look_up"},
            "events": [{"name": "exception", "time_unix_nano": "5", "attributes": {"x": 1}}],
        }
    )
    (span,) = trace.spans

    assert (span.span_id, span.name, span.parent_id) == ("r", "Desk", None)
    assert (span.start_ns, span.end_ns) == (1780000000000000000, 1780000001000000001)
    assert (span.status, span.status_message) == (Status.ERROR, "timeout")
    assert (span.kind, span.aliases) == (Kind.TOOL, ("look_up",))
    assert span.exception
    assert span.attributes == {"a": [1, 2.5, None], "gen_ai.tool.name": "look_up"}
    assert [(e.name, e.time_ns, e.attributes) for e in span.events] == [("exception", 5, {"x": 1})]
    assert span.place == "$.spans[0]"
    assert trace.warnings == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"start_time_unix_nano": 1780000000000000000}, {"start_ns": 1780000000000000000}),
        ({"startTimeUnixNano": "1780000000000000000"}, {"start_ns": 1780000000000000000}),
        ({"end_time_unix_nano": 1.78e18}, {"end_ns": 1780000000000000000}),
        ({"end_time_unix_nano": "1780000000000000000.0"}, {"end_ns": 1780000000000000000}),
        ({"start_time_unix_nano": "2026-05-28T20:26:40Z"}, {"start_ns": 1780000000000000000}),
        ({"start_time_unix_nano": "soon"}, {"start_ns": None}),
        ({"start_time_unix_nano": str(2**63)}, {"start_ns": None}),
        ({"start_time_unix_nano": 10**40}, {"start_ns": None}),
        ({"start_time_unix_nano": "-5"}, {"start_ns": None}),
        ({"start_time_unix_nano": []}, {"start_ns": None}),
        ({"parent_span_id": 7}, {"parent_id": "7"}),
        ({"parentSpanId": "p"}, {"parent_id": "p"}),
        ({"span_id": 12}, {"span_id": "12"}),
        ({"status": "ERROR"}, {"status": Status.ERROR}),
        ({"status": {"code": "STATUS_CODE_OK"}}, {"status": Status.OK}),
        ({"status": {"code": "2"}}, {"status": Status.ERROR}),
        ({"status": {"code": 9}}, {"status": Status.UNSET}),
        ({"status": {"code": 1, "message": 3}}, {"status_message": "3"}),
        (
            {"attributes": [{"key": "a", "value": {"intValue": "4"}}]},
            {"attributes": {"a": 4}},
        ),
        ({"attributes": "none"}, {"attributes": {}}),
    ],
)
def test_readable_deviations_are_converted_with_a_warning(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    trace = canonical(
        {**SPAN, **fields}, {"span_id": "p", "name": "P"}, {"span_id": "7", "name": "7"}
    )
    (name, value), *_ = expected.items()

    assert getattr(trace.spans[0], name) == value
    assert "coerced_field" in codes(trace)


@pytest.mark.parametrize(
    "fields",
    [
        {"attributes": None, "events": None, "status": None, "parent_span_id": ""},
        {"start_time_unix_nano": "0", "end_time_unix_nano": ""},
        {"status": {}, "events": [], "attributes": {}, "links": []},
        {"status": {"code": None, "message": None}, "kind": 3, "unknown": {"x": 1}},
    ],
)
def test_absent_in_any_way_is_no_deviation(fields: dict[str, Any]) -> None:
    trace = canonical({**SPAN, **fields})

    assert trace.warnings == []
    assert trace.spans[0].attributes == {}
    assert trace.spans[0].start_ns is None


def test_lone_surrogates_and_bad_bytes_are_replaced_and_paired_ones_kept() -> None:
    text = rb'"\ud83d\ude00 \udc00 \\ud800"'
    body = rb'{"spans":[{"span_id":"a","name":"x\ud800","attributes":{"k":%s}}]}' % text
    trace = read_body(body).trace()

    assert trace.spans[0].name == "x�"
    assert trace.spans[0].attributes["k"] == "\U0001f600 � \\ud800"
    assert codes(trace) == ["coerced_field"]

    trace = read_body(b'{"spans":[{"span_id":"a","name":"caf\xe9"}]}').trace()
    assert trace.spans[0].name == "caf�"
    assert codes(trace) == ["coerced_field"]


def test_numbers_that_no_double_holds_stay_text() -> None:
    body = b'{"spans":[{"span_id":"a","name":"x","attributes":{"k":1e999,"n":%s}}]}' % (b"9" * 5000)

    assert read_body(body).trace().spans[0].attributes == {"k": "1e999", "n": "9" * 5000}


def test_a_repeated_span_id_keeps_the_last() -> None:
    trace = canonical(SPAN, {"span_id": "b", "name": "B"}, {"span_id": "a", "name": "Later"})

    assert [span.name for span in trace.spans] == ["B", "Later"]
    assert codes(trace) == ["duplicate_span_id"]


def test_orphans_and_cycles_are_kept_and_named() -> None:
    trace = canonical(
        {"span_id": "a", "name": "A", "parent_span_id": "c"},
        {"span_id": "b", "name": "B", "parent_span_id": "a"},
        {"span_id": "c", "name": "C", "parent_span_id": "b"},
        {"span_id": "d", "name": "D", "parent_span_id": "nobody"},
        {"span_id": "e", "name": "E", "parent_span_id": "e"},
    )

    assert len(trace.spans) == 5
    assert [(w.code, w.span) for w in trace.warnings] == [
        ("orphan_parent", "d"),
        ("parent_cycle", "a"),
        ("parent_cycle", "e"),
    ]


def test_many_equal_warnings_are_counted_not_listed() -> None:
    trace = canonical(
        *({"span_id": str(i), "name": "x", "parent_span_id": "gone"} for i in range(500))
    )

    assert len(trace.warnings) == 21
    assert "480 more" in trace.warnings[-1].message


def test_a_span_that_ends_before_it_starts_is_named() -> None:
    trace = canonical({**SPAN, "start_time_unix_nano": "9", "end_time_unix_nano": "8"})

    assert codes(trace) == ["negative_duration"]


def test_a_chain_of_50_000_spans_is_read_without_recursion() -> None:
    trace = canonical(
        *({"span_id": str(i), "name": "x", "parent_span_id": str(i + 1)} for i in range(50_000))
    )

    assert codes(trace) == ["orphan_parent"]


def test_what_stands_beside_the_spans() -> None:
    one = "3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4"
    envelope = read_body(
        json.dumps(
            {
                "spans": [SPAN],
                "data": {"text": "ignored"},
                "externalId": "mine",
                "platformId": one.upper(),
                "metadata": {"mibo": {"platform_id": "other"}, "environment": "staging"},
                "externalMetadata": "text",
            }
        ).encode()
    )

    assert (envelope.shape, envelope.platform_id, envelope.external_id) == ("canonical", one, None)
    assert envelope.hinted_platform_id == "other"
    assert envelope.external_metadata == {}
    assert sorted(w.code for w in envelope.warnings) == [
        "coerced_field",
        "external_id_ignored",
        "platform_id_ignored",
        "spans_and_data",
    ]
    trace = envelope.trace()
    assert trace.metadata["environment"] == "staging"
    assert envelope.trace().warnings == trace.warnings


def test_the_hint_may_be_one_literal_key() -> None:
    body = {"data": {"text": "x"}, "metadata": {"mibo.platform_id": "p"}, "externalId": "e"}
    envelope = read_body(json.dumps(body).encode())

    assert (envelope.hinted_platform_id, envelope.external_id) == ("p", "e")
    assert envelope.trace().external_id == "e"


def test_bytes_in_any_container_and_with_a_byte_order_mark() -> None:
    body = b'\xef\xbb\xbf{"spans":[{"span_id":"a","name":"x"}]}'

    for form in (body, bytearray(body), memoryview(body)):
        assert read_body(form, "application/octet-stream").trace().spans[0].name == "x"


@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b'"a\x01"', b"01", b"'a'"])
def test_what_is_no_json_is_refused_wherever_something_else_is_odd(value: bytes) -> None:
    for span_id in (b'"a"', b"7"):
        body = b'{"spans":[{"span_id":%b,"name":"x","attributes":{"k":%b}}]}' % (span_id, value)
        with pytest.raises(FormatError, match="not valid JSON"):
            read_body(body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (gzip.compress(b"{}"), "looks like gzip"),
        ("{}".encode("utf-16"), "looks like UTF-16"),
        ("{}".encode("utf-16-le"), "looks like UTF-16"),
        (b"\n\x05\x12\x03abc", "Content-Type: application/x-protobuf"),
        (b'{"spans": [NaN]}', "send null or text"),
        (b'{"spans": [-Infinity]}', "send null or text"),
    ],
    ids=["gzip", "UTF-16", "UTF-16 without mark", "protobuf", "NaN", "Infinity"],
)
def test_what_was_sent_instead_of_json_is_guessed(body: bytes, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        read_body(body)


def test_logs_too_have_to_be_json() -> None:
    with pytest.raises(FormatError, match=r"not valid JSON: .*line 1, column 21"):
        read_request("/v1/logs", b'{"resourceLogs": [ {,}]}')


def test_a_repeated_key_keeps_its_last_value() -> None:
    body = b'{"spans":[{"span_id":"a","name":"x","name":"y"}],"metadata":{"k":1,"k":2}}'
    trace = read_body(body).trace()

    assert (trace.spans[0].name, trace.metadata) == ("y", {"k": 2})

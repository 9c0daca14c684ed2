"""The rules of bodies, a row each, over a socket: fields (ingestion spec 3), replies (4.1),
faults (4.2), the canonical span (14), and what ``strict_canonical`` makes of all that."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.model.agent import LOCAL_AGENT_ID

Endpoint = Any
Serve = Callable[..., Endpoint]

SPAN = {"span_id": "r", "name": "Root"}
SPANS = {"spans": [SPAN]}
OLD = {"data": {"text": "Hello"}}
NOBODY = "00000000-0000-4000-8000-00000000dead"
OTLP = {
    "resourceSpans": [
        {"scopeSpans": [{"spans": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "R"}]}]}
    ]
}
OTHER = "00000000-0000-4000-8000-00000000dead"


def codes(answer: Any) -> list[str]:
    return [warning["code"] for warning in answer.body["data"].get("warnings", ())]


def paths(answer: Any) -> list[str]:
    return [detail["path"] for detail in answer.body["error"]["details"]]


# -- 3: body fields --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({**SPANS, "platformId": None}, None),
        ({**SPANS, "platformId": LOCAL_AGENT_ID.upper()}, None),
        ({**SPANS, "platformId": ""}, "platformId"),
        ({**SPANS, "platformId": 7}, "platformId"),
        ({**SPANS, "platformId": LOCAL_AGENT_ID.replace("-", "")}, "platformId"),
        ({**OLD, "platformId": "local"}, "platformId"),
        ({**OLD, "externalId": None}, None),
        ({**OLD, "externalId": "x" * 255}, None),
        ({**OLD, "externalId": "x" * 256}, "externalId"),
        ({**OLD, "externalId": 7}, "externalId"),
        ({**SPANS, "externalId": "x" * 256}, "externalId"),
        ({**OTLP, "externalId": []}, "externalId"),
        ({**OTLP, "platformId": "local"}, "platformId"),
        ({"data": {}}, "data"),
        ({"data": []}, "data"),
        ({"data": "text"}, "data"),
        ({"data": None}, "data"),
        ({"spans": []}, "spans"),
        ({"spans": None}, "spans"),
        ({"spans": {}}, "spans"),
        ({"spans": [], **OLD}, "spans"),
        ({"resourceSpans": {}}, "resourceSpans"),
        ({"resourceSpans": 7, **SPANS}, "resourceSpans"),
        ({}, ""),
        ({"metadata": {}, "platformId": "x"}, ""),
        ([SPANS], ""),
        ("text", ""),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_body_fields(endpoint: Endpoint, body: Any, fault: str | None):
    answer = endpoint.post(body)
    if fault is None:
        assert answer.status in (200, 201)
        return
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert paths(answer)[0] == fault
    assert endpoint.store.count() == 0


@pytest.mark.parametrize(
    "metadata",
    [{"mibo": {"platform_id": OTHER}}, {"mibo.platform_id": OTHER}],
    ids=["nested", "literal key"],
)
def test_metadata_names_an_agent_in_two_spellings(endpoint: Endpoint, metadata: Any):
    answer = endpoint.post({**SPANS, "platformId": LOCAL_AGENT_ID, "metadata": metadata})
    assert answer.body["data"]["platformId"] == LOCAL_AGENT_ID, "the top-level field wins"
    (warning,) = answer.body["data"]["warnings"]
    assert warning["code"] == "platform_id_ignored"
    assert OTHER in warning["message"]


def test_metadata_is_kept_and_external_metadata_is_not_shown_with_it(endpoint: Endpoint):
    body = {**SPANS, "metadata": {"version": "2"}, "externalMetadata": {"workflowId": "w"}}
    trace_id = endpoint.post(body).body["id"]
    assert endpoint.get(f"/public/traces/{trace_id}").body["data"]["metadata"] == {"version": "2"}


# -- 4.1: replies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "statuses", "external_id"),
    [
        (SPANS, {}, [201, 201], None),
        (SPANS, {"x_request_id": "a"}, [201, 200], "a"),
        (OLD, {}, [201, 201], None),
        (OLD, {"x_request_id": "a"}, [201, 200], "a"),
        ({**OLD, "externalId": "mine"}, {}, [201, 201], "mine"),
        ({**OLD, "externalId": "mine"}, {"x_request_id": "a"}, [201, 200], "a"),
        ({**SPANS, "externalId": "mine"}, {}, [201, 201], None),
        (OTLP, {}, [200, 200], "ab" * 16),
        (OTLP, {"x_request_id": "a"}, [200, 200], "a"),
    ],
)
def test_a_receipt_has_its_id_three_times(
    endpoint: Endpoint, body: Any, headers: Any, statuses: list[int], external_id: str | None
):
    answers = [endpoint.post(body, **headers) for _ in range(2)]
    assert [answer.status for answer in answers] == statuses
    for answer in answers:
        found = answer.body
        assert found["id"] == found["traceId"] == found["data"]["id"]
        assert found["data"].get("externalId") == external_id
        assert (found["success"], found["message"]) == (True, "Trace accepted")
        assert ("partialSuccess" in found) == (body is OTLP)
        assert endpoint.get(f"/public/traces/{found['id']}").status == 200, "2xx means stored"


def test_a_replaced_trace_keeps_id_and_birthday_and_counts_its_revision(endpoint: Endpoint):
    first = endpoint.post(SPANS, x_request_id="a").body["data"]
    endpoint.post({"spans": [{"span_id": "q", "name": "New"}]}, x_request_id="a")
    trace = endpoint.get(f"/public/traces/{first['id']}").body["data"]
    assert (trace["revision"], trace["createdAt"]) == (2, first["createdAt"])
    assert [span["span_id"] for span in trace["spans"]] == ["q"], "replaced, never merged"


# -- 4.2: faults -----------------------------------------------------------------------


def test_every_fault_of_a_body_is_named_with_its_path(endpoint: Endpoint):
    body = {
        "spans": [
            {"span_id": "a"},
            SPAN,
            {"name": "b"},
            {"span_id": " ", "name": ""},
            {"span_id": True, "name": ["x"]},
            None,
        ],
        "platformId": "nobody",
        "externalId": "x" * 256,
    }
    answer = endpoint.post(body)
    told = {detail["path"]: detail["msg"] for detail in answer.body["error"]["details"]}
    assert told == {
        "spans[0].name": "is required",
        "spans[2].span_id": "is required",
        "spans[3].span_id": "must not be blank",
        "spans[3].name": "must not be blank",
        "spans[4].span_id": "must be text",
        "spans[4].name": "must be text",
        "spans[5]": "must be an object",
        "platformId": "must be a UUID",
        "externalId": "must not be longer than 255 characters",
    }
    assert answer.message == "spans[0].name is required (and 8 more)"


def test_at_most_twenty_faults_are_named(endpoint: Endpoint):
    answer = endpoint.post({"spans": [{"span_id": str(i)} for i in range(50)]})
    assert paths(answer) == [f"spans[{i}].name" for i in range(20)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"{", "ends too early"),
        (b'{"spans": [}', "line 1, column 12"),
        (b'{\n "spans": [{"span_id" "r"}]}', "line 2, column"),
        (b"platformId=7&text=hello", "not valid JSON"),
    ],
)
def test_broken_json_is_told_with_its_place(endpoint: Endpoint, body: bytes, words: str):
    answer = endpoint.post(body)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert words in answer.message
    assert answer.body["error"]["details"][0]["type"] == "json"


# -- 14, C17 to C19: tolerated here, refused by strict_canonical -----------------------

ROOT = {"span_id": "r", "name": "Root"}

DEVIATIONS = [
    ({"spanId": "r", "name": "R"}, "spans[0].spanId", "span_id"),
    ({**ROOT, "parentSpanId": "p"}, "spans[0].parentSpanId", "parent_span_id"),
    ({**ROOT, "startTimeUnixNano": "5"}, "spans[0].startTimeUnixNano", "start_time_unix_nano"),
    ({**ROOT, "endTimeUnixNano": "5"}, "spans[0].endTimeUnixNano", "end_time_unix_nano"),
    ({**ROOT, "start_time_unix_nano": 5}, "spans[0].start_time_unix_nano", "is a number"),
    ({**ROOT, "end_time_unix_nano": 5.0}, "spans[0].end_time_unix_nano", "is a number"),
    ({**ROOT, "start_time_unix_nano": "noon"}, "spans[0].start_time_unix_nano", "is not a time"),
    ({**ROOT, "start_time_unix_nano": "2026-06-07T10:00:00Z"}, "spans[0].start_time_unix_nano",
     "is a date"),
    ({**ROOT, "attributes": [{"key": "a", "value": {"stringValue": "b"}}]}, "spans[0].attributes",
     "key/value list"),
    ({**ROOT, "attributes": "text"}, "spans[0].attributes", "is not an object"),
    ({**ROOT, "status": {"code": "STATUS_CODE_ERROR"}}, "spans[0].status", "is text"),
    ({**ROOT, "status": "ERROR"}, "spans[0].status", "is text"),
    ({**ROOT, "status": {"code": 9}}, "spans[0].status", "is unknown"),
    ({**ROOT, "status": {"code": 2, "message": {}}}, "spans[0].status.message", "is not text"),
    ({"span_id": 7, "name": "R"}, "spans[0].span_id", "is a number"),
    ({"span_id": "r", "name": 7}, "spans[0].name", "is a number"),
    ({**ROOT, "parent_span_id": 7}, "spans[0].parent_span_id", "is a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("span", "path", "what"), DEVIATIONS, ids=[f"C18 {path} {what}" for _, path, what in DEVIATIONS]
)
def test_what_is_converted_is_told_and_strict_mode_refuses_it(
    serve: Serve, span: Any, path: str, what: str
):
    answer = serve().post({"spans": [span]})
    assert answer.status == 201
    told = [w["message"] for w in answer.body["data"]["warnings"] if w["code"] == "coerced_field"]
    assert path in told[0]
    assert what in told[0]
    assert "hosted product may refuse" in told[0]
    strict = serve(strict_canonical=True)
    refused = strict.post({"spans": [span]})
    assert (refused.status, refused.code, paths(refused)) == (400, "VALIDATION_ERROR", [path])
    assert what in refused.message
    assert "strict_canonical" in refused.message
    assert strict.store.count() == 0


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (OLD, "legacy", "data"),
        ({"spans": [SPAN, SPAN]}, "duplicate_span_id", "spans[0].span_id"),
        ({**SPANS, "metadata": "x"}, "coerced_field", "metadata"),
        ({**SPANS, "externalMetadata": [1]}, "coerced_field", "externalMetadata"),
        (b'{"spans": [{"span_id": "r", "name": "caf\xe9"}]}', "coerced_field", "byte 40"),
        (b'{"spans": [{"span_id": "r", "name": "\\ud800"}]}', "coerced_field", "body"),
        ({"resource_spans": OTLP["resourceSpans"]}, "coerced_field", "resourceSpans"),
        ({"resourceSpans": [{"scope_spans": OTLP["resourceSpans"][0]["scopeSpans"]}]},
         "coerced_field", "resourceSpans"),
        ({"resourceSpans": [{"instrumentationLibrarySpans":
          OTLP["resourceSpans"][0]["scopeSpans"]}]}, "coerced_field", "resourceSpans"),
        ({**SPANS, **OLD}, "spans_and_data", None),
        ({**OTLP, **OLD}, "spans_and_data", None),
        ({**OTLP, "platformId": NOBODY}, "platform_id_ignored", None),
        ({**OTLP, "metadata": {"mibo.platform_id": NOBODY}}, "platform_id_ignored", None),
        ({**SPANS, "externalId": "x"}, "external_id_ignored", None),
        (SPANS, None, None),
        (OTLP, None, None),
    ],
    ids=["C8", "C19", "metadata", "externalMetadata", "latin-1", "surrogate", "snake case",
         "snake case below", "instrumentationLibrarySpans", "C17", "C17 beside OTLP", "C2",
         "C2 in metadata", "C1", "spans", "otlp"],
)  # fmt: skip
def test_other_deviations_and_what_strict_mode_makes_of_them(
    serve: Serve, body: Any, code: str | None, path: str | None
):
    answer = serve().post(body)
    assert answer.status in (200, 201)
    assert codes(answer) == ([] if code is None else [code])
    refused = serve(strict_canonical=True).post(body)
    if path is None:
        assert refused.status == answer.status, "hosted ignores it too"
    else:
        assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
        assert paths(refused) == [path]


def test_strict_mode_names_every_deviation_at_once(serve: Serve):
    answer = serve(strict_canonical=True).post(
        {"spans": [{"spanId": 1, "name": "R"}, {**SPAN, "status": "OK"}, SPAN], "metadata": 1}
    )
    assert paths(answer) == [
        "spans[0].spanId", "spans[0].span_id", "spans[1].status", "spans[1].span_id", "metadata",
    ]  # fmt: skip


def test_a_receipt_lists_twenty_warnings_and_the_trace_keeps_more(endpoint: Endpoint):
    spans = [{"span_id": str(i), "name": "R", "start_time_unix_nano": 5} for i in range(30)]
    data = endpoint.post({"spans": spans}).body["data"]
    assert len(data["warnings"]) == 20
    kept = endpoint.get(f"/public/traces/{data['id']}").body["data"]["warnings"]
    assert "10 more spans" in kept[-1]["message"]


# -- 19: the codes of warnings ---------------------------------------------------------

PARENT = {"span_id": "p", "name": "P"}


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("orphan_parent", {"spans": [{**SPAN, "parent_span_id": "gone"}]}),
        ("parent_cycle", {"spans": [{**SPAN, "parent_span_id": "p"},
                                    {**PARENT, "parent_span_id": "r"}]}),
        ("negative_duration", {"spans": [{**SPAN, "start_time_unix_nano": "9",
                                          "end_time_unix_nano": "5"}]}),
        ("nested_usage", {"spans": [
            SPAN,
            {**PARENT, "parent_span_id": "r", "attributes": {"gen_ai.usage.input_tokens": 3}},
            {"span_id": "c", "name": "C", "parent_span_id": "p",
             "attributes": {"gen_ai.usage.input_tokens": 3}}]}),
        ("n8n_shape_unrecognised", {"data": {"resultData": 7}}),
        ("unresolved_expression", {"data": {"status": "success", "data": {
            "Get": {"type": "n8n-nodes-base.httpRequest", "output": {}, "status": "success",
                    "parameters": {"url": "={{ $json.x.toUpperCase() }}"}}}}}),
        ("legacy", OLD),
        ("platform_id_ignored", {**SPANS, "platformId": OTHER}),
    ],
)  # fmt: skip
def test_the_warning_is_on_the_trace(serve: Serve, code: str, body: Any):
    from msgspec.structs import replace

    from tracedesk.model.agent import LOCAL_AGENT

    endpoint = serve(replace(LOCAL_AGENT, type="n8n"))
    trace_id = endpoint.post(body).body["id"]
    trace = endpoint.get(f"/public/traces/{trace_id}").body["data"]
    assert code in [warning["code"] for warning in trace["warnings"]]

"""The rules of who a trace belongs to, a row each, over a socket: keys (ingestion spec 6),
identity (7), routing (8, conflicts C1 to C6), and OTLP's own forms of them (9).

The steps of each shape are also tried by function in ``test_endpoint_routing``; here is what
a client sees of them.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tracedesk.model.agent import Agent

Endpoint = Any
Serve = Callable[..., Endpoint]

A = Agent(
    id="3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4",
    name="booking",
    otlp_service_name="svc-a",
    workflow_ids=("wf-a",),
    chatflow_ids=("flow-a",),
)
B = Agent(id="a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b", name="refunds", otlp_service_name="svc-b")
C = Agent(id="c0ffee00-1111-4222-8333-444455556666", name="outside", otlp_service_name="svc-c")
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
NEARLY_B = B.id[:-1] + "c"

SPANS = {"spans": [{"span_id": "r", "name": "R"}]}
OLD = {"data": {"text": "Hello"}}
NO_TARGET = "CUSTOM_API_PLATFORM_NOT_FOUND"
NOT_FOUND = "PLATFORM_NOT_FOUND"


def otlp(*resources: dict[str, str], trace: str = "ab", first: int = 1) -> dict[str, Any]:
    """One span for each of the resources, which have these attributes."""
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [
                        {"key": key, "value": {"stringValue": value}}
                        for key, value in attributes.items()
                    ]
                },
                "scopeSpans": [
                    {"spans": [{"traceId": trace * 16, "spanId": f"{i:016x}", "name": f"S{i}"}]}
                ],
            }
            for i, attributes in enumerate(resources, first)
        ]
    }


def canonical(**fields: Any) -> dict[str, Any]:
    return {**SPANS, **fields}


def old(**fields: Any) -> dict[str, Any]:
    return {**OLD, **fields}


def hint(agent_id: str) -> dict[str, Any]:
    return {"mibo": {"platform_id": agent_id}}


ONE, TWO = (B.id,), (A.id, B.id)

ROUTES: dict[str, tuple[tuple[str, ...], Any, Any, str | None, str | None]] = {
    # key's agents, body, agent or refusal, rule or words of the refusal, warning
    "canonical 1 key": (ONE, canonical(), B, "key", None),
    "canonical 1 same id": (ONE, canonical(platformId=B.id), B, "key", None),
    "canonical 1 C2 other id": (ONE, canonical(platformId=A.id), B, "key", "platform_id_ignored"),
    "canonical 1 C2 outside": (ONE, canonical(platformId=C.id), B, "key", "platform_id_ignored"),
    "canonical 1 C2 unknown": (ONE, canonical(platformId=UNKNOWN), B, "key", "platform_id_ignored"),
    "canonical 1 C2 hint": (ONE, canonical(metadata=hint(A.id)), B, "key", "platform_id_ignored"),
    "canonical 2 id": (TWO, canonical(platformId=B.id), B, "platform_id", None),
    "canonical 2 id in capitals": (TWO, canonical(platformId=A.id.upper()), A, "platform_id", None),
    "canonical 2 hint": (TWO, canonical(metadata=hint(B.id)), B, "mibo.platform_id", None),
    "canonical 2 literal hint": (
        TWO, canonical(metadata={"mibo.platform_id": B.id}), B, "mibo.platform_id", None),
    "canonical 2 both": (
        TWO, canonical(platformId=A.id, metadata=hint(B.id)), A, "platform_id",
        "platform_id_ignored"),
    "canonical 2 C2 outside": (TWO, canonical(platformId=C.id), (400, NO_TARGET), "outside", None),
    "canonical 2 unknown": (TWO, canonical(platformId=UNKNOWN), (400, NO_TARGET), "unknown", None),
    "canonical 2 nearest": (TWO, canonical(platformId=NEARLY_B), (400, NO_TARGET), B.id, None),
    "canonical 2 hint no uuid": (
        TWO, canonical(metadata=hint("booking")), (400, NO_TARGET), "unknown", None),
    "canonical 3 C4 opt-in": (
        TWO, canonical(metadata={"workflowId": "wf-a"}), (400, NO_TARGET), "no agent", None),
    "canonical 4": (TWO, canonical(), (400, NO_TARGET), "key scoped to one agent", None),
    "old 1 id": (TWO, old(platformId=B.id), B, "platform_id", None),
    "old 1 before the key": (ONE, old(platformId=B.id), B, "platform_id", None),
    "old 1 C2 outside": (ONE, old(platformId=A.id), (404, NOT_FOUND), "restricted", None),
    "old 1 C2 outside of two": (TWO, old(platformId=C.id), (404, NOT_FOUND), "restricted", None),
    "old 1 unknown": (ONE, old(platformId=UNKNOWN), (404, NOT_FOUND), "no agent", None),
    "old 1 hint is not read": (
        TWO, old(metadata=hint(B.id)), (404, NOT_FOUND), "cannot determine", None),
    "old 2 key": (ONE, old(metadata={"workflowId": "wf-a"}), B, "key", None),
    "old 3 chatflow": (TWO, old(metadata={"chatflowId": "flow-a"}), A, "metadata", None),
    "old 3 workflow": (TWO, old(metadata={"workflowId": "wf-a"}), A, "metadata", None),
    "old 3 C4 workflow_id": (TWO, old(metadata={"workflow_id": "wf-a"}), A, "metadata", None),
    "old 3 C4 external": (
        TWO, old(externalMetadata={"workflowId": "wf-a"}), A, "metadata", None),
    "old 4": (TWO, old(metadata={"workflowId": "else"}), (404, NOT_FOUND), "cannot", None),
    "otlp 1 service": (TWO, otlp({"service.name": "svc-b"}), B, "service_name", None),
    "otlp 1 trimmed": (TWO, otlp({"service.name": " svc-b "}), B, "service_name", None),
    "otlp 1 case counts": (TWO, otlp({"service.name": "SVC-B"}), (400, NO_TARGET), "svc-b", None),
    "otlp 1 outside": (TWO, otlp({"service.name": "svc-c"}), (400, NO_TARGET), "svc-c", None),
    "otlp 2 C3 key": (ONE, otlp({"service.name": "svc-a"}), B, "key", None),
    "otlp 2 C2 other id": (
        ONE, otlp({"mibo.platform_id": A.id}), B, "key", "platform_id_ignored"),
    "otlp 3 C3 id": (TWO, otlp({"mibo.platform_id": B.id}), B, "mibo.platform_id", None),
    "otlp 3 C3 service first": (
        TWO, otlp({"service.name": "svc-a", "mibo.platform_id": B.id}), A, "service_name", None),
    "otlp 4 nothing": (TWO, otlp({}), (400, NO_TARGET), "service.name", None),
    "otlp 4 unknown id": (
        TWO, otlp({"mibo.platform_id": NEARLY_B}), (400, NO_TARGET), B.id, None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "body", "expected", "told", "warning"), ROUTES.values(), ids=ROUTES
)
def test_routing(
    serve: Serve, scope: tuple[str, ...], body: Any, expected: Any, told: str, warning: str | None
):
    endpoint = serve(A, B, C)
    answer = endpoint.post(body, x_api_key=endpoint.key(*scope))
    if isinstance(expected, Agent):
        assert answer.body["data"]["platformId"] == expected.id
        (row,) = endpoint.store.rows()
        assert row.routed_by == told
        found = [
            w["code"] for w in answer.body["data"].get("warnings", ()) if w["code"] != "legacy"
        ]
        assert found == ([] if warning is None else [warning])
        return
    assert (answer.status, answer.code) == expected
    assert told in answer.message
    if answer.code == NOT_FOUND and told != "restricted":
        assert "restricted" not in answer.message
        assert "allowed" not in answer.message, "clients take these words for a restricted key"
    assert endpoint.store.count() == 0


def test_the_three_ways_to_give_a_target_are_named(serve: Serve):
    endpoint = serve(A, B)
    key = endpoint.key(A.id, B.id)
    for way in ("key scoped to one agent", "platformId", "metadata.mibo.platform_id"):
        assert way in endpoint.post(SPANS, x_api_key=key).message
    assert "service.name" in endpoint.post(otlp({}), x_api_key=key).message


@pytest.mark.parametrize("body", [SPANS, OLD, otlp({})], ids=["spans", "data", "otlp"])
def test_without_a_key_the_first_agent_takes_what_no_rule_routes(serve: Serve, body: Any):
    endpoint = serve(A, B)
    assert endpoint.post(body).body["data"]["platformId"] == A.id
    assert endpoint.store.rows()[0].routed_by == "default"


def test_an_unrestricted_key_is_for_all_agents_and_so_needs_a_target(serve: Serve):
    endpoint = serve(A, B)
    key = endpoint.key()
    assert endpoint.post(SPANS, x_api_key=key).code == NO_TARGET
    answer = endpoint.post(canonical(platformId=B.id), x_api_key=key)
    assert answer.body["data"]["platformId"] == B.id


def test_workflow_ids_route_canonical_bodies_where_the_setting_says_so(serve: Serve):
    endpoint = serve(A, B, route_by_workflow=True)
    body = canonical(metadata={"workflowId": "wf-a"})
    answer = endpoint.post(body, x_api_key=endpoint.key(A.id, B.id))
    assert answer.body["data"]["platformId"] == A.id
    assert endpoint.store.rows()[0].routed_by == "metadata"


# -- 6: keys ---------------------------------------------------------------------------


@pytest.mark.parametrize("body", [SPANS, OLD, otlp({}), b"{"], ids=["spans", "data", "otlp", "{"])
@pytest.mark.parametrize(
    ("required", "sent", "kind"),
    [
        (True, None, "MISSING_API_KEY"),
        (True, "mibo_wrong", "INVALID_API_KEY"),
        (False, "mibo_wrong", "INVALID_API_KEY"),
    ],
    ids=["C6 missing", "C6 wrong", "C6 wrong where none is needed"],
)
def test_a_key_that_is_missing_or_wrong_is_401(
    serve: Serve, body: Any, required: bool, sent: str | None, kind: str
):
    endpoint = serve(A, require_key=required)
    headers = {} if sent is None else {"x_api_key": sent}
    for answer in (endpoint.post(body, **headers), endpoint.get("/public/traces", **headers)):
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.body["error"]["details"][0]["type"] == kind


def test_reading_is_limited_to_the_agents_of_the_key(serve: Serve):
    endpoint = serve(A, B)
    first, second = endpoint.key(A.id), endpoint.key(B.id)
    trace_id = endpoint.post(SPANS, x_api_key=first).body["id"]
    for path, key, status, code in (
        (f"/public/traces/{trace_id}", first, 200, None),
        (f"/public/traces/{trace_id}", second, 403, "FORBIDDEN"),
        (f"/public/traces/{UNKNOWN}", second, 404, "TRACE_NOT_FOUND"),
        (f"/public/traces?platformId={A.id}", first, 200, None),
        (f"/public/traces?platformId={A.id}", second, 403, "FORBIDDEN"),
        (f"/public/traces?platformId={UNKNOWN}", second, 404, NOT_FOUND),
    ):
        answer = endpoint.get(path, x_api_key=key)
        assert answer.status == status, path
        assert code is None or answer.code == code


# -- 7: identity -----------------------------------------------------------------------


def test_an_external_id_belongs_to_its_agent(serve: Serve):
    endpoint = serve(A, B)
    keys = endpoint.key(A.id), endpoint.key(B.id)
    statuses = [endpoint.post(SPANS, x_api_key=k, x_request_id="17").status for k in (*keys, *keys)]
    assert statuses == [201, 201, 200, 200]
    assert {(row.agent_id, row.external_id) for row in endpoint.store.rows()} == {
        (A.id, "17"), (B.id, "17"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("upserts", "body", "headers", "statuses"),
    [
        (False, old(externalId="x"), [{}, {}], [201, 201]),
        (True, old(externalId="x"), [{}, {}], [201, 200]),
        (True, old(externalId="x"), [{"x_request_id": "h"}, {}], [201, 201]),
        (True, old(externalId="x"), [{}, {"x_request_id": "x"}], [201, 200]),
        (True, canonical(externalId="x"), [{}, {}], [201, 201]),
        (True, old(), [{}, {}], [201, 201]),
    ],
    ids=["C1 off", "C1 on", "C1 header wins", "C1 header names it", "C1 spans", "C1 none"],
)
def test_old_external_ids(
    serve: Serve, upserts: bool, body: Any, headers: list[Any], statuses: list[int]
):
    endpoint = serve(replace(A, legacy_external_id_upsert=upserts))
    assert [endpoint.post(body, **sent).status for sent in headers] == statuses


# -- 9: OTLP ---------------------------------------------------------------------------


def test_c15_spans_of_one_trace_are_merged_over_requests_and_a_repeat_is_united(serve: Serve):
    endpoint = serve(A)
    first = otlp({}, {})
    first["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {
        "endTimeUnixNano": "9",
        "attributes": [{"key": k, "value": {"stringValue": "old"}} for k in ("a", "b")],
    }
    again = otlp({})
    again["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {
        "name": "Later",
        "startTimeUnixNano": "5",
        "attributes": [{"key": "b", "value": {"stringValue": "new"}}],
    }
    trace_id = endpoint.post(first).body["id"]
    assert endpoint.post(again).body["id"] == trace_id
    spans = endpoint.get(f"/public/traces/{trace_id}").body["data"]["spans"]
    assert len(spans) == 2
    span = next(span for span in spans if span["span_id"].endswith("1"))
    assert (span["name"], span["attributes"]) == ("Later", {"a": "old", "b": "new"})
    assert (span["start_time_unix_nano"], span["end_time_unix_nano"]) == ("5", "9")


@pytest.mark.parametrize(
    ("requests", "traces"),
    [
        ([("ab", None), ("ab", None)], [("ab", 2)]),
        ([("ab", None), ("cd", None)], [("ab", 1), ("cd", 1)]),
        ([("ab", "run"), ("ab", "run")], [("run", 2)]),
        ([("ab", "run"), ("ab", None)], [("run", 2)]),
        ([("ab", None), ("ab", "run")], [("run", 2)]),
        ([("ab", "run"), ("cd", "run")], [("run", 1)]),
        ([("ab", "run"), ("cd", "else")], [("else", 1), ("run", 1)]),
    ],
    ids=["same trace", "two traces", "named", "named once", "named later", "replaced", "two names"],
)
def test_otlp_identity_is_the_trace_id_then_the_header(
    serve: Serve, requests: list[tuple[str, str | None]], traces: list[tuple[str, int]]
):
    endpoint = serve(A)
    for number, (trace, request_id) in enumerate(requests, 1):
        headers = {} if request_id is None else {"x_request_id": request_id}
        assert endpoint.post(otlp({}, trace=trace, first=number), **headers).status == 200
    found = {(row.external_id, row.span_count) for row in endpoint.store.rows()}
    expected = {(name * 16 if len(name) == 2 else name, count) for name, count in traces}
    assert found == expected


@pytest.mark.parametrize("protobuf", [False, True], ids=["json", "protobuf"])
def test_what_cannot_be_routed_is_counted_beside_what_can(serve: Serve, protobuf: bool):
    endpoint = serve(A, B)
    key = endpoint.key(A.id, B.id)
    names = ("svc-a", "svc-b", "nobody", "svc-a")
    if protobuf:
        request = ExportTraceServiceRequest()
        for number, name in enumerate(names, 1):
            entry = request.resource_spans.add()
            entry.resource.attributes.add(key="service.name").value.string_value = name
            entry.scope_spans.add().spans.add(
                trace_id=b"\xab" * 16, span_id=bytes([number] * 8), name="S"
            )
        answer = endpoint.post(
            request.SerializeToString(), x_api_key=key, content_type="application/x-protobuf"
        )
        assert answer.headers["content-type"] == "application/x-protobuf"
        partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
        rejected, message = partial.rejected_spans, partial.error_message
    else:
        answer = endpoint.post(otlp(*({"service.name": name} for name in names)), x_api_key=key)
        partial = answer.body["partialSuccess"]
        rejected, message = partial["rejectedSpans"], partial["errorMessage"]
    assert (answer.status, rejected) == (200, 1)
    assert "'nobody'" in message
    rows = {row.agent_id: row.span_count for row in endpoint.store.rows()}
    assert rows == {A.id: 2, B.id: 1}


def test_protobuf_errors_are_json_and_say_what_hosted_wants(serve: Serve):
    body = ExportTraceServiceRequest().SerializeToString()
    headers = {"content_type": "application/x-protobuf"}
    assert serve(A).post(body, **headers).body == b"", "an empty export response"
    broken = serve(A).post(b"\xff", **headers)
    assert (broken.status, broken.code) == (400, "VALIDATION_ERROR")
    assert broken.headers["content-type"] == "application/json"
    strict = serve(A, strict_canonical=True).post(body, **headers)
    assert (strict.status, strict.code) == (400, "VALIDATION_ERROR")
    assert "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json" in strict.message


@pytest.mark.parametrize(
    ("change", "span"),
    [
        ({"traceId": "AB" * 16, "spanId": "CD" * 8}, {"span_id": "cd" * 8}),
        ({"traceId": "q6urq6urq6urq6urq6urqw==", "spanId": "zc3Nzc3Nzc0="}, {"span_id": "cd" * 8}),
        ({"parentSpanId": ""}, {"parent_span_id": None}),
        ({"parentSpanId": "0" * 16}, {"parent_span_id": None}),
        ({"startTimeUnixNano": 5, "endTimeUnixNano": "7"},
         {"start_time_unix_nano": "5", "end_time_unix_nano": "7"}),
        ({"startTimeUnixNano": "0", "endTimeUnixNano": 0},
         {"start_time_unix_nano": None, "end_time_unix_nano": None}),
        ({"status": {"code": 2, "message": "no"}}, {"status": {"code": 2, "message": "no"}}),
        ({"status": {"code": "STATUS_CODE_ERROR"}}, {"status": {"code": 2}}),
        ({"status": {"code": "STATUS_CODE_OK"}}, {"status": {"code": 1}}),
        ({"status": {}}, {"status": {"code": 0}}),
        ({"attributes": [
            {"key": "s", "value": {"stringValue": "x"}},
            {"key": "i", "value": {"intValue": "7"}},
            {"key": "n", "value": {"intValue": 7}},
            {"key": "d", "value": {"doubleValue": 0.5}},
            {"key": "b", "value": {"boolValue": False}},
            {"key": "y", "value": {"bytesValue": "AAE="}},
            {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
            {"key": "k", "value": {"kvlistValue": {"values": [
                {"key": "x", "value": {"stringValue": "y"}}]}}},
         ]},
         {"attributes": {"s": "x", "i": 7, "n": 7, "d": 0.5, "b": False, "y": "AAE=", "a": [1],
                         "k": {"x": "y"}}}),
        ({"events": [{"name": "e", "timeUnixNano": "5", "attributes": [
            {"key": "x", "value": {"stringValue": "y"}}]}]},
         {"events": [{"name": "e", "time_unix_nano": "5", "attributes": {"x": "y"}}]}),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_otlp_json_is_normalised(serve: Serve, change: dict[str, Any], span: dict[str, Any]):
    endpoint = serve(A)
    body = otlp({})
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= change
    trace_id = endpoint.post(body).body["id"]
    (found,) = endpoint.get(f"/public/traces/{trace_id}").body["data"]["spans"]
    assert {name: found[name] for name in span} == span

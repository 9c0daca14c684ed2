"""What clients are told: receipts, lists, errors; and what is kept of their requests."""

import gzip
import http.client
import re
from typing import Any

import pytest

from tracedesk.model.agent import LOCAL_AGENT, LOCAL_AGENT_ID

Endpoint = Any

SPANS = {"spans": [{"span_id": "r", "name": "Root"}]}
OTLP_SPAN = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "Root"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def otlp(*spans: dict[str, Any], **resource: str) -> dict[str, Any]:
    attributes = [
        {"key": key.replace("_", "."), "value": {"stringValue": value}}
        for key, value in resource.items()
    ]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}
        ]
    }


@pytest.mark.parametrize("path", ["/public/traces", "/traces", "/public/traces/"])
def test_a_new_trace_is_201_with_copies_of_its_id(endpoint: Endpoint, path: str):
    answer = endpoint.post(SPANS, path)
    row = endpoint.store.rows()[0]
    body = answer.body
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert body["success"] is True
    assert body["message"] == "Trace accepted"
    assert body["id"] == body["traceId"] == body["data"]["id"] == row.id
    assert body["data"] == {
        "id": row.id,
        "platformId": LOCAL_AGENT_ID,
        "status": "completed",
        "createdAt": body["timestamp"],
        "updatedAt": body["timestamp"],
    }
    assert ISO.fullmatch(body["timestamp"])


def test_a_repeated_request_id_replaces_with_200(endpoint: Endpoint):
    first = endpoint.post(SPANS, X_Request_Id="chat-1")
    second = endpoint.post({"spans": [{"span_id": "q", "name": "New"}]}, x_request_id="chat-1")
    assert (first.status, second.status) == (201, 200)
    assert second.body["data"]["id"] == first.body["data"]["id"]
    assert second.body["data"]["externalId"] == "chat-1"
    assert second.body["data"]["createdAt"] == first.body["data"]["createdAt"]
    (row,) = endpoint.store.rows()
    assert (row.name, row.revision) == ("New", 2)


def test_without_a_request_id_each_post_is_a_new_trace(endpoint: Endpoint):
    assert endpoint.post(SPANS).status == endpoint.post(SPANS, x_request_id="  ").status == 201
    assert endpoint.store.count() == 2


def test_external_ids_of_old_bodies_are_shown_but_are_no_identity(endpoint: Endpoint):
    body = {"data": {"text": "Hello"}, "externalId": "mine"}
    answers = [endpoint.post(body), endpoint.post(body)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body["data"]["externalId"] == "mine"
    answer = endpoint.post(body, x_request_id="header")
    assert answer.body["data"]["externalId"] == "header"


def test_external_ids_of_old_bodies_are_identity_where_the_agent_says_so(serve: Any):
    from msgspec.structs import replace

    endpoint = serve(replace(LOCAL_AGENT, legacy_external_id_upsert=True))
    body = {"data": {"text": "Hello"}, "externalId": "mine"}
    assert [endpoint.post(body).status for _ in range(2)] == [201, 200]


def test_what_was_tolerated_is_said(endpoint: Endpoint):
    answer = endpoint.post({**SPANS, "data": {"text": "ignored"}, "externalId": "ignored"})
    codes = {warning["code"] for warning in answer.body["data"]["warnings"]}
    assert {"spans_and_data", "external_id_ignored"} <= codes
    assert codes <= {warning.code for warning in endpoint.store.rows()[0].warnings}


def test_a_failed_span_shows_in_the_status(endpoint: Endpoint):
    answer = endpoint.post({"spans": [{"span_id": "r", "name": "R", "status": {"code": 2}}]})
    assert answer.body["data"]["status"] == "failed"


@pytest.mark.parametrize("path", ["/public/traces", "/traces", "/v1/traces"])
def test_otlp_is_always_200_with_partial_success(endpoint: Endpoint, path: str):
    first = endpoint.post(otlp(OTLP_SPAN), path)
    second = endpoint.post(otlp({**OTLP_SPAN, "spanId": "ef" * 8}), path)
    assert (first.status, second.status) == (200, 200)
    assert first.body["partialSuccess"] == {}
    assert first.body["data"]["id"] == second.body["data"]["id"]
    assert endpoint.store.rows()[0].span_count == 2


def test_otlp_spans_without_id_or_name_are_counted_as_rejected(endpoint: Endpoint):
    answer = endpoint.post(otlp(OTLP_SPAN, {"traceId": "ab" * 16, "name": "no id"}))
    assert answer.status == 200
    assert int(answer.body["partialSuccess"]["rejectedSpans"]) == 1
    assert answer.body["partialSuccess"]["errorMessage"]


@pytest.mark.parametrize("body", [{"resourceSpans": []}, otlp()])
def test_otlp_without_spans_is_accepted_and_stores_nothing(endpoint: Endpoint, body: Any):
    answer = endpoint.post(body, "/v1/traces")
    assert (answer.status, answer.body["partialSuccess"]) == (200, {})
    assert endpoint.store.count() == 0


def test_one_trace_over_two_resources_of_a_request_is_one_part(endpoint: Endpoint):
    body = otlp(OTLP_SPAN, service_name="web")
    body["resourceSpans"] += otlp({**OTLP_SPAN, "spanId": "ef" * 8}, service_name="worker")[
        "resourceSpans"
    ]
    endpoint.post(body, "/v1/traces")
    (row,) = endpoint.store.rows()
    assert (row.span_count, row.revision) == (2, 1)
    assert endpoint.store.requests(row.id)[0].resources == (0, 1)


def test_several_traces_in_a_request_share_it_and_ignore_the_header(endpoint: Endpoint):
    other = {**OTLP_SPAN, "traceId": "12" * 16}
    endpoint.post(otlp(OTLP_SPAN, other), x_request_id="chat-1")
    rows = endpoint.store.rows()
    assert {row.external_id for row in rows} == {"ab" * 16, "12" * 16}
    assert {warning.code for row in rows for warning in row.warnings} == {"request_id_ignored"}
    assert endpoint.store.query("SELECT count(*) FROM request") == [(1,)]


def test_v1_traces_takes_otlp_only(endpoint: Endpoint):
    answer = endpoint.post(SPANS, "/v1/traces")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]["details"][0]["path"] == "resourceSpans"


def test_keys_and_cookies_are_not_kept_with_the_request(endpoint: Endpoint):
    endpoint.post(
        SPANS, x_api_key=endpoint.key(), cookie="c=1", x_auth_token="secret", user_agent="n8n"
    )
    row = endpoint.store.rows()[0]
    headers = endpoint.store.requests(row.id)[0].headers
    assert headers["user-agent"] == "n8n"
    assert {"x-api-key", "cookie", "x-auth-token"}.isdisjoint(headers)


def test_the_kept_body_is_the_inflated_one(endpoint: Endpoint):
    body = b'{"spans": [{"span_id": "r", "name": "Zipped"}]}'
    answer = endpoint.post(
        gzip.compress(body), content_encoding="gzip", content_type="application/octet-stream"
    )
    assert answer.status == 201
    assert endpoint.store.requests(answer.body["id"])[0].body == body


# -- reading back ----------------------------------------------------------------------


def test_traces_are_listed_newest_first(endpoint: Endpoint):
    endpoint.post(SPANS, x_request_id="a")
    endpoint.post({"data": {"text": "Hello"}})
    answer = endpoint.get(f"/public/traces?platformId={LOCAL_AGENT_ID}")
    assert answer.status == 200
    newest, oldest = answer.body["data"]
    assert newest["format"] == "custom"
    assert set(oldest) == {
        "id", "platformId", "externalId", "status", "format", "createdAt", "updatedAt",
    }  # fmt: skip
    assert (oldest["externalId"], oldest["status"]) == ("a", "completed")
    assert len(endpoint.get("/public/traces?limit=1").body["data"]) == 1
    assert endpoint.get("/public/traces?limit=x").status == 400
    assert endpoint.get("/public/traces?platformId=nobody").status == 404


def test_one_trace_is_described(endpoint: Endpoint):
    trace_id = endpoint.post(SPANS).body["id"]
    answer = endpoint.get(f"/public/traces/{trace_id}")
    data = answer.body["data"]
    assert (answer.status, data["id"], data["spans"][0]["name"]) == (200, trace_id, "Root")
    missing = endpoint.get("/public/traces/unknown")
    assert (missing.status, missing.code) == (404, "TRACE_NOT_FOUND")


def test_health_needs_no_key_but_refuses_a_wrong_one(endpoint: Endpoint):
    assert endpoint.get("/health").body == {"status": "ok"}
    assert endpoint.get("/health", x_api_key=endpoint.key()).status == 200
    assert endpoint.get("/health", x_api_key="mibo_wrong").status == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("POST", "/v1/profiles", 404, "NOT_FOUND"),
        ("PUT", "/public/traces", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/traces", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/public/traces", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/public/traces/x", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_what_is_not_there_is_said(
    endpoint: Endpoint, method: str, path: str, status: int, code: str
):
    answer = endpoint.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


def test_a_connection_serves_many_requests_in_turn(endpoint: Endpoint):
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=30)
    answers = [
        endpoint.call("POST", "/public/traces", body, connection)
        for body in (SPANS, b"{", SPANS, {"spans": []}, SPANS)
    ]
    connection.close()
    assert [answer.status for answer in answers] == [201, 400, 201, 400, 201]

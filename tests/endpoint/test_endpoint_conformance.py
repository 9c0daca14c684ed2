"""The rules of requests, a row each, over a socket: paths and methods (ingestion spec 1),
headers (2), the order of checks (4.2) and limits (5).

Bodies, routing, OTLP and the conflict register have their own tables beside this one; what a
refusal does to a connection, a store or a queue is in ``test_endpoint_bad_input``.
"""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

Endpoint = Any
Serve = Callable[..., Endpoint]

SPAN = {"span_id": "r", "name": "Root"}
SPANS = {"spans": [SPAN]}
OLD = {"data": {"text": "Hello"}}
OTLP = {
    "resourceSpans": [
        {"scopeSpans": [{"spans": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "R"}]}]}
    ]
}
JSON = "application/json"
OCTETS = "application/octet-stream"
FORM = "application/x-www-form-urlencoded"
ZIPPED = gzip.compress(json.dumps(SPANS).encode())
MIB = 1 << 20


# -- 1: endpoints ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "allow"),
    [
        ("POST", "/public/traces", SPANS, 201, None),
        ("POST", "/public/traces", OLD, 201, None),
        ("POST", "/public/traces", OTLP, 200, None),
        ("POST", "/traces", SPANS, 201, None),
        ("POST", "/traces", OLD, 201, None),
        ("POST", "/traces", OTLP, 200, None),
        ("POST", "/v1/traces", OTLP, 200, None),
        ("POST", "/v1/traces", SPANS, 400, None),
        ("POST", "/v1/traces", OLD, 400, None),
        ("POST", "/public/traces/", SPANS, 201, None),
        ("POST", "/public/traces?from=n8n", SPANS, 201, None),
        ("GET", "/public/traces", None, 200, None),
        ("GET", "/health", None, 200, None),
        ("HEAD", "/health", None, 200, None),
        ("GET", "/openapi.json", None, 200, None),
        ("GET", "/traces", None, 405, "POST"),
        ("GET", "/v1/traces", None, 405, "POST"),
        ("PUT", "/public/traces", SPANS, 405, "GET, POST"),
        ("PATCH", "/public/traces", SPANS, 405, "GET, POST"),
        ("DELETE", "/public/traces", None, 405, "GET, POST"),
        ("HEAD", "/public/traces", None, 405, "GET, POST"),
        ("OPTIONS", "/public/traces", None, 405, "GET, POST"),
        ("POST", "/public/traces/some-id", SPANS, 405, "GET"),
        ("POST", "/health", {}, 405, "GET, HEAD"),
        ("POST", "/openapi.json", {}, 405, "GET, HEAD"),
        ("GET", "/", None, 404, None),
        ("POST", "/", SPANS, 404, None),
        ("POST", "/public", SPANS, 404, None),
        ("POST", "/PUBLIC/TRACES", SPANS, 404, None),
        ("POST", "/api/public/traces", SPANS, 404, None),
        ("POST", "//public/traces", SPANS, 404, None),
    ],
)
def test_paths_and_methods(
    endpoint: Endpoint, method: str, path: str, body: Any, status: int, allow: str | None
):
    answer = endpoint.call(method, path, body)
    assert answer.status == status
    assert answer.headers.get("allow") == allow
    if status == 404:
        assert answer.code == "NOT_FOUND"
        assert "/public/traces" in answer.message, "where to go instead"


def test_health_as_the_n8n_credential_test_calls_it(endpoint: Endpoint):
    wrong = endpoint.get("/health", x_api_key="mibo_wrong", content_type=JSON)
    assert (wrong.status, wrong.code) == (401, "UNAUTHORIZED")
    right = endpoint.get("/health", x_api_key=endpoint.key(), content_type=JSON)
    assert (right.status, right.body) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("query", "status", "names"),
    [
        ("", 200, ["4", "3", "2", "1", "0"]),
        ("limit=2", 200, ["4", "3"]),
        ("limit=2&offset=2", 200, ["2", "1"]),
        ("offset=4", 200, ["0"]),
        ("offset=5", 200, []),
        ("limit=0", 200, []),
        ("limit=999999999999", 200, ["4", "3", "2", "1", "0"]),
        ("limit=-1", 400, "limit"),
        ("limit=ten", 400, "limit"),
        ("limit=", 400, "limit"),
        ("limit=1&limit=2", 400, "limit"),
        ("offset=1.5", 400, "offset"),
        ("platformId=nobody", 404, None),
    ],
)
def test_listing_goes_page_by_page(endpoint: Endpoint, query: str, status: int, names: Any):
    for number in range(5):
        endpoint.post(SPANS, x_request_id=str(number))
    answer = endpoint.get(f"/public/traces?{query}")
    assert answer.status == status
    if status == 200:
        assert [entry["externalId"] for entry in answer.body["data"]] == names
    elif status == 400:
        detail = answer.body["error"]["details"][0]
        assert (detail["path"], detail["location"]) == (names, "query")


def test_one_trace_by_its_id_in_either_case(endpoint: Endpoint):
    trace_id = endpoint.post(SPANS).body["data"]["id"]
    assert endpoint.get(f"/public/traces/{trace_id}").status == 200
    assert endpoint.get(f"/public/traces/{trace_id.upper()}/").status == 200
    unknown = endpoint.get(f"/public/traces/{trace_id[:-1]}")
    assert (unknown.status, unknown.code) == (404, "TRACE_NOT_FOUND")
    assert endpoint.get("/public/traces/%27%20OR%201=1").code == "TRACE_NOT_FOUND"


# -- 2: headers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "external_id"),
    [
        ({"x-request-id": "run-1"}, "run-1"),
        ({"X-Request-Id": "run-1"}, "run-1"),
        ({"X-REQUEST-ID": "run-1"}, "run-1"),
        ({"x-request-id": "  run-1 "}, "run-1"),
        ({"x-request-id": "9031"}, "9031"),
        ({"x-request-id": "café"}, "café"),
        ({"x-request-id": "x" * 255}, "x" * 255),
        ({"x-request-id": ""}, None),
        ({"x-request-id": "   "}, None),
        ({}, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_request_id_is_the_external_id(
    endpoint: Endpoint, sent: dict[str, str], external_id: str | None
):
    data = endpoint.post(SPANS, **sent).body["data"]
    assert data.get("externalId") == external_id
    assert ("externalId" in data) == (external_id is not None), "left out when there is none"


@pytest.mark.parametrize("body", [SPANS, OLD, OTLP], ids=["spans", "data", "otlp"])
def test_a_request_id_over_255_characters_is_400_for_every_shape(endpoint: Endpoint, body: Any):
    answer = endpoint.post(body, x_request_id="x" * 256)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    (detail,) = answer.body["error"]["details"]
    assert (detail["path"], detail["location"]) == ("x-request-id", "header")
    assert endpoint.store.count() == 0
    assert endpoint.post({}, "/v1/metrics", x_request_id="x" * 256).status == 400


@pytest.mark.parametrize(
    ("encoding", "content_type", "body", "status"),
    [
        ("gzip", JSON, ZIPPED, 201),
        ("GZip", JSON, ZIPPED, 201),
        (" gzip ", OCTETS, ZIPPED, 201),
        ("gzip", "application/gzip", ZIPPED, 201),
        ("identity", JSON, SPANS, 201),
        ("", JSON, SPANS, 201),
        ("gzip", JSON, SPANS, 400),
        (None, OCTETS, ZIPPED, 400),
        (None, "application/gzip", ZIPPED, 400),
        (None, OCTETS, SPANS, 201),
        ("x-gzip", JSON, ZIPPED, 400),
        ("deflate", JSON, SPANS, 400),
        ("br", JSON, SPANS, 400),
        ("gzip, gzip", JSON, ZIPPED, 400),
    ],
)
def test_the_content_encoding_alone_decides_on_inflating(
    endpoint: Endpoint, encoding: str | None, content_type: str, body: Any, status: int
):
    headers = {} if encoding is None else {"content_encoding": encoding}
    answer = endpoint.post(body, content_type=content_type, **headers)
    assert answer.status == status
    if status == 400:
        assert answer.code == "VALIDATION_ERROR"
    if encoding in ("x-gzip", "deflate", "br", "gzip, gzip"):
        assert answer.body["error"]["details"][0]["path"] == "Content-Encoding"


@pytest.mark.parametrize(
    ("path", "content_type", "gzipped", "warns_of"),
    [
        ("/public/traces", JSON, False, None),
        ("/public/traces", "Application/JSON; charset=utf-8", False, None),
        ("/traces", JSON, False, None),
        ("/public/traces", OCTETS, True, None),
        ("/public/traces", OCTETS, False, "octet-stream"),
        ("/public/traces", "text/plain", False, "text/plain"),
        ("/public/traces", FORM, False, "urlencoded"),
        ("/public/traces", "", False, "is missing"),
        ("/v1/traces", JSON, False, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ],
)
def test_any_content_type_is_read_as_json_and_strict_mode_takes_what_hosted_takes(
    serve: Serve, path: str, content_type: str, gzipped: bool, warns_of: str | None
):
    body = json.dumps(OTLP).encode()
    headers = {"content_type": content_type}
    if gzipped:
        body, headers = gzip.compress(body), {**headers, "content_encoding": "gzip"}
    answer = serve().post(body, path, **headers)
    assert answer.status == 200
    told = [w["message"] for w in answer.body["data"].get("warnings", ()) if _hosted(w)]
    refused = serve(strict_canonical=True).post(body, path, **headers)
    if warns_of is None:
        assert not told
        assert refused.status == 200
    else:
        assert warns_of in told[0]
        assert "hosted product" in told[0]
        assert (refused.status, refused.code) == (
            (404, "NOT_FOUND") if path == "/v1/traces" else (400, "VALIDATION_ERROR")
        )
        assert warns_of in refused.message


def _hosted(warning: dict[str, Any]) -> bool:
    return warning["code"] == "hosted_refuses"


# -- 4.2: the order of checks ----------------------------------------------------------

LONG = {"x_request_id": "x" * 256}
WRONG = {"x_api_key": "mibo_wrong"}
BROTLI = {"content_encoding": "br"}
GZIP = {"content_encoding": "gzip"}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "expected"),
    [
        ("POST", "/nowhere", b"{", {**WRONG, **BROTLI}, (404, "NOT_FOUND")),
        ("PUT", "/public/traces", b"{", WRONG, (405, "METHOD_NOT_ALLOWED")),
        ("POST", "/public/traces", b"{", WRONG, (401, "UNAUTHORIZED")),
        ("POST", "/public/traces", b" " * 2 * MIB, WRONG, (401, "UNAUTHORIZED")),
        ("POST", "/public/traces", b"{", {**WRONG, **BROTLI, **LONG}, (401, "UNAUTHORIZED")),
        ("POST", "/public/traces", b" " * 2 * MIB, BROTLI, (400, "Content-Encoding")),
        ("POST", "/public/traces", b"{", {**BROTLI, **LONG}, (400, "Content-Encoding")),
        ("POST", "/public/traces", b" " * 2 * MIB, LONG, (413, "PAYLOAD_TOO_LARGE")),
        ("POST", "/public/traces", gzip.compress(b" " * 2 * MIB), {**GZIP, **LONG},
         (413, "PAYLOAD_TOO_LARGE")),
        ("POST", "/public/traces", b"{", LONG, (400, "")),
        ("POST", "/public/traces", b'{"spans": []}', LONG, (400, "spans")),
        ("POST", "/public/traces", {**SPANS, "platformId": "x"}, LONG, (400, "platformId")),
        ("POST", "/public/traces", {**SPANS, "platformId": "00000000-0000-4000-8000-00000000dead"},
         LONG, (400, "x-request-id")),
    ],
)  # fmt: skip
def test_the_first_check_that_fails_answers(
    serve: Serve, method: str, path: str, body: Any, headers: Any, expected: tuple[int, str]
):
    endpoint = serve(max_body_bytes=MIB)
    answer = endpoint.call(method, path, body, **headers)
    details = answer.body["error"].get("details")
    found = details[0]["path"] if answer.status == 400 else answer.code
    assert (answer.status, found) == expected
    assert endpoint.store.count() == 0


# -- 5: limits -------------------------------------------------------------------------


def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(serve: Serve):
    endpoint = serve(max_body_bytes=MIB)
    text = json.dumps(SPANS).encode()
    most = text + b" " * (MIB - len(text))
    assert endpoint.post(most).status == 201
    assert endpoint.post(gzip.compress(most), **GZIP).status == 201
    for body, headers in ((most + b" ", {}), (gzip.compress(most + b" "), GZIP)):
        answer = endpoint.post(body, **headers)
        assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
        assert "payload too large" in answer.message.lower(), "what clients look for"


def test_a_bomb_takes_no_more_memory_than_the_limit(serve: Serve):
    endpoint = serve(max_body_bytes=MIB)
    bomb = gzip.compress(bytes(200 * MIB), 9)
    assert len(bomb) < MIB
    tracemalloc.start()
    try:
        assert endpoint.post(bomb, **GZIP).status == 413
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def nested(levels: int) -> str:
    """A value that is so many levels deep."""
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("template", "beside"),
    [
        ('{"spans": [{"span_id": "r", "name": "R", "attributes": {"a": %s}}]}', 4),
        ('{"spans": [{"span_id": "r", "name": "R", "links": [%s]}]}', 4),
        ('{"spans": [{"span_id": "r", "name": "R", "events": [{"name": "e", "x": %s}]}]}', 5),
        ('{"spans": [{"span_id": "r", "name": "R", "unknown": %s}]}', 3),
        ('{"spans": [{"span_id": "r", "name": "R"}], "metadata": {"a": %s}}', 2),
        ('{"spans": [{"span_id": "r", "name": "R"}], "unknown": %s}', 1),
        ('{"data": {"text": %s}}', 2),
        ('{"data": {"text": "]]]]{{{{ \\"[[[["}, "metadata": {"a": %s}}', 2),
        ('{"resourceSpans": [], "unknown": %s}', 1),
    ],
)
def test_two_hundred_levels_are_taken_and_no_more(endpoint: Endpoint, template: str, beside: int):
    most = (template % nested(200 - beside)).encode()
    assert endpoint.post(most).status in (200, 201)
    answer = endpoint.post((template % nested(201 - beside)).encode())
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert "200 levels" in answer.message

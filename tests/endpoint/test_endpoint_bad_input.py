"""Everything that can be wrong with a request or with the store behind: each has its reply,
nothing of it is stored, and the endpoint goes on."""

import gzip
import http.client
import json
import socket
import sqlite3
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracedesk.endpoint.bodies import inflate
from tracedesk.endpoint.errors import Refused
from tracedesk.store import connections, writer

Endpoint = Any
Serve = Callable[..., Endpoint]

SPAN = {"span_id": "r", "name": "Root"}
SPANS = {"spans": [SPAN]}
MIB = 1 << 20


def nested(depth: int) -> bytes:
    inside = b"[" * depth + b"]" * depth
    return b'{"spans": [{"span_id": "r", "name": "R", "attributes": {"a": %s}}]}' % inside


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", None),
        (b"{", None),
        (b"not json", None),
        (b"[]", None),
        (b"null", None),
        (b"{}", None),
        (b'{"spans": []}', "spans"),
        (b'{"spans": {}}', "spans"),
        (b'{"spans": "x"}', "spans"),
        (b'{"spans": [{"span_id": "a"}]}', "spans[0].name"),
        (b'{"spans": [{"name": "a"}]}', "spans[0].span_id"),
        (b'{"spans": [null]}', "spans[0]"),
        (b'{"data": {}}', "data"),
        (b'{"data": []}', "data"),
        (b'{"data": {"text": "x"}, "externalId": 7}', "externalId"),
        (b'{"data": {"text": "x"}, "externalId": "%s"}' % (b"x" * 256), "externalId"),
        (b'{"spans": [{"span_id": "a", "name": "b"}], "platformId": "nobody"}', "platformId"),
        (b'{"resourceSpans": 7}', None),
        (nested(250), None),
        (nested(100_000), None),
        (b'{"spans": [{"span_id": "r", "name": "R", "attributes": {"a": NaN}}]}', None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_no_trace_is_400(endpoint: Endpoint, body: bytes, path: str | None):
    answer = endpoint.post(body, content_type="application/json")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.message
    if path is not None:
        assert answer.body["error"]["details"][0]["path"].startswith(path)
    assert endpoint.store.count() == 0
    assert endpoint.post(SPANS).status == 201, "the endpoint goes on"


def test_all_faults_of_a_body_are_reported_at_once(endpoint: Endpoint):
    answer = endpoint.post({"spans": [{"span_id": "a"}, {"name": "b"}, {}]})
    paths = [detail["path"] for detail in answer.body["error"]["details"]]
    assert {"spans[0].name", "spans[1].span_id", "spans[2].name"} <= set(paths)


@pytest.mark.parametrize(
    "span",
    [
        {"span_id": "r", "name": "half \ud800 pair"},
        {"span_id": "r", "name": "R", "start_time_unix_nano": str(2**63)},
        {"span_id": "r", "name": "R", "start_time_unix_nano": 2**80, "end_time_unix_nano": -1},
        {"span_id": "r", "name": "R", "attributes": {"n": 2**200}},
        {"span_id": "r", "name": "R\u0000", "attributes": {"\u0000": "\ud83d"}},
    ],
)
def test_odd_but_readable_values_are_stored(endpoint: Endpoint, span: dict[str, Any]):
    answer = endpoint.post({"spans": [span]}, x_request_id="odd")
    assert answer.status == 201
    (row,) = endpoint.store.rows()
    assert row.span_count == 1


def test_a_protobuf_body_that_is_none_is_400_in_json(endpoint: Endpoint):
    answer = endpoint.post(b"\xff\xff\xff", "/v1/traces", content_type="application/x-protobuf")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")


# -- sizes and encodings ---------------------------------------------------------------


def test_a_body_over_the_limit_is_413(serve: Serve):
    endpoint = serve(max_body_bytes=MIB)
    body = json.dumps({**SPANS, "metadata": {"pad": "x" * MIB}}).encode()
    answer = endpoint.post(body)
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert "payload too large" in answer.message
    assert endpoint.store.count() == 0


def test_a_chunked_body_over_the_limit_is_413(serve: Serve):
    endpoint = serve(max_body_bytes=MIB)
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=30)
    connection.request("POST", "/public/traces", iter([b"x" * 65536] * 20), encode_chunked=True,
                       headers={"transfer-encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().status == 413
    connection.close()


def test_a_small_bomb_is_413_without_filling_the_memory(serve: Serve):
    endpoint = serve(max_body_bytes=MIB)
    bomb = gzip.compress(bytes(64 * MIB))
    assert len(bomb) < MIB // 8
    answer = endpoint.post(bomb, content_encoding="gzip")
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")


def test_thirty_mebibytes_are_the_limit_unless_configured(endpoint: Endpoint):
    body = gzip.compress(b'{"data": {"text": "%s"}}' % (b"x" * 31 * MIB), 1)
    answer = endpoint.post(body, content_encoding="gzip", content_type="application/octet-stream")
    assert answer.status == 413
    assert "30 MiB" in answer.message


ZIPPED = gzip.compress(json.dumps(SPANS).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ZIPPED[: len(ZIPPED) // 2], "ends too early"),
        (ZIPPED[:5], "ends too early"),
        (b"", "ends too early"),
        (json.dumps(SPANS).encode(), "not valid gzip"),
        (ZIPPED[:-8] + bytes(8), "not valid gzip"),
        (ZIPPED + b"garbage", "followed by something else"),
        (zlib.compress(json.dumps(SPANS).encode()), "not valid gzip"),
    ],
)
def test_bad_gzip_is_400_and_says_what_is_wrong(endpoint: Endpoint, body: bytes, words: str):
    answer = endpoint.post(body, content_encoding="gzip")
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert words in answer.message
    assert endpoint.store.count() == 0


def test_gzip_members_are_joined_and_padding_is_tolerated(endpoint: Endpoint):
    text = json.dumps(SPANS).encode()
    body = gzip.compress(text[:10]) + gzip.compress(text[10:]) + bytes(16)
    assert endpoint.post(body, content_encoding="GZIP").status == 201


@given(st.binary(max_size=4000), st.integers(0, 4000), st.integers(0, 5))
@settings(max_examples=200)
def test_inflating_gives_the_bytes_or_a_refusal(data: bytes, limit: int, cut: int):
    zipped = gzip.compress(data)
    zipped = zipped[: len(zipped) - cut]
    status = None
    try:
        found = inflate(zipped, limit)
    except Refused as error:
        status = error.status
    else:
        assert found == data
    assert (status is None) == (cut == 0 and len(data) <= limit)
    assert status in (None, 400, 413)


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
def test_another_encoding_is_400(endpoint: Endpoint, encoding: str):
    answer = endpoint.post(SPANS, content_encoding=encoding)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]["details"][0]["path"] == "Content-Encoding"


def test_identity_and_any_content_type_are_taken(endpoint: Endpoint):
    assert endpoint.post(SPANS, content_encoding="identity").status == 201
    assert endpoint.post(SPANS, content_type="text/plain").status == 201


def test_a_request_id_over_255_characters_is_400(endpoint: Endpoint):
    assert endpoint.post(SPANS, x_request_id="x" * 255).status == 201
    answer = endpoint.post(SPANS, x_request_id="x" * 256)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]["details"][0]["path"] == "x-request-id"


def test_strict_canonical_refuses_old_bodies(serve: Serve):
    endpoint = serve(strict_canonical=True)
    answer = endpoint.post({"data": {"text": "Hello"}})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert endpoint.post(SPANS).status == 201


# -- connections -----------------------------------------------------------------------


def raw(endpoint: Endpoint, data: bytes) -> bytes:
    """Send bytes as they are, half-close, and read to the end."""
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_a_client_that_goes_away_mid_request_leaves_nothing(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
):
    raw(endpoint, b"POST /public/traces HTTP/1.1\r\nHost: localhost\r\n"
                  b'Content-Length: 1000\r\n\r\n{"spans": [')  # fmt: skip
    assert endpoint.post(SPANS).status == 201
    assert endpoint.store.count() == 1
    assert not [record for record in caplog.records if record.exc_info], "no traceback"


@pytest.mark.parametrize("data", [b"\x16\x03\x01 hello", b"GET\r\n\r\n", b"\r\n" * 50])
def test_bytes_that_are_no_http_end_that_connection_only(endpoint: Endpoint, data: bytes):
    raw(endpoint, data)
    assert endpoint.post(SPANS).status == 201


def test_pipelined_requests_are_answered_in_order(endpoint: Endpoint):
    body = json.dumps(SPANS).encode()
    one = b"POST /traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body), body,
    )  # fmt: skip
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        connection.sendall(one + one + last)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"201", b"201", b"200"]


# -- a store that cannot ---------------------------------------------------------------


def test_a_locked_database_is_503_and_stores_nothing(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "LOCK_PATIENCE_S", 0.01)
    endpoint = serve()
    other = sqlite3.connect(endpoint.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = endpoint.post(SPANS)
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert "locked by another program" in answer.message
    assert "retry-after" in answer.headers
    other.execute("ROLLBACK")
    other.close()
    assert endpoint.post(SPANS).status == 201
    assert endpoint.store.count() == 1


def test_a_full_disk_is_503_and_stores_nothing(endpoint: Endpoint):
    endpoint.store.writer.run(
        lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone()
    ).result()
    attributes = {f"key {i}": f"{i:x}" for i in range(20_000)}
    answer = endpoint.post({"spans": [{**SPAN, "attributes": attributes}]})
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert "disk is full" in answer.message
    assert endpoint.store.count() == 0


def test_a_database_that_cannot_be_written_is_503(endpoint: Endpoint):
    endpoint.store.writer._pen._connection.execute("PRAGMA query_only = 1")
    answer = endpoint.post(SPANS)
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert "cannot be written" in answer.message


def test_keys_that_cannot_be_read_are_503_auth_error(endpoint: Endpoint):
    endpoint.store.writer.run(lambda connection: connection.execute("DROP TABLE key")).result()
    answer = endpoint.post(SPANS, x_api_key="mibo_x")
    assert (answer.status, answer.code) == (503, "AUTH_ERROR")


def test_a_full_queue_is_503_with_retry_after(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer, "QUEUE_SUBMITS", 1)
    endpoint = serve(patience_s=0.01)
    reached, release = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        reached.set()
        release.wait(20)

    holding = endpoint.store.writer.run(hold)
    assert reached.wait(20)
    waiting = endpoint.store.writer.run(lambda _: None)
    answer = endpoint.post(SPANS)
    release.set()
    holding.result(20)
    waiting.result(20)
    assert (answer.status, answer.code) == (503, "SERVICE_BUSY")
    assert answer.headers["retry-after"] == "1"
    assert endpoint.store.count() == 0
    assert endpoint.post(SPANS).status == 201


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_body_is_a_500(endpoint: Endpoint, body: bytes):
    assert endpoint.post(body).status in (200, 201, 400)

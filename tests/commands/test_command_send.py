"""``tracedesk send``: kept requests and files, to a desk at work or anywhere else."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.endpoint.keys import create_key

BODY = b'{"spans": [{"span_id": "a",  "name": "Ferry Desk"}]}'
TRACE_ID = "5b8efff798038103d269b633813fc60c"
Run = Callable[..., Result]


class Elsewhere(HTTPServer):
    """An endpoint of somebody else: keeps what it gets, answers what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer = (201, {"data": {"id": "abc"}, "message": "Trace accepted"})
        self.further: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Taker(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        status, document = self.server.answer
        text = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(text)), **self.server.further}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def desk(open_desk: Callable[..., Any]) -> Any:
    return open_desk()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def invoke(*words: Any, command: str = "send", **variables: str) -> Result:
        arguments = [command, *map(str, words), "--workspace", str(tmp_path)]
        return CliRunner().invoke(cli, arguments, env=variables)

    return invoke


def otlp(*trace_ids: str, name: str = "a", span_id: str = "00f067aa0ba902b7") -> dict[str, Any]:
    spans = [{"traceId": i, "spanId": span_id, "name": name} for i in trace_ids]
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


def test_a_trace_goes_to_its_own_desk_unless_told_otherwise(
    desk: Any, call: Callable[..., Any], run: Run
) -> None:
    call(desk, "/public/traces", BODY, x_request_id="chat-7")
    result = run("chat-7")
    assert result.exit_code == 0, result.output
    (row,) = desk.store.rows()
    assert row.revision == 2, "the same identity: replaced"
    assert f"200 Trace accepted {row.id}" in result.output


def test_a_new_id_makes_a_new_trace(desk: Any, call: Callable[..., Any], run: Run) -> None:
    call(desk, "/public/traces", BODY, x_request_id="chat-7")
    assert run("chat-7", "--new-id").exit_code == 0
    assert [row.revision for row in desk.store.rows()] == [1, 1]


@pytest.mark.parametrize("spelt", [TRACE_ID, TRACE_ID.upper(), "W47/95gDgQPSabYzgT/GDA=="])
def test_a_new_id_is_written_into_otlp_json(
    desk: Any, call: Callable[..., Any], run: Run, spelt: str
) -> None:
    call(desk, "/v1/traces", otlp(spelt))
    call(desk, "/v1/traces", otlp(spelt, name="b", span_id="00f067aa0ba902b8"))
    assert run(TRACE_ID, "--new-id").exit_code == 0
    new, old = desk.store.rows()
    assert old.trace_id == TRACE_ID
    assert new.trace_id != TRACE_ID
    assert (new.span_count, old.span_count) == (2, 2), "both parts, one new id"


def test_a_new_id_is_written_into_otlp_protobuf(
    desk: Any, call: Callable[..., Any], run: Run
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=bytes.fromhex(TRACE_ID), span_id=b"2" * 8, name="good").links.add(
        trace_id=bytes.fromhex(TRACE_ID), span_id=b"3" * 8
    )
    sent = request.SerializeToString()
    reply = desk.endpoint.url
    assert reply
    import urllib.request

    post = urllib.request.Request(
        f"{reply}/v1/traces", sent, {"content-type": "application/x-protobuf"}
    )
    urllib.request.urlopen(post, timeout=20).close()
    result = run(TRACE_ID, "--new-id")
    assert result.exit_code == 0, result.output
    new, _ = desk.store.rows()
    (stored,) = desk.store.requests(new.id)
    assert bytes.fromhex(TRACE_ID) not in stored.body
    assert stored.body.count(bytes.fromhex(new.trace_id)) == 2, "span and link"


def test_bytes_headers_and_packing_are_those_received(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    call(
        desk, "/public/traces", gzip.compress(BODY),
        content_encoding="gzip", content_type="application/octet-stream", x_request_id="chat-7",
        x_custom="kept",
    )  # fmt: skip
    result = run("chat-7", "--to", elsewhere.url, "--header", "X-Custom: mine", "--key", "mibo_k")
    assert result.exit_code == 0, result.output
    ((path, headers, wire),) = elsewhere.got
    assert path == "/public/traces"
    assert gzip.decompress(wire) == BODY
    wanted = {
        "content-encoding": "gzip", "content-type": "application/octet-stream",
        "x-request-id": "chat-7", "x-custom": "mine", "x-api-key": "mibo_k",
    }  # fmt: skip
    assert {name: headers.get(name) for name in wanted} == wanted


def test_all_parts_go_in_order_and_logs_to_their_own_path(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    record = {"traceId": TRACE_ID, "spanId": "00f067aa0ba902b7", "body": {"stringValue": "hi"}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    call(desk, "/v1/traces", otlp(TRACE_ID))
    call(desk, "/v1/logs", logs)
    call(desk, "/v1/traces", otlp(TRACE_ID, name="b", span_id="00f067aa0ba902b8"))
    assert run(TRACE_ID, "--to", f"{elsewhere.url}/otel/v1/traces").exit_code == 0
    assert [path for path, _, _ in elsewhere.got] == [
        "/otel/v1/traces", "/otel/v1/logs", "/otel/v1/traces"
    ]  # fmt: skip
    assert [json.loads(body) for _, _, body in elsewhere.got][1] == logs


def test_traces_of_the_same_request_are_named(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    call(desk, "/v1/traces", otlp(TRACE_ID, TRACE_ID[::-1]))
    result = run(TRACE_ID, "--to", elsewhere.url)
    assert "its requests hold 2 traces; all of them are sent" in result.stderr


def test_a_refusal_is_told_in_full(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    call(desk, "/public/traces", BODY)
    details = [{"path": "spans[0].name", "msg": "is required", "type": "field"}]
    error = {"code": "VALIDATION_ERROR", "message": "two things", "details": details}
    elsewhere.answer = (400, {"error": error})
    result = run("last", "--to", elsewhere.url)
    assert result.exit_code == 2
    assert "400 VALIDATION_ERROR two things" in result.stdout
    assert "spans[0].name: is required" in result.stdout


def test_a_key_that_is_needed_is_asked_for(desk: Any, call: Callable[..., Any], run: Run) -> None:
    call(desk, "/public/traces", BODY, x_request_id="chat-7")
    _, key = create_key(desk.store, "test")
    refused = run("chat-7", TRACEDESK_API_KEY="mibo_wrong")
    assert (refused.exit_code, "set TRACEDESK_API_KEY" in refused.stdout) == (2, True)
    assert run("chat-7", TRACEDESK_API_KEY=key).exit_code == 0


def test_spans_that_are_left_out_there_are_a_failure(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    call(desk, "/v1/traces", otlp(TRACE_ID))
    elsewhere.answer = (200, {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no"}})
    result = run("last", "--to", elsewhere.url)
    assert (result.exit_code, "left out: 3" in result.stdout) == (2, True)


def test_redirects_are_not_followed(
    desk: Any, call: Callable[..., Any], run: Run, elsewhere: Elsewhere
) -> None:
    call(desk, "/public/traces", BODY)
    elsewhere.answer, elsewhere.further = (308, {}), {"location": "https://other.example/traces"}
    result = run("last", "--to", elsewhere.url)
    assert result.exit_code == 2
    assert "moved to https://other.example/traces; give that as --to" in result.stdout
    assert len(elsewhere.got) == 1


def test_json_is_one_document(desk: Any, call: Callable[..., Any], run: Run) -> None:
    call(desk, "/public/traces", BODY)
    document = json.loads(run("last", "--json").stdout)
    (reply,) = document["replies"]
    newest = desk.store.rows()[0]
    assert document["ok"] is True
    assert (reply["status"], reply["accepted"], reply["id"]) == (201, True, newest.id)


def test_a_file_is_sent_request_by_request(
    tmp_path: Path, desk: Any, run: Run, elsewhere: Elsewhere
) -> None:
    path = tmp_path / "two.jsonl.gz"
    saved = {"request": {"path": "/v1/traces", "headers": {"x-request-id": "r"}, "body": otlp("1")}}
    path.write_bytes(gzip.compress(BODY + b"\n" + json.dumps(saved).encode() + b"\nbroken\n"))
    result = run(path, "--to", elsewhere.url)
    assert result.exit_code == 2, "one line is broken"
    assert [(path, headers.get("x-request-id")) for path, headers, _ in elsewhere.got] == [
        ("/public/traces", None), ("/v1/traces", "r")
    ]  # fmt: skip
    assert elsewhere.got[0][2] == BODY
    assert "two.jsonl.gz:3" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing-like-it", "--to", "http://127.0.0.1:9"], "no stored trace 'nothing-like-it'"),
        (["last", "--to", "127.0.0.1:4318"], "is not a URL such as"),
        (["last", "--to", "ftp://127.0.0.1"], "is not a URL such as"),
        (["last", "--to", "http://127.0.0.1:1"], "cannot be reached"),
        (["last", "--to", "http://[::1"], "is not a URL such as"),
        (["last", "--header", "no colon"], "write it as 'Name: value'"),
        (["last", "--to", "http://127.0.0.1:99999"], "is not a URL such as"),
        (["last", "--header", "a b: c"], "header 'a b' holds characters that none may have"),
        (["last", "--key", "mibo_\nx: y"], "header 'x-api-key' holds characters"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    desk: Any, call: Callable[..., Any], run: Run, words: list[str], told: str
) -> None:
    call(desk, "/public/traces", BODY)
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_desk_at_work_an_endpoint_must_be_named(run: Run) -> None:
    result = run("last")
    assert result.exit_code == 2
    assert "start tracedesk serve, or name an endpoint: --to" in result.stderr

"""Over the wire: what is configured as secret is in no reply, no row and no file."""

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.cli import cli
from tracedesk.formats.redaction.settings import Redaction, RedactionSettings
from tracedesk.store import Store
from tracedesk.workspace import ConfigError, open_workspace

SECRET = "hunter2-hunter2"
CANONICAL = {
    "spans": [
        {
            "span_id": "a",
            "name": "Agent",
            "attributes": {
                "gen_ai.response.text": "Booked.",
                "http.request.header.authorization": SECRET,
                "gen_ai.tool.call.arguments": json.dumps({"password": SECRET, "city": "Rome"}),
            },
            "events": [{"name": "e", "attributes": {"cookie": SECRET}}],
        }
    ],
    "metadata": {"user": {"email": SECRET}, "environment": "test"},
}
OTLP = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "api_key", "value": {"stringValue": SECRET}}]},
            "scopeSpans": [
                {"spans": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "Agent"}]}
            ],
        }
    ]
}


def protobuf() -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"t" * 16, b"s" * 8, "Agent"
    span.attributes.add(key="x-api-key").value.string_value = SECRET
    return request.SerializeToString()


BODIES = [
    pytest.param("/public/traces", CANONICAL, {}, id="canonical"),
    pytest.param("/public/traces", {"data": {"text": "x", "secret": SECRET}}, {}, id="data"),
    pytest.param("/v1/traces", OTLP, {}, id="OTLP JSON"),
    pytest.param(
        "/v1/traces", protobuf(), {"content_type": "application/x-protobuf"}, id="OTLP protobuf"
    ),
    pytest.param(
        "/public/traces",
        gzip.compress(json.dumps(CANONICAL).encode()),
        {"content_encoding": "gzip"},
        id="gzip",
    ),
    pytest.param(
        "/public/traces",
        {**CANONICAL, "metadata": {"padding": "x" * 300_000, "passwd": SECRET}},
        {},
        id="large",
    ),
]


@pytest.fixture
def redacting(serve: Callable[..., Any]) -> Any:
    """An endpoint that redacts automatically, and below ``user.email``."""
    return serve(redaction=Redaction(RedactionSettings(True, ("user.email", "x-customer"))))


def everything(store: Store) -> str:
    """All that the database holds, kept bodies inflated."""
    connection = sqlite3.connect(store.path)
    dump = "\n".join(connection.iterdump())
    connection.close()
    bodies = [
        request.body.decode("utf-8", "replace")
        for row in store.rows(limit=1_000)
        for request in store.requests(row.id)
    ]
    return "\n".join([dump, *bodies])


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def told(reply: Any) -> list[str]:
    """What a reply says of redaction."""
    warnings = reply.body["data"].get("warnings", [])
    return [warning["message"] for warning in warnings if warning["code"] == "redacted"]


@pytest.mark.parametrize(("path", "body", "headers"), BODIES)
def test_secrets_never_reach_the_database(
    redacting: Any, path: str, body: Any, headers: dict[str, str], tmp_path: Path
) -> None:
    reply = redacting.post(body, path, x_customer=SECRET, **headers)
    assert reply.status in (200, 201)
    (row,) = redacting.store.rows()
    assert [warning.code for warning in row.warnings].count("redacted") == 1
    assert "[REDACTED]" in everything(redacting.store)
    assert SECRET not in everything(redacting.store)
    assert SECRET.encode() not in on_disk(tmp_path)


def test_the_same_without_redaction_would_be_found(endpoint: Any, tmp_path: Path) -> None:
    endpoint.post(CANONICAL)
    assert SECRET in everything(endpoint.store)
    assert SECRET.encode() in on_disk(tmp_path)


def test_the_sender_is_told_how_many_values_were_redacted(redacting: Any) -> None:
    assert told(redacting.post(CANONICAL)) == ["4 values were redacted before this was stored"]


def test_the_rest_of_a_trace_stays(redacting: Any) -> None:
    redacting.post(CANONICAL, x_request_id="r-1")
    (row,) = redacting.store.rows()
    (request,) = redacting.store.requests(row.id)
    body = json.loads(request.body)
    span = body["spans"][0]
    assert span["attributes"]["gen_ai.response.text"] == "Booked."
    assert json.loads(span["attributes"]["gen_ai.tool.call.arguments"]) == {
        "password": "[REDACTED]",
        "city": "Rome",
    }
    assert row.metadata == {"user": {"email": "[REDACTED]"}, "environment": "test"}
    assert row.external_id == request.headers["x-request-id"] == "r-1"


def test_a_body_without_secrets_is_kept_byte_for_byte(redacting: Any) -> None:
    sent = b'{ "data" : {"text":  "hello", "n": 1.50} }'
    assert told(redacting.post(sent)) == []
    (row,) = redacting.store.rows()
    assert redacting.store.requests(row.id)[0].body == sent


def test_what_cannot_be_read_is_refused_and_not_stored(redacting: Any) -> None:
    reply = redacting.post(b'{"data": {"password": "hunter2-hunter2"')
    assert (reply.status, reply.code) == (400, "VALIDATION_ERROR")
    assert SECRET not in json.dumps(reply.body)
    assert redacting.store.count() == 0


def test_redaction_changes_while_the_endpoint_runs(serve: Callable[..., Any]) -> None:
    redaction = Redaction()
    endpoint = serve(redaction=redaction)
    endpoint.post({"data": {"secret": "one"}})
    redaction.use(RedactionSettings(automatic=True))
    endpoint.post({"data": {"secret": "two"}})
    newest, oldest = endpoint.store.rows()
    assert b"[REDACTED]" in endpoint.store.requests(newest.id)[0].body
    assert b"one" in endpoint.store.requests(oldest.id)[0].body


# -- configured ------------------------------------------------------------------------


def test_files_are_imported_by_the_same_rules(tmp_path: Path) -> None:
    (tmp_path / "tracedesk.toml").write_text('[redaction]\nautomatic = true\npaths = ["*.email"]\n')
    (tmp_path / "trace.json").write_text(json.dumps(CANONICAL))
    done = CliRunner().invoke(
        cli, ["import", str(tmp_path / "trace.json"), "--workspace", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    with Store.open(tmp_path / ".tracedesk" / "traces.db") as store:
        assert SECRET not in everything(store)
        assert "redacted" in [warning.code for warning in store.rows()[0].warnings]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('paths = ["customer..email"]', r"redaction.paths\[0\]: .*empty segment"),
        ('paths = ["a", "b."]', r"redaction.paths\[1\]: .*'b.' ends with a dot"),
        ('paths = ["items[0].x"]', "has brackets; lists are walked through"),
        ('paths = ["*@x"]', r"partial wildcard '\*@x'"),
        ('automatic = "yes"', "redaction.automatic: .*boolean"),
        ("automatik = true", "did you mean 'automatic'"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, table: str, problem: str) -> None:
    (tmp_path / "tracedesk.toml").write_text(f"[redaction]\n{table}\n")
    with pytest.raises(ConfigError, match=problem):
        open_workspace(tmp_path)


def test_a_saved_table_applies_at_once(
    tmp_path: Path,
    open_desk: Callable[..., Any],
    call: Callable[..., Any],
    until: Callable[..., Any],
) -> None:
    desk = open_desk()
    (tmp_path / "tracedesk.toml").write_text("[redaction]\nautomatic = true\n")
    until(lambda: desk.workspace.redaction.automatic)
    call(desk, "/public/traces", CANONICAL)
    (row,) = desk.store.rows()
    assert "redacted" in [warning.code for warning in row.warnings]

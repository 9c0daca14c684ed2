"""Real clients against the real endpoint: what they send is what is stored and read."""

import gzip
import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tracedesk.desk import Desk, OpenTrace
from tracedesk.model.trace import Format

CLIENTS = Path(__file__).parents[1] / "clients"
SAMPLES = Path(__file__).parents[2] / "sample_traces"
CLIENT_TIMEOUT_S = 60

AGENTS = """\
[[agents]]
name = "planner"
otlp_service_name = "trip-planner"

[[agents]]
name = "fares"
otlp_service_name = "fare-service"
"""


def run(desk: Desk, program: str, *arguments: str, **environment: str) -> None:
    """Run a client to its end; when it has ended, all it sent was answered, so is stored."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", desk.endpoint.url or "")
    done = subprocess.run(
        [sys.executable, str(CLIENTS / program), *arguments],
        env={**clean, "AGENT_PACE": "0", **environment},
        capture_output=True,
        text=True,
        timeout=CLIENT_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to export" not in done.stderr


def only(desk: Desk) -> OpenTrace:
    """The one stored trace, opened."""
    (row,) = desk.store.rows()
    opened = desk.load(row.id)
    assert opened is not None
    return opened


def labels(opened: OpenTrace) -> list[str]:
    """Indented names in tree order."""
    tree, spans = opened.tree, opened.trace.spans
    return ["  " * tree.depth[row] + spans[index].name for row, index in enumerate(tree.order)]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_python_exporter(open_desk: Callable[..., Desk], compression: str) -> None:
    desk = open_desk()
    run(desk, "support_agent.py", OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    opened = only(desk)
    assert opened.row.format == Format.OTLP
    assert (opened.row.span_count, opened.row.error_count) == (5, 1)
    assert opened.row.external_id == opened.row.trace_id == opened.trace.trace_id
    assert labels(opened) == [
        "invoke_agent Support Agent",
        "  chat gpt-4o-mini",
        "  execute_tool track_order",
        "  execute_tool track_order",
        "  chat gpt-4o-mini",
    ]
    reading = opened.reading
    assert (reading.input.text or "").startswith("Where is my order A-2207?")
    assert (reading.response.text or "").startswith("Your order A-2207 left the depot")
    assert [(c.label, c.status) for c in reading.tool_calls] == [
        ("track_order", "error"),
        ("track_order", "unknown"),  # this SDK leaves the status of a success unset
    ]
    assert reading.tool_calls[0].arguments == {"order_id": "A-2207", "carrier": "Rapida"}
    assert (reading.usage.input, reading.usage.output) == (395, 60)
    assert reading.http_status.value == 200
    (request,) = desk.store.requests(opened.row.id)
    assert request.path == "/v1/traces"
    assert b"track_order" in request.body, "kept inflated"


def test_an_encoding_that_is_refused_is_seen_by_the_client(
    open_desk: Callable[..., Desk],
) -> None:
    desk = open_desk()
    with pytest.raises(AssertionError, match="Failed to export"):
        run(desk, "support_agent.py", OTEL_EXPORTER_OTLP_COMPRESSION="deflate")
    assert desk.store.count() == 0


def test_an_exporter_with_the_full_address(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    url = f"{desk.endpoint.url}/public/traces"
    run(desk, "support_agent.py", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=url)
    assert only(desk).row.span_count == 5


def test_one_trace_in_many_batches(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    run(desk, "research_agent.py", "4", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16")
    opened = only(desk)
    requests = desk.store.requests(opened.row.id)
    assert len(requests) > 4
    assert b"invoke_agent Research Agent" not in requests[0].body, "children come first"
    assert b"invoke_agent Research Agent" in requests[-1].body
    assert opened.row.span_count == len(opened.trace.spans) > 100
    assert not opened.tree.orphans
    assert labels(opened)[0] == "invoke_agent Research Agent"
    assert sum(depth == 0 for depth in opened.tree.depth) == 1
    assert (opened.reading.response.text or "").startswith("Reed beds remove")


def test_two_services_and_one_trace(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    run(desk, "trip_planner.py")
    opened = only(desk)
    assert labels(opened) == [
        "invoke_agent Trip Planner",
        "  chat gpt-4o-mini",
        "  execute_tool search_fares",
        "    GET /fares",
        "      SELECT fares",
        "  chat gpt-4o-mini",
    ]
    services = {s.name: opened.trace.resources[s.resource].service for s in opened.trace.spans}
    assert services["invoke_agent Trip Planner"] == "trip-planner"
    assert services["SELECT fares"] == "fare-service"
    assert len(desk.store.requests(opened.row.id)) == 5
    assert (opened.reading.response.text or "").startswith("The 08:40 AVE")


def test_services_of_different_agents_are_kept_apart(
    tmp_path: Path, open_desk: Callable[..., Desk]
) -> None:
    (tmp_path / "tracedesk.toml").write_text(AGENTS)
    desk = open_desk()
    run(desk, "trip_planner.py")
    found = {desk.agent_name(row.agent_id): row for row in desk.store.rows()}
    assert {name: row.span_count for name, row in found.items()} == {"planner": 4, "fares": 2}
    assert {row.routed_by for row in found.values()} == {"service_name"}
    assert len({row.trace_id for row in found.values()}) == 1


def test_our_own_code_with_a_request_id(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    url = f"{desk.endpoint.url}/public/traces"
    for slip in ([], ["--slip"]):
        run(desk, "booking_agent.py", url, "--pace", "0", "--request-id", "run-1", *slip)
    opened = only(desk)
    assert (opened.row.external_id, opened.row.revision) == ("run-1", 2)
    assert [c.label for c in opened.reading.tool_calls] == [
        "check_availability",
        "create_booking",
        "notify_guest",
    ]
    assert opened.reading.tool_calls[1].arguments["party"] == "4", "the later run replaced it"
    assert opened.reading.tool_calls[2].arguments_state == "absent"


def test_the_older_body(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    run(desk, "kiosk_agent.py", f"{desk.endpoint.url}/public/traces")
    opened = only(desk)
    assert (opened.row.format, opened.row.external_id) == (Format.CUSTOM, "kiosk-2-00318")
    assert [c.label for c in opened.reading.node_calls] == ["Search Catalogue", "Library Agent"]
    assert opened.reading.duration_ms.value == 1840
    assert opened.reading.usage.total == 229


def post(url: str, body: bytes, headers: Sequence[str]) -> tuple[int, Any]:
    """POST as a person would, with curl where there is one. Status and reply."""
    curl = shutil.which("curl")
    if curl is None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.netloc, timeout=CLIENT_TIMEOUT_S)
        named = dict(header.split(": ", 1) for header in headers)
        connection.request("POST", address.path, body, named)
        reply = connection.getresponse()
        document = json.loads(reply.read())
        connection.close()
        return reply.status, document
    options = [part for header in headers for part in ("-H", header)]
    command = [curl, "-sS", url, *options, "--data-binary", "@-", "-w", "\n%{http_code}"]
    done = subprocess.run(command, input=body, capture_output=True, timeout=CLIENT_TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    text, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(text)


def test_curl(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    url = f"{desk.endpoint.url}/public/traces"
    sample = json.loads((SAMPLES / "booking.json").read_text())
    body = json.dumps(sample["request"]["body"]).encode()
    headers = ["Content-Type: application/json", "x-request-id: chat-001"]
    status, reply = post(url, body, headers)
    assert (status, reply["success"]) == (201, True)
    assert reply["id"] == reply["traceId"] == reply["data"]["id"]

    status, again = post(url, gzip.compress(body), [*headers, "Content-Encoding: gzip"])
    assert (status, again["data"]["id"]) == (200, reply["data"]["id"])
    opened = only(desk)
    assert (opened.row.revision, opened.row.external_id) == (2, "chat-001")
    (request,) = desk.store.requests(opened.row.id)
    assert request.body == body

    status, refused = post(url, b'{"spans": [{"name": "no id"}]}', headers)
    assert (status, refused["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert refused["error"]["details"][0]["path"] == "spans[0].span_id"
    assert only(desk).row.revision == 2

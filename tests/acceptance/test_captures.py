"""Every recorded client, replayed over HTTP as it sent its bytes, and read back over HTTP."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tracedesk.desk import Desk, Options
from tracedesk.workspace import find_workspace

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
NAMES = sorted(path.name for path in CAPTURES.glob("*.json"))
AGENTS = {
    "n8n": "11111111-1111-4111-8111-111111111111",
    "flowise": "22222222-2222-4222-8222-222222222222",
    "auto": "33333333-3333-4333-8333-333333333333",
}
DROPPED = {"host", "connection", "content-length", "transfer-encoding", "x-api-key"}

Facts = dict[str, Any]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("captures")
    (root / "tracedesk.toml").write_text(
        "\n".join(
            f'[[agents]]\nname = "{name}"\ntype = "{name}"\nid = "{agent_id}"\n'
            for name, agent_id in AGENTS.items()
        )
    )
    with Desk(find_workspace(root), Options(port=0, quiet_s=0.05)) as running:
        assert running.ready.wait(20)
        yield running


def requests_of(capture: Facts) -> Iterator[tuple[str, dict[str, str], bytes]]:
    """Path, headers and bytes of each request; what a poller or a caller pushes as ``data``."""
    pushed = capture.get("response", {}).get("body") or capture.get("request", {}).get(
        "response_body"
    )
    if pushed is not None:
        kind = "flowise" if "response" in capture else "n8n"
        body = {"data": pushed, "platformId": AGENTS[kind]}
        yield "/public/traces", {"Content-Type": "application/json"}, json.dumps(body).encode()
        return
    for request in (
        *(capture.get("requests") or [capture["request"]]),
        *capture.get("other_signal_requests", []),
    ):
        body = request.get("body")
        if isinstance(body, dict) and "platformId" in body:
            body = body | {"platformId": AGENTS["n8n"]}  # the recorded id is of another project
        raw = (
            base64.b64decode(request["body_base64"]) if body is None else json.dumps(body).encode()
        )
        headers = {k: v for k, v in request["headers"].items() if k.lower() not in DROPPED}
        yield request["path"], headers, raw


def replay(desk: Desk, capture: Facts) -> Facts:
    """Send it and get the trace that the last of its first kind of replies names."""
    trace_id = None
    for path, headers, body in requests_of(capture):
        try:
            with urlopen(Request(f"{desk.endpoint.url}{path}", body, headers), timeout=20) as reply:
                answer = reply.read()
        except HTTPError as refused:
            raise AssertionError(refused.read().decode()) from refused
        if trace_id is None and answer.startswith(b"{") and b'"traceId"' in answer:
            trace_id = json.loads(answer)["traceId"]
    if trace_id is None:  # a protobuf reply names no trace: it is found by its OTLP id
        told = capture["expected"]["otlp"]["traces"][0]["trace_id"]
        (row,) = desk.store.find(told)
        trace_id = row.id
    with urlopen(f"{desk.endpoint.url}/public/traces/{trace_id}", timeout=20) as reply:
        found: Facts = json.load(reply)["data"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_a_client_sent_is_read_out_of_it(desk: Desk, name: str):
    capture = json.loads((CAPTURES / name).read_text())
    expected = capture["expected"]
    if "other_signal_requests" in capture:  # what its spans alone do not tell stands in its logs
        expected = expected | expected["ground_truth_not_in_payload"]
    found = replay(desk, capture)
    reading = found["reading"]

    if "response_text" in expected:
        assert reading["response"]["text"] == expected["response_text"]
    if isinstance(expected.get("user_input"), str):
        assert reading["input"]["text"] == expected["user_input"]
    for text in (reading["response"], reading["input"]):
        assert text["source"] or text["tried"], "a blank says what was tried"
    if "error" in expected:
        assert (found["status"] == "failed") == expected["error"]

    called = [(call["name"], call["arguments"]) for call in reading["toolCalls"]]
    told = expected.get("tool_calls")
    if told and "as_recorded_by_n8n" in told[0]:
        assert called == [(call["name"], call["as_recorded_by_n8n"]) for call in told]
    elif told is not None:
        assert called == [(call["name"], call["arguments"]) for call in told]

    usage = expected.get("usage") or {}
    for ours, theirs in (("input", "input_tokens"), ("output", "output_tokens")):
        if theirs in usage:
            assert reading["usage"][ours] == usage[theirs]
    if "total_tokens" in usage:
        assert reading["usage"]["total"] == usage["total_tokens"]
    if "http_status" in expected:
        assert reading["httpStatus"] == expected["http_status"]

    names = {call["name"] for call in (*reading["nodeCalls"], *reading["toolCalls"])}
    raw_names = {span["name"] for span in found["spans"]}  # a tool call bears the tool's own name
    assert names | raw_names >= set(expected.get("node_names", ()))
    assert names.isdisjoint(expected.get("not_executed", ()))
    for trace in expected.get("otlp", {}).get("traces", ())[:1]:
        assert found["spanCount"] == trace["span_count"]
        parents = {span["span_id"]: span["parent_span_id"] for span in found["spans"]}
        assert parents == {
            span["span_id"]: span["parent_span_id"] for span in trace["spans_in_export_order"]
        }

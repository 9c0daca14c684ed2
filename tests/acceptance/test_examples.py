"""The worked examples over HTTP: what is answered, what is read, what assertions say, in the
shape that ``GET /public/traces/{id}`` and ``show --json`` share."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tracedesk.desk import Desk
from tracedesk.endpoint.keys import create_key

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())
SENT = [e for e in EXAMPLES if e.get("kind") in (None, "routing", "error", "client")]
KEY = "mibo_local_demo_key"
AGENT = "550e8400-e29b-41d4-a716-446655440000"
GENERATED = {
    "gzip of a JSON body of 31 MiB": gzip.compress(
        b'{"data":{"text":"' + b" " * (31 << 20) + b'"}}'
    ),
    'gzip of {"spans":[{"span_id":"g","name":"Zipped"}]}': gzip.compress(
        b'{"spans":[{"span_id":"g","name":"Zipped"}]}'
    ),
}

Example = dict[str, Any]


def configuration(example: Example) -> str:
    """``tracedesk.toml`` of an example: its agent, or its agents."""
    agents = example.get("agents") or [{"id": AGENT, **(example.get("agent") or {})}]
    lines = []
    for number, agent in enumerate(agents):
        lines += ["[[agents]]", f'name = "agent {number}"']
        for name in ("id", "type", "response_path", "otlp_service_name"):
            if name in agent:
                lines.append(f"{name} = {json.dumps(agent[name])}")
        if "workflow_id" in agent:
            lines.append(f"workflow_ids = [{json.dumps(agent['workflow_id'])}]")
    for name, value in example.get("settings", {}).items():
        lines += ["[endpoint]", f"{name} = {json.dumps(value)}"]
    return "\n".join(lines)


def send(desk: Desk, request: Example) -> tuple[int, Example]:
    body = request.get("body")
    if "body_generator" in request:
        data = GENERATED[request["body_generator"]]
    else:
        data = None if body is None else json.dumps(body).encode()
    asked = Request(
        f"{desk.endpoint.url}{request['path']}", data, request["headers"], method=request["method"]
    )
    try:
        with urlopen(asked, timeout=20) as reply:
            return reply.status, json.load(reply)
    except HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def found_facts(document: Example, traces: int) -> Example:
    """Where the fields of ``expect.extract`` stand in the document of a trace."""
    reading = document["reading"]
    response = reading["response"]["text"]
    try:
        parsed = json.loads(response or "")
    except ValueError:
        parsed = None
    return {
        "format": document["format"],
        "status": document["status"],
        "external_id": document["externalId"],
        "response_text": response,
        "response_text_json": parsed,
        "input_text": reading["input"]["text"],
        "tokens_total": reading["usage"]["total"],
        "http_status": reading["httpStatus"],
        "duration_ms": reading["durationMs"],
        "node_calls": [call["name"] for call in reading["nodeCalls"]],
        "tool_calls": [call["name"] for call in reading["toolCalls"]],
        "traces": traces,
        "spans": document["spanCount"],
    }


def case_file(example: Example) -> str:
    """The assertions of an example, a case each."""
    cases = [
        {"name": f"case {number}", "assertions": [entry["assertion"]]}
        for number, entry in enumerate(example.get("assertions", ()))
    ]
    return json.dumps({"cases": cases})


@pytest.mark.parametrize("example", SENT, ids=[e["id"] for e in SENT])
def test_example(example: Example, tmp_path: Path, open_desk: Callable[..., Desk]):
    (tmp_path / "tracedesk.toml").write_text(configuration(example))
    if example.get("assertions"):
        (tmp_path / "testcases").mkdir()
        (tmp_path / "testcases" / "example.json").write_text(case_file(example))
    desk = open_desk(quiet_s=0.0)
    create_key(desk.store, "demo", example.get("key_scope") or [AGENT], secret=KEY)

    requests, expect = example["request"], example["expect"]
    requests = requests if isinstance(requests, list) else [requests]
    answers = [send(desk, request) for request in requests]
    wanted = expect["http"] if isinstance(expect["http"], list) else [expect["http"]]
    assert [status for status, _ in answers] == wanted, answers

    reply = answers[-1][1]
    if "code" in expect:
        error = reply["error"]
        assert error["code"] == expect["code"]
        assert expect.get("message_contains", "") in error["message"]
        if "details_path" in expect:
            assert error["details"][0]["path"] == expect["details_path"]
    if "agent" in expect:
        assert reply["data"]["platformId"] == expect["agent"]
    if "extract" in expect or "assertions" in example:
        rows = desk.store.rows()
        path = f"/public/traces/{reply['data']['id']}"
        headers = {"x-api-key": KEY}
        _, got = send(desk, {"path": path, "headers": headers, "method": "GET"})
        facts = found_facts(got["data"], len(rows))
        for name, value in expect.get("extract", {}).items():
            if name in facts:
                assert facts[name] == value, name
        verdicts = [case["assertions"][0]["verdict"] for case in got["data"]["evaluation"]["cases"]]
        assert verdicts == [entry["verdict"] for entry in example.get("assertions", ())]

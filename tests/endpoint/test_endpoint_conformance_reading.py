"""What is read out of a body, as ``GET /public/traces/{id}`` tells it: the rows of the conflict
register (ingestion spec 19) that bodies decide, and duration, status and tokens (16).

The other rows of the register: C1 to C6 in the routing table, C7 in the limits, C8, C17 to C19
in the bodies, C15 in the merging; C11 and C14 are rules of assertions and tested there.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.model.agent import LOCAL_AGENT_ID, Agent

Endpoint = Any
Serve = Callable[..., Endpoint]

MS = 10**6


def node(**fields: Any) -> dict[str, Any]:
    return {"output": {}, "status": "success", **fields}


def span(number: int, **attributes: Any) -> dict[str, Any]:
    parent = None if number == 0 else "0"
    return {
        "span_id": str(number),
        "name": f"S{number}",
        "parent_span_id": parent,
        "attributes": {name.replace("__", "."): value for name, value in attributes.items()},
    }


def timed(number: int, start_ms: float | None, end_ms: float | None, **more: Any) -> dict[str, Any]:
    found = {**span(number), **more}
    for name, value in (("start", start_ms), ("end", end_ms)):
        if value is not None:
            found[f"{name}_time_unix_nano"] = str(10**18 + int(value * MS))
    return found


STATUS_CODE = "http.response.status_code"
AGENT_NODE = node(type="@n8n/n8n-nodes-langchain.agent", output={"output": "From n8n."})
MANUAL = {
    "input": [{"json": {"chatInput": "Hi"}}],
    "nodes": [{"nodeName": "Agent", "items": [{"json": {"output": "Wrapped."}}]}],
}
RAW_ITEMS = {**MANUAL, "nodes": [{"nodeName": "Agent", "items": [{"output": "Raw."}]}]}
NATIVE = {"resultData": {"runData": {"A": [{"data": {"main": [[{"json": {"output": "N"}}]]}}]}}}
FLOW = {"text": "From Flowise.", "question": "Q", "chatId": "c"}

READINGS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    # settings of the agent, body, what is read
    "C9 status beside data": (
        {"type": "n8n"}, {"status": "success", "data": {"Agent": AGENT_NODE}},
        {"format": "n8n_optimized", "response": "From n8n."}),
    "C9 data in data": (
        {"type": "n8n"}, {"data": {"status": "success", "data": {"Agent": AGENT_NODE}}},
        {"format": "n8n_optimized", "response": "From n8n."}),
    "C9 nodes in data": ({"type": "n8n"}, {"data": MANUAL}, {"format": "n8n_manual"}),
    "C9 nodes a level deeper": (
        {"type": "n8n"}, {"data": {"data": MANUAL}}, {"format": "n8n_manual"}),
    "C10 items under json": ({"type": "n8n"}, {"data": MANUAL}, {"response": "Wrapped."}),
    "C10 raw items": ({"type": "n8n"}, {"data": RAW_ITEMS}, {"response": "Raw."}),
    "C12 custom order": (
        {"type": "custom"}, {"data": {"output": "o", "message": "m", "answer": "a"}},
        {"response": "m"}),
    "C12 n8n order": (
        {"type": "n8n"},
        {"status": "success", "data": {"N": node(type="x.openAi", output={
            "output": "o", "message": "m", "answer": "a"})}},
        {"response": "o"}),
    "C13 attributes first": (
        {}, {"spans": [timed(0, 0, 5, attributes={STATUS_CODE: 201})],
             "metadata": {"http_status": 500, "duration_ms": 9}},
        {"http_status": 201, "duration": 5}),
    "C13 then metadata": (
        {"type": "custom"},
        {"data": {"text": "x", "_http_status": 500, "_metadata": {"duration_ms": 9}},
         "metadata": {"http_status": 202, "duration_ms": 7}},
        {"http_status": 202, "duration": 7}),
    "C13 then data": (
        {"type": "custom"},
        {"data": {"text": "x", "_http_status": "503", "_metadata": {"duration_ms": 9}}},
        {"http_status": 503, "duration": 9}),
    "C13 nowhere": ({"type": "custom"}, {"data": {"text": "x"}},
                    {"http_status": None, "duration": None}),
    "C14 a tool list is no node": (
        {"type": "custom"}, {"data": {"text": "x", "tool_calls": [{"name": "t", "arguments": {}}]}},
        {"node_calls": [], "tool_calls": ["t"]}),
    "C17 spans win": ({}, {"spans": [span(0, gen_ai__response__text="s")], "data": {"text": "d"}},
                      {"format": "canonical", "response": "s"}),
    "C19 the last of an id is kept": (
        {}, {"spans": [span(0, gen_ai__response__text="a"), span(0, gen_ai__response__text="b")]},
        {"response": "b"}),
    "C20 an error span fails the trace": (
        {}, {"spans": [span(0), {**span(1), "status": {"code": 2}}]},
        {"status": "failed", "node_calls": ["S0", "S1"]}),
    "C21 the type decides": ({"type": "custom"}, {"data": FLOW}, {"format": "custom"}),
    "C21 http is custom": ({"type": "http"}, {"data": FLOW}, {"format": "custom"}),
    "C21 sniffed flowise": ({"type": "auto"}, {"data": FLOW}, {"format": "flowise"}),
    "C21 sniffed native": ({"type": "auto"}, {"data": {"data": NATIVE}}, {"format": "n8n_native"}),
    "C21 sniffed optimized": (
        {"type": "auto"}, {"status": "success", "data": {"Agent": AGENT_NODE}},
        {"format": "n8n_optimized"}),
    "C21 sniffed manual": ({"type": "auto"}, {"data": MANUAL}, {"format": "n8n_manual"}),
    "C21 sniffed custom": ({"type": "auto"}, {"data": {"text": "x"}}, {"format": "custom"}),
    "C22 path inside data": (
        {"type": "custom", "response_path": "a.0.b"},
        {"data": {"a": [{"b": "inside"}], "text": "t"}}, {"response": "inside"}),
    "C22 path from the body": (
        {"type": "custom", "response_path": "data.a.0.b"},
        {"data": {"a": [{"b": "outside"}], "text": "t"}}, {"response": "outside"}),
    "C22 no hit": ({"type": "custom", "response_path": "gone"}, {"data": {"text": "t"}},
                   {"response": "t"}),
    "C23 the last AI-looking node": (
        {"type": "custom"},
        {"data": {"Bot": node(type="ai-agent", output={"text": "bot"}),
                  "End": node(output={"text": "end"})}},
        {"response": "bot", "node_calls": ["Bot", "End"]}),
    "16.1 root times": ({}, {"spans": [timed(0, 0, 2.5), timed(1, 0, 9)]}, {"duration": 2.5}),
    "16.1 root without times": (
        {}, {"spans": [timed(0, None, None), timed(1, 1, 3), timed(2, 2, 8)]}, {"duration": 7}),
    "16.1 several roots": (
        {}, {"spans": [timed(0, 0, 2), timed(1, 1, 6, parent_span_id=None)]}, {"duration": 6}),
    "16.1 negative": ({}, {"spans": [timed(0, 5, 1)]},
                      {"duration": None, "warnings": ["negative_duration"]}),
    "16.1 no times": ({}, {"spans": [span(0)]}, {"duration": None}),
    "16.2 root first": (
        {}, {"spans": [{**span(1), "attributes": {STATUS_CODE: 404}},
                       {**span(0), "attributes": {STATUS_CODE: 200}}]}, {"http_status": 200}),
    "16.2 then below": ({}, {"spans": [span(0), {**span(1), "attributes": {STATUS_CODE: "404"}}]},
                        {"http_status": 404}),
    "16.3 a custom node in error": (
        {"type": "custom"}, {"data": {"A": node(status="error")}}, {"status": "failed"}),
    "16.3 n8n partial": (
        {"type": "n8n"}, {"status": "partial", "data": {"Agent": AGENT_NODE,
                                                       "B": node(status="skipped")}},
        {"status": "partial", "node_calls": ["Agent"]}),
    "16.3 skipped spans": (
        {}, {"spans": [span(0), span(1, n8n__node__status="skipped")]},
        {"status": "completed", "node_calls": ["S0"]}),
    "16.4 attributes": (
        {}, {"spans": [span(0, gen_ai__usage__input_tokens="7", gen_ai__usage__output_tokens=3)]},
        {"tokens": 10}),
    "16.4 the root's": (
        {}, {"spans": [span(0, gen_ai__usage__input_tokens=5),
                       span(1, gen_ai__usage__input_tokens=5)]}, {"tokens": 5}),
    "16.4 below": ({}, {"spans": [span(0), span(1, gen_ai__usage__input_tokens=5),
                                  span(2, gen_ai__usage__output_tokens=2)]}, {"tokens": 7}),
    "16.4 Gemini": (
        {"type": "custom"},
        {"data": {"text": "x", "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2,
                                                 "totalTokenCount": 9}}}, {"tokens": 9}),
    "16.4 LangChain": (
        {"type": "custom"},
        {"data": {"text": "x", "usageMetadata": {"input_tokens": 1, "output_tokens": 2}}},
        {"tokens": 3}),
    "16.4 OpenAI": (
        {"type": "custom"},
        {"data": {"text": "x", "usage": {"prompt_tokens": 1, "completion_tokens": 2,
                                         "total_tokens": 3}}}, {"tokens": 3}),
    "16.4 Anthropic": (
        {"type": "custom"}, {"data": {"text": "x", "usage": {"input_tokens": 4,
                                                            "output_tokens": 2}}}, {"tokens": 6}),
    "16.4 n8n model": (
        {"type": "custom"},
        {"data": {"text": "x", "tokenUsage": {"promptTokens": 1, "completionTokens": 2}}},
        {"tokens": 3}),
    "18 redacted is a value": (
        {}, {"spans": [span(0, gen_ai__response__text="[REDACTED]")]}, {"response": "[REDACTED]"}),
}  # fmt: skip


@pytest.mark.parametrize(("agent", "body", "expected"), READINGS.values(), ids=READINGS)
def test_reading(serve: Serve, agent: dict[str, Any], body: Any, expected: dict[str, Any]):
    endpoint = serve(Agent(id=LOCAL_AGENT_ID, name="local", **agent))
    answer = endpoint.post(body)
    assert answer.status == 201, answer
    trace = endpoint.get(f"/public/traces/{answer.body['id']}").body["data"]
    reading = trace["reading"]
    found = {
        "format": trace["format"],
        "status": trace["status"],
        "warnings": [warning["code"] for warning in trace["warnings"]],
        "response": reading["response"]["text"],
        "http_status": reading["httpStatus"],
        "duration": reading["durationMs"],
        "tokens": reading["usage"]["total"],
        "node_calls": [call["name"] for call in reading["nodeCalls"]],
        "tool_calls": [call["name"] for call in reading["toolCalls"]],
    }
    assert {name: found[name] for name in expected} == expected

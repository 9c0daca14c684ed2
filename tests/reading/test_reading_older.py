"""Older ``data`` bodies read back: recorded n8n and Flowise clients, and odd corners."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracedesk.formats.detect import read_body
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Trace
from tracedesk.reading import ReadingSettings, read

CAPTURES = Path(__file__).parents[1] / "data" / "captures"


def trace_of(body: dict[str, Any], agent_type: str = "auto") -> Trace:
    return read_body(json.dumps(body).encode()).trace(agent_type)


def reading_of(data: Any, agent_type: str = "auto", **body: Any) -> Reading:
    return read(trace_of({"data": data, **body}, agent_type))


def capture(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    recorded = json.loads((CAPTURES / f"{name}.json").read_text())
    request, response = recorded["request"], recorded.get("response")
    if response is not None:
        return {"data": response["body"]}, recorded["expected"]
    pushed = request.get("response_body")
    return ({"data": pushed} if pushed else request["body"]), recorded["expected"]


NATIVE = ["n8n-agent-tools", "n8n-errors", "n8n-set-code-if"]
FLOWISE = [
    "flowise-agentflow-agent-tools",
    "flowise-agentflow-condition",
    "flowise-chatflow-tool-agent",
]
TESTING_NODE = ["mibo-node-f3951ec-auto", "mibo-node-f3951ec-manual"]


@pytest.mark.parametrize("agent_type", ["n8n", "auto"])
@pytest.mark.parametrize("name", NATIVE)
def test_native_executions(name: str, agent_type: str) -> None:
    body, expected = capture(name)
    trace = trace_of(body, agent_type)
    reading = read(trace)

    assert trace.format is Format.N8N_NATIVE
    assert [c.label for c in reading.calls] == [run["node"] for run in expected["runs_in_order"]]
    assert [c.label for c in reading.tool_calls] == [t["node"] for t in expected["tool_calls"]]
    for call, told in zip(reading.tool_calls, expected["tool_calls"], strict=True):
        assert call.arguments == told["as_recorded_by_n8n"]
        assert call.parent == next(c.id for c in reading.calls if c.label == "AI Agent")
    assert (reading.status == "failed") == expected["error"]
    assert reading.duration_ms.value is not None
    if "response_text" in expected:
        assert reading.response.text == expected["response_text"]
    if "usage" in expected:
        assert (reading.usage.input, reading.usage.output, reading.usage.total) == (561, 61, 622)
    if isinstance(expected.get("user_input"), str):
        assert reading.input.text == expected["user_input"]
    if "failed_node" in expected:
        (failed,) = (call for call in reading.calls if call.status == "error")
        assert failed.label == expected["failed_node"]
        assert expected["error_message_contains"] in failed.status_message
    if "final_output" in expected:
        assert json.loads(reading.response.text or "") == expected["final_output"]


def test_the_models_own_arguments_stand_beside_n8ns_wrapping() -> None:
    body, _ = capture("n8n-agent-tools")
    code_tool, calculator = read(trace_of(body)).tool_calls

    assert code_tool.arguments == {"query": {"order_id": "A-1042"}}
    assert code_tool.parameters == {"order_id": "A-1042"}
    assert calculator.parameters is None


@pytest.mark.parametrize("agent_type", ["n8n", "auto"])
@pytest.mark.parametrize("name", TESTING_NODE)
def test_testing_node_bodies(name: str, agent_type: str) -> None:
    body, expected = capture(name)
    trace = trace_of(body, agent_type)
    reading = read(trace)

    assert reading.response.text == expected["response_text"]
    assert reading.input.text == expected["user_input"]
    labels = [span.label for span in trace.spans if not span.synthetic]
    assert labels == expected["nodes_in_payload"]
    assert reading.tool_calls == ()
    assert all(not call.tools_known for call in reading.calls)
    assert reading.status == ("partial" if body.get("status") == "partial" else "completed")


def test_skipped_nodes_of_the_flat_map_are_kept_but_are_no_calls() -> None:
    body, _ = capture("mibo-node-f3951ec-auto")
    trace = trace_of(body)

    assert [c.label for c in read(trace).calls] == ["Webhook", "AI Agent", "Is refund?", "Reply"]
    assert len(trace.spans) == 9


@pytest.mark.parametrize("agent_type", ["flowise", "auto"])
@pytest.mark.parametrize("name", FLOWISE)
def test_flowise_responses(name: str, agent_type: str) -> None:
    body, expected = capture(name)
    trace = trace_of(body, agent_type)
    reading = read(trace)
    nodes = expected.get("executed_nodes_in_order", [])

    assert trace.format is Format.FLOWISE
    assert reading.response.text == expected["response_text"]
    assert reading.input.text == expected["user_input"]
    assert [(c.label, c.aliases) for c in reading.node_calls] == [
        (node["label"], (node["nodeId"],)) for node in nodes
    ]
    assert [(c.label, c.arguments) for c in reading.tool_calls] == [
        (tool["name"], tool["arguments"]) for tool in expected["tool_calls"]
    ]
    assert reading.status == "completed"
    told = expected.get("usage", {})
    assert reading.usage.input == told.get("input_tokens")
    assert reading.usage.output == told.get("output_tokens")


def test_flowise_iterations_errors_and_repeated_tool_lists() -> None:
    tool = {"tool": "t", "toolInput": {"a": 1}, "toolOutput": "", "error": "boom"}
    entries = [
        {"nodeId": "a", "nodeLabel": "A", "status": "FINISHED", "parentNodeId": "it", "data": {}},
        {"nodeId": "it", "nodeLabel": "Loop", "status": "TIMEOUT", "data": {"error": "late"}},
        {
            "nodeId": "b",
            "nodeLabel": "B",
            "status": "FINISHED",
            "data": {"output": {"content": "last", "usedTools": [None, tool]}},
        },
    ]
    reading = reading_of(
        {
            "text": " ",
            "chatId": "c",
            "executionData": "not used",
            "agentFlowExecutedData": entries,
            "usedTools": [tool, {"tool": "u", "toolInput": 2}],
            "agentReasoning": [{"usedTools": [None, {"tool": "u", "toolInput": 2}]}],
        }
    )

    assert [(c.label, c.parent) for c in reading.node_calls] == [
        ("A", "n1"),
        ("Loop", None),
        ("B", None),
    ]
    assert [(c.id, c.label, c.status, c.parent) for c in reading.tool_calls] == [
        ("n2.t0", "t", "error", "n2"),
        ("t0", "u", "unknown", None),
    ]
    assert (reading.status, reading.response.text) == ("failed", "last")


def test_flowise_called_tools_count_only_as_requests() -> None:
    entry = {
        "nodeId": "a",
        "nodeLabel": "A",
        "status": "STOPPED",
        "data": {"output": {"calledTools": [{"name": "t", "args": {"a": 1}}]}},
    }
    reading = reading_of({"text": "", "agentFlowExecutedData": [entry]})

    assert [(c.label, c.arguments, c.requested_only) for c in reading.tool_calls] == [
        ("t", {"a": 1}, True)
    ]
    assert (reading.status, reading.response.text) == ("partial", "")


def test_a_stored_flowise_execution_keeps_its_entries_as_text() -> None:
    entries = json.dumps([{"nodeId": "a", "nodeLabel": "A", "status": "FINISHED", "data": {}}])

    assert [c.label for c in reading_of({"executionData": entries}, "flowise").calls] == ["A"]


def test_an_unknown_n8n_shape_is_kept_with_a_warning() -> None:
    trace = trace_of({"data": {"something": 1}}, "n8n")

    assert [w.code for w in trace.warnings] == ["n8n_shape_unrecognised", "legacy"]
    assert read(trace).response.text is None


def test_http_parameters_are_resolved_against_other_nodes() -> None:
    nodes = {
        "Hook": {"output": {"city": "Ghent", "n": 2}, "type": "webhook"},
        "Get": {
            "output": {},
            "type": "n8n-nodes-base.httpRequest",
            "parameters": {
                "url": '=https://x/{{ $json.city }}/{{ $node["Hook"].json["n"] }}',
                "n": "={{ $('Hook').item.json.n }}",
                "first": '={{ $("Hook").first().json.city }}',
                "script": "={{ $json.city.toUpperCase() }}",
                "gone": "={{ $json.nothing }}",
                "plain": "{{ as it is }}",
            },
        },
        "Set": {"output": {}, "type": "set", "parameters": {"a": 1}},
    }
    hook, get, plain = reading_of(nodes, status="success").calls

    assert get.parameters == {
        "url": "https://x/Ghent/2",
        "n": 2,
        "first": "Ghent",
        "script": "={{ $json.city.toUpperCase() }}",
        "gone": "={{ $json.nothing }}",
        "plain": "{{ as it is }}",
    }
    assert hook.parameters is None
    assert plain.parameters is None


def test_tokens_that_plain_nodes_pass_on_are_counted_once() -> None:
    usage = {"usageMetadata": {"input_tokens": 3, "output_tokens": 4}}
    nodes = {
        "Agent": {"output": {"output": "x", **usage}, "type": "@n8n/n8n-nodes-langchain.agent"},
        "Set": {"output": {"output": "x", **usage}, "type": "n8n-nodes-base.set"},
    }
    reading = reading_of(nodes, status="success")

    assert (reading.usage.total, reading.usage.spans) == (7, (("n0", 7),))


def test_the_earliest_client_gives_a_response_without_nodes() -> None:
    data = {"input": [{"text": "a"}, {"json": {"output": "b"}}], "workflowId": "w"}
    reading = reading_of(data)

    assert (reading.response.text, reading.calls) == ("b", ())


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        ({"message": None, "content": "c"}, None, "c"),
        ({"answer": {"text": "inner"}}, None, "inner"),
        ({"answer": {"b": 1, "a": "é"}}, None, '{"b":1,"a":"é"}'),
        ({"text": "", "answer": "x"}, None, ""),
        ({"a": [{"b": "deep"}]}, "a.0.b", "deep"),
        ({"a": 1}, "data.a", "1"),
        ({"text": "t"}, "missing.path", "t"),
        ({"n": 1}, None, '{"n":1}'),
    ],
)
def test_the_response_of_a_custom_body(data: Any, path: str | None, text: str) -> None:
    trace = trace_of({"data": data}, "custom")

    assert read(trace, ReadingSettings(response_path=path)).response.text == text


def test_custom_tools_at_both_levels_and_their_places() -> None:
    data = {
        "tool_calls": [{"name": "top", "arguments": '{"a": 1}'}, {"name": ""}, "none"],
        "Agent": {
            "output": "{broken",
            "tools_called": [{"name": "in", "input": {"b": 2}, "status": "error"}],
        },
    }
    trace = trace_of({"data": data}, "custom")
    node, inner, top = read(trace).calls

    assert (node.arguments, node.arguments_state) == ("{broken", "unreadable")
    assert (inner.id, inner.parent, inner.status) == ("n0.t0", "n0", "error")
    assert inner.arguments_place == "$.data.Agent.tools_called[0].input"
    assert (top.id, top.parent, top.arguments) == ("t0", None, {"a": 1})
    assert [w.code for w in trace.warnings] == ["coerced_field", "coerced_field", "legacy"]


def test_an_empty_tool_list_is_structure_and_plain_text_is_none() -> None:
    assert reading_of({"text": "x", "tool_calls": []}, "custom").has_structure
    assert not reading_of({"text": "x"}, "custom").has_structure


def test_facts_beside_the_data() -> None:
    reading = reading_of(
        {"text": "x", "question": "q", "_http_status": "202", "_metadata": {"duration_ms": 1.5}},
        metadata={"http_status": 200},
    )

    assert (reading.http_status.value, reading.duration_ms.value) == (200, 1.5)
    assert reading.http_status.source is not None
    assert reading.http_status.source.place == "$.metadata.http_status"
    assert reading.input.text == "q"
    assert [name for name, _ in reading.views] == ["data", "metadata"]


def test_model_system_and_messages_where_the_payload_has_them() -> None:
    flowise = read(trace_of(capture("flowise-agentflow-agent-tools")[0]))
    native = read(trace_of(capture("n8n-agent-tools")[0]))
    custom = reading_of({"text": "a", "model": "m1", "system": "rules", "messages": [
        {"role": "user", "content": "q"}]})  # fmt: skip

    assert flowise.model == "gpt-4o-mini-2024-07-18"
    assert flowise.system.text == "You are a helpful shop assistant."
    assert [m.role for m in flowise.messages] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert [name for m in flowise.messages for name, _ in m.tool_calls] == [
        "lookup_order",
        "calculator",
    ]
    assert native.model == "gpt-4o-mini"
    assert native.system.text == "You are a helpful shop assistant."
    assert native.messages[1].text == "Refund order A-1042 please"
    assert (custom.model, custom.system.text, custom.messages[0].text) == ("m1", "rules", "q")
    for reading in (flowise, native, custom):
        assert reading.model_source is not None
        assert reading.system.source is not None


def test_a_body_without_them_says_so() -> None:
    reading = read(trace_of(capture("flowise-chatflow-tool-agent")[0]))

    assert (reading.model, reading.model_source, reading.messages) == (None, None, ())
    assert reading.system.tried[0] == "system message of a model entry"
    assert reading.usage.tried[0] == "usageMetadata"


@pytest.mark.parametrize("readings", [1, 3])
def test_an_expression_that_stays_unresolved_is_warned_of_once(readings: int) -> None:
    node = {
        "output": {"ok": True},
        "type": "n8n-nodes-base.httpRequest",
        "parameters": {"url": "={{ $now.toISO() }}", "method": "GET"},
    }
    trace = trace_of({"status": "success", "data": {"Call": node}}, "n8n")
    for _ in range(readings):
        read(trace)

    told = [w for w in trace.warnings if w.code == "unresolved_expression"]
    assert [(w.span, "Call" in w.message) for w in told] == [("n0", True)]

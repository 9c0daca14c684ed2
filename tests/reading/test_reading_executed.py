"""Tools that only messages tell of: executed when a later model was given the result."""

import json
from typing import Any

import pytest

from tracedesk.model.reading import Call
from tracedesk.model.trace import Event, Span
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

AI = {"gen_ai.system": "acme"}
CITY = {"city": "Lisbon"}


def request(call_id: str | None = "c1", name: str = "weather", arguments: Any = CITY) -> Any:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def result(call_id: str | None = "c1", value: Any = "sunny", **more: Any) -> Any:
    return {"type": "tool_call_response", "id": call_id, "response": value, **more}


def model(span_id: str, at: int, *, told: list[Any] = [], said: list[Any] = []) -> Span:  # noqa: B006
    attributes: dict[str, Any] = {**AI}
    if told:
        attributes["gen_ai.input.messages"] = json.dumps([{"role": "tool", "parts": told}])
    if said:
        attributes["gen_ai.output.messages"] = json.dumps([{"role": "assistant", "parts": said}])
    return make_span(span_id, parent="r", attributes=attributes, start_ms=at, end_ms=at + 5)


def tools(*spans: Span) -> tuple[Call, ...]:
    return read(make_trace(make_span("r", start_ms=0, end_ms=99), *spans)).tool_calls


def test_a_request_with_a_result_is_a_call_and_one_without_is_none() -> None:
    (call,) = tools(
        model("m1", 1, said=[request(), request("c2", "unanswered")]),
        model("m2", 10, told=[result()]),
    )

    assert (call.label, call.arguments, call.output, call.status) == (
        "weather",
        CITY,
        "sunny",
        "ok",
    )
    assert (call.parent, call.span, call.arguments_place) == ("r", "m2", "gen_ai.input.messages")


def test_a_result_says_when_the_tool_failed() -> None:
    told = {"type": "tool_result", "tool_use_id": "c1", "content": "boom", "is_error": True}
    (call,) = tools(model("m1", 1, said=[request()]), model("m2", 10, told=[told]))

    assert (call.status, call.output) == ("error", "boom")


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.tool.call.id": "c1", "gen_ai.tool.call.arguments": {"city": "Porto"}},
        {"gen_ai.tool.call.arguments": CITY},
        {"gen_ai.tool.call.arguments": json.dumps(CITY)},
        {},
    ],
    ids=["the same id", "equal arguments", "equal JSON", "no arguments recorded"],
)
def test_a_tool_span_that_reports_the_execution_is_the_one_call(attributes: dict[str, Any]) -> None:
    span = make_span(
        "t", parent="r", attributes={"gen_ai.tool.name": "weather", **attributes}, start_ms=7
    )
    found = tools(model("m1", 1, said=[request()]), span, model("m2", 10, told=[result()]))

    assert [call.id for call in found] == ["t"]


def test_each_span_reports_one_execution() -> None:
    asked = [request("c1"), request("c2"), request("c3", arguments={"city": "Porto"})]
    found = tools(
        model("m1", 1, said=asked),
        make_tool("t", "weather", "r", arguments=CITY),
        model("m2", 10, told=[result("c1"), result("c2"), result("c3", "rain")]),
    )

    assert [(call.span, call.arguments["city"]) for call in found] == [
        ("t", "Lisbon"),
        ("m2", "Lisbon"),
        ("m2", "Porto"),
    ]
    assert len({call.id for call in found}) == 3


def test_a_plain_span_of_the_tools_name_becomes_the_call() -> None:
    plain = make_span("p", "weather", "r", start_ms=7, end_ms=9)
    spans = (model("m1", 1, said=[request()]), plain, model("m2", 10, told=[result()]))
    reading = read(make_trace(make_span("r"), *spans))
    (call,) = reading.tool_calls

    assert (call.id, call.span, call.arguments, call.output) == ("p", "p", CITY, "sunny")
    assert call.end_ns is not None
    assert [c.label for c in reading.calls].count("weather") == 1


def test_results_of_earlier_conversations_are_no_calls_of_this_trace() -> None:
    history = [request("old"), result("old")]

    assert tools(model("m1", 1, told=history), model("m2", 10, told=history)) == ()


def test_the_same_history_told_to_later_models_counts_once() -> None:
    found = tools(
        model("m1", 1, said=[request()]),
        model("m2", 10, told=[request(), result()], said=[request("c2", "book")]),
        model("m3", 20, told=[request(), result(), request("c2", "book"), result("c2", "done")]),
    )

    assert [(call.label, call.span, call.order) for call in found] == [
        ("weather", "m2", 2),
        ("book", "m3", 4),
    ]


def test_without_ids_results_answer_requests_of_their_tool_in_order() -> None:
    answers = [result(None, "a", name="weather"), result(None, "a", name="weather")]
    found = tools(
        model("m1", 1, said=[request(None), request(None, arguments={"city": "Porto"})]),
        model("m2", 10, told=answers),
        model("m3", 20, told=[*answers, result(None, "b", name="other")]),
    )

    assert [(call.arguments["city"], call.span) for call in found] == [
        ("Lisbon", "m2"),
        ("Porto", "m2"),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "function": {"name": "weather", "arguments": '{"city": "Lisbon"}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ),
        (
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "weather", "input": CITY}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1",
                                          "content": [{"type": "text", "text": "sunny"}]}]},
        ),
        (
            {"role": "assistant", "content": [
                {"type": "tool-call", "toolCallId": "c1", "toolName": "weather", "input": CITY}]},
            {"role": "tool", "content": [
                {"type": "tool-result", "toolCallId": "c1", "toolName": "weather",
                 "output": {"type": "text", "value": "sunny"}}]},
        ),
        (
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather",
             "arguments": '{"city": "Lisbon"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ),
        (
            {"role": "model", "parts": [{"function_call": {"name": "weather", "args": CITY}}]},
            {"role": "user", "parts": [
                {"function_response": {"name": "weather", "response": "sunny"}}]},
        ),
        (
            {"id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {
                "content": "", "tool_calls": [{"id": "c1", "name": "weather", "args": CITY}]}},
            {"id": ["langchain", "schema", "messages", "ToolMessage"],
             "kwargs": {"content": "sunny", "tool_call_id": "c1", "name": "weather"}},
        ),
    ],
    ids=["OpenAI", "Anthropic", "AI SDK", "Responses", "Google", "LangChain"],
)  # fmt: skip
def test_requests_and_results_are_read_in_every_shape(said: Any, told: Any) -> None:
    first = {**AI, "gen_ai.output.messages": [said]}
    second = {**AI, "gen_ai.input.messages": [said, told]}
    (call,) = tools(
        make_span("m1", parent="r", attributes=first, start_ms=1),
        make_span("m2", parent="r", attributes=second, start_ms=5),
    )

    assert (call.label, call.arguments, call.output) == ("weather", CITY, "sunny")


def test_messages_in_events_tell_of_executions_too() -> None:
    asked = json.dumps([{"id": "c1", "function": {"name": "weather", "arguments": CITY}}])
    choice = Event(
        "gen_ai.choice", None, {"message": json.dumps({"tool_calls": json.loads(asked)})}
    )
    told = Event("gen_ai.tool.message", None, {"content": "sunny", "id": "c1"})
    (call,) = tools(
        make_span("m1", parent="r", attributes=AI, events=[choice], start_ms=1),
        make_span("m2", parent="r", attributes=AI, events=[told], start_ms=5),
    )

    assert (call.arguments, call.output, call.arguments_place) == (
        CITY,
        "sunny",
        "event gen_ai.tool.message",
    )


def test_thousands_of_executions_are_matched_without_comparing_each_with_each() -> None:
    many = range(2_000)
    spans = [make_tool(f"t{i}", "weather", "r", arguments={"other": i}) for i in many]
    found = tools(
        model("m1", 1, said=[request(None, arguments={"a": i}) for i in many]),
        *spans,
        model("m2", 10, told=[result(None, name="weather") for _ in many]),
    )

    assert len(found) == 2 * len(many)
    assert len({call.id for call in found}) == len(found)


@pytest.mark.parametrize("arguments", [{"b": 2, "a": 1}, {"a": 1.0, "b": 2}])
def test_arguments_are_compared_as_json_values(arguments: dict[str, Any]) -> None:
    found = tools(
        model("m1", 1, said=[request(None, arguments={"a": 1, "b": 2})]),
        make_tool("t", "weather", "r", arguments=arguments),
        model("m2", 10, told=[result(None, name="weather")]),
    )

    assert [call.id for call in found] == ["t"]


def test_ids_of_calls_never_clash_with_ids_of_spans() -> None:
    found = tools(
        model("m1", 1, said=[request()]),
        make_span("m2#c1", "other", "r"),
        model("m2", 10, told=[result()]),
    )

    assert [call.id for call in found] == ["m2#c1'"]

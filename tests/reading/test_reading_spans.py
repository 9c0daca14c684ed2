"""Reading of canonical and OTLP spans: order of candidates, conventions, calls, usage."""

import json
from typing import Any

import pytest

from tracedesk.model.reading import Reading
from tracedesk.model.trace import Event, Format, Span, Status
from tracedesk.reading import ReadingSettings, read
from tracedesk.testing import make_span, make_tool, make_trace

AI = {"gen_ai.system": "acme"}


def says(text: str, **more: Any) -> dict[str, Any]:
    parts = [{"type": "text", "content": text}]
    return {"gen_ai.output.messages": [{"role": "assistant", "parts": parts}], **more}


def asks(*texts: tuple[str, str], **more: Any) -> dict[str, Any]:
    messages = [{"role": r, "parts": [{"type": "text", "content": t}]} for r, t in texts]
    return {"gen_ai.input.messages": messages, **more}


def reading(*spans: Span, **fields: Any) -> Reading:
    return read(make_trace(*spans, **fields))


def span(attributes: dict[str, Any], span_id: str = "s", **fields: Any) -> Span:
    return make_span(span_id, attributes=attributes, **fields)


def test_roots_come_first_then_the_latest_ai_span_then_the_latest_of_all() -> None:
    root = make_span("r", attributes=says("root"))
    early = make_span("a", parent="r", attributes=says("early", **AI), start_ms=0, end_ms=5)
    late = make_span("b", parent="r", attributes=says("late", **AI), start_ms=1, end_ms=9)
    plain = make_span("c", parent="r", attributes=says("plain"), start_ms=2, end_ms=20)
    bare = make_span("r")

    assert reading(plain, late, early, root).response.text == "root"
    assert reading(bare, early, plain, late).response.text == "late"
    assert reading(bare, plain).response.text == "plain"


def test_without_times_the_last_in_the_array_is_the_latest() -> None:
    spans = [make_span(i, parent="r", attributes=says(i, **AI)) for i in ("a", "b")]

    assert reading(make_span("r"), *spans).response.text == "b"


def test_messages_on_any_span_beat_response_text_on_the_root() -> None:
    root = make_span("r", attributes={"gen_ai.response.text": "root"})

    assert (
        reading(root, make_span("x", parent="r", attributes=says("deep"))).response.text == "deep"
    )


def test_a_blank_text_is_a_hit_only_when_nothing_has_text() -> None:
    blank = make_span("r", attributes=says(" "))
    other = make_span("x", parent="r", attributes={"gen_ai.response.text": "text"})

    assert reading(blank, other).response.text == "text"
    found = reading(blank).response
    assert (found.text, found.tried) == (" ", ())


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"role": "model", "parts": [{"text": "parts.text"}]}], "parts.text"),
        ([{"role": "assistant", "content": "flat"}], "flat"),
        ([{"content": "no role"}], "no role"),
        ([{"role": "ai", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}], "ab"),
        (
            [
                {"role": "assistant", "content": "earlier"},
                {"role": "assistant", "parts": [{"type": "tool_call", "name": "x"}]},
                {"role": "user", "content": "not me"},
            ],
            "earlier",
        ),
        ([{"role": "assistant", "parts": [{"type": "tool_call", "name": "x"}]}], None),
        ([], None),
        ("no messages", None),
        (7, None),
    ],
)
@pytest.mark.parametrize("encode", [lambda value: value, json.dumps])
def test_messages_are_read_as_json_or_as_text_in_any_shape(
    messages: Any, text: str | None, encode: Any
) -> None:
    found = reading(span({"gen_ai.output.messages": encode(messages)})).response

    assert found.text == text
    assert (found.source is not None) == (text is not None)


def test_a_list_of_texts_is_joined() -> None:
    assert reading(span({"gen_ai.response.text": '["a", "b"]'})).response.text == "ab"
    assert reading(span({"gen_ai.response.text": ["a", "b"]})).response.text == "ab"


def test_the_input_is_the_latest_user_message_on_the_latest_ai_span() -> None:
    root = make_span("r", attributes=asks(("user", "root")))
    first = make_span("a", parent="r", attributes=asks(("user", "first"), **AI), end_ms=1)
    last = make_span(
        "b", parent="r", attributes=asks(("user", "old"), ("user", "new"), ("tool", "x"), **AI),
        end_ms=2,
    )  # fmt: skip

    assert reading(root, last, first).input.text == "new"
    assert reading(root).input.text == "root"
    assert reading(span(asks(("system", "rules"), ("tool", "t")))).input.text == "rules"
    assert reading(span(asks(("tool", "a"), ("other", "b")))).input.text == "a\nb"
    assert reading(span({"gen_ai.prompt": "fallback"})).input.text == "fallback"


@pytest.mark.parametrize(
    ("attributes", "response", "question"),
    [
        (
            {
                "gen_ai.prompt.0.role": "user",
                "gen_ai.prompt.0.content": "q",
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": "a",
            },
            "a",
            "q",
        ),
        (
            {
                "gen_ai.prompt": '{"messages": [{"role": "user", "content": "q"}]}',
                "gen_ai.completion": '{"generations": [[{"text": "a", "message": {"lc": 1}}]]}',
            },
            "a",
            "q",
        ),
        (
            {
                "ai.operationId": "ai.generateText",
                "ai.prompt": '{"system": "s", "messages": [{"role": "user", "content": "q"}]}',
                "ai.response.text": "a",
            },
            "a",
            "q",
        ),
        (
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.prompt.messages": '[{"role":"user","content":[{"type":"text","text":"q"}]}]',
                "ai.response.text": "a",
            },
            "a",
            "q",
        ),
        ({"final_result": "a", "all_messages_events": '[{"event.name": "gen_ai.user.message", '
          '"content": "q", "role": "user"}]'}, "a", "q"),
        (
            {"openinference.span.kind": "CHAIN", "input.value": "q", "output.value": '"a"'},
            "a",
            "q",
        ),
        ({"openinference.span.kind": "CHAIN", "output.value": "[Object]"}, None, None),
        (
            {
                "traceloop.span.kind": "workflow",
                "traceloop.entity.input": '{"question": "q"}',
                "traceloop.entity.output": '"a"',
            },
            "a",
            "q",
        ),
        (
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.input": '[{"role": "user", "content": "q"}]',
                "langfuse.observation.output": '{"role": "assistant", "content": "a"}',
            },
            "a",
            "q",
        ),
        (
            {
                "gcp.vertex.agent.llm_request": '{"contents": [{"role": "user", "parts": '
                '[{"text": "q"}]}]}',
                "gcp.vertex.agent.llm_response": '{"content": {"role": "model", "parts": '
                '[{"text": "a"}]}}',
            },
            "a",
            "q",
        ),
        ({"mlflow.spanInputs": '{"query": "q"}', "mlflow.spanOutputs": '"a"'}, "a", "q"),
    ],
)  # fmt: skip
def test_other_conventions_fill_what_the_canonical_names_leave_open(
    attributes: dict[str, Any], response: str | None, question: str | None
) -> None:
    alone = reading(span(attributes))
    beside = reading(span({**attributes, **says("mine"), **asks(("user", "yours"))}))

    assert (alone.response.text, alone.input.text) == (response, question)
    assert (beside.response.text, beside.input.text) == ("mine", "yours")


@pytest.mark.parametrize(
    "events",
    [
        [
            Event("gen_ai.user.message", attributes={"content": '[{"text": "q"}]'}),
            Event("gen_ai.choice", attributes={"message": '[{"text": "a"}]'}),
        ],
        [
            Event("gen_ai.content.prompt", attributes={"gen_ai.prompt": "q"}),
            Event("gen_ai.content.completion", attributes={"gen_ai.completion": "a"}),
        ],
        [
            Event(
                "gen_ai.client.inference.operation.details",
                attributes={"gen_ai.input.messages": '[{"role":"user","content":"q"}]'},
            ),
            Event(
                "gen_ai.client.inference.operation.details",
                attributes={"gen_ai.output.messages": '[{"role":"assistant","content":"a"}]'},
            ),
        ],
    ],
)
def test_content_in_events_is_read_after_the_attributes(events: list[Event]) -> None:
    found = reading(span(dict(AI), events=events))

    assert (found.response.text, found.input.text) == ("a", "q")
    assert [(m.role, m.text) for m in found.messages] == [("user", "q"), ("assistant", "a")]


def test_what_was_tried_is_told_and_the_likeliest_attribute_is_named() -> None:
    found = reading(span({"acme.answer": "here it is", "http.request.method": "GET"}))

    assert found.response.text is None
    assert found.response.tried[:3] == (
        "gen_ai.output.messages",
        "gen_ai.response.text",
        "n8n.node.output",
    )
    assert found.response.nearest == "acme.answer"
    assert found.input.nearest is None


def test_a_mapped_attribute_is_tried_before_all_others() -> None:
    settings = ReadingSettings(
        roles=(
            ("acme.answer", "response"),
            ("acme.asked", "input"),
            ("acme.tool", "tool_name"),
            ("acme.args", "tool_arguments"),
            ("acme.tokens", "usage_total"),
        )
    )
    root = span({**says("built in"), "acme.answer": "mapped", "acme.asked": "q", "acme.tokens": 9})
    tool = make_span("t", parent="s", attributes={"acme.tool": "find", "acme.args": '{"a": 1}'})
    found = read(make_trace(root, tool), settings)

    assert (found.response.text, found.input.text, found.usage.total) == ("mapped", "q", 9)
    assert [(c.label, c.aliases, c.arguments) for c in found.tool_calls] == [
        ("find", ("t",), {"a": 1})
    ]


def test_every_executed_span_is_one_call_and_skipped_ones_are_none() -> None:
    calls = reading(
        make_span("r"),
        make_span("n", parent="r", status=Status.SKIPPED),
        make_tool("t", "find", "r", arguments='{"a": [1]}', result='{"b": 2}', status=Status.ERROR),
        make_tool("u", "find", "gone", arguments="[broken"),
        make_tool("v", "find", "r"),
    ).calls

    assert [(c.id, c.tool, c.parent, c.order) for c in calls] == [
        ("r", False, None, 0),
        ("t", True, "r", 1),
        ("u", True, None, 2),
        ("v", True, "r", 3),
    ]
    found, broken, bare = calls[1:]
    assert (found.arguments, found.output, found.status) == ({"a": [1]}, {"b": 2}, "error")
    assert (found.arguments_place, found.arguments_state) == (
        "gen_ai.tool.call.arguments",
        "captured",
    )
    assert (broken.arguments_state, bare.arguments_state) == ("unreadable", "absent")


@pytest.mark.parametrize(
    ("attributes", "arguments", "output"),
    [
        ({"gen_ai.tool.name": "t", "tool_arguments": '{"a":1}', "tool_response": "r"},
         {"a": 1}, "r"),
        ({"ai.toolCall.name": "t", "ai.toolCall.args": '{"a":1}', "ai.toolCall.result": '"r"'},
         {"a": 1}, '"r"'),
        ({"openinference.span.kind": "TOOL", "input.value": '{"a":1}', "output.value": "[1]"},
         {"a": 1}, [1]),
        ({"traceloop.span.kind": "tool", "traceloop.entity.input": '{"inputs": {"a": 1}}',
          "traceloop.entity.output": "r"}, {"a": 1}, "r"),
        ({"gen_ai.tool.name": "t", "gen_ai.tool.call.arguments": "020"}, "020", None),
    ],
)  # fmt: skip
def test_tool_arguments_and_results_of_each_convention(
    attributes: dict[str, Any], arguments: Any, output: Any
) -> None:
    (call,) = reading(span(attributes)).tool_calls

    assert (call.arguments, call.output) == (arguments, output)


def test_a_tool_span_goes_by_its_tools_name_and_keeps_the_others() -> None:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}
    (call,) = reading(span(attributes, name="running tool")).calls

    assert (call.label, call.aliases) == ("get_weather", ("running tool",))


def test_node_output_is_what_the_span_itself_says() -> None:
    spans = (
        make_span("r", attributes=says("text")),
        make_span("c", parent="r", attributes={"output.value": '{"a": 1}'}),
        make_span("e", parent="r"),
    )
    root, chain, empty = reading(*spans).calls

    assert (root.output, root.arguments_state) == ("text", "absent")
    assert (chain.output, chain.output_place) == ({"a": 1}, "output.value")
    assert empty.output_state == "absent"


def test_usage_is_the_roots_else_the_sum() -> None:
    def used(n: int, **more: Any) -> dict[str, Any]:
        return {"gen_ai.usage.input_tokens": n, "gen_ai.usage.output_tokens": str(n), **more}

    root = make_span("r", attributes=used(10))
    bare = make_span("r")
    one = make_span("a", parent="r", attributes=used(1, **AI))
    two = make_span("b", parent="a", attributes=used(2))
    silent = make_span("c", parent="r", attributes=AI)

    assert reading(root, one).usage.total == 20
    assert reading(root, one).usage.source == "root"
    usage = reading(bare, one, two, silent).usage
    assert (usage.input, usage.output, usage.total, usage.reasoning) == (3, 3, 6, None)
    assert (usage.source, usage.nested, usage.partial) == ("sum of 2 spans", True, True)
    assert usage.spans == (("a", 2), ("b", 4))
    assert reading(bare).usage.total is None


def test_old_and_new_names_of_one_number_are_counted_once() -> None:
    attributes = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.prompt_tokens": 5}

    assert reading(span(attributes)).usage.input == 5


def test_the_status_code_is_looked_for_on_all_roots_first() -> None:
    code = "http.response.status_code"
    inner = make_span("i", parent="a", attributes={code: 500})
    skipped = make_span("a", attributes={code: "201"}, status=Status.SKIPPED)
    late_root = make_span("b", attributes={code: 200})

    assert reading(inner, skipped, late_root).http_status.value == 201
    assert reading(inner, make_span("a"), late_root).http_status.value == 200
    assert reading(inner, make_span("a")).http_status.value == 500
    assert reading(make_span("a"), metadata={"http_status": "202"}).http_status.value == 202
    assert reading(make_span("a")).http_status.value is None


@pytest.mark.parametrize(
    ("spans", "duration"),
    [
        ([make_span("r", start_ms=0, end_ms=1.5), make_span("x", "x", "r", end_ms=9)], 1.5),
        ([make_span("r"), make_span("x", "x", "r", start_ms=1, end_ms=9)], 8),
        ([make_span("a", start_ms=2, end_ms=5), make_span("b", start_ms=1, end_ms=4)], 4),
        ([make_span("r", start_ms=5, end_ms=1)], None),
        ([make_span("r", start_ms=5)], None),
        ([make_span("r")], None),
    ],
)
def test_duration_comes_from_the_spans_times(spans: list[Span], duration: float | None) -> None:
    assert reading(*spans).duration_ms.value == duration


def test_one_error_span_fails_the_trace() -> None:
    assert reading(make_span("a"), make_span("b", status=Status.ERROR)).status == "failed"
    assert reading(make_span("a"), make_span("b", status=Status.SKIPPED)).status == "completed"


def test_views_hold_what_exists() -> None:
    found = reading(span(says('{"a": 1}', x=2)), metadata={"m": 3})

    assert [name for name, _ in found.views] == ["response", "attributes", "metadata"]
    assert dict(found.views)["response"] == {"a": 1}
    assert dict(found.views)["attributes"]["x"] == 2
    assert [name for name, _ in reading(span(says("words"))).views] == ["attributes", "metadata"]


def test_a_trace_without_spans_and_a_deep_chain_are_read() -> None:
    assert reading(format=Format.OTLP).response.text is None
    chain = [make_span(str(i), parent=str(i + 1)) for i in range(20_000)]
    assert len(reading(*chain).calls) == 20_000

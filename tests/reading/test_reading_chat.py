"""The conversation of a trace: messages with their places, results at their calls, history once."""

import json

import pytest

from tracedesk.model.trace import Format, Status
from tracedesk.reading import read
from tracedesk.reading.chat import chat_of
from tracedesk.reading.chat_parts import media
from tracedesk.testing import make_span, make_tool, make_trace

MODEL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
SYSTEM = {"role": "system", "parts": [{"type": "text", "content": "Be terse."}]}
USER = {"role": "user", "parts": [{"type": "text", "content": "Weather in Lisbon?"}]}
ASKS = {
    "role": "assistant",
    "parts": [
        {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Lisbon"}}
    ],
}
TOLD = {
    "role": "tool",
    "parts": [{"type": "tool_call_response", "id": "c1", "response": {"sky": "clear"}}],
}
ANSWER = {"role": "assistant", "parts": [{"type": "text", "content": "Clear."}]}


def model(span_id, heard, spoke, start_ms=0, **attributes):
    return make_span(
        span_id,
        "chat",
        "root",
        start_ms=start_ms,
        end_ms=start_ms + 10,
        attributes={
            **MODEL,
            "gen_ai.input.messages": json.dumps(heard),
            "gen_ai.output.messages": json.dumps(spoke),
            **attributes,
        },
    )


def chat(*spans):
    trace = make_trace(make_span("root", "agent", start_ms=0, end_ms=100), *spans)
    return chat_of(trace, read(trace))


def test_each_message_says_where_it_stands():
    told = chat(model("m1", [SYSTEM, USER], [ANSWER]))
    places = [(s.role, s.text, s.place) for e in told.exchanges for s in (*e.heard, *e.spoke)]
    assert places == [
        ("system", "Be terse.", "gen_ai.input.messages $[0].parts[0].content"),
        ("user", "Weather in Lisbon?", "gen_ai.input.messages $[1].parts[0].content"),
        ("assistant", "Clear.", "gen_ai.output.messages $[0].parts[0].content"),
    ]


def test_what_an_earlier_call_has_said_is_counted_and_not_repeated():
    told = chat(
        model("m1", [SYSTEM, USER], [ASKS]),
        model("m2", [SYSTEM, USER, ASKS, TOLD], [ANSWER], start_ms=50),
    )
    assert [(e.number, e.same, e.as_in) for e in told.exchanges] == [(1, 0, 0), (2, 3, 1)]


def test_a_changed_message_ends_what_is_the_same():
    other = {"role": "user", "parts": [{"type": "text", "content": "Weather in Porto?"}]}
    told = chat(model("m1", [SYSTEM, USER], [ASKS]), model("m2", [SYSTEM, other], [ASKS], 50))
    assert (told.exchanges[1].same, told.exchanges[1].as_in) == (1, 1)


def test_a_result_of_a_later_message_stands_at_its_call():
    told = chat(model("m1", [USER], [ASKS]), model("m2", [USER, ASKS, TOLD], [ANSWER], start_ms=50))
    (call,) = told.exchanges[0].spoke[0].calls
    assert (call.name, call.result, call.place) == (
        "get_weather", {"sky": "clear"}, "gen_ai.input.messages $[2]",
    )  # fmt: skip
    assert [s.role for s in told.exchanges[1].heard] == ["user", "assistant"]


@pytest.mark.parametrize("parent", ["root", "m1"], ids=["sibling", "child"])
def test_a_result_of_a_tool_span_stands_at_the_call_that_asked_for_it(parent):
    tool = make_tool(
        "t1", "get_weather", parent, arguments={"city": "Lisbon"}, result={"sky": "grey"},
        start_ms=11, end_ms=20,
    )  # fmt: skip
    told = chat(model("m1", [USER], [ASKS]), tool)
    (call,) = told.exchanges[0].spoke[0].calls
    assert (call.result, call.span, call.known) == ({"sky": "grey"}, "t1", True)
    assert len(told.exchanges) == 1, "and is not told again by itself"


def test_two_equal_requests_take_two_tool_spans():
    asks = {**ASKS, "parts": [{**ASKS["parts"][0], "id": ""}] * 2}
    tools = [
        make_tool(f"t{n}", "get_weather", "root", arguments={"city": "Lisbon"}, result=n,
                  start_ms=20 + n, end_ms=30 + n)
        for n in range(2)
    ]  # fmt: skip
    told = chat(model("m1", [USER], [asks]), *tools)
    calls = told.exchanges[0].spoke[0].calls
    assert [(call.span, call.result) for call in calls] == [("t0", 0), ("t1", 1)]


def test_a_failed_tool_says_why():
    tool = make_tool(
        "t1", "get_weather", "root", arguments={"city": "Lisbon"}, start_ms=11, end_ms=20,
        status=Status.ERROR, message="timed out",
    )  # fmt: skip
    (call,) = chat(model("m1", [USER], [ASKS]), tool).exchanges[0].spoke[0].calls
    assert (call.failed, call.message, call.known) == (True, "timed out", False)


def test_a_tool_that_no_message_asked_for_stands_in_its_time():
    tool = make_tool("t1", "lookup", "root", arguments={}, result="x", start_ms=20, end_ms=30)
    told = chat(model("m1", [USER], [ANSWER]), tool, model("m2", [USER], [ANSWER], start_ms=50))
    assert [(e.number, e.span) for e in told.exchanges] == [(1, "m1"), (0, "t1"), (2, "m2")]


def test_a_span_around_model_calls_does_not_repeat_them():
    outer = make_span(
        "outer", "agent", "root", start_ms=0, end_ms=90,
        attributes={**MODEL, "gen_ai.output.messages": json.dumps([ANSWER])},
    )  # fmt: skip
    inner = make_span(
        "inner", "chat", "outer", start_ms=1, end_ms=80,
        attributes={**MODEL, "gen_ai.output.messages": json.dumps([ANSWER])},
    )  # fmt: skip
    told = chat(outer, inner)
    assert [e.span for e in told.exchanges if e.number] == ["inner"]
    assert [e.span for e in told.outer] == ["outer"]


def test_an_older_body_shows_what_was_read():
    trace = make_trace(format=Format.CUSTOM, data={"question": "Where?", "text": "Here."})
    told = chat_of(trace, read(trace)).exchanges
    assert [(s.role, s.text) for e in told for s in (*e.heard, *e.spoke)][-1] == (
        "assistant", "Here.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}},
         "image image/png, 3 kB"),
        ({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
         "image, https://example.org/a.png"),
        ({"type": "blob", "mime_type": "audio/wav", "content": "A" * 400}, "blob audio/wav, 300 B"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg",
                                      "data": "A" * 4_000_000}}, "image image/jpeg, 3.0 MB"),
        ({"inline_data": {"mime_type": "image/webp", "data": "AAAA"}},
         "inline_data image/webp, 3 B"),
        ({"type": "file", "file_id": "file-7"}, "file file-7"),
    ],
)  # fmt: skip
def test_pictures_and_files_are_named_and_never_dumped(part, named):
    message = {"role": "user", "content": [{"type": "text", "text": "look"}, part]}
    assert list(media(message)) == [named]


@pytest.mark.parametrize(
    "junk", ["", "{", "[[[[", "[1, null, {}]", '{"messages": 4}', "[" * 2_000, '[{"role": []}]']
)
def test_junk_is_no_message_and_no_error(junk):
    span = make_span("m1", "chat", "root", attributes={**MODEL, "gen_ai.input.messages": junk})
    assert chat(span) is not None

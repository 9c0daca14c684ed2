"""The X-ray: where each value was read, what else was found, why a blank is blank."""

import json
from typing import Any

from tracedesk.formats.detect import read_body
from tracedesk.model.trace import Span, Status
from tracedesk.reading import ReadingSettings, check_roles, read
from tracedesk.reading.explain import HEAD, MAX_OTHERS, Explained, explain
from tracedesk.testing import make_span, make_tool, make_trace

AI = {"gen_ai.system": "acme"}


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"gen_ai.output.messages": [{"role": "assistant", "content": text}], **more}


def explained(*spans: Span, settings: ReadingSettings = ReadingSettings()) -> dict[str, Explained]:
    trace = make_trace(*spans)
    return {each.field: each for each in explain(trace, read(trace, settings), settings)}


def reasons(found: Explained) -> list[tuple[str | None, str, str]]:
    return [(other.span, other.place, other.reason) for other in found.others]


def test_a_value_names_its_span_attribute_and_rule_and_what_was_passed_over() -> None:
    found = explained(
        make_span("r", attributes=says("yes")),
        make_span("m", parent="r", attributes=says("inner", **AI)),
        make_span("x", parent="r", attributes={"gen_ai.response.text": "also"}),
        make_span("s", parent="r", attributes=says("no"), status=Status.SKIPPED),
        make_span("i", parent="r", attributes={"output.value": "wiring"}),
        make_span("b", parent="r", attributes=says(" ")),
    )["response"]

    assert found.value == "yes"
    assert found.source is not None
    assert (found.source.span, found.source.place) == ("r", "gen_ai.output.messages")
    assert reasons(found) == [
        ("m", "gen_ai.output.messages", "span r comes first in the order of candidates"),
        ("s", "gen_ai.output.messages", "the span was skipped, so it did not run"),
        ("b", "gen_ai.output.messages", "blank"),
        ("x", "gen_ai.response.text", "gen_ai.output.messages is tried first"),
        ("i", "output.value", "only a root's value counts; values of inner spans are wiring"),
    ]


def test_a_blank_names_what_was_tried_and_the_nearest_attribute_with_its_span() -> None:
    found = explained(make_span("r", attributes={"acme.reply_text": "hello", "acme.question": "?"}))

    response, asked = found["response"], found["input"]
    assert (response.value, response.source) == (None, None)
    assert response.tried[:2] == ("gen_ai.output.messages", "gen_ai.response.text")
    assert (response.nearest, response.nearest_span) == ("acme.reply_text", "r")
    assert (asked.nearest, asked.nearest_span) == ("acme.question", "r")
    assert found["usage"].tried[0] == "gen_ai.usage.input_tokens"
    assert found["http_status"].tried[-2:] == ("metadata.http_status", "data._http_status")


def test_mapping_the_nearest_attribute_fills_the_blank() -> None:
    spans = (make_span("r", attributes={"acme.reply_text": "hello", **says("built in")}),)
    settings = ReadingSettings(roles=(("acme.reply_text", "response"),))
    found = explained(*spans, settings=settings)["response"]

    assert found.value == "hello"
    assert found.source is not None
    assert found.source.rule == "mapped to response in the settings"
    assert reasons(found) == [("r", "gen_ai.output.messages", "acme.reply_text is tried first")]


def test_usage_model_and_status_code_say_why_others_do_not_count() -> None:
    tokens = {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4}
    root = make_span("r", attributes={**tokens, "http.response.status_code": 200}, end_ms=9)
    first = {**AI, **tokens, "gen_ai.request.model": "small", "http.response.status_code": 429}
    last = {"gen_ai.request.model": "large", "llm.token_count.prompt": 9}
    found = explained(
        root,
        make_span("a", parent="r", attributes=first, end_ms=1),
        make_span("b", parent="r", attributes=last, end_ms=2),
    )

    usage = found["usage"]
    assert usage.value == "input 3, output 4, total 7"
    assert usage.source is not None
    assert (usage.source.span, usage.source.place) == ("r", "gen_ai.usage.input_tokens")
    assert reasons(usage) == [
        ("a", "gen_ai.usage.input_tokens", "the root states the whole"),
        ("b", "llm.token_count.prompt",
         "names of another convention; gen_ai.usage.input_tokens is tried first"),
    ]  # fmt: skip
    assert found["model"].value == "large"
    assert reasons(found["model"]) == [
        ("a", "gen_ai.request.model", "a later span names its model")
    ]
    assert found["http_status"].value == "200"
    assert reasons(found["http_status"])[0][0] == "a"
    assert found["status"].value == "completed"


def test_tool_calls_say_where_arguments_and_output_are_from() -> None:
    found = explained(
        make_span("r"),
        make_tool("t", "find", "r", arguments='{"a": 1}'),
        make_span("u", parent="r", attributes={"gen_ai.tool.name": "go", "acme.tool_args": "x"}),
    )

    assert found["arguments of find"].value == '{"a":1}'
    assert found["output of find"].value is None
    assert found["output of find"].tried[0] == "gen_ai.tool.call.result"
    assert found["arguments of go"].nearest == "acme.tool_args"


def test_long_values_and_long_lists_are_cut_and_say_so() -> None:
    spans = [make_span(f"s{i}", parent="r", attributes=says("x" * 999, **AI)) for i in range(30)]
    found = explained(make_span("r"), *spans)["response"]

    assert found.value is not None
    assert len(found.value) == HEAD
    assert (len(found.others), found.others_left) == (MAX_OTHERS, 29 - MAX_OTHERS)


def test_older_bodies_are_explained_too() -> None:
    body = {"data": {"text": "hi", "usage": {"prompt_tokens": 1}}}
    trace = read_body(json.dumps(body).encode()).trace()
    found = {each.field: each for each in explain(trace, read(trace))}

    assert found["response"].source is not None
    assert found["response"].source.place == "$.data.text"
    assert found["input"].tried[0] == "data.input"
    assert found["usage"].source is not None


def test_unknown_roles_are_told_with_what_was_probably_meant() -> None:
    problems = check_roles([("a", "response"), ("b", "respons"), ("c", "zzz"), (" ", "input")])

    assert len(problems) == 3
    assert "did you mean 'response'?" in problems[0]
    assert "known roles: response, input" in problems[1]
    assert "has no name" in problems[2]

"""Traces of one program share what their form tells; their values stay their own."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tracedesk.formats.detect import read_body
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.reading import ReadingSettings, read

MANY = 80
"""Spans of a trace whose form is too large to be remembered."""


def trace_of(spans: list[dict[str, Any]]) -> Trace:
    for number, span in enumerate(spans):
        span.setdefault("span_id", f"{number:016x}")
        span.setdefault("name", "step")
        span.setdefault("start_time_unix_nano", str(10**18 + number * 10**6))
        span.setdefault("end_time_unix_nano", str(10**18 + (number + 1) * 10**6))
    return read_body(json.dumps({"spans": spans}).encode()).trace()


def said(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def run(answer: str, *, extra: int = 0, tokens: int = 3) -> list[dict[str, Any]]:
    """An agent, its model, and some plain steps."""
    root, model = f"{0:016x}", f"{1:016x}"
    return [
        {"span_id": root, "name": "agent", "attributes": {"app.step": 1}},
        {
            "span_id": model,
            "parent_span_id": root,
            "name": "chat",
            "attributes": {
                "gen_ai.request.model": f"model of {answer}",
                "gen_ai.usage.input_tokens": tokens,
                "gen_ai.input.messages": json.dumps(
                    [
                        {"role": "system", "content": f"system of {answer}"},
                        {"role": "user", "content": f"question of {answer}"},
                    ]
                ),
                "gen_ai.output.messages": said("assistant", answer),
            },
        },
        *({"parent_span_id": root} for _ in range(extra)),
    ]


@pytest.mark.parametrize("extra", [0, MANY], ids=["small", "large"])
def test_traces_of_one_form_keep_their_own_values(extra: int) -> None:
    for answer, tokens in (("one", 1), ("two", 2), ("three", 3)):
        reading = read(trace_of(run(answer, extra=extra, tokens=tokens)))

        assert reading.response.text == answer
        assert reading.input.text == f"question of {answer}"
        assert reading.usage.input == tokens
        assert (reading.system.text, reading.model) == (f"system of {answer}", f"model of {answer}")
        assert [m.text for m in reading.messages][-1] == answer


def later(spans: list[dict[str, Any]]) -> None:
    spans[2].update(start_time_unix_nano=str(2 * 10**18), end_time_unix_nano=str(3 * 10**18))


def other_parent(spans: list[dict[str, Any]]) -> None:
    spans[2]["parent_span_id"] = None


def skipped(spans: list[dict[str, Any]]) -> None:
    spans[1]["attributes"]["n8n.node.status"] = "skipped"
    spans[2]["attributes"]["n8n.node.status"] = "success"


def a_tool(spans: list[dict[str, Any]]) -> None:
    spans[1]["attributes"]["gen_ai.operation.name"] = "execute_tool"
    spans[2]["attributes"]["gen_ai.operation.name"] = "chat"


@pytest.mark.parametrize("change", [later, other_parent, skipped, a_tool])
def test_times_parents_statuses_and_kinds_decide_anew(
    change: Callable[[list[dict[str, Any]]], None],
) -> None:
    """The same attributes twice: the first of two answers wins, the second after the change."""

    def answers() -> list[dict[str, Any]]:
        marked = {"gen_ai.request.model": "m", "gen_ai.operation.name": "chat"}
        parent = f"{0:016x}"
        times = {"start_time_unix_nano": str(10**18), "end_time_unix_nano": str(10**18 + 9 * 10**6)}
        return [
            {"attributes": {}},
            {
                **times,
                "parent_span_id": parent,
                "attributes": {
                    **marked,
                    "n8n.node.status": "success",
                    "gen_ai.response.text": "first",
                },
            },
            {
                "parent_span_id": parent,
                "attributes": {
                    **marked,
                    "n8n.node.status": "success",
                    "gen_ai.response.text": "second",
                },
            },
        ]

    assert read(trace_of(answers())).response.text == "first"
    changed = answers()
    change(changed)

    assert read(trace_of(changed)).response.text == "second"
    assert read(trace_of(answers())).response.text == "first"


def test_settings_have_forms_of_their_own() -> None:
    spans = [{"attributes": {"app.said": "mapped", "gen_ai.response.text": "standard"}}]
    mapped = ReadingSettings(roles=(("app.said", "response"),))

    assert read(trace_of(spans)).response.text == "standard"
    assert read(trace_of(spans), mapped).response.text == "mapped"
    assert read(trace_of(spans)).response.text == "standard"


def test_the_conversation_is_looked_for_when_asked_and_the_trace_then_let_go() -> None:
    reading = read(trace_of(run("hello")))
    assert reading.recorded_background.pending

    assert [message.role for message in reading.messages] == ["system", "user", "assistant"]
    assert reading.recorded_background.raw is None


def test_many_threads_may_ask_at_once() -> None:
    readings = [read(trace_of(run(f"answer {n}"))) for n in range(50)]

    def ask(_: int) -> list[Any]:
        return [(r.system.text, r.model, len(r.messages)) for r in readings]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, range(16)))

    assert told == [[(f"system of answer {n}", f"model of answer {n}", 3) for n in range(50)]] * 16


def test_readings_of_equal_traces_are_equal_asked_or_not() -> None:
    asked, fresh = read(trace_of(run("same"))), read(trace_of(run("same")))
    assert asked.model == "model of same"

    assert asked == fresh
    assert fresh != read(trace_of(run("other")))


def test_a_blank_reading_has_a_blank_background() -> None:
    blank = Reading()
    assert (blank.system.text, blank.messages, blank.model, blank.model_source) == (
        None,
        (),
        None,
        None,
    )

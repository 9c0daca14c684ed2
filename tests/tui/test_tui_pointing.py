"""From a line on the screen to the place in the trace that it shows."""

import pytest
from fake_desk import booking_desk, booking_verdicts

from tracedesk.authoring.place import Place
from tracedesk.tui.lines import Line
from tracedesk.tui.view_models.pages.json_lines import json_lines
from tracedesk.tui.view_models.pages.reading import reading_page
from tracedesk.tui.view_models.pointing import (
    attribute_steps,
    laid_out,
    place_at,
    place_of_verdict,
    verdict_at,
)


@pytest.fixture(scope="module")
def opened():
    desk = booking_desk(1)
    return desk.load(desk.rows_newest_first()[0].id)


def span(opened, span_id):
    return next(each for each in opened.trace.spans if each.span_id == span_id)


def at(opened, span_id, text, *, whole_trace=False):
    """The place of the first line of the Reading page that holds a text."""
    chosen = span(opened, span_id)
    lines = reading_page(opened, chosen, 60, whole_trace=whole_trace)
    cursor = next(n for n, line in enumerate(lines) if text in line.text)
    return place_at(lines, cursor, "reading", chosen, whole_trace=whole_trace)


@pytest.mark.parametrize(
    ("span_id", "text", "whole", "place"),
    [
        ("book", '"party"', False, Place("arguments", "book", ("party",))),
        ("book", "Arguments", False, Place("arguments", "book")),
        ("book", '"ok"', False, Place("output", "book", ("ok",))),
        ("search", "2,", False, Place("span", "search")),
        ("root", "Your table", True, Place("response")),
        ("root", "Window seat", True, Place("input")),
        ("root", "Usage", True, Place("tokens")),
        ("root", "Duration", True, Place("duration")),
        ("root", "Status", True, Place("status")),
        ("root", "create_booking", True, Place("span", "book")),
        ("root", "Received", True, Place("trace")),
        ("plan", '"role"', False,
         Place("attributes", "plan", ("gen_ai.input.messages", 0, "role"))),
        ("plan", "Started", False, Place("span", "plan")),
    ],
)  # fmt: skip
def test_a_line_of_the_reading_is_a_place(opened, span_id, text, whole, place):
    if text == "2,":
        text = "Span "
    assert at(opened, span_id, text, whole_trace=whole) == place


@pytest.mark.parametrize(
    "value", [{}, [], 1, {"a": 1}, {"a": {"b": [1, {"c": None}]}, "d": []}, [[[]], [1]], "text"]
)
def test_steps_are_told_for_each_line_that_is_laid_out(value):
    assert len(list(laid_out(value))) == len(list(json_lines(value)))


def test_each_line_has_the_steps_of_what_it_shows():
    value = {"a": {"b": [1, 2]}, "c": 3}
    told = list(zip(laid_out(value), ("".join(p.text for p in x) for x in json_lines(value)),
                    strict=True))  # fmt: skip
    assert [steps for steps, text in told if '"c"' in text] == [("c",)]
    assert [steps for steps, text in told if text.strip() == "2"] == [("a", "b", 1)]


def test_an_attribute_is_found_by_its_path_whatever_its_name(opened):
    plan = span(opened, "plan")
    assert attribute_steps("gen_ai.request.model", plan) == ("gen_ai.request.model",)
    assert attribute_steps("gen_ai.input.messages $[0].role", plan) == (
        "gen_ai.input.messages", 0, "role",
    )  # fmt: skip
    assert attribute_steps("service.name", plan) == ()


def test_a_verdict_is_the_place_that_decided_it():
    case = booking_verdicts()
    places = {verdict.assertion: place_of_verdict(verdict) for verdict in case.verdicts}
    assert places["a1"] == Place("arguments", "book", ("party",))
    assert places["a2"] == Place("trace")
    line = Line(file=case.file, line=12)
    assert verdict_at(line, [case]).assertion == "a1"
    assert verdict_at(Line(), [case]) is None

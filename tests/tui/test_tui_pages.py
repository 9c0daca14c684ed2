"""The detail pages as text."""

from types import SimpleNamespace

import msgspec
import pytest
from fake_desk import (
    NOW_NS,
    booking_desk,
    booking_file,
    booking_trace,
    booking_verdicts,
    passing_case,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk.evaluation.run import evaluate_case
from tracedesk.model.trace import Event, Resource
from tracedesk.reading import read
from tracedesk.store.rows import StoredRequest
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.pages import json_lines as json_lines_of_pages
from tracedesk.tui.view_models.pages.attributes import attributes_page
from tracedesk.tui.view_models.pages.builder import HEAD_LINES, Page
from tracedesk.tui.view_models.pages.events import events_page
from tracedesk.tui.view_models.pages.failure import failure_page
from tracedesk.tui.view_models.pages.json_lines import inline, json_lines, opened, whole
from tracedesk.tui.view_models.pages.raw import body_head, raw_page
from tracedesk.tui.view_models.pages.reading import reading_page
from tracedesk.tui.view_models.pages.verdicts import verdicts_page


def text(lines):
    return "\n".join(line.text.rstrip() for line in lines)


@pytest.fixture
def opened_booking():
    desk = booking_desk(1)
    return desk.load(desk.rows_newest_first()[0].id)


def span_of(opened_trace, span_id):
    return next(s for s in opened_trace.trace.spans if s.span_id == span_id)


def test_the_reading_names_the_source_of_each_value(opened_booking):
    root = span_of(opened_booking, "root")
    labels = {span.span_id: span.label for span in opened_booking.trace.spans}
    page = text(
        reading_page(opened_booking, root, 70, whole_trace=True, label_of=labels.__getitem__)
    )
    assert "Response  answer · gen_ai.output.messages\n  Your table for 4" in page
    assert "Input  plan · gen_ai.input.messages\n  A table for four" in page
    assert "  ✖ search_flights" in page
    assert "Usage    2.2k↑ 306↓ 2.5k in all  sum of 2 spans" in page
    assert "Status   failed, HTTP 200  Booking agent · http.response.status_code" in page


def test_a_blank_says_what_was_tried(opened_booking):
    desk = booking_desk(2)
    other = desk.load(desk.rows_newest_first()[1].id)
    page = text(reading_page(other, other.trace.spans[0], 60, whole_trace=True))
    assert "Response\n  not found\n  tried gen_ai.output.messages, gen_ai.response.text," in page
    assert "Enter lists them" in " ".join(page.split())
    assert "Usage    not found" in page


def test_a_tool_call_shows_its_error_arguments_and_output(opened_booking):
    span = span_of(opened_booking, "search")
    page = text(reading_page(opened_booking, span, 60, whole_trace=False))
    assert page.startswith("Error  status 2\n  upstream timed out after 6000 ms\n  TimeoutError:")
    assert '    "to": "MAD",' in page
    assert "Output\n  not captured by the sender" in page


def test_a_model_call_shows_what_went_in(opened_booking):
    span = span_of(opened_booking, "plan")
    page = text(reading_page(opened_booking, span, 60, whole_trace=False))
    assert "Input  gen_ai.input.messages" in page
    assert '"content": "A table for four' in page
    assert "Usage    820↑ 96↓" in page


def test_attributes_open_json_in_text_and_keep_types_apart():
    span = make_span("a", attributes={"n": 4, "s": "4", "j": '{"deep": [1, {"x": null}]}', "e": ""})
    page = text(attributes_page(span, Resource({"service.name": "svc"}, "scope 1"), 50))
    assert "  n  4" in page
    assert "  s  4" in page
    assert "  ▾ deep  [2]\n      [0]  1\n    ▾ [1]  {1}\n        x  null" in page
    assert "sent as text" in page
    assert "Resource  scope 1" in page


def test_attributes_are_searched_by_name_and_value():
    span = make_span("a", attributes={"one": "first", "two": {"needle": 1}, "needle": 2})
    page = text(attributes_page(span, None, 50, "NEEDLE"))
    assert page.startswith("Attributes  2 of 3")
    assert "one" not in page


def test_events_show_exceptions_with_their_stack():
    page = text(events_page(span_of(SimpleNamespace(trace=booking_trace()), "search"), 60))
    assert page.startswith("exception  +5.9s\n  TimeoutError: upstream")
    assert '    File "agent.py", line 12' in page
    assert text(events_page(make_span("a"), 40)) == "This span has no events."


def test_raw_shows_the_bytes_headers_and_what_was_tolerated(opened_booking):
    desk = booking_desk(1)
    requests = desk.store.requests(desk.rows_newest_first()[0].id)
    page = text(raw_page(requests, opened_booking.trace.warnings, None, 60))
    assert "Tolerated  1\n  unknown_parent: parent 3fa9c0ffee was not received" in page
    assert "POST /public/traces" in page
    assert "  content-type: application/json" in page
    assert '{"externalId": "chat-7731"' in page
    assert "reading the stored requests" in text(raw_page(None, [], None, 60))


def test_a_binary_body_is_dumped_as_hex():
    assert body_head(b"\x0a\xff\x00AB") == "000000  0a ff 00 41 42           ...AB"
    request = StoredRequest(
        part=0, received_ns=NOW_NS, method="POST", path="/v1/traces", headers={}, body=b"\xff" * 9
    )
    assert "000008  ff" in text(raw_page([request], [], None, 60))


def test_verdicts_read_like_a_failure_report():
    page = text(
        verdicts_page([booking_verdicts()], [booking_file()], "book", 70, label_of=str.upper)
    )
    assert page.splitlines() == [
        "Books what was asked for",
        '✗ booking.cases.yaml:12  "MUST_CALL create_booking"  node_call',
        "   11 │ - target: node_call",
        " ▸ 12 │   expected_name: create_booking",
        "   13 │   expected_arguments: {party: 4, window: true}",
        "  reason       party of create_booking is text, not a number",
        "  nearest call #2 create_booking  span book  1 of 2 match",
        '    party   expected number 4  actual string "4"  numeric text',
        "    window  expected boolean true  actual absent",
        "  why not      #1 search_flights  span search  another tool; it failed",
        "  inspected    2 calls · 11 spans",
        "  violated     BOOK arguments $.party",
    ]


def test_the_place_of_a_schema_s_fault_is_shown_in_the_response():
    trace = make_trace(make_span("r", attributes={"gen_ai.response.text": '{"total": "12"}'}))
    reading = read(trace)
    file = load_text(
        "cases:\n  - name: typed\n    assertions:\n      - target: json_schema\n"
        "        schema: {type: object, properties: {total: {type: number}}}\n",
        "typed.yaml",
    )
    cases = [evaluate_case(case, trace, reading) for case in file.cases]
    page = text(verdicts_page(cases, [file], None, 70, reading=reading))
    assert '▸ "total": "12"' in page


def test_a_narrow_pane_shows_both_sides_of_a_difference_in_columns():
    page = text(verdicts_page([booking_verdicts()], [booking_file()], "book", 45))
    assert page.splitlines()[10:17] == [
        "    party",
        "      expected            actual",
        '      number 4            string "4"',
        "      numeric text",
        "    window",
        "      expected            actual",
        "      boolean true        absent",
    ]


def test_every_verdict_is_shown_for_the_whole_trace_and_none_says_so():
    cases = [passing_case(), booking_verdicts()]
    page = text(verdicts_page(cases, [], None, 60))
    assert page.index("✗ booking") < page.index("? booking") < page.index("✓ booking")
    assert text(verdicts_page(cases, [], "plan", 60)) == "No assertion looked at this span."
    assert text(verdicts_page([], [], None, 60)) == "No assertion is loaded for this trace."
    assert "of the past" in text(verdicts_page(cases, [], None, 60, pending=True))


def test_the_failure_under_the_cursor_fits_a_small_screen(opened_booking):
    span = span_of(opened_booking, "book")
    lines = failure_page([booking_verdicts()], span, "book", 78)
    assert len(lines) == 4
    assert lines[0].text.startswith(" ✗ booking.cases.yaml:12  Books what was asked for")
    assert lines[1].text.split()[:3] == ["node_call", "MUST_CALL", "create_booking"]
    case = booking_verdicts()
    nameless = msgspec.structs.replace(
        case, verdicts=tuple(msgspec.structs.replace(v, name="") for v in case.verdicts)
    )
    told = failure_page([nameless], span, "book", 78)[1].text
    assert told.split()[:2] == ["node_call", "create_booking"], "by the nearest call"
    assert "$.party" in lines[2].text
    assert 'actual string "4"' in lines[2].text
    own = text(failure_page([], span_of(opened_booking, "search"), "search", 78))
    assert own == " ✖ upstream timed out after 6000 ms"
    plan = span_of(opened_booking, "plan")
    assert text(failure_page([], plan, "plan", 78)) == " nothing failed here"
    stale = failure_page([case], span, "book", 78, stale={case.case})[0].text
    assert stale.startswith(" ✗ stale booking.cases.yaml:12  Books what was asked for")
    assert text(failure_page([], plan, "plan", 78, waiting=True)) == " … not evaluated yet"


def test_a_long_value_shows_its_head_and_opens_in_full():
    page = Page(40)
    page.text("word " * 1_000, "answer", path="$.answer")
    assert len(page.lines) == HEAD_LINES + 1
    assert page.lines[-1].text == "  … 5.0 kB in all, Enter opens it"
    assert page.lines[0].value.text == "word " * 1_000
    assert page.lines[0].value.path == "$.answer"


def test_json_as_deep_as_it_gets_is_laid_out_without_recursion():
    value = leaf = []
    for _ in range(50_000):
        leaf.append([])
        leaf = leaf[0]
    assert sum(1 for _ in json_lines(value)) == 100_001
    assert inline(value)
    assert whole(value)


def test_text_that_only_looks_like_json_stays_text():
    assert opened("{not json") == ("{not json", False)
    assert opened("[" * 100_000) == ("[" * 100_000, False)
    assert opened('{"a": 1}') == ({"a": 1}, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), json_values, max_size=6), st.integers(10, 120))
def test_no_page_is_wider_than_asked(attributes, width):
    span = make_tool("a", "tool", arguments=attributes, events=[Event("e", None, attributes)])
    for page in (attributes_page(span, None, width), events_page(span, width)):
        assert all(sum(cells(p.text) for p in line.pieces) <= width for line in page)


def test_a_page_of_an_empty_trace_is_empty():
    assert make_trace().spans == []


def test_a_large_json_value_is_written_out_only_when_it_is_opened(monkeypatch):
    made = []
    monkeypatch.setattr(
        json_lines_of_pages, "whole", lambda value: made.append(value) or "all of it"
    )
    page = Page(40)
    page.json({"items": list(range(10_000))}, "items")
    assert page.lines[-1].text == "  … 48.9 kB in all, Enter opens it"
    assert made == []
    assert page.lines[0].value.text == "all of it"

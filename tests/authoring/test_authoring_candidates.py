"""Whatever is offered for a place was tried: it loads without a word and holds, or fails where
it says so."""

import json
import unicodedata
from pathlib import Path
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracedesk import read as read_body
from tracedesk.assertions import evaluate
from tracedesk.authoring.candidates import MAX_ASSERTION, candidates, offer
from tracedesk.authoring.place import Place, place_of
from tracedesk.authoring.shapes import rounded_down, rounded_up
from tracedesk.model.trace import Event, Status
from tracedesk.model.verdict import Evidence, Outcome
from tracedesk.reading import read
from tracedesk.testcases.edit import add_assertion
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace

SAMPLES = Path(__file__).parents[2] / "sample_traces"

FILE = """\
# kept as it is
cases:
  - name: the one case   # and this
    assertions:
      - {target: no_errors}
"""


def booking(arguments=None, result=None, response="Table A-42 is booked for 8pm.", **answer):
    """An agent that books by one tool call and answers."""
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": response}]}])
    return make_trace(
        make_span("root", "agent", start_ms=0, end_ms=4_000,
                  attributes={"http.response.status_code": 200, "gen_ai.usage.cost": 0.0123,
                              "gen_ai.operation.name": "invoke_agent"}),
        make_tool("book", "create_booking", "root", arguments=arguments or {"party": 4},
                  result=result, start_ms=100, end_ms=350),
        make_span("answer", "answer", "root", start_ms=400, end_ms=3_900,
                  attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1",
                              "gen_ai.usage.input_tokens": 700, "gen_ai.usage.output_tokens": 90,
                              "gen_ai.output.messages": said}, **answer),
    )  # fmt: skip


def labels(place, trace):
    return {each.label: each for each in candidates(place, trace, read(trace))}


def prove(found, trace):
    """Write each into a file, load that, and evaluate what was loaded."""
    reading = read(trace)
    for each in found:
        text = add_assertion(FILE, "the one case", each.assertion, file="a.yaml")
        assert text.startswith(FILE)
        loaded = load_text(text, "a.yaml")
        assert loaded.diagnostics == ()
        check = loaded.cases[0].checks[-1]
        assert check.assertion.source == each.assertion
        outcome = evaluate(check.assertion, trace, reading).outcome
        assert outcome is (Outcome.FAIL if each.fails_here else Outcome.PASS), each.label


def test_an_argument_is_offered_exactly_loosely_strictly_and_as_what_must_not_be():
    trace = booking({"party": 4, "code": "AB-17"})
    found = labels(Place("arguments", "book", ("code",)), trace)
    assert found['code is "AB-17"'].assertion == {
        "target": "node_call",
        "condition": "MUST_CALL",
        "expected_name": "create_booking",
        "expected_arguments": {"code": "AB-17"},
    }
    assert {each.strength for each in found.values()} == {"exact", "looser", "stricter", "must not"}
    assert r"code matches ^[A-Z]{2}-\d{2}$" in found
    never = found['create_booking is never called so that code is "AB-17"']
    assert never.fails_here
    assert next(iter(found.values())).strength == "exact"
    assert list(found.values())[-1] is never


@pytest.mark.parametrize(
    ("place", "label"),
    [
        (Place("trace"), "it takes at most 4,000 ms (what it was here)"),
        (Place("trace"), "no other tools are called than create_booking"),
        (Place("span", "book"), "create_booking is called with just these 1 argument"),
        (Place("span", "answer"), "every answer takes at most 3900 ms"),
        (Place("arguments", "book", ("party",)), "party is between 2 and 8"),
        (Place("output", "book", ("ok",)), "ok is true"),
        (Place("response"), 'the response contains "A-42"'),
        (Place("tokens"), "its output has at most 90 tokens (what it was here)"),
        (Place("cost"), "it costs (reported) at most 0.0123 USD (what it was here)"),
        (Place("status"), "the HTTP status is one of 2xx"),
        (
            Place("attributes", "answer", ("gen_ai.request.model",)),
            'gen_ai.request.model is "m-1"',
        ),
    ],
)
def test_each_kind_of_place_has_what_fits_it(place, label):
    trace = booking(result={"id": 7, "ok": True})
    found = labels(place, trace)
    assert label in found
    prove(found.values(), trace)


def test_a_value_in_a_json_response_is_asserted_by_its_path():
    trace = booking(response='{"booking": {"id": "B-7", "seats": [1, 2]}, "odd key": null}')
    found = labels(Place("response", steps=("booking", "id")), trace)
    assert found['id is "B-7"'].assertion == {
        "target": "json_match", "path": "booking.id", "expected": "B-7"
    }  # fmt: skip
    odd = labels(Place("response", steps=("odd key",)), trace)
    assert odd["odd key is null"].assertion["path"] == '$["odd key"]'
    whole = labels(Place("response"), trace)
    assert "the response has this structure (json_schema)" in whole
    prove([*found.values(), *odd.values(), *whole.values()], trace)


def test_a_failed_span_is_offered_as_what_must_not_happen_and_as_what_is_expected():
    event = Event("exception", attributes={"exception.type": "TimeoutError"})
    trace = booking(status=Status.ERROR, message="timed out after 6000 ms", events=[event])
    for place in (Place("span", "answer"), Place("event", "answer")):
        found = labels(place, trace)
        assert found["no answer fails"].fails_here
        assert not found["answer fails"].fails_here
        prove(found.values(), trace)


def test_a_date_near_the_trace_is_offered_as_seen_from_its_day():
    trace = booking({"date": "2026-05-29", "at": "2026-05-29T20:30", "far": "1999-01-01"})
    place = Place("arguments", "book", ("date",))
    assert "date is DATE_ADD(TODAY(), 1, 'days'), as seen from its trace" in labels(place, trace)
    at = labels(Place("arguments", "book", ("at",)), trace)
    assert any("AT_TIME(DATE_ADD(TODAY(), 1, 'days'), '20:30')" in label for label in at)
    far = labels(Place("arguments", "book", ("far",)), trace)
    assert not any("TODAY" in label for label in far)


ODD_KEYS = [
    "a/b", "a.b", "a..b", ".", "", "$", "$regex", "[0]", "x[0].y", "matcher", "🎫 booking",
    "{{NAME}}", "-", "- a", "a: b", "#no comment", "yes", "null", "0", "~", "é",
    unicodedata.normalize("NFD", "é"), "\x1b[31m", "tab\there", "line\nbreak", "\u202egnihton",
    "'", '"', "\\", "*a", "&a", "!tag", "%",
]  # fmt: skip


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_names_load_and_match_or_are_not_offered(key):
    arguments = {"deep": {key: [{"in": 1}, "x"]}, key: 2}
    trace = booking(arguments, response=json.dumps({"list": [{key: "v"}]}))
    for place in (
        Place("arguments", "book", (key,)),
        Place("arguments", "book", ("deep", key, 0, "in")),
        Place("response", steps=("list", 0, key)),
        Place("span", "book"),
    ):
        found = candidates(place, trace, read(trace))
        prove(found, trace)
        unwritable = {"{{NAME}}", "$regex"} & {key}  # a variable, and what is warned about
        assert found or unwritable, place


@pytest.mark.parametrize(
    "value", ["\x1b]0;title\x07", "a\x00b", "yes", "1e3", "- x: y", "{{USER}}", "*alias", "&a b",
              "!!python/object", "'", "multi\nline\n", "  padded  ", "#", "🎫", "\u2028", ""],
)  # fmt: skip
def test_a_value_is_never_read_as_structure(value):
    trace = booking({"v": value, "list": [value]}, response=f"said {value}.")
    found = [
        each
        for place in (Place("arguments", "book", ("v",)), Place("response"), Place("span", "book"))
        for each in candidates(place, trace, read(trace))
    ]
    assert found
    prove(found, trace)


def test_a_huge_value_is_not_written_into_a_file_but_what_can_be_done_is_said():
    trace = booking({"page": "long words " * 100_000, "rows": [{"n": n} for n in range(20_000)]})
    for key in ("page", "rows"):
        told = offer(Place("arguments", "book", (key,)), trace, read(trace))
        assert "too many for a file" in told.note
        assert all(each.strength != "exact" for each in told.candidates)
        assert told.candidates
        assert all(len(each.yaml) <= MAX_ASSERTION for each in told.candidates)
        prove(told.candidates, trace)
    assert len(told.inside) == 200
    assert told.inside_left == 19_800


def test_a_value_of_megabytes_is_looked_at_quickly():
    rows = json.dumps({"rows": [{"n": n, "text": "x" * 80} for n in range(60_000)]})
    trace = booking({"rows": [1] * 500_000}, response=rows)
    reading = read(trace)
    began = thread_time()
    for place in (Place("arguments", "book", ("rows",)), Place("response"), Place("span", "book")):
        assert offer(place, trace, reading).candidates
    assert thread_time() - began < 5


def test_what_stands_in_a_value_can_be_pointed_at_by_itself():
    trace = booking({"guests": [{"name": "Ruiz"}]})
    told = offer(Place("arguments", "book", ("guests", 0)), trace, read(trace))
    assert told.inside == ((Place("arguments", "book", ("guests", 0, "name")), "Ruiz"),)


def test_an_input_says_what_to_do_instead():
    trace = booking()
    told = offer(Place("input"), trace, read(trace))
    assert told.candidates == ()
    assert "when" in told.note


@pytest.mark.parametrize(
    ("evidence", "place"),
    [
        (Evidence("s", "arguments", '$.a["b.c"][0]'), Place("arguments", "s", ("a", "b.c", 0))),
        (Evidence(None, "response", "$.x"), Place("response", None, ("x",))),
        (Evidence("s", "span", "$"), Place("span", "s")),
        (Evidence(None, "trace", "$"), Place("trace")),
        (Evidence("s", "arguments", "$..x"), Place("span", "s")),
    ],
)
def test_evidence_is_a_place(evidence, place):
    assert place_of(evidence) == place


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=12)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


def places_in(of, span, value, steps=()):
    yield Place(of, span, steps)
    listed = enumerate(value) if isinstance(value, list) else ()
    for key, item in value.items() if isinstance(value, dict) else listed:
        yield from places_in(of, span, item, (*steps, key))


@settings(max_examples=8)
@given(st.dictionaries(st.text(max_size=6), JSON, min_size=1, max_size=3), st.text(max_size=40))
def test_every_candidate_of_every_place_loads_and_holds(arguments, said):
    trace = booking(arguments, response=said)
    for place in (
        Place("trace"), Place("span", "book"), Place("response"),
        *places_in("arguments", "book", arguments),
    ):  # fmt: skip
        prove(candidates(place, trace, read(trace)), trace)


@pytest.mark.parametrize(
    "file", sorted(path.name for path in SAMPLES.glob("*.json")), ids=lambda name: name
)
def test_the_samples_offer_something_for_each_span(file):
    trace, reading = read_body(SAMPLES / file)
    for span in trace.spans[:6]:
        if span.synthetic:
            continue
        found = candidates(Place("span", span.span_id), trace, reading)
        assert found
        for each in found:
            assert each.yaml.startswith("- target: ")


@pytest.mark.parametrize("value", [5e-324, 2.225073858507203e-309, 1e-308, -1e-310])
def test_a_number_next_to_nothing_is_rounded_to_itself(value):
    assert rounded_down(value) <= value <= rounded_up(value)

"""What is offered while a file of test cases is being written."""

import pytest

from tracedesk.authoring.completion import complete
from tracedesk.authoring.cursor import writings_at
from tracedesk.authoring.vocabulary import Vocabulary
from tracedesk.evaluation.load import Loaded
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

HEAD = """\
cases:
  - name: a case
    assertions:
"""


@pytest.fixture(scope="module")
def known():
    said = '[{"role": "assistant", "content": "{\\"booking\\": {\\"id\\": 7}}"}]'
    trace = make_trace(
        make_span("r", "Agent", attributes={"gen_ai.output.messages": said}),
        make_tool("t", "create_booking", "r",
                  arguments={"party": 4, "guest": {"name": "Ruiz"}}, result={"id": 1}),
        make_tool("u", "cancel booking", "r", arguments={"id": 1}),
    )  # fmt: skip
    found = Vocabulary()
    found.note(Loaded(None, trace, read(trace)))
    return found


def words(text, known, agents=()):
    """The words offered at ``|``."""
    before, after = text.split("|")
    line, column = before.count("\n"), len(before.rpartition("\n")[2])
    found = complete(before + after, line, column, known, agents)
    return [each.word for each in found.words]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ca|", "cases"),
        ("cases:\n  - na|", "name"),
        ("cases:\n  - name: x\n    stat|\n    assertions: []\n", "status"),
        ("cases:\n  - name: x\n    status: dr|", "draft"),
        (HEAD + "      - target: node|", "node_call"),
        (HEAD + "      - {target: resp|", "response_regex"),
        (HEAD + "      - {target: node_call, cond|}", "condition"),
        (HEAD + "      - target: node_call\n        condition: MUST_N|", "MUST_NOT_CALL"),
        (HEAD + "      - target: node_call\n        expected_name: crea|", "create_booking"),
        (HEAD + '      - {target: node_call, expected_name: "can|', "cancel booking"),
        (HEAD + "      - target: tool_policy\n        allowed: [create_booking, can|]",
         "cancel booking"),
        (HEAD + "      - target: node_call\n        expected_name: create_booking\n"
         "        expected_arguments:\n          gu|", "guest"),
        (HEAD + "      - target: node_call\n        expected_arguments: {par|}\n"
         "        expected_name: create_booking\n", "party"),
        (HEAD + "      - target: node_call\n        expected_name: create_booking\n"
         "        expected_arguments: {party: {mat|}}", "matcher"),
        (HEAD + "      - target: node_call\n        expected_name: create_booking\n"
         "        expected_arguments: {party: {matcher: betw|", "between"),
        (HEAD + "      - {target: json_match, path: boo|", "booking"),
        (HEAD + "      - target: span_query\n        select: {name: crea|}", "create_booking"),
        ("cases:\n  - name: x\n    agent: Bo|", "Booking desk"),
    ],
)  # fmt: skip
def test_what_fits_here_is_offered_first(text, first, known):
    assert words(text, known, ["Booking desk"])[0] == first


def test_only_the_fields_of_the_target_are_offered_and_none_twice(known):
    text = HEAD + "      - target: response_time\n        max_ms: 5\n        |"
    offered = words(text, known)
    assert "min_ms" in offered
    assert not {"target", "max_ms", "expected_name"} & set(offered)


def test_options_are_those_of_the_matcher(known):
    text = HEAD + (
        "      - target: node_call\n        expected_name: create_booking\n"
        "        expected_arguments: {party: {matcher: between, |}}"
    )
    assert set(words(text, known)) == {"min", "max", "optional"}


def test_a_slip_of_the_pen_is_offered_what_was_meant(known):
    assert words(HEAD + "      - target: node_cal1|", known) == ["node_call"]


def test_words_are_quoted_where_they_must_be(known):
    known.calls["yes: no"] += 9
    text = HEAD + "      - target: node_call\n        expected_name: yes"
    found = complete(text, 4, len(text.rpartition("\n")[2]), known)
    assert found.words[0].insert == '"yes: no"'


@pytest.mark.parametrize("text", ["# ca|", "cases: [\n  - {", HEAD + "      - x # no|"])
def test_nothing_is_offered_in_a_comment_or_where_nobody_can_tell(text, known):
    before = text.split("|")[0]
    lines = before.split("\n")
    assert list(writings_at(before, len(lines) - 1, len(lines[-1]))) == []


def test_what_is_broken_further_down_is_no_hindrance(known):
    text = HEAD + "      - target: node|\n  broken: [\n"
    assert words(text, known) == ["node_call"]


def test_names_that_cannot_be_shown_or_are_endless_are_not_kept():
    trace = make_trace(
        make_tool("a", "\x1b[31mred", arguments={"k" * 500: 1}), make_tool("b", "n" * 500)
    )
    found = Vocabulary()
    found.note(Loaded(None, trace, read(trace)))
    assert not found.calls
    assert not found.paths_of("\x1b[31mred")

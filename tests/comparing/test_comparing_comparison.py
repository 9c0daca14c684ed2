"""What a comparison says: the first divergence, differences of values and words, verdicts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sides import side_of

from tracedesk.comparing.comparison import Change, Comparison
from tracedesk.comparing.differences import MAX_DIFFERENCES, value_differences, word_runs
from tracedesk.comparing.told import pair_told, trace_facts, trace_texts, verdict_changes
from tracedesk.model.trace import Status
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.testing import make_span, make_tool, make_trace

MODEL = {"gen_ai.operation.name": "chat"}


def said(role, text, **more):
    parts = [{"type": "text", "content": text}]
    parts += [{"type": "tool_call", "id": i, "name": n, "arguments": {}} for n, i in more.items()]
    return json.dumps([{"role": role, "parts": parts}])


def booking(*, party=4, model="gpt-4o", answer="Your table for 4 is booked.", ask_id="c1", **book):
    """An agent that asks a model, books, and answers."""
    asked = {
        **MODEL,
        "gen_ai.request.model": model,
        "gen_ai.input.messages": said("user", "A table for four"),
        "gen_ai.output.messages": said("assistant", "", book=ask_id),
    }
    output = {"gen_ai.output.messages": said("assistant", answer)}
    root = {"gen_ai.operation.name": "invoke_agent", **output}
    return side_of(
        make_trace(
            make_span("root", "agent", attributes=root, start_ms=0, end_ms=100),
            make_span("m1", f"chat {model}", "root", attributes=asked, start_ms=1, end_ms=20),
            make_tool(
                "t", "book", "root", arguments={"party": party}, start_ms=21, end_ms=40, **book
            ),
            make_span(
                "m2", f"chat {model}", "root",
                attributes={**MODEL, **output, "gen_ai.request.model": model},
                start_ms=41, end_ms=90,
            ),
        )
    )  # fmt: skip


def first_of(comparison):
    row = comparison.rows[comparison.first]
    return comparison.left.names[row.left], row.parts


def test_ids_of_requests_are_no_difference():
    comparison = Comparison(booking(ask_id="call_a1"), booking(ask_id="call_b2"))
    assert comparison.divergences == []
    assert comparison.first is None


def test_the_first_divergence_is_the_call_and_not_the_agent_whose_answer_it_changed():
    comparison = Comparison(booking(), booking(party="4", answer="It failed."))
    assert [row.change for row in comparison.rows] == [
        Change.CHANGED, Change.SAME, Change.CHANGED, Change.CHANGED,
    ]  # fmt: skip
    assert first_of(comparison) == ("book", ("given",))


def test_an_agent_that_answers_otherwise_after_the_same_calls_diverges_last():
    comparison = Comparison(booking(), booking(answer="Done."))
    assert first_of(comparison) == ("chat", ("gave",))


def test_a_failure_diverges_when_the_call_ends():
    comparison = Comparison(booking(), booking(status=Status.ERROR, message="full"))
    assert first_of(comparison) == ("book", ("status",))
    told = pair_told(comparison, *comparison.rows[comparison.first].pair)
    status = next(fact for fact in told.facts if fact.name == "status")
    assert (status.left, status.right, status.same) == ("ok", "failed: full", False)


def test_another_model_is_the_same_call_with_other_settings():
    comparison = Comparison(booking(), booking(model="gpt-5"))
    assert [row.parts for row in comparison.rows] == [(), ("model",), (), ("model",)]
    told = pair_told(comparison, 1, 1)
    settings = next(part for part in told.parts if part.title == "settings")
    assert [d.path for d in settings.differences] == ['$["gen_ai.request.model"]']


def test_arguments_differ_by_path_and_type():
    comparison = Comparison(booking(), booking(party="4"))
    told = pair_told(comparison, 2, 2)
    (arguments,) = [part for part in told.parts if part.title == "arguments"]
    (found,) = arguments.differences
    assert (found.path, found.expected_type, found.actual_type) == ("$.party", "number", "string")
    assert found.hint == "numeric text; as a number equal"


def test_a_call_that_stands_alone_tells_what_it_said(side):
    comparison = Comparison(side("a"), side("a b{q=1}"))
    alone = comparison.rows[-1]
    told = pair_told(comparison, *alone.pair)
    (arguments,) = told.parts
    assert arguments.left.what == ""
    assert arguments.right.value == {"q": 1}


def test_a_moved_call_is_a_pair_too(side):
    comparison = Comparison(side("a{q=1} b{q=1} c"), side("b{q=1} c a{q=1}"))
    moved = [row for row in comparison.rows if row.change is Change.MOVED]
    assert [row.pair for row in moved] == [(1, 3), (1, 3)]
    assert comparison.counts()[Change.MOVED] == 1


def test_a_trace_without_spans_is_compared(side):
    empty = side_of(make_trace())
    assert Comparison(empty, empty).first is None
    assert Comparison(empty, side("a")).counts()[Change.RIGHT] == 2
    assert next(fact.name for fact in trace_facts(empty, side("a"))) == "status"
    assert trace_texts(empty, empty)[1] == ("response", None, None)


# -- values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["$.a number boolean"]),
        ({"a": 1}, {}, ["$.a number absent"]),
        ({}, {"a": None}, ["$.a absent null"]),
        ([1, 2, 3], [1, 3], ["$[1] number absent"]),
        ([1, 3], [1, 2, 3], ["$[1] absent number"]),
        ([1, 2], [1, 5], ["$[1] number number"]),
        ({"a": [1]}, {"a": {"b": 1}}, ["$.a array object"]),
        ("a", "a", []),
    ],
)
def test_values_differ_by_path(left, right, told):
    found, more = value_differences(left, right)
    assert [f"{d.path} {d.expected_type} {d.actual_type}" for d in found] == told
    assert more == 0


def test_what_is_not_listed_is_counted():
    found, more = value_differences(list(range(1_000)), [-1] * 1_000)
    assert (len(found), more) == (MAX_DIFFERENCES, 1_000 - MAX_DIFFERENCES)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_there_are_differences_exactly_where_values_are_not_equal(left, right):
    from tracedesk.query.values import json_equal

    assert (value_differences(left, right)[0] == []) == json_equal(left, right)
    assert len(value_differences(left, right)[0]) == len(value_differences(right, left)[0])


@given(st.text(alphabet="ab .\n", max_size=40), st.text(alphabet="ab .\n", max_size=40))
def test_runs_of_words_make_up_both_texts(left, right):
    runs = word_runs(left, right)
    assert "".join(run.text for run in runs if run.side != "right") == left
    assert "".join(run.text for run in runs if run.side != "left") == right
    assert all(run.side == "same" for run in runs) == (left == right)


def test_a_changed_word_stands_out():
    runs = word_runs("a table for four, please", "a table for six, please")
    assert [(run.side, run.text) for run in runs if run.side != "same"] == [
        ("left", "four"),
        ("right", "six"),
    ]


def test_long_texts_are_compared_in_their_middle():
    runs = word_runs("same " + "x " * 5_000 + "end", "same " + "y " * 5_000 + "end")
    assert [run.side for run in runs] == ["same", "left", "right", "same"]


# -- verdicts --------------------------------------------------------------------------


def case(outcome, *outcomes, name="Books"):
    return CaseVerdict(
        case=f"a.yaml#{name}", name=name, file="a.yaml", line=3, outcome=outcome, score=None,
        verdicts=tuple(
            Verdict(outcome=o, reason=f"it is {o}", target="node_call", assertion=f"a{n}", line=n)
            for n, o in enumerate(outcomes, 5)
        ),
    )  # fmt: skip


P, F, M, S = Outcome.PASS, Outcome.FAIL, Outcome.MISSING, Outcome.SKIPPED


def test_only_assertions_that_came_out_otherwise_are_told():
    (found,) = verdict_changes([case(P, P, P)], [case(F, P, F)])
    assert (found.left, found.right, found.line, found.reason) == (P, F, 6, "it is fail")


def test_failures_come_first():
    found = verdict_changes([case(F, F, P, P)], [case(F, P, M, F)])
    assert [change.right for change in found] == [F, M, P]


def test_a_case_that_applies_to_one_side_only_is_one_change():
    (found,) = verdict_changes([], [case(F, F, F)])
    assert (found.left, found.right, found.label) == (None, F, "")
    (found,) = verdict_changes([case(S)], [case(P, P)])
    assert (found.left, found.right) == (S, P)
    assert verdict_changes([case(S)], [case(S)]) == []

"""What candidates would say of stored traces, and a text tried before it is saved."""

from collections import Counter

from tracedesk.assertions import Settings
from tracedesk.authoring.effects import Effects, effects, told
from tracedesk.authoring.trial import tried
from tracedesk.evaluation.load import Loaded
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testing import make_tool, make_trace

BOOKS = {"target": "node_call", "expected_name": "book", "expected_arguments": {"n": 1}}


def loaded(number, name="book"):
    trace = make_trace(make_tool("t", name, arguments={"n": number}))
    return Loaded(None, trace, read(trace))


def count(assertions, traces, cancelled=lambda: False):
    told_of = []
    effects(assertions, traces, len(traces), 9, Settings(), told_of.append, cancelled)
    return told_of


def test_each_candidate_is_counted_over_all_traces():
    budget = {"target": "response_time", "max_ms": 5}
    (found,) = count([BOOKS, budget], [loaded(1), loaded(2), loaded(1)])
    assert told(found.counts[0]) == "passes on 2, fails on 1"
    assert told(found.counts[1]) == "missing on 3"
    assert found.done


def test_counting_ends_when_nobody_wants_it_any_more():
    assert count([BOOKS], [loaded(1)], cancelled=lambda: True) == []


def test_traces_that_the_case_is_not_about_are_not_counted():
    told_of = []
    traces = [loaded(1), loaded(2, "other"), loaded(3, "other")]
    effects([BOOKS], traces, 3, 3, Settings(), told_of.append, lambda: False,
            lambda each: each.trace.spans[0].label != "other", "of booking")  # fmt: skip
    assert told(told_of[-1].counts[0]) == "passes on 1"
    assert told_of[-1].over == "of 1 trace of booking"


def test_it_is_said_over_how_many_traces_it_is_counted():
    assert Effects((), 31, 1_000, 1_000, 41_000).over == "of 31 traces among the newest 1,000"
    assert Effects((), 12, 12, 12, 12, "of booking").over == "of 12 traces of booking"
    assert Effects((), 7, 9, 12, 12).over == "of 7 traces: 9 of 12 looked at"
    assert Effects((), 1, 1, 1, 1).over == "of 1 trace"
    assert Effects().over == "no stored trace to try them on"
    assert told(Counter({Outcome.ERROR: 2})) == "error on 2"


def test_a_text_is_tried_by_the_real_loader_and_engine(tmp_path):
    text = (
        "cases:\n  - name: draft\n    status: draft\n    assertions:\n"
        "      - {target: node_call, expected_name: book}\n"
        "      - {target: node_cal, expected_name: book}\n"
    )
    one = loaded(1)
    found = tried(text, tmp_path / "a.yaml", tmp_path, agents=(), opened=(one.trace, one.reading))
    (diagnostic,) = found.file.diagnostics
    assert (diagnostic.line, diagnostic.column) == (6, 18)
    assert "did you mean 'node_call'" in diagnostic.message
    assert [v.outcome for v in found.verdicts[0].verdicts] == [Outcome.PASS, Outcome.ERROR]


def test_a_text_that_is_no_yaml_has_no_verdicts(tmp_path):
    one = loaded(1)
    found = tried("cases: [", tmp_path / "a", tmp_path, agents=(), opened=(one.trace, one.reading))
    assert found.verdicts == ()
    assert found.file.errors

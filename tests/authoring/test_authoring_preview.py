"""What an assertion would turn over, told before it is written."""

from tracedesk.assertions import Settings
from tracedesk.authoring.preview import preview
from tracedesk.evaluation.load import Loaded
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.store.rows import TraceRow
from tracedesk.testcases.load import load_text
from tracedesk.testing import T0_NS, make_tool, make_trace

CALLED = "      - {target: node_call, expected_name: book}\n"
WITH_ONE = "      - {target: node_call, expected_name: book, expected_arguments: {n: 1}}\n"


def case(*assertions, when=""):
    text = f"cases:\n  - name: books\n{when}    assertions:\n" + "".join(assertions)
    return load_text(text, "books.yaml").cases[0]


def loaded(number, name="book"):
    trace = make_trace(make_tool("t", name, arguments={"n": number}))
    row = TraceRow(
        number=number, id=f"trace-{number}", agent_id="local", name="run", format="canonical",
        routed_by="default", revision=1, sequence=number, span_count=1, error_count=0,
        received_ns=T0_NS, updated_ns=T0_NS,
    )  # fmt: skip
    return Loaded(row, trace, read(trace))


def found(before, after, *traces, cancelled=lambda: False):
    return preview(before, after, traces, {}, Settings(), cancelled)


def test_the_traces_that_would_lose_their_pass_are_listed():
    told = found(case(CALLED), case(CALLED, WITH_ONE), loaded(1), loaded(2), loaded(3))
    assert told.traces == 3
    assert told.edit.counts == (("pass→fail", 2),)
    assert [flip.trace for flip in told.edit.listed] == ["trace-2", "trace-3"]
    assert sorted(told.rows) == ["trace-2", "trace-3"]


def test_a_case_that_fails_already_is_no_flip():
    told = found(case(CALLED), case(CALLED, WITH_ONE), loaded(2, "cancel"))
    assert (told.traces, told.edit.counts) == (1, ())


def test_a_new_case_turns_over_what_it_would_not_pass():
    told = found(None, case(WITH_ONE), loaded(1), loaded(2))
    assert told.edit.counts == (("skipped→fail", 1),)
    assert told.edit.listed[0].was is Outcome.SKIPPED


def test_traces_that_the_case_is_not_about_do_not_count():
    when = "    when: {input: {matcher: contains, value: berth}}\n"
    told = found(case(CALLED, when=when), case(CALLED, WITH_ONE, when=when), loaded(2))
    assert (told.traces, told.edit.counts) == (0, ())


def test_it_ends_when_nobody_wants_it_any_more():
    assert found(None, case(WITH_ONE), loaded(1), cancelled=lambda: True) is None

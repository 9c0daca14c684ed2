"""Scores, matrix and comparison of executions: their numbers, and what may never change them."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from judged import DAY_NS, T0_NS, case, check, execution
from plainly import compare, compare_edit, edits, latest, within

from tracedesk.evaluation import scores as formulas
from tracedesk.evaluation.matrix import failures_of, matrix_of
from tracedesk.evaluation.regressions import (
    BY_INPUT,
    BY_TRACE,
    Share,
)
from tracedesk.evaluation.tally import NO_STAGE, tally_of
from tracedesk.evaluation.trends import Choice, survey
from tracedesk.evaluation.windows import Window, before, day_text, since_ns
from tracedesk.model.execution import ExecutionKind
from tracedesk.model.verdict import Outcome

BRIEF = settings(max_examples=50)
"""A dozen executions an example: as many again find nothing that these do not."""

# -- properties ------------------------------------------------------------------------

CHECKS = st.builds(
    lambda outcome, stage, weight, tagged: check(
        outcome,
        stage,
        weight=weight,
        target="semantic" if tagged else "node_call",
        tags=("faithfulness",) if tagged else (),
    ),
    st.sampled_from([str(outcome) for outcome in Outcome]),
    st.sampled_from(formulas.STAGES),
    st.sampled_from([0.0, 0.1, 1.0, 3.0]),
    st.booleans(),
)
CASES = st.builds(
    lambda name, checks, weight, digest: case(
        *checks, name=name, weight=weight, digest=digest, threshold=None
    ),
    st.sampled_from(["books", "answers", "refunds"]),
    st.lists(CHECKS, max_size=4),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.sampled_from(["d1", "d2"]),
)
EXECUTIONS = st.lists(
    st.builds(
        lambda trace, cases, revision, at, facts: (trace, cases, revision, at, facts),
        st.sampled_from(["t1", "t2", "t3", "t4", "t5"]),
        st.lists(CASES, max_size=3, unique_by=lambda case: case.case),
        st.integers(1, 2),
        st.integers(0, 3),
        st.tuples(*[st.sampled_from(["", "x", "y"])] * 4),
    ),
    max_size=12,
).map(
    lambda drawn: [
        execution(
            trace,
            *cases,
            number=number,
            revision=revision,
            at_ns=T0_NS + at * DAY_NS,
            version=facts[0],
            environment=facts[1],
            input_key=facts[2],
            behaviour_key=facts[3],
        )
        for number, (trace, cases, revision, at, facts) in enumerate(drawn, 1)
    ]
)


def numbers(executions):
    """Everything that is computed of a history."""
    results = latest(executions)
    made = survey(results)
    tally = made.tally()
    return (
        tally.scores(),
        matrix_of(tally),
        failures_of(results),
        made.failing(),
        made.by_day(),
        made.by_version(),
        made.by_environment(),
        compare(
            within(results, Window(version="x")), within(results, Window(version="y")), "input"
        ),
        edits(executions),
    )


@BRIEF
@given(EXECUTIONS, st.randoms(use_true_random=False))
def test_the_order_of_executions_changes_no_number(executions, random):
    shuffled = list(executions)
    random.shuffle(shuffled)
    assert numbers(shuffled) == numbers(executions)


@BRIEF
@given(EXECUTIONS)
def test_quality_is_that_of_the_formula(executions):
    results = latest(executions)
    wanted = formulas.quality(record for _, record in results)
    found = tally_of(results).quality().percent
    assert found == (None if wanted is None else pytest.approx(wanted))


@BRIEF
@given(EXECUTIONS)
def test_a_cell_is_as_large_as_the_list_behind_it(executions):
    results = latest(executions)
    made = survey(results)
    matrix = matrix_of(made.tally())
    for row in matrix.rows:
        assert len(failures_of(results, case=row.case)) == row.failed
        assert len(made.failing(case=row.case)) == row.failed
        assert sum(cell.roots for cell in row.cells.values()) == row.failed
        for stage, cell in row.cells.items():
            listed = failures_of(results, case=row.case, stage=stage)
            assert len(listed) == cell.failures
            found = made.failing(case=row.case, stage=stage)
            assert [each.execution.trace for each in found] == [each.trace for each in listed]
            assert sum(failure.root for failure in listed) == cell.roots
            assert cell.failures <= cell.evaluated == row.evaluated
    for stage, cell in matrix.totals.cells.items():
        assert len(made.failing(stage=stage)) == cell.failures
    assert matrix.totals.failed == len(made.failing())


@BRIEF
@given(EXECUTIONS)
def test_slices_add_up_to_the_whole(executions):
    made = survey(latest(executions))
    whole = matrix_of(made.tally()).totals
    parts = [matrix_of(made.tally(Choice(version=v))).totals for v in made.versions()]
    assert whole.failed == sum(part.failed for part in parts)
    assert whole.evaluated == sum(part.evaluated for part in parts)
    days = made.by_day()
    assert sum(day.scores.quality.results for day in days) == (
        made.tally().scores().quality.results
    )


@BRIEF
@given(EXECUTIONS)
def test_nothing_flips_against_itself(executions):
    results = latest(executions)
    found = compare(results, results, BY_TRACE)
    assert (found.broken, found.mended, found.others) == ((), (), ())
    assert found.unpaired_before == found.unpaired_after == 0
    assert all(change.drop == 0 for change in found.cases)


# -- the newest results ----------------------------------------------------------------


def test_the_newest_result_of_a_case_counts():
    old = execution("t1", case(check("fail")), case(check("pass"), name="answers"), number=1)
    new = execution("t1", case(check("pass"), digest="d2"), number=2, kind=ExecutionKind.EDIT)
    found = {record.name: record.outcome for _, record in latest([new, old])}
    assert found == {"books": Outcome.PASS, "answers": Outcome.PASS}


def test_what_an_earlier_revision_of_a_trace_was_judged_to_be_is_left_out():
    old = execution("t1", case(check("fail")), case(check("fail"), name="gone"), number=1)
    new = execution("t1", case(check("pass")), number=2, revision=2)
    assert [record.name for _, record in latest([old, new])] == ["books"]


def test_a_trace_counts_on_the_day_it_happened_not_when_it_was_judged_again():
    late = execution("t1", case(check("pass")), at_ns=T0_NS, started_ns=T0_NS + 9 * DAY_NS)
    (day,) = survey(latest([late])).by_day()
    assert day.label == "2026-05-28"
    assert not list(within(latest([late]), Window(since_ns=T0_NS + DAY_NS)))


@pytest.mark.parametrize(
    ("text", "ago_days"), [("24h", 1), ("7d", 7), ("2w", 14), ("2026-05-28", None)]
)
def test_windows_are_said_as_in_the_filter(text, ago_days):
    found = since_ns(text, T0_NS)
    if ago_days is None:
        assert day_text(found // DAY_NS) == text
    else:
        assert found == T0_NS - ago_days * DAY_NS
    assert since_ns("all", T0_NS) is None


@pytest.mark.parametrize("text", ["yesterday", "", "7 parsecs", '7d" status:failed "', "-3d"])
def test_a_time_that_is_none_is_refused_in_words(text):
    with pytest.raises(ValueError, match="is no time: say 24h"):
        since_ns(text, T0_NS)


def test_the_window_before_is_of_the_same_length():
    assert before(90, 100) == (80, 90)


# -- the matrix ------------------------------------------------------------------------


def test_a_case_that_broke_at_two_stages_has_its_root_in_the_earlier():
    failing = case(
        check("fail", "communication", assertion="a1", reason="rude"),
        check("fail", "tool_choice", assertion="a2", reason="called nothing",
              evidence=(("span-7", "arguments", "$.party"),)),
        check("fail", "tool_choice", assertion="a3"),
    )  # fmt: skip
    results = latest([execution("t1", failing), execution("t2", case(check("pass")))])
    matrix = matrix_of(tally_of(results))
    (row,) = matrix.rows
    assert (row.root, row.failed, row.evaluated) == ("tool_choice", 1, 2)
    assert row.cells["communication"].share == 0.5
    assert (row.cells["communication"].roots, row.cells["tool_choice"].roots) == (0, 1)
    (failure,) = failures_of(results, stage="tool_choice")
    assert (failure.trace, failure.assertion, failure.reason) == ("t1", "a2", "called nothing")
    assert (failure.span, failure.path, failure.more) == ("span-7", "$.party", 1)


def test_a_threshold_not_met_has_a_column_of_its_own():
    judged = case(check("pass", score=0.6, target="semantic"), threshold=0.8)
    assert judged.outcome is Outcome.FAIL
    results = latest([execution("t1", judged)])
    matrix = matrix_of(tally_of(results))
    assert matrix.stages[-1] == NO_STAGE
    assert matrix.totals.cells[NO_STAGE].failures == 1
    assert "score of 0.60" in failures_of(results)[0].reason


def test_spans_in_error_stand_under_runtime_of_what_failed():
    broken = {"errors": 2, "error_span": "span-9", "error_text": "search: timed out"}
    results = latest([
        execution("t1", case(check("fail", "tool_choice")), **broken),
        execution("t2", case(check("pass", score=0.6), threshold=0.8), **broken),
        execution("t3", case(check("pass")), **broken),
    ])  # fmt: skip
    (row,) = matrix_of(tally_of(results)).rows
    assert (row.failed, row.evaluated) == (2, 3)
    assert row.cells["runtime"].failures == 2
    assert (row.cells["tool_choice"].roots, row.cells["runtime"].roots) == (1, 1)
    first, second = failures_of(results, stage="runtime")
    assert (first.root, second.root) == (False, True)
    assert second.reason == "2 spans of the trace ended in error, first search: timed out"
    assert second.span == "span-9"


def test_environments_are_an_axis():
    results = latest([
        execution("t1", case(check("fail")), environment="production"),
        execution("t2", case(check("pass")), environment="staging"),
        execution("t3", case(check("pass"))),
    ])  # fmt: skip
    points = survey(results).points("environments")
    assert [(point.label, point.scores.quality.percent) for point in points] == [
        ("", 100), ("production", 0), ("staging", 100),
    ]  # fmt: skip


def test_what_was_not_decided_is_in_no_denominator():
    results = latest([
        execution("t1", case(check("missing"))), execution("t2", case(check("error"))),
        execution("t3", case(check("skipped"), outcome=Outcome.SKIPPED)),
        execution("t4", case(check("pass"))),
    ])  # fmt: skip
    (row,) = matrix_of(tally_of(results)).rows
    assert (row.evaluated, row.missing, row.errors, row.skipped) == (1, 1, 1, 1)


# -- scores ----------------------------------------------------------------------------


def test_determinism_counts_pairs_of_equal_input_of_one_agent():
    def asked(trace, behaviour, agent="booking", key="hello"):
        record = case(check("pass"))
        return execution(trace, record, input_key=key, behaviour_key=behaviour, agent_id=agent)

    found = tally_of(latest([
        asked("t1", "a"), asked("t2", "a"), asked("t3", "b"), asked("t4", "a", agent="other"),
        asked("t5", "a", key=""),
    ])).scores().determinism  # fmt: skip
    assert (found.equal, found.pairs, found.groups) == (1, 3, 1)
    assert (found.alone, found.unknown) == (1, 1)
    assert found.percent == pytest.approx(100 / 3)


def test_determinism_is_not_known_without_two_of_a_kind():
    found = tally_of(latest([execution("t1", case(check("pass")), input_key="hello")]))
    assert found.scores().determinism.percent is None


def test_hallucination_is_the_share_of_faithfulness_assertions_that_failed():
    def judged(trace, outcome, *tags, target="semantic"):
        return execution(trace, case(check(outcome, tags=tags, target=target)))

    found = tally_of(latest([
        judged("t1", "fail", "faithfulness"), judged("t2", "pass", "faithfulness"),
        judged("t3", "skipped", "faithfulness"), judged("t4", "fail", "tone"),
        judged("t5", "fail", "faithfulness", target="response_regex"),
    ])).scores().hallucination  # fmt: skip
    assert (found.failed, found.decided, found.percent) == (1, 2, 50)
    assert found.undecided == 1


def test_no_judge_gives_no_rate():
    mixed = case(check("skipped", target="semantic", tags=("faithfulness",)), check("pass"))
    found = tally_of(latest([execution("t1", mixed)])).scores().hallucination
    assert (found.percent, found.undecided) == (None, 1)


# -- comparison ------------------------------------------------------------------------


def asked(trace, version, outcome, key="hello", **fields):
    record = case(check(outcome, reason=f"{version} says so"))
    return execution(trace, record, version=version, input_key=key, **fields)


def test_versions_are_compared_where_they_were_asked_the_same():
    results = latest([
        asked("t1", "1.0", "pass"), asked("t2", "1.1", "fail"),
        asked("t3", "1.0", "fail", "bye"), asked("t4", "1.1", "pass", "bye"),
        asked("t5", "1.0", "pass", "only once"), asked("t6", "1.1", "pass", ""),
    ])  # fmt: skip
    found = compare(
        within(results, Window(version="1.0")), within(results, Window(version="1.1")), BY_INPUT
    )
    (broken,), (mended,) = found.broken, found.mended
    assert (broken.trace_before, broken.trace, broken.reason) == ("t1", "t2", "1.1 says so")
    assert (mended.trace_before, mended.trace, mended.reason) == ("t3", "t4", "1.0 says so")
    assert (found.paired, found.unpaired_before, found.unpaired_after) == (2, 1, 1)
    (change,) = found.cases
    assert (change.before, change.after) == (Share(2, 3), Share(2, 3))


def test_an_edit_is_compared_on_the_very_traces():
    later = T0_NS + DAY_NS
    history = [
        execution("t1", case(check("pass"), digest="d1"), number=1),
        execution("t2", case(check("fail"), digest="d1"), number=2),
        execution("t1", case(check("fail"), digest="d2"), number=3, started_ns=later),
        execution("t2", case(check("pass"), digest="d2"), number=4, started_ns=later + 1),
        execution("t3", case(check("pass"), name="other", file="other.yaml"), number=5),
    ]
    (edit,) = edits(history)
    assert (edit.file, edit.at_ns, edit.cases) == ("booking.yaml", later, ("books",))
    found = compare_edit(history, edit)
    assert [(flip.trace, flip.now) for flip in found.broken] == [("t1", Outcome.FAIL)]
    assert [(flip.trace, flip.now) for flip in found.mended] == [("t2", Outcome.PASS)]
    assert found.unpaired_after == 0


def test_a_clock_that_is_set_back_turns_no_edit_round():
    history = [
        execution("t1", case(check("pass"), digest="d1"), number=1, started_ns=T0_NS + DAY_NS),
        execution("t1", case(check("fail"), digest="d2"), number=2, started_ns=T0_NS),
    ]
    (edit,) = edits(history)
    assert (edit.at_ns, edit.number) == (T0_NS, 2)
    assert [flip.now for flip in compare_edit(history, edit).broken] == [Outcome.FAIL]
    assert [record.outcome for _, record in latest(history)] == [Outcome.FAIL]


def test_what_an_earlier_revision_of_a_trace_said_is_not_held_against_an_edit():
    history = [
        execution("t1", case(check("pass"), digest="d1"), number=1),
        execution("t1", case(check("fail"), digest="d1"), number=2, revision=2),
        execution("t1", case(check("fail"), digest="d2"), number=3, revision=2,
                  started_ns=T0_NS + DAY_NS),
    ]  # fmt: skip
    found = compare_edit(history, edits(history)[0])
    assert (found.broken, found.mended, found.paired) == ((), (), 1)


def test_two_saves_of_a_file_are_two_edits():
    history = [
        execution(
            "t1", case(check("pass"), digest=f"d{n}"), number=n, started_ns=T0_NS + n * DAY_NS
        )
        for n in range(1, 4)
    ]
    assert len(edits(history)) == 2


def test_evaluating_the_same_text_once_more_is_no_edit():
    history = [
        execution("t1", case(check("skipped")), number=1),
        execution("t1", case(check("skipped")), number=2, kind=ExecutionKind.EDIT,
                  started_ns=T0_NS + DAY_NS),
    ]  # fmt: skip
    assert edits(history) == []

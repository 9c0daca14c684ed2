"""Which verdicts belong to which rows, and that none is counted twice."""

from fake_desk import booking_trace, booking_verdicts, passing_case, tree_of

from tracedesk.model.verdict import CaseVerdict, Evidence, Outcome, Verdict
from tracedesk.tui.view_models.marks import Counts, Marks
from tracedesk.tui.view_models.span_tree import SpanRows


def case_of(*verdicts):
    return CaseVerdict(
        case="c", name="c", file="f", line=1, outcome=Outcome.FAIL, score=None, verdicts=verdicts
    )


def verdict(outcome, *evidence):
    return Verdict(outcome=outcome, reason="because", evidence=evidence)


ROWS = {"a": 1, "b": 2, "c": 5}


def marks(*verdicts, **options):
    return Marks([case_of(*verdicts)], ROWS.get, **options)


def test_a_verdict_belongs_to_the_spans_that_decided_it():
    found = marks(verdict(Outcome.FAIL, Evidence("a", role="violated"), Evidence("b")))
    assert found.counts(1) == found.counts(2) == Counts(failed=1)
    assert not found.counts(0).any


def test_a_verdict_that_names_two_spans_counts_once_on_what_holds_both():
    found = marks(verdict(Outcome.FAIL, Evidence("a"), Evidence("b"), Evidence("c")))
    assert found.counts(0, 10) == Counts(failed=1)
    assert found.counts(2, 10) == Counts(failed=1)
    assert not found.counts(3, 5).any


def test_having_been_looked_at_marks_nothing():
    found = marks(verdict(Outcome.FAIL, Evidence("a", role="inspected"), Evidence("b")))
    assert not found.counts(1).any


def test_a_verdict_without_a_span_belongs_to_the_trace():
    found = marks(
        verdict(Outcome.MISSING),
        verdict(Outcome.ERROR, Evidence(None, "response")),
        verdict(Outcome.PASS, Evidence("not received")),
    )
    assert found.counts(0) == Counts(passed=1, missing=1, error=1)


def test_verdicts_of_a_broken_file_count_as_stale_only():
    found = marks(verdict(Outcome.PASS, Evidence("a")), stale=frozenset(["c"]))
    assert found.counts(1) == Counts(stale=1)


def test_skipped_ones_are_not_counted():
    assert not marks(verdict(Outcome.SKIPPED, Evidence("a"))).counts(0, 10).any


def test_failing_rows_are_where_failures_point():
    rows = SpanRows(tree_of(booking_trace()), booking_trace().spans)
    found = Marks([booking_verdicts(), passing_case()], rows.row_of)
    assert [rows.span(row).span_id for row in found.failing_rows()] == ["book"]

"""The drawer: failing first, folds that stay, broken files that say where."""

from types import SimpleNamespace

import pytest
from fake_desk import booking_desk, booking_file, booking_verdicts, passing_case

from tracedesk.model.verdict import CaseVerdict, Evidence, NearMiss, Outcome, Verdict
from tracedesk.testcases.models import Diagnostic
from tracedesk.tui.view_models.results import Results, brief, deciding_span


def verdicts_of(*cases, pending=False):
    return SimpleNamespace(cases=cases, pending=pending, stale=frozenset())


def shown(results):
    return [row.line.text for row in results.rows]


def results_for(*cases, files=None, pending=False):
    results = Results()
    results.show(files or [booking_file()], verdicts_of(*cases, pending=pending))
    return results


def test_failing_comes_first_and_passing_cases_open_folded():
    assert shown(results_for(passing_case(), booking_verdicts())) == [
        "▾ booking.cases.yaml  ✗ 1  ? 1  ✓ 2",
        "  ▾ ✗ Books what was asked for",
        "      ✗ :12 node_call MUST_CALL create_booking  "
        "party of create_booking is text, not a number",
        "      ? :19 cost  no span reports a cost; send gen_ai.usage.cost to have it checked",
        "      ✓ :24 no_errors  no span failed in the booking itself",
        "  ▸ ✓ Answers in one breath  ✓ 1",
    ]


def test_totals_count_assertions_by_outcome():
    totals = results_for(passing_case(), booking_verdicts()).totals
    assert totals == {Outcome.FAIL: 1, Outcome.MISSING: 1, Outcome.PASS: 2}


def test_folds_stay_through_a_re_evaluation():
    results = results_for(booking_verdicts(), passing_case())
    results.toggle("booking.cases.yaml:booking.cases.yaml#1")
    results.toggle("booking.cases.yaml:booking.cases.yaml#2")
    expected = shown(results)
    assert len(expected) == 4
    results.show([booking_file()], verdicts_of(booking_verdicts(), passing_case()))
    assert shown(results) == expected


def test_a_broken_file_says_where_and_keeps_its_last_verdicts_as_stale():
    fault = Diagnostic(
        file="booking.cases.yaml",
        line=11,
        column=17,
        code="unknown_target",
        message="unknown target 'node_cal'; did you mean 'node_call'?",
    )
    results = results_for(
        booking_verdicts(), files=[booking_file(diagnostics=(fault,), stale=True)]
    )
    lines = shown(results)
    assert lines[0].endswith("stale: the file has errors, these are its last verdicts")
    assert lines[1:6] == [
        "  ! 11:17 unknown target 'node_cal'; did you mean 'node_call'?",
        "     10 │     assertions:",
        "  ▸  11 │       - target: node_call",
        " " * 10 + " " * 16 + "^",
        "     12 │         expected_name: create_booking",
    ]
    assert lines[4].index("^") == lines[3].index("node_call")
    failing = [line for line in lines if line.startswith("      ✗")]
    assert failing
    assert all("stale" in line[:60] for line in failing), "not where it may be cut"
    assert "ok" not in {p.role for row in results.rows if row.verdict for p in row.line.pieces}


def test_a_file_that_never_parsed_is_there_too():
    fault = Diagnostic(file="x.yaml", line=1, column=1, code="yaml", message="no mapping")
    file = booking_file(path="x.yaml", text="- 1", diagnostics=(fault,))
    assert shown(results_for(files=[file]))[:2] == ["▾ x.yaml", "  ! 1:1 no mapping"]


def test_pending_verdicts_are_dim():
    results = results_for(booking_verdicts(), pending=True)
    assert "re-evaluating" in shown(results)[1]
    roles = {p.role for row in results.rows for p in row.line.pieces}
    assert not roles & {"ok", "bad"}


def test_from_a_span_to_its_verdict():
    results = results_for(passing_case(), booking_verdicts())
    at = results.for_span("book")
    assert results.rows[at].verdict.target == "node_call"
    assert results.for_span("nowhere") is None


def test_the_deciding_span_is_what_violated_before_what_was_inspected():
    violated = Verdict(
        outcome=Outcome.FAIL,
        reason="",
        evidence=(Evidence("seen", role="inspected"), Evidence("guilty", role="violated")),
    )
    assert deciding_span(violated) == "guilty"
    near = Verdict(
        outcome=Outcome.FAIL, reason="", near_misses=(NearMiss("close", "n", 0, 1, "why"),)
    )
    assert deciding_span(near) == "close"
    assert deciding_span(Verdict(outcome=Outcome.MISSING, reason="")) is None


def skipped(case, line):
    return CaseVerdict(
        case=case, name=f"Case {case}", file="f.yaml", line=line, outcome=Outcome.SKIPPED,
        score=None, reason="'when' does not hold: metadata",
    )  # fmt: skip


def test_cases_that_do_not_apply_are_one_line_at_the_end_and_say_why_once_opened():
    results = results_for(skipped("d", 9), booking_verdicts(), skipped("c", 3))
    assert shown(results)[-1] == "▸ 2 cases do not apply to this trace"
    assert not any("f.yaml" in line for line in shown(results))
    results.toggle(results.rows[-1].key)
    assert shown(results)[-3:] == [
        "▾ 2 cases do not apply to this trace",
        "  – f.yaml:3  Case c  'when' does not hold: metadata",
        "  – f.yaml:9  Case d  'when' does not hold: metadata",
    ]
    assert shown(results_for(skipped("c", 3))) == ["▸ 1 case does not apply to this trace"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("no text; tried a, b, c, d; nearest is e", "no text; tried a, b and 2 more; nearest is e"),
        ("no text; tried a, b, c", "no text; tried a, b, c"),
        ("each was retried, and the last, a, b, c", "each was retried, and the last, a, b, c"),
    ],
)
def test_a_long_list_of_what_was_tried_is_cut_short(reason, told):
    assert brief(reason) == told


def test_a_verdict_is_found_behind_the_folds_that_hide_it():
    results = results_for(passing_case())
    results.toggle("booking.cases.yaml")
    at = results.for_span("answer")
    assert results.rows[at].verdict.target == "response_regex"


def test_the_worst_of_all_is_what_a_root_leads_to():
    results = results_for(passing_case(), booking_verdicts())
    assert results.rows[results.for_span(None)].verdict.assertion == "a1"
    assert results.rows[results.for_span(None)].verdict.outcome is Outcome.FAIL


def test_nothing_loaded_is_nothing_shown():
    results = Results()
    results.show([], None)
    assert results.rows == []
    assert booking_desk().files


def test_a_warning_stands_below_what_failed_on_one_line():
    fault = Diagnostic(
        file="booking.cases.yaml", line=3, column=1, severity="warning", code="never_seen",
        message="'x' is forbidden",
    )  # fmt: skip
    results = results_for(booking_verdicts(), files=[booking_file(diagnostics=(fault,))])
    assert shown(results)[-1] == "  ! 3:1 'x' is forbidden"
    assert (results.errors, results.warnings) == (0, 1)


def test_warnings_of_a_file_that_has_nothing_to_do_with_the_trace_are_one_line():
    fault = Diagnostic(
        file="other.cases.yaml", line=3, column=1, severity="warning", code="never_seen",
        message="'x' is forbidden",
    )  # fmt: skip
    other = booking_file(path="other.cases.yaml", diagnostics=(fault,))
    results = results_for(booking_verdicts(), files=[other])
    assert shown(results)[-1] == "▸ other.cases.yaml  ! 1"
    results.toggle("other.cases.yaml")
    assert shown(results)[-2:] == ["▾ other.cases.yaml", "  ! 3:1 'x' is forbidden"]
    assert results.warnings == 1

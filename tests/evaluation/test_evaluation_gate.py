"""Exit statuses and totals of a run (assertion spec 10.6)."""

import pytest

from tracedesk.evaluation.gate import Result, Subject, exit_status, totals_of
from tracedesk.evaluation.scores import case_outcome, case_score
from tracedesk.model.reading import Reading
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.reading import read
from tracedesk.testcases.models import Case, Diagnostic
from tracedesk.testing import make_trace


def nothing(_: object) -> tuple[object, Reading]:
    trace = make_trace()
    return trace, read(trace)


SUBJECT = Subject(id="t", source=None, agent=None, load=nothing)  # type: ignore[arg-type]


def result(outcomes: str, *, tags: tuple[str, ...] = (), applies: bool = True) -> Result:
    verdicts = tuple(Verdict(outcome=Outcome(o), reason="") for o in outcomes.split())
    case = Case(id=outcomes, name="c", file="a.yaml", line=1, tags=tags)
    verdict = CaseVerdict(
        case=case.id,
        name=case.name,
        file=case.file,
        line=case.line,
        outcome=case_outcome(verdicts, None) if applies else Outcome.SKIPPED,
        score=case_score(verdicts),
        verdicts=verdicts,
    )
    return Result(subject=SUBJECT, reading=Reading(), case=case, verdict=verdict)


@pytest.mark.parametrize(
    ("cases", "status", "lenient"),
    [
        (["pass pass"], 0, 0),
        (["pass skipped"], 0, 0),
        (["pass missing"], 1, 0),
        (["missing", "pass"], 1, 0),
        (["missing"], 1, 1),
        (["skipped"], 1, 1),
        ([], 1, 1),
        (["pass", "pass fail"], 1, 1),
        (["pass", "error"], 2, 2),
        (["fail", "error"], 2, 2),
    ],
)
def test_status(cases: list[str], status: int, lenient: int) -> None:
    results = [result(outcomes) for outcomes in cases]
    assert exit_status(results, []) == status
    assert exit_status(results, [], allow_missing=True) == lenient


def test_a_case_that_must_fail() -> None:
    assert exit_status([result("fail pass", tags=("must_fail",))], []) == 0
    assert exit_status([result("pass", tags=("must_fail",))], []) == 1
    assert exit_status([result("missing", tags=("must_fail",)), result("pass")], []) == 1


def test_a_case_that_does_not_apply_neither_helps_nor_harms() -> None:
    assert exit_status([result("", applies=False)], []) == 1
    assert exit_status([result("", applies=False), result("pass")], []) == 0


def test_a_diagnostic_of_severity_error_is_never_green() -> None:
    broken = Diagnostic(file="a.yaml", line=1, column=1, code="syntax", message="")
    warning = Diagnostic(
        file="a.yaml", line=1, column=1, code="unknown-agent", message="", severity="warning"
    )
    assert exit_status([result("pass")], [broken]) == 2
    assert exit_status([result("pass")], [warning]) == 0


def test_totals_leave_out_what_does_not_apply() -> None:
    results = [result("pass fail"), result("missing"), result("pass", applies=False)]
    totals = totals_of(results, 3)
    assert (totals.traces, totals.cases, totals.assertions) == (3, 2, 3)
    assert totals.outcomes[Outcome.MISSING] == 1
    assert totals.quality == 50

"""What counts as a flip, which flips are lost passes, and what marks ask of a trace."""

from typing import Any

import pytest

from tracedesk.evaluation.backtest import Backtest, Said, compare, flip_status
from tracedesk.evaluation.gate import MarkFault, Result, Subject, exit_status, mark_faults
from tracedesk.evaluation.scores import case_outcome, case_score
from tracedesk.model.execution import CaseRecord, CheckRecord
from tracedesk.model.reading import Reading
from tracedesk.model.verdict import CaseVerdict, Evidence, Outcome, Verdict
from tracedesk.testcases.models import Case, CaseFile, Diagnostic

FILE = "a.yaml"
BROKEN = Diagnostic(file=FILE, line=1, column=1, code="syntax", message="")


def never(_: object) -> Any:
    raise AssertionError("nothing here is decoded")


def subject(trace: str = "t1", mark: str | None = None, revision: int = 1) -> Subject:
    return Subject(
        id=trace, source=None, agent=None, load=never, mark=mark, revision=revision
    )  # fmt: skip


def now(outcomes: str, name: str = "c", *, tags: tuple[str, ...] = (), **on: Any) -> Result:
    """A case whose assertions come out so, in words; ``skipped!`` does not apply at all."""
    applies = outcomes != "skipped!"
    verdicts = tuple(
        Verdict(outcome=Outcome(o), reason=f"now {o}", target="node_call", assertion=f"a{n}",
                line=n, evidence=(Evidence(f"s{n}"),))
        for n, o in enumerate(outcomes.split() if applies else (), 1)
    )  # fmt: skip
    case = Case(id=f"{FILE}#{name}", name=name, file=FILE, line=3, tags=tags, digest="new")
    verdict = CaseVerdict(
        case=case.id,
        name=name,
        file=FILE,
        line=3,
        outcome=case_outcome(verdicts, None) if applies else Outcome.SKIPPED,
        score=case_score(verdicts),
        verdicts=verdicts,
    )
    return Result(subject=subject(**on), reading=Reading(), case=case, verdict=verdict)


def then(outcomes: str, name: str = "c", *, digest: str = "old", ids: bool = True) -> CaseRecord:
    applies = outcomes != "skipped!"
    checks = tuple(
        CheckRecord(f"a{n}" if ids else "", "node_call", Outcome(o), reason=f"then {o}")
        for n, o in enumerate(outcomes.split() if applies else (), 1)
    )
    verdicts = [Verdict(outcome=check.outcome, reason="") for check in checks]
    return CaseRecord(
        case=f"{FILE}#{name}",
        name=name,
        file=FILE,
        digest=digest,
        outcome=case_outcome(verdicts, None) if applies else Outcome.SKIPPED,
        checks=checks,
    )


def backtest_of(before: list[tuple[str, CaseRecord]], results: list[Result]) -> Backtest:
    """Compare results with records of traces."""
    cases = {result.case.id: result.case for result in results}
    return compare(
        results,
        {("", trace, record.case): Said(record, 1) for trace, record in before},
        "then",
        files=[CaseFile(path=FILE, cases=tuple(cases.values()))],
        subjects=[subject("t1"), subject("t2")],
    )


@pytest.mark.parametrize(
    ("before", "after", "kind", "worse"),
    [
        ("pass", "fail", "pass→fail", True),
        ("fail", "pass", "fail→pass", False),
        ("pass", "missing", "pass→missing", True),
        ("pass", "error", "pass→error", True),
        ("pass pass", "pass missing", "pass→missing", True),
        ("pass missing", "pass missing", None, False),
        ("pass missing", "pass pass", "missing→pass", False),
        ("fail", "missing", "fail→missing", False),
        ("missing", "fail", "missing→fail", False),
        ("pass", "skipped!", "pass→skipped", False),
        ("skipped!", "fail", "skipped→fail", False),
        ("pass fail", "fail pass", None, False),
        ("fail", "fail", None, False),
        ("error", "error", None, False),
    ],
)
@pytest.mark.parametrize("ids", [True, False])
def test_what_is_a_flip_and_what_is_a_lost_pass(
    before: str, after: str, kind: str | None, worse: bool, ids: bool
) -> None:
    found = backtest_of([("t1", then(before, ids=ids))], [now(after)])
    assert [(flip.kind, flip.worse) for flip in found.flips] == ([(kind, worse)] if kind else [])
    assert (found.compared, found.worse) == (1, int(worse))
    assert flip_status(found, []) == int(worse)
    assert flip_status(found, [], allow_flips=True) == 0
    assert flip_status(found, [BROKEN], allow_flips=True) == 2


def test_missing_may_be_allowed_and_other_losses_still_count() -> None:
    lost = backtest_of([("t1", then("pass"))], [now("missing")])
    assert flip_status(lost, [], allow_missing=True) == 0
    lost = backtest_of([("t1", then("pass"))], [now("fail")])
    assert flip_status(lost, [], allow_missing=True) == 1


@pytest.mark.parametrize(
    ("before", "after", "tags", "mark", "worse"),
    [
        ("pass", "fail", ("must_fail",), None, False),
        ("fail", "pass", ("must_fail",), None, True),
        ("fail", "missing", ("must_fail",), None, True),
        ("fail", "skipped!", ("must_fail",), None, False),
        ("pass", "fail", (), "bad", False),
        ("pass", "missing", (), "bad", True),
        ("pass", "fail", (), "good", True),
    ],
)
def test_what_is_expected_is_not_lost(
    before: str, after: str, tags: tuple[str, ...], mark: str | None, worse: bool
) -> None:
    found = backtest_of([("t1", then(before))], [now(after, tags=tags, mark=mark)])
    assert [flip.worse for flip in found.flips] == [worse]


def test_a_flip_tells_the_assertions_that_turned_and_why() -> None:
    (flip,) = backtest_of([("t1", then("pass pass pass"))], [now("pass fail")]).flips
    turned = [(t.assertion, t.line, t.was, t.now, t.before, t.reason, t.span) for t in flip.turns]
    assert turned == [
        ("a2", 2, "pass", "fail", "then pass", "now fail", "s2"),
        ("a3", 3, "pass", None, "then pass", "", None),
    ]


def test_counts_come_with_lost_passes_first() -> None:
    found = backtest_of(
        [("t1", then("fail", "x")), ("t1", then("pass", "y")), ("t2", then("pass", "x"))],
        [now("pass", "x"), now("fail", "y"), now("fail", "x", trace="t2")],
    )
    assert list(found.counts.items()) == [("pass→fail", 2), ("fail→pass", 1)]
    assert [(f.name, f.trace) for f in found.flips] == [("x", "t2"), ("y", "t1"), ("x", "t1")]


def test_new_and_removed_cases_are_no_flips() -> None:
    found = backtest_of(
        [("t1", then("pass", "gone")), ("t2", then("fail", "gone")), ("t1", then("pass"))],
        [now("pass"), now("fail", "fresh"), now("pass", "fresh", trace="t2")],
    )
    assert found.flips == ()
    (new,), (removed,) = found.new, found.removed
    assert (new.name, new.outcomes) == ("fresh", {"fail": 1, "pass": 1})
    assert (removed.name, removed.outcomes) == ("gone", {"pass": 1, "fail": 1})
    assert flip_status(found, []) == 0


def test_a_case_of_a_file_that_was_not_read_is_not_removed() -> None:
    other = then("pass", "elsewhere")
    moved = CaseRecord(**{f: getattr(other, f) for f in other.__struct_fields__} | {"file": "b"})
    assert backtest_of([("t1", moved), ("t1", then("pass"))], [now("pass")]).removed == ()


def test_another_trace_and_another_revision_are_not_compared() -> None:
    found = backtest_of([("t2", then("pass"))], [now("fail")])
    assert (found.compared, found.uncompared, found.flips) == (0, 1, ())
    found = backtest_of([("t1", then("pass"))], [now("fail", revision=2)])
    assert (found.compared, found.uncompared) == (0, 1)


def test_results_of_the_same_text_are_counted() -> None:
    assert backtest_of([("t1", then("pass", digest="new"))], [now("pass")]).same_text == 1
    assert backtest_of([("t1", then("pass"))], [now("pass")]).same_text == 0


# -- marks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "cases", "faulty", "status"),
    [
        ("good", ["pass", "pass"], False, 0),
        ("good", ["pass", "fail"], True, 1),
        ("good", ["pass", "missing"], False, 1),
        ("bad", ["pass", "fail"], False, 0),
        ("bad", ["missing", "fail"], False, 0),
        ("bad", ["pass", "pass"], True, 1),
        ("bad", ["missing"], True, 1),
        ("bad", ["error", "fail"], False, 2),
        (None, ["pass", "fail"], False, 1),
        (None, ["pass"], False, 0),
    ],
)
def test_a_marked_trace_is_held_to_its_mark(
    mark: str | None, cases: list[str], faulty: bool, status: int
) -> None:
    results = [now(outcomes, f"c{n}", mark=mark) for n, outcomes in enumerate(cases)]
    faults = mark_faults([subject(mark=mark)], results, whole=True)
    assert bool(faults) == faulty
    assert exit_status(results, [], faults=faults) == status


def test_some_of_the_cases_cannot_say_that_nothing_fails() -> None:
    results = [now("pass", mark="bad")]
    assert mark_faults([subject(mark="bad")], results, whole=False) == []
    failing = [now("fail", mark="good")]
    assert mark_faults([subject(mark="good")], failing, whole=False) == [
        MarkFault(trace="t1", mark="good", failing=("c",))
    ]


def test_a_bad_trace_that_no_case_is_meant_for_is_told() -> None:
    (fault,) = mark_faults([subject(mark="bad")], [], whole=True)
    assert str(fault) == "trace t1 is marked bad, and no case fails on it"


@pytest.mark.parametrize(("outcome", "status"), [("fail", 0), ("pass", 1)])
def test_cases_that_must_fail_keep_their_rule_on_marked_traces(outcome: str, status: int) -> None:
    known_bad = now(outcome, tags=("must_fail",), mark="bad")
    red = now("fail", "other", mark="bad")
    results = [known_bad, red]
    faults = mark_faults([subject(mark="bad")], results, whole=True)
    assert exit_status(results, [], faults=faults) == status
    alone = [now("fail", tags=("must_fail",), mark="bad")]
    assert mark_faults([subject(mark="bad")], alone, whole=True) == []
    on_good = [now("fail", tags=("must_fail",), mark="good")]
    assert mark_faults([subject(mark="good")], on_good, whole=True) == []

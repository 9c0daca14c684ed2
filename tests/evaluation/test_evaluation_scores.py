"""Case verdicts, scores, quality and root stages, as the shared examples and 10.2 have them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracedesk.evaluation.scores import (
    STAGES,
    case_outcome,
    case_score,
    quality,
    root_stage,
    trace_outcome,
)
from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text("utf-8"))
SCORES = [entry for entry in EXAMPLES if entry.get("kind") == "score"]


def verdict(outcome: str, weight: float = 1.0, stage: str = "", score: Any = None) -> Verdict:
    return Verdict(outcome=Outcome(outcome), reason="", weight=weight, stage=stage, score=score)


def case_of(test_case: dict[str, Any]) -> CaseVerdict:
    weights = test_case.get("weights") or [1] * len(test_case["verdicts"])
    stages = iter(_stage(failure) for failure in test_case.get("failures", []))
    verdicts = tuple(
        verdict(outcome, weight, next(stages, "") if outcome == "fail" else "")
        for outcome, weight in zip(test_case["verdicts"], weights, strict=True)
    )
    return CaseVerdict(
        case=test_case["name"],
        name=test_case["name"],
        file="",
        line=0,
        outcome=case_outcome(verdicts, test_case.get("threshold")),
        score=case_score(verdicts),
        verdicts=verdicts,
    )


def _stage(failure: dict[str, Any]) -> str:
    """The stage of a failing node_call by its facts (assertion spec 10.4)."""
    if failure.get("name_matched") and not failure.get("arguments_matched", True):
        return "parameters"
    return "tool_choice" if failure.get("is_tool") else "routing"


@pytest.mark.parametrize("example", SCORES, ids=[entry["id"] for entry in SCORES])
def test_example(example: dict[str, Any]) -> None:
    cases = {test_case["name"]: case_of(test_case) for test_case in example["test_cases"]}
    expect = example["expect"]
    assert {name: case.score for name, case in cases.items()} == expect["case_scores"]
    assert {name: str(case.outcome) for name, case in cases.items()} == expect["case_verdicts"]
    assert quality(cases.values()) == pytest.approx(expect["quality"])
    stages = {name: stage for name, case in cases.items() if (stage := root_stage(case))}
    assert stages == expect["matrix"]


@pytest.mark.parametrize(
    ("outcomes", "threshold", "expected"),
    [
        ("pass pass", None, "pass"),
        ("pass missing", None, "pass"),
        ("pass skipped", None, "pass"),
        ("pass error", None, "error"),
        ("pass fail error", None, "fail"),
        ("missing skipped", None, "missing"),
        ("skipped skipped", None, "skipped"),
        ("missing error", None, "error"),
        ("pass fail", 0.5, "pass"),
        ("pass fail", 0.6, "fail"),
        ("pass fail error", 0.5, "error"),
        ("missing missing", 0.5, "missing"),
        ("skipped skipped", 0.5, "skipped"),
        ("missing skipped", 0.5, "missing"),
        ("pass missing", 1.0, "pass"),
    ],
)
def test_the_verdict_of_a_case(outcomes: str, threshold: float | None, expected: str) -> None:
    found = [verdict(outcome) for outcome in outcomes.split()]
    assert case_outcome(found, threshold) == Outcome(expected)


def test_a_load_error_outweighs_everything() -> None:
    assert case_outcome([verdict("pass"), verdict("fail")], None, broken=True) is Outcome.ERROR


def test_informational_assertions_decide_nothing() -> None:
    found = [verdict("pass"), verdict("fail", weight=0), verdict("error", weight=0)]
    assert case_outcome(found, None) is Outcome.PASS
    assert case_score(found) == 1.0


def test_weights_and_judged_scores() -> None:
    found = [verdict("pass", 3), verdict("fail", 1), verdict("pass", 4, score=0.75)]
    assert case_score(found) == pytest.approx((3 + 0 + 3) / 8)


def test_a_threshold_is_met_by_scores_that_add_up_to_it() -> None:
    tenths = [verdict("pass")] * 7 + [verdict("fail")] * 3
    assert case_outcome(tenths, 0.7) is Outcome.PASS


def test_the_root_stage_is_the_earliest() -> None:
    failed = tuple(verdict("fail", stage=stage) for stage in reversed(STAGES))
    case = CaseVerdict(
        case="c", name="c", file="", line=0, outcome=Outcome.FAIL, score=0, verdicts=failed
    )
    assert root_stage(case) == "routing"


def test_a_trace_is_as_good_as_its_worst_case() -> None:
    assert trace_outcome([Outcome.PASS, Outcome.MISSING]) is Outcome.MISSING
    assert trace_outcome([Outcome.PASS, Outcome.ERROR, Outcome.FAIL]) is Outcome.FAIL
    assert trace_outcome([Outcome.SKIPPED, Outcome.PASS]) is Outcome.PASS
    assert trace_outcome([]) is None

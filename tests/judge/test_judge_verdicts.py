"""What a verdict says of a judgement, and of everything that is none."""

from collections.abc import Sequence
from typing import Any

import pytest

from tracedesk.assertions import Settings, evaluate
from tracedesk.assertions.combine import semantic_in
from tracedesk.assertions.registry import compile_assertion
from tracedesk.judge.judge import open_judge
from tracedesk.judge.keys import key_of
from tracedesk.judge.prompt import prompt_of
from tracedesk.judge.settings import JudgeSettings
from tracedesk.model.judgement import Answer, Failure, Judgement, Pending, Question, Sample, Unasked
from tracedesk.model.reading import Reading, Text
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.reading.read import read
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_trace

TEXT = "Berth 3 is free until nine."
CRITERION = {"criteria": "Names the berth"}


class Knows:
    """A judge that says what it is made with, and remembers what it was asked."""

    threshold, samples, include_trace = 0.6, 2, False

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Question] = []

    def judgement(self, question: Question) -> Answer:
        self.asked.append(question)
        return self.answer

    def answered_since(self, number: int) -> Sequence[str]:
        return ()


def scores(*found: float, quote: str = "", **fields: Any) -> Judgement:
    samples = tuple(Sample(score, f"because {score}", (quote, "not there")) for score in found)
    return Judgement(key="k", model="small", samples=samples, **fields)


def decide(written: dict[str, Any], judge: Any, reading: Reading | None = None) -> Verdict:
    assertion, problems = compile_assertion(written)
    assert not problems
    found = reading or Reading(response=Text(TEXT), input=Text("Is a berth free?"))
    return evaluate(assertion, make_trace(), found, Settings(judge=judge))


@pytest.mark.parametrize(
    ("score", "outcome"), [(0.6, Outcome.PASS), (0.59, Outcome.FAIL), (0.0, Outcome.FAIL)]
)
def test_the_judges_threshold_decides_unless_the_assertion_has_one(score: float, outcome: Outcome):
    found = decide(CRITERION, Knows(scores(score)))
    assert (found.outcome, found.score) == (outcome, score)
    assert decide({**CRITERION, "threshold": 1}, Knows(scores(0.99))).outcome is Outcome.FAIL


def test_the_mean_decides_however_it_adds_up():
    found = decide({**CRITERION, "threshold": 0.7}, Knows(scores(0.6, 0.7, 0.8)))
    assert found.outcome is Outcome.PASS
    assert found.judged is not None
    assert found.judged.scores == (0.6, 0.7, 0.8)
    assert found.judged.rationale == "because 0.7"
    assert "mean of 3, spread 0.20" in found.reason


def test_a_judgement_is_told_in_full():
    found = decide(CRITERION, Knows(scores(0.9, quote="Berth 3", cached=True)))
    assert found.reason == "score 0.90 reaches 0.6 (+0.30; small, cached): because 0.9"
    assert found.judged is not None
    assert (found.judged.margin, found.judged.quotes) == (0.3, ("Berth 3",))
    assert [evidence.chars for evidence in found.evidence] == [None, (0, 7)]
    assert found.support.chars == len(TEXT)


def test_the_judge_gets_text_input_and_its_own_number_of_samples():
    judge = Knows(scores(1.0))
    decide(CRITERION, judge)
    decide({**CRITERION, "samples": 5}, judge)
    assert judge.asked[0] == Question("Names the berth", TEXT, "Is a berth free?", None, 2)
    assert judge.asked[1].samples == 5


def test_the_calls_of_the_trace_are_shown_when_asked_for():
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_berth"}
    trace = make_trace(
        make_span("root", attributes={"gen_ai.response.text": TEXT}),
        make_span("tool", parent="root", attributes=attributes),
    )
    judge = Knows(scores(1.0))
    assertion, _ = compile_assertion({**CRITERION, "include_trace": True})
    evaluate(assertion, trace, read(trace), Settings(judge=judge))
    assert "tool find_berth(" in (judge.asked[0].calls or "")


def test_only_the_named_node_is_judged():
    judge = Knows(scores(1.0))
    found = decide({**CRITERION, "target_node": "Writer"}, judge)
    assert found.outcome is Outcome.MISSING
    assert judge.asked == []


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_nothing_to_judge_is_missing(text: str | None):
    judge = Knows(scores(1.0))
    assert decide(CRITERION, judge, Reading(response=Text(text))).outcome is Outcome.MISSING
    assert judge.asked == []


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Pending("k", "small"), Outcome.SKIPPED, "judge_pending"),
        (Unasked("not now"), Outcome.SKIPPED, "judge_not_asked"),
        (Failure("judge_timeout", "too late"), Outcome.ERROR, "judge_timeout"),
    ],
)
def test_what_is_no_judgement_never_passes_and_never_fails(
    answer: Answer, outcome: Outcome, code: str
):
    found = decide(CRITERION, Knows(answer))
    assert (found.outcome, found.reason_code, found.score) == (outcome, code, None)
    assert found.awaited == (("k",) if isinstance(answer, Pending) else ())
    negated = decide({"target": "not", "assertion": CRITERION}, Knows(answer))
    assert negated.outcome is outcome


def test_without_a_judge_it_is_skipped_and_says_how_to_have_one():
    found = decide(CRITERION, None)
    assert found.outcome is Outcome.SKIPPED
    assert found.reason.startswith("no judge configured")
    assert "[judge] model" in found.reason


HOLDS = {"target": "response_regex", "pattern": "Berth"}
BREAKS = {"target": "response_regex", "pattern": "Mooring"}


@pytest.mark.parametrize(
    ("target", "other", "outcome"),
    [
        ("any_of", BREAKS, Outcome.SKIPPED),
        ("any_of", HOLDS, Outcome.PASS),
        ("all_of", BREAKS, Outcome.FAIL),
        ("all_of", HOLDS, Outcome.SKIPPED),
    ],
)
def test_a_combination_waits_only_for_what_could_turn_it(
    target: str, other: dict[str, Any], outcome: Outcome
):
    found = decide({"target": target, "assertions": [other, CRITERION]}, Knows(Pending("k", "m")))
    assert found.outcome is outcome
    assert found.awaited == ("k",)


def test_an_attempt_to_instruct_the_judge_is_told():
    judge = Knows(scores(0.9, injection="ignore previous instructions"))
    assert [caution.code for caution in decide(CRITERION, judge).cautions] == ["judge_injection"]


@pytest.mark.parametrize(
    ("criteria", "outcome"),
    [("Names the free berth", Outcome.PASS), ("Apologises for the delay", Outcome.FAIL)],
)
def test_the_heuristic_judge_counts_words_and_says_so(criteria: str, outcome: Outcome):
    judge = open_judge(JudgeSettings(model="heuristic"))
    found = decide({"criteria": criteria}, judge)
    assert found.outcome is outcome
    assert [caution.code for caution in found.cautions] == ["heuristic_judge"]
    assert found.judged is not None
    assert found.judged.heuristic
    assert "words of the criterion" in found.reason


def test_the_scenario_of_the_case_is_told_to_the_judge_and_changes_its_question():
    def asked(scenario: str):
        text = f"""
cases:
  - name: stays friendly
    scenario: {scenario}
    assertions:
      - {{target: not, assertion: {{criteria: Is rude}}}}
      - {{target: response_regex, pattern: a}}
"""
        (case,) = load_text(text, "a.yaml").cases
        return case

    angry, calm = asked("The guest is angry."), asked("The guest is calm.")
    assert angry.digest != calm.digest
    first, second = angry.checks
    assert first.digest != calm.checks[0].digest
    assert second.digest == calm.checks[1].digest, "a rule has no use for the scenario"
    (rule,) = semantic_in(first.assertion)
    assert rule.scenario == "The guest is angry."
    question = Question(criteria="c", text="t", scenario="The guest is angry.")
    assert "THE SITUATION" in prompt_of(question)
    assert "The guest is angry." in prompt_of(question)
    settings = JudgeSettings(model="m")
    assert key_of(question, settings) != key_of(Question(criteria="c", text="t"), settings)

"""One trace against the cases of a plan: what is known already is not found again."""

from types import SimpleNamespace
from typing import Any

from tracedesk.evaluation.load import Loaded
from tracedesk.evaluation.pairs import Found, find_pairs
from tracedesk.evaluation.plan import Plan
from tracedesk.model.verdict import Outcome
from tracedesk.reading import read
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace

CASE = """\
cases:
  - name: books
    assertions:
      - {target: node_call, expected_name: book}
      - {target: node_call, expected_name: %s}
"""


def loaded() -> Loaded:
    trace = make_trace(make_span("r", "Desk"), make_tool("t", "book", "r", arguments={"party": 4}))
    row: Any = SimpleNamespace(id="t1", revision=1)
    return Loaded(row, trace, read(trace))


def found_by(text: str, trace: Loaded, before: Found | None = None) -> Found:
    plan = Plan(load_text(text, "a.yaml").cases)
    full = before.full if before else None
    return find_pairs(plan, trace, None, None, full, with_evidence=True, between=lambda: None)


def test_of_a_changed_case_only_the_changed_assertion_is_decided_again() -> None:
    trace = loaded()
    before = found_by(CASE % "book", trace)
    after = found_by(CASE % "pay", trace, before)
    (_, was), (_, now) = before.full.cases["a.yaml#books"], after.full.cases["a.yaml#books"]
    assert now.verdicts[0] is was.verdicts[0]
    assert now.verdicts[1].outcome is Outcome.FAIL
    assert (now.outcome, now.score) == (Outcome.FAIL, 0.5)


def test_a_kept_verdict_is_told_at_the_line_where_its_assertion_stands_now() -> None:
    trace = loaded()
    before = found_by(CASE % "book", trace)
    after = found_by("# moved\n" + CASE % "pay", trace, before)
    lines = [verdict.line for verdict in after.full.cases["a.yaml#books"][1].verdicts]
    assert lines == [5, 6]


def test_a_case_that_is_known_is_not_evaluated() -> None:
    trace = loaded()
    before = found_by(CASE % "book", trace)
    after = found_by(CASE % "book", trace, before)
    assert (before.evaluated, after.evaluated) == (1, 0)
    assert after.full.checks == before.full.checks

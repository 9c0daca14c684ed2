"""What a reader of a failure sees: place, difference, near misses, evidence, calls."""

from tracedesk.evaluation.report import assertion_lines, case_lines, render_case
from tracedesk.evaluation.report_lines import text_of
from tracedesk.evaluation.run import evaluate_case
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import NearMiss, Outcome, Verdict
from tracedesk.reading import read
from tracedesk.testcases.load import load_text
from tracedesk.testing import make_span, make_tool, make_trace

FILE = "refunds.yaml"


def refund_trace() -> tuple[Trace, Reading]:
    trace = make_trace(
        make_span("root", "support agent", start_ms=0, end_ms=900),
        make_tool("s1", "look_up", "root", arguments={"order": "ORD-881"}, start_ms=1, end_ms=20),
        make_tool(
            "s2",
            "issue_refund",
            "root",
            arguments={"amount": "120", "order_id": "ORD-881"},
            start_ms=30,
            end_ms=250,
        ),
    )
    return trace, read(trace)


def told(text: str) -> list[str]:
    file = load_text(text, FILE)
    trace, reading = refund_trace()
    verdict = evaluate_case(file.cases[0], trace, reading)
    return list(render_case(verdict, text, reading, file.cases[0]))


FAILING = """\
cases:
  - name: refund needs a small amount
    assertions:
      - target: node_call
        expected_name: issue_refund
        expected_arguments: {amount: {matcher: lte, value: 100}, order_id: "ORD-881"}
      - {target: node_call, condition: MUST_NOT_CALL, expected_name: delete_order}
"""


def test_a_failure_from_head_to_calls() -> None:
    assert told(FAILING) == [
        "✗ refund needs a small amount  refunds.yaml:2  fail  score 0.50",
        "  ✗ refunds.yaml:6  node_call issue_refund  parameters",
        "     4 │       - target: node_call",
        "     5 │         expected_name: issue_refund",
        "   ▸ 6 │         expected_arguments: "
        '{amount: {matcher: lte, value: 100}, order_id: "ORD-881"}',
        "     7 │       - {target: node_call, condition: MUST_NOT_CALL, "
        "expected_name: delete_order}",
        "    reason        issue_refund was called, but $.amount: expected number ≤ 100, "
        'actual string "120" (numeric text, compared as a number)',
        "    nearest call  #3 issue_refund  span s2  1 of 2 match",
        '                  amount    expected number ≤ 100  actual string "120"'
        "  numeric text, compared as a number",
        '                  order_id  ✓ "ORD-881"',
        "    inspected     3 calls · 3 spans",
        "  ✓ refunds.yaml:7  node_call MUST_NOT_CALL delete_order  "
        "delete_order was not called; 3 calls looked at (3 calls · 3 spans)",
        "  calls",
        "     #1   support agent          900ms",
        '     #2   look_up                 19ms  {"order":"ORD-881"}',
        '   ▸ #3   issue_refund           220ms  {"amount":"120","order_id":"ORD-881"}',
    ]


def test_a_passing_case_is_brief() -> None:
    lines = told(FAILING.replace("value: 100", "value: 100").replace("lte", "gte"))
    assert [line.strip()[0] for line in lines] == ["✓", "✓", "✓"]


def test_a_misspelt_name_says_what_was_meant() -> None:
    lines = told(FAILING.replace("expected_name: issue_refund", "expected_name: isue_refund"))
    assert any("nearest call  #3 issue_refund" in line for line in lines)
    assert any("name differs by 1 edit" in line for line in lines)
    assert any("▸ 5 │         expected_name: isue_refund" in line for line in lines)


def test_a_load_error_points_at_its_place_in_the_file() -> None:
    lines = told(FAILING.replace("matcher: lte", "matcher: ltee"))
    assert "  ! refunds.yaml:6  node_call issue_refund" in lines
    assert any("▸ 6 │" in line for line in lines)
    assert any("unknown matcher 'ltee'; did you mean 'lte'?" in line for line in lines)


def test_a_forbidden_call_shows_the_call_that_was_made() -> None:
    lines = told(FAILING.replace("delete_order", "issue_refund"))
    assert "    evidence      #3 issue_refund  span s2" in lines


def test_what_is_left_out_is_counted() -> None:
    misses = tuple(
        NearMiss(span=f"s{n}", name="x", matched=0, total=1, why="no", order=n) for n in range(3)
    )
    verdict = Verdict(
        outcome=Outcome.FAIL, reason="r", near_misses=misses, near_misses_left=4, line=1
    )
    lines = [text_of(line) for line in assertion_lines(verdict, FILE)]
    assert [line for line in lines if "why not" in line] == ["  why not       #2 x  span s1  no"]
    assert "                #3 x  span s2  no" in lines
    assert "                +4 more" in lines


def test_nothing_of_a_trace_or_a_file_commands_the_terminal() -> None:
    trace = make_trace(
        make_span("root", "\x1b]0;owned\x07"), make_tool("s", "\x1b[31mred\u202e", "root")
    )
    text = (
        "cases:\n  - name: x\n    assertions:\n      - {target: node_call, expected_name: red2}\n"
    )
    file = load_text(text, "\x1b[2J.yaml")
    reading = read(trace)
    verdict = evaluate_case(file.cases[0], trace, reading)
    for line in render_case(verdict, text + "\x1b[0m", reading, file.cases[0]):
        assert line.isprintable()


def test_segments_carry_style_names_for_the_screen() -> None:
    file = load_text(FAILING, FILE)
    trace, reading = refund_trace()
    verdict = evaluate_case(file.cases[0], trace, reading)
    styles = {
        style for line in case_lines(verdict, FAILING, reading, file.cases[0]) for style, _ in line
    }
    assert styles <= {"", "pass", "fail", "missing", "error", "skipped", "strong", "dim", "code",
                      "label"}  # fmt: skip

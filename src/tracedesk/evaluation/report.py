"""One renderer of verdicts, for the terminal and for plain text (assertion spec 11).

A line is a sequence of (style name, text) pairs; the screen maps names to colours, plain
text drops them. Nothing from a trace or a file reaches a terminal unescaped, and whatever is
cut short or left out says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tracedesk.evaluation.report_lines import Line, cut, labelled, text_of
from tracedesk.evaluation.value_frame import value_frame
from tracedesk.model.reading import Call, Reading
from tracedesk.model.verdict import CaseVerdict, Difference, NearMiss, Outcome, Support, Verdict
from tracedesk.query.text import duration_text, plain
from tracedesk.query.values import ABSENT, show, show_typed, whole_json
from tracedesk.testcases.models import Case, Check
from tracedesk.testcases.positions import LINE_BREAK

GLYPHS: Mapping[Outcome, str] = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.MISSING: "?",
    Outcome.ERROR: "!",
    Outcome.SKIPPED: "–",
}

MISSES_SHOWN = 3
CALLS_SHOWN = 20
DIFFERENCES_SHOWN = 12

_ONE_KEY = re.compile(r"\$\[\"([^\"\\\\]+)\"\]")
"""A path of one key that needs quotes, which are left out for people."""

_HEADLINE = ("condition", "mode", "expected_name", "path", "pattern", "criteria", "select")
"""Fields of an assertion that say in the header what it is about."""

_FIELD_OF_CODE: Mapping[str, tuple[str, ...]] = {
    "argument_missing": ("expected_arguments",),
    "argument_value": ("expected_arguments", "expected_tool_calls"),
    "argument_type": ("expected_arguments", "expected_tool_calls"),
    "argument_unexpected": ("expected_arguments",),
    "output_mismatch": ("expected_output",),
    "tool_not_called": ("expected_tool_calls",),
    "tool_called": ("expected_tool_calls",),
    "called": ("expected_name",),
    "not_called": ("expected_name",),
    "count_low": ("min_calls", "expected_name"),
    "count_high": ("max_calls", "expected_name"),
}
"""Which field of an assertion decided, by reason code; the first one that is written."""


def render_case(
    verdict: CaseVerdict,
    text: str | None = None,
    reading: Reading | None = None,
    case: Case | None = None,
) -> Iterator[str]:
    """One case on one trace as plain lines."""
    return map(text_of, case_lines(verdict, text, reading, case))


def case_lines(
    verdict: CaseVerdict,
    text: str | None = None,
    reading: Reading | None = None,
    case: Case | None = None,
) -> Iterator[Line]:
    """One case on one trace: its headline, its assertions, and its calls when it did not pass.

    ``text`` is the test file's, for code frames; ``case`` lets them point at the very field.
    """
    yield _case_headline(verdict)
    checks: Sequence[Check | None] = case.checks if case else ()
    if len(checks) != len(verdict.verdicts):
        checks = (None,) * len(verdict.verdicts)
    for found, check in zip(verdict.verdicts, checks, strict=True):
        for line in assertion_lines(found, verdict.file, text, check, reading):
            yield (("", "  "), *line)
    if reading is not None and verdict.outcome in (Outcome.FAIL, Outcome.MISSING, Outcome.ERROR):
        deciding = {
            evidence.span
            for found in verdict.verdicts
            if not _fine(found)
            for evidence in found.evidence
            if evidence.role in ("decided", "violated")
        }
        for line in timeline(reading.calls, deciding):
            yield (("", "  "), *line)


def _case_headline(verdict: CaseVerdict) -> Line:
    outcome = verdict.outcome
    words = str(outcome)
    if outcome is Outcome.PASS and verdict.incomplete:
        words += f", {verdict.incomplete} missing"
    score = "" if verdict.score is None else f"  score {verdict.score:.2f}"
    reason = f"  {plain(verdict.reason)}" if verdict.reason else ""
    return (
        (outcome, GLYPHS[outcome]),
        ("strong", f" {plain(verdict.name)}"),
        ("dim", f"  {plain(verdict.file)}:{verdict.line}"),
        (outcome, f"  {words}"),
        ("dim", score),
        ("", reason),
    )


def assertion_lines(
    verdict: Verdict,
    file: str,
    text: str | None = None,
    check: Check | None = None,
    reading: Reading | None = None,
) -> Iterator[Line]:
    """One assertion: a line when it passed or was skipped, everything known when it did not.

    With the ``reading`` evidence names its calls, and a faulty response is shown in a frame.
    """
    line_number = _deciding_line(verdict, check)
    yield _headline(verdict, file, line_number, check)
    if _fine(verdict):
        yield from _child_lines(verdict, file, reading)
        return
    if text is not None and line_number:
        yield from code_frame(text, line_number, verdict.line)
    yield labelled("reason", (("", plain(verdict.reason)),))
    yield from _difference_lines(verdict)
    yield from _frame_lines(verdict, reading)
    yield from _alignment_lines(verdict)
    yield from _miss_lines(verdict)
    yield from _evidence_lines(verdict, reading)
    for position, quote in enumerate(verdict.judged.quotes if verdict.judged else ()):
        yield labelled("" if position else "quoted", (("code", f"“{plain(cut(quote, 160))}”"),))
    if verdict.support != Support():
        yield labelled("inspected", (("", _support(verdict.support)),))
    for caution in verdict.cautions:
        yield labelled("caution", (("", plain(caution.message)), ("dim", f"  {caution.code}")))
    yield from _child_lines(verdict, file, reading)


def _fine(verdict: Verdict) -> bool:
    return verdict.outcome in (Outcome.PASS, Outcome.SKIPPED)


def _headline(verdict: Verdict, file: str, line_number: int, check: Check | None) -> Line:
    outcome = verdict.outcome
    place = f" {plain(file)}:{line_number}" if line_number else ""
    name = f'  "{plain(verdict.name)}"' if verdict.name else ""
    head: list[tuple[str, str]] = [
        (outcome, GLYPHS[outcome]),
        ("dim", place),
        ("strong", name),
        ("", f"  {' '.join((plain(verdict.target), *_about(check)))}"),
    ]
    if outcome is Outcome.FAIL and verdict.stage:
        head.append(("dim", f"  {verdict.stage}"))
    elif outcome is Outcome.MISSING and verdict.missing_kind:
        head.append(("dim", f"  {verdict.missing_kind}"))
    if _fine(verdict):
        support = _support(verdict.support)
        head.append(("dim", f"  {plain(verdict.reason)}" + (f" ({support})" if support else "")))
        head.extend(("dim", f"  [{caution.code}]") for caution in verdict.cautions)
    return tuple(head)


def _about(check: Check | None) -> Iterator[str]:
    """The fields that tell one assertion of a kind from another."""
    source = check.assertion.source if check else None
    if isinstance(source, dict):
        for value in (source[key] for key in _HEADLINE if key in source):
            yield plain(cut(value, 60) if isinstance(value, str) else show(value, 60))


def _deciding_line(verdict: Verdict, check: Check | None) -> int:
    """The line of the field that decided, else of the assertion."""
    if check is None:
        return verdict.line
    if verdict.outcome is Outcome.ERROR and check.problems:
        return check.problems[0].line
    if verdict.outcome is not Outcome.FAIL:
        return verdict.line
    fields = _FIELD_OF_CODE.get(verdict.reason_code, ())
    return next((check.places[field] for field in fields if field in check.places), verdict.line)


def code_frame(text: str, line_number: int, first: int | None = None) -> Iterator[Line]:
    """Three or four lines of a file around one of them, which is pointed at.

    ``first``: where the thing in question begins. A line inside it is shown with what leads
    up to it, its first line with a neighbour on either side.
    """
    lines = LINE_BREAK.split(text)
    inside = first is not None and first < line_number
    start = max(1, line_number - 2, first or 1) if inside else max(1, line_number - 1)
    end = min(len(lines), max(line_number + 1, start + 2))
    while end > line_number and not lines[end - 1].strip():
        end -= 1
    width = len(str(end))
    for number in range(start, end + 1):
        pointed = number == line_number
        yield (
            ("strong" if pointed else "dim", f" {'▸' if pointed else ' '} {number:>{width}} │ "),
            ("code", plain(cut(lines[number - 1].replace("\t", "    "), 160))),
        )


def _difference_lines(verdict: Verdict) -> Iterator[Line]:
    differences = verdict.differences
    near = verdict.near_misses[0] if verdict.near_misses else None
    if near is not None:
        share = f"  {near.matched} of {near.total} match" if near.total and differences else ""
        yield labelled("nearest call", (*_miss(near), ("dim", share)))
        if not differences:
            yield labelled("", (("", plain(near.why)),))
    shown, matching = differences[:DIFFERENCES_SHOWN], list(_matching(verdict))
    paths = [*map(_path, shown), *(path for path, _ in matching)]
    width = min(30, max(map(len, paths), default=0))
    for difference in shown:
        yield _difference(difference, width, verdict.reason)
    if len(differences) > DIFFERENCES_SHOWN:
        yield labelled("", (("dim", f"+{len(differences) - DIFFERENCES_SHOWN} more differences"),))
    for path, value in matching:
        said = plain(show(value, 60))
        yield labelled("", (("code", f"{path:<{width}}"), ("pass", "  ✓ "), ("", said)))


def _difference(difference: Difference, width: int, reason: str) -> Line:
    absent = difference.actual_type == "absent"
    typed = absent or difference.actual_type != difference.expected_type
    value = ABSENT if absent else difference.actual
    in_words = difference.expected_type in ("call", "order")
    typed = typed and not in_words and difference.expected_type != "any"
    actual = show_typed(value) if typed else _said(value) if in_words else show(value)
    expected = difference.wording or show_typed(difference.expected)
    if typed and not difference.wording.startswith(difference.expected_type):
        expected = f"{difference.expected_type} {expected}"
    told = not difference.hint or (difference.path == "$" and difference.hint in reason)
    hint = "" if told else f"  {plain(difference.hint)}"
    return labelled(
        "",
        (
            ("code", f"{_path(difference):<{width}}"),
            ("dim", "  expected "),
            ("", plain(expected)),
            ("dim", "  actual "),
            ("fail", plain(actual)),
            ("dim", hint),
        ),
    )


def _path(difference: Difference) -> str:
    key = _ONE_KEY.fullmatch(difference.path)
    return plain(key[1] if key else difference.path.removeprefix("$.")) or "$"


def _matching(verdict: Verdict) -> Iterator[tuple[str, object]]:
    """Arguments of the nearest call that are as expected, when there are others that are not."""
    expected, actual = verdict.expected, verdict.actual
    if verdict.target != "node_call":
        return
    if not verdict.differences or not isinstance(expected, dict) or not isinstance(actual, dict):
        return
    if "matcher" in expected:
        return
    differing = [difference.path for difference in verdict.differences]
    for key in expected:
        if key in actual and not any(_below(path, key) for path in differing):
            yield plain(key), actual[key]


def _below(path: str, key: str) -> bool:
    rest = path.removeprefix(f"$.{key}")
    return path.startswith((f"$.{key}", f'$["{key}"]')) and rest[:1] in ("", ".", "[")


def _miss(miss: NearMiss) -> Line:
    return (
        ("strong", f"#{miss.order + 1} {plain(miss.name)}"),
        ("dim", f"  span {plain(cut(miss.span, 20))}"),
    )


def _miss_lines(verdict: Verdict) -> Iterator[Line]:
    others = verdict.near_misses[1:MISSES_SHOWN]
    for position, miss in enumerate(others):
        yield labelled("" if position else "why not", (*_miss(miss), ("", f"  {plain(miss.why)}")))
    left = verdict.near_misses_left + max(0, len(verdict.near_misses) - MISSES_SHOWN)
    if left:
        yield labelled("", (("dim", f"+{left} more"),))


def _alignment_lines(verdict: Verdict) -> Iterator[Line]:
    """Calls and steps of a sequence: fits, only the name fits, surplus, not reached."""
    if verdict.target != "tool_sequence" or verdict.outcome is not Outcome.FAIL:
        return
    rows = [row for row in verdict.actual or () if isinstance(row, str)]
    for position, row in enumerate(rows[:CALLS_SHOWN]):
        style = "pass" if row.startswith("=") else "fail"
        yield labelled("" if position else "alignment", ((style, plain(cut(row, 80))),))
    if len(rows) > CALLS_SHOWN:
        yield labelled("", (("dim", f"+{len(rows) - CALLS_SHOWN} more"),))


def _frame_lines(verdict: Verdict, reading: Reading | None) -> Iterator[Line]:
    """The place of a schema's first fault, in the response as it would be printed."""
    if verdict.target != "json_schema" or not verdict.differences or reading is None:
        return
    if any(evidence.of != "response" for evidence in verdict.evidence):
        return
    value = whole_json(reading.response.text)
    if value is ABSENT:
        return
    for pointed, text in value_frame(value, verdict.differences[0].path):
        yield labelled(
            "", (("strong" if pointed else "dim", "▸ " if pointed else "  "), ("code", plain(text)))
        )


def _evidence_lines(verdict: Verdict, reading: Reading | None) -> Iterator[Line]:
    """Where the trace breaks a negated or trace-wide claim; near misses say it otherwise."""
    if verdict.near_misses or verdict.outcome is not Outcome.FAIL:
        return
    calls = {call.span: call for call in reading.calls} if reading is not None else {}
    violated = [e for e in verdict.evidence if e.role in ("violated", "decided")]
    for position, evidence in enumerate(violated[:MISSES_SHOWN]):
        where = f"span {plain(cut(evidence.span, 20))}" if evidence.span else "the trace"
        call = calls.get(evidence.span or "")
        if call is not None:
            where = f"#{call.order + 1} {plain(cut(call.label, 40))}  {where}"
        path = "" if evidence.path == "$" else f"  {evidence.of} {plain(evidence.path)}"
        yield labelled("" if position else "evidence", (("strong", where), ("code", path)))
    if len(violated) > MISSES_SHOWN:
        yield labelled("", (("dim", f"+{len(violated) - MISSES_SHOWN} more"),))
    if not verdict.differences and verdict.actual is not None and not _aligned(verdict):
        if verdict.expected is not None:
            yield labelled("expected", (("", plain(_said(verdict.expected))),))
        yield labelled("actual", (("fail", plain(_said(verdict.actual))),))


def _aligned(verdict: Verdict) -> bool:
    return verdict.target == "tool_sequence"


def _said(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 200 else show(value)


def _child_lines(verdict: Verdict, file: str, reading: Reading | None) -> Iterator[Line]:
    for child in verdict.children:
        for line in assertion_lines(child, file, reading=reading):
            yield (("", "    "), *line)


def timeline(calls: Iterable[Call], deciding: set[str | None]) -> Iterator[Line]:
    """The numbered calls of a trace; those that decided something are marked."""
    listed = list(calls)
    if not listed:
        return
    yield (("label", "calls"),)
    width = min(40, max(len(plain(call.label)) for call in listed[:CALLS_SHOWN]))
    for call in listed[:CALLS_SHOWN]:
        marked = call.span in deciding
        took = None
        if call.start_ns is not None and call.end_ns is not None:
            took = (call.end_ns - call.start_ns) / 1e6
        arguments = show(call.arguments, 60) if call.arguments_state != "absent" else ""
        status = "" if call.status == "unknown" else call.status
        yield (
            ("strong" if marked else "dim", f" {'▸' if marked else ' '} #{call.order + 1:<3} "),
            ("strong" if marked else "", f"{cut(plain(call.label), width):<{width}}  "),
            ("fail" if status == "error" else "dim", f"{status:<6}"),
            ("dim", f"{duration_text(took):>7}  "),
            ("code", plain(arguments)),
        )
    if len(listed) > CALLS_SHOWN:
        yield (("dim", f"     +{len(listed) - CALLS_SHOWN} more calls"),)


def _support(support: Support) -> str:
    parts = ((support.calls, "call"), (support.spans, "span"), (support.chars, "character"))
    return " · ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in parts if n)

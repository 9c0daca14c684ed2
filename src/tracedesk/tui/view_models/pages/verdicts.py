"""The Verdicts page: every assertion that looked at a span, and why it says what it says.

Reads like a failure report: where in the file, what was expected and found by JSON path
with types, the nearest call, what was inspected.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tracedesk.model.verdict import CaseVerdict, Difference, Outcome, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import fit, middle, plain
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.json_lines import inline
from tracedesk.tui.view_models.results import GLYPHS, RANK

if TYPE_CHECKING:
    from tracedesk.testcases.models import CaseFile

MAX_NEAR_MISSES = 3
MAX_DIFFERENCES = 20
MAX_EVIDENCE = 6


def verdicts_page(
    cases: Iterable[CaseVerdict],
    files: "Iterable[CaseFile]",
    span_id: str | None,
    width: int,
    *,
    pending: bool = False,
    label_of: Callable[[str], str] = str,
) -> list[Line]:
    """Verdicts that name ``span_id`` in their evidence; all of them when it is None."""
    page = Page(width)
    texts = {file.path: file.text for file in files}
    found = [(c, v) for c in cases for v in c.verdicts if span_id is None or names(v, span_id)]
    if pending:
        page.prose("re-evaluating: these are the verdicts of the past", "warn", indent=0)
    if not found:
        page.prose(
            "No assertion is loaded for this trace." if span_id is None
            else "No assertion looked at this span.",
            "faint", indent=0,
        )  # fmt: skip
    for case, verdict in sorted(found, key=lambda pair: RANK[pair[1].outcome]):
        page.blank()
        _verdict(page, case, verdict, texts.get(case.file, ""), label_of)
    return page.lines


def names(verdict: Verdict, span_id: str) -> bool:
    """True when the verdict's evidence or near misses name the span."""
    return any(e.span == span_id for e in verdict.evidence) or any(
        miss.span == span_id for miss in verdict.near_misses
    )


def _verdict(
    page: Page, case: CaseVerdict, verdict: Verdict, text: str, label_of: Callable[[str], str]
) -> None:
    glyph, role = GLYPHS[verdict.outcome]
    place = f"{plain(case.file)}:{verdict.line or case.line}"
    link: dict[str, Any] = {"file": case.file, "line": verdict.line or case.line}
    key = f"{case.case}:{verdict.assertion}"
    page.add(Piece(f"{glyph} ", role), Piece(place, "strong"), key=key, **link)
    page.prose(f"{case.name}  {verdict.target} {verdict.name}".rstrip(), "dim", **link)
    page.prose(verdict.reason, "" if verdict.outcome is not Outcome.PASS else "dim")
    if verdict.outcome in (Outcome.FAIL, Outcome.ERROR):
        _frame(page, case, verdict, text)
    _differences(page, verdict.differences)
    _near_misses(page, verdict)
    if not verdict.differences and verdict.outcome is Outcome.FAIL:
        _expected_actual(page, verdict)
    for caution in verdict.cautions:
        page.prose(f"{caution.code}: {caution.message}", "warn")
    _evidence(page, verdict, label_of)
    for child in verdict.children:
        mark, child_role = GLYPHS[child.outcome]
        page.add(Piece(f"    {mark} ", child_role), Piece(fit(child.reason, page.width - 6), "dim"))


def _frame(page: Page, case: CaseVerdict, verdict: Verdict, text: str) -> None:
    source = text.splitlines()
    at = verdict.line or case.line
    for number in range(max(1, at - 1), min(len(source), at + 1) + 1):
        here = number == at
        lead = f"  {'▸' if here else ' '}{number:4} │ "
        shown = fit(source[number - 1].expandtabs(2), page.width - len(lead))
        page.add(
            Piece(lead, "accent" if here else "faint"),
            Piece(shown, "" if here else "dim"),
            file=case.file,
            line=number,
        )


def _differences(page: Page, differences: tuple[Difference, ...]) -> None:
    for difference in differences[:MAX_DIFFERENCES]:
        page.add(Piece("  "), Piece(fit(difference.path, page.width - 2), "key"))
        expected, actual = sides(difference)
        page.prose(f"expected  {expected}", indent=4)
        page.prose(f"actual    {actual}", "bad", indent=4)
        if difference.hint:
            page.prose(difference.hint, "accent", indent=4)
    if len(differences) > MAX_DIFFERENCES:
        page.prose(f"+{len(differences) - MAX_DIFFERENCES} more differences", "dim", indent=4)


def sides(difference: Difference) -> tuple[str, str]:
    """Expected and actual in words, with their types where these differ."""
    typed = difference.expected_type != difference.actual_type
    expected = difference.wording or _side(difference.expected, difference.expected_type, typed)
    return expected, _side(difference.actual, difference.actual_type, typed)


def _side(value: object, type_: str, typed: bool) -> str:
    if type_ == "absent":
        return "absent"
    shown = f'"{middle(value)}"' if isinstance(value, str) else inline(value, 200)
    return f"{type_} {shown}" if typed else shown


def _expected_actual(page: Page, verdict: Verdict) -> None:
    if verdict.expected is not None:
        page.prose(f"expected  {inline(verdict.expected, 200)}", indent=4)
    if verdict.actual is not None:
        page.prose(f"actual    {inline(verdict.actual, 200)}", "bad", indent=4)


def _near_misses(page: Page, verdict: Verdict) -> None:
    for number, miss in enumerate(verdict.near_misses[:MAX_NEAR_MISSES]):
        lead = "nearest   " if number == 0 else "why not   "
        text = f"{lead}#{miss.order + 1} {miss.name}  {miss.why}"
        page.prose(text, "dim" if number else "", span=miss.span)
    left = verdict.near_misses_left + max(0, len(verdict.near_misses) - MAX_NEAR_MISSES)
    if left:
        page.prose(f"+{left} more", "dim")


def _evidence(page: Page, verdict: Verdict, label_of: Callable[[str], str]) -> None:
    told = [e for e in verdict.evidence if e.role != "inspected" and e.span is not None]
    for evidence in told[:MAX_EVIDENCE]:
        path = "" if evidence.path == "$" else f" {evidence.path}"
        page.add(
            Piece(f"  {evidence.role:<9} ", "dim"),
            Piece(
                fit(f"{label_of(evidence.span or '')} {evidence.of}{path}", page.width - 12),
                "accent",
            ),
            span=evidence.span,
        )
    if len(told) > MAX_EVIDENCE:
        page.prose(f"+{len(told) - MAX_EVIDENCE} more spans", "dim")
    support = verdict.support
    counted = [
        f"{number} {what}{'s' if number != 1 and what != 'chars' else ''}"
        for number, what in (
            (support.calls, "call"),
            (support.spans, "span"),
            (support.chars, "chars"),
        )
        if number
    ]
    if counted:
        page.prose("inspected " + " · ".join(counted), "faint")

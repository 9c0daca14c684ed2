"""What failed at the span under the cursor, in the few lines a small screen has."""

from collections.abc import Container, Sequence

from tracedesk.model.trace import Span
from tracedesk.model.verdict import CaseVerdict, Difference, Outcome, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import cells, fit, middle, pad, plain
from tracedesk.tui.view_models.marks import MARKING_ROLES
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.json_lines import inline
from tracedesk.tui.view_models.results import GLYPHS, RANK, brief, deciding_span

SHOWN = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING)


def failure_page(
    cases: Sequence[CaseVerdict],
    span: Span,
    about: str | None,
    width: int,
    *,
    waiting: bool = False,
    stale: Container[str] = (),
) -> list[Line]:
    """The worst verdict on a span (``about`` None: on the trace), else its own error. While
    ``waiting`` for verdicts nothing is said to be well. ``stale`` has the ids of cases whose file
    has errors."""
    page = Page(width)
    found = sorted(
        (
            (case, verdict)
            for case in cases
            for verdict in case.verdicts
            if verdict.outcome in SHOWN and (about is None or _belongs(verdict, about))
        ),
        key=lambda pair: RANK[pair[1].outcome],
    )
    if found:
        case, verdict = found[0]
        _verdict(page, case, verdict, len(found) - 1, stale=case.case in stale)
    if span.failed:
        message = span.failure or "the span failed, and says not why"
        page.add(Piece(" ✖ ", "bad"), Piece(fit(message, width - 3), "bad"))
    if not page.lines:
        page.add(Piece(" … not evaluated yet" if waiting else " nothing failed here", "faint"))
    return page.lines


def _verdict(page: Page, case: CaseVerdict, verdict: Verdict, more: int, *, stale: bool) -> None:
    glyph, role = GLYPHS[verdict.outcome]
    place = f"{plain(case.file)}:{verdict.line or case.line}"
    rest = f"+{more} more" if more else ""
    mark = "stale " if stale else ""
    room = page.width - 3 - cells(place) - cells(mark) - cells(rest) - 2
    page.add(
        Piece(f" {glyph} ", "dim" if stale else role),
        *([Piece(mark, "warn")] if stale else ()),
        Piece(place, "strong"),
        Piece("  " + pad(case.name, room)),
        Piece(rest, "dim"),
    )
    span = deciding_span(verdict)
    at = f"span {span[:6]}…" if span else ""
    room = page.width - 3 - cells(at) - 1
    if not verdict.differences:
        page.prose(brief(verdict.reason), indent=3)
        return
    called = verdict.name or next((miss.name for miss in verdict.near_misses), "")
    page.add(Piece("   " + pad(f"{verdict.target} {called}", room), "dim"), Piece(at, "accent"))
    names = min(max(cells(d.path) for d in verdict.differences), page.width // 4)
    each = (page.width - 6 - names - 20) // 2
    for difference in verdict.differences:
        expected, actual = sides(difference)
        page.add(
            Piece("      " + pad(difference.path, names), "key"),
            Piece("  expected " + pad(expected, each)),
            Piece(" actual " + fit(actual, each), "bad"),
        )


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


def _belongs(verdict: Verdict, span_id: str) -> bool:
    return any(e.span == span_id and e.role in MARKING_ROLES for e in verdict.evidence)

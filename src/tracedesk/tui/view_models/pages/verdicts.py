"""The Verdicts page: every assertion that looked at a span, told by the one renderer of verdicts.

What is ours here is the pane: roles for the renderer's styles, folding to its width, and
where Enter leads.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tracedesk.evaluation import report
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import cells, fit
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.results import RANK, deciding_span

if TYPE_CHECKING:
    from tracedesk.testcases.models import CaseFile, Check

MAX_EVIDENCE = 6
HANG = 4
"""Indent of what is folded under a line."""

LABEL_CELLS = 15
"""Labels stand in a narrower column here than on a terminal of its own."""

ROLES = {
    "pass": "ok", "fail": "bad", "missing": "warn", "error": "warn", "skipped": "faint",
    "strong": "strong", "dim": "dim", "code": "", "label": "dim", "": "",
}  # fmt: skip
"""Our role for each style of the renderer."""


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
    known = {file.path: file for file in files}
    found = [(c, v) for c in cases for v in c.verdicts if span_id is None or names(v, span_id)]
    if pending:
        page.prose("re-evaluating: these are the verdicts of the past", "warn", indent=0)
    if not found:
        what = "is loaded for this trace" if span_id is None else "looked at this span"
        page.prose(f"No assertion {what}.", "faint", indent=0)
    told = ""
    for case, verdict in sorted(found, key=lambda pair: RANK[pair[1].outcome]):
        page.blank()
        if case.case != told:
            page.add(Piece(fit(case.name, page.width), "heading"), file=case.file, line=case.line)
            told = case.case
        file = known.get(case.file)
        _verdict(page, case, verdict, file.text if file else None, check_of(file, case, verdict))
        _evidence(page, verdict, label_of)
    return page.lines


def names(verdict: Verdict, span_id: str) -> bool:
    """True when the verdict's evidence or near misses name the span."""
    return any(e.span == span_id for e in verdict.evidence) or any(
        miss.span == span_id for miss in verdict.near_misses
    )


def check_of(file: "CaseFile | None", case: CaseVerdict, verdict: Verdict) -> "Check | None":
    """The assertion in its file, for pointing at the very field; None when it changed since."""
    for known in file.cases if file else ():
        if known.id == case.case:
            for check in known.checks:
                if check.assertion.id == verdict.assertion and check.line == verdict.line:
                    return check
    return None


def _verdict(
    page: Page, case: CaseVerdict, verdict: Verdict, text: str | None, check: "Check | None"
) -> None:
    link: dict[str, Any] = {"file": case.file, "line": verdict.line or case.line}
    leads_to = deciding_span(verdict)
    told = report.assertion_lines(verdict, case.file, text, check)
    for number, line in enumerate(told):
        for folded in fold(line, page.width):
            fields = {**link, "key": f"{case.case}:{verdict.assertion}"} if not number else link
            page.add(*folded, span=leads_to if number else None, **fields)
            number = 1


def fold(line: report.Line, width: int) -> Iterator[list[Piece]]:
    """A rendered line in the pane: source lines are cut, all else folds, best between parts."""
    pieces = [_piece(style, text) for style, text in line if text]
    if pieces and pieces[0].text.endswith("│ "):
        yield pieces
        return
    held: list[Piece] = []
    room = width
    for part in _parts(pieces):
        if held and sum(cells(p.text) for p in part) > room:
            yield held
            held, room = [Piece(" " * HANG)], width - HANG
            part = [Piece(part[0].text.lstrip(), part[0].role), *part[1:]]
        for piece in part:
            for word in _words(piece):
                if cells(word.text) > room and held:
                    yield held
                    held, room = [Piece(" " * HANG)], width - HANG
                    word = Piece(fit(word.text.lstrip(), room), word.role)
                held.append(word)
                room -= cells(word.text)
    if held:
        yield held


def _piece(style: str, text: str) -> Piece:
    if style == "label":
        text = f"{text.rstrip():<{LABEL_CELLS}}" if text.strip() else " " * HANG
    return Piece(text, ROLES.get(style, ""))


def _parts(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Pieces that belong together: a new part begins with two blanks."""
    part: list[Piece] = []
    for piece in pieces:
        if part and piece.text.startswith("  "):
            yield part
            part = []
        part.append(piece)
    if part:
        yield part


def _words(piece: Piece) -> Iterator[Piece]:
    """A piece cut before each blank that a word follows."""
    begun = 0
    for at in range(1, len(piece.text)):
        if piece.text[at] == " " and piece.text[at - 1] != " ":
            yield Piece(piece.text[begun:at], piece.role)
            begun = at
    yield Piece(piece.text[begun:], piece.role)


def _evidence(page: Page, verdict: Verdict, label_of: Callable[[str], str]) -> None:
    told = [e for e in verdict.evidence if e.role != "inspected" and e.span is not None]
    for evidence in told[:MAX_EVIDENCE]:
        path = "" if evidence.path == "$" else f" {evidence.path}"
        where = f"{label_of(evidence.span or '')} {evidence.of}{path}"
        lead = f"  {evidence.role.replace('_', ' '):<{LABEL_CELLS - 2}}"
        page.add(
            Piece(lead, "dim"),
            Piece(fit(where, page.width - len(lead)), "accent"),
            span=evidence.span,
        )
    if len(told) > MAX_EVIDENCE:
        page.prose(f"+{len(told) - MAX_EVIDENCE} more spans", "dim")

"""The Verdicts page: every assertion that looked at a span, told by the one renderer of verdicts.

What is ours here is the pane: roles for the renderer's styles, folding to its width, and
where Enter leads.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tracedesk.evaluation import report, report_lines
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import cells, fit, pad, wrap
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.results import RANK, deciding_span

if TYPE_CHECKING:
    from tracedesk.model.reading import Reading
    from tracedesk.testcases.models import CaseFile, Check

MAX_EVIDENCE = 6
HANG = 4
"""Indent of what is folded under a line."""

LABEL_CELLS = 15
"""Labels stand in a narrower column here than on a terminal of its own."""

SIDES = ("  expected ", "  actual ")
"""What the renderer writes before the two sides of a difference."""

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
    reading: "Reading | None" = None,
) -> list[Line]:
    """Verdicts that name ``span_id`` in their evidence; all of them when it is None.

    The ``reading`` shows the place of a schema's fault in the response.
    """
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
        text, check = file.text if file else None, check_of(file, case, verdict)
        _verdict(
            page, case, verdict, report.assertion_lines(verdict, case.file, text, check, reading)
        )
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
    page: Page, case: CaseVerdict, verdict: Verdict, lines: Iterable[report_lines.Line]
) -> None:
    link: dict[str, Any] = {"file": case.file, "line": verdict.line or case.line}
    leads_to = deciding_span(verdict)
    for number, line in enumerate(dedented(lines)):
        for folded in fold(line, page.width):
            fields = {**link, "key": f"{case.case}:{verdict.assertion}"} if not number else link
            page.add(*folded, span=leads_to if number else None, **fields)
            number = 1


def dedented(lines: Iterable[report_lines.Line]) -> list[report_lines.Line]:
    """The lines with the indent that all source lines of the frame share taken away."""
    found = list(lines)
    frame = [at for at, line in enumerate(found) if _is_source(line)]
    sources = [found[at][1][1] for at in frame if found[at][1][1].strip()]
    shared = min((len(source) - len(source.lstrip()) for source in sources), default=0)
    for at in frame:
        (style, source) = found[at][1]
        found[at] = (found[at][0], (style, source[shared:]))
    return found


def _is_source(line: report_lines.Line) -> bool:
    return len(line) == 2 and line[0][1].endswith("│ ")


def fold(line: report_lines.Line, width: int) -> Iterator[list[Piece]]:
    """A rendered line in the pane: source lines are cut, all else folds, best between parts."""
    pieces = [_piece(style, text) for style, text in line if text]
    if _is_source(line):
        yield pieces
        return
    titles = [at for at, piece in enumerate(pieces) if piece.text in SIDES]
    if len(titles) == 2 and sum(cells(piece.text) for piece in pieces) > width:
        yield from _side_by_side(pieces, titles[0], titles[1], width)
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


def _side_by_side(
    pieces: list[Piece], expected: int, actual: int, width: int
) -> Iterator[list[Piece]]:
    """A difference too wide for one line: its path, then both values in columns of one width."""
    yield [Piece(pieces[0].text), *(Piece(p.text.rstrip(), p.role) for p in pieces[1:expected])]
    each = (width - HANG - 4) // 2
    indent = Piece(" " * (HANG + 2))
    for piece_of in (lambda at: pieces[at], lambda at: pieces[at + 1]):
        left, right = piece_of(expected), piece_of(actual)
        for here, beside in zip_longest(
            wrap(left.text.strip(), each), wrap(right.text.strip(), each), fillvalue=""
        ):
            yield [indent, Piece(pad(here, each + 2), left.role), Piece(beside, right.role)]
    for hint in pieces[actual + 2 :]:
        for folded in wrap(hint.text.strip(), width - HANG - 2):
            yield [indent, Piece(folded, hint.role)]


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

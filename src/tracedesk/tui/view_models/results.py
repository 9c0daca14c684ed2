"""The tests drawer: file › case › assertion, failing first, with totals per state.

Verdicts of a file that no longer parses are kept and marked stale; the file's own
diagnostics stand above them with a code frame.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import middle, plain

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.testcases.models import CaseFile, Diagnostic

GLYPHS = {
    Outcome.PASS: ("✓", "ok"),
    Outcome.FAIL: ("✗", "bad"),
    Outcome.MISSING: ("?", "warn"),
    Outcome.ERROR: ("!", "warn"),
    Outcome.SKIPPED: ("–", "faint"),
}
"""Glyph and role of each outcome."""

_WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.PASS, Outcome.SKIPPED)
RANK = {outcome: rank for rank, outcome in enumerate(_WORST_FIRST)}

FRAME_AROUND = 1
"""Lines shown above and below the line of a diagnostic."""


class Result(msgspec.Struct, frozen=True):
    """One row of the drawer: a file, a case, an assertion, or a line of a diagnostic."""

    line: Line
    level: int
    """0 file, 1 case, 2 assertion, 3 diagnostic."""
    key: str
    """What folding and the cursor remember: the same over re-evaluations."""
    case: CaseVerdict | None = None
    verdict: Verdict | None = None

    @property
    def span(self) -> str | None:
        """The span that decided, for jumping."""
        return None if self.verdict is None else deciding_span(self.verdict)


class Results:
    """Rows of the drawer for the open trace; folded rows are remembered by key."""

    def __init__(self) -> None:
        self.rows: list[Result] = []
        self.totals: Counter[Outcome] = Counter()
        self.diagnostics = 0
        self.folded: set[str] = set()
        self._files: Sequence[CaseFile] = ()
        self._verdicts: TraceVerdicts | None = None

    def show(self, files: "Sequence[CaseFile]", verdicts: "TraceVerdicts | None") -> None:
        """Rebuild the rows for these files and the open trace's verdicts."""
        self._files, self._verdicts = files, verdicts
        cases: dict[str, list[CaseVerdict]] = {}
        for case in verdicts.cases if verdicts else ():
            cases.setdefault(case.file, []).append(case)
        stale = {file.path for file in files if file.stale}
        pending = bool(verdicts and verdicts.pending)
        self.totals = Counter(
            v.outcome for found in cases.values() for c in found for v in c.verdicts
        )
        self.diagnostics = sum(len(file.diagnostics) for file in files)
        self.rows = []
        broken = {file.path: file for file in files if file.diagnostics}
        for path in sorted({*broken, *cases}, key=lambda p: (_worst(cases.get(p, ())), p)):
            self._add_file(path, broken.get(path), cases.get(path, []), path in stale, pending)

    def toggle(self, key: str) -> None:
        """Fold or unfold the row with this key."""
        self.folded ^= {key}
        self.show(self._files, self._verdicts)

    def index_of(self, key: str) -> int | None:
        return next((at for at, row in enumerate(self.rows) if row.key == key), None)

    def for_span(self, span_id: str) -> int | None:
        """The first row whose verdict names the span, failing ones first as listed."""
        for at, row in enumerate(self.rows):
            if row.verdict is not None and any(e.span == span_id for e in row.verdict.evidence):
                return at
        return None

    def _add_file(
        self,
        path: str,
        broken: "CaseFile | None",
        cases: list[CaseVerdict],
        stale: bool,
        pending: bool,
    ) -> None:
        self.rows.append(Result(_file_line(path, cases, stale, path in self.folded), 0, path))
        if path in self.folded:
            return
        if broken is not None:
            for number, diagnostic in enumerate(broken.diagnostics):
                self._add_diagnostic(broken, diagnostic, number)
        for case in sorted(cases, key=lambda c: (RANK[c.outcome], c.line)):
            key = f"{path}:{case.case}"
            # A case that passes opens folded, one that does not opens open.
            folded = (key in self.folded) != (case.outcome in (Outcome.PASS, Outcome.SKIPPED))
            self.rows.append(Result(_case_line(case, stale, pending, folded), 1, key, case))
            if folded:
                continue
            for verdict in sorted(case.verdicts, key=lambda v: RANK[v.outcome]):
                shown = _verdict_line(case, verdict, stale, pending)
                self.rows.append(Result(shown, 2, f"{key}:{verdict.assertion}", case, verdict))

    def _add_diagnostic(self, file: "CaseFile", found: "Diagnostic", number: int) -> None:
        for at, shown in enumerate(diagnostic_lines(file, found)):
            self.rows.append(Result(shown, 3, f"{file.path}#{number}.{at}"))


def deciding_span(verdict: Verdict) -> str | None:
    """The span to jump to: what violated or decided, else the nearest call, else any."""
    for role in ("violated", "decided", "absent_here", "inspected"):
        for evidence in verdict.evidence:
            if evidence.role == role and evidence.span is not None:
                return evidence.span
    return verdict.near_misses[0].span if verdict.near_misses else None


def diagnostic_lines(file: "CaseFile", found: "Diagnostic") -> list[Line]:
    """What is wrong, where, and the lines around it with a caret under the column."""
    role = "warn" if found.severity == "warning" else "bad"
    place = f"{found.line}:{found.column} "
    lines = [
        Line(
            (Piece("  ! ", role), Piece(place, role), Piece(plain(found.message))),
            file=file.path,
            line=found.line,
        )
    ]
    source = file.text.splitlines()
    first = max(1, found.line - FRAME_AROUND)
    for number in range(first, min(len(source), found.line + FRAME_AROUND) + 1):
        here = number == found.line
        gutter = Piece(f"  {'▸' if here else ' '}{number:4} │ ", "accent" if here else "faint")
        text = Piece(plain(source[number - 1].expandtabs(4)), "" if here else "dim")
        lines.append(Line((gutter, text), file=file.path, line=number))
        if here:
            caret = " " * (len(gutter.text) + max(1, found.column) - 1) + "^"
            lines.append(Line((Piece(caret, role),), file=file.path, line=number))
    return lines


def _file_line(path: str, cases: list[CaseVerdict], stale: bool, folded: bool) -> Line:
    counts = Counter(v.outcome for case in cases for v in case.verdicts)
    pieces = [Piece("▸ " if folded else "▾ ", "dim"), Piece(plain(path), "strong")]
    pieces += _counts(counts, dim=stale)
    if stale:
        pieces.append(Piece("  stale: the file has errors, these are its last verdicts", "warn"))
    return Line(tuple(pieces), file=path, line=1)


def _case_line(case: CaseVerdict, stale: bool, pending: bool, folded: bool) -> Line:
    glyph, role = GLYPHS[case.outcome]
    pieces = [
        Piece("  ▸ " if folded else "  ▾ ", "dim"),
        Piece(glyph + " ", "faint" if pending or stale else role),
        Piece(plain(case.name or case.case)),
    ]
    if folded:
        pieces += _counts(Counter(v.outcome for v in case.verdicts), dim=stale or pending)
    if case.reason:
        pieces.append(Piece("  " + plain(case.reason), "dim"))
    if pending:
        pieces.append(Piece("  re-evaluating", "faint"))
    return Line(tuple(pieces), file=case.file, line=case.line)


def _verdict_line(case: CaseVerdict, verdict: Verdict, stale: bool, pending: bool) -> Line:
    glyph, role = GLYPHS[verdict.outcome]
    dim = stale or pending or verdict.outcome is Outcome.SKIPPED
    pieces = [
        Piece("      "),
        Piece(glyph + " ", "faint" if dim else role),
        Piece(f":{verdict.line} " if verdict.line else "", "dim"),
        Piece(plain(verdict.target), "dim"),
        Piece(f" {plain(verdict.name)}" if verdict.name else "", "dim"),
        Piece("  "),
        Piece(middle(plain(verdict.reason)), "dim" if dim else ""),
    ]
    if stale:
        pieces.append(Piece("  stale", "warn"))
    return Line(
        tuple(pieces), span=deciding_span(verdict), file=case.file, line=verdict.line or case.line
    )


def _counts(counts: Counter[Outcome], *, dim: bool) -> list[Piece]:
    return [
        Piece(f"  {glyph} {counts[outcome]}", "faint" if dim else role)
        for outcome in _WORST_FIRST
        if counts[outcome]
        for glyph, role in (GLYPHS[outcome],)
    ]


def _worst(cases: Iterable[CaseVerdict]) -> int:
    return min((RANK[case.outcome] for case in cases), default=0)

"""The tests drawer: file › case › assertion, failing first, with totals per state.

Cases that do not apply to the trace share one folded line at the end. Verdicts of a file
that no longer parses are kept and marked stale; the file's own diagnostics stand above them
with a code frame.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from tracedesk.model.verdict import CaseVerdict, Outcome, Verdict
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import middle, plain

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.testcases.models import Case, CaseFile, Diagnostic

GLYPHS = {
    Outcome.PASS: ("✓", "ok"),
    Outcome.FAIL: ("✗", "bad"),
    Outcome.MISSING: ("?", "warn"),
    Outcome.ERROR: ("!", "warn"),
    Outcome.SKIPPED: ("–", "faint"),
}
"""Glyph and role of each outcome."""

PENDING = ("…", "faint")
"""Of what is not decided yet while a trace is stepped through."""

UNDECIDED = "undecided"
"""Reason code of such a verdict."""

_WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.PASS, Outcome.SKIPPED)
RANK = {outcome: rank for rank, outcome in enumerate(_WORST_FIRST)}

OTHERS = "cases that do not apply"
"""Key of the line that stands for them; no path of a file."""

IDLE = "cases that are not active"
"""Key of the line that stands for paused and draft cases."""

IDLE_SHOWN = 5
"""So many of them are listed without being asked for."""

NAMED = 2
"""Places tried in vain that a line of the drawer names."""

_TRIED = re.compile(r"\btried ([^;]+)")

FRAME_AROUND = 1
"""Lines shown above and below the line of a diagnostic."""


class Result(msgspec.Struct, frozen=True):
    """One row of the drawer: a file, a case, an assertion, or a line of a diagnostic."""

    line: Line
    level: int
    """0 file or group, 1 case, 2 assertion or a case that does not apply, 3 diagnostic."""
    key: str
    """What folding and the cursor remember: the same over re-evaluations."""
    case: CaseVerdict | None = None
    verdict: Verdict | None = None
    idle: str = ""
    """Id of the paused or draft case that the row stands for."""

    @property
    def span(self) -> str | None:
        """The span that decided, for jumping."""
        return None if self.verdict is None else deciding_span(self.verdict)


class Results:
    """Rows of the drawer for the open trace; folded rows are remembered by key."""

    def __init__(self) -> None:
        self.rows: list[Result] = []
        self.totals: Counter[Outcome] = Counter()
        self.errors = self.warnings = 0
        """Of all loaded files, whether they concern the open trace or not."""
        self.folded: set[str] = set()
        self._files: Sequence[CaseFile] = ()
        self._verdicts: TraceVerdicts | None = None

    def show(self, files: "Sequence[CaseFile]", verdicts: "TraceVerdicts | None") -> None:
        """Rebuild the rows for these files and the open trace's verdicts."""
        self._files, self._verdicts = files, verdicts
        cases: dict[str, list[CaseVerdict]] = {}
        others: list[CaseVerdict] = []
        for case in verdicts.cases if verdicts else ():
            skipped = case.outcome is Outcome.SKIPPED
            (others if skipped else cases.setdefault(case.file, [])).append(case)
        stale = {file.path for file in files if file.stale}
        pending = bool(verdicts and verdicts.pending)
        self.totals = Counter(
            v.outcome for found in cases.values() for c in found for v in c.verdicts
        )
        self.errors = sum(len(file.errors) for file in files)
        self.warnings = sum(len(file.diagnostics) for file in files) - self.errors
        self.rows = []
        broken = {file.path: file for file in files if file.diagnostics}
        for path in sorted({*broken, *cases}, key=lambda p: (_urgency(broken, cases, p), p)):
            self._add_file(path, broken.get(path), cases.get(path, []), path in stale, pending)
        if others:
            self._add_others(others)
        idle = [case for file in files for case in file.cases if not case.active]
        if idle:
            self._add_idle(idle)

    def toggle(self, key: str) -> None:
        """Fold or unfold the row with this key."""
        self.folded ^= {key}
        self.show(self._files, self._verdicts)

    def index_of(self, key: str) -> int | None:
        return next((at for at, row in enumerate(self.rows) if row.key == key), None)

    def for_span(self, span_id: str | None) -> int | None:
        """The row of the worst verdict whose evidence names the span (None: of the worst of
        all), whatever folds hide it; None when there is no such verdict."""
        found = self._worst(span_id)
        if found is None:
            return None
        case, verdict = found
        path = (case.file, case_key(case), verdict_key(case, verdict))
        for above, key in pairwise(path):
            if self.index_of(key) is None:
                self.toggle(above)
        return self.index_of(path[-1])

    def line_for_span(self, span_id: str | None) -> tuple[str, int] | None:
        """File and line of the worst verdict whose evidence names the span (None: of all)."""
        found = self._worst(span_id)
        return None if found is None else (found[0].file, found[1].line or found[0].line)

    def _worst(self, span_id: str | None) -> tuple[CaseVerdict, Verdict] | None:
        found = min(
            (
                (RANK[verdict.outcome], case.file, case.line, verdict.line, case, verdict)
                for case in (self._verdicts.cases if self._verdicts else ())
                for verdict in case.verdicts
                if span_id is None or any(e.span == span_id for e in verdict.evidence)
            ),
            key=lambda each: each[:4],
            default=None,
        )
        return None if found is None else found[4:]

    def _add_file(
        self,
        path: str,
        broken: "CaseFile | None",
        cases: list[CaseVerdict],
        stale: bool,
        pending: bool,
    ) -> None:
        told = list(enumerate(broken.diagnostics)) if broken is not None else []
        # Of a file that has nothing to do with the trace, warnings are not worth the room.
        aside = not cases and not (broken is not None and broken.errors)
        folded = (path in self.folded) != aside
        line = _file_line(path, cases, stale, pending, folded)
        if folded and told:
            line = Line((*line.pieces, Piece(f"  ! {len(told)}", "warn")), file=path, line=1)
        self.rows.append(Result(line, 0, path))
        if folded:
            return
        for number, diagnostic in told:
            if broken is not None and diagnostic.is_error:
                self._add_diagnostic(broken, diagnostic, number)
        for case in sorted(cases, key=lambda c: (RANK[c.outcome], c.line)):
            key = case_key(case)
            # A case that passes opens folded, one that does not opens open.
            folded = (key in self.folded) != (case.outcome is Outcome.PASS)
            self.rows.append(Result(_case_line(case, stale, pending, folded), 1, key, case))
            if folded:
                continue
            for verdict in sorted(case.verdicts, key=lambda v: RANK[v.outcome]):
                shown = _verdict_line(case, verdict, stale, pending)
                self.rows.append(Result(shown, 2, verdict_key(case, verdict), case, verdict))
        for number, diagnostic in told:  # what is no fault never stands before what failed
            if not diagnostic.is_error:
                self.rows.append(Result(_warning_line(path, diagnostic), 3, f"{path}#{number}"))

    def _add_others(self, cases: list[CaseVerdict]) -> None:
        """One line for the cases that do not apply, and they themselves once it is opened."""
        opened = OTHERS in self.folded
        told = "1 case does not" if len(cases) == 1 else f"{len(cases):,} cases do not"
        lead = Piece("▾ " if opened else "▸ ", "faint")
        told += " apply to this trace"
        self.rows.append(Result(Line((lead, Piece(told, "faint"))), 0, OTHERS))
        for case in sorted(cases, key=lambda c: (c.file, c.line)) if opened else ():
            pieces = (
                Piece("  – ", "faint"),
                Piece(plain(f"{case.file}:{case.line}  "), "faint"),
                Piece(plain(case.name or case.case), "dim"),
                Piece(plain(f"  {case.reason}"), "faint"),
            )
            shown = Line(pieces, file=case.file, line=case.line)
            self.rows.append(Result(shown, 2, case_key(case), case))

    def _add_idle(self, cases: "list[Case]") -> None:
        """One line for the cases that are not run as traces arrive, and they themselves."""
        opened = (IDLE in self.folded) != (len(cases) <= IDLE_SHOWN)
        told = "1 case is" if len(cases) == 1 else f"{len(cases):,} cases are"
        lead = Piece("▾ " if opened else "▸ ", "faint")
        self.rows.append(Result(Line((lead, Piece(f"{told} not active", "faint"))), 0, IDLE))
        for case in sorted(cases, key=lambda c: (c.file, c.line)) if opened else ():
            pieces = (
                Piece(f"  {case.status:<7}", "warn"),
                Piece(plain(case.name), "dim"),
                Piece(plain(f"  {case.file}:{case.line}"), "faint"),
            )
            shown = Line(pieces, file=case.file, line=case.line)
            self.rows.append(Result(shown, 2, f"{case.file}:{case.id} idle", idle=case.id))

    def _add_diagnostic(self, file: "CaseFile", found: "Diagnostic", number: int) -> None:
        for at, shown in enumerate(diagnostic_lines(file, found)):
            self.rows.append(Result(shown, 3, f"{file.path}#{number}.{at}"))


def case_key(case: CaseVerdict) -> str:
    """What finds a case again in the drawer."""
    return f"{case.file}:{case.case}"


def verdict_key(case: CaseVerdict, verdict: Verdict) -> str:
    """What finds a verdict again in the drawer."""
    return f"{case_key(case)}:{verdict.assertion}"


def brief(reason: str) -> str:
    """A reason on one line: of a list of places tried in vain, the first two and the number."""

    def shortened(match: re.Match[str]) -> str:
        places = match[1].split(", ")
        more = len(places) - NAMED
        return f"tried {', '.join(places[:NAMED])} and {more} more" if more > 1 else match[0]

    return middle(plain(_TRIED.sub(shortened, reason)))


def deciding_span(verdict: Verdict) -> str | None:
    """The span to jump to: what violated or decided, else the nearest call, else any."""
    for role in ("violated", "decided", "absent_here", "inspected"):
        for evidence in verdict.evidence:
            if evidence.role == role and evidence.span is not None:
                return evidence.span
    return verdict.near_misses[0].span if verdict.near_misses else None


def _warning_line(path: str, found: "Diagnostic") -> Line:
    place = Piece(f"{found.line}:{found.column} ", "dim")
    told = Piece(plain(found.message), "dim")
    return Line((Piece("  ! ", "warn"), place, told), file=path, line=found.line)


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


def _file_line(
    path: str, cases: list[CaseVerdict], stale: bool, pending: bool, folded: bool
) -> Line:
    counts = Counter(v.outcome for case in cases for v in case.verdicts)
    pieces = [Piece("▸ " if folded else "▾ ", "dim"), Piece(plain(path), "strong")]
    pieces += _counts(counts, dim=stale or pending)
    if stale:
        pieces.append(Piece("  stale: the file has errors, these are its last verdicts", "warn"))
    return Line(tuple(pieces), file=path, line=1)


def _case_line(case: CaseVerdict, stale: bool, pending: bool, folded: bool) -> Line:
    undecided = case.outcome is Outcome.MISSING and _undecided(case)
    glyph, role = PENDING if undecided else GLYPHS[case.outcome]
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


def _undecided(case: CaseVerdict) -> bool:
    return any(verdict.reason_code == UNDECIDED for verdict in case.verdicts)


def _verdict_line(case: CaseVerdict, verdict: Verdict, stale: bool, pending: bool) -> Line:
    glyph, role = PENDING if verdict.reason_code == UNDECIDED else GLYPHS[verdict.outcome]
    dim = stale or pending or verdict.outcome is Outcome.SKIPPED
    pieces = [
        Piece("      "),
        Piece(glyph + " ", "faint" if dim else role),
        Piece(f":{verdict.line} " if verdict.line else "", "dim"),
        Piece(plain(verdict.target), "dim"),
        Piece(f" {plain(verdict.name)}" if verdict.name else "", "dim"),
        Piece("  "),
        *([Piece("stale  ", "warn")] if stale else ()),  # before what may be cut
        Piece(brief(verdict.reason), "dim" if dim else ""),
    ]
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


def _urgency(
    broken: "Mapping[str, CaseFile]", cases: Mapping[str, Sequence[CaseVerdict]], path: str
) -> int:
    """How far up a file stands: broken ones first, then by their worst case, then warnings."""
    if path in broken and broken[path].errors:
        return -1
    return min((RANK[case.outcome] for case in cases.get(path, ())), default=len(RANK))

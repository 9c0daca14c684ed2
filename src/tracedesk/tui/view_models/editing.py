"""Below the text that is edited: what is wrong with it, then what it says of the open trace."""

from collections import Counter

import msgspec

from tracedesk.authoring.trial import Trial
from tracedesk.model.verdict import Outcome
from tracedesk.query.text import counted
from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.text import fit
from tracedesk.tui.view_models.results import GLYPHS, brief


class Told(msgspec.Struct, frozen=True):
    """One line below the text, and where in it Enter or a click leads; both from 0."""

    line: Line
    at: int
    column: int = 0


def told_of(trial: Trial, width: int) -> list[Told]:
    """Diagnostics in file order, then the verdict of each assertion; what cannot be decided for
    a diagnostic only says where that stands."""
    found: list[Told] = []
    above = {f"{each.line}:{each.column}: {each.message}" for each in trial.file.diagnostics}

    def reason(text: str) -> str:
        known = next((said for said in above if text.endswith(said)), "")
        return f"see {known.partition(': ')[0]} above" if known else text

    for each in trial.file.diagnostics:
        role = "bad" if each.is_error else "warn"
        place = f" ! {each.line}:{each.column} "
        text = Piece(fit(each.message, max(10, width - len(place))))
        found.append(Told(line(Piece(place, role), text), each.line - 1, each.column - 1))
    statuses = {case.id: case.status for case in trial.file.cases}
    for case in trial.verdicts:
        glyph, role = GLYPHS[case.outcome]
        status = statuses.get(case.case, "active")
        pieces = [Piece(f" {glyph} ", role), Piece(fit(case.name, max(10, width // 2)), "strong")]
        pieces += [Piece(f"  {status}", "warn")] if status != "active" else []
        pieces += [Piece("  " + fit(reason(case.reason), width // 3), "dim")] if case.reason else []
        found.append(Told(line(*pieces), case.line - 1))
        for verdict in case.verdicts:
            glyph, role = GLYPHS[verdict.outcome]
            lead = f"   {glyph} "
            place = f"{verdict.line} {verdict.target}  "
            room = max(10, width - len(lead) - len(place))
            told = Piece(fit(brief(reason(verdict.reason)), room))
            found.append(Told(line(Piece(lead, role), Piece(place, "dim"), told), verdict.line - 1))
    return found


def faults_of(trial: Trial) -> dict[int, tuple[int, bool]]:
    """Line → column, both from 0, and whether it is only a warning; the first of each line."""
    found: dict[int, tuple[int, bool]] = {}
    for each in trial.file.diagnostics:
        found.setdefault(each.line - 1, (each.column - 1, not each.is_error))
    return found


def summary(trial: Trial) -> list[Piece]:
    """``2 problems`` and the verdicts of all assertions, counted."""
    errors = len(trial.file.errors)
    pieces = [Piece(f"{counted(errors, 'problem')}  ", "bad")] if errors else []
    outcomes = Counter(v.outcome for case in trial.verdicts for v in case.verdicts)
    for outcome in Outcome:
        if outcomes[outcome]:
            glyph, role = GLYPHS[outcome]
            pieces.append(Piece(f"{glyph}{outcomes[outcome]} ", role))
    return pieces

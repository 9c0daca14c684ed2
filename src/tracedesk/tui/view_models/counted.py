"""What the screens of matrix and scores look at, and their lines: numbers beside what they were
computed from, failures with the way to their span."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from tracedesk.evaluation.matrix import STAGE_MEANINGS, STAGE_TITLES, Cell, Failure, Matrix, Row
from tracedesk.evaluation.regressions import BY_TRACE, Comparison, Edit, Flip
from tracedesk.evaluation.score_text import MEASURES, change, percent, percents, share_text, told
from tracedesk.evaluation.tally import Scores
from tracedesk.evaluation.trends import DAYS, Choice, Point
from tracedesk.evaluation.windows import PRESET_TITLES, PRESETS
from tracedesk.query.text import counted
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.text import cells, fit, pad, pad_left
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.view_models.results import GLYPHS

SHORT_TITLES = {
    "routing": "routing", "tool_choice": "tools", "parameters": "params",
    "communication": "answer", "runtime": "runtime", "": "none",
}  # fmt: skip

ROOMY_CELL = 14
"""Cells from which a stage has its full name and a share."""

FAILED_CELLS = 14

NOT_STATED = "(none stated)"
"""What stands for a blank version or environment."""


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at. None: all agents, all versions, all environments."""

    preset: str = PRESETS[-1]
    agent_id: str | None = None
    version: str | None = None
    environment: str | None = None
    filter: str = ""

    @property
    def choice(self) -> Choice:
        """The slice of what is counted in the window."""
        return Choice(agent_id=self.agent_id, version=self.version, environment=self.environment)

    def words(self, agent_name: Callable[[str], str]) -> str:
        """``last 7 d · agent booking · version 1.2``"""
        parts = [PRESET_TITLES[self.preset]]
        if self.agent_id is not None:
            parts.append(f"agent {agent_name(self.agent_id)}")
        if self.version is not None:
            parts.append(f"version {self.version or NOT_STATED}")
        if self.environment is not None:
            parts.append(f"environment {self.environment or NOT_STATED}")
        if self.filter:
            parts.append(f"filter {self.filter}")
        return " · ".join(parts)

    def narrowed(self) -> bool:
        """True when something is left out by choice."""
        return self != Looking()


def following(choices: Sequence[str], now: str | None) -> str | None:
    """The next of some choices, None (all of them) after the last."""
    listed = [None, *choices]
    at = listed.index(now) if now in listed else 0
    return listed[(at + 1) % len(listed)]


# -- matrix ----------------------------------------------------------------------------


def cell_width(stages: int, width: int) -> int:
    """Cells of a stage's column."""
    return max(8, min(18, (width - FAILED_CELLS) * 6 // 10 // stages))


def matrix_head(matrix: Matrix, width: int, chosen: int) -> list[Piece]:
    """The names of the columns, the chosen one marked."""
    each = cell_width(len(matrix.stages), width)
    titles = STAGE_TITLES if each >= ROOMY_CELL else SHORT_TITLES
    pieces = [Piece(pad(" case", _name_width(matrix, width)), "faint")]
    for at, stage in enumerate(matrix.stages):
        role = "heading" if at == chosen else "faint"
        pieces.append(Piece(pad_left(titles[stage], each - 1) + " ", role))
    return [*pieces, Piece(pad_left("failed", FAILED_CELLS), "faint")]


def _name_width(matrix: Matrix, width: int) -> int:
    return max(8, width - FAILED_CELLS - len(matrix.stages) * cell_width(len(matrix.stages), width))


def matrix_line(matrix: Matrix, row: Row, width: int, chosen: int | None) -> list[Piece]:
    """One case; ``chosen``: the column of the cursor, if it is on this row."""
    each = cell_width(len(matrix.stages), width)
    total = row is matrix.totals
    glyph, role = ("Σ", "strong") if total else ("✗", "bad") if row.failed else ("✓", "ok")
    if not row.evaluated and not total:
        glyph, role = "?", "warn"
    name = Piece(pad(f" {row.name}", _name_width(matrix, width) - 2), "strong" if total else "")
    pieces = [Piece(f" {glyph}", role), name]
    for at, (stage, cell) in enumerate(row.cells.items()):
        root = stage == row.root and not total
        pieces += _cell(cell, each, root=root, at_cursor=at == chosen)
    undecided = row.missing + row.errors
    said = f"{row.failed:,}/{row.evaluated:,}" + (f" ?{undecided:,}" if undecided else "")
    return [*pieces, Piece(pad_left(said, FAILED_CELLS), "bad" if row.failed else "dim")]


def _cell(cell: Cell, width: int, *, root: bool, at_cursor: bool) -> list[Piece]:
    if not cell.evaluated:
        text, role = "", "faint"
    elif not cell.failures:
        text, role = "·", "faint"
    else:
        text, role = _failures(cell, width - 2, root=root), "bad"
    if not at_cursor:
        return [Piece(pad_left(text, width - 1) + " ", role)]
    shown = f"[{fit(text or '–', width - 2)}]"
    return [Piece(" " * (width - cells(shown))), Piece(shown, "match")]


def _failures(cell: Cell, room: int, *, root: bool) -> str:
    """As much of failures, decided results and share as there is room for; what was decided
    stands in the last column too."""
    star, share = "*" if root else "", share_text(cell)
    said = [f"{cell.failures:,}/{cell.evaluated:,}{star}", f"{cell.failures:,}{star}"]
    if room >= ROOMY_CELL - 2:
        whole = f"{cell.failures:,}/{cell.evaluated:,} {share}{star}"
        said = [whole, f"{cell.failures:,} {share}{star}", *said]
    return next((text for text in said if cells(text) <= room), said[-1])


def failure_line(
    failure: Failure, width: int, titles: Mapping[str, str], now_ns: int, *, with_case: bool
) -> list[Piece]:
    """One failure: its trace, when, what of it failed and why."""
    title = titles.get(failure.trace, failure.trace[:8])
    name = min(26, max(10, width // 5))
    pieces = [
        Piece(" ✗ ", "bad"),
        Piece(pad(title, name)),
        Piece(pad_left(figures.age(failure.at_ns, now_ns), 6) + "  ", "dim"),
    ]
    if with_case:
        pieces.append(Piece(pad(failure.name, name) + " ", "dim"))
    stage = "" if failure.root else f"{STAGE_TITLES[failure.stage]}, not first: "
    more = f"  (+{failure.more} here)" if failure.more else ""
    room = width - sum(cells(piece.text) for piece in pieces)
    label = f"{failure.assertion} {failure.target}  " if failure.target else ""
    label = fit(label, max(0, room))
    pieces.append(Piece(label, "key"))
    return [*pieces, Piece(fit(f"{stage}{failure.reason}{more}", max(0, room - cells(label))))]


def cell_title(matrix: Matrix, row: Row, stage: str) -> tuple[str, str]:
    """What the list of failures is about, and what its stage means."""
    return f"{row.name} · {STAGE_TITLES[stage]}", STAGE_MEANINGS[stage]


# -- scores ----------------------------------------------------------------------------


def score_lines(scores: Scores, chosen: str, width: int) -> list[Line]:
    """The three headline numbers, the one that is drawn marked."""
    page = Page(width)
    for name, value, basis in told(scores):
        at = "▸" if name == chosen else " "
        lead = f" {at} {pad(name, 15)}"
        number = pad_left(value, 6)
        room = width - cells(lead) - 8
        page.add(
            Piece(lead, "accent" if name == chosen else "dim"),
            Piece(number, "strong" if value != percent(None) else "faint"),
            Piece("  " + fit(basis, room), "dim"),
        )
    return page.lines


class Entry(msgspec.Struct, frozen=True):
    """A row under the plot: a day, a version or an environment, or a change of a case file."""

    point: Point | None = None
    edit: Edit | None = None


def entries(
    points: Sequence[Point], edits: Sequence[Edit], day_of: Callable[[int], int]
) -> list[Entry]:
    """Points and edits together, the newest first; an edit stands above the day it was made on."""
    made = [(point.day, 0, at, Entry(point=point)) for at, point in enumerate(points)]
    made += [(day_of(edit.at_ns), 1, at, Entry(edit=edit)) for at, edit in enumerate(edits)]
    return [entry for *_, entry in sorted(made, key=lambda each: each[:3], reverse=True)]


def entry_line(
    entry: Entry, width: int, *, files: Sequence[str], base: bool, compact: bool
) -> list[Piece]:
    """One row: its numbers and what was new, or what was edited."""
    if entry.edit is not None:
        edit = entry.edit
        said = f"{edit.file}: {', '.join(edit.cases)}"
        head = f"  ◆ {figures.moment(edit.at_ns)[:16]}  "
        return [Piece(head, "warn"), Piece(fit(said, width - cells(head)), "dim")]
    point = entry.point
    assert point is not None, "an entry is one or the other"
    values = percents(point.scores)
    pieces = [
        Piece(" A" if base else "  ", "accent"),
        Piece(" " + pad(point.label or NOT_STATED, 14)),
        Piece(pad_left(f"{point.scores.traces:,}", 8), "dim"),
    ]
    for name in MEASURES[: 1 if compact else 3]:
        value = values[name]
        pieces.append(Piece(pad_left(percent(value), 14), "faint" if value is None else ""))
    new = [f"▲ version {version}" for version in point.versions]
    new += [f"◆ {file}" for file in files]
    room = width - sum(cells(piece.text) for piece in pieces)
    return [*pieces, Piece(fit("  " + "  ".join(new), max(0, room)), "warn")]


def entries_head(axis: str, *, compact: bool) -> list[Piece]:
    """The names of the columns."""
    first = "day (UTC)" if axis == DAYS else axis.removesuffix("s")
    names = "".join(pad_left(name, 14) for name in MEASURES[: 1 if compact else 3])
    return [Piece(f"   {pad(first, 14)}{pad_left('traces', 8)}{names}", "faint")]


# -- flips -----------------------------------------------------------------------------


class FlipLine(msgspec.Struct, frozen=True):
    """A line of a comparison; ``place`` where Enter leads."""

    pieces: tuple[Piece, ...]
    place: Place | None = None


def flip_lines(found: Comparison, titles: Mapping[str, str], width: int) -> list[FlipLine]:
    """A comparison: its numbers, what broke, what was mended, and what else changed."""
    after = percents(found.after)
    made = [
        FlipLine((Piece(f"   {pad(name, 15)}", "dim"), Piece(change(value, after[name]))))
        for name, value in percents(found.before).items()
    ]
    how = "the same traces" if found.pairing == BY_TRACE else "equal inputs"
    alone = f"{found.unpaired_before:,} and {found.unpaired_after:,} have no partner"
    pairs = f"   {counted(found.paired, 'pair')} of results on {how}; {alone}"
    made.append(FlipLine((Piece(fit(pairs, width), "faint"),)))
    for title, role, flips in (
        ("pass → fail", "bad", found.broken),
        ("fail → pass", "ok", found.mended),
        ("other changes", "warn", found.others),
    ):
        if not flips and role == "warn":
            continue
        made.append(FlipLine((Piece(""),)))
        made.append(FlipLine((Piece(f" {title}: {len(flips):,}", "heading"),)))
        made += [_flip(flip, titles, width) for flip in flips]
    return made


def _flip(flip: Flip, titles: Mapping[str, str], width: int) -> FlipLine:
    (was, was_role), (now, now_role) = GLYPHS[flip.was], GLYPHS[flip.now]
    each = min(28, max(10, width // 5))
    trace = titles.get(flip.trace, flip.trace[:8])
    if flip.trace != flip.trace_before:
        trace = f"{titles.get(flip.trace_before, flip.trace_before[:8])} → {trace}"
    pieces = [
        Piece(f" {was}", was_role), Piece("→", "dim"), Piece(f"{now}  ", now_role),
        Piece(pad(flip.name, each) + " "), Piece(pad(trace, each) + " ", "dim"),
    ]  # fmt: skip
    room = width - sum(cells(piece.text) for piece in pieces)
    pieces.append(Piece(fit(flip.reason, max(0, room))))
    return FlipLine(tuple(pieces), Place(flip.trace, flip.case, flip.assertion, flip.span))

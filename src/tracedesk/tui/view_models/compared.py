"""Two aligned traces as lines: side by side where there is room, else one beside its sign.

The first line stands for both traces as a whole. What became of a call is told by a sign and by
what differs in words; colour only repeats it, and says which trace, never how it fared: red, green
and amber are kept for verdicts and for a span's own error.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tracedesk.comparing.comparison import Change, Comparison, Row
from tracedesk.comparing.side import Side
from tracedesk.model.trace import Kind
from tracedesk.tui import figures
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad, pad_left, plain
from tracedesk.tui.view_models.span_line import KIND_ROLES

SIDE_BY_SIDE = 92
"""Cells from which both trees are shown beside one another."""

SIGNS = {
    Change.SAME: (" ", ""),
    Change.CHANGED: ("≠", "accent"),
    Change.LEFT: ("-", "side-a"),
    Change.RIGHT: ("+", "side-b"),
    Change.MOVED: ("%", "accent"),
}
"""Sign and role of what became of a call."""

WORDS = {
    "role": "role", "name": "name", "model": "model", "given": "arguments", "status": "status",
    "gave": "result",
}  # fmt: skip
"""What differs, in words."""

MODEL_WORDS = {"given": "messages", "gave": "answer"}
"""The same of a model call."""

MIDDLE, TIME, INDENTS = 5, 8, 12


class Compared:
    """The lines of a comparison, all of them or those that differ."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.first = comparison.first
        self.summary = summary(comparison)
        self._divergences = comparison.divergences
        self._all = [None, *range(len(comparison.rows))]
        self.shown: Sequence[int | None] = self._all
        """Line → position in the rows of the comparison; None for both traces as a whole."""
        self.only_changes = False

    def __len__(self) -> int:
        return len(self.shown)

    def position(self, line: int) -> int | None:
        """The row of the comparison on a line; None on the first."""
        return self.shown[line] if line < len(self.shown) else None

    def row(self, line: int) -> Row | None:
        at = self.position(line)
        return None if at is None else self.comparison.rows[at]

    def line_of(self, position: int | None) -> int:
        """The line of a row, or of the nearest one above that is shown."""
        if position is None:
            return 0
        return bisect_right(self._divergences, position) if self.only_changes else position + 1

    def toggle(self) -> None:
        """Show only what differs, or everything again."""
        self.only_changes = not self.only_changes
        self.shown = [None, *self._divergences] if self.only_changes else self._all

    def next_divergence(self, line: int, step: int) -> int | None:
        """The line of the next (1) or previous (-1) divergence, round at the ends."""
        found = self._divergences
        if not found:
            return None
        here = self.position(line)
        at = -1 if here is None else here
        place = bisect_right(found, at) if step > 0 else bisect_left(found, at) - 1
        return self.line_of(found[place % len(found)])


def compared_line(model: Compared, line: int, width: int) -> list[Piece]:
    """One line, at most ``width`` cells wide."""
    position = model.position(line)
    if position is None:
        return _whole(model, width)
    row = model.comparison.rows[position]
    first = position == model.first
    if width >= SIDE_BY_SIDE:
        return _beside(model.comparison, row, width, first=first)
    return _below(model.comparison, row, width, first=first)


def _whole(model: Compared, width: int) -> list[Piece]:
    return [
        Piece(" whole trace", "strong"),
        Piece(fit(f"   {model.summary}", max(0, width - 12)), "dim"),
    ]


def summary(comparison: Comparison) -> str:
    """``2 changed · 1 only in A · 3 only in B``."""
    counts = comparison.counts()
    parts = [
        f"{counts[change]:,} {words}"
        for change, words in (
            (Change.CHANGED, "changed"), (Change.LEFT, "only in A"), (Change.RIGHT, "only in B"),
            (Change.MOVED, "moved"),
        )
        if counts[change]
    ]  # fmt: skip
    same = counts[Change.SAME]
    if not parts:
        return f"no call differs, {same:,} are the same"
    return " · ".join([*parts, f"{same:,} the same"])


def differs(comparison: Comparison, row: Row) -> str:
    """What differs of a line, in words."""
    if row.change is Change.MOVED:
        return "at another place"
    if row.change is not Change.CHANGED or row.right is None:
        return ""
    model = comparison.right.roles[row.right] == "model"
    return ", ".join((MODEL_WORDS if model else WORDS).get(part, WORDS[part]) for part in row.parts)


def _sign(row: Row, *, first: bool) -> Piece:
    sign, role = SIGNS[row.change]
    lead = "›" if first else " "
    return Piece(pad(f" {lead}{sign} ", MIDDLE), role)


def _beside(comparison: Comparison, row: Row, width: int, *, first: bool) -> list[Piece]:
    each = (width - MIDDLE) // 2
    alone = row.change in (Change.LEFT, Change.RIGHT, Change.MOVED)
    role = SIGNS[row.change][1] if alone else ""
    note = differs(comparison, row)
    if first:
        note = f"first divergence{': ' if note else ''}{note}"
    left_note, right_note = (note, "") if row.right is None else ("", note)
    return [
        *_half(comparison.left, row.left, each, role, left_note),
        _sign(row, first=first),
        *_half(comparison.right, row.right, width - MIDDLE - each, role, right_note),
    ]


def _half(side: Side, row: int | None, width: int, role: str, note: str) -> list[Piece]:
    if row is None:
        return [Piece(" " * width)]
    pieces = [Piece(" "), *_named(side, row, role)]
    room = width - TIME - sum(cells(piece.text) for piece in pieces[:-1])
    name = fit(pieces[-1].text, room)
    beside = fit(f"  {note}", room - cells(name)) if note else ""
    gap = " " * (room - cells(name) - cells(beside))
    return [
        *pieces[:-1], Piece(name, pieces[-1].role), Piece(beside, "accent"), Piece(gap),
        Piece(pad_left(_time(side, row), TIME), "dim"),
    ]  # fmt: skip


def _below(comparison: Comparison, row: Row, width: int, *, first: bool) -> list[Piece]:
    """One column: the sign, the call, what differs, and both durations."""
    side, at = (comparison.left, row.left) if row.right is None else (comparison.right, row.right)
    assert at is not None, "every line has a call on one side"
    role = SIGNS[row.change][1] if row.change is not Change.CHANGED else ""
    pieces = [_sign(row, first=first), *_named(side, at, role)]
    both = row.left is not None and row.right is not None
    times = _time(side, at)
    if both and row.left is not None:
        before = _time(comparison.left, row.left)
        times = times if before == times else f"{before} → {times}"
    room = max(0, width - cells(times) - 1 - sum(cells(piece.text) for piece in pieces[:-1]))
    name = fit(pieces[-1].text, room)
    told = differs(comparison, row)
    beside = fit(f"  {told}", room - cells(name)) if told else ""
    gap = " " * (room - cells(name) - cells(beside) + 1)
    return [
        *pieces[:-1], Piece(name, pieces[-1].role), Piece(beside, "accent"), Piece(gap),
        Piece(times, "dim"),
    ]  # fmt: skip


def _named(side: Side, row: int, role: str) -> list[Piece]:
    """Indent, kind and name of a call; the name comes last."""
    span, depth = side.spans[row], side.tree.depth[row]
    indent = "  " * min(depth, INDENTS) + (f"⋯{depth} " if depth > INDENTS else "")
    pieces = [Piece(indent, "faint"), Piece("✖ " if span.failed else "", "bad")]
    if span.kind is not Kind.NODE:
        pieces.append(Piece(span.kind.letter + " ", KIND_ROLES[span.kind]))
    return [*pieces, Piece(plain(span.label[:400]) or "(no name)", role)]


def _time(side: Side, row: int) -> str:
    taken = side.spans[row].duration_ns
    return "–" if taken is None else figures.duration(taken)

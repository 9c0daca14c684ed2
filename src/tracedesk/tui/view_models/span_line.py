"""One span as one line: guides, span status, name, model, duration, bar, verdict marks.

Two channels that never mix: left of the name what the span says of itself, in the right
gutter what our assertions say of it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from tracedesk.model.peek import opened, peek
from tracedesk.model.trace import Kind, Span, Status
from tracedesk.tui import figures
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, pad, pad_left, plain
from tracedesk.tui.view_models.marks import Counts, Marks
from tracedesk.tui.view_models.span_bar import TOGETHER, bar_pieces
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.timing import Timing, timing

MAX_GUIDES = 10
"""Most levels drawn as guides, two cells each; deeper rows say their depth instead."""

GUIDES_SHARE = 6
"""Cells of the label for each level of guides, so that deep rows keep room for their names."""

KIND_ROLES = {
    Kind.AGENT: "agent", Kind.MODEL: "model", Kind.TOOL: "tool", Kind.RETRIEVAL: "retrieval",
}  # fmt: skip

MODEL_NAMES = (
    "gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "ai.model.id",
)  # fmt: skip
INPUT_TOKENS = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
    "ai.usage.promptTokens",
)  # fmt: skip
OUTPUT_TOKENS = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
    "llm.token_count.completion", "ai.usage.completionTokens",
)  # fmt: skip

TO_COME = "to come"
"""Time of a span that has not begun where a trace is stepped through."""

_WANTED = frozenset((*MODEL_NAMES, *INPUT_TOKENS, *OUTPUT_TOKENS))

NOTABLE, LARGE = 0.5, 0.75
"""Shares of the parent's duration from which a duration stands out."""


class TimeColumn(StrEnum):
    """What the time column shows."""

    DURATION = "duration"
    OFFSET = "offset"
    SELF = "self"

    @property
    def next(self) -> "TimeColumn":
        order = list(TimeColumn)
        return order[(order.index(self) + 1) % len(order)]


class Columns(msgspec.Struct, frozen=True):
    """Widths in cells. The label takes what the others leave; 0 leaves a column out."""

    label: int
    model: int
    tokens: int
    time: int
    bar: int
    marks: int

    @property
    def bar_at(self) -> int:
        """Cells left of the first cell of the bars."""
        return self.label + self.model + self.tokens + self.time + 2


def columns_for(width: int, *, compact: bool = False) -> Columns:
    """How a pane of ``width`` cells is divided; ``compact`` keeps the bars to eight cells."""
    marks = 12 if width >= 100 else 8
    time = 8
    if width < 40:
        return Columns(max(width - time, 4), 0, 0, min(time, max(width - 4, 0)), 0, 0)
    bar = 8 if compact else min(80, max(8, round(width * 0.3)))
    left = width - marks - time - bar - 3
    model = 16 if left >= 46 else (10 if left >= 26 else 0)
    tokens = 12 if left >= 60 else 0
    return Columns(left - model - tokens, model, tokens, time, bar, marks)


def span_line(
    rows: SpanRows, row: int, columns: Columns, marks: Marks, mode: TimeColumn
) -> list[Piece]:
    """The pieces of one row; together exactly as wide as the columns."""
    span = rows.span(row)
    hit = rows.is_hit(row)
    when = timing(rows, row)
    model, tokens = rows.told(row, model_and_tokens)
    if model or tokens:
        pieces = _label(rows, row, span, columns.label, columns.label, hit, when)
        if columns.model:
            pieces.append(Piece(" " + pad(model, columns.model - 1), "dim"))
        if columns.tokens:
            pieces.append(Piece(pad_left(tokens, columns.tokens), "dim"))
    else:  # a span without a model lends these columns to its name
        room = columns.label + columns.model + columns.tokens
        pieces = _label(rows, row, span, room, columns.label, hit, when)
    pieces.append(_time(rows, row, span, columns.time, mode))
    if columns.bar:
        pieces += bar_pieces(rows, row, span, columns.bar, hit, when.late_ns)
        # A folded row stands for all that it hides, and a root for the whole of its tree.
        whole = rows.folded[row] or rows.tree.depth[row] == 0
        end = rows.reach(row) if whole else None
        pieces += gutter(marks.counts(row, end), columns.marks, marks.pending)
    return pieces


def model_and_tokens(span: Span) -> tuple[str, str]:
    """Model and ``820↑ 96↓`` of a model span; blanks for others, which would only repeat them.

    No other attribute is decoded: a span may carry megabytes.
    """
    if span.kind is not Kind.MODEL:
        return "", ""
    found = peek(span, _WANTED)
    model = next((str(v)[:64] for name in MODEL_NAMES if (v := opened(found.get(name)))), "")
    parts = []
    for names, arrow in ((INPUT_TOKENS, "↑"), (OUTPUT_TOKENS, "↓")):
        number = _first_number(found, names)
        if number is not None:
            parts.append(figures.count(number) + arrow)
    return model, " ".join(parts)


def gutter(counts: Counts, width: int, pending: bool = False) -> list[Piece]:
    """Verdict marks in ``width`` cells: ``✓2 ✗1 ?1 !1``; dim and undecided while pending."""
    pieces = [Piece(" ")]
    used = 1
    if pending and counts.any:
        pieces.append(Piece("…", "faint"))
        used += 1
    for number, glyph, role in (
        (counts.failed, "✗", "bad"),
        (counts.error, "!", "warn"),
        (counts.missing, "?", "warn"),
        (counts.stale, "~", "warn"),
        (counts.passed, "✓", "ok"),
    ):
        mark = f"{glyph}{number} "
        if number and used + len(mark) <= width + 1:
            pieces.append(Piece(mark, "faint" if pending else role))
            used += len(mark)
    pieces.append(Piece(" " * max(0, width - used)))
    return pieces


def guides(rows: SpanRows, row: int, label: int) -> str:
    """The lines that tie a row to its parent in a label of that many cells."""
    tree = rows.tree
    depth = tree.depth[row]
    if depth == 0:
        return ""
    levels = max(3, min(MAX_GUIDES, label // GUIDES_SHARE))
    end = rows.reach(row) if rows.folded[row] else tree.subtree_end[row]
    drawn = "├" if end < tree.subtree_end[tree.parent[row]] else "└"
    above = tree.parent[row]
    deep = f"⋯{depth} " if depth > levels else ""
    shown = levels - (len(deep) + 1) // 2 if deep else depth
    for _ in range(shown - 1):
        drawn = ("│ " if _has_next(rows, above) else "  ") + drawn
        above = tree.parent[above]
    return deep + drawn if len(deep) % 2 == 0 else f"{deep} {drawn}"


def _has_next(rows: SpanRows, row: int) -> bool:
    above = rows.tree.parent[row]
    return above >= 0 and rows.tree.subtree_end[row] < rows.tree.subtree_end[above]


def _label(
    rows: SpanRows, row: int, span: Span, width: int, guided: int, hit: bool, when: Timing
) -> list[Piece]:
    """The label in ``width`` cells; ``guided`` is the width that decides on the guides."""
    folds = rows.has_children(row) or rows.folded[row]
    leaf = "─" if rows.tree.depth[row] else " "
    marker = ("▸" if rows.folded[row] else "▾") if folds else leaf
    status, status_role = _status(rows, row, span, when)
    lead = [
        Piece(guides(rows, row, guided), "faint"),
        Piece(marker, "dim" if folds else "faint"),
        Piece(status, status_role),
        Piece(" "),
    ]
    if span.kind is not Kind.NODE:
        lead.append(Piece(span.kind.letter + " ", KIND_ROLES[span.kind]))
    name, role, note, short_note = _name(rows, row, span, hit, when)
    room = width
    for piece in lead:
        room -= len(piece.text)  # each of these glyphs takes a cell
    if room < 2:
        return [Piece(pad("".join(piece.text for piece in lead), width), "dim")]
    if not note:
        name = fit(name, room)
        return [*lead, Piece(name, role), Piece("", "dim"), Piece(" " * (room - cells(name)))]
    if cells(name) + cells(note) > room:
        note = short_note
    reserved = cells(note) if cells(note) <= min(10, room // 2) else 0
    name = fit(name, room - reserved)
    room -= cells(name)
    note = fit(note, room)
    return [*lead, Piece(name, role), Piece(note, "dim"), Piece(" " * (room - cells(note)))]


def _status(rows: SpanRows, row: int, span: Span, when: Timing) -> tuple[str, str]:
    if span.failed:
        return "✖", "bad"
    if rows.is_group(row):
        return TOGETHER, "bar"
    if rows.folded[row] and (below := rows.errors_below(row)):
        return f"○{below}", "bad"
    if row in rows.tree.orphans:
        return "◌", "warn"
    if row in rows.tree.cycles:
        return "↻", "warn"
    return ("±", "warn") if when.skewed else (" ", "")


def _name(
    rows: SpanRows, row: int, span: Span, hit: bool, when: Timing
) -> tuple[str, str, str, str]:
    """Name, its role, the note after it, and a shorter one for where that has no room."""
    note = short = _place(rows, row)
    if rows.is_group(row):
        if (longest := rows.aggregate(row).longest_ns) is not None:
            note += f"  max {figures.duration(longest)}"
    elif row in rows.tree.orphans:
        note += f"  orphan (parent {rows.tree.orphans[row][:4]}… not received)"
        short += " orphan"
    elif row in rows.tree.cycles:
        note += f"  cycle (names {rows.tree.cycles[row][:4]}… as parent)"
        short += " cycle"
    elif when.note:
        note += f"  {when.note}"
        short += f" {when.short}"
    name = plain(span.label[:400]) or "(no name)"
    if span.status is Status.SKIPPED:
        return name, "skipped", note + " skipped", short
    if not hit:
        return name, "faint", note, short
    return name, "match" if rows.searching else "", note, short


def _place(rows: SpanRows, row: int) -> str:
    """What a folded row hides, or which of an open run of siblings this one is."""
    if rows.folded[row]:
        hidden = rows.reach(row) - row
        return f" ({hidden - 1})" if rows.has_children(row) else f" ×{hidden}"
    run = rows.groups.around(row) if rows.groups.heads else None
    return "" if run is None else f" {row - run[0] + 1}/{run[1] - run[0]}"


def _time(rows: SpanRows, row: int, span: Span, width: int, mode: TimeColumn) -> Piece:
    if not rows.is_seen(row):
        return Piece(pad_left(TO_COME, width), "faint")
    if mode is TimeColumn.OFFSET:
        axis, start = rows.axis, span.start_ns
        text = (
            "" if axis is None or start is None else "+" + figures.duration(start - axis.start_ns)
        )
        return Piece(pad_left(text, width), "dim")
    if rows.is_group(row):
        total = rows.aggregate(row).total_ns
        text = "–" if total is None else "Σ" + figures.duration(total)
        return Piece(pad_left(text, width), "dim")
    own = span.duration_ns
    if mode is TimeColumn.SELF:
        own = self_time_ns(rows, row)
    if own is None:
        return Piece(pad_left(_no_duration(span), width), "faint")
    return Piece(pad_left(figures.duration(own), width), _share_role(rows, row, own))


def _no_duration(span: Span) -> str:
    if span.start_ns is None:
        return "–"
    return "running" if span.end_ns is None else figures.duration(span.end_ns - span.start_ns)


def _share_role(rows: SpanRows, row: int, own_ns: int) -> str:
    above = rows.parent_of(row)
    total = None if above is None else rows.span(above).duration_ns
    if not total or own_ns < NOTABLE * total:
        return "dim"
    return "hot" if own_ns >= LARGE * total else "warm"


def self_time_ns(rows: SpanRows, row: int) -> int | None:
    """Duration less what the direct children cover; children that overlap count once."""
    span = rows.span(row)
    if span.duration_ns is None or span.start_ns is None or span.end_ns is None:
        return None
    covered, reached = 0, span.start_ns
    for child in rows.tree.children(row):
        below = rows.span(child)
        if below.start_ns is None or below.end_ns is None:
            continue
        first, last = max(below.start_ns, reached), min(below.end_ns, span.end_ns)
        if last > first:
            covered += last - first
            reached = last
    return span.duration_ns - covered


def _first_number(found: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = opened(found.get(name))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
    return None

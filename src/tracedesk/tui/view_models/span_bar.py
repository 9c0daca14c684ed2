"""The bar of one row in its frame: its own span's, or all of a run of siblings."""

from itertools import groupby
from math import ceil

from tracedesk.model.trace import Span, Status
from tracedesk.tui.lines import Piece
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.time_axis import AFTER, BEFORE, FOLDED, THIN, Axis, Bar
from tracedesk.tui.view_models.timeline import CRITICAL

TOGETHER = "▓"
"""A run of siblings shown as one."""
LATE = "░"
"""What a span goes on after its parent's end."""

EDGE = (Piece(" ┃", "faint"),)
CRITICAL_EDGE = (Piece(CRITICAL, "accent"), Piece("┃", "faint"))
END = Piece("┃", "faint")

_NO_BLOCKS = frozenset((THIN, BEFORE, AFTER))


def bar_pieces(
    rows: SpanRows, row: int, span: Span, width: int, hit: bool, late_ns: int | None
) -> list[Piece]:
    """``width`` cells and the frame around them, three cells wider in all. ``late_ns`` is the
    end of a parent that the span outlives."""
    time = rows.time
    critical = time.path is not None and time.is_critical(row, rows.stands_for(row))
    edges = CRITICAL_EDGE if critical else EDGE
    axis = time.shown
    bar = None if axis is None else _bar(rows, row, span, axis, width)
    if axis is None or bar is None:
        folded = () if axis is None else axis.folded_cells(width)
        blank = "".join(FOLDED if at in folded else " " for at in range(width))
        return [*edges, Piece(blank, "faint"), END]
    role = "bar-error" if span.failed else "bar"
    if not hit or span.status is Status.SKIPPED:
        role = "bar-faint"
    if bar.glyphs in (BEFORE, AFTER):
        role = "dim"
    elif late_ns is not None or axis.gaps:
        return [*edges, *_marked(axis, bar, width, role, late_ns), END]
    right = " " * (width - bar.offset - len(bar.glyphs))
    left = edges[-1].text + " " * bar.offset
    return [*edges[:-1], Piece(left, "faint"), Piece(bar.glyphs, role), Piece(right + "┃", "faint")]


def _bar(rows: SpanRows, row: int, span: Span, axis: Axis, width: int) -> Bar | None:
    if not rows.is_group(row):
        return axis.bar(span.start_ns, span.end_ns, width)
    run = rows.aggregate(row)
    bar = axis.bar(run.start_ns, run.end_ns, width)
    if bar is None or bar.glyphs in _NO_BLOCKS:
        return bar
    return Bar(bar.offset, TOGETHER * len(bar.glyphs))


def _marked(axis: Axis, bar: Bar, width: int, role: str, late_ns: int | None) -> list[Piece]:
    """The cells with folded gaps, and with what comes after the parent's end."""
    after = width - bar.offset - len(bar.glyphs)
    glyphs = [*" " * bar.offset, *bar.glyphs, *" " * after]
    roles = ["faint"] * bar.offset + [role] * len(bar.glyphs) + ["faint"] * after
    if late_ns is not None:
        for at in range(max(bar.offset, ceil(axis.at(late_ns, width))), width - after):
            roles[at] = "bar-late" if role == "bar" else role
            if glyphs[at] == "█":
                glyphs[at] = LATE
    for at in axis.folded_cells(width):
        glyphs[at], roles[at] = FOLDED, "faint"
    cells = groupby(zip(glyphs, roles, strict=True), key=lambda cell: cell[1])
    return [Piece("".join(glyph for glyph, _ in run), role) for role, run in cells]

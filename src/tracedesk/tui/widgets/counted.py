"""The lists and the plot of the screens of matrix and scores."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tracedesk.evaluation.matrix import Failure, Matrix, Row
from tracedesk.evaluation.trends import Failed
from tracedesk.tui.ascii_mode import paints_ascii
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import CursorMoved
from tracedesk.tui.steady import Steady
from tracedesk.tui.view_models.counted import (
    Entry,
    FlipLine,
    cell_width,
    entry_line,
    failure_line,
    matrix_line,
)
from tracedesk.tui.view_models.plot import Bar, plot
from tracedesk.tui.widgets.line_view import LineView
from tracedesk.tui.widgets.roles import strip_of


class MatrixView(LineView):
    """A line a case, the totals last; the cursor has a column too."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("matrix")]

    def __init__(self) -> None:
        super().__init__(id="matrix")
        self.matrix: Matrix | None = None
        self.column = 0
        self._moved = False

    def show(self, matrix: Matrix) -> None:
        """Other numbers; the cursor stays with its case once it was moved, and stands where most
        failed before that."""
        to_worst = not self._moved and self.cursor == 0
        held = None if self.row is None else self.row.case
        self.matrix = matrix
        cases = [row.case for row in (*matrix.rows, matrix.totals)]
        at = cases.index(held) if held in cases and not to_worst else 0
        if to_worst and matrix.rows and (root := matrix.rows[0].root) is not None:
            self.column = matrix.stages.index(root)
        self.column = min(self.column, len(matrix.stages) - 1)
        self.changed(len(cases) if matrix.rows else 0, at)

    @property
    def row(self) -> Row | None:
        """The case under the cursor, or the totals."""
        if self.matrix is None or not self.matrix.rows:
            return None
        rows = (*self.matrix.rows, self.matrix.totals)
        return rows[self.cursor] if self.cursor < len(rows) else None

    @property
    def stage(self) -> str:
        """The stage of the cursor's column."""
        return self.matrix.stages[self.column] if self.matrix else ""

    def move(self, step: int) -> None:
        """To the column beside."""
        if self.matrix is not None:
            self._moved = True
            self.column = max(0, min(self.column + step, len(self.matrix.stages) - 1))
            self.repaint()
            self.post_message(CursorMoved(self, self.cursor))

    def clicked(self, row: int, x: int) -> None:
        if self.matrix is not None:
            stages = len(self.matrix.stages)
            each = cell_width(stages, self.row_width)
            first = self.row_width - 14 - each * stages
            if x >= first:
                self.column = min((x - first) // each, stages - 1)
                self.move(0)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        assert self.matrix is not None
        totals = row == len(self.matrix.rows)
        shown = self.matrix.totals if totals else self.matrix.rows[row]
        return matrix_line(self.matrix, shown, width, self.column if row == self.cursor else None)


READ_AT_ONCE = 100
"""Failures read together, more than a screen shows."""


class FailuresWanted(Message):
    """Lines from ``first`` on came on screen that were not read yet."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first


class FailuresView(LineView):
    """A line a failure of the chosen cell, newest first; read as they come on screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("failures")]

    def __init__(self, now_ns: Callable[[], int]) -> None:
        super().__init__(id="failures")
        self.now_ns = now_ns
        self.failed: Sequence[Failed] = ()
        """What failed in the cell, before it is read."""
        self.failures: dict[int, Failure | None] = {}
        """By row, as far as they are read; None for one that is no longer stored."""
        self.titles: dict[str, str] = {}
        self.with_case = False
        self._asked: set[int] = set()

    def show(self, failed: Sequence[Failed], *, with_case: bool) -> None:
        """The failures of another cell, or of the same counted anew, none of them read yet; the
        cursor stays with its failure."""
        held = self.failed[self.cursor] if 0 < self.cursor < len(self.failed) else None
        self.failed, self.with_case = failed, with_case
        self.failures, self.titles = {}, {}
        self._asked = {0}
        at = 0
        if held is not None:
            wanted = (held.execution.trace, held.shape.case)
            found = (n for n, f in enumerate(failed) if (f.execution.trace, f.shape.case) == wanted)
            at = next(found, 0)
        self.changed(len(failed), at)

    def read(self, failures: Mapping[int, Failure | None], titles: Mapping[str, str]) -> None:
        """Some rows were read."""
        self.failures.update(failures)
        self.titles.update(titles)
        self.repaint()

    @property
    def failure(self) -> Failure | None:
        """The failure under the cursor, once it is read."""
        return self.failures.get(self.cursor)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        if row not in self.failures:
            first = row // READ_AT_ONCE * READ_AT_ONCE
            if first not in self._asked:
                self._asked.add(first)
                self.post_message(FailuresWanted(first))
            return [Piece(" …", "faint")]
        failure = self.failures[row]
        if failure is None:
            return [Piece(" its trace is no longer stored", "faint")]
        return failure_line(failure, width, self.titles, self.now_ns(), with_case=self.with_case)


class EntriesView(LineView):
    """A line a day or a version, with the edits of case files between them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("scores")]

    def __init__(self) -> None:
        super().__init__(id="entries")
        self.entries: Sequence[Entry] = ()
        self.base: Entry | None = None
        self.files: Mapping[int, Sequence[str]] = {}
        self.compact = False
        self._labels: list[object] = []

    def show(self, entries: Sequence[Entry], files: Mapping[int, Sequence[str]]) -> None:
        """Other entries; ``files``: day → the case files that changed on it."""
        self.entries, self.files = entries, files
        if self.base not in entries:
            self.base = None
        before, self._labels = self._labels, [_key(entry) for entry in entries]
        if self._labels == before:
            self.changed(len(entries))
            return
        first = next((at for at, entry in enumerate(entries) if entry.point is not None), 0)
        held = before[self.cursor] if self.cursor < len(before) else None
        self.changed(len(entries), self._labels.index(held) if held in self._labels else first)

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        entry = self.entries[row]
        files = self.files.get(entry.point.day, ()) if entry.point is not None else ()
        return entry_line(entry, width, files=files, base=entry is self.base, compact=self.compact)


def _key(entry: Entry) -> object:
    """What the cursor stays with when numbers change."""
    return entry.edit if entry.point is None else entry.point.label


class FlipsView(LineView):
    """What flipped between two sides."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("flips")]

    def __init__(self) -> None:
        super().__init__(id="flips")
        self.lines: Sequence[FlipLine] = ()

    def show(self, lines: Sequence[FlipLine]) -> None:
        """Other lines, the cursor on the first that leads somewhere."""
        self.lines = lines
        first = next((at for at, line in enumerate(lines) if line.place), 0)
        self.changed(len(lines), first)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return self.lines[row].pieces


class PlotView(Steady, Widget):
    """Bars over time, drawn for the room there is."""

    def __init__(self) -> None:
        super().__init__(id="plot")
        self.bars: Sequence[Bar] = ()
        self._lines: list[list[Piece]] = []
        self._made_for: object = None

    def show(self, bars: Sequence[Bar]) -> None:
        """Other bars."""
        self.bars = bars
        self._made_for = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._made_for != (width, height):
            self._made_for = (width, height)
            self._lines = plot(self.bars, width, height, eighths=not paints_ascii(self))
        pieces = self._lines[y] if y < len(self._lines) else []
        return strip_of(self, pieces).adjust_cell_length(width, self.rich_style)

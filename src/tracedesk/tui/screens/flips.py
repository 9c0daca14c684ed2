"""Backtests: which verdicts the last edit of a case file turned over, and the way to each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.message import Message

from tracedesk.model.verdict import Outcome
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import LineOpened
from tracedesk.tui.screens.judged import Judged
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.text import cells, fit, pad
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.view_models.results import GLYPHS, deciding_span
from tracedesk.tui.view_models.trace_list import row_title
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from tracedesk.evaluation.flips import Edit, Flipped
    from tracedesk.evaluation.run import TraceVerdicts

TITLES_READ = 500
"""Traces that are called by their names; the others by the beginnings of their ids."""

NAME_CELLS = 28


class FlipsRead(Message):
    """What the last edit turned over, with the names of its traces."""

    def __init__(self, edit: "Edit", titles: Mapping[str, str]) -> None:
        super().__init__()
        self.edit = edit
        self.titles = titles


class Backtests(Judged):
    """The workbench after an edit."""

    def action_flips(self) -> None:
        edit = self.desk.last_edit()
        if edit is None:
            self.notify("No case file was edited since the desk was opened.")
        elif not edit.counts:
            self.notify(
                f"No verdict flipped when {', '.join(edit.files)} was edited.", markup=False
            )
        else:
            self.read_flips(edit)

    @work(thread=True, exclusive=True, exit_on_error=False, group="flips")
    def read_flips(self, edit: "Edit") -> None:
        """Look up what the traces are called."""
        titles: dict[str, str] = {}
        for trace in dict.fromkeys(flip.trace for flip in edit.listed[:TITLES_READ]):
            row = self.desk.store.row(trace)
            if row is not None:
                titles[trace] = row_title(row)
        self.post_message(FlipsRead(edit, titles))

    @on(FlipsRead)
    def _flips_read(self, message: FlipsRead) -> None:
        self.app.push_screen(FlipsScreen(message.edit, message.titles, self._go_to_flip))

    def _go_to_flip(self, flip: "Flipped") -> None:
        self.go_to_place(Place(flip.trace, flip.case, "", None))

    def _arrive(self) -> None:
        """A flip is known by its case alone: which assertion of it decides is told by the
        verdicts, once they are there."""
        place, opened = self._place, self.opened
        if place is not None and not place.assertion and opened is not None:
            if opened.row.id != place.trace:
                return
            verdicts = self.verdicts
            if verdicts is None or verdicts.pending or verdicts.brief:
                return
            self._place = deciding_place(place, verdicts)
        super()._arrive()


def deciding_place(place: Place, verdicts: "TraceVerdicts") -> Place:
    """The place with the assertion that says most of its case: one that did not pass, if any."""
    found = [v for case in verdicts.cases if case.case == place.case for v in case.verdicts]
    worst = next((v for v in found if v.outcome is not Outcome.PASS), found[0] if found else None)
    if worst is None:
        return place
    return Place(place.trace, place.case, worst.assertion, deciding_span(worst))


class FlipsView(LineView):
    """A line a flip."""

    def __init__(self, flips: Sequence["Flipped"], titles: Mapping[str, str]) -> None:
        super().__init__(id="flips")
        self.flips, self.titles = flips, titles

    def on_mount(self) -> None:
        self.changed(len(self.flips), 0)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return flip_line(self.flips[row], width, self.titles)


def flip_line(flip: "Flipped", width: int, titles: Mapping[str, str]) -> list[Piece]:
    """``✓→✗ pass→fail  chat-7731  books what was asked for``, then the place of the case."""
    (was, was_role), (now, now_role) = GLYPHS[flip.was], GLYPHS[flip.now]
    trace = titles.get(flip.trace, flip.trace[:8])
    pieces = [
        Piece(f" {was}", was_role), Piece("→", "dim"), Piece(f"{now} ", now_role),
        Piece(f"{flip.kind:<14} "), Piece(pad(trace, min(NAME_CELLS, width // 4)) + "  ", "dim"),
    ]  # fmt: skip
    room = max(0, width - sum(cells(piece.text) for piece in pieces))
    name = fit(flip.name, room)
    place = fit(f"  {flip.file}:{flip.line}", room - cells(name))
    return [*pieces, Piece(name), Piece(place, "faint")]


class FlipsScreen(Modal):
    """The flips of one edit. Enter shows one on its trace."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("turned")]
    pane = "turned"

    def __init__(
        self,
        edit: "Edit",
        titles: Mapping[str, str],
        go: Callable[["Flipped"], None],
        *,
        title: str = "",
    ) -> None:
        super().__init__()
        self._edit, self._titles, self._go = edit, titles, go
        left = edit.total - len(edit.listed)
        self.title_text = (title or str(edit)) + (
            f" · {left:,} more are not listed" if left else ""
        )

    hint = "Enter shows the evidence · Esc closes"

    def lines(self) -> LineView:
        return FlipsView(self._edit.listed, self._titles)

    @on(LineOpened)
    def _line_opened(self) -> None:
        self.action_show_flip()

    def action_show_flip(self) -> None:
        view = self.query_one(FlipsView)
        if view.cursor < len(view.flips):
            self.dismiss()
            self._go(view.flips[view.cursor])

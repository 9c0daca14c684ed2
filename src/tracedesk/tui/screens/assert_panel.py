"""The panel of candidates for one place of a trace."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import Worker, get_current_worker

from tracedesk.authoring.author import Written
from tracedesk.authoring.candidates import Candidate, Offer
from tracedesk.authoring.effects import Effects
from tracedesk.authoring.place import Place
from tracedesk.authoring.targets import Target
from tracedesk.desk import Desk, OpenTrace
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.previewing import Go, Previewing
from tracedesk.tui.screens.target_box import TargetScreen, targets_of
from tracedesk.tui.text import fit
from tracedesk.tui.view_models.asserting import (
    Row,
    place_title,
    row_pieces,
    rows_of,
)
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    pass

PREVIEW_LINES = 8
"""Lines of the chosen candidate's YAML that are shown."""


def said_over(effects: Effects) -> str:
    """What the effects beside the candidates are about."""
    return f"what each says {effects.over}" if effects.wanted else effects.over


class OfferMade(Message):
    """The candidates of a place are there."""

    def __init__(self, offer: Offer) -> None:
        super().__init__()
        self.offer = offer


class EffectsCounted(Message):
    """The effects of candidates, as far as they are counted."""

    def __init__(self, offer: Offer, effects: Effects) -> None:
        super().__init__()
        self.offer = offer
        self.effects = effects

    def can_replace(self, message: Message) -> bool:
        """Only how far it is by now matters."""
        return isinstance(message, EffectsCounted)


class CandidatesView(LineView):
    """A line a candidate."""

    def __init__(self) -> None:
        super().__init__(id="candidates")
        self.rows: list[Row] = []
        self.effects: Effects | None = None
        self.empty_note = " trying what fits …"

    @property
    def row(self) -> Row | None:
        """The line under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return row_pieces(self.rows[row], self.effects, width)


class AssertScreen(Previewing):
    """Offers assertions; Enter goes on to where one is to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("assert")]
    pane = "assert"
    doing = "trying assertions"
    hint = "Enter chooses · Space flips · y copies · Esc closes"

    def __init__(
        self,
        desk: Desk,
        opened: OpenTrace,
        place: Place,
        label_of: Callable[[str], str],
        copy: Callable[[str], None],
        done: Callable[[Written], None],
        go: Go,
    ) -> None:
        super().__init__(desk, opened, go)
        self._label_of, self._copy, self._done = label_of, copy, done
        self._places = [place]
        """The place at hand, and those that led to it."""
        self.offer: Offer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_subtitle = Content(self.hint)
            yield LineLabel(id="over")
            yield CandidatesView()
            yield PageView(id="preview")

    def on_mount(self) -> None:
        self.query_one("#preview", PageView).can_focus = False
        self.query_one(CandidatesView).focus()
        self._begin()

    def _begin(self) -> None:
        """Ask for the candidates of the place at hand."""
        self.offer = None
        view = self.query_one(CandidatesView)
        view.rows, view.effects = [], None
        view.changed(0, 0)
        self._retitle()
        self._find(self._places[-1])

    @work(thread=True, exclusive=True, exit_on_error=False, group="offer")
    def _find(self, place: Place) -> None:
        opened, author = self.opened, self.desk.author
        offer = author.offer(place, opened.row, opened.trace, opened.reading)
        worker = get_current_worker()
        if worker.is_cancelled:
            return
        self.post_message(OfferMade(offer))
        if offer.candidates:
            first, *_ = targets_of(self.desk, opened)
            author.effects(
                offer.candidates,
                opened.row,
                author.scope(first, opened.row, opened.trace),
                lambda effects: self._told(worker, EffectsCounted(offer, effects)),
                lambda: worker.is_cancelled,
            )

    def _told(self, worker: "Worker[None]", message: EffectsCounted) -> None:
        if not worker.is_cancelled:
            self.post_message(message)

    @on(OfferMade)
    def _offered(self, message: OfferMade) -> None:
        if message.offer.place != self._places[-1]:
            return
        self.offer = message.offer
        view = self.query_one(CandidatesView)
        view.rows = rows_of(message.offer)
        view.empty_note = ""
        view.changed(len(view.rows), 0)
        self._preview()
        self._retitle()

    @on(EffectsCounted)
    def _counted(self, message: EffectsCounted) -> None:
        if message.offer is self.offer:
            view = self.query_one(CandidatesView)
            view.effects = message.effects
            view.repaint()
            self._retitle()

    def _retitle(self) -> None:
        box, effects = self.query_one(".box"), self.query_one(CandidatesView).effects
        title = f"Assert · {place_title(self._places[-1], self._label_of)}"
        box.border_title = Content(fit(title, 90))
        self.tell("" if effects is None else said_over(effects))

    @on(CursorMoved)
    def _moved(self) -> None:
        self._preview()

    def _preview(self) -> None:
        self.query_one("#preview", PageView).show(self.page)

    def page(self, width: int) -> list[Line]:
        """The chosen candidate as it would be written."""
        row = self.query_one(CandidatesView).row
        if row is None or row.candidate is None:
            return []
        lines = row.candidate.yaml.splitlines()
        shown = [line(Piece(fit(text, width), "string")) for text in lines[:PREVIEW_LINES]]
        if len(lines) > PREVIEW_LINES:
            shown[-1] = line(Piece(f"… {len(lines) - PREVIEW_LINES + 1} lines more", "faint"))
        return shown

    @on(LineOpened)
    def _opened(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        """Enter: on to the files, or into the value of the line."""
        row = self.query_one(CandidatesView).row
        if row is not None and row.place is not None:
            self._places.append(row.place)
            self._begin()
        elif row is not None and row.candidate is not None:
            targets = TargetScreen(self.desk, self.opened, row.candidate, self._written, self._go)
            self.app.push_screen(targets)

    def chosen(self) -> tuple[Target, Candidate] | None:
        row = self.query_one(CandidatesView).row
        if row is None or row.candidate is None:
            return None
        first, *_ = targets_of(self.desk, self.opened)
        return first, row.candidate

    def action_outwards(self) -> None:
        """Back from a value in a value."""
        if len(self._places) > 1:
            self._places.pop()
            self._begin()

    def action_copy(self) -> None:
        row = self.query_one(CandidatesView).row
        if row is not None and row.candidate is not None:
            self._copy(row.candidate.yaml)

    def _written(self, written: Written) -> None:
        self.dismiss()
        self._done(written)

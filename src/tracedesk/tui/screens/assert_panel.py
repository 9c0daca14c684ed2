"""The panel of candidates for one place, and where the chosen one is to be written."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from tracedesk.authoring.author import Written
from tracedesk.authoring.candidates import Candidate, Offer
from tracedesk.authoring.effects import Effects
from tracedesk.authoring.effects import told as told_counts
from tracedesk.authoring.place import Place
from tracedesk.authoring.saving import SaveError
from tracedesk.authoring.targets import Target, free_name
from tracedesk.desk import Desk, OpenTrace
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.edit import EditError
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.asking import Entries, Field, Form
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.steady import report
from tracedesk.tui.text import ASCII, fit, plain
from tracedesk.tui.view_models.asserting import (
    Row,
    place_title,
    row_pieces,
    rows_of,
    target_pieces,
)
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from tracedesk.store.rows import TraceRow

PREVIEW_LINES = 8
"""Lines of the chosen candidate's YAML that are shown."""


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


class EffectCounted(Message):
    """What a candidate would say in one place, as far as it is counted."""

    def __init__(self, target: Target, effects: Effects) -> None:
        super().__init__()
        self.target = target
        self.effects = effects


class WrittenTo(Message):
    """The assertion was written."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


class NotWritten(Message):
    """The assertion could not be written."""

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


class CandidatesView(LineView):
    """A line a candidate."""

    def __init__(self, *, ascii: bool) -> None:
        super().__init__(ascii=ascii, id="candidates")
        self.rows: list[Row] = []
        self.effects: Effects | None = None
        self.empty_note = " trying what fits …"

    @property
    def row(self) -> Row | None:
        """The line under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return row_pieces(self.rows[row], self.effects, width)


class AssertScreen(Modal):
    """Offers assertions; Enter goes on to where one is to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("assert")]
    pane = "assert"

    def __init__(
        self,
        desk: Desk,
        opened: OpenTrace,
        place: Place,
        label_of: Callable[[str], str],
        copy: Callable[[str], None],
        done: Callable[[Written], None],
        *,
        ascii: bool,
    ) -> None:
        super().__init__(ascii=ascii)
        self.desk, self.opened = desk, opened
        self._label_of, self._copy, self._done = label_of, copy, done
        self._places = [place]
        """The place at hand, and those that led to it."""
        self.offer: Offer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield CandidatesView(ascii=self.ascii)
            yield PageView(ascii=self.ascii, id="preview")

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
        over = "" if effects is None else f"{effects.over} · "
        box.border_title = Content(fit(title, 90))
        box.border_subtitle = Content(plain(f"{over}Enter chooses · y copies · Esc closes"))

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
            targets = TargetScreen(
                self.desk, self.opened, row.candidate, self._written, ascii=self.ascii
            )
            self.app.push_screen(targets)

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

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            report(self, event.worker.error, "trying assertions")


def told_of(effects: Effects) -> str:
    """``passes on 6, fails on 1 of 7 traces of booking``."""
    return f"{told_counts(effects.counts[0])} {effects.over}".strip()


def targets_of(desk: Desk, opened: OpenTrace) -> list[Target]:
    """Where an assertion about the open trace may go; the first one unless another is chosen."""
    verdicts = desk.verdicts(opened.row.id)
    cases = verdicts.cases if verdicts is not None else ()
    skipped = {case.case for case in cases if case.outcome is Outcome.SKIPPED}
    return desk.author.targets(opened.row, skipped)


class TargetsView(LineView):
    """A line a file or case."""

    def __init__(self, targets: Sequence[Target], *, ascii: bool) -> None:
        super().__init__(ascii=ascii, id="targets")
        self.targets = targets

    def on_mount(self) -> None:
        self.changed(len(self.targets), 0)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return target_pieces(self.targets[row], width)


class TargetScreen(Modal):
    """Asks where the assertion is to be written. The last place is chosen already."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("target")]
    pane = "target"

    title_text = "Write to"
    hint = "Enter writes · Esc goes back"

    def __init__(
        self,
        desk: Desk,
        opened: OpenTrace,
        candidate: Candidate,
        done: Callable[[Written], None],
        *,
        ascii: bool,
    ) -> None:
        super().__init__(ascii=ascii)
        self.desk, self.opened, self.candidate = desk, opened, candidate
        self._done = done
        self.title_text = f"Write to · {candidate.label}"[:90]
        self._targets = targets_of(desk, opened)

    def lines(self) -> LineView:
        return TargetsView(self._targets, ascii=self.ascii)

    def on_mount(self) -> None:
        super().on_mount()
        self._moved()

    @on(CursorMoved)
    def _moved(self) -> None:
        """What the assertion says of the traces that the case under the cursor is about."""
        self._show_effect(None)
        self._count(self._targets[self.query_one(TargetsView).cursor])

    @work(thread=True, exclusive=True, exit_on_error=False, group="effect")
    def _count(self, target: Target) -> None:
        worker, opened, author = get_current_worker(), self.opened, self.desk.author

        def tell(effects: Effects) -> None:
            if not worker.is_cancelled:
                self.post_message(EffectCounted(target, effects))

        scope = author.scope(target, opened.row, opened.trace)
        author.effects([self.candidate], opened.row, scope, tell, lambda: worker.is_cancelled)

    @on(EffectCounted)
    def _counted(self, message: EffectCounted) -> None:
        if message.target == self._targets[self.query_one(TargetsView).cursor]:
            self._show_effect(message.effects)

    def _show_effect(self, effects: Effects | None) -> None:
        told = "" if effects is None else f"{told_of(effects)} · "
        text = plain(f"{told}{self.hint}").translate(ASCII if self.ascii else {})
        self.query_one(".box").border_subtitle = Content(text)

    @on(LineOpened)
    def _opened(self) -> None:
        self.action_write()

    def action_write(self) -> None:
        target = self._targets[self.query_one(TargetsView).cursor]
        if target.case:
            self._write(target, self.opened.row)
            return
        file = next((each for each in self.desk.files if each.path == target.file), None)
        name = free_name(self.candidate.label[:80], file)
        fields = [Field("name", "Case", name, "what must be true, in a few words")]
        if target.new:
            fields.insert(0, Field("file", "File", target.file, "testcases/name.yaml"))
        title = "New file" if target.new else f"New case in {target.file}"
        form = Form(title, fields, lambda entries: self._new(target, entries), self._written,
                    ascii=self.ascii)  # fmt: skip
        form.verb = "writes"
        self.app.push_screen(form)

    def _new(self, target: Target, entries: Entries) -> Written:
        """Called in a worker. Raises EditError and SaveError."""
        if not entries["name"]:
            raise EditError("a case needs a name")
        file = entries.get("file") or target.file
        return self._write_now(Target(file, new=target.new), entries["name"])

    def _write_now(self, target: Target, name: str = "") -> Written:
        opened = self.opened
        both = (opened.trace, opened.reading)
        return self.desk.author.write(target, self.candidate.assertion, opened.row, both, name)

    @work(thread=True, exclusive=True, exit_on_error=False, group="write")
    def _write(self, target: Target, row: "TraceRow") -> None:
        try:
            self.post_message(WrittenTo(self._write_now(target)))
        except (EditError, SaveError) as fault:
            self.post_message(NotWritten(str(fault)))

    @on(WrittenTo)
    def _was_written(self, message: WrittenTo) -> None:
        self._written(message.written)

    @on(NotWritten)
    def _refused(self, message: NotWritten) -> None:
        self.notify(message.problem, severity="warning", markup=False)

    def _written(self, written: Written) -> None:
        self.dismiss()
        self._done(written)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            report(self, event.worker.error, "writing a test case")

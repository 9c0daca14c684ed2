"""A file of test cases in an editor of our own: words offered as they are typed, faults and
verdicts after each pause, nothing lost when the file changes underneath.

The text is the screen's; the disk, the loader and the engine are asked in workers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer
from textual.widgets import TextArea
from textual.worker import Worker, WorkerState

from tracedesk.authoring.completion import complete
from tracedesk.authoring.saving import ChangedError, SaveError, content
from tracedesk.authoring.trial import Trial
from tracedesk.authoring.vocabulary import Vocabulary
from tracedesk.desk import Desk, OpenTrace
from tracedesk.tui.actions import footer_for
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import LineOpened
from tracedesk.tui.screens.edit_asking import ChangedScreen, CloseScreen
from tracedesk.tui.screens.edit_messages import (
    Completed,
    DiskChanged,
    Saved,
    SaveRefused,
    Tried,
    WordsKnown,
)
from tracedesk.tui.screens.footed import Footed
from tracedesk.tui.screens.modals import HelpScreen
from tracedesk.tui.steady import report
from tracedesk.tui.view_models import bars
from tracedesk.tui.view_models.editing import Told, faults_of, summary, told_of
from tracedesk.tui.widgets.editor.case_text import CaseText
from tracedesk.tui.widgets.editor.offers import OffersView
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.line_view import LineView

PAUSE_S = 0.2
"""Rest of the hands after which the text is tried."""

DISK_S = 1.0
"""Between two looks at the file."""

_BOM = "\ufeff"


class ToldView(LineView, can_focus=False):
    """Faults and verdicts; a click leads to their line."""

    def __init__(self) -> None:
        super().__init__(id="edit-told")
        self.told: list[Told] = []

    def paint(self, row: int, width: int) -> tuple[Piece, ...]:
        return self.told[row].line.pieces

    def clicked(self, row: int, x: int) -> None:
        self.post_message(LineOpened(self, row))


class EditScreen(Footed):
    """Edits one file."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("edit", priority=True)]
    pane = "edit"

    def __init__(
        self,
        desk: Desk,
        path: Path,
        shown: str,
        found: bytes,
        line: int,
        opened: OpenTrace | None,
        done: Callable[[], None],
    ) -> None:
        """``found`` is what the file holds, ``shown`` its name, ``line`` counts from 1."""
        super().__init__()
        self.desk, self.path, self.shown, self.opened = desk, path, shown, opened
        self.base: bytes | None = found
        """What the text was made from, or was last saved as; None when the file is gone."""
        self._line = line
        self._done = done
        self._version = 0
        self._pause: Timer | None = None
        self._trial: Trial | None = None
        self._known = Vocabulary()
        self._asked: bytes | None = found
        """Content of the disk that was asked about already."""
        self._asking = False
        self._bom = ""

    def compose(self) -> ComposeResult:
        yield LineLabel(id="edit-head")
        yield CaseText(json=self.shown.lower().endswith(".json"))
        yield ToldView()
        yield OffersView()
        yield LineLabel(id="footer")

    def on_mount(self) -> None:
        assert self.base is not None
        text = self.base.decode()
        self._bom = _BOM if text.startswith(_BOM) else ""
        area = self.area
        self.query_one(OffersView).display = False
        if not area.begin(text.removeprefix(_BOM)):
            self.notify(
                f"{self.shown} has line ends of several kinds, which this editor would make one;"
                " press E to edit it in $EDITOR.",
                severity="warning", markup=False,
            )  # fmt: skip
            self.dismiss()
            return
        area.focus()
        area.move_to(self._line - 1)
        self._show_head()
        self._try()
        self._learn()
        self.set_interval(DISK_S, self._look)

    @property
    def area(self) -> CaseText:
        return self.query_one(CaseText)

    @property
    def content(self) -> bytes:
        """The text as it would be saved."""
        return (self._bom + self.area.text).encode()

    @property
    def unsaved(self) -> bool:
        return self.content != self.base

    # -- typing ------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._version += 1
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_S, self._try)
        self._show_head()
        if self.area.typed:
            self._offer()
        else:
            self._offer_nothing()

    @on(TextArea.SelectionChanged)
    def _cursor_moved(self) -> None:
        """Away from the word there is nothing to be offered for it."""
        found = self.query_one(OffersView).found
        line, column = self.area.cursor_location
        if found is not None and (line != found.line or column < found.start):
            self._offer_nothing()

    @on(CaseText.Refused)
    def _refused(self, message: CaseText.Refused) -> None:
        self.notify(message.problem, severity="warning", markup=False)

    def on_resize(self) -> None:
        self._show_told()
        keys = bars.footer(footer_for(self.pane), self.size.width)
        self.query_one("#footer", LineLabel).show(keys)

    # -- words -------------------------------------------------------------------------

    @work(thread=True, exclusive=True, exit_on_error=False, group="learn")
    def _learn(self) -> None:
        row = None if self.opened is None else self.opened.row
        found = self.desk.author.vocabulary(None if row is None else row.agent_id)
        self.post_message(WordsKnown(found))

    @on(WordsKnown)
    def _words_known(self, message: WordsKnown) -> None:
        self._known = message.vocabulary

    def action_complete(self) -> None:
        """Offer every word that fits, even before the first letter."""
        self._offer(asked=True)

    def _offer(self, *, asked: bool = False) -> None:
        line, column = self.area.cursor_location
        self._complete(self.area.text, line, column, self._version, asked)

    @work(thread=True, exclusive=True, exit_on_error=False, group="complete")
    def _complete(self, text: str, line: int, column: int, version: int, asked: bool) -> None:
        found = complete(text, line, column, self._known, self.desk.author.agent_names())
        self.post_message(Completed(found, version, asked=asked))

    @on(Completed)
    def _completed(self, message: Completed) -> None:
        found = message.found
        area, view = self.area, self.query_one(OffersView)
        if message.version != self._version or (found.start == found.end and not message.asked):
            self._offer_nothing()
            return
        written = area.document.get_line(found.line)[found.start : found.end]
        done = len(found.words) == 1 and found.words[0].insert.strip() in (written, f"{written}:")
        at = area.cursor_screen_offset
        view.offer(None if done else found, at, self.size)
        area.offering = view.display
        if message.asked and not found.words:
            self.notify("No word is known that fits here.", timeout=2)

    def _offer_nothing(self) -> None:
        self.area.offering = False
        self.query_one(OffersView).display = False

    @on(CaseText.OfferKey)
    def _offer_key(self, message: CaseText.OfferKey) -> None:
        view = self.query_one(OffersView)
        if message.key == "tab":
            self._take_word()
        else:
            view.cursor += 1 if message.key == "down" else -1

    @on(LineOpened, "#offers")
    def _word_clicked(self) -> None:
        self._take_word()

    def _take_word(self) -> None:
        view = self.query_one(OffersView)
        found, word = view.found, view.chosen
        self._offer_nothing()
        if found is None or word is None:
            return
        self.area.typed = False
        start, end = (found.line, found.start), (found.line, found.end)
        self.area.replace(word.insert, start, end, maintain_selection_offset=False)
        self.area.move_cursor((found.line, found.start + len(word.insert)))

    # -- faults and verdicts -----------------------------------------------------------

    def _try(self) -> None:
        self.desk.expect_save()
        self._run(self.content.decode(), self._version)

    @work(thread=True, exclusive=True, exit_on_error=False, group="try")
    def _run(self, text: str, version: int) -> None:
        opened = self.opened
        both = None if opened is None else (opened.trace, opened.reading)
        row = None if opened is None else opened.row
        trial = self.desk.author.tried(self.path, text, row, both)
        self.post_message(Tried(trial, version))

    @on(Tried)
    def _tried(self, message: Tried) -> None:
        if message.version == self._version:
            self._trial = message.trial
            self.area.show_faults(faults_of(message.trial))
            self._show_told()
            self._show_head()

    def _show_told(self) -> None:
        if self._trial is not None:
            view = self.query_one(ToldView)
            view.told = told_of(self._trial, view.row_width)
            view.empty_note = " no case here is meant for the open trace"
            view.changed(len(view.told))

    @on(LineOpened, "#edit-told")
    def _told_opened(self, message: LineOpened) -> None:
        told = self.query_one(ToldView).told[message.row]
        self.area.move_to(told.at, told.column)
        self.area.focus()

    def action_next_fault(self) -> None:
        """To the next line that something is wrong with, or that does not pass."""
        if self._trial is None:
            return
        bad = {at for at, (_, warning) in faults_of(self._trial).items() if not warning}
        bad |= {
            verdict.line - 1
            for case in self._trial.verdicts for verdict in case.verdicts
            if verdict.outcome not in ("pass", "skipped")
        }  # fmt: skip
        here = self.area.cursor_location[0]
        below = sorted(at for at in bad if at > here) or sorted(bad)
        if below:
            self.area.move_to(below[0], faults_of(self._trial).get(below[0], (0, True))[0])
        else:
            self.notify("Nothing is wrong, and nothing fails.", timeout=2)

    def _show_head(self) -> None:
        left = [Piece(f" {self.shown}", "strong")]
        if self.unsaved:
            left.append(Piece("  not saved", "warn"))
        right = [] if self._trial is None else summary(self._trial)
        self.query_one("#edit-head", LineLabel).show(left, right)

    # -- the disk ----------------------------------------------------------------------

    def action_save(self) -> None:
        self._write(self.content, self.base, close=False)

    @work(thread=True, exclusive=True, exit_on_error=False, group="save")
    def _write(self, after: bytes, before: bytes | None, *, close: bool) -> None:
        edits = self.desk.author.edits
        try:
            edits.make(self.path, before, after, f"edit of {self.shown}")
        except ChangedError as fault:
            self.post_message(DiskChanged(fault.found))
        except SaveError as fault:
            self.post_message(SaveRefused(str(fault)))
        else:
            self.post_message(Saved(after, close=close))

    @on(Saved)
    def _saved(self, message: Saved) -> None:
        self.base = self._asked = message.content
        self._show_head()
        if message.close:
            self._leave()
        else:
            self.notify(f"Saved {self.shown}", timeout=2, markup=False)

    @on(SaveRefused)
    def _save_refused(self, message: SaveRefused) -> None:
        self.notify(f"Not saved: {message.problem}", severity="error", markup=False)

    @work(thread=True, exclusive=True, exit_on_error=False, group="disk")
    def _look(self) -> None:
        try:
            found = content(self.path)
        except SaveError:
            return  # saving will say why
        if found not in (self.base, self._asked):
            self.post_message(DiskChanged(found, seen=True))

    @on(DiskChanged)
    def _disk_changed(self, message: DiskChanged) -> None:
        found = message.found
        if self._asking or (message.seen and found in (self.base, self._asked)):
            return
        if found == self.content:  # somebody wrote the very same
            self.base = self._asked = found
            self._show_head()
            return
        self._asked, self._asking = found, True
        mine = self.content
        self.app.push_screen(
            ChangedScreen(self.shown, mine, found),
            lambda answer: self._decided(answer, found),
        )

    def _decided(self, answer: str | None, found: bytes | None) -> None:
        """After the question: the disk's version, mine, or neither yet."""
        self._asking = False
        if answer == "disk" and found is not None:
            text = found.decode("utf-8", "replace").removeprefix(_BOM)
            last = self.area.document.end
            self.area.replace(text, (0, 0), last, maintain_selection_offset=False)
            self.base = found
            self.notify("Taken from the disk; Ctrl-z brings your text back.")
        elif answer == "mine":
            self.base = found
            self._write(self.content, found, close=False)
            self.notify("Yours is kept; u in the workbench brings back the other.")
        self._show_head()

    # -- leaving -----------------------------------------------------------------------

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.pane))

    def action_close(self) -> None:
        """Escape: the words first, then the editor, which asks when something is not saved."""
        if self.area.offering:
            self._offer_nothing()
        elif self.unsaved:
            self.app.push_screen(CloseScreen(self.shown), self._answered)
        else:
            self._leave()

    def _answered(self, answer: str | None) -> None:
        if answer == "save":
            self._write(self.content, self.base, close=True)
        elif answer == "discard":
            self._leave()

    def _leave(self) -> None:
        self.dismiss()
        self._done()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            report(self, event.worker.error, f"editing {self.shown}")

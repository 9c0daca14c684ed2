"""A value in full, however large: its beginning at once, the rest as it is read or searched."""

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import get_current_worker

from tracedesk.tui import figures
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Value
from tracedesk.tui.messages import CursorMoved
from tracedesk.tui.outside import show_outside
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.text import plain
from tracedesk.tui.view_models.document import TextDocument
from tracedesk.tui.widgets.detail.value_view import ValueView
from tracedesk.tui.widgets.field_bar import FieldBar

AT_ONCE = 1_000_000
"""Bytes of JSON that are laid out before the first frame; more of it takes a worker."""

HINT = "Enter pages · / searches · y copies · F3 $PAGER · F4 $EDITOR · Esc closes"


class ValueScreen(Modal):
    """One value over the workbench."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("value")]
    pane = "value"
    hint = HINT

    class Ready(Message):
        """The text of the value was made."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Found(Message):
        """Where the searched text stands next; None when nowhere."""

        def __init__(self, wanted: str, offset: int | None) -> None:
            super().__init__()
            self.wanted = wanted
            self.offset = offset

    def __init__(self, value: Value, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.value = value
        self.size_words = figures.size(value.size)
        self.title_text = f"{value.title} · {self.size_words}"
        self._copy = copy
        self._text: str | None = None
        self._searched = ""
        self._from = 0
        """Where the search began that is being typed."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(plain(self.title_text))
            box.border_subtitle = Content(self.hint)
            yield ValueView()
            yield FieldBar("/", "text in this value", id="value-bar")

    @property
    def view(self) -> ValueView:
        return self.query_one(ValueView)

    def on_mount(self) -> None:
        self.view.focus()
        if isinstance(self.value.content, str) or self.value.size <= AT_ONCE:
            self._show(self.value.text)
        else:
            self.view.empty_note = f" laying out {self.size_words} …"
            self._make()

    @work(thread=True, exclusive=True, exit_on_error=False, group="value")
    def _make(self) -> None:
        self.post_message(self.Ready(self.value.text))

    @on(Ready)
    def _ready(self, message: Ready) -> None:
        self._show(message.text)

    def _show(self, text: str) -> None:
        self._text = text
        self.view.empty_note = " (empty)"
        self.view.show(text)

    @on(CursorMoved)
    def _moved(self, message: CursorMoved) -> None:
        """Say how far one has read, where not all of it is on screen."""
        message.stop()
        document = self.view.document
        if document is None or not (document.above or document.below):
            return
        percent = 100 * self.view.place // max(1, len(document.text))
        self.query_one(".box").border_title = Content(plain(f"{self.title_text} · at {percent} %"))

    # -- what keys do ------------------------------------------------------------------

    def action_page(self) -> None:
        """A page down: what stood at the bottom stands at the top."""
        view = self.view
        height = max(1, view.scrollable_content_region.height - 1)
        view.cursor = min(view.scroll_offset.y + 2 * height, view.count - 1)

    def action_copy(self) -> None:
        if self._text is not None:
            self._copy(self._text)

    def action_outside(self, editor: bool) -> None:
        """Show the value in the user's own pager or editor."""
        if self._text is None:
            return
        suffix = ".txt" if isinstance(self.value.content, str | bytes) else ".json"
        problem = show_outside(self.app, self._text, editor=editor, suffix=suffix)
        if problem:
            self.notify(problem, severity="warning", markup=False)

    # -- searching ---------------------------------------------------------------------

    def action_search(self) -> None:
        self._from = self.view.place
        self.query_one(FieldBar).open(self._searched)

    @on(FieldBar.Edited)
    def _edited(self, message: FieldBar.Edited) -> None:
        message.stop()
        if message.text != self._searched:
            self._searched = message.text
            self.view.marked = message.text.lower()
            self.view.repaint()
            if message.text and self._text is not None:
                self._find(message.text, self._from, 1)
            else:
                message.bar.problem(None)
        if message.done:
            message.bar.close()
            self.view.focus()

    @on(FieldBar.Left)
    def _left(self, message: FieldBar.Left) -> None:
        message.stop()
        message.bar.close()
        self._searched = self.view.marked = ""
        self.view.repaint()
        self.view.focus()

    def action_next_hit(self, step: int) -> None:
        if self._searched:
            view = self.view
            rows = 0 if view.document is None else view.document.rows
            after = view.document.offset_of(min(view.cursor + 1, rows)) if view.document else 0
            self._find(self._searched, after if step > 0 else view.place, step)

    @work(thread=True, exclusive=True, exit_on_error=False, group="find")
    def _find(self, wanted: str, start: int, step: int) -> None:
        worker = get_current_worker()
        document = TextDocument(self._text or "", 80)
        offset = document.find(wanted, start, step, lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self.post_message(self.Found(wanted, offset))

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.wanted != self._searched:
            return
        bar = self.query_one(FieldBar)
        if message.offset is not None:
            bar.problem(None)
            self.view.go(message.offset)
        elif bar.has_class("-open"):
            bar.problem("nothing in this value holds that text")
        else:
            self.notify("Nothing more in this value holds that text.")

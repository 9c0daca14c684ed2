"""The line that ``:`` opens over any screen; what is typed there is done by the app below it."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

from tracedesk.tui.steady import Steady
from tracedesk.tui.view_models.command_line import (
    History,
    Meant,
    Unknown,
    Words,
    complete,
    meant_by,
)
from tracedesk.tui.view_models.filter_completion import Completion
from tracedesk.tui.widgets.field_bar import FieldBar


class CommandLine(Steady, ModalScreen[Meant]):
    """Asks for a command; dismissed with what is meant, or None."""

    BINDINGS: ClassVar[list[BindingType]] = []
    STEPS: ClassVar = {"up": -1, "down": 1}

    def __init__(self, pane: str, history: History, words: Words) -> None:
        super().__init__()
        self._pane, self._history, self._words = pane, history, words

    def compose(self) -> ComposeResult:
        yield FieldBar(
            ":", "a command: Tab completes, up and down walk what was typed before",
            id="command-bar", complete=self._complete,
        )  # fmt: skip

    def on_mount(self) -> None:
        self._history.leave()
        self.query_one(FieldBar).open("")

    def _complete(self, text: str, cursor: int) -> Completion:
        return complete(text, cursor, self._pane, self._words)

    @on(FieldBar.Edited)
    def _edited(self, message: FieldBar.Edited) -> None:
        message.bar.problem(None)
        line = message.text.strip()
        if not message.done:
            return
        if not line:
            self.dismiss()
            return
        try:
            meant = meant_by(line, self._pane)
        except Unknown as problem:
            message.bar.problem(str(problem))
            return
        self._history.add(line)
        self.dismiss(meant)

    @on(FieldBar.Left)
    def _left(self) -> None:
        self.dismiss()

    def on_key(self, event: events.Key) -> None:
        """Up and down bring back what was typed before."""
        if event.key not in self.STEPS:
            return
        event.stop()
        field = self.query_one(Input)
        line = self._history.step(self.STEPS[event.key], field.value)
        if line is not None:
            field.value = line
            field.cursor_position = len(line)

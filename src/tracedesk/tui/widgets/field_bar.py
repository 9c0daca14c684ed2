"""A one-line input that opens under a list: the filter of the traces, the search of the spans."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static


class FieldBar(Vertical):
    """A prompt, a text, and below it what is wrong with the text."""

    class Edited(Message):
        """The text is another one now; ``done`` when Enter was pressed."""

        def __init__(self, bar: "FieldBar", text: str, done: bool) -> None:
            super().__init__()
            self.bar = bar
            self.text = text
            self.done = done

        @property
        def control(self) -> "FieldBar":
            return self.bar

    class Left(Message):
        """Escape was pressed: what the text did is to be taken back."""

        def __init__(self, bar: "FieldBar") -> None:
            super().__init__()
            self.bar = bar

        @property
        def control(self) -> "FieldBar":
            return self.bar

    def __init__(self, prompt: str, placeholder: str, *, id: str) -> None:
        super().__init__(id=id)
        self._prompt = prompt
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(self._prompt, classes="prompt", markup=False)
            yield Input(placeholder=self._placeholder, select_on_focus=False)
        yield Static(classes="problem", markup=False)

    def open(self, text: str) -> None:
        """Show the bar with a text, and take the focus."""
        self.add_class("-open")
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        field.focus()

    def close(self) -> None:
        self.remove_class("-open", "-wrong")

    def problem(self, message: str | None) -> None:
        """Say what is wrong with the text, or that nothing is."""
        self.set_class(message is not None, "-wrong")
        self.query_one(".problem", Static).update(Content(message or ""))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Edited(self, event.value, False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Edited(self, event.value, True))

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left(self))

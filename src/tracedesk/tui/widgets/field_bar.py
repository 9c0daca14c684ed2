"""A one-line input that opens under a list: the filter of the traces, the search of the spans.

What may follow stands in a line above it, Tab puts the first of it in. A pasted text is made one
harmless line of bounded length.
"""

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tracedesk.tui.text import plain
from tracedesk.tui.view_models.filter_completion import Completion

MAX_CHARS = 2_000
"""Characters that such a text may have; more of a pasted one is left out, and that is said."""

Completer = Callable[[str, int], Completion]
"""What may follow in a text at a cursor."""


class BarInput(Input):
    """An input that takes a paste of megabytes without looking at all of it, and holds one harmless
    line, wherever that comes from."""

    class Cut(Message):
        """More was pasted than fits."""

    def validate_value(self, value: str) -> str:
        """The text with everything that a terminal could act upon made visible."""
        return plain(value[:MAX_CHARS])

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        lines = event.text[: 2 * MAX_CHARS].splitlines()
        room = MAX_CHARS - len(self.value) + len(self.selected_text)
        pasted = plain(next((line for line in lines if line.strip()), ""))[: max(room, 0)]
        if len(event.text) > len(pasted) and len(event.text) > MAX_CHARS:
            self.post_message(self.Cut())
        if pasted:
            self.replace(pasted, *self.selection)


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

    def __init__(
        self, prompt: str, placeholder: str, *, id: str, complete: Completer | None = None
    ) -> None:
        super().__init__(id=id)
        self.complete = complete
        self._completion: Completion | None = None
        self._prompt = prompt
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        yield Static(classes="hints", markup=False)
        with Horizontal():
            yield Static(self._prompt, classes="prompt", markup=False)
            yield BarInput(
                placeholder=self._placeholder, select_on_focus=False, max_length=MAX_CHARS
            )
            yield Static(classes="count", markup=False)
        yield Static(classes="problem", markup=False)

    def open(self, text: str) -> None:
        """Show the bar with a text, and take the focus."""
        self.add_class("-open")
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        field.focus()
        self.count("")
        self._offer()

    def close(self) -> None:
        self.remove_class("-open", "-wrong")

    def count(self, words: str) -> None:
        """Say beside the text how much it finds."""
        self.query_one(".count", Static).update(Content(words))

    def _offer(self) -> None:
        """List what may follow."""
        field = self.query_one(Input)
        self._completion = (
            None if self.complete is None else self.complete(field.value, field.cursor_position)
        )
        found = () if self._completion is None else self._completion.candidates
        told = [f"{plain(c.text)}  {c.note}".rstrip() for c in found]
        if told:
            told[0] += "  · Tab"
        self.set_class(bool(told), "-hints")
        self.query_one(".hints", Static).update(Content("\n".join(told)))

    def _accept(self) -> bool:
        """Put the first of what may follow in; False when there is nothing."""
        field, completion = self.query_one(Input), self._completion
        if completion is None or not completion.candidates:
            return False
        field.value = completion.accepted(field.value)
        field.cursor_position = completion.start + len(completion.candidates[0].text)
        return True

    @on(BarInput.Cut)
    def _cut(self, event: BarInput.Cut) -> None:
        event.stop()
        self.notify(f"Only the first {MAX_CHARS:,} characters of the paste fit here.")

    def problem(self, message: str | None) -> None:
        """Say what is wrong with the text, or that nothing is."""
        self.set_class(message is not None, "-wrong")
        self.query_one(".problem", Static).update(Content(message or ""))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._offer()
        self.post_message(self.Edited(self, event.value, False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Edited(self, event.value, True))

    def on_key(self, event: events.Key) -> None:
        field = self.query_one(Input)
        at_end = field.cursor_position == len(field.value)
        if event.key == "tab" or (event.key == "right" and at_end):
            if self._accept() or event.key == "tab":  # Tab does not leave a text half typed
                event.stop()
                event.prevent_default()
        elif event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left(self))

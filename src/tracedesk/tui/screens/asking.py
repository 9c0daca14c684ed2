"""Small screens that ask: a form of a few lines, and whether something is really to be done.

A form stays open until what it is for has succeeded: the work is done in a worker, and what
it has against the entries is said under them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line
from tracedesk.tui.screens.modals import Modal
from tracedesk.tui.steady import Steady
from tracedesk.tui.text import plain
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.widgets.field_bar import MAX_CHARS, BarInput
from tracedesk.tui.widgets.roles import RoleScreen

Entries = Mapping[str, str]


class Field(msgspec.Struct, frozen=True):
    """One line of a form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    """Shown while the line is empty."""
    known: Sequence[str] = ()
    """What may be completed with the right arrow."""


class Form(Steady, RoleScreen, ModalScreen[None]):
    """Lines to fill in. Enter does it, Escape leaves everything as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]

    verb = "saves"
    """What Enter does."""

    class Done(Message):
        """The work succeeded."""

        def __init__(self, result: Any) -> None:
            super().__init__()
            self.result = result

    class Refused(Message):
        """The work cannot be done with these entries."""

        def __init__(self, problem: str) -> None:
            super().__init__()
            self.problem = problem

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        submit: Callable[[Entries], Any],
        done: Callable[[Any], None],
    ) -> None:
        """``submit`` is called in a worker thread and raises ValueError or one of our errors for
        what is wrong with the entries; ``done`` is then called with what it returned."""
        super().__init__()
        self._title = title
        self._fields = fields
        self._submit = submit
        self._done = done

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Content(plain(self._title))
            box.border_subtitle = Content(
                f"Enter {self.verb} · Tab next · → completes · Esc leaves"
            )
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Static(field.label, classes="label", markup=False)
                    suggester = SuggestFromList(field.known, case_sensitive=False)
                    yield BarInput(
                        field.value,
                        placeholder=field.hint,
                        id=field.name,
                        suggester=suggester if field.known else None,
                        select_on_focus=False,
                        max_length=MAX_CHARS,
                    )
            yield Static(classes="problem", markup=False)

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    @on(BarInput.Cut)
    def _cut(self) -> None:
        self.notify(f"Only the first {MAX_CHARS:,} characters of the paste fit here.")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._work({field.id or "": field.value.strip() for field in self.query(Input)})

    @work(thread=True, exclusive=True, exit_on_error=False, group="form")
    def _work(self, entries: Entries) -> None:
        from tracedesk.authoring.saving import SaveError
        from tracedesk.formats.errors import FormatError
        from tracedesk.roster import RosterError
        from tracedesk.sending.outgoing import UnreachableError
        from tracedesk.store.errors import StoreError
        from tracedesk.testcases.edit import EditError
        from tracedesk.workspace import ConfigError

        ours = (RosterError, ConfigError, StoreError, UnreachableError, FormatError, EditError,
                SaveError)  # fmt: skip
        try:
            result = self._submit(entries)
        except ours as fault:
            self.post_message(self.Refused(str(fault)))
        else:
            self.post_message(self.Done(result))

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self.query_one(".problem", Static).update(Content(plain_lines(message.problem)))

    @on(Done)
    def _succeeded(self, message: Done) -> None:
        self.dismiss()
        self._done(message.result)


class Confirm(Modal):
    """Asks before something that cannot be taken back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("confirm")]
    pane = "confirm"

    def __init__(self, question: str, told: Sequence[str], agree: Callable[[], object]) -> None:
        super().__init__()
        self.title_text = question
        self.hint = "y yes · n no"
        self._told = told
        self._agree = agree

    def page(self, width: int) -> list[Line]:
        page = Page(width)
        for line in self._told:
            page.prose(line, indent=1)
        return page.lines

    def action_agree(self) -> None:
        self.dismiss()
        self._agree()


def plain_lines(text: str) -> str:
    """A text of several lines with everything else that a terminal could act upon made visible."""
    return "\n".join(plain(line) for line in text.splitlines())

"""What the editor asks: which of two versions is meant, and what of a text that is not saved."""

from collections.abc import Iterator
from difflib import unified_diff
from itertools import islice
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.steady import Steady
from tracedesk.tui.text import fit, plain, wrap
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.roles import RoleScreen

DIFF_LINES = 5_000
"""Lines of a text that are held against the other one; more would be felt."""

SHOWN_LINES = 2_000


class Question(Steady, RoleScreen, ModalScreen[str]):
    """Asks; Escape answers nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "later", show=False)]

    question = ""
    hint = ""
    told: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(plain(self.question))
            box.border_subtitle = Content(self.hint)
            yield PageView(id="question")

    def on_mount(self) -> None:
        page = self.query_one(PageView)
        page.focus()
        page.show(self.page)

    def page(self, width: int) -> list[Line]:
        """What is told below the question."""
        return [line(Piece(f" {folded}")) for text in self.told for folded in wrap(text, width - 2)]

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)  # type: ignore[arg-type]


class CloseScreen(Question):
    """What of changes that are not saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,y", "answer('save')", "save", show=False),
        Binding("d", "answer('discard')", "discard", show=False),
    ]

    hint = "s saves and closes · d discards · Esc goes on editing"

    def __init__(self, file: str) -> None:
        super().__init__()
        self.question = f"{file} is not saved"
        self.told = ("Your changes are only on this screen.",)


class ChangedScreen(Question):
    """Which version is meant when the file was changed by somebody else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "answer('disk')", "disk", show=False),
        Binding("m", "answer('mine')", "mine", show=False),
        Binding("v", "differ", "difference", show=False),
    ]

    def __init__(self, file: str, mine: bytes, found: bytes | None) -> None:
        super().__init__()
        self._mine, self._found = mine, found
        self._differing = False
        if found is None:
            self.question = f"{file} was removed meanwhile"
            self.hint = "m writes yours anew · Esc decides later"
            self.told = ("Your text is only on this screen now.",)
        else:
            self.question = f"{file} was changed by another program"
            self.hint = "d takes the disk's · m keeps mine · v difference · Esc later"
            self.told = (
                "d shows what is on the disk; your text comes back with Ctrl-z.",
                "m writes your text over it; u in the workbench brings the other back.",
            )

    def page(self, width: int) -> list[Line]:
        if not self._differing or self._found is None:
            return super().page(width)
        return list(islice(difference(self._found, self._mine, width), SHOWN_LINES))

    def action_answer(self, answer: str) -> None:
        if answer != "disk" or self._found is not None:
            super().action_answer(answer)

    def action_differ(self) -> None:
        """Show what differs, or go back to the question."""
        self._differing = not self._differing and self._found is not None
        self.set_class(self._differing, "-differing")
        self.query_one(PageView).show(self.page)


def difference(disk: bytes, mine: bytes, width: int) -> Iterator[Line]:
    """The two versions line by line: ``-`` on the disk, ``+`` in the editor."""
    theirs, ours = (
        each.decode("utf-8", "replace").splitlines()[:DIFF_LINES] for each in (disk, mine)
    )
    roles = {"-": "bad", "+": "ok", "@": "faint"}
    for text in unified_diff(theirs, ours, "on the disk", "in the editor", lineterm=""):
        yield line(Piece(fit(text, width), roles.get(text[:1], "")))

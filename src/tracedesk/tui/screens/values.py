"""Reading one value: folded and unfolded in its page, opened in full, followed to its span."""

import os

from textual import on, work
from textual.message import Message

from tracedesk.tui.clipboard import copied_by_program, keep_in_file, terminal_problem
from tracedesk.tui.outside import show_outside
from tracedesk.tui.screens.finding import Finding
from tracedesk.tui.screens.value import ValueScreen
from tracedesk.tui.text import plain
from tracedesk.tui.widgets.detail.page_view import PageView

TOLD_CHARS = 60
"""A copied text of at most so many characters is told in full."""


class Copied(Message):
    """A text was copied, or kept in a file; ``problem`` says why."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__()
        self.text = text
        self.problem = problem


class Values(Finding):
    """What can be done with the value under the cursor of the detail pane."""

    def open_value(self) -> None:
        """Enter in the detail pane: fold or unfold, open the value, or follow the link."""
        line = self.query_one("#page", PageView).target
        if line is None:
            return
        if line.toggle:
            self.folds.toggle(line.toggle)
            self.show_page(keep_place=True)
        elif line.revision:
            self.open_revision(line.revision)
        elif line.value is not None:
            self.app.push_screen(ValueScreen(line.value, self.put_on_clipboard))
        elif line.span is not None:
            self.go_to_span(line.span)
        elif line.file:
            self.edit_here(line.file, line.line)

    def action_open_whole(self) -> None:
        """Open the value under the cursor, be it folded here or not."""
        line = self.query_one("#page", PageView).target
        if line is None or line.value is None:
            self.notify("There is no value here to open.")
            return
        self.app.push_screen(ValueScreen(line.value, self.put_on_clipboard))

    def action_outside(self, editor: bool) -> None:
        """Show the value under the cursor in the user's own pager or editor."""
        line = self.query_one("#page", PageView).target
        if line is None or line.value is None:
            self.notify("There is no value here to open.")
            return
        suffix = ".txt" if isinstance(line.value.content, str | bytes) else ".json"
        problem = show_outside(self.app, line.value.text, editor=editor, suffix=suffix)
        if problem:
            self.notify(problem, severity="warning", markup=False)

    def action_fold_value(self, unfold: bool) -> None:
        """Unfold the fold under the cursor, or fold the one that it belongs to."""
        page = self.query_one("#page", PageView)
        line = page.target
        if unfold:
            if line is not None and line.toggle and line.folded:
                self.open_value()
            return
        for at in range(min(page.cursor, len(page.lines) - 1), -1, -1):
            line = page.lines[at]
            if line.toggle and not line.folded:
                self.folds.toggle(line.toggle)
                page.cursor = at
                self.show_page(keep_place=True)
                return

    def put_on_clipboard(self, text: str) -> None:
        """Copy a text; where no clipboard can take it, keep it in a private file and say so."""
        self._copy(text)

    @work(thread=True, exit_on_error=False, group="clipboard")
    def _copy(self, text: str) -> None:
        size = len(text.encode("utf-8", "replace"))
        if self.app.is_headless or copied_by_program(text, os.environ):
            self.post_message(Copied(text, ""))
            return
        problem = terminal_problem(os.environ, size)
        if problem:
            try:
                kept = keep_in_file(text, self.desk.workspace.database.parent)
                problem = f"Not on the clipboard: {problem}. It stands in {kept} instead."
            except OSError as error:
                problem = f"Not copied: {problem}, and no file could be written ({error.strerror})."
        self.post_message(Copied(text, problem))

    @on(Copied)
    def _copied(self, message: Copied) -> None:
        if message.problem:
            self.notify(message.problem, severity="warning", timeout=10, markup=False)
            return
        self.app.copy_to_clipboard(message.text)
        self.notify(copied_note(message.text), timeout=2, markup=False)

    def go_to_span(self, span_id: str) -> None:
        """Show a span in the tree, whatever hides it."""
        raise NotImplementedError

    def edit_here(self, file: str, line: int) -> None:
        """Edit a file in the editor of the workbench, at a line."""
        raise NotImplementedError


def copied_note(text: str) -> str:
    """What was copied: a short text itself, of a long one its size."""
    if len(text) <= TOLD_CHARS and "\n" not in text:
        return f"Copied {plain(text)}"
    return f"Copied {len(text):,} characters."

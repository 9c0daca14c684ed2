"""Test-case files from the screen: edited here, new ones made, cases paused and made active."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.message import Message

from tracedesk.tui.screens.asking import Entries, Field, Form
from tracedesk.tui.screens.asserting import Asserting, EditMade
from tracedesk.tui.view_models.results import Result
from tracedesk.tui.widgets.drawer.results_view import ResultsView

if TYPE_CHECKING:
    from tracedesk.authoring.saving import Saved


class FileRead(Message):
    """A file that is to be edited was read."""

    def __init__(self, path: Path, shown: str, found: bytes, line: int) -> None:
        super().__init__()
        self.path = path
        self.shown = shown
        self.found = found
        self.line = line


class Editing(Asserting):
    """The workbench as the place where files are edited."""

    # -- editing -----------------------------------------------------------------------

    def action_edit_here(self) -> None:
        """Edit the file of the chosen case or assertion, at its line."""
        found = self._chosen_line()
        if found is None:
            self.action_new_case()
        else:
            self.edit_here(*found)

    def _chosen_line(self) -> tuple[str, int] | None:
        """File and line of the verdict that is shown, else the file that was written to last,
        else the first one that can be edited."""
        found = self.line_shown()
        if found is not None:
            return found
        last = self.desk.author.last
        files = [file.path for file in self.desk.files if file.is_test_file]
        if last is not None and last.file in files:
            return last.file, 1
        return (files[0], 1) if files else None

    def edit_here(self, file: str, line: int) -> None:
        """Edit a file in the editor of the workbench."""
        self._read_file(file, line)

    @work(thread=True, exclusive=True, exit_on_error=False, group="read file")
    def _read_file(self, file: str, line: int) -> None:
        from tracedesk.authoring.saving import SaveError, content
        from tracedesk.tui.widgets.editor.case_text import too_large

        path = self.desk.workspace.root / file
        try:
            found = content(path)
            if found is None:
                raise SaveError(f"{file} was removed")
            if too_large(found.decode()):
                raise SaveError(f"{file} is too large to be edited here; E opens it in $EDITOR")
        except UnicodeDecodeError as fault:
            problem = f"{file} is not UTF-8 text (byte {fault.start}); E opens it in $EDITOR"
            self.post_message(EditMade(problem, severity="warning"))
        except SaveError as fault:
            self.post_message(EditMade(str(fault), severity="warning"))
        else:
            self.post_message(FileRead(path, file, found, line))

    @on(FileRead)
    def _file_read(self, message: FileRead) -> None:
        from tracedesk.tui.screens.edit_screen import EditScreen

        opened = None if self.opened is None or self.opened.sketch else self.opened
        editor = EditScreen(
            self.desk, message.path, message.shown, message.found, message.line, opened,
            self._editor_closed,
        )  # fmt: skip
        self.app.push_screen(editor)

    def _editor_closed(self) -> None:
        self.show_bars()

    # -- new cases and files -----------------------------------------------------------

    def action_new_case(self) -> None:
        """Ask for file and name of a new case, and open it in the editor."""
        files = [file.path for file in self.desk.files if file.is_test_file]
        found = self._chosen_file()
        fields = (
            Field("file", "File", found, "an existing file, or a new one", files),
            Field("name", "Case", "", "what must be true, in a few words"),
        )
        form = Form("New case", fields, self._make_case, self._case_made)
        form.verb = "makes a draft"
        self.app.push_screen(form)

    def _chosen_file(self) -> str:
        result = self.query_one(ResultsView).result
        if result is not None and result.line.file:
            return result.line.file
        files = [file.path for file in self.desk.files if file.is_test_file]
        return files[0] if files else "testcases/cases.yaml"

    def _make_case(self, entries: Entries) -> "Saved":
        """Called in a worker. Raises EditError and SaveError."""
        from tracedesk.testcases.edit import EditError

        if not entries["name"]:
            raise EditError("a case needs a name")
        return self.desk.author.add_case(entries["file"], entries["name"])

    def _case_made(self, saved: "Saved") -> None:
        from tracedesk.testcases.load import load_text, shown_path

        shown = shown_path(saved.path, self.desk.workspace.root)
        cases = load_text(saved.after, shown).cases
        self.notify(f"{saved.told} · u undoes", markup=False)
        self.edit_here(shown, cases[-1].line if cases else 1)

    # -- active, paused, draft ---------------------------------------------------------

    def action_cycle_status(self) -> None:
        """Make the chosen case paused, a draft, or active again."""
        result = self.query_one(ResultsView).result
        case = case_of(result)
        if result is None or case is None:
            self.notify("Choose a case, or one of its assertions.")
        else:
            self._cycle(result.line.file, case)

    @work(thread=True, exclusive=True, exit_on_error=False, group="status")
    def _cycle(self, file: str, case: str) -> None:
        from tracedesk.authoring.saving import SaveError
        from tracedesk.testcases.edit import EditError

        severity: Any = "warning"
        try:
            saved, status = self.desk.author.cycle_status(file, case)
        except (EditError, SaveError) as fault:
            told = str(fault)
        else:
            severity = "information"
            runs = {"active": "it runs as traces arrive"}.get(status, "it is not run any more")
            told = f"{saved.told}: {runs} · u undoes"
        self.post_message(EditMade(told, severity=severity))


def case_of(result: Result | None) -> str | None:
    """Id of the case that a row of the drawer belongs to."""
    if result is None:
        return None
    return result.case.case if result.case is not None else result.idle or None

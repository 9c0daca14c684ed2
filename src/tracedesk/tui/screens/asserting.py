"""Point and assert: from the value under the cursor to an assertion in a file, and back.

The panel asks a worker for candidates, then for their effects, which are painted as they come;
nothing is written before a case was chosen for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.message import Message

from tracedesk.model.verdict import Outcome
from tracedesk.tui.screens.flips import Backtests
from tracedesk.tui.view_models.results import GLYPHS
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.drawer.results_view import ResultsView

if TYPE_CHECKING:
    from tracedesk.authoring.author import Written
    from tracedesk.authoring.candidates import Candidate
    from tracedesk.authoring.place import Place
    from tracedesk.authoring.saving import Saved
    from tracedesk.desk import OpenTrace


class EditMade(Message):
    """Something was written to a file, or could not be; ``text`` says which."""

    def __init__(self, text: str, *, severity: Any = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity


class AssertionMade(Message):
    """The candidates for a place that is to be copied; none, with a note why."""

    def __init__(self, candidates: "Sequence[Candidate]", note: str) -> None:
        super().__init__()
        self.candidates = candidates
        self.note = note


class Asserting(Backtests):
    """The workbench as the place where assertions are made."""

    def action_assert_here(self) -> None:
        """Offer what can be asserted of the value under the cursor."""
        found = self._pointed()
        if found is None:
            return
        from tracedesk.tui.screens.assert_panel import AssertScreen

        place, opened = found
        panel = AssertScreen(
            self.desk, opened, place, self.name_of, self.put_on_clipboard, self.was_written,
            self._go_to_flip,
        )  # fmt: skip
        self.app.push_screen(panel)

    def _pointed(self) -> "tuple[Place, OpenTrace] | None":
        """The place under the cursor and its trace; says so when there is none."""
        from tracedesk.authoring.place import Place
        from tracedesk.tui.view_models.pointing import place_at, place_of_verdict, verdict_at

        opened, span = self.opened, self.span
        if opened is None or span is None:
            self.notify("Open a trace first: Enter on the list.")
            return None
        if opened.sketch:
            self.notify("The trace is still being decoded; try again in a moment.")
            return None
        page = self.query_one("#page", PageView)
        verdict = None
        if self.pane == "tests":
            result = self.query_one(ResultsView).result
            verdict = None if result is None else result.verdict
            if verdict is None:
                self.notify("a asserts what decided an assertion; choose one, not its case.")
                return None
        elif self.pane == "detail" and self.tab == "verdicts":
            verdict = verdict_at(page.target, self.cases)
        if verdict is not None:
            return place_of_verdict(verdict), opened
        if self.pane == "detail":
            whole = self.whole_trace
            return place_at(page.lines, page.cursor, self.tab, span, whole_trace=whole), opened
        return Place("trace") if self.whole_trace else Place("span", span.span_id), opened

    # -- copying -----------------------------------------------------------------------

    def action_copy_assertion(self) -> None:
        """Copy the first fitting assertion for the value under the cursor as YAML."""
        found = self._pointed()
        if found is not None:
            self._copy_first(*found)

    @work(thread=True, exclusive=True, exit_on_error=False, group="assertion to copy")
    def _copy_first(self, place: "Place", opened: "OpenTrace") -> None:
        offer = self.desk.author.offer(place, opened.row, opened.trace, opened.reading)
        self.post_message(AssertionMade(offer.candidates, offer.note))

    @on(AssertionMade)
    def _assertion_made(self, message: AssertionMade) -> None:
        if message.candidates:
            self.put_on_clipboard(message.candidates[0].yaml)
        else:
            self.notify(message.note, markup=False)

    # -- what was written, and taking it back -------------------------------------------

    def was_written(self, written: "Written") -> None:
        """Say where an assertion went and what it says of the open trace."""
        place = f"{written.file}:{written.line}"
        verdict = written.verdict
        if verdict is None:
            self.notify(f"Saved to {place} · u undoes", markup=False)
            return
        glyph = GLYPHS[verdict.outcome][0]
        case = written.case
        idle = " · the case is not active" if case is not None and not self._runs(case.case) else ""
        self.notify(
            f"{glyph} {verdict.outcome} here: {verdict.reason}\nSaved to {place}{idle} · u undoes",
            severity="information" if verdict.outcome is Outcome.PASS else "warning",
            markup=False,
        )

    def _runs(self, case_id: str) -> bool:
        found = (case for file in self.desk.files for case in file.cases if case.id == case_id)
        return all(case.active for case in found)

    def action_undo_edit(self) -> None:
        """Take back the last change of a test-case file that was made here."""
        if self.desk.author.edits.last is None:
            self.notify("Nothing was written here that could be undone.")
        else:
            self._undo()

    @work(thread=True, exit_on_error=False, group="undo")
    def _undo(self) -> None:
        from tracedesk.authoring.saving import SaveError

        try:
            saved = self.desk.author.edits.undo()
        except SaveError as fault:
            self.post_message(EditMade(str(fault), severity="warning"))
        else:
            if saved is not None:
                self.post_message(EditMade(f"Undone: {saved.told}"))

    @on(EditMade)
    def _edit_made(self, message: EditMade) -> None:
        self.notify(message.text, severity=message.severity, markup=False)


def told(saved: "Saved") -> str:
    """What was done, for a notification."""
    return f"{saved.told} · u undoes"

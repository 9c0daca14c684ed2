"""Filtering the list and searching the open trace: what the field bars do."""

from functools import cached_property
from typing import TYPE_CHECKING

from textual import on

from tracedesk.desk import OpenTrace
from tracedesk.tui.messages import RowsRead
from tracedesk.tui.screens.revisions import Revisions
from tracedesk.tui.view_models.filter_completion import MAX_WORDS, Completion, Words, complete
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.trace_list import Entry
from tracedesk.tui.widgets.field_bar import FieldBar

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.query.filter import FilterError


WORDS_OF_A_TRACE = 2_000
"""Calls of one trace whose names are offered to a filter."""

NO_HIT = "nothing in this trace holds that text"


class Finding(Revisions):
    """The filter of the traces, the search of the spans and of the attributes."""

    @cached_property
    def words(self) -> Words:
        """What filters are completed from."""
        return Words()

    @cached_property
    def known_traces(self) -> dict[str, Entry]:
        """Traces that were on screen, by id."""
        return {}

    # -- filtering -------------------------------------------------------------------

    def complete(self, text: str, cursor: int) -> Completion:
        """What may follow in a filter, of the traces that were on screen."""
        return complete(text, cursor, self.words)

    @on(RowsRead)
    def _rows_counted(self, message: RowsRead) -> None:
        """Remember the words of what was read, and tell how many traces the filter finds."""
        snapshot = message.snapshot
        words = self.words
        for entry in snapshot.entries:
            row = entry.row
            words.note("agent", (entry.agent,))
            words.note("name", (row.name,))
            words.note("external", (row.external_id,))
            words.note("id", (row.id,))
            if row.id in self.known_traces or len(self.known_traces) < MAX_WORDS:
                self.known_traces[row.id] = entry
            words.note("metadata", row.metadata)
            for key, value in row.metadata.items():
                words.note(f"metadata {key}", (value,))
        bar = self.query_one("#filter-bar", FieldBar)
        if bar.has_class("-open") and snapshot.request.where is self.traces.where:
            bar.count(self._found(snapshot.total, wrong=bar.has_class("-wrong")))

    def _found(self, total: int, *, wrong: bool) -> str:
        """How much the filter finds that is being typed."""
        if wrong:
            return " not applied "
        return f" all {total:,} " if self.traces.where is None else f" {total:,} match "

    def show_trace(
        self, opened: OpenTrace, rows: SpanRows, verdicts: "TraceVerdicts | None"
    ) -> None:
        super().show_trace(opened, rows, verdicts)
        calls = opened.reading.calls[:WORDS_OF_A_TRACE]
        self.words.note("tool", (call.label for call in calls if call.tool))
        self.words.note("span", (call.label for call in calls))
        self.words.note("warning", (warning.code for warning in opened.trace.warnings))

    def action_filter(self) -> None:
        self.go_to_pane("list")
        self.filter_before = self.traces.filter_text
        bar = self.query_one("#filter-bar", FieldBar)
        bar.open(self.traces.filter_text)
        bar.count(self._found(self.traces.total, wrong=False))

    @on(FieldBar.Edited, "#filter-bar")
    def _filter_edited(self, message: FieldBar.Edited) -> None:
        problem = self.set_filter(message.text)
        # what is only not finished yet is no mistake
        unfinished = problem is not None and problem.position >= len(message.text.rstrip())
        hushed = problem is None or (unfinished and not message.done)
        message.bar.problem(None if hushed else str(problem))
        if problem is not None:
            message.bar.count("" if hushed else " not applied ")
            finished = message.text.rstrip().rpartition(" ")[0] if hushed else ""
            if not finished or self.set_filter(finished) is not None:
                self.set_filter(self.filter_before)
        elif message.done:
            message.bar.close()
            self.go_to_pane("list")

    @on(FieldBar.Left, "#filter-bar")
    def _filter_left(self, message: FieldBar.Left) -> None:
        message.bar.close()
        self.set_filter(self.filter_before)
        self.go_to_pane("list")

    def set_filter(self, text: str) -> "FilterError | None":
        """Filter the list; returns what is wrong with the text, and then changes nothing."""
        from tracedesk.query.filter import FilterError, parse_filter

        try:
            where = parse_filter(text) if text.strip() else None
        except FilterError as error:
            return error
        self.traces.where = where
        self.traces.filter_text = text.strip()
        self.refresh_rows()
        self.show_bars()
        return None

    def go_to_pane(self, pane: str) -> None:
        """Show a pane and give it the focus."""
        raise NotImplementedError

    def action_tab(self, tab: str) -> None:
        """Choose a tab of the detail pane."""
        raise NotImplementedError

    def refresh_rows(self) -> None:
        raise NotImplementedError

    # -- searching -------------------------------------------------------------------

    def action_search(self) -> None:
        if self.pane == "detail":
            self.action_tab("attributes")
            self.query_one("#attribute-bar", FieldBar).open(self.attribute_text)
        else:
            self.query_one("#search-bar", FieldBar).open(self.search_text)

    @on(FieldBar.Edited, "#search-bar")
    def _search_edited(self, message: FieldBar.Edited) -> None:
        if message.text != self.search_text:
            self.search_text = message.text
            if self.rows is not None and message.text:
                self.search_spans(self.rows, message.text)
            else:
                self.drop_search()
        if message.done:
            message.bar.close()
            self.go_to_pane("tree")

    @on(FieldBar.Left, "#search-bar")
    def _search_left(self, message: FieldBar.Left) -> None:
        message.bar.close()
        self.drop_search()
        self.go_to_pane("tree")

    def show_hits(self, hits: list[int]) -> None:
        """Keep the hits and their ancestors, with the cursor on the first."""
        if self.rows is None:
            return
        self.rows.keep(hits)
        self.span_view.empty_note = "" if hits else f" {NO_HIT}; Esc shows all spans"
        self.span_view.rebuilt(hits[0] if hits else 0)
        bar = self.query_one("#search-bar", FieldBar)
        bar.problem(None if hits else NO_HIT)
        self.show_bars()

    def drop_search(self) -> None:
        """Show all spans again, the cursor where it was."""
        self.search_text = ""
        row = self.span_view.row
        if self.rows is not None and self.rows.searching:
            self.rows.clear_search()
            self.rows.reveal(row or 0)
            self.span_view.rebuilt(row or 0)
        self.query_one("#search-bar", FieldBar).problem(None)
        self.show_bars()

    @on(FieldBar.Edited, "#attribute-bar")
    def _attributes_edited(self, message: FieldBar.Edited) -> None:
        self.attribute_text = message.text
        self.show_page()
        if message.done:
            message.bar.close()
            self.go_to_pane("detail")
        self.show_bars()

    @on(FieldBar.Left, "#attribute-bar")
    def _attributes_left(self, message: FieldBar.Left) -> None:
        message.bar.close()
        self.attribute_text = ""
        self.show_page()
        self.go_to_pane("detail")

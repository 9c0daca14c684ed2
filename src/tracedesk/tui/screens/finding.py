"""Filtering the list and searching the open trace: what the field bars do."""

from textual import on

from tracedesk.tui.screens.revisions import Revisions
from tracedesk.tui.widgets.field_bar import FieldBar


class Finding(Revisions):
    """The filter of the traces, the search of the spans and of the attributes."""

    # -- filtering -------------------------------------------------------------------

    def action_filter(self) -> None:
        self.go_to_pane("list")
        self.filter_before = self.traces.filter_text
        self.query_one("#filter-bar", FieldBar).open(self.traces.filter_text)

    @on(FieldBar.Edited, "#filter-bar")
    def _filter_edited(self, message: FieldBar.Edited) -> None:
        problem = self.set_filter(message.text)
        message.bar.problem(problem)
        if problem is not None:
            self.set_filter(self.filter_before)
        elif message.done:
            message.bar.close()
            self.go_to_pane("list")

    @on(FieldBar.Left, "#filter-bar")
    def _filter_left(self, message: FieldBar.Left) -> None:
        message.bar.close()
        self.set_filter(self.filter_before)
        self.go_to_pane("list")

    def set_filter(self, text: str) -> str | None:
        """Filter the list; returns what is wrong with the text, and then changes nothing."""
        from tracedesk.query.filter import FilterError, parse_filter

        try:
            where = parse_filter(text) if text.strip() else None
        except FilterError as error:
            return str(error)
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
        self.span_view.rebuilt(hits[0] if hits else 0)
        bar = self.query_one("#search-bar", FieldBar)
        bar.problem(None if hits else "nothing in this trace holds that text")
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

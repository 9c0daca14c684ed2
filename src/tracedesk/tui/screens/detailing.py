"""What is shown of the open trace: its rows, its page, its results, and the crumbs to it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from tracedesk.desk import Desk, OpenTrace
from tracedesk.model.trace import Span
from tracedesk.model.verdict import CaseVerdict
from tracedesk.query.text import counted
from tracedesk.tui import figures
from tracedesk.tui.lines import Line, Piece, line
from tracedesk.tui.screens.work import Work
from tracedesk.tui.text import plain
from tracedesk.tui.view_models.folds import Folds
from tracedesk.tui.view_models.marks import Marks
from tracedesk.tui.view_models.pages.attributes import attributes_page
from tracedesk.tui.view_models.pages.chat import chat_page
from tracedesk.tui.view_models.pages.events import events_page
from tracedesk.tui.view_models.pages.failure import failure_page
from tracedesk.tui.view_models.pages.raw import raw_page
from tracedesk.tui.view_models.pages.reading import reading_page
from tracedesk.tui.view_models.pages.xray import xray_page
from tracedesk.tui.view_models.results import GLYPHS, RANK, Results
from tracedesk.tui.view_models.span_tree import SpanRows
from tracedesk.tui.view_models.trace_list import KNOWN, TraceList, row_title
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.detail.tabs import DetailTabs
from tracedesk.tui.widgets.drawer.failure import FailureStrip
from tracedesk.tui.widgets.drawer.results_view import ResultsView
from tracedesk.tui.widgets.pane import Pane
from tracedesk.tui.widgets.span_tree import SpanTreeView, TimeRuler

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.reading.chat import Chat
    from tracedesk.reading.explain import Explained
    from tracedesk.store.rows import Revision, StoredRequest, TraceRow


MARK_CHARS = 60
"""Of a mark and its note, in the title of the tree."""


class Detailing(Work):
    """The state of the open trace, and putting it on screen."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        super().__init__(desk)
        self.now_ns = now_ns
        self.traces = TraceList()
        self.results = Results()
        self.opened: OpenTrace | None = None
        self.rows: SpanRows | None = None
        self.verdicts: TraceVerdicts | None = None
        self.requests: Sequence[StoredRequest] | None = None
        self.wanted: str | None = None
        """Id of the trace that is being opened; answers for others are too late."""
        self.pane = "list"
        self._titles: dict[tuple[str, str], str] = {}
        self.tab = "reading"
        self.xray = False
        """True while the Reading tab explains its values."""
        self.explained: Sequence[Explained] | None = None
        self.chat: Chat | None = None
        self.revisions: Sequence[Revision] = ()
        """Earlier revisions that are kept, once they are read."""
        self.latest: TraceRow | None = None
        """The trace as it is by now, while an earlier revision of it is on screen."""
        self.folds = Folds()
        """What is folded on the pages of the open trace."""
        self.search_text = ""
        self.attribute_text = ""
        self.filter_before = ""
        """The filter as it was when the filter bar opened."""
        self.saved_ns: int | None = None
        """When a test-case file was last seen to change."""

    @property
    def span_view(self) -> SpanTreeView:
        return self.query_one(SpanTreeView)

    # -- the open trace --------------------------------------------------------------

    def open_trace(self, trace_id: str) -> None:
        """Have a trace read; it is shown when it is there."""
        if trace_id != self.wanted or self.opened is None:
            self.wanted = trace_id
            self.retitle("tree", subtitle="opening …")
            self.read_trace(trace_id)

    def show_trace(
        self, opened: OpenTrace, rows: SpanRows, verdicts: "TraceVerdicts | None"
    ) -> None:
        """Show a trace that was read; the same one grown keeps its folds, and its cursor unless
        that is at the top, where the root may come after its children."""
        row = 0
        grown = self.opened is not None and self.opened.row.id == opened.row.id
        if grown:
            moved = self.span_view.cursor > 0
            row = carry_over(self.rows, rows, self.span_view.span if moved else None)
        else:
            self.search_text = self.attribute_text = ""
            self.folds.clear()
            self.latest, self.revisions = None, ()
        self.opened, self.rows = opened, rows
        self.requests = self.explained = self.chat = None
        self.verdicts = verdicts
        self.span_view.show(rows, self._marks(), row)
        self.query_one(TimeRuler).told()
        self._show_tree_title()
        self.show_results(from_top=not grown)
        self.show_page()
        self.show_failure()
        self.show_bars()

    def show_mark(self, row: "TraceRow") -> None:
        """The open trace is marked otherwise now; nothing else of it is."""
        if self.latest is not None and self.latest.id == row.id:
            self.latest = row
        elif self.opened is not None and self.opened.row.id == row.id:
            self.opened = msgspec.structs.replace(self.opened, row=row)
            self._show_tree_title()

    def leave_trace(self) -> None:
        """Show no trace, as before one was opened."""
        self.opened = self.rows = self.verdicts = self.wanted = self.latest = None
        self.requests = self.explained = self.chat = None
        self.search_text = self.attribute_text = ""
        self.folds.clear()
        self.span_view.show(None, self._marks())
        self.query_one(TimeRuler).told()
        self._show_tree_title()
        self.show_results(from_top=True)
        self.show_page()
        self.show_failure()
        self.show_bars()

    def set_verdicts(self, verdicts: "TraceVerdicts | None") -> None:
        """Newer verdicts for the open trace."""
        self.verdicts = verdicts
        row = self.span_view.row  # before runs of siblings are split at what failed now
        self.span_view.set_marks(self._marks(), row)
        self.query_one(TimeRuler).told()
        self.show_results()
        self.show_failure()
        if self.tab == "verdicts":
            self.show_page(keep_place=True)

    def _marks(self) -> Marks:
        if self.rows is None or self.verdicts is None:
            return Marks()
        marks = Marks(
            self.verdicts.cases,
            self.rows.row_of,
            pending=self.verdicts.pending,
            stale=self.verdicts.stale,
        )
        self.rows.set_failures(marks.failing_rows())
        self.rows.stand_alone(marks.standing_rows())
        return marks

    @property
    def chosen_row(self) -> "TraceRow | None":
        """The trace under the cursor of the list while that has the focus, else the open one."""
        if self.pane == "list":
            entry = self.traces.entry(self.traces.cursor)
            return None if entry is None else entry.row
        return None if self.opened is None else self.opened.row

    @property
    def span(self) -> Span | None:
        """The span under the cursor of the tree."""
        return self.span_view.span

    @property
    def whole_trace(self) -> bool:
        """True when the cursor stands on a root, which speaks for the whole trace."""
        row = self.span_view.row
        return self.rows is None or row is None or self.rows.tree.depth[row] == 0

    @property
    def cases(self) -> tuple[CaseVerdict, ...]:
        return () if self.verdicts is None else self.verdicts.cases

    # -- the detail pane -------------------------------------------------------------

    def show_page(self, *, keep_place: bool = False) -> None:
        """Make the chosen page for the span under the cursor."""
        span = self.span
        empty = frozenset(() if span is not None and span.events else ("events",))
        self.query_one(DetailTabs).choose(self.tab, empty)
        self.query_one("#page", PageView).show(self._page, keep_place=keep_place)
        title = "" if span is None else ("whole trace" if self.whole_trace else span.label)
        note = "x-ray · x leaves it" if self.xray and self.tab == "reading" else ""
        self.retitle("detail", title[:60], note)
        if self.opened is None or self.opened.sketch:
            return
        if self.tab == "raw" and self.requests is None:
            self.read_requests(self.opened.row, earlier=self.latest is not None)
        if self.tab == "reading" and self.xray and self.explained is None:
            self.read_explained(self.opened)
        if self.tab == "chat" and self.chat is None:
            self.read_chat(self.opened)

    def _page(self, width: int) -> list[Line]:
        opened, span = self.opened, self.span
        if opened is None or span is None:
            return []
        if opened.sketch:
            return [line(Piece("decoding …", "faint"))]
        about = None if self.whole_trace else span.span_id
        if self.tab == "reading" and self.xray:
            return xray_page(self.explained, about, width, label_of=self.label_of)
        if self.tab == "reading":
            return reading_page(
                opened, span, width, whole_trace=self.whole_trace, label_of=self.name_of
            )
        if self.tab == "chat":
            within = None if self.whole_trace else self._below_cursor()
            return chat_page(
                self.chat,
                width,
                self.folds,
                within=within,
                span_of=self._span_of,
                label_of=self.name_of,
            )
        redacted_here = any(warning.code == "redacted" for warning in opened.trace.warnings)
        if self.tab == "attributes":
            resources = opened.trace.resources
            resource = resources[span.resource] if span.resource < len(resources) else None
            return attributes_page(
                span,
                resource,
                width,
                self.attribute_text,
                self.folds,
                redacted_here=redacted_here,
            )
        if self.tab == "events":
            return events_page(span, width, self.folds, redacted_here=redacted_here)
        if self.tab == "raw":
            return raw_page(
                self.requests,
                opened.trace.warnings,
                span,
                width,
                revisions=self.revisions,
                shown=opened.row.revision,
                latest=(self.latest or opened.row).revision,
                span_of=self._span_of,
            )
        # brings all kinds of assertion along: a tenth of a second that no first frame pays
        from tracedesk.tui.view_models.pages.verdicts import verdicts_page

        pending = self.verdicts is not None and self.verdicts.pending
        return verdicts_page(
            self.cases,
            self.desk.files,
            about,
            width,
            pending=pending,
            label_of=self.label_of,
            reading=opened.reading,
        )

    def _below_cursor(self) -> Callable[[str], bool]:
        """Whether a span is the one under the cursor, or below it."""
        rows, at = self.rows, self.span_view.row
        if rows is None or at is None:
            return lambda _: False
        end = rows.tree.subtree_end[at]
        return lambda span_id: (row := rows.row_of(span_id)) is not None and at <= row < end

    def _span_of(self, span_id: str) -> Span | None:
        row = None if self.rows is None else self.rows.row_of(span_id)
        return None if self.rows is None or row is None else self.rows.span(row)

    def name_of(self, span_id: str) -> str:
        """A span by its name; the id of one that was not received."""
        row = None if self.rows is None else self.rows.row_of(span_id)
        return span_id if self.rows is None or row is None else self.rows.span(row).label

    def label_of(self, span_id: str) -> str:
        """A span by its name, with the beginning of its id to tell it from its like."""
        return f"{self.name_of(span_id)} ({span_id[:4]}…)"

    def show_failure(self) -> None:
        """The strip below the tree on small screens."""
        self.query_one(FailureStrip).show(self._failure)

    def _failure(self, width: int) -> list[Line]:
        if self.span is None:
            return []
        about = None if self.whole_trace else self.span.span_id
        stale = self.verdicts.stale if self.verdicts is not None else ()
        return failure_page(
            self.cases, self.span, about, width, waiting=self._unsettled, stale=stale
        )

    @property
    def _unsettled(self) -> bool:
        """Whether verdicts of the open trace, or their evidence, are still to come."""
        found = self.verdicts
        if found is None:
            return any(file.is_test_file for file in self.desk.files)
        return found.pending or found.brief

    def retitle(self, pane: str, title: str | None = None, subtitle: str | None = None) -> None:
        """Name a pane on its border; None leaves a title as it is.

        Every painting costs, so the same title is not set again.
        """
        widget = self.query_one(f"#{pane}-pane", Pane)
        for place, text in (("border_title", title), ("border_subtitle", subtitle)):
            if text is not None and self._titles.get((pane, place)) != text:
                self._titles[pane, place] = text
                widget.entitle(place, Content(plain(text)))

    # -- the tests drawer ------------------------------------------------------------

    def show_results(self, *, from_top: bool = False) -> None:
        """The drawer for the files as they are and the open trace's verdicts.

        A cursor that nobody moved stays at the top, where what fails comes to stand.
        """
        view = self.query_one(ResultsView)
        moved = view.cursor > 0 and not from_top and view.result is not None
        key = view.result.key if moved and view.result is not None else None
        self.results.show(self.desk.advised_files(), self.verdicts)
        view.empty_note = self._no_results()
        view.rebuilt(key)
        totals = self.results.totals
        parts = [
            f"{GLYPHS[outcome][0]} {totals[outcome]}"
            for outcome in sorted(RANK, key=RANK.__getitem__)
            if totals[outcome]
        ]
        if self.results.errors:
            parts.append(f"{counted(self.results.errors, 'problem')} in files")
        if self.results.warnings:
            parts.append(counted(self.results.warnings, "warning"))
        self.retitle("tests", " · ".join(["Tests", *parts]), self.saved_note())

    def _no_results(self) -> str:
        """Why the drawer is empty, and what to do about it."""
        if self.opened is None:
            return ""
        if self._unsettled:
            return " … not evaluated yet"
        if any(file.is_test_file for file in self.desk.files):
            return " no loaded test case applies to this trace"
        paths = ", ".join(path.name for path in self.desk.workspace.case_paths)
        return f" no test-case file yet: put one into {paths}/, and it runs when you save it"

    def saved_note(self) -> str:
        """When files were saved and what ran since."""
        raise NotImplementedError

    def show_bars(self) -> None:
        raise NotImplementedError

    # -- crumbs ----------------------------------------------------------------------

    def crumbs(self) -> list[str]:
        """``traces``, the open trace, the span under the cursor."""
        found = ["traces"]
        if self.opened is not None and not (self.pane == "list" and self.has_class("-narrow")):
            found.append(row_title(self.opened.row))
            if self.span is not None and not self.whole_trace:
                found.append(self.span.label)
        return found

    def filters(self) -> list[str]:
        """What narrows the lists, the one that Escape removes first at the end."""
        found = [self.traces.filter_text] if self.traces.filter_text else []
        if self.latest is not None and self.opened is not None:
            found.append(f"revision {self.opened.row.revision} of {self.latest.revision}")
        if self.rows is not None and self.rows.searching:
            found.append(f"/{self.search_text} · {self.rows.hits:,} found")
        if self.attribute_text:
            found.append(f"attributes /{self.attribute_text}")
        return found

    def _show_tree_title(self) -> None:
        if self.opened is None:
            self.retitle("tree", "", "")
            return
        row = self.opened.row
        axis = None if self.rows is None else self.rows.axis
        parts = [row_title(self.opened.row), counted(row.span_count, "span")]
        if self.latest is not None:
            parts.insert(1, f"revision {row.revision} of {self.latest.revision}, read-only")
        if axis is not None:
            parts.append(figures.duration(axis.length_ns))
        if row.error_count:
            parts.append(f"✖ {row.error_count}")
        if row.mark:
            note = f": {row.mark_note}" if row.mark_note else ""
            parts.append(f"{KNOWN[row.mark][0]} known {row.mark}{note}"[:MARK_CHARS])
        self.retitle("tree", " · ".join(parts), "")


def carry_over(old: SpanRows | None, new: SpanRows, span: Span | None) -> int:
    """Keep the folds of a trace that grew; returns the row where its cursor belongs."""
    if old is not None:
        new.take_over(old)
    at = None if span is None else new.row_of(span.span_id)
    return at or 0

"""Scores over days, versions and environments, and what flipped between two of them."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from tracedesk.evaluation.gather import in_effect
from tracedesk.evaluation.regressions import Comparison
from tracedesk.evaluation.score_text import MEASURES, percents
from tracedesk.evaluation.trends import AXES, DAYS, ENVIRONMENTS, Choice, Survey
from tracedesk.evaluation.windows import DAY_NS, Window, day_of
from tracedesk.tui.bindings import bindings
from tracedesk.tui.messages import LineOpened
from tracedesk.tui.screens.counting import CountingScreen, GivenUpError
from tracedesk.tui.view_models.counted import (
    NOT_STATED,
    Entry,
    entries,
    entries_head,
    flip_lines,
    score_lines,
)
from tracedesk.tui.view_models.plot import Bar
from tracedesk.tui.widgets.counted import EntriesView, FlipsView, PlotView
from tracedesk.tui.widgets.detail.page_view import PageView
from tracedesk.tui.widgets.field_bar import FieldBar
from tracedesk.tui.widgets.line_label import LineLabel

COMPACT = 90
"""Columns below which the list shows quality alone."""


class Compared(Message):
    """Two sides were compared."""

    def __init__(self, title: str, found: Comparison, titles: dict[str, str]) -> None:
        super().__init__()
        self.title = title
        self.found = found
        self.titles = titles


class HeadlinePage(PageView, can_focus=False):
    """The three numbers with what they were computed from."""


class ScoresScreen(CountingScreen):
    """How good it is, since when, and what made it so."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("scores screen")]
    title_text = "scores"
    looked_through = True

    def compose(self) -> ComposeResult:
        yield LineLabel(id="header")
        with Vertical(id="numbers-pane", classes="pane"):
            yield HeadlinePage(id="numbers")
        with Vertical(id="plot-pane", classes="pane"):
            yield PlotView()
        with Vertical(id="entries-pane", classes="pane"):
            yield LineLabel(id="entries-head")
            yield EntriesView()
        with Vertical(id="flips-pane", classes="pane"):
            yield FlipsView()
        yield FieldBar("f", "status:failed dur>2s env=production", id="count-filter")
        yield LineLabel(id="footer")

    def on_mount(self) -> None:
        self.measure = MEASURES[0]
        self.axis = DAYS
        self.compared: Compared | None = None
        self.go_home()

    @property
    def view(self) -> EntriesView:
        return self.query_one(EntriesView)

    def go_home(self) -> None:
        self.view.focus()

    # -- showing ---------------------------------------------------------------------

    def sum_up(self, survey: Survey, choice: Choice) -> None:
        super().sum_up(survey, choice)
        survey.points(self.axis, choice)

    def show(self) -> None:
        assert self.gathered is not None
        survey = self.gathered.survey
        choice = self.choice
        scores = survey.tally(choice).scores()
        self.titled("numbers", "Scores")
        self.query_one("#numbers", HeadlinePage).show(
            lambda width: score_lines(scores, self.measure, width), keep_place=True
        )
        points = survey.points(self.axis, choice)
        files = self._files_by_day()
        compact = self.size.width < COMPACT
        view = self.view
        view.compact = compact
        view.empty_note = self.why_empty()
        view.show(entries(points, self.edits if points else (), day_of), files)
        head = entries_head(self.axis, compact=compact) if points else []
        self.query_one("#entries-head", LineLabel).show(head)
        by_day = self.axis == DAYS
        before = "the one below" if self.axis == ENVIRONMENTS else "the one before"
        self.titled("entries", self.axis.capitalize(), f"Enter: what flipped since {before}")
        marks = "▲ new version  ◆ case file changed" if by_day else ""
        self.titled("plot", f"{self.measure} over {self.axis}", marks)
        self.query_one(PlotView).show(
            [
                Bar(
                    point.label[5:] if by_day else point.label or "none",
                    percents(point.scores)[self.measure],
                    "▲" * bool(point.versions) + "◆" * (point.day in files and by_day),
                )
                for point in points
            ]
        )

    def _files_by_day(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for edit in self.edits:
            files = found.setdefault(day_of(edit.at_ns), [])
            if edit.file not in files:
                files.append(edit.file)
        return found

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 30, "-low")
        self.set_class(event.size.height < 16, "-short")
        self.call_after_refresh(self._after_resize)

    def _after_resize(self) -> None:
        self.show_bars()
        if self.gathered is not None:
            self.show()
        self._show_flips()

    # -- keys ------------------------------------------------------------------------

    def action_measure(self) -> None:
        self.measure = MEASURES[(MEASURES.index(self.measure) + 1) % len(MEASURES)]
        if self.gathered is not None:
            self.show()

    def action_axis(self) -> None:
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        if self.gathered is not None:
            self.show()

    def action_base(self) -> None:
        """Compare from here, or no longer."""
        view = self.view
        entry = view.entry
        if entry is None or entry.point is None:
            self.notify("A change of a case file cannot be compared from.")
            return
        view.base = None if view.base is entry else entry
        view.repaint()

    def action_compare(self) -> None:
        """What flipped between the base, or the one before, and the chosen one; or by an edit."""
        entry = self.view.entry
        if entry is None:
            return
        if entry.edit is not None:
            self.compare_edit(entry)
            return
        base = self.view.base or self._before(entry)
        if base is None or base is entry:
            self.notify("There is none before it to compare with; m marks another.")
            return
        sides = self._window(base), self._window(entry)
        names = self._called(base), self._called(entry)
        self.compare_windows(sides[0], sides[1], f"{names[0]} → {names[1]}")

    def _before(self, entry: Entry) -> Entry | None:
        points: Sequence[Entry] = [each for each in self.view.entries if each.point is not None]
        at = points.index(entry)
        return points[at + 1] if at + 1 < len(points) else None

    def _called(self, entry: Entry) -> str:
        assert entry.point is not None
        word = "" if self.axis == DAYS else f"{self.axis.removesuffix('s')} "
        return f"{word}{entry.point.label or NOT_STATED}"

    def _window(self, entry: Entry) -> Window:
        assert entry.point is not None
        looking = self.looking
        whole = Window(
            since_ns=self._since(looking),
            agent_id=looking.agent_id,
            version=looking.version,
            environment=looking.environment,
        )
        if self.axis != DAYS:
            fact = {self.axis.removesuffix("s"): entry.point.label}
            return msgspec.structs.replace(whole, **fact)
        start = entry.point.day * DAY_NS
        return msgspec.structs.replace(whole, since_ns=start, until_ns=start + DAY_NS)

    @work(thread=True, exclusive=True, exit_on_error=False, group="comparing")
    def compare_windows(self, before: Window, after: Window, title: str) -> None:
        """Compare two windows."""
        effect = in_effect(self.desk.files)
        self._compare(
            title,
            lambda breathe: self.desk.gatherer.compare_windows(before, after, effect, breathe),
        )

    @work(thread=True, exclusive=True, exit_on_error=False, group="comparing")
    def compare_edit(self, entry: Entry) -> None:
        """Compare before and after an edit."""
        edit = entry.edit
        assert edit is not None
        title = f"{edit.file} before it changed → now"
        effect = in_effect(self.desk.files)
        self._compare(title, lambda breathe: self.desk.gatherer.compare_edit(edit, effect, breathe))

    def _compare(self, title: str, compare: Any) -> None:
        try:
            found: Comparison = compare(self._breathe())
            flips = (*found.broken, *found.mended, *found.others)
            named = [trace for flip in flips for trace in (flip.trace, flip.trace_before)]
            titles = self.titles_of(named)
        except GivenUpError:
            return
        self.post_message(Compared(title, found, titles))

    @on(Compared)
    def _was_compared(self, message: Compared) -> None:
        self.compared = message
        self.add_class("-flips")
        self._show_flips()
        self.query_one(FlipsView).focus()

    def _show_flips(self) -> None:
        if self.compared is None:
            return
        found = self.compared.found
        view = self.query_one(FlipsView)
        view.show(flip_lines(found, self.compared.titles, view.row_width or self.size.width - 2))
        told = f"{len(found.broken):,} broke, {len(found.mended):,} mended"
        self.titled("flips", self.compared.title, told)

    def action_open_flip(self) -> None:
        view = self.query_one(FlipsView)
        place = view.lines[view.cursor].place if view.cursor < len(view.lines) else None
        if place is not None:
            self.dismiss()
            self.show_place(place)

    def action_leave(self) -> None:
        if self.has_class("-flips"):
            self.remove_class("-flips")
            self.compared = None
            self.go_home()
        else:
            super().action_leave()

    @on(LineOpened, "#entries")
    def _entry_opened(self) -> None:
        self.action_compare()

    @on(LineOpened, "#flips")
    def _flip_opened(self) -> None:
        self.action_open_flip()

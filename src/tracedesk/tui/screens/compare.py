"""The Compare screen: both traces aligned, and below what differs of the pair under the cursor.

Aligning and comparing values run in workers; keys move through what is there meanwhile.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from tracedesk.comparing.comparison import Comparison
from tracedesk.comparing.side import Side
from tracedesk.comparing.told import PairTold, VerdictChange, pair_told, verdict_changes
from tracedesk.desk import Desk
from tracedesk.evaluation.load import reading_settings
from tracedesk.store.rows import TraceRow
from tracedesk.tui.actions import prefixes
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Line, Piece
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.footed import OwnScreen
from tracedesk.tui.screens.value import ValueScreen
from tracedesk.tui.steady import report
from tracedesk.tui.text import fit, plain
from tracedesk.tui.view_models.compared import SIDE_BY_SIDE, Compared, differs
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.difference import ROLES, pair_page, trace_page
from tracedesk.tui.view_models.results import GLYPHS
from tracedesk.tui.view_models.trace_list import row_title
from tracedesk.tui.widgets.compared import ComparedView, DifferenceView
from tracedesk.tui.widgets.line_label import LineLabel

PREFIXES = prefixes(("compare", "difference", "lines"))


class ComparisonMade(Message):
    """Two traces were aligned; None when one of them is no longer stored."""

    def __init__(
        self,
        model: Compared | None,
        verdicts: list[VerdictChange],
        outcomes: tuple[Any, Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.verdicts = verdicts
        self.outcomes = outcomes


class PairRead(Message):
    """What differs of one pair is known."""

    def __init__(self, position: int, told: PairTold) -> None:
        super().__init__()
        self.position = position
        self.told = told


class CompareScreen(OwnScreen):
    """Two traces side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("compare screen")]

    def __init__(
        self,
        desk: Desk,
        left: TraceRow,
        right: TraceRow,
        show_span: Callable[[TraceRow, str], None],
        copy: Callable[[str], None],
        *,
        note: str = "",
        compared: Callable[[str, str, Comparison], None] = lambda left, right, found: None,
    ) -> None:
        """``note`` says why these two, such as how the nearest passing trace was found;
        ``compared`` hears what came of both ids."""
        super().__init__()
        self.desk = desk
        self.left, self.right = left, right
        self.note = note
        self.pane = "compare"
        self.comparison: Comparison | None = None
        self.verdicts: list[VerdictChange] = []
        self.outcomes: tuple[Any, Any] = (None, None)
        self.problem = ""
        self._show_span, self._copy, self._compared = show_span, copy, compared
        self._told: tuple[int, PairTold] | None = None
        self._prefix = ""

    def compose(self) -> ComposeResult:
        yield LineLabel(id="header")
        with Vertical(id="compare-pane", classes="pane"):
            yield LineLabel(id="compare-head")
            yield ComparedView()
        with Vertical(id="difference-pane", classes="pane"):
            yield DifferenceView(id="difference")
        yield LineLabel(id="footer")

    def on_mount(self) -> None:
        self.view.empty_note = " aligning …"
        self.view.focus()
        self.make_comparison(self.left, self.right)
        self.show_bars()

    @property
    def view(self) -> ComparedView:
        return self.query_one(ComparedView)

    @property
    def model(self) -> Compared | None:
        return self.view.model

    # -- reading ---------------------------------------------------------------------

    @work(
        thread=True,
        exclusive=True,
        exit_on_error=False,
        group="comparison",
        description="two traces",
    )
    def make_comparison(self, left: TraceRow, right: TraceRow) -> None:
        """Read both traces and align them. B first, which is mostly the open one: only the trace
        read last is kept decoded."""
        worker = get_current_worker()
        sides, verdicts = [], []
        for row in (right, left):
            opened = self.desk.load(row.id)
            if opened is None or worker.is_cancelled:
                self.post_message(ComparisonMade(None, [], (None, None)))
                return
            agent = self.desk.workspace.agent(row.agent_id)
            settings = reading_settings(agent, self.desk.workspace.roles)
            sides.append(Side(opened.trace, opened.tree, opened.reading, settings))
            found = self.desk.verdicts(row.id)
            verdicts.append(self.desk.evaluate(opened) if found and found.brief else found)
        model = Compared(Comparison(*reversed(sides)))
        cases = [() if found is None else found.cases for found in reversed(verdicts)]
        right_outcome, left_outcome = (found and found.outcome for found in verdicts)
        if not worker.is_cancelled:
            self.post_message(
                ComparisonMade(model, verdict_changes(*cases), (left_outcome, right_outcome))
            )

    @on(ComparisonMade)
    def _made(self, message: ComparisonMade) -> None:
        model = message.model
        if model is None:
            self.problem = "one of the two is no longer stored"
            self.view.empty_note = f" {self.problem}"
            self.view.refresh()
        else:
            self.comparison = model.comparison
            self.verdicts, self.outcomes = message.verdicts, message.outcomes
            self._compared(self.left.id, self.right.id, model.comparison)
            self.view.show(model, model.line_of(model.first))
            self._row_chosen()
        self.show_bars()

    @work(thread=True, exclusive=True, exit_on_error=False, group="pair", description="a pair")
    def read_pair(self, comparison: Comparison, position: int) -> None:
        """What differs of one pair; values may be large."""
        told = pair_told(comparison, *comparison.rows[position].pair)
        if not get_current_worker().is_cancelled:
            self.post_message(PairRead(position, told))

    @on(PairRead)
    def _pair_read(self, message: PairRead) -> None:
        self._told = (message.position, message.told)
        if self._position == message.position:
            self._show_page()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        worker: Worker[Any] = event.worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            self.problem = f"{worker.error}"
            self.show_bars()
            report(self, worker.error, f"reading {worker.group}")

    # -- the pair under the cursor ---------------------------------------------------

    @property
    def _position(self) -> int | None:
        return None if self.model is None else self.model.position(self.view.cursor)

    @on(CursorMoved, "#compare")
    def _row_chosen(self) -> None:
        at = self._position
        if at is not None and self.comparison is not None:
            self.read_pair(self.comparison, at)
        self._show_page()

    def _show_page(self) -> None:
        at, model = self._position, self.model
        if model is None:
            return
        title = "Both traces"
        if at is not None:
            row = model.comparison.rows[at]
            side, place = (
                (model.comparison.left, row.left)
                if row.left is not None
                else (model.comparison.right, row.right)
            )
            name = "" if place is None else side.spans[place].label
            note = differs(model.comparison, row)
            title = f"{name} · {row.change}" + (f": {note}" if note else "")
        self._titled("difference", title)
        self.query_one(DifferenceView).show(self._page)

    def _page(self, width: int) -> list[Line]:
        at, model = self._position, self.model
        if model is None:
            return []
        if at is None:
            return trace_page(model.comparison, self.verdicts, width)
        if self._told is not None and self._told[0] == at:
            return pair_page(self._told[1], width)
        page = Page(width)
        page.prose("comparing …", "faint", indent=1)
        return page.lines

    # -- keys ------------------------------------------------------------------------

    def action_divergence(self, step: int) -> None:
        found = None if self.model is None else self.model.next_divergence(self.view.cursor, step)
        if found is None:
            self.notify("Nothing differs.")
        else:
            self.view.cursor = found

    def action_only_changes(self) -> None:
        if self.model is not None:
            at = self._position
            self.model.toggle()
            self.view.show(self.model, self.model.line_of(at))
            self._row_chosen()

    def action_to_difference(self) -> None:
        self.query_one(DifferenceView).focus()

    def action_other_pane(self) -> None:
        (self.view if self.pane == "difference" else self.query_one(DifferenceView)).focus()

    def action_open_value(self) -> None:
        line = self.query_one(DifferenceView).target
        if line is not None and line.value is not None:
            self.app.push_screen(ValueScreen(line.value, self._copy))

    def action_swap(self) -> None:
        """Exchange the sides."""
        if self.comparison is not None:
            self.left, self.right = self.right, self.left
            self.comparison = self._told = None
            self.make_comparison(self.left, self.right)

    def action_show_span(self) -> None:
        at = self._position
        comparison, target, span = self.comparison, self.right, ""
        if comparison is not None and at is not None:
            row = comparison.rows[at]
            if row.right is not None:
                span = comparison.right.spans[row.right].span_id
            elif row.left is not None:
                target, span = self.left, comparison.left.spans[row.left].span_id
        self.dismiss()
        self._show_span(target, span)

    def action_leave(self) -> None:
        if self.pane == "difference":
            self.view.focus()
        else:
            self.dismiss()

    @on(LineOpened, "#compare")
    def _line_opened(self) -> None:
        self.action_to_difference()

    @on(LineOpened, "#difference")
    def _value_opened(self) -> None:
        self.action_open_value()

    async def on_key(self, event: events.Key) -> None:
        """The two keys of a two-key command, in the order typed."""
        key = event.character or event.key
        if not self._prefix and key not in PREFIXES:
            return
        event.stop()
        event.prevent_default()
        if self._prefix:
            action = PREFIXES[self._prefix].get(key)
            self._prefix = ""
            if action is not None:
                await self.run_action(action.name)
        else:
            self._prefix = key
        self.show_bars()

    # -- bars ------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 30, "-low")
        self.call_after_refresh(self.show_bars)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id in ("compare", "difference"):
            self.pane = str(event.widget.id)
            self.show_bars()

    def show_bars(self) -> None:
        """Which traces, what became of their calls, and the keys of the pane."""
        left = [Piece(" compare", "heading")]
        if self.note:
            left.append(Piece(f"   {plain(self.note)}", "dim"))
        right = [Piece(f"{plain(self.problem)} ", "bad")] if self.problem else []
        if not self.problem and self.comparison is not None:
            count = len(self.verdicts)
            changed = f"{count:,} verdict{'s' * (count != 1)} changed" if count else ""
            right = [Piece(f"{changed} ", "accent")]
        self.query_one("#header", LineLabel).show(left, right)
        self._titled("compare", "" if self.model is None else self.model.summary)
        width = self.view.row_width
        self.query_one("#compare-head", LineLabel).show(self._head(width))
        keys = self.footer_pieces()
        if self._prefix:
            hints = (f"  {key} {a.label}" for key, a in PREFIXES[self._prefix].items())
            keys = [Piece(f" {self._prefix} ", "heading"), *(Piece(hint, "dim") for hint in hints)]
        self.query_one("#footer", LineLabel).show(keys)

    def _head(self, width: int) -> list[Piece]:
        """Both traces by name and verdict, above their columns."""
        beside = width >= SIDE_BY_SIDE
        each = (width - 5) // 2 if beside else max(4, width // 2 - 1)
        pieces: list[Piece] = []
        for letter, row, outcome in zip("AB", (self.left, self.right), self.outcomes, strict=True):
            glyph, role = GLYPHS.get(outcome, (" ", ""))
            title = fit(row_title(row), max(0, each - 7))
            used = 5 + len(plain(title))
            pieces += [
                Piece(f" {letter} ", ROLES[letter]),
                Piece(f"{glyph} ", role),
                Piece(title, "strong"),
            ]
            pieces.append(Piece(" " * max(1, each - used + (5 if beside else 0))))
        return pieces

    def _titled(self, pane: str, title: str) -> None:
        self.query_one(f"#{pane}-pane").border_title = Content(plain(title))

"""What the screens of matrix and scores share: what is looked at, counting in a worker that can
be given up, and the bars around it.

Counting starts anew when the history has changed, rests in proportion to what it took, and is
remembered by the desk until the history changes.
"""

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any

import msgspec
from textual import events, on, work
from textual.content import Content
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from tracedesk.desk import Desk
from tracedesk.evaluation.gather import Gathered, in_effect, traces_of
from tracedesk.evaluation.regressions import Edit
from tracedesk.evaluation.trends import Choice, Survey
from tracedesk.evaluation.windows import PRESETS, Window, since_ns
from tracedesk.query.filter import FilterError, parse_filter
from tracedesk.query.text import counted
from tracedesk.tui.actions import PANE_TITLES
from tracedesk.tui.lines import Piece
from tracedesk.tui.screens.footed import OwnScreen
from tracedesk.tui.steady import report
from tracedesk.tui.text import plain
from tracedesk.tui.view_models.bars import so_far
from tracedesk.tui.view_models.counted import Looking, following
from tracedesk.tui.view_models.place import Place
from tracedesk.tui.view_models.trace_list import row_title
from tracedesk.tui.widgets.field_bar import FieldBar
from tracedesk.tui.widgets.line_label import LineLabel

POLL_S = 0.5
REST = 4
"""Rest after counting, in times of what it took."""

TOLD_EVERY = 500
"""Executions between two reports of how far counting is."""

TITLES_READ = 500
"""Traces that are called by their names in a list of failures; the others by their ids."""

ShowPlace = Callable[[Place], None]


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class Counted(Message):
    """The results in a window were counted."""

    def __init__(self, looking: Looking, gathered: Gathered, edits: list[Edit]) -> None:
        super().__init__()
        self.looking = looking
        self.gathered = gathered
        self.edits = edits


class CountedSoFar(Message):
    """How many executions were looked at."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def can_replace(self, message: Message) -> bool:
        """Only the last number is shown."""
        return isinstance(message, CountedSoFar)


class CountingScreen(OwnScreen):
    """A screen over the history; subclasses show what was counted."""

    title_text = ""
    looked_through = False
    """True where edits of case files are wanted too."""

    def __init__(self, desk: Desk, now_ns: Callable[[], int], show_place: ShowPlace) -> None:
        super().__init__()
        self.desk = desk
        self.now_ns = now_ns
        self.show_place = show_place
        self.pane = ""
        self.looking = Looking()
        self.gathered: Gathered | None = None
        self.edits: list[Edit] = []
        self.problem = ""
        self._seen: object = None
        self._counting = False
        self._so_far = 0
        self._told_evaluated = ""
        self._asked_at = 0.0
        self._rest_until = 0.0

    def on_mount(self) -> None:
        self.poll()
        self.set_interval(POLL_S, self.poll)

    # -- counting --------------------------------------------------------------------

    def poll(self) -> None:
        """Count again when the history or the files have changed, and say how far a run is."""
        if self._evaluated() != self._told_evaluated:
            self.show_bars()
        now = self._now()
        if now != self._seen and not self._counting and perf_counter() >= self._rest_until:
            self.recount()

    def _now(self) -> object:
        return (self.desk.store.revision(), self.desk.files)

    def recount(self) -> None:
        """Count what is looked at now; what was being counted is given up."""
        self._seen = self._now()
        self._counting = True
        self._so_far = 0
        self._asked_at = perf_counter()
        self.problem = ""
        self.count(self.looking)
        self.show_bars()

    @work(thread=True, exclusive=True, exit_on_error=False, group="counting")
    def count(self, looking: Looking) -> None:
        """Gather and count the results in the window."""
        breathe = self._breathe()
        desk = self.desk
        traces = None
        if looking.filter:
            traces = traces_of(desk.store, parse_filter(looking.filter))
        window = Window(since_ns=self._since(looking), traces=traces)
        try:
            gathered = desk.gatherer.gather(window, in_effect(desk.files), breathe)
            edits = desk.gatherer.edits(breathe) if self.looked_through else []
            self.sum_up(gathered.survey, looking.choice)
            breathe()
        except GivenUpError:
            return
        self.post_message(Counted(looking, gathered, edits))

    def _since(self, looking: Looking) -> int | None:
        """The beginning of the window, to the minute, so that what was counted is found again."""
        since = since_ns(looking.preset, self.now_ns())
        return None if since is None else since // 60_000_000_000 * 60_000_000_000

    def _breathe(self) -> Callable[[], None]:
        """Says how far it is now and then, and stops when nobody waits."""
        worker, seen = get_current_worker(), 0

        def breathe() -> None:
            nonlocal seen
            seen += 1
            if worker.is_cancelled:
                raise GivenUpError
            if not seen % TOLD_EVERY:
                self.post_message(CountedSoFar(seen))

        return breathe

    def titles_of(self, traces: Iterable[str]) -> dict[str, str]:
        """What people call some traces; of many, the first. For workers."""
        found = {}
        for trace in list(dict.fromkeys(traces))[:TITLES_READ]:
            row = self.desk.store.row(trace)
            if row is not None:
                found[trace] = row_title(row)
        return found

    @on(CountedSoFar)
    def _counted_so_far(self, message: CountedSoFar) -> None:
        if self._counting:
            self._so_far = message.number
            self.show_bars()

    @on(Counted)
    def _counted(self, message: Counted) -> None:
        if message.looking != self._asked_for(message.looking):
            return
        now = perf_counter()
        self._counting = False
        self._rest_until = now + REST * (now - self._asked_at)
        self.gathered, self.edits = message.gathered, message.edits
        self.show()
        self.show_bars()

    def _asked_for(self, answered: Looking) -> Looking:
        """Agent, version and environment are chosen from what is counted, and need no counting."""
        return msgspec.structs.replace(
            self.looking,
            agent_id=answered.agent_id,
            version=answered.version,
            environment=answered.environment,
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        worker: Worker[Any] = event.worker
        if event.state is WorkerState.ERROR and worker.error is not None:
            self._counting = False
            self.problem = f"{worker.error}"
            self.show_bars()
            report(self, worker.error, f"reading {worker.group}")

    # -- what is looked at -----------------------------------------------------------

    @property
    def choice(self) -> Choice:
        """The slice of what was counted that is shown."""
        return self.looking.choice

    def look(self, **changes: Any) -> None:
        """Look at something else; only another window is counted anew."""
        before = self.looking
        self.looking = msgspec.structs.replace(before, **changes)
        if (before.preset, before.filter) != (self.looking.preset, self.looking.filter):
            self.recount()
        elif self.gathered is not None:
            self.show()
        self.show_bars()

    def action_window(self) -> None:
        at = PRESETS.index(self.looking.preset)
        self.look(preset=PRESETS[(at + 1) % len(PRESETS)])

    def action_next_agent(self) -> None:
        agents = self.gathered.survey.agents if self.gathered is not None else []
        chosen = following(agents, self.looking.agent_id)
        self.look(agent_id=chosen, version=None, environment=None)

    def action_next_version(self) -> None:
        if self.gathered is not None:
            self._next_fact("version", self.gathered.survey.versions(self._but("version")))

    def action_next_environment(self) -> None:
        if self.gathered is not None:
            there = self.gathered.survey.environments(self._but("environment"))
            self._next_fact("environment", there)

    def _but(self, fact: str) -> Choice:
        """What is chosen, one fact aside."""
        return msgspec.structs.replace(self.choice, **{fact: None})

    def _next_fact(self, fact: str, there: Sequence[str]) -> None:
        if any(there):
            self.look(**{fact: following(there, getattr(self.looking, fact))})
        else:
            article = "an" if fact == "environment" else "a"
            told = f"No trace states {article} {fact}; send metadata.{fact}."
            self.notify(told, markup=False)

    def action_narrow(self) -> None:
        self.query_one("#count-filter", FieldBar).open(self.looking.filter)

    @on(FieldBar.Edited, "#count-filter")
    def _filter_edited(self, message: FieldBar.Edited) -> None:
        try:
            parse_filter(message.text)
        except FilterError as fault:
            message.bar.problem(str(fault))
            return
        message.bar.problem(None)
        if message.done:
            message.bar.close()
            self.go_home()
            self.look(filter=message.text.strip())

    @on(FieldBar.Left, "#count-filter")
    def _filter_left(self, message: FieldBar.Left) -> None:
        message.bar.close()
        self.go_home()

    # -- for subclasses --------------------------------------------------------------

    def sum_up(self, survey: Survey, choice: Choice) -> None:
        """Compute what ``show`` will ask of the survey, in the worker that counted."""
        survey.tally(choice)

    def show(self) -> None:
        """Show what was counted."""
        raise NotImplementedError

    def go_home(self) -> None:
        """Give the main list the focus."""
        raise NotImplementedError

    # -- bars ------------------------------------------------------------------------

    def show_bars(self) -> None:
        """What is looked at, how far counting is, and the keys of the pane."""
        left = [
            Piece(f" {self.title_text}", "heading"),
            Piece(f"   {plain(self.looking.words(self.desk.agent_name))}"),
        ]
        self._told_evaluated = self._evaluated()
        right = [Piece(f"{self._told_evaluated} · ", "warn")] if self._told_evaluated else []
        if self.problem:
            right.append(Piece(f"{plain(self.problem)} ", "bad"))
        elif self._counting:
            far = f" {self._so_far:,}" if self._so_far else ""
            right.append(Piece(f"counting{far} … ", "accent"))
        elif self.gathered is not None:
            traces = counted(len(self.gathered.survey.tally(self.choice).traces), "trace")
            gone = len(self.gathered.gone)
            out = f" · {counted(gone, 'case')} not in effect left out" if gone else ""
            right.append(Piece(f"{traces}{out} ", "dim"))
        self.query_one("#header", LineLabel).show(left, right)
        self.query_one("#footer", LineLabel).show(self.footer_pieces())

    def _evaluated(self) -> str:
        """How far the run is whose results are counted as they come; blank when none is."""
        progress = self.desk.progress()
        if progress is None:
            return ""
        return so_far(progress.done, progress.total, paused=progress.paused)

    def why_empty(self) -> str:
        """What is missing when nothing was counted, and what to do about it."""
        if self.gathered is None:
            return ""
        if not self.desk.store.count():
            return " no trace is stored yet; the workbench shows how to send one"
        if not in_effect(self.desk.files).cases:
            paths = ", ".join(path.name for path in self.desk.workspace.case_paths)
            return f" no test case is active yet: put a file into {paths}/, and it runs when saved"
        if self.gathered.newest_ns is None:
            return " nothing was evaluated yet: no test case was meant for a stored trace"
        if self.looking.narrowed():
            return (
                " nothing evaluated fits this choice: w window, a agent, v version, e environment"
            )
        return " nothing was decided yet"

    def titled(self, pane: str, title: str, note: str = "") -> None:
        """Name a pane on its border."""
        box = self.query_one(f"#{pane}-pane")
        box.border_title = Content(plain(title))
        box.border_subtitle = Content(plain(note))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if widget.id in PANE_TITLES or widget.id == "entries":
            self.pane = "scores" if widget.id == "entries" else str(widget.id)
            self.show_bars()

    def action_leave(self) -> None:
        """One step back: out of the filter, the list of failures, the screen."""
        if self.looking.filter:
            self.look(filter="")
        else:
            self.dismiss()

"""Where a chosen assertion is to be written: a box over the panel of candidates."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.worker import get_current_worker

from tracedesk.authoring.author import Written
from tracedesk.authoring.candidates import Candidate
from tracedesk.authoring.effects import Effects
from tracedesk.authoring.effects import told as told_counts
from tracedesk.authoring.saving import SaveError
from tracedesk.authoring.targets import Target, free_name
from tracedesk.desk import Desk, OpenTrace
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.edit import EditError
from tracedesk.tui.bindings import bindings
from tracedesk.tui.lines import Piece
from tracedesk.tui.messages import CursorMoved, LineOpened
from tracedesk.tui.screens.asking import Entries, Field, Form
from tracedesk.tui.screens.previewing import Go, Previewing
from tracedesk.tui.text import plain
from tracedesk.tui.view_models.asserting import target_pieces
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from tracedesk.store.rows import TraceRow


class EffectCounted(Message):
    """What a candidate would say in one place, as far as it is counted."""

    def __init__(self, target: Target, effects: Effects) -> None:
        super().__init__()
        self.target = target
        self.effects = effects


class WrittenTo(Message):
    """The assertion was written."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


class NotWritten(Message):
    """The assertion could not be written."""

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


def told_of(effects: Effects) -> str:
    """``passes on 6, fails on 1 of 7 traces of booking``."""
    return f"{told_counts(effects.counts[0])} {effects.over}".strip()


def targets_of(desk: Desk, opened: OpenTrace) -> list[Target]:
    """Where an assertion about the open trace may go; the first one unless another is chosen."""
    verdicts = desk.verdicts(opened.row.id)
    cases = verdicts.cases if verdicts is not None else ()
    skipped = {case.case for case in cases if case.outcome is Outcome.SKIPPED}
    return desk.author.targets(opened.row, skipped)


class TargetsView(LineView):
    """A line a file or case."""

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__(id="targets")
        self.targets = targets

    def on_mount(self) -> None:
        self.changed(len(self.targets), 0)

    def paint(self, row: int, width: int) -> Iterable[Piece]:
        return target_pieces(self.targets[row], width)


class TargetScreen(Previewing):
    """Asks where the assertion is to be written. The last place is chosen already."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("target")]
    pane = "target"
    doing = "writing a test case"

    title_text = "Write to"
    hint = "Enter writes · Space flips · Esc goes back"

    def __init__(
        self,
        desk: Desk,
        opened: OpenTrace,
        candidate: Candidate,
        done: Callable[[Written], None],
        go: Go,
    ) -> None:
        super().__init__(desk, opened, go)
        self.candidate = candidate
        self._done = done
        self.title_text = f"Write to · {candidate.label}"[:90]
        self._targets = targets_of(desk, opened)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(plain(self.title_text))
            box.border_subtitle = Content(self.hint)
            yield LineLabel(id="over")
            yield self.lines()

    def lines(self) -> LineView:
        return TargetsView(self._targets)

    def on_mount(self) -> None:
        super().on_mount()
        self._moved()

    @on(CursorMoved)
    def _moved(self) -> None:
        """What the assertion says of the traces that the case under the cursor is about."""
        self._show_effect(None)
        self._count(self._target)

    @work(thread=True, exclusive=True, exit_on_error=False, group="effect")
    def _count(self, target: Target) -> None:
        worker, opened, author = get_current_worker(), self.opened, self.desk.author

        def tell(effects: Effects) -> None:
            if not worker.is_cancelled:
                self.post_message(EffectCounted(target, effects))

        scope = author.scope(target, opened.row, opened.trace)
        author.effects([self.candidate], opened.row, scope, tell, lambda: worker.is_cancelled)

    @on(EffectCounted)
    def _counted(self, message: EffectCounted) -> None:
        if message.target == self._target:
            self._show_effect(message.effects)

    def _show_effect(self, effects: Effects | None) -> None:
        self.tell("" if effects is None else told_of(effects))

    @on(LineOpened)
    def _opened(self) -> None:
        self.action_write()

    @property
    def _target(self) -> Target:
        return self._targets[self.query_one(TargetsView).cursor]

    def chosen(self) -> tuple[Target, Candidate]:
        return self._target, self.candidate

    def action_write(self) -> None:
        target = self._target
        if target.case:
            self._write(target, self.opened.row)
            return
        file = next((each for each in self.desk.files if each.path == target.file), None)
        name = free_name(self.candidate.label[:80], file)
        fields = [Field("name", "Case", name, "what must be true, in a few words")]
        if target.new:
            fields.insert(0, Field("file", "File", target.file, "testcases/name.yaml"))
        title = "New file" if target.new else f"New case in {target.file}"
        form = Form(title, fields, lambda entries: self._new(target, entries), self._written)
        form.verb = "writes"
        self.app.push_screen(form)

    def _new(self, target: Target, entries: Entries) -> Written:
        """Called in a worker. Raises EditError and SaveError."""
        if not entries["name"]:
            raise EditError("a case needs a name")
        file = entries.get("file") or target.file
        return self._write_now(Target(file, new=target.new), entries["name"])

    def _write_now(self, target: Target, name: str = "") -> Written:
        opened = self.opened
        both = (opened.trace, opened.reading)
        return self.desk.author.write(target, self.candidate.assertion, opened.row, both, name)

    @work(thread=True, exclusive=True, exit_on_error=False, group="write")
    def _write(self, target: Target, row: "TraceRow") -> None:
        try:
            self.post_message(WrittenTo(self._write_now(target)))
        except (EditError, SaveError) as fault:
            self.post_message(NotWritten(str(fault)))

    @on(WrittenTo)
    def _was_written(self, message: WrittenTo) -> None:
        self._written(message.written)

    @on(NotWritten)
    def _refused(self, message: NotWritten) -> None:
        self.notify(message.problem, severity="warning", markup=False)

    def _written(self, written: Written) -> None:
        self.dismiss()
        self._done(written)

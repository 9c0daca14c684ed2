"""Jump mode: a label on every pane, tab and row on screen; typing one goes there.

Works over any screen of ours: panes carry the class ``pane``, rows are those of the list that has
the focus. Panes that are not on screen stand on the last line.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, ClassVar

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tracedesk.tui.actions import PANE_TITLES
from tracedesk.tui.steady import Steady
from tracedesk.tui.widgets.detail.tabs import DetailTabs
from tracedesk.tui.widgets.line_view import LineView

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""Those under the fingers first."""


class Goal(msgspec.Struct, frozen=True):
    """One place to jump to, in cells of the screen."""

    x: int
    y: int
    go: Callable[[], object]
    title: str = ""
    """Said beside the label, where the place itself is not on screen."""


def labels(singles: int, pairs: int) -> list[str]:
    """So many labels of one letter, then so many of two that begin with none of those."""
    single = list(LETTERS[:singles])
    rest = (a + b for a, b in product(LETTERS[singles:], LETTERS))
    return single + [label for label, _ in zip(rest, range(pairs), strict=False)]


def places(screen: "Screen[Any]") -> tuple[list[Goal], list[Goal]]:
    """Panes and tabs, and rows."""
    near = list(_panes(screen))
    tabs = screen.query(DetailTabs)
    if tabs and tabs.first().size and screen.can_view_entire(tabs.first()):
        region = tabs.first().region
        for start, tab in tabs.first().starts:
            near.append(Goal(region.x + start, region.y, _choice(tabs.first(), tab)))
    return near, list(_rows(screen.focused))


def _panes(screen: "Screen[Any]") -> Iterator[Goal]:
    x = 1
    for pane in screen.query(".pane"):
        views = [view for view in pane.query(LineView) if view.can_focus]
        if not views:
            continue
        name = (pane.id or "").removesuffix("-pane")
        if pane.display and pane.region:
            yield Goal(pane.region.x + 1, pane.region.y, _entering(screen, name, views[0]))
        elif hasattr(screen, "go_to_pane"):
            title = PANE_TITLES.get(name, name)
            yield Goal(x, screen.size.height - 1, _entering(screen, name, views[0]), title)
            x += len(title) + 4


def _entering(screen: Any, name: str, view: LineView) -> Callable[[], object]:
    go_to_pane = getattr(screen, "go_to_pane", None)
    return view.focus if go_to_pane is None else lambda: go_to_pane(name)


def _choice(tabs: DetailTabs, tab: str) -> Callable[[], object]:
    return lambda: tabs.post_message(DetailTabs.Chosen(tab))


def _rows(view: object) -> Iterator[Goal]:
    if not isinstance(view, LineView):
        return
    region, top = view.content_region, view.scroll_offset.y
    for row in range(top, min(view.count, top + region.height)):
        yield Goal(region.x, region.y + row - top, _moving(view, row))


def _moving(view: LineView, row: int) -> Callable[[], object]:
    return lambda: setattr(view, "cursor", row)


class JumpScreen(Steady, ModalScreen[None]):
    """The labels, over the screen as it is; any other key leaves."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, near: Sequence[Goal], rows: Sequence[Goal]) -> None:
        super().__init__()
        near = near[: len(LETTERS) - 4]
        goals = (*near, *rows)
        self.goals = dict(zip(labels(len(near), len(rows)), goals, strict=False))
        self.typed = ""

    def compose(self) -> ComposeResult:
        if any(goal.title for goal in self.goals.values()):  # they stand where the footer is
            ground = Static("", classes="jump-ground")
            ground.styles.offset = (0, self.app.size.height - 1)
            yield ground
        for label, goal in self.goals.items():
            words = f"{label} {goal.title} " if goal.title else label
            mark = Static(words, classes="jump", markup=False)
            mark.styles.offset = (goal.x, goal.y)
            yield mark

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.typed += event.character or " "
        goal = self.goals.get(self.typed)
        if goal is not None:
            self.dismiss()
            goal.go()
        elif event.key == "escape" or not any(map(self._goes_on, self.goals)):
            self.dismiss()
        else:
            for label, mark in zip(self.goals, self.query(".jump"), strict=True):
                mark.set_class(not self._goes_on(label), "-out")

    def _goes_on(self, label: str) -> bool:
        return label.startswith(self.typed)

    def on_click(self) -> None:
        self.dismiss()

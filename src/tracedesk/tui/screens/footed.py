"""A screen with keys in its footer: a click on one does what it names."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from tracedesk.tui.actions import ALL_ACTIONS, Action, footer_for, key_name
from tracedesk.tui.bindings import bindings
from tracedesk.tui.doing import do
from tracedesk.tui.lines import Piece
from tracedesk.tui.screens.modals import HelpScreen
from tracedesk.tui.steady import Steady
from tracedesk.tui.view_models import bars
from tracedesk.tui.widgets.line_label import LineLabel
from tracedesk.tui.widgets.roles import RoleScreen

BACK = next(a for a in ALL_ACTIONS if a.name == "leave")


class Footed(Steady, RoleScreen):
    """A screen with a footer."""

    pane = ""
    """The pane at work."""

    def footer_actions(self) -> Iterable[Action]:
        """What stands in the footer."""
        return footer_for(self.pane)

    @on(LineLabel.Clicked, "#footer")
    async def _key_clicked(self, message: LineLabel.Clicked) -> None:
        """A key and its label stand side by side, and either may be clicked."""
        for action in self.footer_actions():
            if named(action, message.pieces, message.at):
                if "." in action.name:
                    await do(self.app, action)
                else:
                    await self.run_action(action.name)
                return


class OwnScreen(Footed):
    """A screen beside the workbench: help, and the ways out of it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screen")]

    def footer_actions(self) -> Iterable[Action]:
        return (BACK, *super().footer_actions())

    def footer_pieces(self) -> list[Piece]:
        """The footer of a screen of its own: the way back, then the keys of the pane at work."""
        back = [Piece(f" {key_name(BACK.keys[0])}", "accent"), Piece(f" {BACK.label}  ", "dim")]
        if not self.pane:
            return back
        return [*back, *bars.footer(footer_for(self.pane), self.size.width - 11)]

    def action_help(self) -> None:
        """The keys of this screen, and those that work everywhere."""
        self.app.push_screen(HelpScreen(self.pane))

    def action_leave(self) -> None:
        """One step back, which leads out of the screen."""
        self.dismiss()

    def action_close(self) -> None:
        """To the workbench, however deep one is."""
        self.dismiss()


def named(action: Action, pieces: Sequence[Piece], at: int) -> bool:
    """Does the piece at a place name an action, by its key or its label?"""
    if not action.keys:
        return False
    wanted = [key_name(action.keys[0]), action.label]
    pairs = (pieces[first : first + 2] for first in (at - 1, at) if first >= 0)
    return any([piece.text.strip() for piece in pair] == wanted for pair in pairs)

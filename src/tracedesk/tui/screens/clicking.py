"""Clicks on the bars: a key of the footer does what it names, a crumb leads back to its pane."""

from collections.abc import Iterable

from textual import on

from tracedesk.tui.actions import Action, footer_for
from tracedesk.tui.screens.resuming import Resuming
from tracedesk.tui.widgets.line_label import LineLabel

CRUMBS = ("list", "tree", "detail")
"""The panes that the crumbs lead to, from the left."""


class Clicking(Resuming):
    """The workbench under a mouse."""

    def footer_actions(self) -> Iterable[Action]:
        return footer_for("" if self.has_class("-empty") else self.pane)

    @on(LineLabel.Clicked, "#breadcrumb")
    def _crumb_clicked(self, message: LineLabel.Clicked) -> None:
        text = message.pieces[message.at].text
        if message.at >= message.left:
            if "Esc" in text:
                self.action_back()
            return
        crumb = sum("›" in piece.text for piece in message.pieces[: message.at])
        if self.opened is not None or not crumb:
            self.go_to_pane(CRUMBS[min(crumb, len(CRUMBS) - 1)])

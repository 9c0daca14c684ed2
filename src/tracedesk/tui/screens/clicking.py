"""Clicks on the bars: a key of the footer does what it names, a crumb leads back to its pane."""

from textual import on

from tracedesk.tui.actions import footer_for, key_name
from tracedesk.tui.doing import do
from tracedesk.tui.screens.resuming import Resuming
from tracedesk.tui.widgets.line_label import LineLabel

CRUMBS = ("list", "tree", "detail")
"""The panes that the crumbs lead to, from the left."""


class Clicking(Resuming):
    """The workbench under a mouse."""

    @on(LineLabel.Clicked, "#footer")
    async def _key_clicked(self, message: LineLabel.Clicked) -> None:
        named = message.pieces[max(0, message.at - message.at % 2 - 1) :][:2]
        if message.at % 2:  # keys stand at odd places, their labels behind them
            named = message.pieces[message.at : message.at + 2]
        words = [piece.text.strip() for piece in named]
        for action in footer_for("" if self.has_class("-empty") else self.pane):
            if action.keys and words == [key_name(action.keys[0]), action.label]:
                await do(self.app, action)
                return

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

"""Keys that the bindings of a widget cannot know: the second of two, and those that have nothing to
work on while no trace is there.
"""

from textual import events

from tracedesk.tui.actions import ACTIONS, PREFIXES, Action, key_name
from tracedesk.tui.screens.clicking import Clicking

WITHOUT_A_TRACE = (
    "edit_here", "undo_edit", "agents", "matrix", "scores", "hold", "cancel_run", "flips",
    "ledger", "help",
)  # fmt: skip
"""What does something on an empty workbench, besides what the app does anywhere."""

BY_KEY = {
    key: action
    for action in ACTIONS for key in action.keys if action.pane in ("", "list", "lines")
}  # fmt: skip
"""What a key does on the list, where an empty workbench has its focus."""


class Keyed(Clicking):
    """The workbench under a keyboard."""

    prefix = ""
    """The first key of a two-key command, once it was pressed."""

    async def on_key(self, event: events.Key) -> None:
        """Keys come here in the order typed, so the second of two never overtakes the first."""
        key = event.character or event.key
        if self.prefix:
            prefix, self.prefix = self.prefix, ""
            self.show_bars()
            action = PREFIXES[prefix].get(key)
            event.stop()
            event.prevent_default()
            if action is not None and not self.lacks_a_trace(action):
                await self.run_action(action.name)
        elif key in PREFIXES:
            self.prefix = key
            event.stop()
            event.prevent_default()
            self.show_bars()
        elif (found := BY_KEY.get(event.key) or BY_KEY.get(key)) and self.lacks_a_trace(found):
            event.stop()
            event.prevent_default()

    def lacks_a_trace(self, action: Action) -> bool:
        """Say so, when an action has nothing to work on because no trace has arrived yet."""
        if not self.has_class("-empty") or action.name in WITHOUT_A_TRACE or "." in action.name:
            return False
        key = key_name(action.keys[0]) if action.keys else ""
        if action.name == "back":
            self.notify("There is nothing to go back to; q leaves.")
        else:
            told = f"{action.label!r} needs a trace, and none has arrived yet."
            self.notify(f"{key}: {told}" if key else told, markup=False)
        return True

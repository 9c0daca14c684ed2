"""The action registry as Textual bindings. Two-key commands are the workbench's own affair."""

from textual.binding import Binding

from tracedesk.tui.actions import ALL_ACTIONS


def bindings(pane: str, *, priority: bool = False) -> list[Binding]:
    """Bindings of one pane; ``lines`` is what all lists share, blank the whole workbench. With
    ``priority`` they come before those of what has the focus."""
    made = []
    for action in ALL_ACTIONS:
        keys = [key for key in action.keys if " " not in key]
        if action.pane != pane or not keys:
            continue
        local = pane == "lines" or "." in action.name
        made.append(
            Binding(
                ",".join(keys),
                action.name if local else f"screen.{action.name}",
                action.label,
                show=False,
                priority=priority,
                tooltip=action.help,
                id=f"{pane or 'screen'}.{action.name}",
            )
        )
    return made

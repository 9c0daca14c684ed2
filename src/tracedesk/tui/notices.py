"""Notifications that do not pile up: a few at a time, equal ones counted on one."""

from textual.app import App
from textual.notifications import Notification, Notify

AT_ONCE = 3
"""Notifications on screen; an older one makes room, one of an error last."""


class Notices(App[None]):
    """The app as far as it notifies."""

    def on_notify(self, event: Notify) -> None:
        """Show a notification in the place of its equals, and no more than a few."""
        event.prevent_default()  # the framework would show each for itself
        told, shown = event.notification, self._notifications
        text, number = told.message, 1
        for other in list(shown):
            same = (other.severity, other.title) == (told.severity, told.title)
            if same and (times := _times(other.message, text)):
                number += times
                del shown[other]
        message = text if number == 1 else f"{text} ({number} times)"
        shown.add(Notification(message, told.title, told.severity, told.timeout,
                               markup=told.markup))  # fmt: skip
        while len(shown) > AT_ONCE:
            older = sorted(list(shown)[:-1], key=lambda n: n.severity == "error")
            del shown[older[0]]
        self._refresh_notifications()


def _times(shown: str, text: str) -> int:
    """How often a notification says a text; 0 when it says something else."""
    if shown == text:
        return 1
    count = shown.removeprefix(text)
    if count == shown or not (count.startswith(" (") and count.endswith(" times)")):
        return 0
    number = count[2:-7]
    return int(number) if number.isdecimal() else 0

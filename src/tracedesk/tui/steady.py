"""An unexpected error costs one message, never the app: it is logged and named on screen."""

import logging
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.message import Message

log = logging.getLogger("tracedesk.tui")


class Steady(MessagePump):
    """Mixed into app, screens and widgets of ours: their message loops survive an error."""

    async def _dispatch_message(self, message: "Message") -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            report(self, error, f"{type(self).__name__} on {type(message).__name__}")


def report(pump: MessagePump, error: BaseException, where: str) -> None:
    """Log an unexpected error with its trace-back and name it in a notification."""
    log.error("unexpected error in %s", where, exc_info=error)
    app = pump.app
    if getattr(app, "strict", False) and isinstance(error, Exception):
        raise error
    app.notify(
        f"{type(error).__name__}: {error}\nin {where}; the log has the details.",
        title="Something went wrong",
        severity="error",
        markup=False,
    )

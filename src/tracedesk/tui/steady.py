"""An unexpected error costs one message, never the app: it is logged and named on screen."""

import logging
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

if TYPE_CHECKING:
    from textual.message import Message

log = logging.getLogger("tracedesk.tui")


class Steady(MessagePump):
    """Mixed into app, screens and widgets of ours: their message loops survive an error."""

    async def _dispatch_message(self, message: "Message") -> None:
        try:
            await super()._dispatch_message(message)
            self._heed_worker(message)
        except Exception as error:
            report(self, error, f"{type(self).__name__} on {type(message).__name__}")

    def _heed_worker(self, message: "Message") -> None:
        """A worker that failed is told of here, unless its screen does so itself."""
        if isinstance(message, Worker.StateChanged) and message.state is WorkerState.ERROR:
            worker = message.worker
            if worker.error is not None and not hasattr(self, "on_worker_state_changed"):
                report(self, worker.error, worker.group)


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

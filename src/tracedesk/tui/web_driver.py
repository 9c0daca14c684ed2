"""The driver of a session in a browser: Textual's own, that also knows when nobody is there.

Whoever serves the session holds both ends of its pipes. When that process is gone, killed even,
the app ends as it does when a terminal is closed, and is not left behind.
"""

import os
from typing import Any

from textual.drivers.web_driver import WebDriver


class BrowserDriver(WebDriver):
    """Named to the app by ``TEXTUAL_DRIVER``."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._write: Any = self._write_all

    def _write_all(self, data: bytes) -> int:
        """Write a packet whole: one cut short by a signal would garble all that follow."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self.fileno, left) :]
        except BrokenPipeError:  # nobody looks any more; the end of the input tells the app
            pass
        return len(data)

    def run_input_thread(self) -> None:
        """Read keys until the app ends, or until nobody is there to send any."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._loop.call_soon_threadsafe(self._app.exit)

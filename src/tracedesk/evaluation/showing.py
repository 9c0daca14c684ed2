"""Who shows the open trace hears of its results at once, and paints them before all else goes on.

Python runs one thread at a time: a screen that had to look for new results, and then to share
the processor with the evaluation of thousands of other traces, would show them many times
later than they were found.
"""

import threading
from collections.abc import Callable

PATIENCE_S = 0.1
"""How long the evaluator stands back at most. A screen paints within a tenth of it; on a machine
that is busy with other things it takes several times as long."""


class Showing:
    """Between the evaluator's thread and the screen's. ``listener`` is called by the former with
    the id of the open trace; it returns at once and sees to it that ``painted`` is called."""

    def __init__(self, listener: Callable[[str], None]) -> None:
        self._listener = listener
        self._painted = threading.Event()

    def tell(self, trace_id: str) -> None:
        """There are newer results of the open trace. Returns when they are painted, or after
        ``PATIENCE_S``."""
        self._painted.clear()
        self._listener(trace_id)
        self._painted.wait(PATIENCE_S)

    def painted(self) -> None:
        """What was told last is on the screen. For any thread."""
        self._painted.set()

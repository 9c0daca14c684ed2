"""What other threads ask of the evaluator's thread: every lock and every flag between them.

Asking returns at once; the thread looks at what was asked before its next slice of work.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from tracedesk.evaluation.replay import Replay
from tracedesk.model.execution import Execution
from tracedesk.testcases.models import CaseFile


class Orders:
    """The asking half of ``Evaluator``."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._stopping = False
        self._paused = False
        self._cancelled = False
        self._resumed = False
        self._save_expected = False
        self._asked = False
        """Something was asked for that the running slice does not know of."""
        self._new_files: tuple[CaseFile, ...] | None = None
        self._asked_at = time.perf_counter()
        self._opened: str | None = None
        self._screen: tuple[str, ...] = ()
        self._replays: deque[Replay] = deque()
        self._settle_asked = self._settle_done = self._recorded_done = 0

    # -- for other threads -------------------------------------------------------------

    def set_files(self, files: Sequence[CaseFile]) -> None:
        """Evaluate by these files from now on; only what changed in them runs again."""
        with self._wake:
            self._new_files = tuple(files)
            self._asked_at = time.perf_counter()
            self._ask()

    def expect_save(self) -> None:
        """Somebody edits a case file: be ready for a save within half a minute."""
        with self._wake:
            self._save_expected = True
            self._ask()

    def open(self, trace_id: str | None) -> None:
        """Put one trace first in line and keep its evidence; None when none is open."""
        with self._wake:
            self._opened = trace_id
            self._ask()

    def on_screen(self, trace_ids: Sequence[str]) -> None:
        """Traces to evaluate right after the open one."""
        with self._wake:
            self._screen = tuple(trace_ids)
            self._ask()

    @property
    def paused(self) -> bool:
        """Whether nothing is evaluated until ``resume``."""
        return self._paused

    def pause(self) -> None:
        """Evaluate nothing after the pair at hand until ``resume``; what is due stays pending."""
        with self._wake:
            self._paused = True
            self._ask()

    def resume(self) -> None:
        """Go on after ``pause``, and take up again what was cancelled."""
        with self._wake:
            self._paused = False
            self._resumed = True
            self._ask()

    def cancel(self) -> None:
        """Leave undone what is due now. It stays pending, never green, until its trace or its case
        changes, it is opened, or ``resume`` is called."""
        with self._wake:
            self._cancelled = True
            self._ask()

    def run_case(self, trace_id: str, *case_ids: str) -> "Future[Execution]":
        """Run cases on a stored trace now, whatever their status, and have the execution kept as a
        replay; its ``number`` is not known yet. The future fails with LookupError when there is
        no such trace or case, and with StoreError."""
        replay = Replay(trace_id, case_ids)
        with self._wake:
            if self._stopping:
                replay.future.cancel()
            else:
                self._replays.append(replay)
            self._ask()
        return replay.future

    def settle(self, timeout_s: float = 10.0, *, recorded: bool = False) -> bool:
        """Wait until everything stored and loaded by now is evaluated, what was cancelled aside,
        and with ``recorded`` until its executions are stored; False after the timeout."""
        with self._wake:
            self._settle_asked += 1
            wanted = self._settle_asked
            self._ask()
            return self._wake.wait_for(
                lambda: (
                    (self._recorded_done if recorded else self._settle_done) >= wanted
                    or self._stopping
                ),
                timeout_s,
            )

    def _come_back(self) -> None:
        """The assistant or the writer is through with something: look at it soon. Called by
        their threads."""
        with self._wake:
            self._ask()

    def _ask(self) -> None:
        self._asked = True
        self._wake.notify_all()

    # -- for the thread ----------------------------------------------------------------

    def _begin_turn(self) -> int:
        """Whatever is asked from here on is new; the number of the last ``settle``."""
        with self._wake:
            self._asked = False
            return self._settle_asked

    def _took_files(self, files: tuple[CaseFile, ...]) -> None:
        """These files apply, unless there are newer ones already."""
        with self._wake:
            if self._new_files is files:
                self._new_files = None

    def _take_cancelled(self) -> tuple[bool, bool]:
        """Whether the present work was cancelled, and whether it is to be taken up again."""
        with self._wake:
            asked = self._cancelled, self._resumed
            self._cancelled = self._resumed = False
            return asked

    def _settled(self, asked: int, *, recorded: bool) -> None:
        """Nothing is due of what was known when ``settle`` was asked for that time."""
        with self._wake:
            self._settle_done = asked
            if recorded:
                self._recorded_done = asked
            self._wake.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._asked or self._stopping, seconds)

    def _end(self) -> None:
        """Have the thread end; whoever still waits for a replay is told that it is not coming."""
        with self._wake:
            self._stopping = True
            self._ask()
            for replay in self._replays:
                replay.future.cancel()

"""What the evaluator has the store keep: executions, what was read of traces, and what the list
shows of it. Nothing of that is urgent, and none is held without bounds.

Only the evaluator's thread uses it.
"""

from collections.abc import Callable, Sequence

import msgspec

from tracedesk.evaluation.keeping import Keeping
from tracedesk.evaluation.recorder import Ran, Recorder
from tracedesk.store.database import Store
from tracedesk.store.readings import KeptReading
from tracedesk.store.rows import Summary


class Upkeep:
    """``record``: executions and readings are kept, not summaries alone; nothing is in a store
    that is only read. ``wake`` is called, by another thread, whenever executions were written."""

    def __init__(self, store: Store, wake: Callable[[], None], *, record: bool) -> None:
        self._store = store
        self.records = record and not store.read_only
        self._recorder = Recorder(store, wake) if self.records else None
        self._keeping = Keeping(store) if self.records else None
        self._summaries: list[Summary] = []

    def execution(self, found: Ran | msgspec.Raw) -> None:
        """Keep an execution, as it was found or ``packing.encoded``."""
        if self._recorder is not None:
            self._recorder.add(found)

    def readings(self, new: Sequence[KeptReading]) -> None:
        """Keep what was read of traces."""
        if self._keeping is not None:
            self._keeping.add(new)

    def summary(self, summary: Summary) -> None:
        """Keep what the list shows of a reading."""
        self._summaries.append(summary)

    def write(self, *, busy: bool) -> None:
        """Have some of it written; ``busy``: of the executions only what there is no room for.
        Raises StoreError."""
        summaries, self._summaries = self._summaries, []
        if summaries and not self._store.read_only:
            self._store.writer.summaries(summaries)
        if self._keeping is not None:
            self._keeping.write()
        if self._recorder is None:
            return
        if busy:
            self._recorder.make_room()
        else:
            self._recorder.write()

    @property
    def idle(self) -> bool:
        """The store has everything that is to be kept."""
        return (self._recorder is None or self._recorder.idle) and (
            self._keeping is None or self._keeping.idle
        )

    def finish(self) -> None:
        """Have all executions written, and wait for it."""
        if self._recorder is not None:
            self._recorder.finish()

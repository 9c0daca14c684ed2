"""Stored traces opened: decoded, drawn as a tree and read; a few are kept for going back.

What is kept is bounded in number and in bytes. Used by many threads.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec

from tracedesk.model.agent import Agent
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Span, Trace
from tracedesk.model.tree import SpanTree
from tracedesk.sketching import SketchKeeper
from tracedesk.store.database import Store
from tracedesk.store.rows import TraceRow
from tracedesk.store.sketched import SketchedSpans

OPEN_TRACES_KEPT, OPEN_BYTES_KEPT = 8, 32 << 20
"""Decoded traces kept for going back and forth in the list, and about their memory; a larger one
is kept until another is opened."""

SKETCHED_FROM = 5_000
"""Spans from which a tree is drawn before its trace is decoded; smaller ones take 0.1 s."""


class OpenTrace(msgspec.Struct, frozen=True):
    """A stored trace, decoded, drawn as a tree, and read."""

    row: TraceRow
    trace: Trace
    tree: SpanTree
    reading: Reading
    sketch: bool = False
    """True while attributes and reading are still being decoded (see ``Opener.sketch``)."""


class Opener:
    """Opens the traces of one store by the agents and ``[reading.map]`` of the moment."""

    def __init__(
        self,
        store: Store,
        agents: Callable[[], Mapping[str, Agent]],
        roles: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        self._store = store
        self._agents = agents
        self._roles = roles
        self._opened: OrderedDict[tuple[str, int], OpenTrace] = OrderedDict()
        self._weights: dict[tuple[str, int], int] = {}
        """About the bytes that each opened trace takes."""
        self._opened_lock = threading.Lock()

    def close_all(self) -> None:
        """Let go of everything: from now on it is read by other rules."""
        with self._opened_lock:
            self._opened.clear()
            self._weights.clear()

    def load(self, trace_id: str) -> OpenTrace | None:
        """Decode, draw and read one stored trace; None when there is none of that id.

        Takes as long as the trace is large: call it from a worker. Raises StoreError.
        """
        row = self._store.row(trace_id)
        if row is None:
            return None
        key = (row.id, row.revision)
        with self._opened_lock:
            if (known := self._opened.get(key)) is not None:
                self._opened.move_to_end(key)
                if known.row != row:  # marked, or read by other rules meanwhile
                    known = self._opened[key] = msgspec.structs.replace(known, row=row)
                return known
        from tracedesk.evaluation.load import load_trace, memory_of

        agent = self._agents().get(row.agent_id)
        loaded = load_trace(self._store, row, agent, self._roles())
        opened = OpenTrace(row, loaded.trace, _tree_of(loaded.trace.spans), loaded.reading)
        received = self._store.body_sizes([row.number]).get(row.number, 0)
        with self._opened_lock:
            self._opened[key] = opened
            self._weights[key] = memory_of(loaded.trace, received)
            self._close_older()
        return opened

    def let_go(self, trace_id: str) -> Reading | None:
        """Forget a decoded trace, so that it is read anew; its reading, if it was open."""
        with self._opened_lock:
            keys = [key for key in self._opened if key[0] == trace_id]
            found = [self._opened.pop(key).reading for key in keys]
            for key in keys:
                self._weights.pop(key, None)
        return found[-1] if found else None

    def _close_older(self) -> None:
        """Let go of traces that were opened before others, down to what is kept."""
        while len(self._opened) > 1 and (
            len(self._opened) > OPEN_TRACES_KEPT or sum(self._weights.values()) > OPEN_BYTES_KEPT
        ):
            key, _ = self._opened.popitem(last=False)
            self._weights.pop(key, None)

    def load_revision(self, row: TraceRow, revision: int) -> OpenTrace | None:
        """What a trace was before it was replaced; None when that is not kept. Takes as long
        as ``load``. Raises StoreError."""
        if revision == row.revision:
            return self.load(row.id)
        from tracedesk.evaluation.load import load_revision

        agent, roles = self._agents().get(row.agent_id), self._roles()
        loaded = load_revision(self._store, row, revision, agent, roles)
        if loaded is None:
            return None
        return OpenTrace(loaded.row, loaded.trace, _tree_of(loaded.trace.spans), loaded.reading)

    def sketch(self, trace_id: str, keeper: SketchKeeper | None = None) -> OpenTrace | None:
        """A large trace's tree without its bodies, to be looked at while ``load`` decodes it;
        None when it is small, already decoded, or not there.

        Its spans stand in row order and have names, kinds, times and statuses, but no attributes,
        and its reading is blank. ``keeper`` is given what was not kept. Raises StoreError.
        """
        row = self._store.row(trace_id)
        if row is None or row.span_count < SKETCHED_FROM:
            return None
        with self._opened_lock:
            if (row.id, row.revision) in self._opened:
                return None
        sketch = self._store.sketches.sketch(row.id)
        if sketch is None:
            return None
        if keeper is not None and not sketch.kept:
            keeper.take(row.id, sketch)
        spans = cast("list[Span]", SketchedSpans(sketch))  # looked at, never changed
        trace = Trace(format=Format(row.format), spans=spans, received_ns=row.received_ns)
        return OpenTrace(row, trace, sketch.tree, Reading(), sketch=True)


def _tree_of(spans: Sequence[Span]) -> SpanTree:
    return SpanTree.build(
        [span.span_id for span in spans],
        [span.parent_id for span in spans],
        [span.start_ns for span in spans],
    )

"""An open store, and the shortest way to hand it a trace."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracedesk.model.trace import Format, Span, Trace
from tracedesk.store import Incoming, Receipt, Store
from tracedesk.testing import T0_NS, make_span, make_trace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "traces.db") as opened:
        yield opened


@pytest.fixture
def incoming() -> Callable[..., Incoming]:
    """An ``Incoming`` whose body differs from every other unless one is given."""
    number = itertools.count()

    def make(trace: Trace | None = None, **fields: Any) -> Incoming:
        fields.setdefault("agent_id", "agent-1")
        fields.setdefault("routed_by", "key")
        fields.setdefault("body", b'{"n": %d}' % next(number))
        fields.setdefault("received_ns", T0_NS + next(number))
        return Incoming(trace=trace or make_trace(make_span("r", "Root")), **fields)

    return make


@pytest.fixture
def otlp(incoming: Callable[..., Incoming]) -> Callable[..., Incoming]:
    """One part of the OTLP trace ``abab…`` with these spans."""

    def make(*spans: Span, trace_id: str = "ab" * 16, **fields: Any) -> Incoming:
        trace = make_trace(*spans, format=Format.OTLP, trace_id=trace_id)
        return incoming(trace, mode="merge", **fields)

    return make


@pytest.fixture
def keep(store: Store) -> Callable[..., list[Receipt]]:
    """Store items in one submit and wait for the receipts."""

    def submit(*items: Incoming) -> list[Receipt]:
        return store.writer.submit(list(items)).result(timeout=30)

    return submit

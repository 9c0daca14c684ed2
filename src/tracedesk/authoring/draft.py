"""What candidates are made from: a place with all that belongs to it, and one draft of many."""

from functools import cached_property
from typing import Any, NamedTuple

from tracedesk.assertions import Settings
from tracedesk.assertions.trace_index import TraceIndex, index_of
from tracedesk.authoring.place import Place, call_at, root_value, span_at, value_at
from tracedesk.model.reading import Call, Reading
from tracedesk.model.trace import Span, Trace


class Draft(NamedTuple):
    """An assertion that may fit, not yet tried."""

    strength: str
    label: str
    assertion: dict[str, Any]


class At:
    """One place of one trace."""

    def __init__(self, place: Place, trace: Trace, reading: Reading, settings: Settings) -> None:
        self.place = place
        self.trace = trace
        self.reading = reading
        self.settings = settings

    @cached_property
    def span(self) -> Span | None:
        return span_at(self.place, self.trace)

    @cached_property
    def call(self) -> Call | None:
        return call_at(self.place, self.reading)

    @cached_property
    def root(self) -> Any:
        """The value that the steps lead into."""
        return root_value(self.place, self.trace, self.reading)

    @cached_property
    def value(self) -> Any:
        """The value at the place; ABSENT where there is none."""
        return value_at(self.place, self.trace, self.reading)

    @property
    def clock_ns(self) -> int:
        return self.trace.clock_ns

    @property
    def index(self) -> TraceIndex:
        return index_of(self.trace, self.reading, self.settings)

    def alike(self, call: Call) -> int:
        """How many calls the name of this one means."""
        from tracedesk.query.names import NameTest

        return len(self.index.resolve(NameTest(call.label)).calls)

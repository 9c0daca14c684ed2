"""Arguments held against the parameters that the trace itself declares for a tool.

What a trace does not declare is unknown, as what it did not record is.
"""

from typing import Any

from tracedesk.assertions.arguments import NO, UNKNOWN, Arguments, State
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Difference
from tracedesk.query.expected import Expected
from tracedesk.query.schemas import fault_told


class DeclaredArguments(Arguments):
    """``args_mode: schema``: the arguments satisfy what the trace declares for the tool.

    ``expected_arguments`` written beside it must hold too.
    """

    def __init__(self, source: dict[str, Any], members: dict[str, Expected]) -> None:
        super().__init__(source, members)

    def state(self, call: Call, index: TraceIndex) -> State:
        recorded = self.recorded(call)
        schema = index.declared_schema(call)
        if schema is None or recorded.state != "captured":
            return UNKNOWN
        if not schema.accepts(recorded.value):
            return NO
        return self._state(recorded, index.env)

    def misfits(self, call: Call, index: TraceIndex) -> int:
        return len(self.differences(call, index))

    def differences(self, call: Call, index: TraceIndex, first: bool = False) -> list[Difference]:
        """The schema's faults, then all differences against ``expected_arguments``."""
        schema = index.declared_schema(call)
        if schema is None or call.arguments_state != "captured":
            return []
        of = " of the declared parameters"
        faults = [fault_told(fault, of) for fault in schema.faults(call.arguments)]
        return faults + super().differences(call, index)

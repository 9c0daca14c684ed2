"""The calls of a trace as a judge reads them: a line each, in order, cut to a length.

The same trace always gives the same text, for the text is part of a question's address.
"""

from typing import Final

from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.query.values import show

CALLS: Final = 60
"""Calls that are told; the judge is told how many more there were."""
VALUE_CHARS: Final = 300


def calls_text(index: TraceIndex) -> str:
    """The call list, or that there is none."""
    ordered, _ = index.ordered(list(index.calls))
    lines = [_line(place, call) for place, call in enumerate(ordered[:CALLS], 1)]
    if len(ordered) > CALLS:
        lines.append(f"({len(ordered) - CALLS} more calls)")
    return "\n".join(lines) or "(no calls were recorded)"


def _line(place: int, call: Call) -> str:
    arguments = "" if call.arguments_state == "absent" else show(call.arguments, VALUE_CHARS)
    output = "" if call.output_state == "absent" else f" -> {show(call.output, VALUE_CHARS)}"
    kind = "tool" if call.tool else "node"
    failed = " FAILED" if call.status == "error" else ""
    name = " ".join(call.label.split())  # one of several lines would look like several calls
    return f"{place}. {kind} {name}({arguments}){failed}{output}"

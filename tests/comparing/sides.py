"""Sides out of a few words: ``side("plan search{q=1} book")`` is a root with these tools."""

import json
import re

from tracedesk.comparing.side import Side
from tracedesk.model.trace import Trace
from tracedesk.model.tree import SpanTree
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace

_CALL = re.compile(r"(\w+)(?:\{([^}]*)\})?")


def tree_of(trace: Trace) -> SpanTree:
    spans = trace.spans
    return SpanTree.build(
        [span.span_id for span in spans],
        [span.parent_id for span in spans],
        [span.start_ns for span in spans],
    )


def side_of(trace: Trace) -> Side:
    return Side(trace, tree_of(trace), read(trace))


def make_side(calls: str) -> Side:
    """A root and a tool for each word, one after another; ``q=1`` in braces is an argument."""
    tools = []
    for number, (name, given) in enumerate(_CALL.findall(calls)):
        pairs = (pair.split("=") for pair in given.split(",") if pair)
        arguments = {key: json.loads(value) for key, value in pairs} or None
        start = 10 * number
        tools.append(
            make_tool(
                f"t{number}", name, "root", arguments=arguments, start_ms=start, end_ms=start + 5
            )
        )
    root = make_span(
        "root",
        "agent",
        attributes={"gen_ai.operation.name": "invoke_agent"},
        start_ms=0,
        end_ms=10 * len(tools) + 10,
    )
    return side_of(make_trace(root, *tools))

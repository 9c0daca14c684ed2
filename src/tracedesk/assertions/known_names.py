"""Names on both sides: those that an assertion forbids, and those that a trace knows.

A forbidden name that nothing ever called or offered forbids nothing; whoever compares the two
sides over many traces can say so (assertion spec 10.5).
"""

from collections.abc import Iterator
from typing import Any

from tracedesk.assertions.assertion import Assertion
from tracedesk.assertions.call_rule import NodeCall
from tracedesk.assertions.combine import Combined, Negated
from tracedesk.assertions.settings import Settings
from tracedesk.assertions.tool_policy import ToolPolicy
from tracedesk.assertions.trace_index import index_of
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.query.names import NameTest


def forbidden_names(assertion: Assertion) -> list[NameTest]:
    """The names of which the assertion wants no call, in the order written."""
    return list(_forbidden(assertion.rule, negated=False))


def _forbidden(rule: Any, *, negated: bool) -> Iterator[NameTest]:
    match rule:
        case NodeCall():
            if (rule.high == 0) is not negated:
                yield rule.spec.test
            if not negated:
                for entry in rule.tools:
                    yield from _forbidden(entry, negated=False)
        case ToolPolicy() if not negated:
            yield from rule.forbidden
        case Combined():
            for child in rule.children:
                yield from _forbidden(child.rule, negated=negated)
        case Negated():
            yield from _forbidden(rule.child.rule, negated=not negated)


def names_known_to(trace: Trace, reading: Reading, settings: Settings) -> set[str]:
    """Every name that the trace called, skipped, asked for or had on offer."""
    index = index_of(trace, reading, settings)
    names = {name for call in index.calls for name in call.names}
    for span in index.spans:
        names.add(span.label)
        names.update(span.aliases or ())
    for message in reading.messages:
        names.update(name for name, _ in message.tool_calls)
    names.update(index.declared)
    return names

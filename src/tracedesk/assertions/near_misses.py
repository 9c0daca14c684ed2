"""Calls that almost satisfied a node_call, and what kept them from it.

The same name comes first, then fewest differing leaves, then edit distance (assertion
spec 11). At most ``EXAMINED`` calls are compared in full.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tracedesk.assertions.arguments import NO, UNKNOWN
from tracedesk.assertions.call_rule import Decision, NodeCall
from tracedesk.assertions.finding import plural
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Difference, Evidence, NearMiss
from tracedesk.query.expected import in_words
from tracedesk.query.names import fold, tolerance

MAX_NEAR_MISSES: Final = 3
"""Near misses listed; the rest is counted."""

EXAMINED: Final = 200
"""Calls of the right name that are compared in full."""


class Miss(msgspec.Struct, gc=False):
    """One call of the right name that did not satisfy, examined."""

    call: Call
    differences: list[Difference]
    code: str
    why: str
    matched: int
    total: int
    state: int
    evidence: list[Evidence]


def misses_of(rule: NodeCall, decision: Decision, index: TraceIndex) -> tuple[list[Miss], int]:
    """The nearest calls of the right name that do not satisfy, and how many more there are.

    All are counted, only those that are shown are put into words.
    """
    calls = decision.examined or decision.matching
    ranked = _ranked(rule, decision, calls, index)
    found: list[Miss] = []
    for _, wrong, number in ranked[:MAX_NEAR_MISSES]:
        brief = _in_brief(rule, calls[number], index, wrong) if found and wrong else None
        found.append(brief or examine(rule, calls[number], index))
    return found, len(ranked) - len(found) + max(0, len(calls) - EXAMINED)


def _ranked(
    rule: NodeCall, decision: Decision, calls: Sequence[Call], index: TraceIndex
) -> list[tuple[bool, int, int]]:
    """Of each call that does not satisfy: whether that is unknown, how much of it differs, and
    its place; the nearest call first."""
    satisfied = {id(call) for call in decision.yes}
    unknown = {id(call) for call in decision.unknown}
    one = len(calls) == 1 or rule.spec.leaves + len(rule.tools) == 1
    if one and not satisfied and not unknown:  # nothing to rank by
        return [(False, 1, number) for number in range(min(len(calls), EXAMINED))]
    ranked = []
    for number, call in enumerate(calls[:EXAMINED]):
        if id(call) not in satisfied:
            unsure = id(call) in unknown
            wrong = 0 if unsure else 1 if one else _wrong(rule, call, index)
            ranked.append((unsure, wrong, number))
    ranked.sort()
    return ranked


def _wrong(rule: NodeCall, call: Call, index: TraceIndex) -> int:
    """How much of a call differs."""
    wrong = 0
    for part in rule.spec.parts:
        wrong += part.misfits(call, index)
    for entry in rule.tools:
        wrong += rule.entry_state(entry, call, index) == NO
    return wrong


def _in_brief(rule: NodeCall, call: Call, index: TraceIndex, wrong: int) -> Miss | None:
    """A miss that is told in one line; None when its arguments are not what is wrong."""
    total = rule.spec.leaves + len(rule.tools)
    for part in rule.spec.parts:
        found = part.differences(call, index, True)
        if found:
            why = in_words(found[0])
            return Miss(call, found, "", why, max(0, total - wrong), max(total, 1), NO, [])
    return None


def examine(rule: NodeCall, call: Call, index: TraceIndex) -> Miss:
    """Everything that keeps one call from satisfying."""
    total = rule.spec.leaves + len(rule.tools)
    miss = Miss(call, [], "", "", 0, max(total, 1), NO, [])
    for part in rule.spec.parts:
        differences = part.differences(call, index)
        if not differences:
            continue
        if not miss.why:
            first = differences[0]
            miss.code = "output_mismatch" if part.output else difference_code(first)
            miss.why = in_words(first)
        of = "output" if part.output or not call.tool else "arguments"
        miss.evidence += [Evidence(call.span, of, d.path, "violated") for d in differences]
        miss.differences += differences
    wrong = len(miss.differences)
    for entry in rule.tools:
        if rule.entry_state(entry, call, index) == NO:
            wrong += 1
            _examine_entry(entry, rule, call, index, miss)
    if not miss.why:
        miss.state = rule.state(call, index)
        unknown = miss.state == UNKNOWN
        miss.why = unrecorded(rule, call, index) if unknown else "it does not satisfy"
        miss.code = "arguments_not_captured" if unknown else "argument_value"
    if not miss.evidence:
        miss.evidence = [Evidence(call.span, "span", "$", "violated")]
    miss.matched = max(0, miss.total - wrong)
    return miss


def _examine_entry(
    entry: NodeCall, rule: NodeCall, call: Call, index: TraceIndex, miss: Miss
) -> None:
    """Add to a miss what a tool expectation inside the call found."""
    tools = index.some_tools(call, rule.tool_depth)
    decision = rule.decide_entry(entry, call, index)
    name = entry.spec.name
    if entry.forbids or decision.code == "count_high":
        code = "tool_called"
        why = f"inside it {name} was called {plural(len(decision.yes), 'time')}"
        evidence = call_evidence(entry, decision.yes, index, "violated")
        differences: list[Difference] = []
    elif decision.matching and decision.code != "count_low":
        nearest = misses_of(entry, decision, index)[0][0]
        code, differences, evidence = nearest.code, nearest.differences, nearest.evidence
        why = f"inside it {nearest.call.label} was called, but {nearest.why}"
    else:
        code, differences = "tool_not_called", []
        called = ", ".join(tool.label for tool in tools) or "none"
        why = f"inside it {name} was not called as often as expected (tools called: {called})"
        if not decision.matching:
            why = f"inside it {name} was not called (tools called: {called})"
        evidence = [Evidence(call.span, "span", "$", "violated")]
    miss.differences = [*miss.differences, *differences]
    miss.evidence = [*miss.evidence, *evidence]
    if not miss.why:
        miss.why, miss.code = why, code


def difference_code(difference: Difference) -> str:
    """Reason code of one difference of arguments."""
    if difference.actual_type == "absent":
        return "argument_missing"
    if difference.expected_type == "absent":
        return "argument_unexpected"
    if difference.expected_type not in (difference.actual_type, "any"):
        return "argument_type"
    return "argument_value"


def near_miss(miss: Miss) -> NearMiss:
    call = miss.call
    why = miss.why
    if call.status == "error":
        message = f" ({call.status_message})" if call.status_message else ""
        why = f"failed{message}; {why}"
    return NearMiss(call.span, call.label, miss.matched, miss.total, why, call.order)


def misnamed(
    rule: NodeCall, decision: Decision, index: TraceIndex, room: int = MAX_NEAR_MISSES
) -> tuple[list[NearMiss], int]:
    """Calls of other names that look like a slip of the expected one, nearest first; as many
    as there is room for, and how many more there are."""
    found = index.names.slips_of(rule.spec.name)
    if found and decision.resolution.calls:
        taken = {call.id for call in decision.resolution.calls}
        found = [pair for pair in found if pair[1].id not in taken]
    if not room or not found:
        return [], len(found)
    near = tolerance(fold(rule.spec.name))
    total = max(rule.spec.leaves, 1)
    shown = [
        NearMiss(
            call.span,
            call.label,
            0,
            total,
            f"name differs by {plural(distance, 'edit')}"
            + (": did you mean this?" if distance <= near else ""),
            call.order,
        )
        for distance, call in found[:room]
    ]
    return shown, len(found) - len(shown)


def call_evidence(
    rule: NodeCall, calls: Iterable[Call], index: TraceIndex, role: str
) -> list[Evidence]:
    """The deciding calls with their arguments, and the tools inside them that count."""
    if rule.bare:
        return [Evidence(call.span, "span", "$", role) for call in calls]
    found: list[Evidence] = []
    for call in calls:
        found += rule.spec.evidence(call, role)
        for entry in rule.tools:
            inner = rule.decide_entry(entry, call, index)
            found += call_evidence(entry, inner.yes, index, role)
    return found


def unrecorded(rule: NodeCall, call: Call, index: TraceIndex) -> str:
    """What a call did not record, and how to provide it."""
    for part in rule.spec.parts:
        if part.state(call, index) != UNKNOWN:
            continue
        recorded = part.recorded(call)
        what = "output" if part.output or recorded.of == "output" else "arguments"
        if part.mode == "schema" or (recorded.state == "captured"):
            return "the trace declares no parameters for it; send gen_ai.tool.definitions"
        if recorded.state == "unreadable":
            return f"its {what} are text that begins like JSON and is none"
        attribute = "result" if what == "output" else "arguments"
        where = f"gen_ai.tool.call.{attribute}" if call.tool else "n8n.node.output"
        return f"its {what} were not recorded; send {where}"
    if rule.tools and not call.tools_known and not index.some_tools(call, rule.tool_depth):
        return "the trace does not list its tool calls; send tools_called"
    return "the arguments of its tool calls were not recorded"

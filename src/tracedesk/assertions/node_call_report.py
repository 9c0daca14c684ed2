"""How a node_call explains itself: reason, differences, near misses, evidence, stage.

A pass names its deciding call; a failure names the calls that came nearest, the same name
first, then fewest differing leaves, then edit distance (assertion spec 11).
"""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.call_rule import Decision, NodeCall
from tracedesk.assertions.cautions import about_values
from tracedesk.assertions.finding import (
    PARAMETERS,
    ROUTING,
    TOOL_CHOICE,
    VACUOUS,
    Finding,
    missing,
    no_structure,
    plural,
)
from tracedesk.assertions.near_misses import (
    EXAMINED,
    MAX_NEAR_MISSES,
    Miss,
    call_evidence,
    misnamed,
    misses_of,
    near_miss,
    unrecorded,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Caution, Evidence, NearMiss
from tracedesk.query.names import edit_distance, fold, tolerance


def report_node_call(rule: NodeCall, index: TraceIndex) -> Finding:
    """Evaluate a node_call on a trace, with everything a reader needs to know."""
    if not index.calls and not index.reading.has_structure:
        return no_structure(_stage(rule, None, index))
    if rule.within is not None and rule.within.selects_none(index):
        return missing(
            f"'within' selects no span: {rule.within.select(index).elimination}",
            "nothing_selected",
            VACUOUS,
            stage=_stage(rule, None, index),
        )
    decision = rule.decide(rule.in_scope(index), index)
    if decision.outcome is PASS:
        return _passed(rule, decision, index)
    if decision.outcome is MISSING:
        return _missing(rule, decision, index)
    return _violated(rule, decision, index) if rule.forbids else _failed(rule, decision, index)


def _stage(rule: NodeCall, call: Call | None, index: TraceIndex) -> str:
    """Stage of presence and count: ``tool_choice`` for tools, ``routing`` for nodes."""
    if call is not None:
        return TOOL_CHOICE if call.tool else ROUTING
    if rule.inner or rule.kind == "tool":
        return TOOL_CHOICE
    known = rule.kind == "any" and fold(rule.spec.name, tool=True) in index.tool_names
    return TOOL_CHOICE if known else ROUTING


def _passed(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    if not decision.yes:
        return Finding(
            outcome=PASS,
            reason=_none_words(rule, decision, index),
            code="not_called",
            evidence=index.searched,
            cautions=_cautions(rule, decision, (), index),
            support=index.support,
            stage=ROUTING if rule.kind == "node" else TOOL_CHOICE,
        )
    spec, yes = rule.spec, decision.yes
    best = yes[0]
    if best.status == "error":
        best = next((call for call in yes if call.status != "error"), best)
    shown = yes if rule.counted or len(decision.examined) > 1 else (best,)
    return Finding(
        outcome=PASS,
        reason=_pass_words(rule, decision, best),
        code="called",
        expected=spec.expected,
        actual=best.given.value if spec.arguments is not None else None,
        evidence=tuple(call_evidence(rule, shown, index, "decided")),
        cautions=_cautions(rule, decision, yes, index),
        support=index.support,
        stage=PARAMETERS if spec.parts else _stage(rule, best, index),
    )


def _pass_words(rule: NodeCall, decision: Decision, best: Call) -> str:
    times = ""
    if rule.tells_times:
        count = len(decision.yes)
        times = " once" if count == 1 else f" {count} times"
    words = f"{best.label} was called{times}{rule.as_expected}"
    if decision.examined and rule.occurrence != "any":
        words += f"; {rule.occurrence} call examined"
    return words


def _none_words(rule: NodeCall, decision: Decision, index: TraceIndex) -> str:
    looked = plural(len(index.calls), "call")
    if decision.matching:
        with_it = plural(len(decision.matching), "call")
        return f"{rule.spec.name} was not called with these arguments; {with_it} of it looked at"
    return f"{rule.spec.name} was not called; {looked} looked at"


def _missing(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    call = decision.unknown[0]
    return missing(
        f"{call.label} was called, but {unrecorded(rule, call, index)}",
        decision.code,
        stage=PARAMETERS if rule.spec.parts else TOOL_CHOICE,
        evidence=tuple(Evidence(c.span, "span", "$", "inspected") for c in decision.unknown),
        cautions=_cautions(rule, decision, (), index),
        support=index.support,
    )


def _violated(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    """A forbidden call was made: the evidence is the calls that did it."""
    call = decision.yes[0]
    count = len(decision.yes)
    times = "" if count == 1 else f" {count} times"
    with_it = " with the forbidden arguments" if rule.spec.parts else ""
    with_it += " with the forbidden tool calls" if rule.tools else ""
    return Finding(
        outcome=FAIL,
        reason=f"{call.label} must not be called{with_it}, but was{times}",
        code="called",
        expected="not called",
        actual=call.arguments if rule.spec.arguments is not None else call.label,
        evidence=tuple(call_evidence(rule, decision.yes, index, "violated")),
        cautions=_cautions(rule, decision, decision.yes, index),
        support=index.support,
        stage=_stage(rule, call, index),
    )


def _failed(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    if decision.code in ("count_low", "count_high"):
        return _miscounted(rule, decision, index)
    if not decision.matching:
        return _not_called(rule, decision, index)
    misses, left = misses_of(rule, decision, index)
    nearest = misses[0]
    listed = [near_miss(miss) for miss in misses]
    named, more_named = misnamed(rule, decision, index, MAX_NEAR_MISSES - len(listed))
    more = "" if len(nearest.differences) < 2 else f"; {len(nearest.differences)} differences"
    times = "" if len(decision.matching) == 1 else f" {len(decision.matching)} times"
    return Finding(
        outcome=FAIL,
        reason=f"{nearest.call.label} was called{times}, but {nearest.why}{more}",
        code=nearest.code,
        stage=TOOL_CHOICE if nearest.code in _TOOL_CODES else PARAMETERS,
        expected=rule.spec.expected,
        actual=nearest.call.arguments if rule.spec.parts else None,
        differences=tuple(nearest.differences),
        evidence=tuple(nearest.evidence),
        near_misses=(*listed, *named),
        near_misses_left=left + more_named,
        cautions=_cautions(rule, decision, (), index),
        support=index.support,
    )


_TOOL_CODES: Final = ("tool_not_called", "tool_called")


def _miscounted(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    calls = decision.yes or decision.matching
    first = calls[0] if calls else None
    found = len(decision.yes)
    if isinstance(rule.occurrence, int):
        wanted, found = f"a call number {rule.occurrence}", len(decision.matching)
    elif decision.code == "count_low":
        wanted = f"at least {plural(rule.low, 'call')}"
    else:
        wanted = f"at most {int(rule.high)} call{'s' * (rule.high != 1)}"
    label = rule.spec.name if first is None else first.label
    misses: list[Miss] = []
    left = 0
    if decision.code == "count_low":
        misses, left = misses_of(rule, decision, index)
    return Finding(
        outcome=FAIL,
        reason=f"{label} was called {found} time{'s' * (found != 1)}, expected {wanted}",
        code=decision.code,
        stage=_stage(rule, first, index),
        expected=wanted,
        actual=found,
        evidence=tuple(call_evidence(rule, calls, index, "violated")) or index.searched,
        near_misses=tuple([near_miss(miss) for miss in misses]),
        near_misses_left=left,
        cautions=_cautions(rule, decision, (), index),
        support=index.support,
    )


def _not_called(rule: NodeCall, decision: Decision, index: TraceIndex) -> Finding:
    near, left = misnamed(rule, decision, index)
    words = f"{rule.spec.name} was not called"
    if decision.resolution.calls:
        status = "successfully" if rule.spec.call_status == "ok" else "with an error"
        words = f"{rule.spec.name} was never called {status}"
    meant = _meant(rule.spec.name, near)
    looked = plural(len(index.calls), "call")
    hint = f"; did you mean '{meant}'?" if meant else ""
    evidence = index.searched
    if decision.resolution.calls:
        evidence = tuple(
            Evidence(call.span, "span", "$.status", "violated")
            for call in decision.resolution.calls
        )
    return Finding(
        outcome=FAIL,
        reason=f"{words} among {looked}{hint}",
        code="not_called",
        stage=_stage(rule, next(iter(decision.resolution.calls), None), index),
        expected=rule.spec.name,
        evidence=evidence,
        near_misses=tuple(near),
        near_misses_left=left,
        cautions=_cautions(rule, decision, (), index),
        support=index.support,
    )


def _meant(name: str, near: Sequence[NearMiss]) -> str | None:
    wanted = fold(name)
    return next(
        (
            miss.name
            for miss in near
            if edit_distance(wanted, fold(miss.name), tolerance(wanted)) <= tolerance(wanted)
        ),
        None,
    )


def _cautions(
    rule: NodeCall, decision: Decision, deciding: Sequence[Call], index: TraceIndex
) -> tuple[Caution, ...]:
    """What a reader should know beside the verdict."""
    found: list[Caution] = []
    if decision.resolution.shadowed:
        found.append(_shadowed(decision.resolution.shadowed))
    failed = deciding and deciding[0].status == "error"  # the first tells mostly
    if failed and decision.outcome is not FAIL and all(c.status == "error" for c in deciding):
        found.append(_FAILED)
    for call in deciding:
        if call.requested_only:
            found.append(_REQUESTED)
            break
    if decision.untimed:
        found.append(_UNTIMED)
    if rule.spec.parts and decision.outcome is not FAIL:  # else differences tell
        values: list[Any] = []
        for call in deciding[:1] or decision.matching[:MAX_NEAR_MISSES]:
            values += rule.spec.compared(call)
        found += about_values(values)
    if rule.tools and decision.matching:
        found += _visibility(rule, decision.matching, index)
    return tuple(found)


_FAILED: Final = Caution("failed_call", "only failed calls satisfied this")
_REQUESTED: Final = Caution(
    "requested_only", "the tool was requested; the trace does not show that it ran"
)
_UNTIMED: Final = Caution("order_from_arrival", "not every call has a start time")


def _shadowed(labels: Sequence[str]) -> Caution:
    names = ", ".join(sorted(set(labels))[:3])
    message = f"{plural(len(labels), 'call')} matched in part and did not count: {names}"
    return Caution("shadowed_names", message)


def _visibility(rule: NodeCall, calls: Sequence[Call], index: TraceIndex) -> list[Caution]:
    for call in calls[:EXAMINED]:
        if index.hidden_tools(call) and not index.some_tools(call, rule.tool_depth):
            message = f"{call.label} shows no tools; n8n tells them with Return Intermediate Steps"
            return [Caution("tool_visibility_unknown", message)]
    return []

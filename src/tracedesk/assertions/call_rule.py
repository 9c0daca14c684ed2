"""The rule of node_call: which calls satisfy it, and what follows from their number.

MUST_CALL and MUST_NOT_CALL of one object are exact opposites on a trace with call
structure and captured arguments. What was not recorded is unknown, never assumed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.arguments import NO, UNKNOWN, YES, State, both
from tracedesk.assertions.call_names import Resolution
from tracedesk.assertions.call_spec import CallSpec
from tracedesk.assertions.selectors import Selector
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Outcome

MUST_CALL: Final = "MUST_CALL"
MUST_NOT_CALL: Final = "MUST_NOT_CALL"


class Decision(msgspec.Struct, gc=False):
    """How one node_call came out over one list of calls."""

    outcome: Outcome
    code: str
    """Reason code; blank when the nearest call has to tell."""
    resolution: Resolution
    matching: Sequence[Call]
    """Calls of the right name and status, in order."""
    yes: Sequence[Call]
    unknown: Sequence[Call]
    examined: Sequence[Call] = ()
    """The calls on which the outcome rests when it is not a count."""
    untimed: bool = False
    """Order mattered and came from arrival."""


class NodeCall:
    """A compiled node_call, or an entry of ``expected_tool_calls``."""

    def __init__(
        self,
        spec: CallSpec,
        values: dict[str, Any],
        tools: Sequence["NodeCall"],
        inner: bool,
    ) -> None:
        self.spec = spec
        self.tools = tuple(tools)
        self.inner = inner
        """True for an entry inside another node_call: its calls are tools."""
        self.forbids = values["condition"] == MUST_NOT_CALL
        self.kind: str = values["kind"]
        self.occurrence: str | int = values["occurrence"]
        self.within: Selector | None = values["within"]
        self.tool_depth: str = values["tool_depth"]
        low = values["min_calls"]
        self.low: int = 0 if self.forbids else 1 if low is None else low
        high = 0 if self.forbids else values["max_calls"]
        self.high: float = float("inf") if high is None else high
        self.counted = not self.forbids and (low is not None or values["max_calls"] is not None)
        self.bare = not spec.parts and not self.tools
        self.as_expected = "" if self.bare else _as_expected(spec)
        """What a satisfying call had, in words."""
        self.stops_early = not self.forbids and self.high == float("inf") and not self.counted
        """Further calls cannot change the outcome once one satisfied."""
        self.tells_times = self.bare or not self.stops_early
        """Whether a pass says how often: not where calls were left that nobody looked at."""
        self.state: Callable[[Call, TraceIndex], State] = self._state if self.tools else spec.state
        """Whether one call of the right name has all that is expected of it."""

    def _state(self, call: Call, index: TraceIndex) -> State:
        state = self.spec.state(call, index)
        for entry in self.tools:
            if state == NO:
                break
            state = both(state, self.entry_state(entry, call, index))
        return state

    def entry_state(self, entry: "NodeCall", call: Call, index: TraceIndex) -> State:
        """Whether a tool expectation holds inside this call."""
        if not call.tools_known and not index.some_tools(call, self.tool_depth):
            return UNKNOWN
        decision = self.decide_entry(entry, call, index)
        if decision.outcome is MISSING:
            return UNKNOWN
        return YES if decision.outcome is PASS else NO

    def decide_entry(self, entry: "NodeCall", call: Call, index: TraceIndex) -> Decision:
        """A tool expectation over the tools inside one call."""
        tools = index.resolve_inside(entry.spec.test, call, self.tool_depth)
        return entry.decide(tools, index)

    def decide(self, resolution: Resolution, index: TraceIndex) -> Decision:
        """The rule itself, over the calls that the name means."""
        calls: Sequence[Call] = resolution.calls
        if self.spec.call_status != "any":
            calls = [call for call in calls if self.spec.counts(call)]
        if self.occurrence != "any":
            return self._decide_occurrence(resolution, calls, index)
        yes: Sequence[Call] = calls
        unknown: Sequence[Call] = ()
        if not self.bare:
            yes, unknown = self._sorted_out(calls, index)
        certain, possible = len(yes), len(yes) + len(unknown)
        if certain >= self.low and possible <= self.high:
            outcome, code = PASS, "called" if yes else "not_called"
        elif certain > self.high:
            outcome, code = FAIL, "called" if self.forbids else "count_high"
        elif possible < self.low:
            outcome = FAIL
            code = "count_low" if yes or possible else "" if calls else "not_called"
        else:
            outcome, code = MISSING, "arguments_not_captured"
        return Decision(outcome, code, resolution, calls, yes, unknown)

    def _sorted_out(
        self, calls: Sequence[Call], index: TraceIndex
    ) -> tuple[list[Call], list[Call]]:
        """The calls that satisfy, as far as they matter, and those that nobody can tell of."""
        state_of = self.state
        yes: list[Call] = []
        unknown: list[Call] = []
        for call in calls:
            state = state_of(call, index)
            if state == YES:
                yes.append(call)
                if self.stops_early and call.status != "error":
                    break
            elif state == UNKNOWN:
                unknown.append(call)
        return yes, unknown

    def _decide_occurrence(
        self, resolution: Resolution, calls: Sequence[Call], index: TraceIndex
    ) -> Decision:
        ordered, timed = index.ordered(calls)
        untimed = not timed and self.occurrence != "every" and len(ordered) > 1
        examined = self._examined(ordered)
        decision = Decision(FAIL, "", resolution, ordered, [], [], examined, untimed)
        if not examined:
            decision.code = "count_low" if ordered else "not_called"
            return decision
        states = [self.state(call, index) for call in examined]
        decision.yes = [c for c, s in zip(examined, states, strict=True) if s == YES]
        decision.unknown = [c for c, s in zip(examined, states, strict=True) if s == UNKNOWN]
        if NO not in states:
            decision.outcome = MISSING if decision.unknown else PASS
            decision.code = "arguments_not_captured" if decision.unknown else "called"
        return decision

    def _examined(self, ordered: list[Call]) -> list[Call]:
        """The calls that must satisfy; none when there is no such call."""
        if self.occurrence == "every":
            return ordered
        if self.occurrence == "first":
            return ordered[:1]
        if self.occurrence == "last":
            return ordered[-1:]
        assert isinstance(self.occurrence, int)
        return ordered[self.occurrence - 1 : self.occurrence]

    def in_scope(self, index: TraceIndex) -> Resolution:
        """The calls that the name means on this trace, before status is looked at."""
        if self.within is None:
            return index.resolve(self.spec.test, self.kind)
        calls = self.within.calls_below(index, index.of_kind(self.kind))
        return index.resolve_in(self.spec.test, calls)


def _as_expected(spec: CallSpec) -> str:
    arguments = f"{spec.leaves} argument{'s' * (spec.leaves != 1)}"
    words = f" as expected ({arguments})" if spec.leaves else " as expected"
    return words + (spec.arguments.ignored if spec.arguments is not None else "")

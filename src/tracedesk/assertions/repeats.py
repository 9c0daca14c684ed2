"""no_loop and side_effect_once: calls that repeat themselves (assertion spec 7.5).

A call without recorded arguments could equal anything: when only such calls could break
the limit the verdict is missing.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.fields import BOOLEAN, PATH, TEXT, Field, choice, integer, list_of
from tracedesk.assertions.finding import (
    PARAMETERS,
    THE_TRACE,
    TOOL_CHOICE,
    WHEN_ABSENT,
    Finding,
    absent,
    missing,
    no_structure,
    plural,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.scope import Scope, named, read_names, scope_of
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Caution, Evidence, Outcome
from tracedesk.query.names import NameTest, fold
from tracedesk.query.paths import Path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, equality_key


class Repeats(msgspec.Struct):
    """The worst repetition found."""

    certain: list[Call]
    """Calls that are certainly equal."""
    possible: int
    """How many there could be if unrecorded arguments were equal too."""


def _key(call: Call, paths: Sequence[Path], index: TraceIndex) -> Hashable | None:
    """What makes two calls of a tool the same; None when it was not recorded."""
    if not paths:
        return index.arguments_key(call)
    if call.arguments_state != "captured":
        return None
    values = [path.first(call.arguments)[1] for path in paths]
    if ABSENT in values:
        return ("absent", call.id)  # a value missing on both sides is not equality
    return tuple(equality_key(value) for value in values)


def count_repeats(calls: Sequence[Call], index: TraceIndex, paths: Sequence[Path] = ()) -> Repeats:
    """The largest set of equal calls of one tool."""
    groups: dict[tuple[str, Hashable], list[Call]] = {}
    unknown: dict[str, int] = {}
    for call in calls:
        name, key = fold(call.label, True), _key(call, paths, index)
        if key is None:
            unknown[name] = unknown.get(name, 0) + 1
        elif (name, key) in groups:
            groups[name, key].append(call)
        else:
            groups[name, key] = [call]
    certain = max(groups.values(), key=len, default=[])
    possible = max(unknown.values(), default=0)
    for (name, _), group in groups.items():
        possible = max(possible, len(group) + unknown.get(name, 0))
    return Repeats(certain, possible)


def longest_run(calls: Sequence[Call], index: TraceIndex) -> Repeats:
    """The longest unbroken run of equal calls."""
    named_keys = [(fold(call.label, True), index.arguments_key(call)) for call in calls]
    start, end = _certain_run(named_keys)
    return Repeats(list(calls[start:end]), _possible_run(named_keys))


_Keys = Sequence[tuple[str, Hashable | None]]
"""Tool and what makes a call equal, None when that was not recorded."""


def _certain_run(calls: _Keys) -> tuple[int, int]:
    """Slice of the longest run whose calls are all recorded and equal."""
    best, start = (0, 0), 0
    for place, call in enumerate(calls):
        if place and call != calls[place - 1]:
            start = place
        if call[1] is None:
            start = place + 1
        elif place + 1 - start > best[1] - best[0]:
            best = (start, place + 1)
    return best


def _possible_run(calls: _Keys) -> int:
    """Length of the longest run if every unrecorded call equalled its neighbours."""
    best = length = trailing = 0
    tool, wanted = "", None
    for name, key in calls:
        if name != tool:
            length, trailing, wanted = 1, 0, key
        elif key is None or wanted is None or wanted == key:
            length, wanted = length + 1, wanted if key is None else key
        else:
            length, wanted = trailing + 1, key
        tool = name
        trailing = trailing + 1 if key is None else 0
        best = max(best, length)
    return best


class _Repeating:
    """What both rules share."""

    def __init__(self, when_absent: str) -> None:
        self.when_absent = when_absent

    def tools(self, index: TraceIndex) -> Scope | Finding:
        """All tool calls in order."""
        if not index.reading.has_structure and not index.calls:
            return no_structure(TOOL_CHOICE)
        if not index.of_kind("tool"):
            return absent(self.when_absent, "no tool was called", index, stage=TOOL_CHOICE)
        return scope_of(index, "tool", None, TOOL_CHOICE)

    def verdict(
        self,
        repeats: Repeats,
        limit: int,
        looked: int,
        cautions: tuple[Caution, ...],
        index: TraceIndex,
    ) -> Finding:
        count = len(repeats.certain)
        if count <= limit < repeats.possible:
            return missing(
                f"calls without recorded arguments could repeat more than {limit} times; "
                "send gen_ai.tool.call.arguments",
                "arguments_not_captured",
                stage=PARAMETERS,
                cautions=cautions,
                support=index.support,
            )
        fails = count > limit
        label = repeats.certain[0].label if repeats.certain else ""
        times = f"{label} was called {count} times with equal arguments"
        return Finding(
            outcome=Outcome.FAIL if fails else Outcome.PASS,
            reason=f"{times}, {limit} allowed"
            if fails
            else f"no call repeats more than {plural(limit, 'time')}; {plural(looked, 'call')}",
            code="repeated" if fails else "not_repeated",
            expected=f"at most {limit}",
            actual=count,
            evidence=tuple(
                Evidence(call.span, "arguments", "$", "violated") for call in repeats.certain
            )
            if fails
            else THE_TRACE,
            cautions=cautions,
            support=index.support,
            stage=TOOL_CHOICE,
        )


class NoLoop(_Repeating):
    """A compiled no_loop."""

    def __init__(self, values: dict[str, Any], ignore: Sequence[NameTest]) -> None:
        super().__init__(values["when_absent"])
        self.max_same: int = values["max_same"]
        self.consecutive: bool = values["consecutive"]
        self.ignore = tuple(ignore)

    def evaluate(self, index: TraceIndex) -> Finding:
        scope = self.tools(index)
        if isinstance(scope, Finding):
            return scope
        kept = scope.calls
        if self.ignore:
            ignored = named(self.ignore, scope, index)
            kept = [call for call in kept if call.id not in ignored]
        repeats = longest_run(kept, index) if self.consecutive else count_repeats(kept, index)
        cautions = scope.cautions() if self.consecutive else ()
        return self.verdict(repeats, self.max_same, len(kept), cautions, index)


class SideEffectOnce(_Repeating):
    """A compiled side_effect_once."""

    def __init__(self, values: dict[str, Any], tools: Sequence[NameTest]) -> None:
        super().__init__(values["when_absent"])
        self.names = tuple(tools)
        self.key: tuple[Path, ...] = values["key"]

    def evaluate(self, index: TraceIndex) -> Finding:
        scope = self.tools(index)
        if isinstance(scope, Finding):
            return scope
        listed = named(self.names, scope, index)
        kept = [call for call in scope.calls if call.id in listed and call.status != "error"]
        cautions: tuple[Caution, ...] = ()
        if not listed:
            names = ", ".join(test.name for test in self.names)
            cautions = (Caution("no_matching_call", f"none of {names} was called"),)
        return self.verdict(count_repeats(kept, index, self.key), 1, len(kept), cautions, index)


def build_no_loop(values: dict[str, Any], place: Place, report: Report) -> NoLoop:
    """Build from read fields."""
    return NoLoop(values, read_names(values["ignore"], "substring", (*place, "ignore"), report))


def build_side_effect_once(values: dict[str, Any], place: Place, report: Report) -> SideEffectOnce:
    """Build from read fields."""
    tools = read_names(values["tools"], "substring", (*place, "tools"), report)
    return SideEffectOnce(values, tools)


_WHEN_ABSENT = Field(
    "when_absent", choice(WHEN_ABSENT), "when no tool was called", default="missing"
)

KINDS: Final = (
    Kind(
        target="no_loop",
        fields=(
            Field("max_same", integer(1), "equal calls that are tolerated", default=2),
            Field("consecutive", BOOLEAN, "only unbroken runs count", default=False),
            Field("ignore", list_of(TEXT), "tools that may repeat", default=()),
            _WHEN_ABSENT,
        ),
        build=build_no_loop,
        stage=TOOL_CHOICE,
        doc="no tool was called again and again with equal arguments",
    ),
    Kind(
        target="side_effect_once",
        fields=(
            Field("tools", list_of(TEXT), "tools with side effects", required=True),
            Field("key", list_of(PATH), "argument paths that make calls equal", default=()),
            _WHEN_ABSENT,
        ),
        build=build_side_effect_once,
        stage=TOOL_CHOICE,
        doc="calls with side effects succeed at most once per equal arguments",
    ),
)

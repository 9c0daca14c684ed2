"""call_order: one call comes before another, all others being free (assertion spec 7.2)."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from tracedesk.assertions.call_spec import CALL_STATUS, NAME_MATCH, name_test
from tracedesk.assertions.fields import (
    BOOLEAN,
    TEXT,
    Field,
    Shape,
    choice,
    list_of,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.finding import (
    ROUTING,
    TOOL_CHOICE,
    VACUOUS,
    WHEN_ABSENT,
    Finding,
    no_structure,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import worst
from tracedesk.assertions.scope import Scope, scope_of
from tracedesk.assertions.trace_index import KINDS, TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Difference, Evidence, Outcome
from tracedesk.query.names import NameTest, fold
from tracedesk.query.problems import Place, Report

RULES: Final = ("first", "each")


class Pair(msgspec.Struct, frozen=True):
    """One demand: ``first`` before ``then``."""

    first: NameTest
    then: NameTest

    def __str__(self) -> str:
        return f"{self.first.name} before {self.then.name}"


class Answer(msgspec.Struct, frozen=True):
    """How one pair came out."""

    pair: Pair
    outcome: Outcome
    words: str
    calls: tuple[Call, ...] = ()
    vacuous: bool = False
    nodes: bool = False
    """Whether a node takes part, which makes a failure one of routing."""


class CallOrder:
    """A compiled call_order."""

    def __init__(self, pairs: Sequence[Pair], values: dict[str, Any]) -> None:
        self.pairs = tuple(pairs)
        self.expected = [str(pair) for pair in self.pairs]
        self.each: bool = values["rule"] == "each"
        self.completed: bool = values["completed"]
        self.kind: str = values["kind"]
        self.call_status: str = values["call_status"]
        self.when_absent = Outcome(values["when_absent"])

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.reading.has_structure and not index.calls:
            return no_structure(TOOL_CHOICE)
        scope = scope_of(index, self.kind, None, TOOL_CHOICE)
        assert not isinstance(scope, Finding), "only a selector can select nothing"
        calls = scope.kept(self.call_status)
        place = index.places(calls)
        answers = [self._answer(pair, calls, place, scope, index) for pair in self.pairs]
        outcome = worst([answer.outcome for answer in answers])
        telling = [answer for answer in answers if answer.outcome is outcome]
        role = _ROLES.get(outcome, "inspected")
        vacuous = outcome is MISSING and all(answer.vacuous for answer in telling)
        evidence = tuple(
            [Evidence(call.span, "span", "$", role) for answer in telling for call in answer.calls]
        )
        return Finding(
            outcome=outcome,
            reason="; ".join([answer.words for answer in telling]),
            code="" if outcome is PASS else _CODES[outcome],
            missing_kind=None
            if outcome is not MISSING
            else VACUOUS
            if vacuous
            else "instrumentation",
            expected=self.expected,
            actual=scope.labels(calls, index),
            differences=tuple(_difference(answer, place) for answer in telling)
            if outcome is FAIL
            else (),
            evidence=evidence or index.searched,
            cautions=scope.cautions(),
            support=index.support,
            stage=ROUTING if any(answer.nodes for answer in telling) else TOOL_CHOICE,
        )

    def _answer(
        self,
        pair: Pair,
        calls: Sequence[Call],
        place: dict[int, int],
        scope: Scope,
        index: TraceIndex,
    ) -> Answer:
        def places_of(test: NameTest) -> list[int]:
            resolved = scope.resolve(test, index).calls
            return sorted([place[id(call)] for call in resolved if id(call) in place])

        places = places_of(pair.first)
        earlier = [calls[here] for here in places]
        later = [calls[here] for here in places_of(pair.then)]
        nodes = False in [call.tool for call in earlier] or False in [call.tool for call in later]
        if not later:
            words = f"{pair.then.name} was never called, so there is nothing to order"
            return Answer(pair, self.when_absent, words, tuple(earlier[:1]), True, nodes)
        previous = -1
        used: list[Call] = []
        for call in later if self.each else later[:1]:
            here = place[id(call)]
            before = earlier[bisect_right(places, previous) : bisect_left(places, here)]
            if not before:
                return self._wrong(pair, call, earlier, nodes)
            if not self.each:
                before = before[:1]
            chosen = self._completed(before, call) if self.completed else before[0]
            if chosen is None:
                return self._unfinished(pair, before, call, nodes)
            used += [chosen, call]
            previous = here
        return Answer(pair, PASS, self._right(used), tuple(used), False, nodes)

    def _completed(self, before: Sequence[Call], call: Call) -> Call | None:
        """An earlier call that had ended when the later one began."""
        start = call.start_ns
        ended = (x for x in before if x.end_ns is not None and start is not None)
        return next((x for x in ended if (x.end_ns or 0) <= (start or 0)), None)

    def _unfinished(self, pair: Pair, before: Sequence[Call], call: Call, nodes: bool) -> Answer:
        calls = (before[0], call)
        if call.start_ns is None or any(x.end_ns is None for x in before):
            words = f"{pair}: whether the first had completed is unknown without its times"
            return Answer(pair, MISSING, words, calls, False, nodes)
        words = f"{before[0].label} had not completed when {call.label} began"
        return Answer(pair, FAIL, words, calls, False, nodes)

    def _wrong(self, pair: Pair, call: Call, earlier: Sequence[Call], nodes: bool) -> Answer:
        at = f"{call.label} (#{call.order + 1})"
        if not earlier:
            words = f"{at} was called, {pair.first.name} never"
            return Answer(pair, FAIL, words, (call,), False, nodes)
        first = earlier[0]
        words = f"{at} has no {first.label} before it; the first is #{first.order + 1}"
        return Answer(pair, FAIL, words, (call, first), False, nodes)

    def _right(self, used: Sequence[Call]) -> str:
        first, then = used[0], used[1]
        return f"{first.label} (#{first.order + 1}) before {then.label} (#{then.order + 1})"


_CODES: Final = {FAIL: "wrong_order", MISSING: "nothing_to_order"}
_ROLES: Final = {PASS: "decided", FAIL: "violated"}


def _difference(answer: Answer, place: Mapping[int, int]) -> Difference:
    calls = sorted(answer.calls, key=lambda call: place[id(call)])
    return Difference(
        path="$",
        expected=str(answer.pair),
        actual=", ".join(f"{call.label} (#{call.order + 1})" for call in calls),
        expected_type="order",
        actual_type="order",
        wording=str(answer.pair),
    )


PAIR_FIELDS: Final = (
    Field("first", TEXT, "what comes first", required=True),
    Field("then", TEXT, "what comes after it", required=True),
)


def _read_pairs(value: Any, path: Place, report: Report) -> Any:
    def read(item: Any, place: Place, inner: Report) -> Any:
        if not isinstance(item, dict):
            return wrong_type(place, inner, "a map of 'first' and 'then'", item)
        return read_fields(item, PAIR_FIELDS, place, inner, "a pair")

    return list_of(Shape(read)).read(value, path, report)


def build(values: dict[str, Any], place: Place, report: Report) -> CallOrder | None:
    """Build from read fields."""
    before = report.errors
    names, where = _names(values, place, report)
    if report.errors > before:
        return None
    _refuse_circles(names, where, report)
    mode = values["name_match"] or "substring"
    pairs = []
    for first, then in names:
        tests = name_test(first, mode, where, report), name_test(then, mode, where, report)
        if tests[0] is not None and tests[1] is not None:
            pairs.append(Pair(tests[0], tests[1]))
    return None if report.errors > before else CallOrder(pairs, values)


def _names(
    values: dict[str, Any], place: Place, report: Report
) -> tuple[list[tuple[str, str]], Place]:
    order, pairs = values["order"], values["pairs"]
    if order is not None and pairs is not None:
        message = "'order' and 'pairs' exclude each other"
        report.error((*place, "pairs"), "contradiction", message, on_key=True)
    if order is not None:
        return list(pairwise(order)), (*place, "order")
    if pairs is not None:
        return [(pair["first"], pair["then"]) for pair in pairs], (*place, "pairs")
    report.error(place, "missing-field", "needs 'order' or 'pairs'")
    return [], place


def _refuse_circles(names: Sequence[tuple[str, str]], where: Place, report: Report) -> None:
    after: dict[str, set[str]] = {}
    for first, then in names:
        after.setdefault(fold(first), set()).add(fold(then))
    for start in after:
        seen: set[str] = set()
        queue = list(after[start])
        while queue:
            name = queue.pop()
            if name == start:
                report.error(where, "contradiction", f"'{name}' would have to come before itself")
                return
            if name not in seen:
                seen.add(name)
                queue += after.get(name, ())


KIND: Final = Kind(
    target="call_order",
    fields=(
        Field("order", list_of(TEXT, minimum=2), "a chain of names"),
        Field(
            "pairs",
            Shape(_read_pairs, {"type": "array", "items": {"$ref": "#/$defs/pair"}}),
            "pairs of first and then",
        ),
        Field("rule", choice(RULES), "first calls only, or each later call", default="first"),
        Field("completed", BOOLEAN, "the earlier one has ended", default=False),
        Field("kind", choice(KINDS), "which calls are compared", default="any"),
        CALL_STATUS,
        NAME_MATCH,
        Field("when_absent", choice(WHEN_ABSENT), "when nothing is ordered", default="missing"),
    ),
    build=build,
    stage=TOOL_CHOICE,
    doc="one call comes before another",
)

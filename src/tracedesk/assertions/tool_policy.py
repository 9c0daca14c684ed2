"""tool_policy: which tools may, must and must not be called (assertion spec 7.6).

Names are exact by default: a substring would widen an allow-list.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.call_spec import CALL_STATUS, name_test, status_fits
from tracedesk.assertions.fields import TEXT, Field, choice, integer, list_of, map_of
from tracedesk.assertions.finding import (
    THE_TRACE,
    TOOL_CHOICE,
    VACUOUS,
    WHEN_ABSENT,
    Finding,
    absent,
    no_structure,
    plural,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import need_one, worst
from tracedesk.assertions.scope import WITHIN_FIELD, Scope, named, read_names, scope_of
from tracedesk.assertions.selectors import Selector
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Difference, Evidence, Outcome
from tracedesk.query.names import NameTest, nearest
from tracedesk.query.problems import Place, Report

PARTS: Final = ("allowed", "required", "forbidden", "max_calls", "max_calls_per_tool")


class Answer(msgspec.Struct):
    """How one part came out."""

    outcome: Outcome
    words: str
    culprits: Sequence[Call] = ()
    difference: Difference | None = None


class ToolPolicy:
    """A compiled tool_policy."""

    def __init__(
        self,
        names: Mapping[str, Sequence[NameTest] | None],
        per_tool: Sequence[tuple[NameTest, int]],
        values: Mapping[str, Any],
    ) -> None:
        self.allowed = names["allowed"]
        self.required = names["required"] or ()
        self.forbidden = names["forbidden"] or ()
        self.per_tool = tuple(per_tool)
        self.max_calls: int | None = values["max_calls"]
        self.call_status: str = values["call_status"]
        self.within: Selector | None = values["within"]
        self.when_absent: str = values["when_absent"]

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.reading.has_structure and not index.calls:
            return no_structure(TOOL_CHOICE)
        scope = scope_of(index, "tool", self.within, TOOL_CHOICE)
        if isinstance(scope, Finding):
            return scope
        answers = [
            *self._allowed(scope, index),
            *self._required(scope, index),
            *self._forbidden(scope, index),
            *self._counts(scope, index),
        ]
        outcome = worst([answer.outcome for answer in answers])
        telling = [answer for answer in answers if answer.outcome is outcome]
        role = "violated" if outcome is FAIL else "decided"
        evidence = dict.fromkeys(call.span for answer in telling for call in answer.culprits)
        return Finding(
            outcome=outcome,
            reason="; ".join([answer.words for answer in telling]),
            code=_CODES.get(outcome, "nothing_selected"),
            missing_kind=VACUOUS if outcome is MISSING else None,
            actual=scope.labels(scope.calls, index),
            differences=tuple([a.difference for a in telling if a.difference is not None]),
            evidence=tuple([Evidence(span, "span", "$", role) for span in evidence])
            or index.searched
            or THE_TRACE,
            support=index.support,
            stage=TOOL_CHOICE,
        )

    def _allowed(self, scope: Scope, index: TraceIndex) -> list[Answer]:
        if self.allowed is None:
            return []
        calls = scope.calls
        if not calls:
            found = absent(self.when_absent, "no tool was called", index, stage=TOOL_CHOICE)
            return [Answer(found.outcome, found.reason)]
        fine = named(self.allowed, scope, index)
        strangers = [call for call in calls if call.id not in fine]
        if not strangers:
            words = f"{plural(len(calls), 'tool call')}, all allowed"
            return [Answer(PASS, words)]
        listed = ", ".join(test.name for test in self.allowed)
        labels = list(dict.fromkeys(call.label for call in strangers))
        words = f"{', '.join(labels[:3])} {'is' if len(labels) == 1 else 'are'} not allowed"
        return [Answer(FAIL, words, strangers, _difference(f"one of {listed}", labels))]

    def _required(self, scope: Scope, index: TraceIndex) -> list[Answer]:
        answers = []
        for test in self.required:
            resolved = scope.resolve(test, index).calls
            found = [call for call in resolved if status_fits(self.call_status, call)]
            if found:
                answers.append(Answer(PASS, f"{test.name} was called", found[:1]))
                continue
            known = nearest(test.name, (call.label for call in scope.calls))
            meant = f"; did you mean '{known}'?" if known and known != test.name else ""
            words = f"required {test.name} was not called{meant}"
            answers.append(Answer(FAIL, words, (), _difference(test.name, None)))
        return answers

    def _forbidden(self, scope: Scope, index: TraceIndex) -> list[Answer]:
        answers = []
        for test in self.forbidden:
            found = scope.resolve(test, index).calls
            words = f"forbidden {test.name} was not called"
            if found:
                words = f"{found[0].label} is forbidden, but was called {_times(len(found))}"
            outcome = FAIL if found else PASS
            answers.append(Answer(outcome, words, found))
        return answers

    def _counts(self, scope: Scope, index: TraceIndex) -> list[Answer]:
        answers = []
        if self.max_calls is not None:
            answers.append(_counted("tools were", scope.calls, self.max_calls))
        for test, limit in self.per_tool:
            found = scope.resolve(test, index).calls
            answers.append(_counted(f"{test.name} was", found, limit))
        return answers


_CODES: Final = {FAIL: "policy_violated", PASS: "policy_kept"}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _counted(what: str, calls: Sequence[Call], limit: int) -> Answer:
    words = f"{what} called {_times(len(calls))}, at most {limit} allowed"
    if len(calls) <= limit:
        return Answer(PASS, words)
    return Answer(FAIL, words, calls[limit:], _difference(f"≤ {limit}", len(calls)))


def _difference(expected: str, actual: Any) -> Difference:
    return Difference(
        path="$",
        expected=expected,
        actual=actual,
        expected_type="call",
        actual_type="absent" if actual is None else "call",
        wording=expected,
    )


def build(values: dict[str, Any], place: Place, report: Report) -> ToolPolicy | None:
    """Build from read fields."""
    before = report.errors
    need_one(values, PARTS, place, report)
    mode = values["name_match"]
    names = {
        field: None
        if values[field] is None
        else read_names(values[field], mode, (*place, field), report)
        for field in ("allowed", "required", "forbidden")
    }
    per_tool = []
    for name, limit in (values["max_calls_per_tool"] or {}).items():
        test = name_test(name, mode, (*place, "max_calls_per_tool", name), report)
        if test is not None:
            per_tool.append((test, limit))
    _refuse_contradictions(values, place, report)
    return None if report.errors > before else ToolPolicy(names, per_tool, values)


def _refuse_contradictions(values: Mapping[str, Any], place: Place, report: Report) -> None:
    required, forbidden = values["required"] or (), values["forbidden"] or ()
    for position, name in enumerate(forbidden):
        if name in required:
            message = f"'{name}' is both required and forbidden"
            report.error((*place, "forbidden", position), "contradiction", message)


KIND: Final = Kind(
    target="tool_policy",
    fields=(
        Field("allowed", list_of(TEXT), "tools that may be called, all others not"),
        Field("required", list_of(TEXT), "tools that must be called"),
        Field("forbidden", list_of(TEXT), "tools that must not be called"),
        Field("max_calls", integer(), "tool calls in all"),
        Field("max_calls_per_tool", map_of(integer()), "name → calls, failed ones included"),
        CALL_STATUS,
        Field(
            "name_match",
            choice(("substring", "exact", "glob", "regex")),
            "how names are compared",
            default="exact",
        ),
        WITHIN_FIELD,
        Field("when_absent", choice(WHEN_ABSENT), "'allowed' without calls", default="missing"),
    ),
    build=build,
    stage=TOOL_CHOICE,
    doc="which tools may, must and must not be called",
)

"""tool_sequence: which calls were made, in which order or in none (assertion spec 7.1)."""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.call_names import Resolution
from tracedesk.assertions.call_spec import (
    ARGS_MODE,
    CALL_STATUS,
    NAME_MATCH,
    CallSpec,
    read_spec,
)
from tracedesk.assertions.fields import Field, Shape, choice, wrong_type
from tracedesk.assertions.finding import (
    PARAMETERS,
    ROUTING,
    TOOL_CHOICE,
    WHEN_ABSENT,
    Finding,
    absent,
    missing,
    no_structure,
    plural,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.near_misses import MAX_NEAR_MISSES
from tracedesk.assertions.scope import WITHIN_FIELD, scope_of
from tracedesk.assertions.selectors import Selector
from tracedesk.assertions.sequence_rule import (
    ORDERED_MODES,
    SEQUENCE_MODES,
    Fitting,
    Grid,
    align,
    fit,
    grid_of,
    longest_common,
)
from tracedesk.assertions.trace_index import KINDS, TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import FAIL, MISSING, PASS, Caution, Difference, Evidence, NearMiss
from tracedesk.query.assignment import UNPAIRED
from tracedesk.query.expected import in_words
from tracedesk.query.names import NameTest
from tracedesk.query.problems import Place, Report


class ToolSequence:
    """A compiled tool_sequence."""

    def __init__(self, steps: Sequence[CallSpec], values: dict[str, Any]) -> None:
        self.steps = tuple(steps)
        self.mode: str = values["mode"]
        self.kind: str = values["kind"]
        self.call_status: str = values["call_status"]
        self.within: Selector | None = values["within"]
        self.when_absent: str = values["when_absent"]
        self.names = [step.name for step in self.steps]
        self.stage = ROUTING if self.kind == "node" else TOOL_CHOICE

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.reading.has_structure and not index.calls:
            return no_structure(self.stage)
        scope = scope_of(index, self.kind, self.within, self.stage)
        if isinstance(scope, Finding):
            return scope
        calls = scope.kept(self.call_status)
        if self.mode == "only" and not calls:
            return absent(self.when_absent, "no such call was made", index, stage=self.stage)

        def resolve(test: NameTest) -> Resolution:
            return scope.resolve(test, index)

        full, names = grid_of(self.steps, calls, resolve, index)
        fitting = fit(self.mode, full, names, len(calls))
        cautions = scope.cautions() if self.mode in ORDERED_MODES else ()
        if fitting.outcome is MISSING:
            return missing(
                "the arguments of some calls were not recorded, and the verdict rests on them",
                "arguments_not_captured",
                stage=PARAMETERS,
                cautions=cautions,
                evidence=_evidence(calls, "inspected"),
                support=index.support,
            )
        if fitting.outcome is PASS:
            return self._passed(calls, fitting, scope.labels(calls, index), cautions, index)
        return self._failed(calls, fitting, (full, names), cautions, index)

    def _passed(
        self,
        calls: Sequence[Call],
        fitting: Fitting,
        labels: list[str],
        cautions: tuple[Caution, ...],
        index: TraceIndex,
    ) -> Finding:
        used = [calls[place] for place in fitting.calls if place != UNPAIRED]
        steps = plural(len(self.steps), "step")
        reason = f"{steps} found {_MODE_WORDS[self.mode]} among {plural(len(calls), 'call')}"
        if not self.steps:
            reason = f"nothing was called; {plural(len(index.calls), 'call')} looked at"
        if used and all(call.status == "error" for call in used):
            cautions += (Caution("failed_call", "only failed calls satisfied this"),)
        return Finding(
            outcome=PASS,
            reason=reason,
            code="matched",
            expected=self.names,
            actual=labels,
            evidence=_evidence(used, "decided") or index.searched,
            cautions=cautions,
            support=index.support,
            stage=self.stage,
        )

    def _failed(
        self,
        calls: Sequence[Call],
        fitting: Fitting,
        grids: tuple[Grid, Grid],
        cautions: tuple[Caution, ...],
        index: TraceIndex,
    ) -> Finding:
        full, names = grids
        taken = set(fitting.calls)
        unmet = [step for step, place in enumerate(fitting.calls) if place == UNPAIRED]
        surplus = [call for place, call in enumerate(calls) if place not in taken]
        wants_steps = self.mode != "only"
        wants_calls = self.mode in ("exact", "same_set", "only")
        near, differences = self._near(unmet if wants_steps else [], calls, index)
        used = [calls[place] for place in fitting.calls if place != UNPAIRED]
        culprits = _evidence(surplus, "violated") if wants_calls else ()
        return Finding(
            outcome=FAIL,
            reason=self._why(unmet if wants_steps else [], surplus if wants_calls else [], calls)
            + self._score(full, used, len(calls)),
            code="step_not_reached" if wants_steps and unmet else "unexpected_call",
            expected=self.names,
            actual=list(align(self.steps, calls, fitting, names)),
            differences=differences,
            evidence=culprits + _evidence(used, "inspected") or index.searched,
            near_misses=near[:MAX_NEAR_MISSES],
            near_misses_left=max(0, len(near) - MAX_NEAR_MISSES),
            cautions=cautions,
            support=index.support,
            stage=PARAMETERS if fitting.names_fit else self.stage,
        )

    def _why(self, unmet: list[int], surplus: list[Call], calls: Sequence[Call]) -> str:
        parts = []
        if unmet:
            first = unmet[0]
            more = f" and {len(unmet) - 1} more" if len(unmet) > 1 else ""
            parts.append(f"step {first + 1} ({self.steps[first].name}){more} was not reached")
        if surplus:
            names = ", ".join(call.label for call in surplus[:3])
            more = f" and {len(surplus) - 3} more" if len(surplus) > 3 else ""
            parts.append(f"no step is left for {names}{more}")
        return "; ".join(parts) or f"{plural(len(calls), 'call')} do not fit the steps"

    def _score(self, full: Grid, used: Sequence[Call], count: int) -> str:
        """Precision and recall, shown and never gating."""
        fitting = longest_common(full, count) if self.mode == "in_order" else len(used)
        precision = f"{fitting}/{count} calls" if count else "no calls"
        return f" (fitting: {precision}, {fitting}/{len(self.steps)} steps)"

    def _near(
        self, unmet: list[int], calls: Sequence[Call], index: TraceIndex
    ) -> tuple[tuple[NearMiss, ...], tuple[Difference, ...]]:
        """Calls of the first unmet step's name, with what keeps them from fitting."""
        if not unmet:
            return (), ()
        step = self.steps[unmet[0]]
        total = max(step.leaves, 1)
        named = [c for c in index.resolve_in(step.test, calls).calls if step.counts(c)]
        found = [(step.differences(call, index), call) for call in named]
        found = sorted((f for f in found if f[0]), key=lambda pair: (len(pair[0]), pair[1].order))
        near = tuple(
            NearMiss(
                call.span,
                call.label,
                max(0, total - len(differences)),
                total,
                in_words(differences[0]),
                call.order,
            )
            for differences, call in found
        )
        return near, tuple(found[0][0]) if found else ()


_MODE_WORDS: Final = {
    "exact": "exactly",
    "in_order": "in order",
    "same_set": "in any order, with nothing beside them",
    "contains": "in any order",
    "only": "to cover every call",
}


def _evidence(calls: Sequence[Call], role: str) -> tuple[Evidence, ...]:
    return tuple([Evidence(call.span, "span", "$", role) for call in calls])


def build(values: dict[str, Any], place: Place, report: Report) -> ToolSequence | None:
    """Build from read fields."""
    before = report.errors
    written, where = values["expected"], (*place, "expected")
    if not isinstance(written, list):
        wrong_type(where, report, "a list of names or call objects", written)
        return None
    if not written and values["mode"] in ("in_order", "contains"):
        message = f"mode '{values['mode']}' with no steps holds on every trace"
        report.error(where, "always-true", message)
    name_match = values["name_match"] or "substring"
    args_mode = values["args_mode"] or "contains"
    steps = [
        read_spec(item, (*where, i), report, name_match, args_mode, "a step")
        for i, item in enumerate(written)
    ]
    if report.errors > before:
        return None
    return ToolSequence([step for step in steps if step is not None], values)


KIND: Final = Kind(
    target="tool_sequence",
    fields=(
        Field(
            "expected",
            Shape(
                lambda value, path, report: value,
                {"type": "array", "items": {"$ref": "#/$defs/call_spec"}},
            ),
            "the steps: names or call objects",
            required=True,
        ),
        Field("mode", choice(SEQUENCE_MODES), "how steps and calls relate", default="in_order"),
        Field("kind", choice(KINDS), "which calls are compared", default="tool"),
        CALL_STATUS,
        WITHIN_FIELD,
        ARGS_MODE,
        NAME_MATCH,
        Field("when_absent", choice(WHEN_ABSENT), "when nothing was called", default="missing"),
    ),
    build=build,
    stage=TOOL_CHOICE,
    doc="which tools were called, in which order",
)

"""Every kind of assertion, and the compiler that turns a written object into an assertion.

A target is known only when it can be evaluated. Loading is strict: nothing unknown,
contradictory or empty is ever skipped (assertion spec 5.2).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from tracedesk.assertions import (
    call_order,
    combine,
    cost_limit,
    errors,
    http_status,
    json_match,
    json_schema,
    node_call,
    repeats,
    response_regex,
    response_time,
    semantic,
    span_query,
    token_limit,
    tool_policy,
    tool_sequence,
)
from tracedesk.assertions.assertion import Assertion as Assertion
from tracedesk.assertions.fields import (
    ANY_TEXT,
    ANYTHING,
    INVALID,
    TEXT,
    Field,
    Shape,
    choice,
    list_of,
    number,
    read_fields,
    wrong_type,
)
from tracedesk.assertions.finding import STAGES, Rule
from tracedesk.assertions.kind import Kind
from tracedesk.query.names import nearest
from tracedesk.query.problems import ERROR, Place, Problem, Report

_KINDS: Final = (
    semantic.KIND,
    node_call.KIND,
    json_match.KIND,
    response_regex.KIND,
    json_schema.KIND,
    http_status.KIND,
    response_time.KIND,
    token_limit.KIND,
    tool_sequence.KIND,
    call_order.KIND,
    span_query.KIND,
    *errors.KINDS,
    *repeats.KINDS,
    tool_policy.KIND,
    cost_limit.KIND,
    *combine.KINDS,
)

TARGETS: Final[Mapping[str, Kind]] = MappingProxyType({kind.target: kind for kind in _KINDS})
"""Known targets, in the order in which documentation lists them."""

_WHEN: Final = Shape(ANYTHING.read, {"$ref": "#/$defs/when"})
"""Read by the test case, which knows the language of conditions."""

COMMON_FIELDS: Final = (
    Field("target", TEXT, "the kind of assertion", aliases=("type",)),
    Field("id", TEXT, "stable id, unique in its case"),
    Field("name", ANY_TEXT, "for people", default=""),
    Field("description", ANY_TEXT, "for people", default=""),
    Field("when", _WHEN, "condition; false means skipped"),
    Field("weight", number(), "0 = informational", default=1),
    Field("stage", choice(STAGES), "override of the matrix stage"),
    Field("tags", list_of(TEXT, minimum=0), "for filtering", default=()),
)
"""Fields that every assertion may have (assertion spec 5.1)."""

_IMPLIED: Final = "semantic"
"""What an object without a target is when it has ``criteria``."""


CHILD_FIELDS: Final = tuple(f for f in COMMON_FIELDS if f.name not in ("when", "weight"))
"""Fields of an assertion inside another one; condition and weight belong to the outer one."""


def compile_assertion(obj: object, position: int = 0) -> tuple[Assertion, list[Problem]]:
    """Compile a written assertion; ``position`` in its case gives the default id ``a1``, ….

    Always returns an assertion: one with errors is ``error`` on every trace.
    """
    report = Report()
    if not isinstance(obj, dict):
        wrong_type((), report, "an assertion object", obj)
        assertion = Assertion(
            id=f"a{position + 1}", target="", source=obj, problems=tuple(report.problems)
        )
        return assertion, report.problems
    try:
        return _assemble(obj, position, (), report, COMMON_FIELDS), report.problems
    except RecursionError:
        report.problems.clear()
        report.error((), "syntax", "this assertion is nested too deeply to be read")
    return Assertion(
        id=f"a{position + 1}", target="", source=obj, problems=tuple(report.problems)
    ), report.problems


def compile_child(obj: dict[str, Any], position: int, path: Place, report: Report) -> Assertion:
    """Compile an assertion written inside another one; its problems go to ``report``."""
    return _assemble(obj, position, path, report, CHILD_FIELDS)


def _assemble(
    obj: dict[str, Any],
    position: int,
    path: Place,
    report: Report,
    common_fields: tuple[Field, ...],
) -> Assertion:
    before = len(report.problems)
    common, kind, rule = _compile(obj, path, report, common_fields)
    problems = tuple(report.problems[before:])
    return Assertion(
        id=common["id"] or f"a{position + 1}",
        target=kind.target if kind is not None else str(obj.get("target", obj.get("type", ""))),
        name=common["name"] or "",
        weight=1.0 if common.get("weight") is None else common["weight"],
        stage=common["stage"],
        default_stage="" if kind is None else kind.stage,
        tags=common["tags"] or (),
        when=common.get("when"),
        source=obj,
        problems=problems,
        rule=None if any(problem.severity == ERROR for problem in problems) else rule,
    )


def _compile(
    obj: dict[str, Any], path: Place, report: Report, common_fields: tuple[Field, ...]
) -> tuple[dict[str, Any], Kind | None, Rule | None]:
    """Common values (faulty ones None), the kind and the rule, as far as they are usable."""
    kind = _kind_of(obj, path, report)
    fields = common_fields if kind is None else (*common_fields, *kind.fields)
    before = report.errors
    if kind is None:
        ignored = Report()
        values = read_fields(obj, fields, path, ignored, "an assertion")
        report.problems += [p for p in ignored.problems if p.code != "unknown-key"]
    else:
        values = read_fields(obj, fields, path, report, kind.target)
    rule = None
    if kind is not None and report.errors == before:
        start = len(report.problems)
        rule = kind.build(values, path, report)
        _as_written(obj, kind.fields, path, report, start)
        assert rule is not None or report.faulty, "a rule is built or its faults are reported"
    usable = {name: None if value is INVALID else value for name, value in values.items()}
    return usable, kind, rule


def _as_written(
    obj: dict[str, Any], fields: tuple[Field, ...], path: Place, report: Report, start: int
) -> None:
    """Have problems of a field point at the name by which it was written."""
    written = {
        field.name: alias
        for field in fields
        if field.name not in obj
        for alias in field.aliases
        if alias in obj
    }
    depth = len(path)
    for index, problem in enumerate(report.problems[start:], start):
        name = problem.path[depth] if len(problem.path) > depth else None
        if name in written:
            place = (*path, written[name], *problem.path[depth + 1 :])
            report.problems[index] = replace(problem, path=place)


def _kind_of(obj: dict[str, Any], path: Place, report: Report) -> Kind | None:
    key = "target" if "target" in obj else "type"
    if key not in obj:
        if "criteria" in obj and _IMPLIED in TARGETS:
            return TARGETS[_IMPLIED]
        bad = next((each for each in obj if nearest(str(each), ("target",))), None)
        if bad is None:
            report.error(path, "missing-field", "an assertion needs 'target'")
        else:
            told = f"an assertion has no '{bad}'"
            report.error((*path, bad), "unknown-key", told, "target", on_key=True)
        return None
    target = obj[key]
    if not isinstance(target, str):
        return None  # its type is reported with the other fields
    if target not in TARGETS:
        known = nearest(target, TARGETS)
        report.error((*path, key), "unknown-target", f"unknown target '{target}'", known)
        return None
    return TARGETS[target]

"""Every kind of assertion, and the compiler that turns a written object into an assertion.

A target is known only when it can be evaluated. Loading is strict: nothing unknown,
contradictory or empty is ever skipped (assertion spec 5.2).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tracedesk.assertions import (
    json_match,
    node_call,
    response_regex,
)
from tracedesk.assertions.fields import (
    ANY_TEXT,
    ANYTHING,
    INVALID,
    TEXT,
    Field,
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

_MODULES: Final = (node_call, json_match, response_regex)

TARGETS: Final[Mapping[str, Kind]] = MappingProxyType(
    {module.KIND.target: module.KIND for module in _MODULES}
)
"""Known targets, in the order in which documentation lists them."""

COMMON_FIELDS: Final = (
    Field("target", TEXT, "the kind of assertion", aliases=("type",)),
    Field("id", TEXT, "stable id, unique in its case"),
    Field("name", ANY_TEXT, "for people", default=""),
    Field("description", ANY_TEXT, "for people", default=""),
    Field("when", ANYTHING, "condition; false means skipped"),
    Field("weight", number(), "0 = informational", default=1),
    Field("stage", choice(STAGES), "override of the matrix stage"),
    Field("tags", list_of(TEXT, minimum=0), "for filtering", default=()),
)
"""Fields that every assertion may have (assertion spec 5.1)."""

_IMPLIED: Final = "semantic"
"""What an object without a target is when it has ``criteria``."""


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion, compiled. With a problem of severity error ``rule`` is None."""

    id: str
    target: str
    name: str = ""
    weight: float = 1.0
    stage: str | None = None
    tags: tuple[str, ...] = ()
    when: Any = None
    """As written; None when there is no condition."""
    source: Any = None
    """The raw object."""
    problems: tuple[Problem, ...] = ()
    rule: Rule | None = None

    @property
    def usable(self) -> bool:
        return self.rule is not None


def compile_assertion(obj: object, position: int = 0) -> tuple[Assertion, list[Problem]]:
    """Compile a written assertion; ``position`` in its case gives the default id ``a1``, ….

    Always returns an assertion: one with errors is ``error`` on every trace.
    """
    report = Report()
    fallback = f"a{position + 1}"
    if not isinstance(obj, dict):
        wrong_type((), report, "an assertion object", obj)
        assertion = Assertion(id=fallback, target="", source=obj, problems=tuple(report.problems))
        return assertion, report.problems
    common, kind, rule = _compile(obj, (), report, COMMON_FIELDS)
    assertion = Assertion(
        id=common["id"] or fallback,
        target=kind.target if kind is not None else str(obj.get("target", obj.get("type", ""))),
        name=common["name"] or "",
        weight=1.0 if common["weight"] is None else common["weight"],
        stage=common["stage"],
        tags=common["tags"] or (),
        when=common["when"],
        source=obj,
        problems=tuple(report.problems),
        rule=None if report.faulty else rule,
    )
    return assertion, report.problems


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
        rule = kind.build(values, path, report)
        assert rule is not None or report.faulty, "a rule is built or its faults are reported"
    usable = {name: None if value is INVALID else value for name, value in values.items()}
    return usable, kind, rule


def _kind_of(obj: dict[str, Any], path: Place, report: Report) -> Kind | None:
    key = "target" if "target" in obj else "type"
    if key not in obj:
        if "criteria" in obj and _IMPLIED in TARGETS:
            return TARGETS[_IMPLIED]
        report.error(path, "missing-field", "an assertion needs 'target'")
        return None
    target = obj[key]
    if not isinstance(target, str):
        return None  # its type is reported with the other fields
    if target not in TARGETS:
        known = nearest(target, TARGETS)
        report.error((*path, key), "unknown-target", f"unknown target '{target}'", known)
        return None
    return TARGETS[target]


def severe(problems: list[Problem]) -> bool:
    """Whether some problem keeps an assertion from being used."""
    return any(problem.severity == ERROR for problem in problems)

"""The mapping of a test-case file → cases: fields, defaults, variables, assertions.

Works on plain values and reports by path; where a path is written is the business of
``Diagnostics``. Field rules are those of assertion spec 9.1 and 9.2.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from tracedesk.assertions.combine import semantic_in
from tracedesk.assertions.registry import compile_assertion
from tracedesk.query.names import nearest
from tracedesk.testcases.diagnostics import Diagnostics
from tracedesk.testcases.each import Row, read_rows
from tracedesk.testcases.fields import Fields, described
from tracedesk.testcases.keys import CASE, DEFAULTS, FILE, STATUSES, VERSION
from tracedesk.testcases.models import Case, Check, Diagnostic
from tracedesk.testcases.parameters import ParameterFiles
from tracedesk.testcases.positions import Path
from tracedesk.testcases.variables import fill, fill_assertion
from tracedesk.testcases.when import When, compile_when

Placed = tuple[int, Case]
"""A case with the place of its entry in ``cases``."""

_NOT_IN_SLUGS = re.compile(r"[\W_]+")


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What ``defaults`` gives to cases that do not say otherwise."""

    agent: str | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()
    context: dict[str, str] = {}
    threshold: float | None = None
    when: Any = ...
    """As written; ``...`` when there is none."""


def read_cases(
    value: Any, report: Diagnostics, agents: Collection[str] | None, files: ParameterFiles
) -> tuple[Case, ...]:
    """All cases of a file's value, broken ones included. What is wrong goes to ``report``."""
    if not isinstance(value, dict):
        report.add((), "missing-field", "a test-case file needs a list of 'cases'")
        return ()
    report.unknown_keys(value, FILE, ())
    version = value.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        report.add(("version",), "wrong-type", f"version must be {VERSION}")
    defaults = _read_defaults(value, report)
    fields = Fields(value, (), report)
    if not fields.require("cases", "a test-case file"):
        return ()
    entries = value["cases"]
    if not isinstance(entries, list) or not entries:
        fields.wrong("cases", "a list of cases")
        return ()
    placed = [
        (index, case)
        for index, entry in enumerate(entries)
        for case in _read_entry(entry, index, defaults, report, files)
    ]
    _warn_unused(value, entries, report)
    _warn_unknown_agents(placed, agents, report)
    return tuple(_judged(case, index, report) for index, case in _identified(placed, report))


def _read_defaults(value: Mapping[str, Any], report: Diagnostics) -> Defaults:
    path: Path = ("defaults",)
    found = value.get("defaults", {})
    if not isinstance(found, dict):
        report.add(path, "wrong-type", f"defaults must be a mapping, not {described(found)}")
        return Defaults()
    report.unknown_keys(found, DEFAULTS, path)
    fields = Fields(found, path, report)
    context = fields.variables("context")
    if "when" in found:  # each case compiles it anew; here only for what is wrong with it
        filled = fill(found["when"], context, (*path, "when"), lambda _path, _name, _key: None)
        report.add_problems(compile_when(filled)[1], (*path, "when"))
    return Defaults(
        agent=fields.text("agent"),
        status=fields.choice("status", STATUSES, "unknown-status"),
        tags=fields.texts("tags"),
        context=context,
        threshold=fields.threshold("threshold"),
        when=found.get("when", ...),
    )


def _read_entry(
    entry: Any, index: int, defaults: Defaults, report: Diagnostics, files: ParameterFiles
) -> list[Case]:
    """One entry of ``cases``: one case, or one for each row of its ``each``."""
    path: Path = ("cases", index)
    if not isinstance(entry, dict):
        report.add(path, "wrong-type", f"a case must be a mapping, not {described(entry)}")
        name = f"case {index + 1}"
        return [Case(id="", name=name, file=report.file, line=report.mark(path).line)]
    report.unknown_keys(entry, CASE, path)
    if "each" not in entry:
        return [_read_case(entry, index, defaults, report, None)]
    rows = read_rows(entry["each"], (*path, "each"), report, files)
    return [_read_case(entry, index, defaults, report, row) for row in rows or [_NO_ROW]]


_NO_ROW = Row("", {})
"""Stands for the rows of an ``each`` that cannot be read: its case is an error."""


def _read_case(
    entry: dict[str, Any], index: int, defaults: Defaults, report: Diagnostics, row: Row | None
) -> Case:
    """One case; what is wrong with it stands only in the report yet."""
    path: Path = ("cases", index)
    fields = Fields(entry, path, report)
    fields.require("name", "a case")
    threshold = fields.threshold("threshold")
    weight = fields.weight("weight")
    variables: dict[str, Any] = {**defaults.context, **fields.variables("context")}
    if row is not None:
        variables.update(row.variables)
    filled = _Filled(entry, defaults.when, variables, path, report, row)
    suffix = "" if row is None or row is _NO_ROW else f" [{row.label}]"
    case_id, scenario = fields.text("id"), fields.text("scenario") or ""
    case = Case(
        id=f"{case_id}{suffix.lstrip()}" if case_id else "",
        name=(fields.text("name") or f"case {index + 1}") + suffix,
        file=report.file,
        line=report.mark(path).line,
        agent=fields.text("agent") or defaults.agent,
        status=fields.choice("status", STATUSES, "unknown-status") or defaults.status or "active",
        scenario=scenario,
        input=fields.messages("input"),
        tags=tuple(dict.fromkeys((*defaults.tags, *fields.texts("tags")))),
        when=_condition(filled.when, (*path, "when"), report),
        threshold=defaults.threshold if threshold is None else threshold,
        weight=1.0 if weight is None else weight,
        checks=tuple(
            _check(source, place, (*path, "assertions", place), report, scenario)
            for place, source in enumerate(filled.assertions)
        ),
    )
    _check_together(case, path, report)
    sources = [filled.when, filled.assertions, case.name, case.agent, case.threshold, case.weight]
    told = [check.digest for check in case.checks] if scenario else []
    tagged = [case.tags] if case.tags else []  # what is tagged is counted by it
    return replace(case, digest=_digest([*sources, *told, *tagged]))


class _Filled:
    """The parts of a case that variables reach, with the variables filled in."""

    def __init__(
        self,
        entry: Mapping[str, Any],
        default_when: Any,
        variables: Mapping[str, Any],
        path: Path,
        report: Diagnostics,
        row: Row | None,
    ) -> None:
        def unknown(where: Path, name: str, in_key: bool) -> None:
            if in_key:
                message = f"{{{{{name}}}}} stands in a key; variables are filled in values only"
                report.add(where, "unknown-variable", message, on_key=True)
                return
            if row is _NO_ROW:
                return  # what the entries would have given is not known
            message = f"{{{{{name}}}}} is not in the context of this case"
            if row is not None:
                message += f", nor in the entry '{row.label}' of 'each'"
            near = nearest(name, variables)
            report.add(where, "unknown-variable", message, suggestion=near)

        self.when = fill(entry.get("when", default_when), variables, (*path, "when"), unknown)
        """The condition as written; ``...`` when there is none."""
        self.assertions: list[Any] = [
            fill_assertion(source, variables, (*path, "assertions", place), unknown)
            for place, source in enumerate(_assertion_list(entry, path, report))
        ]


def _assertion_list(entry: Mapping[str, Any], path: Path, report: Diagnostics) -> list[Any]:
    fields = Fields(entry, path, report)
    if not fields.require("assertions", "a case"):
        return []
    found = entry["assertions"]
    if isinstance(found, list) and found:
        return found
    fields.wrong("assertions", "a list with at least one assertion")
    return []


def _condition(source: Any, path: Path, report: Diagnostics) -> When | None:
    if source is ...:
        return None
    when, problems = compile_when(source)
    report.add_problems(problems, path)
    return when


def _check(source: Any, place: int, path: Path, report: Diagnostics, scenario: str) -> Check:
    assertion, problems = compile_assertion(source, place)
    judged = semantic_in(assertion) if scenario else []
    for rule in judged:
        rule.scenario = scenario
    report.add_problems(problems, path)
    when = None
    if isinstance(source, dict) and "when" in source:
        when = _condition(source["when"], (*path, "when"), report)
    mark = report.mark(path)
    return Check(
        assertion=assertion,
        line=mark.line,
        column=mark.column,
        when=when,
        digest=_digest([source, place, scenario] if judged else [source, place]),
        places=report.places(path),
    )


def _check_together(case: Case, path: Path, report: Diagnostics) -> None:
    """What can only be said of all assertions of a case."""
    ids: set[str] = set()
    for place, assertion in enumerate(case.assertions):
        if assertion.id in ids:
            message = f"two assertions of this case have the id '{assertion.id}'"
            report.add((*path, "assertions", place, "id"), "duplicate-id", message)
        ids.add(assertion.id)
    if case.checks and all(assertion.weight == 0 for assertion in case.assertions):
        message = "every assertion has weight 0, so this case could never fail"
        report.add((*path, "assertions"), "always-true", message, on_key=True)


def _identified(placed: Sequence[Placed], report: Diagnostics) -> list[Placed]:
    """The cases with their ids; names and ids that are taken are reported."""
    names: dict[str, Case] = {}
    ids: dict[str, Case] = {}
    numbered: list[Placed] = []
    for index, case in placed:
        owner = names.setdefault(case.name, case)
        if owner is not case:
            message = f"the name '{case.name}' is taken by the case on line {owner.line}"
            report.add(("cases", index, "name"), "duplicate-name", message)
        case_id = case.id or _default_id(case.name, index, report.file, ids)
        owner = ids.setdefault(case_id, case)
        if owner is not case:
            message = f"the id '{case_id}' is taken by the case on line {owner.line}"
            report.add(("cases", index, "id"), "duplicate-id", message)
        numbered.append((index, replace(case, id=case_id)))
    return numbered


def _default_id(name: str, index: int, file: str, taken: Collection[str]) -> str:
    slug = _NOT_IN_SLUGS.sub("-", name.casefold()).strip("-") or f"case-{index + 1}"
    wanted = f"{file}#{slug}"
    number = 2
    while wanted in taken:  # names that differ only in what a slug drops
        wanted = f"{file}#{slug}-{number}"
        number += 1
    return wanted


def _judged(case: Case, index: int, report: Diagnostics) -> Case:
    """The case with its share of the report: its own errors, its file's, its assertions'."""
    path: Path = ("cases", index)
    own = (*report.errors_of(path), *report.errors_of(()))
    checks = tuple(
        _judged_check(check, report.errors_of((*path, "assertions", place)))
        for place, check in enumerate(case.checks)
    )
    parts = [case.digest, [str(d) for d in own], [check.digest for check in checks]]
    return replace(case, checks=checks, problems=own, digest=_digest(parts))


def _judged_check(check: Check, problems: tuple[Diagnostic, ...]) -> Check:
    if not problems:
        return check
    digest = _digest([check.digest, [str(problem) for problem in problems]])
    return replace(check, problems=problems, digest=digest)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _warn_unused(value: Mapping[str, Any], entries: Sequence[Any], report: Diagnostics) -> None:
    """A default that every case overrides is probably a mistake."""
    found = value.get("defaults")
    if not isinstance(found, dict):
        return
    for key in ("agent", "status", "threshold", "when"):
        if key in found and all(isinstance(entry, dict) and key in entry for entry in entries):
            message = f"every case has its own '{key}', so this default is never used"
            report.add(
                ("defaults", key), "unused-default", message, severity="warning", on_key=True
            )


def _warn_unknown_agents(
    placed: Sequence[Placed], agents: Collection[str] | None, report: Diagnostics
) -> None:
    for index, case in placed:
        if agents is None or case.agent is None or case.agent in agents:
            continue
        report.add(
            ("cases", index, "agent"),
            "unknown-agent",
            f"no agent is called '{case.agent}'",
            suggestion=nearest(case.agent, agents),
            severity="warning",
        )

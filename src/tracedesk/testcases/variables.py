"""``{{NAME}}`` in expected texts, filled from a case's context when the file is read.

Only values are filled, never keys, names or identifiers; text in other braces, such as
``={{ $json.x }}``, is left alone (assertion spec 9.2).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracedesk.testcases.positions import Path

VARIABLE_NAME = re.compile("[A-Z0-9_]+")
VARIABLE = re.compile(r"\{\{([A-Z0-9_]+)\}\}")

FOR_PEOPLE = frozenset({"id", "name", "description", "tags", "target", "type", "stage"})
"""Fields at the top of an assertion that are about it, not expected of a trace."""

Report = Callable[[Path, str, bool], None]
"""Told the path, the unknown name, and whether it stands in a key."""


def as_text(value: Any) -> str:
    """A variable's value inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fill(value: Any, variables: Mapping[str, Any], path: Path, report: Report) -> Any:
    """A copy of ``value`` with every variable of every text filled in.

    An unknown name is reported and left as written; what holds none is returned as it is. A
    text that is one variable and nothing else becomes its value, a number staying a number.
    """
    if isinstance(value, str):
        return _fill_text(value, variables, path, report) if "{{" in value else value
    if isinstance(value, list):
        return [fill(item, variables, (*path, i), report) for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            for name in VARIABLE.findall(key) if "{{" in key else ():
                report((*path, key), name, True)
        return {key: fill(item, variables, (*path, key), report) for key, item in value.items()}
    return value


def fill_assertion(source: Any, variables: Mapping[str, Any], path: Path, report: Report) -> Any:
    """The assertion object with its expected values filled in; anything else as it is."""
    if not isinstance(source, dict):
        return source
    return {
        key: value
        if key in FOR_PEOPLE or key.startswith("x-")
        else fill(value, variables, (*path, key), report)
        for key, value in source.items()
    }


def _fill_text(text: str, variables: Mapping[str, Any], path: Path, report: Report) -> Any:
    whole = VARIABLE.fullmatch(text)
    if whole is not None and whole.group(1) in variables:
        return variables[whole.group(1)]

    def filled(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in variables:
            report(path, name, False)
            return found.group()
        return as_text(variables[name])

    return VARIABLE.sub(filled, text)

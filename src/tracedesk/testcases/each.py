"""``each``: one case written once, made for every entry of a list or of a file.

An entry gives the variables of its case. What is wrong with one entry makes the whole case an
error: no entry is left out in silence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tracedesk.query.text import plain
from tracedesk.testcases.diagnostics import Diagnostics
from tracedesk.testcases.fields import described
from tracedesk.testcases.parameters import ParameterError, ParameterFiles, Record
from tracedesk.testcases.positions import Path
from tracedesk.testcases.variables import VARIABLE_NAME, as_text

MAX_ENTRIES = 1_000
"""Cases that one ``each`` may make."""

LABEL_CHARS = 40
"""Longest value that is shown in the name of a case."""


class Row(msgspec.Struct, frozen=True):
    """One entry, checked."""

    label: str
    """What the name of its case ends with: a value that no other entry has, else its number."""
    variables: dict[str, Any]
    """Texts, numbers and booleans by name."""


def read_rows(source: Any, path: Path, report: Diagnostics, files: ParameterFiles) -> list[Row]:
    """The entries of what is written under ``each``; empty after reporting what is wrong."""
    if isinstance(source, str) and source.strip():
        rows = _from_file(source, path, report, files)
    elif isinstance(source, list) and source:
        rows = _from_list(source, path, report)
    else:
        wanted = "a list of entries, or the path of a .csv or .json file"
        empty = source is None or source in ("", [], {}) or isinstance(source, str)
        code = "empty-value" if empty else "wrong-type"
        report.add(path, code, f"each must be {wanted}, not {described(source)}")
        return []
    if len(rows) > MAX_ENTRIES:
        message = f"{len(rows):,} entries; one case is made for at most {MAX_ENTRIES:,}"
        report.add(path, "too-large", message)
        return []
    labels = _labels(rows)
    return [Row(label, values) for label, values in zip(labels, rows, strict=True)]


def _from_list(source: list[Any], path: Path, report: Diagnostics) -> list[dict[str, Any]]:
    good = True
    for index, entry in enumerate(source):
        place = (*path, index)
        if not isinstance(entry, dict) or not entry:
            code = "empty-value" if not entry else "wrong-type"
            message = f"an entry is a mapping of variables, not {described(entry)}"
            report.add(place, code, message)
            good = False
            continue
        for name, value in entry.items():
            fault = _fault_of(name, value)
            if fault is not None:
                on_key = not VARIABLE_NAME.fullmatch(name)
                report.add((*place, name), "wrong-type", fault, on_key=on_key)
                good = False
    return source if good else []


def _from_file(
    name: str, path: Path, report: Diagnostics, files: ParameterFiles
) -> list[dict[str, Any]]:
    try:
        records = files.records(name)
        for record in records:
            _refuse_bad(name, record)
    except ParameterError as fault:
        report.add(path, "unreadable", str(fault))
        return []
    if not records:
        report.add(path, "empty-value", f"{name} has no entries")
    return [record.values for record in records]


def _refuse_bad(name: str, record: Record) -> None:
    for variable, value in record.values.items():
        fault = _fault_of(variable, value)
        if fault is not None:
            raise ParameterError(f"{name}:{record.line}: {fault}")
    if not record.values:
        raise ParameterError(f"{name}:{record.line}: this entry has no variables")


def _fault_of(name: str, value: Any) -> str | None:
    if not VARIABLE_NAME.fullmatch(name):
        return f"the variable name '{name}' must be capitals, digits and underscores"
    if not isinstance(value, str | int | float | bool):
        return f"{name} must be text, a number, true or false, not {described(value)}"
    return None


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A label for each row, from the first variable whose values are short and all differ."""
    for name in rows[0] if rows else ():
        texts = [as_text(row.get(name, "")).strip() for row in rows]
        fits = all(text and len(text) <= LABEL_CHARS and text.isprintable() for text in texts)
        if fits and len({text.casefold() for text in texts}) == len(texts):
            return [plain(text) for text in texts]
    return [str(number) for number in range(1, len(rows) + 1)]

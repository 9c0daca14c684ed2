"""Plain values as YAML or JSON text, in the style of what stands beside them.

Whatever is written is read back as the same value with the same type: text that looks like
anything else is quoted.
"""

import json
import math
import re
from typing import Any

from tracedesk.testcases.positions import UNENCODABLE

WIDTH = 100
"""Columns of a line before a value is spread over several."""

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./@$%+*-]|[ ](?=[A-Za-z0-9_(]))*")
"""Texts that need no quotes, inside braces or not."""

_RESOLVED = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n|nan|inf)")
"""Words that some reader of YAML takes for something else."""

_UNSEEN = re.compile("[\x7f-\xa0\u00ad\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\uffff]")


class Unwritable(ValueError):  # noqa: N818 - it says what the value is
    """The value cannot be written in a file of test cases."""


def scalar(value: Any, *, as_json: bool = False) -> str:
    """A text, number, boolean or null."""
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not _RESOLVED.fullmatch(value)
        return value if plain and not as_json else quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unwritable(f"{value} is not a finite number")
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    raise Unwritable(f"{type(value).__name__} cannot be written in a test case")


def quoted(text: str) -> str:
    """A text in double quotes, which YAML and JSON read alike."""
    if UNENCODABLE.search(text):
        raise Unwritable("half of a surrogate pair cannot be written")
    return _UNSEEN.sub(lambda c: f"\\u{ord(c.group()):04x}", json.dumps(text, ensure_ascii=False))


def one_line(value: Any, *, as_json: bool = False) -> str:
    """Any value on one line."""
    if isinstance(value, dict):
        pairs = (f"{_key(k, as_json)}: {one_line(v, as_json=as_json)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(one_line(item, as_json=as_json) for item in value) + "]"
    return scalar(value, as_json=as_json)


def _key(key: Any, as_json: bool) -> str:
    if not isinstance(key, str):
        raise Unwritable(f"a key is text, not {type(key).__name__}")
    return scalar(key, as_json=as_json)


def spread_json(value: Any, indent: str, unit: str) -> list[str]:
    """Lines of JSON, the first one without its indentation."""
    if not isinstance(value, dict | list | tuple) or not value:
        return [one_line(value, as_json=True)]
    inner = indent + unit
    lines = ["{" if isinstance(value, dict) else "["]
    entries: Any = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in entries:
        name = "" if key is None else f"{_key(key, True)}: "
        first, *rest = spread_json(item, inner, unit)
        lines += [f"{inner}{name}{first}", *rest]
        lines[-1] += ","
    lines[-1] = lines[-1][:-1]
    return [*lines, indent + ("}" if isinstance(value, dict) else "]")]


def block(value: Any, column: int) -> list[str]:
    """Lines of block YAML that begin at a column, the first one without its indentation."""
    indent = " " * column
    if isinstance(value, dict) and value:
        lines = [line for key, item in value.items() for line in member(key, item, column)]
    elif isinstance(value, list | tuple) and value:
        lines = [line for item in value for line in _element(item, column)]
    else:
        return [one_line(value)]
    return [lines[0], *(indent + line for line in lines[1:])]


def member(key: Any, value: Any, column: int) -> list[str]:
    """Lines of one key of a block mapping that begins at a column, without its indentation."""
    name = _key(key, False)
    short = f"{name}: {one_line(value)}"
    spread = isinstance(value, dict | list | tuple) and bool(value)
    always = key in ("assertions", "cases")
    if not spread or (column + len(short) <= WIDTH and not always):
        return [short]
    return [f"{name}:", *(f"  {line}" for line in _lines(value, column + 2))]


def _element(value: Any, column: int) -> list[str]:
    first, *rest = _lines(value, column + 2)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _lines(value: Any, column: int) -> list[str]:
    """As ``block``, but every line without the indentation of the column."""
    first, *rest = block(value, column)
    return [first, *(line[column:] for line in rest)]

"""Fields of written objects as data: one table says what an object may hold.

The same table is read by validation, by *did you mean* and by the JSON Schema of a test
file. Reading reports every fault with its path and never guesses.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from tracedesk.query.expected import Expected
from tracedesk.query.matchers import Compiler
from tracedesk.query.names import nearest
from tracedesk.query.paths import Path, PathError, parse_path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import is_integer, is_number, type_of

EXTENSION_PREFIX: Final = "x-"
"""Keys that begin so belong to the author's own tools and are ignored."""


class Invalid:
    """The type of ``INVALID``: stands for a value whose fault was reported."""


INVALID: Final = Invalid()

Reader = Callable[[Any, Place, Report], Any]
"""Turns a written value into a usable one, or reports and returns ``INVALID``."""


class Shape(msgspec.Struct, frozen=True):
    """What a field's value looks like: how it is read and how a JSON Schema says it."""

    read: Reader
    schema: dict[str, Any] = msgspec.field(default_factory=dict)


class Field(msgspec.Struct, frozen=True):
    """One field of an object."""

    name: str
    shape: Shape
    doc: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    default: Any = None
    """Value when the field is not written; the table's word, not copied."""


def wrong_type(path: Place, report: Report, wanted: str, value: Any) -> Invalid:
    """Report that something else was needed here."""
    report.error(path, "wrong-type", f"needs {wanted}, not {type_of(value)}")
    return INVALID


def read_fields(
    obj: dict[str, Any], fields: Sequence[Field], path: Place, report: Report, what: str
) -> dict[str, Any]:
    """Read an object by its table: name → value, defaults filled in, faulty ones ``INVALID``.

    Reports unknown keys, two aliases of one field, missing and empty fields; a missing one that
    an unknown key comes near to is only misspelt, and reported once, as that.
    """
    values: dict[str, Any] = {}
    known = [name for field in fields for name in (field.name, *field.aliases)]
    misspelt = {nearest(str(key), known) for key in obj if key not in known}
    for field in fields:
        written = [name for name in (field.name, *field.aliases) if name in obj]
        if len(written) > 1:
            message = f"'{written[1]}' is another name of '{written[0]}'; write one of them"
            report.error((*path, written[1]), "contradiction", message, on_key=True)
        if not written:
            if field.required and misspelt.isdisjoint((field.name, *field.aliases)):
                report.error(path, "missing-field", f"{what} needs '{field.name}'")
            values[field.name] = INVALID if field.required else field.default
            continue
        place = (*path, written[0])
        values[field.name] = field.shape.read(obj[written[0]], place, report)
    refuse_unknown(obj, known, path, report, what)
    return values


def refuse_unknown(
    obj: dict[str, Any], known: Iterable[str], path: Place, report: Report, what: str
) -> None:
    """Report every key that the object may not have."""
    names = list(known)
    for key in obj:
        if key in names or (isinstance(key, str) and key.startswith(EXTENSION_PREFIX)):
            continue
        meant = nearest(str(key), names)
        report.error((*path, key), "unknown-key", f"{what} has no '{key}'", meant, on_key=True)


def _text(value: Any, path: Place, report: Report) -> Any:
    if not isinstance(value, str):
        return wrong_type(path, report, "text", value)
    if not value.strip():
        report.error(path, "empty-value", "cannot be empty")
        return INVALID
    return value


def _any_text(value: Any, path: Place, report: Report) -> Any:
    return value if isinstance(value, str) else wrong_type(path, report, "text", value)


def _boolean(value: Any, path: Place, report: Report) -> Any:
    if isinstance(value, bool):
        return value
    return wrong_type(path, report, "true or false", value)


TEXT: Final = Shape(_text, {"type": "string", "minLength": 1})
ANY_TEXT: Final = Shape(_any_text, {"type": "string"})
BOOLEAN: Final = Shape(_boolean, {"type": "boolean"})
ANYTHING: Final = Shape(lambda value, path, report: value)


def number(
    minimum: float = 0,
    maximum: float | None = None,
    above: bool = False,
    low_code: str = "wrong-type",
) -> Shape:
    """A number ≥ ``minimum`` (> with ``above``) and ≤ ``maximum``; ``low_code`` when too low."""

    def read(value: Any, path: Place, report: Report) -> Any:
        if not is_number(value):
            return wrong_type(path, report, "a number", value)
        low = value <= minimum if above else value < minimum
        if low or (maximum is not None and value > maximum):
            sign = ">" if above else "≥"
            upper = "" if maximum is None else f" and ≤ {maximum:g}"
            code = low_code if low else "wrong-type"
            report.error(path, code, f"needs a number {sign} {minimum:g}{upper}")
            return INVALID
        return value

    schema: dict[str, Any] = {"type": "number"}
    schema["exclusiveMinimum" if above else "minimum"] = minimum
    if maximum is not None:
        schema["maximum"] = maximum
    return Shape(read, schema)


def integer(minimum: int = 0) -> Shape:
    """A whole number ≥ ``minimum``; ``2.0`` is one."""

    def read(value: Any, path: Place, report: Report) -> Any:
        if not is_integer(value):
            return wrong_type(path, report, "a whole number", value)
        if value < minimum:
            report.error(path, "wrong-type", f"needs a whole number ≥ {minimum}")
            return INVALID
        return int(value)

    return Shape(read, {"type": "integer", "minimum": minimum})


def choice(values: Sequence[str], code: str = "unknown-mode") -> Shape:
    """One of a few words, case-sensitive; anything else is an error with that code."""

    def read(value: Any, path: Place, report: Report) -> Any:
        if not isinstance(value, str):
            return wrong_type(path, report, f"one of {', '.join(values)}", value)
        if value not in values:
            message = f"unknown value '{value}'; known: {', '.join(values)}"
            report.error(path, code, message, nearest(value, values))
            return INVALID
        return value

    return Shape(read, {"enum": list(values)})


def list_of(item: Shape, minimum: int = 1) -> Shape:
    """A list of at least ``minimum`` items."""

    def read(value: Any, path: Place, report: Report) -> Any:
        if not isinstance(value, list):
            return wrong_type(path, report, "a list", value)
        if len(value) < minimum:
            few = "at least one element" if minimum == 1 else f"at least {minimum} elements"
            report.error(path, "empty-value", f"needs {few}")
            return INVALID
        items = [item.read(entry, (*path, index), report) for index, entry in enumerate(value)]
        return INVALID if any(item is INVALID for item in items) else tuple(items)

    return Shape(read, {"type": "array", "items": item.schema, "minItems": minimum})


def one_or_list(item: Shape) -> Shape:
    """One item, or a non-empty list of them; always read as a tuple."""
    many = list_of(item)

    def read(value: Any, path: Place, report: Report) -> Any:
        if isinstance(value, list):
            return many.read(value, path, report)
        found = item.read(value, path, report)
        return INVALID if found is INVALID else (found,)

    return Shape(read, {"anyOf": [item.schema, many.schema]})


def map_of(item: Shape, empty: bool = False) -> Shape:
    """An object whose values all have one shape."""

    def read(value: Any, path: Place, report: Report) -> Any:
        if not isinstance(value, dict):
            return wrong_type(path, report, "a map", value)
        if not value and not empty:
            report.error(path, "empty-value", "needs at least one key")
            return INVALID
        if not report.text_keys(value, path):
            return INVALID
        items = {key: item.read(entry, (*path, key), report) for key, entry in value.items()}
        return INVALID if any(item is INVALID for item in items.values()) else items

    return Shape(read, {"type": "object", "additionalProperties": item.schema})


def _path(value: Any, path: Place, report: Report) -> Any:
    text = _text(value, path, report)
    return text if text is INVALID else read_path(text, path, report)


def read_path(text: str, place: Place, report: Report) -> Path | Invalid:
    """Parse a dot path or JSONPath; INVALID after reporting."""
    try:
        return parse_path(text)
    except PathError as error:
        report.error(place, "bad-path", f"'{text}' is no path: {error}")
        return INVALID


PATH: Final = Shape(_path, {"type": "string", "minLength": 1})


def _expected(value: Any, path: Place, report: Report) -> Any:
    before = report.errors
    found: Expected = Compiler(report).compile(value, path)
    return found if report.errors == before else INVALID


EXPECTED: Final = Shape(_expected, {"$ref": "#/$defs/expected"})

_MAP: Final = map_of(EXPECTED)


def _expected_map(value: Any, path: Place, report: Report) -> Any:
    keyed = isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if keyed and not Compiler(report).is_map(value, path):
        return INVALID
    return _MAP.read(value, path, report)


EXPECTED_MAP: Final = Shape(_expected_map, _MAP.schema)
"""Free names, each with its expected value."""

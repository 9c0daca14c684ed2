"""Expected values that a JSON value fits: exactly, more loosely, by range and by schema.

Each is one row for whoever asserts; whether it really holds is proved by ``candidates``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from tracedesk.authoring import shapes
from tracedesk.query.values import as_number, is_number, type_of

MAX_WRITTEN: Final = 2_000
"""Characters of one value that an assertion is made of; a file of cases is read by people."""

SHORT: Final = 120
"""Characters of the longest text whose case, form and date are looked at."""

SHOWN: Final = 40
"""Characters of a value in a label."""

EXACT: Final = "exact"
LOOSER: Final = "looser"
STRICTER: Final = "stricter"
MUST_NOT: Final = "must not"


class Form(NamedTuple):
    """One expected value and what to call it."""

    strength: str
    words: str
    """What it says of the value, such as ``is "MAD"``."""
    expected: Any


def written_size(value: Any) -> int:
    """Bytes that a value takes in a file, about; quick, however large it is."""
    if isinstance(value, str):
        return len(value) + 2
    try:
        return len(msgspec.json.encode(value))
    except (ValueError, RecursionError, TypeError, OverflowError):
        return MAX_WRITTEN * MAX_WRITTEN


def shown(value: Any) -> str:
    """A value in a label: JSON, cut."""
    if isinstance(value, str):
        value = value[: SHOWN * 2]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def literal(value: Any) -> Any:
    """The value as an expected value: in a matcher where it would be taken for something else."""
    return {"matcher": "exact", "value": value} if isinstance(value, dict | list) else value


def forms(value: Any, clock_ns: int) -> list[Form]:
    """Every form for a value, exact first. A large value has no exact one."""
    found: list[Form] = []
    if written_size(value) <= MAX_WRITTEN:
        found.append(Form(EXACT, f"is {shown(value)}", literal(value)))
    found += _KINDS.get(type_of(value), _nothing)(value, clock_ns)
    kind = "integer" if is_number(value) and not isinstance(value, float) else type_of(value)
    if value is not None:
        found.append(Form(LOOSER, f"is of type {kind}", {"matcher": "type", "value": kind}))
    found.append(Form(LOOSER, "is there", {"matcher": "any"}))
    return found


def _nothing(value: Any, clock_ns: int) -> Iterator[Form]:
    yield from ()


def _text(value: str, clock_ns: int) -> Iterator[Form]:
    short = len(value) <= SHORT
    date = shapes.expression_of(value, clock_ns) if short else None
    if date is not None:
        expected = {"matcher": "exact", "expression": date}
        yield Form(LOOSER, f"is {date}, as seen from its trace", expected)
    if short and value.upper() != value.lower():
        same = {"matcher": "exact", "value": value, "ignore_case": True}
        yield Form(LOOSER, f"is {shown(value)} in any case", same)
    part = next((w for w in shapes.telling(value[:4_000], 1) if w != value), "")
    part = part or shapes.first_sentence(value[:4_000])[:80].strip()
    if part and part != value:
        yield Form(LOOSER, f"contains {shown(part)}", {"matcher": "contains", "value": part})
    form = shapes.text_format(value)
    if form is not None:
        yield Form(LOOSER, f"is any {form}", {"matcher": form})
    pattern = shapes.same_form(value) if short and form is None else None
    if pattern is not None:
        yield Form(LOOSER, f"matches {pattern}", {"matcher": "regex", "value": pattern})
    number = as_number(value)
    if number is not None:
        yield from _range(number)


def _number(value: float, clock_ns: int) -> Iterator[Form]:
    yield from _range(value)
    if isinstance(value, float):
        near = {"matcher": "approx", "value": value, "rel": 0.01}
        yield Form(LOOSER, f"is {value:g} within 1 %", near)


def _range(value: float) -> Iterator[Form]:
    low, high = sorted((value / 2, value * 2))
    least, most = shapes.rounded_down(low), shapes.rounded_up(high)
    if least < most:
        between = {"matcher": "between", "min": least, "max": most}
        yield Form(LOOSER, f"is between {least:g} and {most:g}", between)
    yield Form(LOOSER, f"is at least {value:g}", {"matcher": "gte", "value": value})
    yield Form(LOOSER, f"is at most {value:g}", {"matcher": "lte", "value": value})


def _list(value: list[Any], clock_ns: int) -> Iterator[Form]:
    if value and written_size(value) <= MAX_WRITTEN:
        yield Form(
            LOOSER, "has these elements in any order", {"matcher": "unordered", "value": value}
        )
    if value and written_size(value[0]) <= MAX_WRITTEN and not isinstance(value[0], dict | list):
        first = {"matcher": "contains", "value": value[0]}
        yield Form(LOOSER, f"contains {shown(value[0])}", first)
    count = {"matcher": "length", "value": len(value)}
    yield Form(LOOSER, f"has {len(value):,} element{'' if len(value) == 1 else 's'}", count)
    if value:
        some = {"matcher": "length", "value": {"matcher": "gte", "value": 1}}
        yield Form(LOOSER, "is not empty", some)
        yield _schema(value)


def _object(value: dict[str, Any], clock_ns: int) -> Iterator[Form]:
    if value and written_size(value) <= MAX_WRITTEN:
        part = {"matcher": "partial", "value": value}
        yield Form(LOOSER, "has at least these members", part)
    if value:
        yield _schema(value)


def _schema(value: Any) -> Form:
    depth = next(
        (d for d in (4, 2, 1) if written_size(shapes.schema_of(value, d)) <= MAX_WRITTEN), 0
    )
    schema = {"matcher": "schema", "value": shapes.schema_of(value, depth)}
    return Form(LOOSER, "has this structure (schema)", schema)


_KINDS: Final[Mapping[str, Callable[[Any, int], Iterator[Form]]]] = {
    "string": _text,
    "number": _number,
    "array": _list,
    "object": _object,
}

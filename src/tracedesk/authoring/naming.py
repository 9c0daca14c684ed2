"""How a place in a JSON value is written in a test case: as a key of expected arguments, or as
a path.

A key is first looked up exactly and then as a dot path (assertion spec 4.3), so one that holds
dots itself can only be written as a nested object.
"""

import re
from typing import Any

from tracedesk.authoring.place import Steps
from tracedesk.query.paths import locate, value_of_key
from tracedesk.query.values import ABSENT

WHOLE = "$"
"""The key that means the whole value."""

MAX_BESIDE = 20
"""Elements of a list that are written out because of one of them."""

_CONTROL = re.compile(r"[\x00-\x1f]")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def dot_path(steps: Steps) -> str:
    """The shortest path that leads along the steps: ``booking.seats.0``, else a JSONPath."""
    plain = bool(steps) and all(
        step >= 0 if isinstance(step, int) else _PLAIN.fullmatch(step) for step in steps
    )
    plain = plain and isinstance(steps[0], str)
    return ".".join(map(str, steps)) if plain else locate(steps)


def expected_at(root: Any, steps: Steps, expected: Any) -> dict[str, Any] | None:
    """``{key: expected}`` for the value along the steps of ``root``, nested where a key could
    be taken for a path. None when there is no way to write it."""
    if isinstance(root, list) and steps and isinstance(steps[0], int):
        root, steps = root[steps[0]], steps[1:]  # some one item must satisfy the whole set
    if not steps:
        return {WHOLE: expected}
    if not isinstance(root, dict):
        return None
    for size in range(len(steps), 0, -1):
        key, rest = ".".join(map(str, steps[:size])), steps[size:]
        found = _walk(root, steps[:size])
        if value_of_key(root, key) is found:
            nested = _nested(found, rest, expected)
            return None if nested is ABSENT else {key: nested}
    return None


def path_to(root: Any, steps: Steps, expected: Any) -> tuple[str, Any] | None:
    """Path and expected value for the value along the steps; what stands under a key that no
    path can name is expected of the value that holds it."""
    odd = (at for at, step in enumerate(steps) if isinstance(step, str) and _CONTROL.search(step))
    size = next(odd, len(steps))
    nested = _nested(_walk(root, steps[:size]), steps[size:], expected)
    return None if nested is ABSENT else (dot_path(steps[:size]), nested)


def _nested(value: Any, steps: Steps, expected: Any) -> Any:
    """What is expected of a value of which only the part along the steps counts; ABSENT when a
    list on the way is too long to be written."""
    for size in range(len(steps) - 1, -1, -1):
        step, above = steps[size], _walk(value, steps[:size])
        if isinstance(step, str):
            expected = {step: expected}
        elif len(above) <= MAX_BESIDE:
            others: list[Any] = [{"matcher": "any"} for _ in above]
            expected = [*others[:step], expected, *others[step + 1 :]]
        else:
            return ABSENT
    return expected


def _walk(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def words(steps: Steps) -> str:
    """A place in words: the last key, an index with what it stands in."""
    if not steps:
        return "the value"
    last = steps[-1]
    return f"{words(steps[:-1])}[{last}]" if isinstance(last, int) else last

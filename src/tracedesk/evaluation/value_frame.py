"""A few lines of a JSON value as it would be printed, around one place in it.

Only what is shown is ever put into words: a value of any size costs its lines, never its text.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tracedesk.query.paths import ROOT, step
from tracedesk.query.values import show

AROUND: Final = 1
"""Lines before and after the one that is pointed at."""

_VALUE_CHARS: Final = 60


def value_frame(value: Any, path: str) -> Iterator[tuple[bool, str]]:
    """Lines of the value around ``path``, each with whether it is the one that is meant.

    The members beside the place are shown, each on one line; what holds them is not.
    """
    holder, key = _holder(value, path)
    if key is None:
        yield True, show(value, 2 * _VALUE_CHARS)
        return
    keys = list(_keys(holder))
    here = keys.index(key)
    first, last = max(0, here - AROUND), min(len(keys), here + AROUND + 1)
    if first:
        yield False, "…"
    for place in range(first, last):
        name = keys[place]
        shown = show(holder[name], _VALUE_CHARS)
        label = show(name, _VALUE_CHARS) if isinstance(name, str) else f"[{name}]"
        yield place == here, f"{label}: {shown}"
    if last < len(keys):
        yield False, "…"


def _holder(value: Any, path: str) -> tuple[Any, str | int | None]:
    """The object or list that holds the place, and the key there; the value and None at the
    root, and where the path cannot be followed."""
    holder: Any = value
    key: str | int | None = None
    current, rest = value, path.removeprefix(ROOT)
    while rest:
        found = next(
            (name for name in _keys(current) if _continues(rest, step(name))),
            None,
        )
        if found is None:
            return value, None
        holder, key = current, found
        current, rest = current[found], rest[len(step(found)) :]
    return holder, key


def _keys(value: Any) -> Sequence[str | int]:
    if isinstance(value, dict):
        return list(value)
    return range(len(value)) if isinstance(value, list) else ()


def _continues(rest: str, taken: str) -> bool:
    """Whether a path goes on with this step, and not with one that only begins like it."""
    return rest.startswith(taken) and rest[len(taken) : len(taken) + 1] in ("", ".", "[")

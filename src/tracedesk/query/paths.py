"""Paths into JSON values: dot paths with numeric indexes, JSONPath, readable locations.

A location is the JSONPath of one place, such as ``$.depot.city`` or ``$["odd key"][0]``;
where a path descends through JSON text the location reads as if it were nested.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from tracedesk.model.jsontext import dump
from tracedesk.query.values import ABSENT, json_text

ROOT: Final = "$"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INDEX = re.compile(r"0|-?[1-9][0-9]*")
_DOLLAR_DOTS = re.compile(r"\$(?:\.[^.\[\]*\s'\"?()@,]+)*")
_NAME = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*"
_STEP = re.compile(
    rf"""\.(?P<name>{_NAME})
       | \[(?P<index>0|-?[1-9][0-9]{{0,15}})\]
       | \["(?P<double>[^"\\\x00-\x1f]*)"\]
       | \['(?P<single>[^'\\\x00-\x1f]*)'\]""",
    re.VERBOSE,
)
_MAX_INDEX: Final = 2**53 - 1
"""Greatest index of a JSONPath, either way (RFC 9535, 2.1)."""

Found = tuple[str, Any]
"""A location and the value there."""


class PathError(ValueError):
    """The text is no path; ``position`` is a character offset into it."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


@lru_cache(maxsize=4096)
def key_step(key: str) -> str:
    """One key as a step of a location: ``.city`` or ``["odd key"]``."""
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{dump(key)}]"


def step(key: str | int) -> str:
    """One key or index as a step of a location."""
    return f"[{key}]" if isinstance(key, int) else key_step(key)


class Path:
    """A parsed path. ``singular`` paths find at most one value."""

    __slots__ = ("singular", "text")

    text: str
    singular: bool

    def find(self, value: Any, *, descend: bool = False) -> list[Found]:
        """All places the path leads to, in document order; empty when it leads nowhere.

        ``descend`` also walks into texts that hold a JSON object or array.
        """
        raise NotImplementedError

    def first(self, value: Any, *, descend: bool = False) -> Found:
        """The first place found, or the path's own text and ABSENT."""
        found = self.find(value, descend=descend)
        return found[0] if found else (self.text, ABSENT)

    def find_attribute(self, attributes: dict[str, Any]) -> list[Found]:
        """As ``find`` on attributes, whose own names may hold dots; JSON text is walked into."""
        return self.find(attributes, descend=True)

    def __str__(self) -> str:
        return self.text


class StepPath(Path):
    """A chain of keys and indexes. A numeric step is an index in lists, a key in objects."""

    __slots__ = ("_dotted", "_ends", "steps")

    def __init__(self, text: str, steps: tuple[str | int, ...]) -> None:
        self.text = text
        self.singular = True
        self.steps = steps
        keys = [str(key) for key in steps]
        ends = enumerate(accumulate(len(key) + 1 for key in keys), 1)
        self._dotted = ".".join(keys)
        self._ends = [(count, end - 1) for count, end in ends][::-1]
        """How many steps there are in front of each place between two, the last one first."""

    def find(self, value: Any, *, descend: bool = False) -> list[Found]:
        location = ROOT
        current = value
        for key in self.steps:
            current, location = _go(current, key, location, descend)
            if current is ABSENT:
                return self._whole_key(value)
        return [(location, current)]

    def find_attribute(self, attributes: dict[str, Any]) -> list[Found]:
        """The longest attribute name that starts the path wins; the rest walks into its value."""
        for size, end in self._ends:
            name = self._dotted[:end]
            if name not in attributes:
                continue
            location, current = ROOT + key_step(name), attributes[name]
            for key in self.steps[size:]:
                current, location = _go(current, key, location, True)
                if current is ABSENT:
                    break
            else:
                return [(location, current)]
        return []

    def _whole_key(self, value: Any) -> list[Found]:
        """A key that itself holds dots, when walking them led nowhere."""
        if isinstance(value, dict) and self.text in value:
            return [(ROOT + key_step(self.text), value[self.text])]
        return []


class QueryPath(Path):
    """A full RFC 9535 query, run by python-jsonpath, which is imported on first use."""

    __slots__ = ("_query",)

    def __init__(self, text: str) -> None:
        from jsonpath import JSONPathError

        from tracedesk.query.jsonpath_environment import environment

        self.text = text
        self.singular = False
        try:
            self._query = environment().compile(text)
        except (JSONPathError, RecursionError, ValueError) as error:
            words = str(error).splitlines() or ["cannot be read"]
            raise PathError(words[0], getattr(getattr(error, "token", None), "index", 0)) from None

    def find(self, value: Any, *, descend: bool = False) -> list[Found]:
        if not isinstance(value, dict | list):
            value = json_text(value) if descend else value
            if not isinstance(value, dict | list):
                return [(ROOT, value)] if self.text.strip() == ROOT else []
        return [
            (ROOT + "".join(map(step, match.parts)), match.obj)
            for match in self._query.finditer(value)
        ]


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Parse a dot path, or a JSONPath when it begins with ``$``. Raises PathError.

    ``$.a.0.b`` is tolerated as a dot path.
    """
    if not text.strip():
        raise PathError("a path cannot be empty")
    if text.startswith(ROOT):
        return _parse_dollar(text)
    if text.lstrip().startswith(ROOT):
        raise PathError("a JSONPath begins with '$', without a space before it")
    keys = text.split(".")
    position = 0
    for key in keys:
        if key == "":
            raise PathError("two dots in a row, or a dot at the end, name nothing", position)
        if key == "*" or "[" in key or "]" in key:
            raise PathError(f"'{key}' is no step of a dot path; write it as a JSONPath", position)
        position += len(key) + 1
    return StepPath(text, tuple(keys))


def _parse_dollar(text: str) -> Path:
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or abs(int(match["index"] or 0)) > _MAX_INDEX:
            break
        steps.append(_step_value(match))
        position = match.end()
    else:
        return StepPath(text, tuple(steps))
    if _DOLLAR_DOTS.fullmatch(text):
        return StepPath(text, tuple(text[2:].split(".")))
    return QueryPath(text)


def _step_value(match: "re.Match[str]") -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    for name in ("name", "double", "single"):
        if match[name] is not None:
            return str(match[name])
    raise AssertionError("some group of a step always matches")


def _go(value: Any, key: str | int, location: str, descend: bool) -> tuple[Any, str]:
    """The value under one step, and its location; ABSENT when there is none."""
    if descend and isinstance(value, str):
        value = json_text(value)
    if isinstance(value, dict):
        if isinstance(key, str) and key in value:
            return value[key], location + key_step(key)
    elif isinstance(value, list):
        index = _index(key)
        if index is not None and -len(value) <= index < len(value):
            index %= len(value)
            return value[index], f"{location}[{index}]"
    return ABSENT, location


def _index(key: str | int) -> int | None:
    if isinstance(key, int):
        return key
    return int(key) if len(key) < 10 and _INDEX.fullmatch(key) else None


@lru_cache(maxsize=4096)
def _steps_of(key: str) -> tuple[str, ...]:
    return tuple(key.split("."))


def value_of_key(value: Any, key: str) -> Any:
    """What a key of ``expected_arguments`` names (assertion spec 4.3): the value of exactly this
    key, else of a dot path with numeric indexes. ABSENT when neither."""
    if isinstance(value, dict) and key in value:
        return value[key]
    if "." not in key:
        return ABSENT
    for part in _steps_of(key):
        if type(value) is dict and part in value:
            value = value[part]
        elif isinstance(value, list) and (index := _index(part)) is not None:
            if not 0 <= index < len(value):
                return ABSENT
            value = value[index]
        else:
            return ABSENT
    return value


def steps_of_key(value: Any, key: str) -> tuple[str | int, ...]:
    """The steps to what ``value_of_key`` finds; none when it finds nothing."""
    if isinstance(value, dict) and key in value:
        return (key,)
    if value_of_key(value, key) is ABSENT:
        return ()
    steps: list[str | int] = []
    for part in _steps_of(key):
        at: str | int = part if type(value) is dict else int(part)
        steps.append(at)
        value = value[at]
    return tuple(steps)


def locate(steps: tuple[str | int, ...]) -> str:
    """The location of a chain of steps from the root."""
    return ROOT + "".join(map(step, steps))


def walk(value: Any, location: str = ROOT) -> Iterator[Found]:
    """Every leaf of a value with its location, empty objects and lists included."""
    stack: list[Found] = [(location, value)]
    while stack:
        place, current = stack.pop()
        children: list[Found] = []
        if isinstance(current, dict):
            children = [(place + step(str(key)), item) for key, item in current.items()]
        elif isinstance(current, list):
            children = [(f"{place}[{index}]", item) for index, item in enumerate(current)]
        if children:
            stack.extend(reversed(children))
        else:
            yield place, current

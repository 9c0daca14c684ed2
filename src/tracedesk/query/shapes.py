"""Matchers on text, presence, types and structure, each a small Expected of its own."""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.model.jsontext import dump, parse
from tracedesk.model.verdict import Difference
from tracedesk.query.expected import Env, Expected
from tracedesk.query.paths import ROOT
from tracedesk.query.patterns import Pattern
from tracedesk.query.schemas import Schema
from tracedesk.query.values import ABSENT, is_integer, json_equal, show, type_of

TYPES: Final = ("string", "number", "integer", "boolean", "null", "array", "object")
"""Type names that the matcher ``type`` knows."""


class Contains(Expected):
    """Substring of text, element of a list, key of an object."""

    __slots__ = ("_needle", "fold", "value")

    def __init__(self, source: Any, value: Any, fold: bool, **base: Any) -> None:
        super().__init__(source, **base)
        self.value = value
        self.fold = fold
        needle = value if isinstance(value, str) else dump(value)
        self._needle = needle.casefold() if fold else needle

    @property
    def words(self) -> str:
        return f"contains {show(self.value)}"

    @property
    def expected_type(self) -> str:
        return type_of(self.value)

    def accepts(self, actual: Any, env: Env) -> bool:
        if isinstance(actual, list | tuple):
            return any(json_equal(self.value, item, self.fold) for item in actual)
        if isinstance(actual, dict):
            if not isinstance(self.value, str):
                return False
            if self.fold:
                return any(str(key).casefold() == self._needle for key in actual)
            return self.value in actual
        if actual is None or isinstance(self.value, dict | list) or self.value is None:
            return False
        text = actual if isinstance(actual, str) else dump(actual)
        return self._needle in (text.casefold() if self.fold else text)

    def hint(self, actual: Any, env: Env) -> str:
        if isinstance(actual, str) and self._needle.casefold() in actual.casefold():
            return "differs only in case"
        return super().hint(actual, env)


class Regex(Expected):
    """A pattern found anywhere in the text, or in the compact JSON of anything else."""

    __slots__ = ("pattern",)

    def __init__(self, source: Any, pattern: Pattern, **base: Any) -> None:
        super().__init__(source, **base)
        self.pattern = pattern

    @property
    def words(self) -> str:
        return f"matches {self.pattern}"

    @property
    def expected_type(self) -> str:
        return "string"

    def accepts(self, actual: Any, env: Env) -> bool:
        text = actual if isinstance(actual, str) else dump(actual)
        return self.pattern.search(text, env.regex_timeout_s) is not None

    def hint(self, actual: Any, env: Env) -> str:
        hint = super().hint(actual, env)
        if hint:
            return hint
        text = actual if isinstance(actual, str) else dump(actual)
        return died_hint(self.pattern, text, env)


def died_hint(pattern: Pattern, text: str, env: Env) -> str:
    """Where the longest part of the pattern that matched stopped; blank when unknown."""
    died = pattern.died_at(text, env.regex_timeout_s)
    if died is None:
        return ""
    part, end = died
    rest = show(text[end : end + 20]) if end < len(text) else "the end of the text"
    return f"matched up to /{part}/, then came {rest} at character {end + 1}"


class Affix(Expected):
    """``starts_with`` and ``ends_with``, text only."""

    __slots__ = ("affix", "fold", "matcher")

    def __init__(self, source: Any, matcher: str, affix: str, fold: bool, **base: Any) -> None:
        super().__init__(source, **base)
        self.matcher = matcher
        self.affix = affix.casefold() if fold else affix
        self.fold = fold

    @property
    def words(self) -> str:
        return f"{self.matcher.replace('_', ' ')} {show(self.affix)}"

    @property
    def expected_type(self) -> str:
        return "string"

    def accepts(self, actual: Any, env: Env) -> bool:
        if not isinstance(actual, str):
            return False
        text = actual.casefold() if self.fold else actual
        if self.matcher == "starts_with":
            return text.startswith(self.affix)
        return text.endswith(self.affix)


class Present(Expected):
    """``any``: whatever is there, null included."""

    __slots__ = ()

    @property
    def words(self) -> str:
        return "any value"

    @property
    def expected_type(self) -> str:
        return "any"

    def accepts(self, actual: Any, env: Env) -> bool:
        return True


class NotThere(Expected):
    """``absent``."""

    __slots__ = ()

    @property
    def words(self) -> str:
        return "absent"

    @property
    def expected_type(self) -> str:
        return "absent"

    def accepts(self, actual: Any, env: Env) -> bool:
        return False

    def matches(self, actual: Any, env: Env) -> bool:
        return actual is ABSENT


class Not(Expected):
    """Present, and the nested expectation does not hold."""

    __slots__ = ("inner",)

    def __init__(self, source: Any, inner: Expected, **base: Any) -> None:
        super().__init__(source, **base)
        self.inner = inner

    @property
    def words(self) -> str:
        return f"not {self.inner.words}"

    @property
    def expected_type(self) -> str:
        return self.inner.expected_type

    def accepts(self, actual: Any, env: Env) -> bool:
        return not self.inner.accepts(actual, env)


class OneOf(Expected):
    """Some listed expectation holds."""

    __slots__ = ("elements",)

    def __init__(self, source: Any, elements: Sequence[Expected], **base: Any) -> None:
        super().__init__(source, **base)
        self.elements = tuple(elements)

    @property
    def words(self) -> str:
        return f"one of {', '.join(element.words for element in self.elements)}"

    @property
    def expected_type(self) -> str:
        kinds = {element.expected_type for element in self.elements}
        return kinds.pop() if len(kinds) == 1 else "any"

    def accepts(self, actual: Any, env: Env) -> bool:
        return any(element.accepts(actual, env) for element in self.elements)

    def hint(self, actual: Any, env: Env) -> str:
        hints = (element.hint(actual, env) for element in self.elements)
        return super().hint(actual, env) or next(filter(None, hints), "")


class OfType(Expected):
    """A JSON type; ``1.0`` is an integer, a boolean is no number."""

    __slots__ = ("names",)

    def __init__(self, source: Any, names: Sequence[str], **base: Any) -> None:
        super().__init__(source, **base)
        self.names = tuple(names)

    @property
    def words(self) -> str:
        return f"a value of type {' or '.join(self.names)}"

    @property
    def expected_type(self) -> str:
        return self.names[0] if len(self.names) == 1 else "any"

    def accepts(self, actual: Any, env: Env) -> bool:
        return type_of(actual) in self.names or ("integer" in self.names and is_integer(actual))


class Length(Expected):
    """Code points of text, elements of a list, keys of an object."""

    __slots__ = ("inner",)

    def __init__(self, source: Any, inner: Expected, **base: Any) -> None:
        super().__init__(source, **base)
        self.inner = inner

    @property
    def words(self) -> str:
        return f"length {self.inner.words}"

    @property
    def expected_type(self) -> str:
        return "any"

    def accepts(self, actual: Any, env: Env) -> bool:
        sized = isinstance(actual, str | list | tuple | dict)
        return sized and self.inner.accepts(len(actual), env)

    def hint(self, actual: Any, env: Env) -> str:
        if isinstance(actual, str | list | tuple | dict):
            return f"length is {len(actual)}"
        return f"{type_of(actual)} has no length"


class Wrapped(Expected):
    """``partial``: the nested expectation, compared in a mode of its own."""

    __slots__ = ("inner",)

    composite = True

    def __init__(self, source: Any, inner: Expected, **base: Any) -> None:
        super().__init__(source, **base)
        self.inner = inner

    @property
    def words(self) -> str:
        return self.inner.words

    @property
    def expected_type(self) -> str:
        return self.inner.expected_type

    def accepts(self, actual: Any, env: Env) -> bool:
        return self.inner.accepts(actual, env)

    def differences(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        if actual is ABSENT:
            return super().differences(actual, env, path)
        return self.inner.differences(actual, env, path)

    def misfits(self, actual: Any, env: Env) -> int:
        return super().misfits(actual, env) and self._inside(actual, env)

    def _inside(self, actual: Any, env: Env) -> int:
        return 1 if actual is ABSENT else self.inner.misfits(actual, env)

    def leaves(self) -> int:
        return self.inner.leaves()


class JsonText(Wrapped):
    """Text holding JSON that matches; paths go on inside it."""

    __slots__ = ()

    @property
    def words(self) -> str:
        return f"text holding JSON: {self.inner.words}"

    @property
    def expected_type(self) -> str:
        return "string"

    def accepts(self, actual: Any, env: Env) -> bool:
        value = _parsed(actual)
        return value is not ABSENT and self.inner.accepts(value, env)

    def differences(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        value = _parsed(actual)
        if value is ABSENT:
            return Expected.differences(self, actual, env, path)
        return self.inner.differences(value, env, path)

    def _inside(self, actual: Any, env: Env) -> int:
        value = _parsed(actual)
        return 1 if value is ABSENT else self.inner.misfits(value, env)

    def hint(self, actual: Any, env: Env) -> str:
        return super().hint(actual, env) or "not text holding JSON"


def _parsed(actual: Any) -> Any:
    if not isinstance(actual, str):
        return ABSENT
    try:
        return parse(actual)
    except ValueError:
        return ABSENT


class Schematic(Expected):
    """A JSON Schema accepts the value."""

    __slots__ = ("schema",)

    def __init__(self, source: Any, schema: Schema, **base: Any) -> None:
        super().__init__(source, **base)
        self.schema = schema

    @property
    def words(self) -> str:
        return "valid under the schema"

    @property
    def expected_type(self) -> str:
        kind = self.schema.source.get("type") if isinstance(self.schema.source, dict) else None
        return kind if isinstance(kind, str) else "any"

    def accepts(self, actual: Any, env: Env) -> bool:
        return self.schema.accepts(actual)

    def hint(self, actual: Any, env: Env) -> str:
        faults = self.schema.faults(actual, 1)
        return f"{faults[0][0]}: {faults[0][2]}" if faults else ""

"""Expected values: what an author wrote, compiled once, then held against many actuals.

``matches`` and ``differences`` always agree: the differences are empty exactly when the
value matches. An absent actual matches only what says so itself (assertion spec 4.4).
"""

from collections.abc import Sequence
from typing import Any, Final
from unicodedata import normalize

import msgspec

from tracedesk.model.verdict import Difference
from tracedesk.query.paths import ROOT, step
from tracedesk.query.values import (
    ABSENT,
    as_number,
    is_number,
    json_equal,
    show,
    show_typed,
    type_of,
)

MODES: Final = ("contains", "exact", "only")
"""How objects compare: extra actual keys are fine; are not; expected keys may be absent."""

REDACTED: Final = "[REDACTED]"
"""What a sender puts in place of a value it will not tell."""


class Env(msgspec.Struct, frozen=True):
    """All that a comparison may depend on besides the two values."""

    clock_ns: int = 0
    timezone: str = "UTC"
    regex_timeout_s: float = 0.25


class Expected:
    """One expected value. Checks may raise PatternTimeoutError and ExpressionError."""

    __slots__ = ("_wording", "optional", "source")

    composite = False
    """True when there may be several differences, each of a part of the value."""

    def __init__(self, source: Any, optional: bool = False) -> None:
        self.source = source
        """As written."""
        self.optional = optional
        """An absent actual matches too."""
        self._wording: str | None = None

    def wording(self, actual_type: str) -> str:
        """``words``, composed once, for showing beside an actual of that type."""
        if self._wording is None:
            self._wording = self.words
        return self._wording

    @property
    def words(self) -> str:
        """The expectation as a person would say it, such as ``number ≤ 100``."""
        raise NotImplementedError

    @property
    def expected_type(self) -> str:
        """JSON type that the author wrote, for showing beside the actual's."""
        return type_of(self.source)

    def accepts(self, actual: Any, env: Env) -> bool:
        """Whether a present value matches."""
        raise NotImplementedError

    def hint(self, actual: Any, env: Env) -> str:
        """What may help with a present value that does not match; often blank."""
        return "redacted by the sender" if actual == REDACTED else ""

    def matches(self, actual: Any, env: Env) -> bool:
        """Whether the value, or its absence, matches."""
        return self.optional if actual is ABSENT else self.accepts(actual, env)

    def differences(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        """The differing leaves, empty when the value matches."""
        return [] if self.matches(actual, env) else [self.difference(actual, env, path)]

    def misfits(self, actual: Any, env: Env) -> int:
        """How many differences there are, without wording them."""
        return 0 if self.matches(actual, env) else 1

    def check(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        """Same as ``differences``."""
        return self.differences(actual, env, path)

    def difference(self, actual: Any, env: Env, path: str) -> Difference:
        """One difference about the value as a whole."""
        absent = actual is ABSENT
        actual_type = type_of(actual)
        return Difference(
            path,
            self.source,
            None if absent else actual,
            self.expected_type,
            actual_type,
            "" if absent else self.hint(actual, env),
            self.wording(actual_type),
        )

    def leaves(self) -> int:
        """How many leaves are compared, for counting how near a miss was."""
        return 1


class Literal(Expected):
    """JSON equality."""

    __slots__ = ("_kind", "_text", "_untyped", "fold")

    def __init__(self, source: Any, value: Any = ABSENT, fold: bool = False, **base: Any) -> None:
        super().__init__(source if value is ABSENT else value, **base)
        self.fold = fold
        self._kind = type_of(self.source)
        self._text = type(self.source) is str and not fold
        self._untyped: str | None = None

    @property
    def words(self) -> str:
        return show_typed(self.source)

    @property
    def expected_type(self) -> str:
        return self._kind

    def accepts(self, actual: Any, env: Env) -> bool:
        return json_equal(self.source, actual, self.fold)

    def matches(self, actual: Any, env: Env) -> bool:
        if self._text and type(actual) is str:
            return bool(self.source == actual)
        return self.optional if actual is ABSENT else self.accepts(actual, env)

    def hint(self, actual: Any, env: Env) -> str:
        return super().hint(actual, env) or equality_hint(self.source, actual)

    def wording(self, actual_type: str) -> str:
        """The type is said only where it differs."""
        if actual_type != self._kind:
            return super().wording(actual_type)
        if self._untyped is None:
            self._untyped = self.words.removeprefix(f"{self._kind} ")
        return self._untyped


def equality_hint(expected: Any, actual: Any) -> str:
    """Why two values that look alike are not equal; blank when they do not look alike."""
    if isinstance(expected, str) and isinstance(actual, str):
        if expected.strip() == actual.strip():
            return "differs only in surrounding space"
        if not expected.isascii() and normalize("NFC", expected) == normalize("NFC", actual):
            return "differs only in how letters with accents are encoded (NFC, NFD)"
        return "differs only in case" if expected.casefold() == actual.casefold() else ""
    if isinstance(expected, bool) or isinstance(actual, bool):
        other = actual if isinstance(expected, bool) else expected
        if isinstance(other, str) and other.lower() in ("true", "false"):
            return "text, not a boolean"
        return "a boolean is not a number" if is_number(other) else ""
    if isinstance(expected, str) != isinstance(actual, str):
        left, right = as_number(expected), as_number(actual)
        if left is not None and right is not None:
            return f"numeric text; as a number {'equal' if left == right else 'still different'}"
    return ""


class ListOf(Expected):
    """A list of the same length whose elements match one by one."""

    __slots__ = ("elements",)

    composite = True

    def __init__(self, source: Any, elements: Sequence[Expected], **base: Any) -> None:
        super().__init__(source, **base)
        self.elements = tuple(elements)

    @property
    def words(self) -> str:
        count = len(self.elements)
        return f"list of {count} element{'s' * (count != 1)}"

    def accepts(self, actual: Any, env: Env) -> bool:
        return (
            isinstance(actual, list | tuple)
            and len(actual) == len(self.elements)
            and all(e.matches(a, env) for e, a in zip(self.elements, actual, strict=True))
        )

    def hint(self, actual: Any, env: Env) -> str:
        if isinstance(actual, list | tuple):
            return f"{len(actual)} elements, not {len(self.elements)}"
        return super().hint(actual, env)

    def differences(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        if self.matches(actual, env):
            return []
        if not isinstance(actual, list | tuple) or len(actual) != len(self.elements):
            return [self.difference(actual, env, path)]
        return [
            difference
            for index, (expected, value) in enumerate(zip(self.elements, actual, strict=True))
            for difference in expected.differences(value, env, f"{path}[{index}]")
        ]

    def misfits(self, actual: Any, env: Env) -> int:
        if self.matches(actual, env):
            return 0
        if not isinstance(actual, list | tuple) or len(actual) != len(self.elements):
            return 1
        return sum(e.misfits(value, env) for e, value in zip(self.elements, actual, strict=True))

    def leaves(self) -> int:
        return sum(element.leaves() for element in self.elements) or 1


class ObjectOf(Expected):
    """An object compared key by key, in one of ``MODES``, all the way down."""

    __slots__ = ("members", "mode")

    composite = True

    def __init__(self, source: Any, members: dict[str, Expected], mode: str, **base: Any) -> None:
        super().__init__(source, **base)
        self.members = members
        self.mode = mode

    @property
    def words(self) -> str:
        return "object" if self.members else f"object {show(self.source)}"

    def accepts(self, actual: Any, env: Env) -> bool:
        if not isinstance(actual, dict):
            return False
        lenient = self.mode == "only"
        for key, expected in self.members.items():
            value = actual.get(key, ABSENT)
            if not (lenient and value is ABSENT) and not expected.matches(value, env):
                return False
        return self.mode == "contains" or actual.keys() <= self.members.keys()

    def differences(self, actual: Any, env: Env, path: str = ROOT) -> list[Difference]:
        if actual is ABSENT and self.optional:
            return []
        if not isinstance(actual, dict):
            return [self.difference(actual, env, path)]
        found = []
        for key, expected in self.members.items():
            value = actual.get(key, ABSENT)
            if value is not ABSENT or self.mode != "only":
                found += expected.differences(value, env, path + step(key))
        if self.mode != "contains":
            found += [
                unexpected(value, path + step(str(key)))
                for key, value in actual.items()
                if key not in self.members
            ]
        return found

    def misfits(self, actual: Any, env: Env) -> int:
        if self.matches(actual, env):
            return 0
        if not isinstance(actual, dict):
            return 1
        found = 0
        for key, expected in self.members.items():
            value = actual.get(key, ABSENT)
            if value is not ABSENT or self.mode != "only":
                found += expected.misfits(value, env)
        if self.mode != "contains":
            found += len(actual.keys() - self.members.keys())
        return found

    def leaves(self) -> int:
        return sum(member.leaves() for member in self.members.values()) or 1


def unexpected(actual: Any, path: str) -> Difference:
    """The difference of a value that should not be there at all."""
    return Difference(
        path=path,
        expected=None,
        actual=actual,
        expected_type="absent",
        actual_type=type_of(actual),
        wording="absent",
    )


def in_words(difference: Difference) -> str:
    """One difference as a phrase: ``$.party: expected number 4, actual string "4"``."""
    absent = difference.actual_type == "absent"
    typed = difference.actual_type != difference.expected_type or absent
    actual = ABSENT if absent else difference.actual
    said = show_typed(actual, 80) if typed else show(actual, 80)
    hint = f" ({difference.hint})" if difference.hint else ""
    return f"{difference.path}: expected {difference.wording}, actual {said}{hint}"

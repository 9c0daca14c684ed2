"""The options of one matcher object, each read with its fault reported at its place.

A faulty option never makes the matcher looser: whoever asked gets nothing to build with.
"""

from typing import Any, Final, Protocol

from tracedesk.query.comparisons import comparable
from tracedesk.query.expected import Expected, Literal
from tracedesk.query.patterns import FLAGS, Pattern, PatternError
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, is_number, type_of

FAULTY: Final = Literal(None)
"""Stands where a problem was reported; an object with problems is never evaluated."""


class Nested(Protocol):
    """What compiles the expected values inside a matcher object."""

    report: Report

    def compile(self, obj: Any, path: Place, mode: str | None = None) -> Expected:
        """One expected value at its place in the written object."""


class Options:
    """The options of one matcher object, read with their faults reported."""

    def __init__(self, obj: dict[str, Any], path: Place, compiler: "Nested", name: str) -> None:
        self.obj = obj
        self.path = path
        self.compiler = compiler
        self.report = compiler.report
        self.matcher = name
        """Canonical name; aliases are resolved."""

    @property
    def base(self) -> dict[str, Any]:
        """What every Expected is given."""
        return {"optional": self.flag("optional")}

    def bad(self, key: str, code: str, message: str) -> Expected:
        """Report a fault in one option."""
        self.report.error((*self.path, key), code, message)
        return FAULTY

    def flag(self, key: str) -> bool:
        value = self.obj.get(key, False)
        if not isinstance(value, bool):
            self.bad(key, "wrong-type", f"'{key}' is true or false, not {type_of(value)}")
        return value is True

    def value(self) -> Any:
        return self.obj.get("value", ABSENT)

    def text(self) -> str | None:
        """``value`` as non-empty text; None after reporting."""
        value = self.value()
        if not isinstance(value, str):
            self.bad("value", "wrong-type", f"'{self.matcher}' needs text, not {type_of(value)}")
            return None
        if not value:
            self.bad("value", "empty-value", f"empty text would match under '{self.matcher}'")
            return None
        return value

    def items(self, allow_empty: bool = False) -> list[Any] | None:
        """``value`` as a list; None after reporting."""
        value = self.value()
        if not isinstance(value, list):
            self.bad("value", "wrong-type", f"'{self.matcher}' needs a list, not {type_of(value)}")
            return None
        if not value and not allow_empty:
            self.bad("value", "empty-value", f"'{self.matcher}' needs at least one element")
            return None
        return value

    def number(self, key: str, default: float) -> float:
        value = self.obj.get(key, default)
        if not is_number(value):
            self.bad(key, "wrong-type", f"'{key}' is a number, not {type_of(value)}")
            return default
        if value < 0:
            self.bad(key, "wrong-type", f"'{key}' cannot be negative")
        return float(value) if isinstance(value, float) else value

    def bound(self, key: str) -> Any:
        """A bound that can be ordered; ABSENT after reporting."""
        value = self.obj.get(key, ABSENT)
        if value is ABSENT:
            self.report.error(self.path, "missing-field", f"'{self.matcher}' needs '{key}'")
        elif not comparable(value):
            self.bad(key, "wrong-type", f"'{key}' is a number or an ISO date")
            return ABSENT
        return value

    def expected(self, value: Any, *place: str | int, mode: str | None = None) -> Expected:
        """A nested expected value."""
        return self.compiler.compile(value, (*self.path, *place), mode)

    def elements(self, values: list[Any]) -> list[Expected]:
        return [self.expected(value, "value", index) for index, value in enumerate(values)]

    def pattern(self) -> Pattern | None:
        """``value`` compiled with ``flags`` and ``ignore_case``; None after reporting."""
        text, flags = self.text(), self.obj.get("flags", "")
        if not isinstance(flags, str) or set(flags) - set(FLAGS):
            self.bad("flags", "wrong-type", "'flags' are letters of i, m, s, x")
            return None
        if self.flag("ignore_case"):
            flags += "i"
        if text is None:
            return None
        try:
            return Pattern(text, "".join(sorted(set(flags))))
        except PatternError as error:
            self.bad("value", "bad-regex", pattern_fault(error))
            return None


def pattern_fault(error: PatternError) -> str:
    """A pattern's fault in words."""
    where = "" if error.position is None else f" at character {error.position + 1}"
    return f"not a regular expression{where}: {error}"

"""Order, ranges and dates: the matchers that compare by size.

Numbers, numeric text and ISO dates convert; booleans never do (assertion spec 4.4, 4.6).
"""

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tracedesk.query.dates import Expression, Moment, parse_iso
from tracedesk.query.expected import Env, Expected, equality_hint
from tracedesk.query.values import as_number, is_number, show, type_of

ORDERS: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "gte": ("≥", operator.ge),
    "lte": ("≤", operator.le),
    "gt": (">", operator.gt),
    "lt": ("<", operator.lt),
}
"""Matcher, its sign, and what it computes."""


def comparable(value: Any) -> bool:
    """Whether a bound can be ordered at all: a number, numeric text or an ISO date."""
    return as_number(value) is not None or parse_iso(value, "UTC") is not None


def sides(actual: Any, bound: Any, env: Env) -> tuple[Any, Any] | None:
    """Both sides in one comparable form, or None when they have none in common."""
    left, right = as_number(actual), as_number(bound)
    if left is not None and right is not None:
        return left, right
    limit = parse_iso(bound, env.timezone)
    moment = None if limit is None else parse_iso(actual, env.timezone)
    if limit is None or moment is None:
        return None
    if limit.precision == "date":
        return limit.truncate(moment.at), limit.at
    return moment.at, limit.at


def _named(bound: Any) -> str:
    number = as_number(bound)
    return f"number {{}} {show(number)}" if number is not None else f"date {{}} {bound}"


class Ordered(Expected):
    """``gte`` and its family."""

    __slots__ = ("_whole", "bound", "compare", "sign")

    def __init__(self, source: Any, matcher: str, bound: Any, **base: Any) -> None:
        super().__init__(source, **base)
        self.bound = bound
        self.sign, self.compare = ORDERS[matcher]
        self._whole = type(bound) is int

    @property
    def words(self) -> str:
        return _named(self.bound).format(self.sign)

    @property
    def expected_type(self) -> str:
        return type_of(self.bound)

    def accepts(self, actual: Any, env: Env) -> bool:
        if self._whole and type(actual) is int:
            return self.compare(actual, self.bound)
        both = sides(actual, self.bound, env)
        return both is not None and self.compare(*both)

    def hint(self, actual: Any, env: Env) -> str:
        if is_number(actual) and is_number(self.bound):
            return ""
        hint = super().hint(actual, env)
        if hint:
            return hint
        if sides(actual, self.bound, env) is None:
            return f"{type_of(actual)} cannot be compared"
        return "numeric text, compared as a number" if isinstance(actual, str) else ""


class Between(Expected):
    """``min`` ≤ actual ≤ ``max``."""

    __slots__ = ("high", "low")

    def __init__(self, source: Any, low: Any, high: Any, **base: Any) -> None:
        super().__init__(source, **base)
        self.low = low
        self.high = high

    @property
    def words(self) -> str:
        return f"between {show(self.low)} and {show(self.high)}"

    @property
    def expected_type(self) -> str:
        return type_of(self.low)

    def accepts(self, actual: Any, env: Env) -> bool:
        low, high = sides(actual, self.low, env), sides(actual, self.high, env)
        return low is not None and high is not None and low[0] >= low[1] and high[0] <= high[1]

    def reversed(self) -> bool:
        """True when no value can lie between the bounds."""
        both = sides(self.low, self.high, Env())
        return both is None or both[0] > both[1]

    def hint(self, actual: Any, env: Env) -> str:
        hint = super().hint(actual, env)
        if hint or sides(actual, self.low, env) is not None:
            return hint
        return f"{type_of(actual)} cannot be compared"


class Approx(Expected):
    """Within an absolute or a relative tolerance, numbers only."""

    __slots__ = ("margin", "value")

    def __init__(
        self, source: Any, value: float, absolute: float, relative: float, **base: Any
    ) -> None:
        super().__init__(source, **base)
        self.value = value
        self.margin = max(absolute, relative * abs(value))

    @property
    def words(self) -> str:
        return f"number {show(self.value)} ± {show(self.margin)}"

    @property
    def expected_type(self) -> str:
        return "number"

    def accepts(self, actual: Any, env: Env) -> bool:
        try:
            return is_number(actual) and bool(abs(actual - self.value) <= self.margin)
        except OverflowError:  # an integer that no float can hold, against a float
            return False

    def hint(self, actual: Any, env: Env) -> str:
        return super().hint(actual, env) or equality_hint(self.value, actual)


class Dated(Expected):
    """A date expression under ``exact`` or an order matcher."""

    __slots__ = ("expression", "matcher")

    def __init__(self, source: Any, matcher: str, expression: Expression, **base: Any) -> None:
        super().__init__(source, **base)
        self.matcher = matcher
        self.expression = expression

    @property
    def words(self) -> str:
        sign = ORDERS[self.matcher][0] + " " if self.matcher in ORDERS else ""
        return f"{sign}{self.expression}"

    @property
    def expected_type(self) -> str:
        return "string"

    def accepts(self, actual: Any, env: Env) -> bool:
        wanted = self.expression.value(env.clock_ns, env.timezone)
        if isinstance(wanted, str):
            return isinstance(actual, str) and self._compare(actual, wanted)
        found = parse_iso(actual, env.timezone)
        if found is None:
            return self.matcher == "exact" and actual == wanted.text
        return self._compare(_cut(wanted, found), wanted.truncate(wanted.at))

    def _compare(self, left: Any, right: Any) -> bool:
        compare = operator.eq if self.matcher == "exact" else ORDERS[self.matcher][1]
        return bool(compare(left, right))

    def hint(self, actual: Any, env: Env) -> str:
        wanted = self.expression.value(env.clock_ns, env.timezone)
        text = wanted if isinstance(wanted, str) else wanted.text
        found = parse_iso(actual, env.timezone)
        local = "" if found is None or isinstance(wanted, str) else f", actual is {found.text}"
        return super().hint(actual, env) or f"on this trace {text}{local} in {env.timezone}"


def _cut(wanted: Moment, found: Moment) -> datetime:
    return wanted.truncate(found.at)

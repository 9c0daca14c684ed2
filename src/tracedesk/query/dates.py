"""Date expressions such as ``AT_TIME(DATE_ADD(TODAY(), 1, 'days'), '10:00')``.

A small language of its own, never a general evaluator; its only inputs are the clock and
the time zone it is given (assertion spec 4.6). All results are local to that zone.
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from tracedesk.query.names import nearest

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)
_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z_0-9]*)\s*(?=\()
      | (?P<number>-?\d+(?:\.\d+)?)
      | '(?P<single>[^']*)' | "(?P<double>[^"]*)"
      | (?P<mark>[(),]))""",
    re.VERBOSE,
)
_FORMAT = re.compile(r"YYYY|MM|DD|HH|mm|ss")
_STRFTIME = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_UNITS = ("minute", "hour", "day", "week", "month", "year")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MAX_DEPTH = 50
CHECK_CLOCK_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00Z, the fixed clock under which expressions are tried on loading."""


class ExpressionError(ValueError):
    """The text is no expression, or it cannot be computed; ``position`` is an offset."""

    def __init__(self, message: str, position: int = 0, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.position = position
        self.suggestion = suggestion


class Moment(msgspec.Struct, frozen=True):
    """A point in local time, as precise as it was written."""

    at: datetime
    """Local, without offset."""
    precision: str = "minute"
    """``date``, ``minute`` or ``second``; what a comparison truncates to."""

    @property
    def text(self) -> str:
        """ISO form."""
        if self.precision == "date":
            return self.at.date().isoformat()
        return self.at.isoformat(timespec="seconds" if self.precision == "second" else "minutes")

    def truncate(self, at: datetime) -> datetime:
        """The other moment, cut to this one's precision."""
        if self.precision == "date":
            return datetime.combine(at.date(), time())
        if self.precision == "minute":
            return at.replace(second=0, microsecond=0)
        return at.replace(microsecond=0)


Value = Moment | str | int | float


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ExpressionError when nobody knows it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ExpressionError(f"unknown time zone '{name}'") from None


def parse_iso(text: Any, timezone_name: str) -> Moment | None:
    """A date or date-time in local time, as precise as written; None when it is neither.

    An offset is converted to the zone; a text without one is local already. Raises
    ExpressionError only when there is an offset and nobody knows the zone.
    """
    if not isinstance(text, str):
        return None
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, seconds, fraction, offset = match.groups()
    local = zone(timezone_name) if offset else None
    try:
        at = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}")
        if fraction:
            at = at.replace(microsecond=int((fraction + "000000")[:6]))
        if offset:
            at = at.replace(tzinfo=_offset(offset)).astimezone(local)
    except (ValueError, OverflowError):
        return None
    precision = "date" if clock is None else "second" if seconds else "minute"
    return Moment(at.replace(tzinfo=None), precision)


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


class Expression:
    """A parsed expression; computing it needs only a clock and a time zone."""

    __slots__ = ("_root", "text")

    def __init__(self, text: str, root: "_Node") -> None:
        self.text = text
        self._root = root

    def value(self, clock_ns: int, timezone: str = "UTC") -> Moment | str:
        """The result: a moment, or the text of FORMAT. Raises ExpressionError."""
        try:
            result = self._root.compute(_Clock(clock_ns, timezone))
        except (OverflowError, ValueError) as error:
            if isinstance(error, ExpressionError):
                raise
            raise ExpressionError(f"'{self.text}' leaves the calendar: {error}") from None
        if isinstance(result, str) and not self._root.is_format:
            return _moment(result, timezone, self._root.position)
        if isinstance(result, int | float):
            raise ExpressionError(f"'{self.text}' is a number, not a date")
        return result

    def __str__(self) -> str:
        return self.text


class _Clock(msgspec.Struct, frozen=True):
    ns: int
    timezone: str

    @property
    def now(self) -> datetime:
        moment = datetime.fromtimestamp(self.ns // 1_000_000_000, tz=zone(self.timezone))
        return moment.replace(tzinfo=None)


class _Node(msgspec.Struct, frozen=True):
    """A call when ``function`` is set, else a literal."""

    position: int
    literal: str | int | float = ""
    function: "_Function | None" = None
    arguments: "tuple[_Node, ...]" = ()

    @property
    def is_format(self) -> bool:
        return self.function is not None and self.function.run is _format

    def compute(self, clock: _Clock) -> Value:
        if self.function is None:
            return self.literal
        values = [
            _convert(node.compute(clock), kind, node.position, clock)
            for node, kind in zip(self.arguments, self.function.takes, strict=True)
        ]
        try:
            return self.function.run(clock, *values)
        except ExpressionError as error:
            raise ExpressionError(str(error), self.position, error.suggestion) from None


class _Function(msgspec.Struct, frozen=True):
    takes: tuple[str, ...]
    """Kind of each argument: date, whole, unit, weekday, time, text."""
    run: Callable[..., Value]


def _convert(value: Value, kind: str, position: int, clock: _Clock) -> Any:
    if kind == "date":
        return value if isinstance(value, Moment) else _moment(value, clock.timezone, position)
    if kind == "whole":
        if isinstance(value, int | float) and value == int(value):
            return int(value)
        raise ExpressionError(f"a whole number is needed, not {value!r}", position)
    if not isinstance(value, str):
        raise ExpressionError(f"a quoted {kind} is needed here", position)
    if kind == "unit":
        return _one_of(value.lower().removesuffix("s"), _UNITS, "unit", position)
    if kind == "weekday":
        return _WEEKDAYS.index(_one_of(value.lower(), _WEEKDAYS, "weekday", position))
    return value


def _one_of(value: str, allowed: tuple[str, ...], what: str, position: int) -> str:
    if value not in allowed:
        message = f"unknown {what} '{value}'; known: {', '.join(allowed)}"
        raise ExpressionError(message, position, nearest(value, allowed))
    return value


def _moment(value: Value, timezone: str, position: int) -> Moment:
    found = parse_iso(value, timezone)
    if found is None:
        raise ExpressionError(f"{value!r} is no ISO date", position)
    return found


def _today(clock: _Clock) -> Moment:
    return Moment(datetime.combine(clock.now.date(), time()), "date")


def _now(clock: _Clock) -> Moment:
    return Moment(clock.now, "minute")


def _date_add(clock: _Clock, start: Moment, count: int, unit: str) -> Moment:
    if unit in ("minute", "hour"):
        precision = "minute" if start.precision == "date" else start.precision
        return Moment(_elapse(start.at, timedelta(**{f"{unit}s": count}), clock), precision)
    if unit in ("day", "week"):
        days = count * (7 if unit == "week" else 1)
        return Moment(start.at + timedelta(days=days), start.precision)
    months = start.at.year * 12 + start.at.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"year {year} is out of range")
    day = min(start.at.day, calendar.monthrange(year, month + 1)[1])
    return Moment(start.at.replace(year=year, month=month + 1, day=day), start.precision)


def _date_sub(clock: _Clock, start: Moment, count: int, unit: str) -> Moment:
    return _date_add(clock, start, -count, unit)


def _elapse(at: datetime, span: timedelta, clock: _Clock) -> datetime:
    """Real elapsed time, so that an hour across a change of clocks is an hour."""
    there = (at.replace(tzinfo=zone(clock.timezone)).astimezone(UTC)) + span
    return there.astimezone(zone(clock.timezone)).replace(tzinfo=None)


def _at_time(_: _Clock, day: Moment, text: str) -> Moment:
    match = re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d))?", text.strip())
    if match is None:
        raise ExpressionError(f"'{text}' is no time; write HH:MM or HH:MM:SS")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ExpressionError(f"'{text}' is no time of day")
    at = datetime.combine(day.at.date(), time(hours, minutes, seconds))
    return Moment(at, "second" if match[3] else "minute")


def _start(at: datetime, unit: str) -> datetime:
    if unit == "minute":
        return at.replace(second=0, microsecond=0)
    if unit == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = datetime.combine(at.date(), time())
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _start_of(_: _Clock, day: Moment, unit: str) -> Moment:
    precision = "minute" if unit in ("minute", "hour") else day.precision
    return Moment(_start(day.at, unit), precision)


def _end_of(clock: _Clock, day: Moment, unit: str) -> Moment:
    first = _start_of(clock, day, unit)
    after = _date_add(_Clock(clock.ns, "UTC"), first, 1, unit)
    if first.precision == "date":
        return Moment(after.at - timedelta(days=1), "date")
    return Moment(after.at - timedelta(seconds=1), first.precision)


def _next_weekday(_: _Clock, day: Moment, weekday: int) -> Moment:
    ahead = (weekday - day.at.weekday() - 1) % 7 + 1
    return Moment(datetime.combine(day.at.date(), time()) + timedelta(days=ahead), "date")


def _format(_: _Clock, day: Moment, text: str) -> str:
    return _FORMAT.sub(lambda m: _pad(day.at, m[0]), text)


def _pad(at: datetime, token: str) -> str:
    return f"{at.year:04}" if token == "YYYY" else at.strftime(_STRFTIME[token])


FUNCTIONS: Final[dict[str, _Function]] = {
    "TODAY": _Function((), _today),
    "NOW": _Function((), _now),
    "DATE_ADD": _Function(("date", "whole", "unit"), _date_add),
    "DATE_SUB": _Function(("date", "whole", "unit"), _date_sub),
    "AT_TIME": _Function(("date", "time"), _at_time),
    "START_OF": _Function(("date", "unit"), _start_of),
    "END_OF": _Function(("date", "unit"), _end_of),
    "NEXT_WEEKDAY": _Function(("date", "weekday"), _next_weekday),
    "FORMAT": _Function(("date", "text"), _format),
}


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Expression:
    """Parse, and compute once under a fixed clock. Raises ExpressionError."""
    parser = _Parser(text)
    expression = Expression(text, parser.parse())
    expression.value(CHECK_CLOCK_NS)
    return expression


class _Parser:
    """Recursive descent over at most ``_MAX_DEPTH`` nested calls."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def parse(self) -> _Node:
        node = self._expression(0)
        rest = self._text[self._position :]
        if rest.strip():
            start = self._position + len(rest) - len(rest.lstrip())
            raise ExpressionError("something follows the expression", start)
        return node

    def _next(self) -> "re.Match[str]":
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            rest = self._text[self._position :].strip()
            what = f"cannot read {rest[:20]!r}" if rest else "the expression ends too early"
            raise ExpressionError(what, self._position)
        self._position = match.end()
        return match

    def _expression(self, depth: int) -> _Node:
        token = self._next()
        position = token.start(token.lastgroup or 0)
        if token["name"] is not None:
            return self._call(token["name"], position, depth)
        if token["number"] is not None:
            number = token["number"]
            return _Node(position, float(number) if "." in number else int(number))
        for quote in ("single", "double"):
            if token[quote] is not None:
                return _Node(position, str(token[quote]))
        raise ExpressionError(f"unexpected '{token['mark']}'", position)

    def _call(self, name: str, position: int, depth: int) -> _Node:
        function = FUNCTIONS.get(name.upper())
        if function is None:
            known = nearest(name, FUNCTIONS)
            raise ExpressionError(f"unknown function '{name}'", position, known)
        if depth >= _MAX_DEPTH:
            raise ExpressionError("nested too deeply", position)
        arguments = self._arguments(depth + 1)
        if len(arguments) != len(function.takes):
            message = f"{name.upper()} takes {len(function.takes)} arguments, not {len(arguments)}"
            raise ExpressionError(message, position)
        return _Node(position, "", function, tuple(arguments))

    def _arguments(self, depth: int) -> list[_Node]:
        self._next()  # the bracket that made the name a call
        arguments: list[_Node] = []
        start = self._position
        if self._next()["mark"] == ")":
            return arguments
        self._position = start
        while True:
            arguments.append(self._expression(depth))
            token = self._next()
            if token["mark"] == ")":
                return arguments
            if token["mark"] != ",":
                raise ExpressionError("a comma or a closing bracket is missing", token.start())

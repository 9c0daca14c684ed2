"""Date expressions: every function, precision, time zones, faults."""

from datetime import datetime

import pytest

from tracedesk.query.dates import ExpressionError, Moment, parse_expression, parse_iso
from tracedesk.query.expected import Env
from tracedesk.query.matchers import compile_expected

# Friday 2026-10-30, 23:30 in UTC, is already Saturday in Madrid.
CLOCK_NS = int(datetime.fromisoformat("2026-10-30T23:30:15+00:00").timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "timezone", "value"),
    [
        ("TODAY()", "UTC", "2026-10-30"),
        ("today ( )", "Europe/Madrid", "2026-10-31"),
        ("NOW()", "UTC", "2026-10-30T23:30"),
        ("DATE_ADD('2028-02-29', 1, 'year')", "UTC", "2029-02-28"),
        ("DATE_SUB('2026-03-31', 1, \"month\")", "UTC", "2026-02-28"),
        ("DATE_ADD(TODAY(), -1, 'week')", "UTC", "2026-10-23"),
        ("DATE_ADD(TODAY(), 90, 'minutes')", "UTC", "2026-10-30T01:30"),
        ("AT_TIME(TODAY(), '7:05')", "UTC", "2026-10-30T07:05"),
        ("AT_TIME(TODAY(), '07:05:09')", "UTC", "2026-10-30T07:05:09"),
        ("START_OF(TODAY(), 'week')", "UTC", "2026-10-26"),
        ("END_OF(TODAY(), 'week')", "UTC", "2026-11-01"),
        ("START_OF(TODAY(), 'year')", "UTC", "2026-01-01"),
        ("END_OF('2026-02-10', 'month')", "UTC", "2026-02-28"),
        ("START_OF(NOW(), 'hour')", "UTC", "2026-10-30T23:00"),
        ("END_OF(NOW(), 'day')", "UTC", "2026-10-30T23:59"),
        ("NEXT_WEEKDAY(TODAY(), 'Friday')", "UTC", "2026-11-06"),
        ("FORMAT(NOW(), 'DD/MM/YYYY HH:mm')", "UTC", "30/10/2026 23:30"),
        # the clocks go back in the night of the 25th: an hour is still an hour
        ("DATE_ADD('2026-10-25T00:30', 4, 'hours')", "Europe/Madrid", "2026-10-25T03:30"),
    ],
)
def test_value(text: str, timezone: str, value: str) -> None:
    result = parse_expression(text).value(CLOCK_NS, timezone)
    assert (result.text if isinstance(result, Moment) else result) == value


@pytest.mark.parametrize(
    ("matcher", "expression", "actual", "matches"),
    [
        ("exact", "TODAY()", "2026-10-30T09:00:00", True),  # the date part decides
        ("exact", "AT_TIME(TODAY(), '10:00')", "2026-10-30T10:00:59", True),  # to the minute
        ("exact", "AT_TIME(TODAY(), '10:00:00')", "2026-10-30T10:00:59", False),
        ("exact", "AT_TIME(TODAY(), '10:00')", "2026-10-30 12:00+02:00", True),
        ("exact", "TODAY()", "tomorrow", False),
        ("gte", "TODAY()", "2026-10-30", True),
        ("gt", "TODAY()", "2026-10-30T23:59", False),
        ("lt", "NOW()", "2026-10-30T23:29", True),
        ("lte", "TODAY()", 20261030, False),
        ("exact", "FORMAT(TODAY(), 'YYYY')", "2026", True),
    ],
)
def test_comparison(matcher: str, expression: str, actual: object, matches: bool) -> None:
    expected, problems = compile_expected({"matcher": matcher, "expression": expression})
    assert not problems
    assert expected.matches(actual, Env(CLOCK_NS)) is matches


@pytest.mark.parametrize(
    ("text", "position", "suggestion"),
    [
        ("BOOM(TODAY())", 0, None),
        ("DATE_AD(TODAY(), 1, 'day')", 0, "DATE_ADD"),
        ("DATE_ADD(TODAY(), 1, 'dya')", 22, "day"),
        ("DATE_ADD(TODAY(), 1.5, 'day')", 18, None),
        ("DATE_ADD(TODAY(), 1)", 0, None),
        ("DATE_ADD('soon', 1, 'day')", 10, None),
        ("AT_TIME(TODAY(), '25:00')", 0, None),
        ("TODAY() + 1", 8, None),
        ("TODAY(", 6, None),
        ("5", 0, None),
        ("", 0, None),
        ("DATE_ADD(TODAY(), 999999999, 'years')", 0, None),
        ("__import__('os')", 0, None),
        ("DATE_ADD(" * 60 + "TODAY()" + ", 1, 'day')" * 60, None, None),
    ],
)
def test_faults(text: str, position: int | None, suggestion: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    if position is not None:
        assert (caught.value.position, caught.value.suggestion) == (position, suggestion)


def test_unknown_time_zone_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="unknown time zone 'Mars/Base'"):
        parse_expression("TODAY()").value(CLOCK_NS, "Mars/Base")


@pytest.mark.parametrize(
    "text", ["2026-13-01", "2026-01-01T25:00", "2026-01-01Txx", "20260101", "", "12:30", 5, None]
)
def test_no_iso_dates(text: object) -> None:
    assert parse_iso(text, "UTC") is None

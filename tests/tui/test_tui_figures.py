"""One format a kind of number."""

import pytest

from tracedesk.tui import figures

MS, S = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (None, ""), (0, "0"), (850, "850ns"), (1_500, "2µs"), (3 * MS, "3ms"),
        (2_500_000, "2.5ms"), (210 * MS, "210ms"), (999 * MS, "999ms"), (999_900_000, "1.0s"),
        (12_400 * MS, "12.4s"), (99 * S, "99.0s"), (125 * S, "2m05s"), (3_661 * S, "1h01m"),
        (-5 * MS, "-5ms"),
    ],
)  # fmt: skip
def test_duration(ns, shown):
    assert figures.duration(ns) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (7, "7"), (999, "999"), (1_000, "1k"), (99_999, "99k"), (312_000, ".3M"),
        (12_400_000, "12M"), (10**9, "99M"),
    ],
)  # fmt: skip
def test_a_count_of_three_characters(number, shown):
    assert figures.small_count(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (8, "8s"), (180, "3m"), (7_200, "2h"), (432_000, "5d")]
)
def test_age(seconds, shown):
    assert figures.age(0, seconds * S) == shown


def test_age_of_the_future_is_now():
    assert figures.age(10 * S, 0) == "0s"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, ""), (0, "0"), (820, "820"), (1_400, "1.4k"), (12_345, "12k"), (3_100_000, "3.1M")],
)
def test_count(number, shown):
    assert figures.count(number) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (999, "999 B"), (3_100, "3.1 kB"), (24_000_000, "24.0 MB")]
)
def test_size(size, shown):
    assert figures.size(size) == shown


def test_a_moment_beyond_the_calendar_is_still_shown():
    assert figures.moment(None) == ""
    assert figures.moment(10**30) == f"{10**30} ns"
    assert figures.moment(1_780_000_000_123_000_000) == "2026-05-28 20:26:40.123 UTC"

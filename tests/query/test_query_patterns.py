"""User patterns: flags, faults, the time limit, where a pattern died."""

import pytest

from tracedesk.query.patterns import Pattern, PatternError, PatternTimeoutError


@pytest.mark.parametrize(
    ("text", "flags", "searched", "found"),
    [
        ("b+", "", "abba", (1, 3)),
        ("B", "i", "abba", (1, 2)),
        ("^b", "m", "a\nb", (2, 3)),
        ("a.b", "s", "a\nb", (0, 3)),
        ("a b # spaced", "x", "ab", (0, 2)),
        ("(?i)ABBA", "", "abba", (0, 4)),
        ("z", "", "abba", None),
    ],
)
def test_search(text: str, flags: str, searched: str, found: tuple[int, int] | None) -> None:
    assert Pattern(text, flags).search(searched, 1.0) == found


@pytest.mark.parametrize("text", ["(", "[a", "*", "(?P<a>x)(?P<a>y", "a{2,1}", "(?<=a*"])
def test_faults(text: str) -> None:
    with pytest.raises(PatternError):
        Pattern(text)


def test_a_catastrophic_search_stops_on_time() -> None:
    with pytest.raises(PatternTimeoutError, match="took longer than 20 ms on 61 characters"):
        Pattern("^(a|aa|b?a)+$").search("a" * 60 + "!", 0.02)


@pytest.mark.parametrize(
    ("text", "searched", "died"),
    [
        ("berth \\d+ free", "berth 3 taken", ("berth \\d+ ", 8)),
        ("ORD-\\d{3}$", "ORD-12", ("ORD-", 4)),
        ("[a-c]x", "cb", ("[a-c]", 1)),
        ("abc", "xyz", None),
        ("a|b", "xyz", None),  # an alternation has no leading part
        ("(ab)+c", "abab", ("(ab)+", 4)),
    ],
)
def test_where_it_died(text: str, searched: str, died: tuple[str, int] | None) -> None:
    assert Pattern(text).died_at(searched, 1.0) == died

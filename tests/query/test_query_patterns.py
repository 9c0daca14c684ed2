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


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "(a|a)*$",
        "(?:a+){9}b",
        "(?=a*)*b",
        "(a*)(?1)*b",
        r"(a*)*\1b",
        "a{e<=2}b",
        "(?>a+)+b",
    ],
)
def test_a_pattern_that_may_explode_is_timed_on_every_text(text: str) -> None:
    assert Pattern(text)._limit("aaaa", 0.25) == 0.25


@pytest.mark.parametrize(
    ("text", "on", "timed"),
    [
        ("refund (denied|late)", "x" * 200, False),
        ("refund (denied|late)", "x" * 400, True),
        (r"^ORD-\d*3$", "ORD-13", False),
        (r"^ORD-\d*3$", "1" * 60, True),
        (".*a.*b.*c.*d", "x" * 20, True),
    ],
)
def test_a_harmless_pattern_is_timed_on_long_texts_only(text: str, on: str, timed: bool) -> None:
    assert (Pattern(text)._limit(on, 0.25) is not None) == timed
    assert Pattern(text)._limit(on, 0.001) == 0.001, "who asks for a short limit gets it"

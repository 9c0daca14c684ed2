"""The filter language: what it means, and what it says of words it does not know."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.filter import FilterError, parse_filter

NOW_NS = 1_780_000_000_000_000_000
HOUR_NS = 3_600_000_000_000

FACTS = {
    "status": "failed",
    "agent": ["Booking bot", "550e8400-e29b-41d4-a716-446655440000"],
    "tool": ["create_booking", "search tables"],
    "span": ["Planner", "create_booking", "search tables"],
    "name": "Booking bot",
    "dur": 2500.0,
    "tokens": 4200,
    "spans": 3,
    "errors": 1,
    "verdict": "fail",
    "mark": "good",
    "format": "n8n_optimized",
    "id": ["0a1b2c3d-0000-4000-8000-000000000001", "chat-7"],
    "external": "chat-7",
    "warning": ["legacy"],
    "received_ns": NOW_NS - 2 * HOUR_NS,
    "metadata": {
        "env": "production",
        "beta": True,
        "retries": 3,
        "user": {"tier": "gold"},
        "a.b": "dotted",
        "tags": ["red", "blue"],
    },
    "text": lambda: ["Your table is booked", "Zoë"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("status:failed", True),
        ("status:completed", False),
        ("status:completed,failed", True),
        ("-status:failed", False),
        ("agent:booking", True),
        ("agent=booking", False),
        ('agent="booking bot"', True),
        ("agent:550E8400", True),
        ("tool:create_booking", True),
        ("tool:create-booking", True),
        ('tool:"Search_Tables"', True),
        ("tool:Planner", False),
        ("span:plan", True),
        ("node:plan", True),
        ("dur>2s", True),
        ("dur>2500ms", False),
        ("dur>=2500", True),
        ("dur<1m", True),
        ("tokens>4000 tokens<5k", True),
        ("tokens=4200", True),
        ("errors>1", False),
        ("verdict:fail", True),
        ("verdict:pass,missing", False),
        ("mark:good", True),
        ("mark:bad,none", False),
        ("format:n8n", True),
        ("format:canonical", False),
        ("id:0a1b", True),
        ("id:CHAT", True),
        ("external:chat", True),
        ("warning:legacy", True),
        ("env=production", True),
        ("env=Production", True),
        ("env!=production", False),
        ("-env=staging", True),
        ("beta=true", True),
        ("retries=3", True),
        ("user.tier=gold", True),
        ("a.b=dotted", True),
        ("tags=blue", True),
        ("metadata.env=production", True),
        ("region=eu", False),
        ("since:3h", True),
        ("since:1h", False),
        ("before:1h", True),
        ("since:2026-05-01", True),
        ("before:2026-05-01T10:00:00Z", False),
        ('"table is"', True),
        ("ZOË", True),
        ("-nothing", True),
        ("status:failed agent:booking dur>2s nothing", False),
    ],
)
def test_a_filter_holds_when_all_of_its_terms_hold(text: str, expected: bool):
    assert parse_filter(text).matches(FACTS, NOW_NS) is expected


@pytest.mark.parametrize("text", ["dur>0", "dur<1s", "tokens>0", "tool:x", "verdict:pass", "env=a"])
def test_what_is_not_known_fits_no_term(text: str):
    assert not parse_filter(text).matches({})
    assert parse_filter(f"-{text}").matches({})


def test_facts_are_computed_only_for_terms_that_need_them():
    def never() -> list[str]:
        raise AssertionError("no term asks for the texts")

    assert parse_filter("status:failed").matches({**FACTS, "text": never})


@pytest.mark.parametrize(
    ("text", "position", "suggestion", "words"),
    [
        ("statsu:failed", 0, "status", "unknown key"),
        ("env=x  agnet:booking", 7, "agent", "unknown key"),
        ("status:faild", 7, "failed", "status is never"),
        ("status:purple", 7, None, "completed, failed, partial"),
        ("verdict:fial", 8, "fail", "verdict is never"),
        ("statsu=failed", 0, "status", "metadata.statsu="),
        ("flavour:sweet", 0, None, "known are status"),
        ("dur>soon", 4, None, "2s"),
        ("tokens>many", 7, None, "4000"),
        ("since:then", 6, None, "1h or 2d"),
        ("name>3", 0, None, "cannot be compared"),
        ('"never closed', 0, None, "never closed"),
        ('agent:"booking', 6, None, "never closed"),
        ("agent:", 6, None, "needs a value"),
        ("agent: booking", 6, None, "needs a value"),
        ("status:failed,", 14, None, "needs a value"),
    ],
)
def test_what_cannot_be_understood_is_an_error_at_its_place(
    text: str, position: int, suggestion: str | None, words: str
):
    with pytest.raises(FilterError, match=re.escape(words)) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert caught.value.suggestion == suggestion
    assert (suggestion or "") in str(caught.value)


def test_a_metadata_key_that_looks_like_a_known_one_can_be_spelt_out():
    assert parse_filter("metadata.statsu=x").matches({"metadata": {"statsu": "x"}})


def test_terms_remember_how_they_were_written():
    found = parse_filter('  status:failed -tool:"a b",c  ')
    assert [term.source for term in found.terms] == ["status:failed", '-tool:"a b",c']
    assert [term.key for term in found.terms] == ["status", "tool"]
    assert found.terms[1].values == ("a b", "c")
    assert found.source == 'status:failed -tool:"a b",c'


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error_with_a_place_in_it(text: str):
    position = 0
    try:
        parse_filter(text).matches(FACTS, NOW_NS)
    except FilterError as error:
        position = error.position
    assert 0 <= position <= len(text)


@given(st.text(min_size=1, max_size=20))
def test_any_quoted_text_is_found_where_it_stands(text: str):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_filter(f'"{quoted}"').matches({"text": [f"before {text} after"]})

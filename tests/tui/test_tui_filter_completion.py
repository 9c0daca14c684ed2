"""Filters completed from what is loaded, counted while typed, and safe from what is pasted."""

import pytest
from textual import events

from tracedesk.query.filter import parse_filter
from tracedesk.tui.view_models.filter_completion import Words, complete, quoted
from tracedesk.tui.widgets.field_bar import MAX_CHARS


@pytest.fixture
def words():
    known = Words()
    known.note("agent", ["booking", "Trip planner"])
    known.note("tool", ["create_booking", "search_flights"])
    known.note("metadata", ["environment"])
    known.note("metadata environment", ["production", "staging"])
    return known


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sta", ["status:"]),
        ("du", ["dur>"]),
        ("env", ["environment="]),
        ("status:", ["completed", "failed", "partial"]),
        ("status:fa", ["failed"]),
        ("-status:fa", ["failed"]),
        ("status:failed,pa", ["partial"]),
        ("agent:trip", ['"Trip planner"']),
        ("tool:book", ["create_booking"]),
        ("dur>", ["500ms", "2s", "10s", "1m"]),
        ("environment=st", ["staging"]),
        ("status:failed agent:bo", ["booking"]),
        ('"quoted', []),
        ("", []),
        ("agent:booking", []),
    ],
)
def test_what_may_follow(words, typed, offered):
    found = complete(typed, len(typed), words)
    assert [candidate.text for candidate in found.candidates] == offered


def test_what_is_offered_is_understood(words):
    for typed in ("status:", "agent:", "tool:", "dur>", "environment="):
        completion = complete(typed, len(typed), words)
        for at in range(len(completion.candidates)):
            parse_filter(completion.accepted(typed, at))


def test_nothing_is_offered_inside_a_word(words):
    assert complete("status:failed", 8, words).candidates == ()


@pytest.mark.parametrize("value", ["a b", 'a"b', "a\\b c", "a,b"])
def test_a_value_is_quoted_so_that_it_is_read_back(value):
    assert parse_filter(f"agent:{quoted(value)}").terms[0].values == (value,)


def hints(session):
    return str(session.screen.query_one("#filter-bar .hints").render())


def count(session):
    return str(session.screen.query_one("#filter-bar .count").render()).strip()


async def test_tab_completes_and_matches_are_counted(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("sta")
        assert hints(session).startswith("status:")
        await session.press("tab")
        await session.type("fai")
        assert hints(session).startswith("failed")
        await session.press("right")
        assert session.screen.query_one("#filter-bar Input").value == "status:failed"
        await session.until(lambda: "match" in count(session), "counted")
        await session.settle()
        assert count(session) == f"{session.screen.traces.total} match"


async def test_an_unknown_key_says_at_once_what_was_meant(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("agnet:x")
        problem = str(session.screen.query_one("#filter-bar .problem").render())
        assert "did you mean 'agent'?" in problem


async def test_what_is_not_finished_is_no_mistake_until_enter(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("dur>")
        assert not session.screen.query_one("#filter-bar").has_class("-wrong")
        await session.press("enter")
        assert session.screen.query_one("#filter-bar").has_class("-wrong")


async def test_beside_a_wrong_filter_no_number_pretends_that_it_was_applied(workbench):
    async with workbench() as session:
        await session.press("f")
        await session.type("agnet:x")
        await session.settle()
        assert count(session) == "not applied"
        await session.press("escape", "f")
        await session.settle()
        assert count(session) == f"all {session.screen.traces.total}"


async def test_what_is_finished_of_a_filter_is_applied_while_the_rest_is_typed(workbench, desk):
    desk.add(desk.load(max(desk.traces)).trace, "another")
    async with workbench(desk) as session:
        await session.press("f")
        await session.type("name:another dur>")
        await session.until(lambda: session.screen.traces.total == 1, "filtered")
        assert count(session) == "1 match"


async def test_the_footer_tells_the_keys_of_an_open_field(workbench):
    async with workbench() as session:
        await session.press("f")
        assert session.bar("#footer") == "Enter keep   Tab complete   Esc take back"
        await session.press("escape")
        assert session.bar("#footer").startswith("Enter open")


@pytest.mark.parametrize("bar", ["filter", "search", "attribute"])
async def test_five_megabytes_pasted_are_cut_and_made_harmless(workbench, bar):
    async with workbench() as session:
        keys = {"filter": "f", "search": "enter /", "attribute": "enter tab /"}[bar]
        await session.press(*keys.split())
        field = session.screen.query_one(f"#{bar}-bar Input")
        assert field.has_focus
        field.post_message(events.Paste("\x1b[31m\u202e" + "x" * 5_000_000))
        await session.settle()
        assert len(field.value) <= MAX_CHARS
        assert field.value.startswith("␛[31m\\u202ex")

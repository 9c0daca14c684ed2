"""Raw bytes of any size, and what a trace was before it was replaced: listed, opened, left."""

import pytest
from fake_desk import NOW_NS, FakeDesk

from tracedesk.model.trace import TraceWarning
from tracedesk.store.rows import Revision
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.view_models.pages.builder import HEAD_CHARS
from tracedesk.tui.view_models.pages.raw import body_head, raw_page


def text(lines):
    return "\n".join(line.text.rstrip() for line in lines)


def test_a_deviation_names_its_place_and_leads_to_its_span():
    span = make_span("s1", "plan")
    span.place = "$.resourceSpans[0].spans[3]"
    warning = TraceWarning("bad_time", "the end is before the start", "s1")
    page = raw_page([], [warning], None, 70, span_of=lambda _: span)
    assert "    at $.resourceSpans[0].spans[3]" in text(page)
    assert {line.span for line in page if "bad_time" in line.text} == {"s1"}


@pytest.mark.parametrize("shift", range(4))
def test_a_character_across_the_end_of_the_head_makes_no_hex_of_a_text(shift):
    body = b"x" * (HEAD_CHARS - shift) + "é€𝄞".encode() * 99
    assert body_head(body).startswith("xxxx")


def test_a_large_body_that_is_no_text_is_hex():
    assert body_head(b"\x0a\xff\x00" * 9_000).startswith("000000  0a ff 00")


def test_earlier_revisions_are_listed_and_the_shown_one_stands_out():
    kept = [Revision(n, "otlp", None, "x", n, 0, NOW_NS, 3_100 * n) for n in (1, 2)]
    page = raw_page([], [], None, 90, revisions=kept, shown=2, latest=3)
    assert [line.revision for line in page if line.revision] == [3, 2, 1]
    assert "▪   2  2" in text(page)
    assert "2 spans  6.2 kB" in text(page)


@pytest.fixture
def replaced():
    desk = FakeDesk()
    trace_id = desk.add(make_trace(make_span("old", "first try")), "a trace")
    desk.grow(trace_id, make_trace(make_span("new", "second try")))
    return desk


async def open_first(session):
    await session.press("enter", "tab", "5")
    await session.until(lambda: session.screen.requests is not None, "requests are read")
    await session.settle()
    page = session.screen.query_one("#page")
    page.cursor = next(n for n, line in enumerate(page.lines) if line.revision == 1)
    await session.press("enter")
    await session.until(lambda: session.screen.latest is not None, "the first revision is open")
    await session.settle()


async def test_an_earlier_revision_opens_labelled_and_escape_leaves_it(workbench, replaced):
    async with workbench(replaced) as session:
        await open_first(session)
        assert "first try" in session.lines("#spans")[0]
        assert "revision 1 of 2" in session.bar("#breadcrumb")
        assert "read-only" in str(session.screen.query_one("#tree-pane").border_title)
        await session.press("escape")
        await session.until(lambda: session.screen.opened.row.revision == 2, "back")
        await session.settle()
        assert "second try" in session.lines("#spans")[0]
        assert "revision 1" not in session.bar("#breadcrumb")


async def test_a_trace_that_grows_does_not_take_the_reader_away(workbench, replaced):
    async with workbench(replaced) as session:
        await open_first(session)
        trace_id = session.screen.opened.row.id
        replaced.grow(trace_id, make_trace(make_span("newest", "third try")))
        await session.until(lambda: session.screen.latest.revision == 3, "it is known")
        await session.settle()
        assert "first try" in session.lines("#spans")[0]
        assert "revision 1 of 3" in session.bar("#breadcrumb")


async def test_another_trace_opens_from_an_earlier_revision(workbench, replaced):
    replaced.add(make_trace(make_span("other", "another")), "other", age_s=1)
    async with workbench(replaced) as session:
        await session.press("j")
        await session.until(
            lambda: session.screen.opened.row.name == "a trace", "the replaced one is open"
        )
        await open_first(session)
        session.screen.open_trace(replaced.rows_newest_first()[0].id)
        await session.until(lambda: session.screen.opened.row.name == "other", "another is open")
        assert session.screen.latest is None


async def test_what_is_made_of_the_latest_is_not_copied_from_an_earlier_one(workbench, replaced):
    async with workbench(replaced) as session:
        await open_first(session)
        await session.press("y", "L")
        assert session.app.clipboard == ""

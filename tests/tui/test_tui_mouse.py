"""What a mouse can do: keys of the footer, crumbs, rows, fold markers, the wheel."""

from textual.events import MouseScrollDown


def at(session, selector, text):
    """Where a text stands in a one-line bar."""
    return session.screen.query_one(selector).render_line(0).text.index(text), 0


async def click(session, selector, text):
    await session.pilot.click(selector, offset=at(session, selector, text))
    await session.settle()


async def test_a_key_of_the_footer_is_clicked_on_its_name_or_its_label(workbench):
    async with workbench() as session:
        await session.press("enter")
        await click(session, "#footer", "time")
        assert str(session.screen.span_view.mode) == "offset"
        await click(session, "#footer", "t time")
        assert str(session.screen.span_view.mode) == "self"
        await click(session, "#footer", "help")
        assert session.app.screen is not session.screen


async def test_a_crumb_leads_to_its_pane_and_a_filter_goes_when_clicked(workbench):
    async with workbench() as session:
        await session.press("enter", "enter")
        assert session.screen.pane == "detail"
        await click(session, "#breadcrumb", "chat-7731")
        assert session.screen.pane == "tree"
        await click(session, "#breadcrumb", "traces")
        assert session.screen.pane == "list"
        session.screen.set_filter("name:chat")
        await click(session, "#breadcrumb", "Esc")
        assert session.screen.traces.filter_text == ""


async def test_rows_and_folds_of_list_and_drawer(workbench):
    async with workbench() as session:
        await session.pilot.click("#results", offset=(1, 0))
        await session.settle()
        assert session.screen.pane == "tests"
        assert len(session.lines("#results")) < 4
        await session.pilot.click("#traces", offset=(6, 0))
        await session.settle()
        assert session.screen.pane == "list"


async def test_the_wheel_scrolls_the_list_under_it(workbench, desk):
    trace = desk.load(max(desk.traces)).trace
    for number in range(60):
        desk.add(trace, f"more {number}")
    async with workbench(desk) as session:
        view = session.screen.query_one("#traces")
        view.post_message(MouseScrollDown(view, 1, 1, 0, 1, 0, False, False, False))
        await session.settle()
        await session.until(lambda: view.scroll_offset.y > 0, "it scrolled")

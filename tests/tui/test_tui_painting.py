"""What is painted when little changed: as little. Keys wait behind every line that is painted."""

from fake_desk import booking_desk
from piloting import until
from textual.widgets._toast import Toast

from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.widgets.pane import Pane
from tracedesk.tui.widgets.trace_list import TraceListView


async def test_a_new_title_paints_its_line_of_the_border_only(workbench):
    async with workbench() as session:
        pane = session.screen.query_one("#list-pane", Pane)
        inside: list[object] = []
        pane.render_line = inside.append
        session.screen.retitle("list", title="Traces · 7 of 9")
        await session.settle()
        session.screen.retitle("list", subtitle="following")
        await session.settle()
        assert not inside
        lines = [line.text for line in pane.render_lines(pane.outer_size.region)]
        assert "Traces · 7 of 9" in lines[0]
        assert "following" in lines[-1]


async def test_lines_that_may_look_different_now_are_not_kept(workbench):
    async with workbench(booking_desk(60)) as session:
        view = session.screen.query_one(TraceListView)
        for _ in range(50):
            view.repaint()
            session.lines("#traces")
        assert len(view._strips) <= view.size.height


async def test_a_list_that_grows_beyond_its_pane_lays_nothing_out(workbench):
    async with workbench(booking_desk(60)) as session:
        view = session.screen.query_one(TraceListView)
        thumb = view.vertical_scrollbar
        view.changed(100_000)
        await session.settle()
        laid_out, painted = [], []
        session.screen.screen_layout_refresh_signal.subscribe(view, laid_out.append)
        thumb.watch(thumb, "window_virtual_size", lambda: painted.append(True), init=False)
        view.changed(100_001)
        await session.settle()
        assert (laid_out, painted) == ([], [])
        view.action_cursor_last()
        await session.settle()
        assert view.cursor == 100_000
        assert view.scroll_offset.y == 100_001 - view.scrollable_content_region.height


async def test_the_scrollbar_follows_once_its_thumb_would_look_different(workbench):
    async with workbench(booking_desk(60)) as session:
        view = session.screen.query_one(TraceListView)
        for count in (10_000, 20_000, 3, 60):
            view.changed(count)
            await session.settle()
            shown = view.show_vertical_scrollbar
            assert shown == (count > view.scrollable_content_region.height)
            assert not shown or view.vertical_scrollbar.window_virtual_size == count


async def test_a_short_note_covers_one_line():
    app = TracedeskApp(booking_desk(), strict=True, ascii=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify("Copied 51c2a7b6f3e8d014c9a2b7e5f6018d3a")
        await until(pilot, lambda: app.screen.query(Toast), "shown")
        assert app.screen.query_one(Toast).size.height == 1

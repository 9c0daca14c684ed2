"""Results of the open trace, painted when the evaluator tells of them."""

import asyncio

from fake_desk import booking_desk, booking_file, passing_case

from tracedesk.evaluation import showing
from tracedesk.tui.widgets.drawer.failure import FailureStrip


async def test_results_are_painted_without_being_looked_for(workbench, monkeypatch):
    monkeypatch.setattr(showing, "PATIENCE_S", 30)  # it is the painting that ends the waiting
    desk = booking_desk(1)
    async with workbench(desk) as session:
        trace_id = session.screen.opened.row.id
        assert "✗" in session.lines("#spans")[0]
        revision = desk.revision()
        monkeypatch.setattr(desk, "revision", lambda: revision)
        desk.save(booking_file())
        desk.judge(trace_id, passing_case())
        await asyncio.wait_for(asyncio.to_thread(desk.showing.tell, trace_id), 10)
        assert "✗" not in session.lines("#spans")[0]
        assert str(session.screen.query_one("#tests-pane").border_subtitle).startswith("saved ")


async def test_what_is_told_of_another_trace_is_not_shown(workbench, monkeypatch):
    monkeypatch.setattr(showing, "PATIENCE_S", 30)
    desk = booking_desk(2)
    async with workbench(desk) as session:
        other = desk.rows_newest_first()[1].id
        before = session.screen.verdicts
        await asyncio.wait_for(asyncio.to_thread(desk.showing.tell, other), 10)
        assert session.screen.verdicts is before


async def test_nobody_is_told_when_the_screen_is_gone(workbench):
    desk = booking_desk(1)
    async with workbench(desk):
        assert desk.showing is not None
    assert desk.showing is None


async def test_before_verdicts_are_known_nothing_is_said_to_be_well(workbench, desk):
    """An empty drawer and a blank strip look like all is well."""
    found = dict(desk.found)
    desk.found.clear()
    async with workbench(desk, (80, 24)) as session:
        screen = session.screen
        await session.press("enter")
        assert screen.query_one("#results").empty_note == " … not evaluated yet"
        strip = screen.query_one(FailureStrip)
        assert strip.lines[-1].text == " … not evaluated yet"
        desk.found.update(found)
        screen.verdicts_arrived(found[screen.opened.row.id])
        await session.settle()
        assert "not evaluated" not in strip.lines[-1].text


async def test_the_line_over_the_whole_trace_forgets_what_no_longer_fails(workbench):
    desk = booking_desk(1)
    async with workbench(desk) as session:
        ruler = session.screen.query_one("#ruler")
        painted = []
        assert "✗" in ruler.render_line(1).text
        ruler.refresh = lambda *args, **kwargs: painted.append(ruler.render_line(1).text)
        desk.judge(session.screen.opened.row.id, passing_case())
        await session.until(lambda: "✗" not in session.lines("#spans")[0], "it passes now")
        assert painted
        assert "✗" not in painted[-1]

"""Results of the open trace, painted when the evaluator tells of them."""

import asyncio

from fake_desk import booking_desk, booking_file, passing_case

from tracedesk.evaluation import showing


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

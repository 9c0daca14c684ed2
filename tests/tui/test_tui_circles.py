"""What was painted and done is freed by the last one that lets go of it, without a collection."""

import gc
from collections.abc import Callable

import pytest
from fake_desk import booking_desk
from rich.segment import Segment
from textual.strip import Strip

from tracedesk.tui.circles import divide
from tracedesk.tui.widgets.trace_list import TraceListView


@pytest.fixture
def circles():
    """Gives the names of the types of what only a collection would have freed since."""
    gc.collect()
    gc.disable()

    def found() -> list[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return [type(thing).__name__ for thing in gc.garbage]

    yield found
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def test_lines_and_workers_leave_nothing_to_collect(
    workbench, circles: "Callable[[], list[str]]"
):
    async with workbench(booking_desk(60)) as session:
        view = session.screen.query_one(TraceListView)
        for _ in range(3):
            await session.press("j", "j", "tab")
            view.repaint()
            session.screen.read_state()
            await session.settle()
        left = circles()
    assert "Strip" not in left
    assert "Worker" not in left


def test_a_line_is_cut_as_it_always_was():
    strip = Strip([Segment("booked "), Segment("at noon")])
    for cuts in ([14], [3, 14], [7, 14, 20], [20], []):
        cut = [piece.text for piece in divide(strip, iter(cuts))]
        fresh = Strip([Segment("booked "), Segment("at noon")])
        assert cut == [
            fresh.crop(a, b).text for a, b in zip([0, *cuts], cuts, strict=False) if b <= 14
        ]

"""The tour: five steps, each at its pane, once."""

import pytest

from tracedesk.tui.screens.tour import STEPS, TourScreen, seen, wanted


async def test_five_steps_lead_through_the_panes_and_end(workbench):
    async with workbench() as session:
        await session.press(":")
        await session.type("tour")
        await session.press("enter")
        tour = session.app.screen
        shown = []
        while isinstance(session.app.screen, TourScreen):
            box = tour.query_one("#tour")
            pane = session.screen.query_one(f"#{STEPS[tour.at].pane}-pane")
            assert pane.region.overlaps(box.region)
            shown.append((session.screen.pane, str(box.border_subtitle)[:6]))
            await session.press("enter")
        panes = ["list", "tree", "detail", "tests", "list"]
        assert shown == [(pane, f"{n} of 5") for n, pane in enumerate(panes, 1)]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 14)])
async def test_every_step_fits_the_screen(workbench, size):
    async with workbench(size=size) as session:
        session.app.action_tour()
        await session.settle()
        for _ in STEPS:
            box = session.app.screen.query_one("#tour").region
            assert session.app.screen.region.contains_region(box)
            await session.press("enter")


async def test_escape_leaves_and_it_begins_by_itself_only_once(workbench, tmp_path):
    marker = tmp_path / "state" / "tour-seen"
    async with workbench(tour_marker=marker) as session:
        await session.until(lambda: isinstance(session.app.screen, TourScreen), "it began")
        await session.press("escape")
        assert session.app.screen is session.screen
    assert marker.exists()
    assert not wanted({}, True, marker)


def test_it_does_not_begin_in_a_script(tmp_path):
    marker = tmp_path / "tour-seen"
    assert wanted({}, True, marker)
    assert not wanted({}, False, marker)
    assert not wanted({"TRACEDESK_NO_TOUR": "1"}, True, marker)
    seen(tmp_path / "a file" / "below")
    (tmp_path / "file").touch()
    seen(tmp_path / "file" / "below")  # only logged

"""What a person meets first: the screen over a real desk, filled with the sample traces."""

import re
from contextlib import asynccontextmanager

import pytest
from piloting import lines_of, until

from tracedesk.commands.demo import fill, lay_out
from tracedesk.tui.app import TracedeskApp

SAMPLES = 14


@pytest.fixture
def desk(tmp_path, open_desk):
    lay_out(tmp_path)
    desk = open_desk()
    fill(desk)
    return desk


@asynccontextmanager
async def workbench(desk, size=(160, 45)):
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.traces.total == SAMPLES, "all samples are listed")
        await until(pilot, lambda: desk.totals().get("pending", 0) == 0, "all are judged")
        yield app, pilot


async def go_to_slip(app, pilot):
    """Put the cursor of the list on the booking that went wrong, the oldest."""
    await pilot.press("G")
    await until(pilot, lambda: chosen(app) == "run-5822", "the cursor stands on the trace")


def chosen(app):
    entry = app.screen.traces.entry(app.screen.traces.cursor)
    return entry and entry.row.external_id


@pytest.mark.parametrize("keys", [("enter", "]", "f"), ("enter", "v", "enter")])
async def test_a_failing_trace_leads_to_its_evidence_in_three_keys(desk, keys):
    async with workbench(desk) as (app, pilot):
        await go_to_slip(app, pilot)
        await pilot.press(keys[0])
        await until(pilot, lambda: app.screen.cases and app.screen.rows.row_of, "it is open")
        await until(pilot, lambda: app.screen.opened.row.external_id == "run-5822", "it is shown")
        await pilot.press(*keys[1:])
        await until(pilot, lambda: app.screen.span.label == "create_booking", "the span is found")
        await pilot.pause()
        page = "\n".join(lines_of(app, "#page"))
        assert re.search(r"expected +actual\n", page)
        assert re.search(r'number 4 +string "4"\n', page)
        assert re.search(r'DATE_ADD\(TODAY\(\), +"\d{4}-\d\d-\d\d"', page)
        assert "▸" in page  # the line of the test file that decided


async def test_on_a_small_screen_the_evidence_stands_below_the_tree(desk):
    async with workbench(desk, (80, 24)) as (app, pilot):
        await go_to_slip(app, pilot)
        await pilot.press("enter")
        await until(
            pilot,
            lambda: app.screen.opened.row.external_id == "run-5822" and app.screen.cases,
            "the trace is open",
        )
        await pilot.press("]", "f")
        await until(pilot, lambda: app.screen.span.label == "create_booking", "the span is found")
        await pilot.pause()
        strip = "\n".join(lines_of(app, "#failure"))
        assert "expected number 4" in strip
        assert 'actual string "4"' in strip


async def test_no_trace_is_called_by_a_number_that_tells_nothing(desk):
    async with workbench(desk, (80, 24)) as (app, pilot):
        await pilot.pause()
        listed = "\n".join(lines_of(app, "#traces"))
        assert not re.search(r"[0-9a-f]{16}", listed)
        assert "run-5822" in listed
        assert "invoke_agent Research Agent" in listed


async def test_the_header_tells_totals_and_what_is_going_on(desk):
    async with workbench(desk) as (app, pilot):
        header = app.screen.query_one("#header")
        await until(pilot, lambda: re.search(r"✓ \d+ +✗ \d+ +\? \d+", header.text), "totals")
        assert f"{SAMPLES} traces" in header.text
        desk.say("sending samples 3 of 14")
        await until(pilot, lambda: "sending samples 3 of 14" in header.text, "the activity")
        await pilot.press("f", *"agent:local", "enter")
        await until(pilot, lambda: re.search(r"\blocal\b", header.text), "the agent filter")


async def test_x_explains_what_was_read_and_what_is_blank(desk):
    async with workbench(desk) as (app, pilot):
        await go_to_slip(app, pilot)
        await until(pilot, lambda: app.screen.opened.row.external_id == "run-5822", "it is shown")
        await pilot.press("x")
        await until(pilot, lambda: app.screen.explained is not None, "values are explained")
        await pilot.pause()
        page = "\n".join(line.text for line in app.screen.query_one("#page").lines)
        assert "rule: " in page
        assert "not found" in page
        assert "tried in order: " in page
        assert "Arguments of create_booking" in page
        await pilot.press("x")
        await pilot.pause()
        assert lines_of(app, "#page")[0].startswith("Response")

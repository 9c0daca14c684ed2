"""The written walk of the help, key by key as it stands there, over the demonstration."""

import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from piloting import lines_of, until

import tracedesk
from tracedesk.commands.demo import fill, lay_out
from tracedesk.testcases.load import load_text
from tracedesk.tui.actions import key_name
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.assert_panel import AssertScreen
from tracedesk.tui.screens.target_box import TargetScreen

PAGE = Path(tracedesk.__file__).parent / "help" / "walk.md"

EVIDENCE = ("enter", "]", "f")
ASSERTION = ("a", "enter", "enter")


@pytest.fixture
def desk(tmp_path, open_desk):
    lay_out(tmp_path)
    desk = open_desk()
    fill(desk)
    return desk


@asynccontextmanager
async def at_the_slip(desk):
    """The demonstration with the cursor of the list on the booking that went wrong."""
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=(160, 45)) as pilot:
        bench = app.screen
        await until(pilot, lambda: bench.traces.total == 14, "all samples are listed")
        await until(pilot, lambda: not desk.totals().get("pending"), "all are judged")
        await pilot.press("G")
        await until(
            pilot,
            lambda: bench.opened and bench.opened.row.external_id == "run-5822" and bench.cases,
            "the last one is open",
        )
        yield app, pilot, bench


async def to_the_evidence(pilot, bench):
    await pilot.press(*EVIDENCE)
    await until(pilot, lambda: bench.span.label == "create_booking", "the span is found")


def judged(bench):
    return next(case for case in bench.cases if case.name == "books what was asked for")


def drawer(app):
    return "\n".join(lines_of(app, "#results"))


@pytest.mark.parametrize(("keys", "most"), [(EVIDENCE, 3), (ASSERTION, 4)])
def test_the_page_names_these_keys(keys, most):
    written = " ".join(f"`{key_name(key)}`" for key in keys)
    assert written in PAGE.read_text()
    assert len(keys) <= most


async def test_from_a_failing_trace_to_the_evidence(desk):
    async with at_the_slip(desk) as (app, pilot, bench):
        await to_the_evidence(pilot, bench)
        await pilot.pause()
        assert bench.tab == "verdicts"
        page = "\n".join(lines_of(app, "#page"))
        assert re.search(r'number 4 +string "4"\n', page)


async def test_from_a_value_to_a_saved_assertion(desk, tmp_path):
    path = tmp_path / "testcases" / "reservations.yaml"
    before = path.read_text()
    async with at_the_slip(desk) as (app, pilot, bench):
        await to_the_evidence(pilot, bench)
        await pilot.press(ASSERTION[0])
        await until(pilot, lambda: isinstance(app.screen, AssertScreen), "the list")
        await until(pilot, lambda: app.screen.offer is not None, "what can be asserted")
        await pilot.press(ASSERTION[1])
        await until(pilot, lambda: isinstance(app.screen, TargetScreen), "where to")
        await pilot.press(ASSERTION[2])
        await until(pilot, lambda: path.read_text() != before, "it is written")
        checks = load_text(path.read_text(), "reservations.yaml").cases[0].checks
        assert len(checks) == len(load_text(before, "reservations.yaml").cases[0].checks) + 1
        await until(pilot, lambda: app.screen is bench, "back")
        await until(pilot, lambda: len(judged(bench).verdicts) == len(checks), "it was run")
        await pilot.press("u")
        await until(pilot, lambda: path.read_text() == before, "taken back")


async def test_from_a_save_to_its_verdict(desk, tmp_path):
    path = tmp_path / "testcases" / "reservations.yaml"
    async with at_the_slip(desk) as (app, pilot, bench):
        assert judged(bench).outcome == "fail"
        expected = path.read_text().replace("DATE_ADD(TODAY(), 1, 'days')", "TODAY()")
        at = expected.rindex("party: 4")
        path.write_text(f'{expected[:at]}party: "4"{expected[at + len("party: 4") :]}')
        await until(
            pilot,
            lambda: (
                {case.name: case.outcome for case in bench.cases}["books what was asked for"]
                == "pass"
            ),
            "the verdict turned, and no key was pressed",
        )
        await until(pilot, lambda: "✓ books what was asked for" in drawer(app), "and is shown")

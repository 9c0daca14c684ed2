"""How screens look that ask a real desk: asserting, editing, comparing, counting, agents."""

from pathlib import Path

import pytest
from bookings import NOW_NS, booked, composed
from msgspec.structs import replace
from piloting import until

from tracedesk.tui.app import TracedeskApp

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (160, 45)


@pytest.fixture
def looks(tmp_path, open_desk, call, monkeypatch, snap_compare):
    """Compare a screen with its picture, once it is reached: ``looks(reach, size=LARGE)``."""
    monkeypatch.setattr("tracedesk.evaluation.adviser.PAUSE_S", 0.0)
    desk = composed(booked(tmp_path, open_desk, call, monkeypatch))

    def compare(reach, size, theme=None):
        app = TracedeskApp(desk, now_ns=lambda: NOW_NS, strict=True, ascii=False)

        async def run_before(pilot):
            bench = app.screen
            if theme is not None:
                app.theme = theme
            await until(pilot, lambda: desk.totals() and not desk.totals().get("pending"), "judged")
            await until(pilot, lambda: bench.traces.total == 3 and bench.cases, "open and judged")
            await reach(pilot, bench)
            await pilot.pause(0.1)

        return snap_compare(app, terminal_size=size, run_before=run_before)

    return compare


async def at_failure(pilot, bench):
    """The run in the middle, at the span that its failed assertion points at."""
    await pilot.press("j", "enter")
    await until(pilot, lambda: titled(bench) == "run-2" and bench.cases, "the failing run")
    await pilot.press("right_square_bracket", "f")
    await until(pilot, lambda: bench.span.label == "create_booking", "its span")
    await until(pilot, lambda: bench.results.warnings, "advice about the cases")


def titled(bench):
    return bench.opened and bench.opened.row.external_id


async def assert_panel(pilot, bench):
    await at_failure(pilot, bench)
    await pilot.press("a")
    panel = pilot.app
    await until(pilot, lambda: panel.screen is not bench and panel.screen.offer, "candidates")
    view = panel.screen.query_one("#candidates")
    await until(pilot, lambda: view.effects is not None and view.effects.done, "effects")


async def faulty_edit(pilot, bench):
    await at_failure(pilot, bench)
    await pilot.press("e")
    await until(pilot, lambda: pilot.app.screen is not bench, "the editor")
    screen = pilot.app.screen
    await until(pilot, lambda: screen._trial is not None and screen._known.calls, "tried")
    before = screen._trial
    area = screen.area
    line = next(n for n in range(99) if "expected_arguments" in area.document.get_line(n))
    area.replace("expcted", (line, 8), (line, 16))
    await until(pilot, lambda: screen._trial is not before, "tried again")


async def compared(pilot, bench):
    await at_failure(pilot, bench)
    await pilot.press("w")
    await until(pilot, lambda: pilot.app.screen is not bench, "the screen")
    screen = pilot.app.screen
    await until(pilot, lambda: screen.model is not None, "aligned")
    await pilot.press("right_square_bracket", "d")
    page = screen.query_one("#difference")
    await until(pilot, lambda: page.lines and "comparing" not in page.lines[0].text, "the pair")


async def stepped(pilot, bench):
    await at_failure(pilot, bench)
    await pilot.press(*["full_stop"] * 3)
    bar = bench.query_one("#step-bar")
    await until(pilot, lambda: "step 3 of" in bar.text, "the third moment")
    await until(pilot, lambda: bench._partial is not None, "what was known then")


def counted(*keys):
    async def reach(pilot, bench):
        await pilot.press(keys[0])
        await until(pilot, lambda: pilot.app.screen is not bench, "the screen")
        screen = pilot.app.screen
        await until(
            pilot,
            lambda: screen.gathered and len(screen.gathered.survey.tally().traces) == 3,
            "everything is counted",
        )
        await pilot.press(*keys[1:])
        await pilot.pause()

    return reach


async def agents(pilot, bench):
    bench.desk.workspace = replace(bench.desk.workspace, root=Path("/workspace"))
    await pilot.press("A")
    await until(pilot, lambda: pilot.app.screen is not bench, "the screen")
    await until(pilot, lambda: pilot.app.screen.agents.entries, "agents are listed")


def test_assert_panel(looks):
    """What can be asserted of a tool call, with its effect on stored traces."""
    assert looks(assert_panel, LARGE)


def test_assert_panel_small(looks):
    """The same where there is little room."""
    assert looks(assert_panel, SMALL, theme="tracedesk-light")


def test_editor_with_a_fault(looks):
    """A misspelt key: where, and what was meant."""
    assert looks(faulty_edit, MIDDLE)


def test_compare(looks):
    """A failing run beside the nearest that passes."""
    assert looks(compared, LARGE)


def test_compare_small(looks):
    """The same where there is little room, in high contrast."""
    assert looks(compared, SMALL, theme="tracedesk-contrast")


def test_stepping(looks):
    """The third moment of a run: what is not there yet is dim."""
    assert looks(stepped, LARGE)


def test_matrix(looks):
    """Where test cases break."""
    assert looks(counted("M"), MIDDLE)


def test_scores(looks):
    """Quality over versions."""
    assert looks(counted("S", "t"), LARGE)


def test_scores_light(looks):
    """The same in the light theme, with less room."""
    assert looks(counted("S", "t"), MIDDLE, theme="tracedesk-light")


def test_agents(looks):
    """Agents, keys, and what to type."""
    assert looks(agents, MIDDLE)

"""What nobody would send or type, and what happens anyway: nothing acts, nothing breaks."""

import pytest
from every_screen import at_failure, failing_desk, settled, shown
from fake_desk import booking_desk
from textual import events
from textual.widgets import Input

from tracedesk.testing import make_span, make_trace
from tracedesk.tui.widgets.field_bar import MAX_CHARS

NASTY = (
    "\x1b]0;owned\x07\x1b[31m[red]x[/red][@click=app.quit]y[/] "
    "\u05e9\u05dc\u05d5\u05dd \u202eevil\u202c e\u0301\u0308 "
    "\u65e5\u672c\u8a9e \U0001f469\u200d\U0001f467 "
    "\x00\x07\x9b31m\ufeff$(reboot)"
)
"""Escapes, markup, right to left, combining, wide, joined and control characters."""


def harmless(app):
    """Nothing that a terminal acts upon is on screen."""
    text = "".join(shown(app))
    bad = {c for c in text if ord(c) < 32 or 0x7F <= ord(c) < 0xA0}
    return not bad and not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\ufeff") & set(text)


def widths(app):
    """Cells of the lines on screen."""
    return {strip.cell_length for strip in app.screen._compositor.render_strips(app.size)}


async def test_every_traced_field_is_shown_and_not_obeyed(workbench, desk):
    said = {NASTY: NASTY, "gen_ai.prompt": NASTY, "gen_ai.response.text": NASTY}
    root = make_span("root", NASTY, start_ms=0, end_ms=9, attributes=said)
    desk.add(make_trace(root, make_span("call", NASTY, parent="root", attributes=said)), NASTY)
    async with workbench(desk) as session:
        assert harmless(session.app)
        await session.press("enter")
        for key in ("1", "x", "x", "2", "3", "4", "5", "6", "j"):
            await session.press(key)
            assert harmless(session.app), key
            assert session.app._exit is False
        for size in ((80, 24), (20, 5), (160, 45)):
            await session.pilot.resize_terminal(*size)
            await session.until(lambda s=size: widths(session.app) == {s[0]}, "it fits")
            assert harmless(session.app), size


BARS = {"filter": ("f",), "search": ("enter", "/"), "command": (":",),
        "attributes": ("enter", "enter", "3", "/")}  # fmt: skip


@pytest.mark.parametrize("keys", BARS.values(), ids=BARS)
async def test_whatever_is_typed_or_pasted_into_a_line_is_one_harmless_line(workbench, keys):
    async with workbench() as session:
        await session.press(*keys)
        field = session.app.focused
        assert isinstance(field, Input)
        field.post_message(events.Paste(NASTY))
        await session.settle()
        assert harmless(session.app)
        field.post_message(events.Paste("x" * 5_000_000))
        await session.settle()
        assert len(field.value) <= MAX_CHARS
        field.value = NASTY
        await session.settle()
        assert harmless(session.app)
        await session.press("escape")
        assert session.app.screen is session.screen


@pytest.fixture
def real_desk(tmp_path, open_desk, call, monkeypatch):
    return failing_desk(tmp_path, open_desk, call, monkeypatch)


async def test_a_form_takes_no_megabytes_and_shows_nothing_that_acts(real_desk):
    async with at_failure(real_desk, (120, 36), ascii=False) as (app, pilot):
        await pilot.press("A", "a")
        await settled(pilot)
        field = app.focused
        assert isinstance(field, Input)
        field.post_message(events.Paste(NASTY))
        field.post_message(events.Paste("x" * 5_000_000))
        await settled(pilot)
        assert len(field.value) <= MAX_CHARS
        assert harmless(app)
        await pilot.press("enter")
        await settled(pilot)
        assert harmless(app)


async def test_resized_to_a_stamp_and_back_while_traces_pour_in(workbench, desk):
    trace = desk.load(max(desk.traces)).trace
    async with workbench(desk) as session:
        sizes = [(20, 5), (160, 45), (80, 24), (20, 5), (1, 1), (120, 36), (160, 45)]
        for number in range(210):
            desk.add(trace, f"flood {number}")
            if number % 30 == 0:
                await session.pilot.resize_terminal(*sizes[number // 30 % len(sizes)])
            if number % 5 == 0:
                await session.pilot.pause(0)
        await session.pilot.resize_terminal(160, 45)
        total = len(desk.traces)
        await session.until(lambda: session.screen.traces.total == total, "all are listed")
        assert session.screen.opened is not None
        assert len(session.lines("#traces")) > 20


async def test_the_open_trace_is_deleted(workbench):
    desk = booking_desk()
    async with workbench(desk) as session:
        await session.press("enter", "2", "enter")
        gone = session.screen.opened.row.id
        del desk.traces[gone]
        desk._revision[0] += 1
        await session.until(
            lambda: session.screen.opened is None or session.screen.opened.row.id != gone,
            "it is left",
        )
        await session.press("j", "k", "x", "y", "v")
        assert any("removed" in note.message for note in session.app._notifications)

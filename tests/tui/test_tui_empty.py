"""An empty workbench: each key does something one can see, or says why it cannot."""

import pytest
from every_screen import settled, shown
from piloting import until

from tracedesk.tui.actions import ACTIONS, key_name
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.keyed import BY_KEY

TYPED = {"]", "[", "y", "m"}


@pytest.fixture
def app(open_desk):
    return TracedeskApp(open_desk(), strict=True, ascii=False)


async def back_to(bench, pilot):
    while pilot.app.screen is not bench:
        pilot.app.pop_screen()
    pilot.app.clear_notifications()
    await settled(pilot)


async def test_each_key_is_answered(app):
    async with app.run_test(size=(120, 36)) as pilot:
        bench = app.screen
        await settled(pilot)
        assert bench.has_class("-empty")
        for key, action in BY_KEY.items():
            if action.name in ("app.quit", "app.next_theme"):
                continue
            before = shown(app)
            await pilot.press(*key.split(" "))
            await settled(pilot)
            said = [note.message for note in app._notifications]
            assert said or shown(app) != before, key
            assert not bench.query("FieldBar.-open"), key
            assert app.screen is not bench or app.focused is bench.query_one("#traces"), key
            await back_to(bench, pilot)


async def test_it_says_what_a_key_would_need(app):
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f")
        await settled(pilot)
        assert [note.message for note in app._notifications] == [
            "f: 'filter' needs a trace, and none has arrived yet."
        ]


async def test_by_name_it_is_the_same(app):
    async with app.run_test(size=(120, 36)) as pilot:
        bench = app.screen
        await settled(pilot)
        await pilot.press(":", *"traces.filter", "enter")
        await settled(pilot)
        assert "needs a trace" in next(note.message for note in app._notifications)
        assert not bench.query("FieldBar.-open")


def test_every_key_of_the_list_is_among_them():
    listed = {key for a in ACTIONS if a.pane in ("", "list", "lines") for key in a.keys}
    assert listed == set(BY_KEY)
    assert {key[0] for key in listed if " " in key} == TYPED
    assert key_name("escape") == "Esc"


async def test_the_line_to_copy_is_one_that_a_shell_takes_however_narrow(app):
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        told = str(app.screen.query_one("#empty").render())
        assert all(len(line) <= 74 for line in told.splitlines())
        curl = told[told.index("curl") :].split("\n\n")[0]
        whole = curl.replace(" \\\n  ", " ")
        assert "\n" not in whole
        assert whole in app.desk.sending_examples()
        await pilot.resize_terminal(160, 45)
        await until(
            pilot, lambda: whole in str(app.screen.query_one("#empty").render()), "in one line"
        )

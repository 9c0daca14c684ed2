"""Copying a trace as commands or a digest, and sending it again, over a real desk."""

import pytest
from piloting import lines_of, until
from textual.widgets import Input, Static

from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.sending import ReplyScreen, SendForm

BODY = {"spans": [{"span_id": "a", "name": "Ferry Desk", "attributes": {"n": 1}}]}


@pytest.fixture
def desk(open_desk, call):
    desk = open_desk()
    call(desk, "/public/traces", BODY, x_request_id="chat-7")
    return desk


async def opened(pilot):
    screen = pilot.app.screen
    await until(pilot, lambda: screen.opened is not None, "the trace is open")
    return screen


@pytest.mark.parametrize(
    ("keys", "begins"), [("yc", "curl -sS {url}/public/traces"), ("yL", "# Ferry Desk\n")]
)
async def test_a_trace_is_copied(desk, keys, begins):
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: app.clipboard, "something was copied")
        assert app.clipboard.startswith(begins.format(url=desk.endpoint.url))


async def test_a_trace_is_sent_again_and_the_reply_shown(desk):
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, SendForm), "it asks")
        assert app.screen.query_one("#to", Input).value == desk.endpoint.url
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReplyScreen), "the reply is shown")
        assert "200 Trace accepted" in " ".join(lines_of(app, "#modal-page"))
        assert [row.revision for row in desk.store.rows()] == [2], "it replaced itself"
        await pilot.press("escape", "R")
        await until(pilot, lambda: isinstance(app.screen, SendForm), "it asks again")
        app.screen.query_one("#identity", Input).value = "new"
        await pilot.press("enter")
        await until(pilot, lambda: desk.store.count() == 2, "a trace of its own")
        await until(pilot, lambda: isinstance(app.screen, ReplyScreen), "its reply")
        await pilot.press("enter")
        newest = desk.store.rows()[0].id
        bench = app.screen_stack[0]
        await until(pilot, lambda: bench.opened.row.id == newest, "Enter leads to it")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("to", "127.0.0.1", "is not a URL such as"),
        ("to", "http://127.0.0.1:1", "cannot be reached"),
        ("identity", "other", "the id is same or new"),
    ],
)
async def test_what_is_wrong_is_said_and_can_be_mended(desk, field, value, problem):
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, SendForm), "it asks")
        app.screen.query_one(f"#{field}", Input).value = value
        await pilot.press("enter")
        told = app.screen.query_one(".problem", Static)
        await until(pilot, lambda: problem in str(told.content), "it says what is wrong")
        assert isinstance(app.screen, SendForm)


async def test_without_a_trace_there_is_nothing_to_send(open_desk):
    app = TracedeskApp(open_desk(), strict=True, ascii=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("R", "y", "c")
        await until(pilot, lambda: len(app._notifications) == 2, "it is said")
        assert app.clipboard == ""

"""Agents and keys on their screen, over a real desk: what is done there holds on the wire."""

from contextlib import asynccontextmanager

import pytest
from piloting import lines_of, until
from textual.widgets import Input

from tracedesk.roster import make_key
from tracedesk.store.keys import list_keys, revoke_key
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.agents import AgentsScreen, NewKey
from tracedesk.tui.screens.asking import Confirm, Form

BODY = {"data": {"text": "Hello"}}

TWO = """\
# reviewed
[[agents]]
id = "3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4"
name = "booking"   # the first
otlp_service_name = "booking-bot"

# the other team's
[[agents]]
id = "a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b"
name = "refunds"
"""


@asynccontextmanager
async def agents_screen(desk, size=(120, 36)):
    """The workbench over a desk, with A pressed."""
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=size) as pilot:
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, AgentsScreen), "the screen is open")
        await until(pilot, lambda: app.screen.agents.entries, "agents are listed")
        await pilot.pause()
        yield app, pilot


async def shown(pilot, kind):
    await until(pilot, lambda: isinstance(pilot.app.screen, kind), kind.__name__)
    await pilot.pause()


async def fill(pilot, **entries):
    for name, text in entries.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = text
    await pilot.press("enter")


def configured(tmp_path):
    (tmp_path / "tracedesk.toml").write_text(TWO)


async def test_an_agent_that_is_added_stands_in_the_file_and_receives(tmp_path, open_desk, call):
    desk = open_desk()
    async with agents_screen(desk) as (app, pilot):
        assert "stands in until an agent is added" in lines_of(app, "#agents")[0]
        await pilot.press("a")
        await shown(pilot, Form)
        await fill(pilot, name="booking", workflow_ids="wf-1, wf-2", timezone="Europe/Madrid")
        await until(pilot, lambda: isinstance(app.screen, AgentsScreen), "the form is done")
        await until(
            pilot,
            lambda: any(line.startswith(" booking") for line in lines_of(app, "#agents")),
            "the new agent is listed",
        )
        agent = desk.workspace.agent("booking")
        assert agent.workflow_ids == ("wf-1", "wf-2")
        assert agent.timezone == "Europe/Madrid"
        assert call(desk, "/public/traces", BODY)[1]["data"]["platformId"] == agent.id
        await until(pilot, lambda: "1 trace " in lines_of(app, "#agents")[0], "it is counted")


async def test_what_is_wrong_with_an_entry_is_said_and_the_form_stays(tmp_path, open_desk):
    configured(tmp_path)
    async with agents_screen(open_desk()) as (app, pilot):
        await pilot.press("a")
        await shown(pilot, Form)
        await fill(pilot, name="x", timezone="Europe/Madird")
        await until(
            pilot,
            lambda: (
                "did you mean 'Europe/Madrid'?" in str(app.screen.query_one(".problem").content)
            ),
            "the nearest is named",
        )
        await pilot.press("escape")
        await shown(pilot, AgentsScreen)
    assert (tmp_path / "tracedesk.toml").read_text() == TWO


async def test_an_emptied_line_is_taken_out_and_comments_stay(tmp_path, open_desk):
    configured(tmp_path)
    desk = open_desk()
    async with agents_screen(desk) as (app, pilot):
        await pilot.press("e")
        await shown(pilot, Form)
        await fill(pilot, name="tables", otlp_service_name="")
        await until(pilot, lambda: desk.workspace.agent("tables"), "the desk follows")
        assert desk.workspace.agent("tables").otlp_service_name is None
        await until(pilot, lambda: "tables" in lines_of(app, "#agents")[0], "the list follows")
    text = (tmp_path / "tracedesk.toml").read_text()
    assert text == TWO.replace('"booking"', '"tables"').replace(
        'otlp_service_name = "booking-bot"\n', ""
    )


async def test_removing_asks_and_tells_what_stays(tmp_path, open_desk, call):
    configured(tmp_path)
    desk = open_desk()
    call(desk, "/public/traces", BODY)
    make_key(desk.store, desk.workspace, "ci", ["booking"])
    async with agents_screen(desk) as (app, pilot):
        await pilot.press("d")
        await shown(pilot, Confirm)
        told = "\n".join(lines_of(app, "#modal-page"))
        assert "1 stored trace of booking will stay" in told
        assert "the key ci" in told
        await pilot.press("n")
        await shown(pilot, AgentsScreen)
        assert desk.workspace.agent("booking")
        await pilot.press("d")
        await shown(pilot, Confirm)
        await pilot.press("y")
        await until(pilot, lambda: not desk.workspace.agent("booking"), "it is removed")
        await until(
            pilot,
            lambda: "not configured any more" in "\n".join(lines_of(app, "#agents")),
            "its traces keep its name",
        )
        assert "idle" in lines_of(app, "#keys")[0], "its key reaches nobody"
    assert "# the other team's" in (tmp_path / "tracedesk.toml").read_text()


async def test_a_key_is_shown_once_works_and_stops_when_it_is_revoked(tmp_path, open_desk, call):
    configured(tmp_path)
    desk = open_desk(require_key=True)
    async with agents_screen(desk) as (app, pilot):
        await pilot.press("j", "n")
        await shown(pilot, Form)
        assert app.screen.query_one("#agents", Input).value == "refunds"
        await fill(pilot, name="ci", expires="90d")
        await shown(pilot, NewKey)
        secret = lines_of(app, "#modal-page")[0].strip()
        await pilot.press("y")
        assert app.clipboard == secret
        assert call(desk, "/public/traces", BODY, x_api_key=secret)[0] == 201
        await pilot.press("escape")
        await shown(pilot, AgentsScreen)
        assert secret not in "\n".join(lines_of(app, "#keys") + lines_of(app, "#sending"))

        await until(pilot, lambda: "ci" in lines_of(app, "#keys")[0], "it is listed")
        await pilot.press("tab", "d")
        await shown(pilot, Confirm)
        await pilot.press("y")
        await until(
            pilot,
            lambda: call(desk, "/public/traces", BODY, x_api_key=secret)[0] == 401,
            "the endpoint refuses it",
        )


async def test_while_local_stands_in_a_key_is_for_whatever_agents_come(tmp_path, open_desk):
    async with agents_screen(open_desk()) as (app, pilot):
        assert "no keys" in lines_of(app, "#keys")[0]
        await pilot.press("n")
        await shown(pilot, Form)
        assert app.screen.query_one("#agents", Input).value == ""
        await pilot.press("escape", "e")
        await pilot.pause()
        assert isinstance(app.screen, AgentsScreen), "local is not in the file"


async def test_a_key_revoked_elsewhere_is_seen_and_the_cursor_stays(tmp_path, open_desk):
    desk = open_desk()
    made = [make_key(desk.store, desk.workspace, name, [])[0].key for name in ("ci", "laptop")]
    async with agents_screen(desk) as (app, pilot):
        await pilot.press("tab", "j")
        revoke_key(desk.store, made[0].id)
        await until(pilot, lambda: "revoked" in lines_of(app, "#keys")[0], "it is seen")
        assert app.screen.keys.entry.key.name == "laptop"
        await pilot.press("k", "d")
        await pilot.pause()
        assert isinstance(app.screen, AgentsScreen), "nothing to ask: it is revoked already"
    assert [key.name for key in list_keys(desk.store)] == ["ci", "laptop"]


@pytest.mark.parametrize("size", [(80, 24), (160, 45), (60, 12)])
async def test_what_to_type_has_the_real_address_and_the_chosen_agent(tmp_path, open_desk, size):
    configured(tmp_path)
    desk = open_desk(require_key=True)
    async with agents_screen(desk, size) as (app, pilot):
        await pilot.press("c")
        assert f"{desk.endpoint.url}/public/traces" in app.clipboard
        assert "3f0c8a52" in app.clipboard
        assert "x-api-key: $MIBO_API_KEY" in app.clipboard
        await pilot.press("v")
        assert "OTEL_SERVICE_NAME=booking-bot" in app.clipboard
        await pilot.press("j", "v")
        assert "mibo.platform_id=a81d2e90" in app.clipboard
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Add an agent" in "\n".join(lines_of(app, "#modal-page"))
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert not isinstance(app.screen, AgentsScreen)

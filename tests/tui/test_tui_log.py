"""The log on screen, errors that cost a message, and notifications that do not pile up."""

import logging

import pytest

from tracedesk.commands.common import log_to
from tracedesk.tui.screens.log_screen import LogScreen
from tracedesk.tui.view_models.log import TAIL_BYTES, at_least, log_lines, read_tail, records

LOG = b"""\
   of a record that was cut
2026-11-22 06:40:00,001 INFO tracedesk.desk listening on :4318
2026-11-22 06:40:01,002 ERROR tracedesk.tui unexpected error in painting
Traceback (most recent call last):
  File "a.py", line 1, in <module>
ZeroDivisionError: division by zero
2026-11-22 06:40:02,003 WARNING tracedesk.store.writer the disk is nearly full
"""


def shown(tail, level="DEBUG", width=60):
    return [line.text.rstrip() for line in log_lines(at_least(records(tail), level), width)]


def test_a_record_is_a_line_and_its_trace_back_stands_below():
    assert shown(LOG, "WARNING") == [
        "06:40:01 ERROR    tui  unexpected error in painting",
        "    Traceback (most recent call last):",
        '      File "a.py", line 1, in <module>',
        "    ZeroDivisionError: division by zero",
        "06:40:02 WARNING  store.writer  the disk is nearly full",
    ]
    assert shown(LOG)[0] == "06:40:00 INFO     desk  listening on :4318"
    assert len(shown(LOG, "ERROR")) == 4


def test_what_is_long_is_folded_and_what_is_odd_does_no_harm():
    assert all(len(line) <= 60 for line in shown(LOG.replace(b"painting", b"p" * 300)))
    assert shown(b"\xff\x00 no record\n") == []


def test_only_the_end_of_a_large_log_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100 + b"\n" + LOG * (2 * TAIL_BYTES // len(LOG)))
    tail = read_tail(log)
    assert TAIL_BYTES - 200 < len(tail) < TAIL_BYTES
    assert tail.endswith(LOG[-50:])
    assert read_tail(tmp_path / "none") == b""


async def test_the_log_screen_follows_the_file(workbench, desk, tmp_path):
    desk.workspace.log = tmp_path / "log"
    desk.workspace.log.write_bytes(LOG)
    async with workbench(desk) as session:
        await session.press("D")
        assert isinstance(session.app.screen, LogScreen)
        assert "nearly full" in session.lines("#log")[-1]
        with desk.workspace.log.open("ab") as file:
            file.write(b"2026-11-22 06:40:03,000 INFO tracedesk.desk closed\n")
        session.app.screen.read_log()
        await session.until(lambda: "closed" in session.lines("#log")[-1], "the new line")
        await session.press("v")
        assert "nearly full" in session.lines("#log")[-1]
        await session.press("D")
        assert session.app.screen is session.screen


@pytest.fixture
def logged(tmp_path):
    """The log of a workspace, written as the command does."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    root.handlers.clear()
    log_to(tmp_path / "log", verbose=False)
    yield tmp_path / "log"
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before


async def test_a_worker_that_fails_is_named_and_logged_with_its_trace_back(
    workbench, desk, logged, monkeypatch
):
    desk.workspace.log = logged
    async with workbench(desk, strict=False) as session:
        monkeypatch.setattr(desk.store, "find", lambda text: 1 / 0)
        session.screen.command_open("it")
        await session.until(lambda: session.app._notifications, "it was told")
        (told,) = session.app._notifications
        assert told.message.startswith("ZeroDivisionError: division by zero")
        await session.press("j", "D")
        await session.until(lambda: len(session.lines("#log")) > 2, "the log was read")
        text = "\n".join(session.lines("#log"))
        assert "Traceback (most recent call last)" in text
        assert "ZeroDivisionError: division by zero" in text


async def test_a_command_that_fails_is_named_too(workbench, monkeypatch):
    async with workbench(strict=False) as session:
        monkeypatch.setattr(session.screen, "action_matrix", lambda: 1 / 0)
        await session.press(":")
        await session.type("matrix")
        await session.press("enter")
        await session.until(lambda: session.app._notifications, "it was told")
        assert session.app.is_running


async def test_equal_notifications_are_counted_and_others_make_room(workbench):
    async with workbench() as session:
        for _ in range(40):
            session.app.notify("No error here.")
        session.app.notify("broken", severity="error")
        await session.settle()
        assert told(session) == ["No error here. (40 times)", "broken"]
        for number in range(5):
            session.app.notify(f"word {number}")
        await session.settle()
        assert told(session) == ["broken", "word 3", "word 4"]


def told(session):
    return [n.message for n in session.app._notifications]

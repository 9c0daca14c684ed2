"""Values of any size: rows laid out where they are read, searched, and handed to other programs."""

import os
import stat
from pathlib import Path

import pytest
from fake_desk import FakeDesk
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.testing import make_span, make_trace
from tracedesk.tui.outside import cleaned, pager_command, private_file
from tracedesk.tui.screens.value import ValueScreen
from tracedesk.tui.text import cells
from tracedesk.tui.view_models.document import TextDocument
from tracedesk.tui.view_models.pages.json_lines import whole

LARGE = "".join(f"line {n:07}\n" for n in range(200_000)) + "the end"


def rows_of(document):
    while document.grow_down():
        pass
    return [document.row(at) for at in range(document.rows)]


def test_a_text_is_folded_at_blanks():
    assert rows_of(TextDocument("one two three\n\nfour", 8)) == ["one two ", "three", "", "four"]


@given(st.text(), st.integers(4, 30))
def test_no_row_is_wider_than_asked_and_nothing_is_lost(text, width):
    document = TextDocument(text, width)
    rows = rows_of(document)
    # one character may be shown as up to ten: a control that would act stands spelled out
    assert all(cells(row) <= max(width, 10) for row in rows)
    assert document.starts == sorted(set(document.starts))
    assert document.starts[-1] == len(text)


def test_only_the_rows_near_the_reader_are_laid_out():
    document = TextDocument(LARGE, 80)
    assert document.rows < 1_000
    at = document.row_at(len(LARGE) - 1)
    assert document.row(at) == "the end"
    assert document.rows < 2_500
    assert document.above > 0
    while document.grow_up():
        pass
    assert document.row(0) == "line 0000000"


def test_a_line_without_end_costs_no_more_than_its_rows():
    document = TextDocument("x" * 50_000_000, 80)
    assert document.rows == 400
    document.row_at(49_999_999)
    assert document.rows < 2_000


@pytest.mark.parametrize(
    ("wanted", "start", "step", "found"),
    [("LINE 0150000", 0, 1, 150_000 * 13), ("line 0000003", 2_000_000, 1, 39),
     ("line 0000003", 100, -1, 39), ("line 0199999", 0, -1, 199_999 * 13), ("zebra", 0, 1, None)],
)  # fmt: skip
def test_a_search_goes_both_ways_and_round(wanted, start, step, found):
    assert TextDocument(LARGE, 80).find(wanted, start, step) == found


def test_a_search_finds_what_lies_across_two_slices():
    text = "a" * 499_998 + "needle" + "b" * 9
    assert TextDocument(text, 80).find("needle", 0, 1) == 499_998
    assert TextDocument(text, 80).find("needle", len(text), -1) == 499_998


def test_a_search_that_is_no_longer_wanted_ends():
    assert TextDocument(LARGE, 80).find("the end", 0, 1, cancelled=lambda: True) is None


def test_bytes_that_are_no_text_are_a_hex_dump():
    assert whole(b"\x0a\xff\x00hi") == "000000  0a ff 00 68 69           ...hi"
    assert whole("é".encode()) == "é"


# -- other programs ----------------------------------------------------------------------


def test_a_pager_is_given_nothing_that_acts():
    assert cleaned("a\x1b[31m\tb\u202e\n") == "a␛[31m    b\\u202e\n\n"


def test_the_file_is_private_and_gone_afterwards():
    with private_file("secret \ud800", ".txt") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.read_bytes().startswith(b"secret ")
    assert not path.parent.exists()


def test_the_pager_is_the_users_own():
    assert pager_command({"PAGER": "less -S"}, "f") == ["less", "-S", "f"]
    assert pager_command({"PAGER": "less -S"}, "f")[-1] == "f"


# -- in a workbench ----------------------------------------------------------------------


@pytest.fixture
def large():
    desk = FakeDesk()
    desk.add(make_trace(make_span("root", "agent", attributes={"log": LARGE, "n": 4})), "large")
    return desk


async def test_a_large_value_is_paged_searched_and_left(workbench, large):
    async with workbench(large) as session:
        await session.press("enter", "tab", "3", "j", "j", "enter")
        screen = session.app.screen
        assert isinstance(screen, ValueScreen)
        assert session.lines("#value")[0] == "line 0000000"
        await session.press("enter")
        first = session.lines("#value")[0]
        assert "line 00000" in first
        assert first != "line 0000000"
        await session.press("G")
        assert session.lines("#value")[-1] == "the end"
        await session.press("slash")
        await session.type("0150000")
        await session.press("enter")
        view = screen.view
        assert view.document.row(view.cursor) == "line 0150000"
        await session.press("g")
        assert session.lines("#value")[0] == "line 0000000"
        await session.press("n")
        assert view.document.row(view.cursor) == "line 0150000"
        await session.press("escape")
        assert session.screen.pane == "detail"


async def test_what_is_not_in_a_value_says_so_while_typing(workbench, large):
    async with workbench(large) as session:
        await session.press("enter", "tab", "3", "j", "j", "enter", "slash")
        await session.type("zebra")
        assert "nothing in this value" in str(
            session.app.screen.query_one("#value-bar .problem").render()
        )
        await session.press("escape", "escape")
        assert session.screen.pane == "detail"


async def test_up_from_the_end_leads_to_what_stands_above(workbench, large):
    async with workbench(large, size=(80, 24)) as session:
        await session.press("enter", "3", "j", "j", "enter", "G")
        view = session.app.screen.view
        before = view.document.above
        for _ in range(100):
            view.action_half_page(-1)
        await session.settle()
        assert view.document.above < before or not view.document.above
        numbers = [int(line[5:]) for line in session.lines("#value") if line.startswith("line")]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_the_users_pager_and_editor_get_the_value(workbench, large, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncp "$last" {seen}\n')
    program.chmod(0o700)
    monkeypatch.setenv("PAGER", str(program))
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)
    async with workbench(large) as session:
        monkeypatch.setattr(session.app, "suspend", Suspended)
        await session.press("enter", "tab", "3", "j", "j", "f3")
        assert seen.read_text() == LARGE + "\n"
        seen.unlink()
        await session.press("enter", "f4")
        assert seen.read_text() == LARGE
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("tracedesk-*/value.*"))


class Suspended:
    """The app put aside, as in a terminal."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

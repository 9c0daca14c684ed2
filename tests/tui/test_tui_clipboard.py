"""What is copied arrives, or is kept where the user is told to look."""

import stat

import pytest

from tracedesk.tui.clipboard import copied_by_program, keep_in_file, program, terminal_problem


@pytest.mark.parametrize(
    ("environment", "installed", "command"),
    [
        ({"WAYLAND_DISPLAY": "w"}, {"wl-copy", "xclip"}, ("wl-copy",)),
        ({"DISPLAY": ":0"}, {"xsel"}, ("xsel", "--clipboard", "--input")),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1"}, {"xsel"}, ()),
        ({}, {"xsel", "wl-copy"}, ()),
        ({}, {"pbcopy"}, ("pbcopy",)),
    ],
)
def test_a_program_of_this_machine_comes_first(environment, installed, command):
    assert program(environment, lambda name: name if name in installed else None) == command


@pytest.mark.parametrize(
    ("environment", "size", "told"),
    [
        ({"TERM": "xterm-256color"}, 10, ""),
        ({"TERM": "linux"}, 10, "this terminal (linux) has no clipboard"),
        ({}, 10, "this terminal (unnamed) has no clipboard"),
        ({"TERM": "xterm", "TERM_PROGRAM": "Apple_Terminal"}, 10, "Terminal.app"),
        ({"TERM": "xterm"}, 1_000_000, "it is more than most terminals"),
    ],
)
def test_a_terminal_that_cannot_says_why(environment, size, told):
    assert terminal_problem(environment, size).startswith(told)
    assert bool(terminal_problem(environment, size)) == bool(told)


def test_a_failing_program_is_not_believed(tmp_path, monkeypatch):
    (tmp_path / "wl-copy").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "wl-copy").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not copied_by_program("x", {"WAYLAND_DISPLAY": "w"})


def test_a_text_is_kept_privately_and_replaces_the_last(tmp_path):
    keep_in_file("one", tmp_path / "kept")
    path = keep_in_file("two", tmp_path / "kept")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["copied.txt"]


async def test_without_a_clipboard_the_user_is_told_where_the_text_is(
    workbench, desk, tmp_path, monkeypatch
):
    desk.workspace.database = tmp_path / "traces.db"
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("tracedesk.tui.clipboard.shutil.which", lambda _: None)
    async with workbench(desk) as session:
        monkeypatch.setattr(type(session.app), "is_headless", False)
        told = []
        monkeypatch.setattr(session.screen, "notify", lambda text, **_: told.append(text))
        await session.press("enter", "y", "t")
        await session.until(lambda: told, "the user is told")
        assert "copied.txt instead" in told[0]
        assert (tmp_path / "copied.txt").read_text() == session.screen.opened.row.id
        assert session.app.clipboard == ""

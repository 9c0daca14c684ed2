"""The workbench goes back to where it was left, whatever became of the file meanwhile."""

import logging
import stat

import msgspec
import pytest

from tracedesk.tui.session import MAX_BYTES, Session, read_session, write_session
from tracedesk.tui.view_models.fold_memory import MAX_ID, SPANS, TRACES, Folded, remembered


@pytest.fixture
def file(tmp_path):
    return tmp_path / "session.json"


def test_what_is_remembered_is_private_and_comes_back(file):
    session = Session(trace="t", number=7, filter="status:failed", history=("tab raw",))
    write_session(file, session)
    assert read_session(file) == session
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_it_stays_small(file):
    write_session(file, Session(filter="f" * 9_000, history=("h" * 200,) * 900))
    assert file.stat().st_size < MAX_BYTES
    assert read_session(file).filter == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b'{"tab": 7}', "is damaged"),
        (b"[" * 140_000, "it is too long"),
        (b'{"version": 99}', "another version"),
    ],
)
def test_what_is_damaged_is_let_go_with_a_line_in_the_log(file, caplog, content, told):
    caplog.set_level(logging.INFO)
    file.write_bytes(content)
    assert read_session(file) == Session()
    assert told in caplog.text


def test_no_file_is_no_news_and_no_folder_no_end(tmp_path, caplog):
    assert read_session(tmp_path / "none") == Session()
    assert caplog.text == ""
    write_session(tmp_path / "no folder" / "session.json", Session())
    assert "could not be kept" in caplog.text


async def test_the_workbench_is_taken_up_where_it_was_left(workbench, desk, file):
    async with workbench(desk, session_file=file) as session:
        await session.press("G", "enter", "j", "j", "t", "T", "5")
        await session.press(":")
        await session.type("tab raw")
        await session.press("enter")
        session.screen.set_filter("name:chat")
        await session.settle()
        here = session.screen.opened.row.id, session.screen.span.span_id
        await session.press("tab", "q")
    async with workbench(desk, session_file=file) as session:
        screen = session.screen
        assert (screen.opened.row.id, screen.span.span_id) == here
        assert screen.pane == "detail"
        assert screen.tab == "raw"
        assert screen.traces.filter_text == "name:chat"
        assert screen.traces.cursor_id == here[0]
        assert str(screen.span_view.mode) == "offset"
        assert session.app.theme == "tracedesk-light"
        assert session.app.history.lines == ["tab raw"]


async def test_fresh_begins_anew_and_a_trace_that_is_gone_is_passed_over(workbench, desk, file):
    write_session(file, Session(trace="gone", number=999, pane="tree", tab="raw", theme="no such"))
    async with workbench(desk, session_file=file) as session:
        assert session.screen.opened.row.id == max(desk.traces)
        assert session.screen.pane == "list"
        assert session.screen.tab == "raw"
    async with workbench(desk, session_file=file, fresh=True) as session:
        assert session.screen.tab == "reading"


# -- folds -----------------------------------------------------------------------------


async def test_folds_of_the_traces_looked_at_last_are_remembered(workbench, desk, file):
    async with workbench(desk, session_file=file) as session:
        await session.press("enter")
        before = session.lines("#spans")
        await session.press("Z")
        folded = session.lines("#spans")
        assert folded != before
        await session.press("escape", "G", "enter")
        await session.press("escape", "g", "enter")
        assert session.lines("#spans") == folded
        await session.press("q")
    async with workbench(desk, session_file=file) as session:
        assert session.lines("#spans") == folded
        trace = session.screen.opened.row.id
        await session.press("X", "q")
    assert not any(each.folded for each in read_session(file).folds if each.trace == trace)


async def test_a_trace_that_was_replaced_meanwhile_keeps_what_is_still_there(workbench, desk, file):
    trace_id = max(desk.traces)
    async with workbench(desk, session_file=file) as session:
        await session.press("enter", "Z")
        folded = read_ids(session)
        assert folded
        await session.press("q")
    kept = read_session(file)
    gone = msgspec.structs.replace(kept.folds[-1], folded=("no such span", *folded, "nor this"))
    write_session(file, msgspec.structs.replace(kept, folds=(gone,)))
    async with workbench(desk, session_file=file) as session:
        assert session.screen.opened.row.id == trace_id
        assert read_ids(session) == folded


def read_ids(session):
    return Folded.of("t", session.screen.rows).folded


def test_only_so_many_folds_are_kept(file):
    many = tuple(
        Folded(f"t{n}", ("s" * MAX_ID,) * SPANS, ("o" * MAX_ID,) * SPANS) for n in range(50)
    )
    write_session(file, Session(folds=many, history=("h" * 200,) * 50, filter="f" * 2_000))
    assert file.stat().st_size < MAX_BYTES
    assert read_session(file).folds == many[-TRACES:]


def test_a_trace_as_it_opens_needs_no_memory():
    known = (Folded("a", ("1",)), Folded("b", ("2",)))
    assert remembered(known, Folded("a")) == known[1:]
    assert remembered(known, Folded("a", ("3",))) == (known[1], Folded("a", ("3",)))

"""Editing a case file beside its trace: words, faults, verdicts while typing; nothing is lost."""

import stat

import pytest
from piloting import lines_of, until
from textual import events

from tracedesk.authoring.trial import Trial
from tracedesk.testcases.load import load_text
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.edit_asking import ChangedScreen, CloseScreen, difference
from tracedesk.tui.screens.edit_screen import EditScreen
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.editing import faults_of, told_of
from tracedesk.tui.widgets.editor.case_text import MAX_CHARS, MAX_LINES, indent_below, too_large

START = 1_780_000_000_000_000_000

CASES = """\
cases:
  - name: Books
    assertions:
      - {target: node_call, expected_name: create_booking}   # at all
"""

BODY = {
    "spans": [
        {
            "span_id": "b" * 16, "name": "create_booking", "parent_span_id": None,
            "start_time_unix_nano": START, "end_time_unix_nano": START + 10**9,
            "attributes": {"gen_ai.tool.name": "create_booking",
                           "gen_ai.tool.call.arguments": {"party": 4}},
        }
    ]
}  # fmt: skip


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "testcases" / "books.yaml"
    path.parent.mkdir()
    path.write_text(CASES)
    path.chmod(0o640)
    return path


@pytest.fixture
def opened_app(open_desk, call, cases):
    """An app over a desk with one booking."""
    desk = open_desk()
    call(desk, "/public/traces", BODY, content_type="application/json")
    return TracedeskApp(desk, strict=True, ascii=False)


def notes(app):
    return [notification.message for notification in app._notifications]


async def editing(pilot):
    """The editor at the failing or first assertion, tried once."""
    app = pilot.app
    screen = app.screen
    await until(pilot, lambda: screen.opened is not None and screen.cases, "open and judged")
    screen.go_to_pane("tests")
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, EditScreen), "the editor")
    await until(pilot, lambda: app.screen._trial is not None, "tried")
    return app.screen


TWO = """\
cases:
  - name: Books
    assertions:
      - {target: node_call, expected_name: create_booking}

  - name: For five
    assertions:
      - {target: node_call, expected_name: create_booking, expected_arguments: {party: 5}}
"""


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_after_the_next_failure_its_own_line_is_edited(opened_app, cases, size):
    cases.write_text(TWO)
    app = opened_app
    async with app.run_test(size=size) as pilot:
        bench = app.screen
        await until(pilot, lambda: bench.opened is not None and bench.cases, "open and judged")
        await until(pilot, lambda: {c.outcome for c in bench.cases} >= {"fail"}, "one fails")
        await pilot.press("enter", "]", "f", "e")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "the editor")
        assert app.screen.area.cursor_location[0] == 7
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is bench, "back")
        bench.go_to_pane("tests")  # where the line of the cursor is what counts
        view = bench.query_one("#results")
        view.cursor = next(at for at, row in enumerate(view.model.rows) if row.level == 1
                           and row.case.name == "Books")  # fmt: skip
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "the editor")
        assert app.screen.area.cursor_location[0] == 1


async def test_enter_on_a_place_in_a_file_edits_it_there(opened_app, cases, monkeypatch):
    monkeypatch.delenv("EDITOR", raising=False)
    cases.write_text(TWO)
    app = opened_app
    async with app.run_test(size=(80, 24)) as pilot:
        bench = app.screen
        await until(pilot, lambda: {c.outcome for c in bench.cases} >= {"fail"}, "one fails")
        await until(
            pilot,
            lambda: bench.verdicts and not bench.verdicts.pending and not bench.verdicts.brief,
            "with its evidence",
        )
        await pilot.press("enter", "]", "f")
        await pilot.pause()
        await pilot.press("tab")
        await pilot.pause()
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "from the verdict")
        assert app.screen.area.cursor_location[0] == 7
        await pilot.press("escape")
        cases.write_text(
            TWO + "  - {name: Aside, status: paused, assertions: [{target: no_errors}]}\n"
        )
        await until(pilot, lambda: any(row.idle for row in bench.results.rows), "a paused case")
        bench.go_to_pane("tests")
        view = bench.query_one("#results")
        view.cursor = next(at for at, row in enumerate(view.model.rows) if row.idle)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "from the drawer")
        assert app.screen.area.cursor_location[0] == 8


def told(app):
    return [line.strip() for line in lines_of(app, "#edit-told") if line.strip()]


async def put(pilot, line, text):
    """Type at the end of a line."""
    area = pilot.app.screen.area
    area.move_cursor((line, len(area.document.get_line(line))))
    await pilot.press(*("space" if c == " " else c for c in text))


async def test_verdicts_on_the_open_trace_follow_the_typing_and_are_not_saved(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        assert any("✓ 4 node_call" in line for line in told(app))
        area = screen.area
        area.replace("cancel", (3, 43), (3, 49))
        await until(pilot, lambda: any("✗ 4 node_call" in line for line in told(app)), "fails now")
        assert "not saved" in screen.query_one("#edit-head").text
        assert cases.read_text() == CASES
        await pilot.press("ctrl+z")
        await until(pilot, lambda: any("✓ 4 node_call" in line for line in told(app)), "passes")
        assert "not saved" not in screen.query_one("#edit-head").text


async def test_faults_are_told_with_what_was_meant_and_a_key_leads_to_them(opened_app):
    app = opened_app
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await editing(pilot)
        screen.area.replace("expcted_name", (3, 28), (3, 41))
        await until(pilot, lambda: "did you mean" in " ".join(told(app)), "the fault")
        assert told(app)[0].startswith("! 4:29 ")
        assert sum("expected_name" in line for line in told(app)) == 1
        assert "see 4:29 above" in " ".join(told(app))
        screen.area.move_to(0)
        await pilot.press("ctrl+n")
        assert screen.area.cursor_location[0] == 3


async def test_words_come_from_the_schema_and_from_stored_traces(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        await until(pilot, lambda: screen._known.calls, "the names of the traces")
        await put(pilot, 3, "")
        await pilot.press("enter", *"- target", "colon", "space", *"node")
        await until(pilot, lambda: screen.area.offering, "words")
        assert lines_of(app, "#offers")[0].split()[0] == "node_call"
        await pilot.press("tab")
        line = screen.area.document.get_line(4)
        assert line.strip() == "- target: node_call"
        await pilot.press("enter", *"expected_n")
        await until(pilot, lambda: screen.area.offering, "fields")
        await pilot.press("tab", *"crea")
        await until(pilot, lambda: "create_booking" in " ".join(lines_of(app, "#offers")), "names")
        await pilot.press("tab")
        assert screen.area.document.get_line(5).strip() == "expected_name: create_booking"
        await pilot.press("escape")
        assert isinstance(app.screen, CloseScreen) or not screen.area.offering


async def test_saving_keeps_the_mode_runs_the_case_and_can_be_undone(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        screen.area.replace("cancel", (3, 43), (3, 49))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "cancel_booking" in cases.read_text(), "saved")
        assert stat.S_IMODE(cases.stat().st_mode) == 0o640
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "closed without asking")
        await until(
            pilot, lambda: app.screen.cases and app.screen.cases[0].outcome == "fail", "run again"
        )
        await until(
            pilot,
            lambda: (e := app.desk.last_edit()) and e.counts == (("pass→fail", 1),),
            "listed by the backtest",
        )
        await pilot.press("u")
        await until(pilot, lambda: cases.read_text() == CASES, "undone")


@pytest.mark.parametrize(("key", "saved"), [("s", True), ("d", False)])
async def test_closing_asks_when_something_is_not_saved(opened_app, cases, key, saved):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        await put(pilot, 3, " x")
        await until(pilot, lambda: screen.unsaved, "typed")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CloseScreen), "asked")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "goes on")
        await pilot.press("escape", key)
        await until(pilot, lambda: isinstance(app.screen, Workbench), "closed")
        assert ("# at all x" in cases.read_text()) is saved


OTHERS = CASES + "  # by somebody else\n"


async def test_a_file_that_changed_underneath_asks_and_neither_version_is_lost(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        await put(pilot, 3, " mine")
        cases.write_text(OTHERS)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ChangedScreen), "asked")
        assert cases.read_text() == OTHERS
        await pilot.press("v")
        await until(
            pilot, lambda: "-  # by somebody else" in " ".join(lines_of(app, "#question")), "diff"
        )
        await pilot.press("d")
        await until(pilot, lambda: app.screen is screen, "decided")
        assert screen.area.text == OTHERS
        await pilot.press("ctrl+z")
        assert "mine" in screen.area.text
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "mine" in cases.read_text(), "saved over what was seen")


async def test_keeping_mine_leaves_the_other_version_to_undo(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        await put(pilot, 3, " mine")
        cases.write_text(OTHERS)
        await until(pilot, lambda: isinstance(app.screen, ChangedScreen), "noticed by itself")
        await pilot.press("m")
        await until(pilot, lambda: "mine" in cases.read_text(), "mine is saved")
        await until(pilot, lambda: app.screen is screen and not screen.unsaved, "saved")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "closed")
        await pilot.press("u")
        await until(pilot, lambda: cases.read_text() == OTHERS, "the other version is back")


async def test_a_file_that_was_removed_is_written_anew_when_that_is_wanted(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        await editing(pilot)
        cases.unlink()
        await until(pilot, lambda: isinstance(app.screen, ChangedScreen), "noticed")
        await pilot.press("d")  # there is nothing on the disk to take
        assert isinstance(app.screen, ChangedScreen)
        await pilot.press("m")
        await until(pilot, lambda: cases.exists() and cases.read_text() == CASES, "written")


async def test_a_read_only_file_is_not_written_and_the_text_stays(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        cases.chmod(0o440)
        await put(pilot, 3, " x")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: notes(app), "said")
        assert "read-only; allow writing first" in notes(app)[-1]
        assert screen.unsaved
        assert cases.read_text() == CASES


async def test_what_is_too_much_to_paste_is_refused(opened_app):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await editing(pilot)
        screen.area.post_message(events.Paste("x" * 5_000_000))
        await until(pilot, lambda: notes(app), "said")
        assert "nothing was pasted" in notes(app)[-1]
        assert screen.area.text == CASES


async def test_a_file_of_several_line_ends_or_too_large_is_left_to_other_editors(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.opened is not None and screen.cases, "open")
        cases.write_bytes(CASES.replace("\n", "\r\n", 1).encode())
        await pilot.press("e")
        await until(pilot, lambda: notes(app), "said")
        assert "line ends of several kinds" in notes(app)[-1]
        await until(pilot, lambda: app.screen is screen, "not opened")
        cases.write_text(CASES + "#" * MAX_CHARS)
        await pilot.press("e")
        await until(pilot, lambda: "too large to be edited here" in notes(app)[-1], "said")


async def test_a_file_that_does_not_parse_is_edited_all_the_same(opened_app, cases):
    app = opened_app
    async with app.run_test(size=(140, 40)) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.opened is not None and screen.cases, "open")
        cases.write_text("cases: [\n  \x7fa: {")
        await until(pilot, lambda: app.desk.files[0].stale, "broken")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "the editor")
        await until(pilot, lambda: told(app) and told(app)[0].startswith("!"), "the fault")
        assert "\x7f" not in "".join(lines_of(app, "#case-text"))
        app.screen.area.text = CASES
        await until(pilot, lambda: any("✓ 4" in line for line in told(app)), "mended")


@pytest.mark.parametrize(
    ("above", "indent"),
    [
        ("cases:", 2), ("  - name: x", 4), ("    assertions:", 6),
        ("      - {target: no_errors}", 6), ("      - target: node_call", 8), ("", 0),
        ("        expected_arguments:", 10), ("      - plain", 6),
    ],
)  # fmt: skip
def test_the_next_line_begins_where_it_is_meant_to(above, indent):
    assert indent_below(above) == " " * indent


def test_many_lines_or_characters_are_for_another_editor():
    assert too_large("x" * (MAX_CHARS + 1))
    assert too_large("\n" * (MAX_LINES + 1))
    assert not too_large("x\n" * MAX_LINES)


def test_what_is_told_leads_to_its_line_and_fits():
    file = load_text(CASES.replace("target", "tarket"), "a.yaml")
    found = told_of(Trial(file), 40)
    assert found[0].at == 3
    assert all(each.line.width <= 40 for each in found)
    assert 3 in faults_of(Trial(file))


def test_a_difference_shows_nothing_that_acts():
    lines = [line.text for line in difference(b"a\n\x1b[31m\n", b"a\nb\n", 60)]
    assert not any("\x1b" in line for line in lines)
    assert "+b" in lines

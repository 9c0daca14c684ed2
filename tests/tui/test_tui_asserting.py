"""Point and assert over a real desk: four keys to a saved assertion, its effect, its verdict,
and back; new cases and files, paused and active ones."""

import pytest
from piloting import lines_of, until

from tracedesk.authoring.effects import Effects
from tracedesk.authoring.targets import Target
from tracedesk.testcases.load import load_text
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.assert_panel import AssertScreen, CandidatesView, said_over
from tracedesk.tui.screens.edit_screen import EditScreen
from tracedesk.tui.screens.flips import FlipsScreen
from tracedesk.tui.screens.target_box import TargetScreen
from tracedesk.tui.view_models.asserting import target_pieces
from tracedesk.tui.widgets.line_label import LineLabel

LARGE, SMALL = (140, 40), (80, 24)
START = 1_780_000_000_000_000_000

CASES = """\
# ours, and kept
cases:
  - name: Books    # what was asked for
    id: books
    assertions:
      - {target: node_call, expected_name: create_booking}   # at all
"""


def booking(party, said="Your table is booked."):
    def span(span_id, label, parent, attributes):
        return {
            "span_id": span_id, "name": label, "parent_span_id": parent, "status": {"code": 1},
            "start_time_unix_nano": START, "end_time_unix_nano": START + 10**9,
            "attributes": attributes,
        }  # fmt: skip

    agent = {"gen_ai.operation.name": "invoke_agent", "output.value": said}
    tool = {
        "gen_ai.tool.name": "create_booking",
        "gen_ai.tool.call.arguments": {"party": party, "guest": {"name": "Ruiz"}},
    }
    return {
        "spans": [
            span("a" * 16, "agent", None, agent),
            span("b" * 16, "create_booking", "a" * 16, tool),
        ]
    }


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "testcases" / "books.yaml"
    path.parent.mkdir()
    path.write_text(CASES)
    return path


@pytest.fixture
def opened_app(open_desk, call, cases):
    """An app over a desk with two bookings, the newest open."""
    desk = open_desk()
    for party in (2, 4):
        call(desk, "/public/traces", booking(party), content_type="application/json")
    return TracedeskApp(desk, strict=True, ascii=False)


def notes(app):
    return [notification.message for notification in app._notifications]


def told(app):
    """What the box says of the stored traces."""
    return app.screen.query_one("#over", LineLabel).text.strip()


async def at_the_tool(pilot):
    """Open the newest trace with the cursor on its tool call."""
    app = pilot.app
    screen = app.screen
    await until(pilot, lambda: screen.opened is not None and screen.cases, "open and judged")
    await pilot.press("enter", "j")
    await until(pilot, lambda: screen.span.label == "create_booking", "on the tool call")
    return screen


async def offered(pilot):
    """The candidates, once their effects are counted."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, AssertScreen), "the panel")
    await until(pilot, lambda: app.screen.offer is not None, "candidates")
    view = app.screen.query_one(CandidatesView)
    await until(pilot, lambda: view.effects is not None and view.effects.done, "effects")
    await pilot.pause()
    return app.screen.offer


async def test_three_keys_from_a_tool_call_to_a_saved_assertion_and_one_back(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("a")
        offer = await offered(pilot)
        assert "with just these 2 arguments" in offer.candidates[0].label
        assert "passes on 1, fails on 1" in lines_of(app, "#candidates")[0]
        assert told(app) == "what each says of 2 traces"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TargetScreen), "where to")
        effect = "passes on 1, fails on 1 of 2 traces"
        await until(pilot, lambda: told(app) == effect, "its effect")
        await pilot.press("enter")
        await until(pilot, lambda: cases.read_text() != CASES, "written")
        after = cases.read_text()
        assert after.startswith(CASES)
        assert len(load_text(after, "books.yaml").cases[0].checks) == 2
        await until(pilot, lambda: notes(app), "told")
        assert notes(app)[-1].startswith("✓ pass here: create_booking was called as expected")
        assert "Saved to testcases/books.yaml:7" in notes(app)[-1]
        await until(
            pilot, lambda: len(screen.cases[0].verdicts) == 2, "run again by the desk itself"
        )
        # the other trace lost its pass by this edit, and the backtest knows
        await until(
            pilot, lambda: (e := app.desk.last_edit()) and e.counts == (("pass→fail", 1),), "flip"
        )
        await pilot.press("u")
        await until(pilot, lambda: cases.read_text() == CASES, "undone, byte for byte")
        await until(pilot, lambda: notes(app)[-1].startswith("Undone: node_call in"), "said")


async def test_space_lists_what_would_flip_and_writes_nothing(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        here = screen.opened.row.id
        await pilot.press("a")
        await offered(pilot)
        await pilot.press("space")
        await until(pilot, lambda: isinstance(app.screen, FlipsScreen), "the flips")
        title = str(app.screen.query_one(".box").border_title)
        assert title == "Would flip of 2 traces: 1 pass→fail"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen, "the boxes are gone")
        await until(pilot, lambda: screen.opened.row.id != here, "the trace that would flip")
        assert cases.read_text() == CASES


async def test_space_says_where_nothing_would_flip_in_another_place(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("a")
        offer = await offered(pilot)
        panel = app.screen.query_one(CandidatesView)
        panel.cursor = next(
            n
            for n, row in enumerate(panel.rows)
            if row.candidate and row.candidate.label == "create_booking is called"
        )
        assert offer.candidates
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TargetScreen), "where to")
        await pilot.press("space")
        await until(pilot, lambda: notes(app), "said")
        assert notes(app) == ["No verdict would flip of 2 traces."]
        assert cases.read_text() == CASES
        assert screen.opened is not None


async def test_one_argument_in_the_detail_pane_and_the_last_place_remembered(opened_app, cases):
    app = opened_app
    async with app.run_test(size=SMALL) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("enter")
        page = screen.query_one("#page")
        at = next(n for n, line in enumerate(page.lines) if '"name"' in line.text)
        page.cursor = at
        await pilot.press("a")
        offer = await offered(pilot)
        assert offer.place.steps == ("guest", "name")
        assert "✓2" in lines_of(app, "#candidates")[0]
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "guest.name: Ruiz" in cases.read_text(), "written")
        assert app.desk.author.last.case == "books"
        cases.write_text(
            cases.read_text() + "  - name: Later\n    assertions: [{target: no_errors}]\n"
        )
        await until(pilot, lambda: len(app.desk.files[0].cases) == 2, "saved by somebody else")
        await pilot.press("u")
        await until(pilot, lambda: "was changed by another program" in notes(app)[-1], "refused")
        assert "Later" in cases.read_text()
        assert "guest.name" in cases.read_text()


async def test_the_root_offers_the_trace_and_leads_to_what_belongs_to_it(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("k", "a")
        offer = await offered(pilot)
        view = app.screen.query_one(CandidatesView)
        into = next(
            n for n, row in enumerate(view.rows) if row.place and row.place.of == "response"
        )
        view.cursor = into
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.offer and app.screen.offer is not offer, "inside")
        assert app.screen.offer.place.of == "response"
        assert "the response is exactly this text" in lines_of(app, "#candidates")[0]
        await pilot.press("h")
        await until(pilot, lambda: app.screen.offer and app.screen.offer.place.of == "trace", "out")
        await pilot.press("escape")
        assert app.screen is screen


async def test_evidence_of_an_assertion_in_the_drawer_can_be_asserted(opened_app):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("v")
        await until(pilot, lambda: screen.pane == "tests", "in the drawer")
        await pilot.press("a")
        offer = await offered(pilot)
        assert offer.place.span == "b" * 16


async def test_an_assertion_goes_to_a_new_case_or_a_new_file(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        await at_the_tool(pilot)
        for down, file in ((1, cases), (3, cases.parent / "cases.yaml")):
            await pilot.press("a")
            await offered(pilot)
            await pilot.press("enter", *["j"] * down, "enter", "enter")
            await until(
                pilot, lambda f=file: f.exists() and "with just these" in f.read_text(), file
            )
            await until(pilot, lambda: not isinstance(app.screen, AssertScreen), "closed")
            await pilot.pause()
            app.desk.author.last = None
        assert cases.read_text().startswith(CASES)
        made = load_text((cases.parent / "cases.yaml").read_text(), "cases.yaml")
        assert made.diagnostics == ()
        await pilot.press("u")
        await until(pilot, lambda: not (cases.parent / "cases.yaml").exists(), "the file is gone")


async def test_the_assertion_under_the_cursor_is_copied_as_yaml(opened_app):
    app = opened_app
    copied = []
    async with app.run_test(size=LARGE) as pilot:
        app.copy_to_clipboard = copied.append
        await at_the_tool(pilot)
        await pilot.press("y", "a")
        await until(pilot, lambda: copied, "copied")
        assert copied[0].startswith("- target: node_call\n  condition: MUST_CALL\n")
        assert (
            load_text(
                "cases:\n  - name: x\n    assertions:\n"
                + "".join(f"      {line}\n" for line in copied[0].splitlines()),
                "x.yaml",
            ).diagnostics
            == ()
        )


async def test_a_case_is_paused_made_a_draft_and_active_again(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        screen.go_to_pane("tests")
        view = screen.query_one("#results")
        view.cursor = 1
        for status in ("paused", "draft"):
            await pilot.press("P")
            await until(
                pilot, lambda s=status: f"    status: {s}\n" in cases.read_text(), "written"
            )
            idle = lambda s=status: next(  # noqa: E731
                (n for n, row in enumerate(screen.results.rows) if row.idle and s in row.line.text),
                None,
            )
            await until(pilot, idle, "listed as not active")
            view.cursor = idle()
        await pilot.press("P")
        await until(pilot, lambda: screen.cases, "it runs again")
        assert load_text(cases.read_text(), "x.yaml").cases[0].active
        await pilot.press("u", "u", "u")  # none waits for the other
        await until(pilot, lambda: cases.read_text() == CASES, "each takes back one of them")


async def test_a_new_case_is_a_draft_and_opens_in_the_editor(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        screen.go_to_pane("tests")
        await pilot.press("o", "tab", *"never cancels".replace(" ", "_"), "enter")
        await until(pilot, lambda: isinstance(app.screen, EditScreen), "the editor")
        assert "name: never_cancels\n    status: draft" in cases.read_text()
        assert app.screen.area.cursor_location[0] == 6


async def test_what_cannot_be_written_is_said_and_nothing_happens(opened_app, cases):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        await at_the_tool(pilot)
        cases.chmod(0o444)
        await pilot.press("a")
        await offered(pilot)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: notes(app), "told")
        assert "is read-only; allow writing first: chmod u+w" in notes(app)[-1]
        assert cases.read_text() == CASES
        cases.unlink()
        await pilot.press("enter")
        await until(pilot, lambda: "was removed" in notes(app)[-1], "told")
        assert not cases.exists()


async def test_without_anything_to_undo_or_to_assert_it_says_so(opened_app):
    app = opened_app
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_the_tool(pilot)
        await pilot.press("u")
        screen.go_to_pane("tests")
        screen.query_one("#results").cursor = 0
        await pilot.press("a", "P")
        await until(pilot, lambda: len(notes(app)) == 3, "three notes")
        assert notes(app) == [
            "Nothing was written here that could be undone.",
            "a asserts what decided an assertion; choose one, not its case.",
            "Choose a case, or one of its assertions.",
        ]


async def test_in_eighty_columns_the_frames_of_both_boxes_tell_all_their_keys(opened_app):
    app = opened_app
    async with app.run_test(size=SMALL) as pilot:
        await at_the_tool(pilot)
        await pilot.press("a")
        await offered(pilot)
        for kind, key in ((AssertScreen, "enter"), (TargetScreen, "escape")):
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind), "the box")
            box = app.screen.query_one(".box")
            assert len(app.screen.hint) <= box.size.width - 4
            assert str(box.border_subtitle) == app.screen.hint
            await pilot.press(key)


async def test_on_a_low_screen_candidates_have_the_room_of_the_preview(opened_app):
    app = opened_app
    async with app.run_test(size=(60, 12)) as pilot:
        await at_the_tool(pilot)
        await pilot.press("a")
        await offered(pilot)
        assert app.screen.query_one(CandidatesView).size.height >= 6


def test_without_a_stored_trace_nothing_is_said_of_any():
    assert said_over(Effects()) == "no stored trace to try them on"


def test_the_name_of_a_case_is_told_before_what_there_is_to_know_of_it():
    note = "does not apply to this trace"
    target = Target("testcases/refunds.yaml", "id", "looks the right order up", note=note)
    shown = "".join(piece.text for piece in target_pieces(target, 68))
    assert shown == " case      looks the right order up  testcases/refunds.yaml  does n…"
    assert "".join(piece.text for piece in target_pieces(target, 100)).endswith(note)

"""Comparing, stepping and reading anew, over a real desk."""

import json

import pytest
from piloting import lines_of, until

from tracedesk.comparing.comparison import Comparison
from tracedesk.comparing.side import Side
from tracedesk.comparing.told import pair_told
from tracedesk.evaluation import load as evaluation_load
from tracedesk.model.tree import SpanTree
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.lines import Piece
from tracedesk.tui.screens.compare import CompareScreen
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.compared import Compared, compared_line
from tracedesk.tui.view_models.pages.builder import Page
from tracedesk.tui.view_models.pages.difference import flow, pair_page, trace_page

LARGE, SMALL = (160, 45), (80, 24)

CASES = """\
cases:
  - name: books for four
    assertions:
      - {target: node_call, expected_name: create_booking, expected_arguments: {party: 4}}
      - {target: node_call, expected_name: cancel, condition: MUST_NOT_CALL}
"""

START = 1_780_000_000_000_000_000
SECOND = 1_000_000_000


def booking(party, *more):
    """An agent that searches, books for so many, and calls some more tools."""

    def span(number, name, given=None):
        tool = {} if given is None else {
            "gen_ai.tool.name": name, "gen_ai.tool.call.arguments": json.dumps(given),
        }  # fmt: skip
        return {
            "span_id": f"{number:016x}", "parent_span_id": f"{1:016x}" if number > 1 else None,
            "name": name, "attributes": tool, "status": {"code": 1},
            "start_time_unix_nano": START + number * SECOND,
            "end_time_unix_nano": START + (number + 1 if number > 1 else 9) * SECOND,
        }  # fmt: skip

    calls = [("search", {"city": "Graz"}), ("create_booking", {"party": party}), *more]
    return {
        "spans": [span(1, "agent"), *(span(at, *each) for at, each in enumerate(calls, 2))]
    }  # fmt: skip


@pytest.fixture
def two_runs(tmp_path, open_desk, call):
    """A desk with a run that passes and, newer, one that fails."""
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "a.yaml").write_text(CASES)
    desk = open_desk()
    call(desk, "/public/traces", booking(4), x_request_id="run-1")
    call(desk, "/public/traces", booking("4", ("notify", {"to": "Ana"})), x_request_id="run-2")
    return desk


async def ready(pilot, desk):
    screen = pilot.app.screen
    await until(pilot, lambda: desk.totals().get("fail") == 1, "both are judged")
    await until(pilot, lambda: screen.traces.total == 2 and screen.opened, "the newest is open")
    await until(pilot, lambda: screen.verdicts and not screen.verdicts.pending, "its verdicts")
    return screen


async def compared(pilot):
    screen = pilot.app.screen
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen), "the screen is there")
    screen = pilot.app.screen
    await until(pilot, lambda: screen.model is not None, "both are aligned")
    await until(pilot, lambda: "comparing …" not in lines_of(pilot.app, "#difference"), "the pair")
    return screen


def notes(app):
    return [notification.message for notification in app._notifications]


@pytest.mark.parametrize("size", [LARGE, SMALL])
async def test_w_marks_a_and_on_another_trace_compares(two_runs, size):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=size) as pilot:
        bench = await ready(pilot, two_runs)
        await pilot.press("j", "W")
        assert "A is run-1" in bench.query_one("#breadcrumb").text
        assert lines_of(app, "#traces")[1].startswith("A")
        await pilot.press("k", "W")
        screen = await compared(pilot)
        lines = lines_of(app, "#compare")
        assert "1 changed · 1 only in B" in lines[0]
        assert "create_booking" in lines[screen.view.cursor]
        assert "›≠" in lines[screen.view.cursor]
        await until(
            pilot, lambda: "  $.party" in " ".join(lines_of(app, "#difference")), "its path"
        )
        assert any("number 4" in line for line in lines_of(app, "#difference"))
        await pilot.press("]", "d")
        assert "notify" in lines_of(app, "#compare")[screen.view.cursor]
        await pilot.press("[", "d", "o")
        assert len(screen.model) == 3
        await pilot.press("enter")
        assert screen.pane == "difference"
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, Workbench)
        assert app.screen.pane == "list"


async def test_both_traces_as_a_whole_tell_verdicts_and_texts(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        await ready(pilot, two_runs)
        await pilot.press("W", "j", "W")
        await compared(pilot)
        await pilot.press("g")
        await pilot.pause()
        page = lines_of(app, "#difference")
        assert any("fail → pass  books for four: node_call" in line for line in page)
        assert any("tool calls" in line for line in page)
        await pilot.press("x")
        await until(pilot, lambda: app.screen.left.external_id == "run-1", "A and B are exchanged")


async def test_the_open_trace_is_not_decoded_again_to_be_compared(two_runs, monkeypatch):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        await ready(pilot, two_runs)
        monkeypatch.setattr("tracedesk.opening.OPEN_TRACES_KEPT", 1)  # as of large ones
        decoded = []
        decode = evaluation_load.load_trace
        monkeypatch.setattr(
            evaluation_load,
            "load_trace",
            lambda store, row, *more: decoded.append(row.id) or decode(store, row, *more),
        )
        await pilot.press("w")
        screen = await compared(pilot)
        assert decoded == [screen.left.id]
        assert screen.outcomes == ("pass", "fail")
        await pilot.press("x")
        await until(pilot, lambda: screen.left.external_id == "run-2", "exchanged")
        await until(pilot, lambda: screen.outcomes == ("fail", "pass"), "and aligned anew")
        assert decoded == [screen.right.id, screen.left.id]


async def test_the_mark_is_taken_away_by_marking_a_again(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        bench = await ready(pilot, two_runs)
        await pilot.press("W", "W")
        assert bench.marked_a is None
        assert "A is" not in bench.query_one("#breadcrumb").text


async def test_a_failing_trace_is_held_against_the_nearest_that_passes(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        await ready(pilot, two_runs)
        await pilot.press("w")
        screen = await compared(pilot)
        assert (screen.left.external_id, screen.right.external_id) == ("run-1", "run-2")
        assert "A is the nearest that passes" in screen.query_one("#header").text
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "back in the workbench")
        await until(pilot, lambda: app.screen.span and app.screen.span.label == "create_booking",
                    "the span that was compared")  # fmt: skip
        await pilot.press("escape", "escape", "j", "w")
        await until(pilot, lambda: notes(app), "there is no other one")
        await until(
            pilot,
            lambda: any("No other trace of the agent passes" in note for note in notes(app)),
            "said",
        )


async def test_divergences_are_walked_in_the_tree_once_something_was_compared(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        bench = await ready(pilot, two_runs)
        await pilot.press("enter", "]", "d")
        await until(pilot, lambda: notes(app), "what to do first")
        assert notes(app)[-1].startswith("Compare first: w with the nearest that passes")
        await pilot.press("w")
        screen = await compared(pilot)
        await pilot.press("enter", "]", "d")  # from the page below it, too
        assert "notify" in lines_of(app, "#compare")[screen.view.cursor]
        await pilot.press("escape", "escape")
        assert app.screen is bench
        walked = []
        for key in ("]", "]", "]", "["):
            await pilot.press(key, "d")
            walked.append(bench.span.label)
        assert walked == ["create_booking", "notify", "create_booking", "notify"]
        await pilot.press("escape", "j", "enter")
        await until(pilot, lambda: bench.opened.row.external_id == "run-1", "the other one is open")
        await pilot.press("]", "d")
        assert bench.span.label == "create_booking"


async def test_steps_show_what_was_there_and_what_was_decided(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        bench = await ready(pilot, two_runs)
        await pilot.press("j", "enter")
        await until(pilot, lambda: bench.opened.row.external_id == "run-1", "the other one is open")
        await until(pilot, lambda: bench.verdicts and not bench.verdicts.pending, "its verdicts")

        async def step(key, told):
            await pilot.press(key)
            await until(pilot, lambda: told in bench.query_one("#step-bar").text, told)
            await until(pilot, lambda: bench._partial is not None, "the step is read")
            await pilot.pause()
            return [(v.outcome, v.reason_code) for c in bench.cases for v in c.verdicts]

        undecided = ("skipped", "undecided")
        assert await step("full_stop", "step 1 of 3 · at +1.0s · start order") == [undecided] * 2
        assert "running" in lines_of(app, "#spans")[0]
        assert not bench.rows.is_seen(2)
        assert await step("full_stop", "step 2 of 3") == [undecided] * 2
        await step("full_stop", "step 3 of 3 · at +8.0s")
        assert {v.outcome for c in bench.cases for v in c.verdicts} == {"pass"}
        assert bench.span.label == "create_booking"
        assert await step("comma", "step 2 of 3") == [undecided] * 2
        await step("o", "step 1 of 1 · at +0 · arrival order")
        await pilot.press("escape")
        assert bench.moments is None
        assert not bench.has_class("-stepping")
        assert bench.rows.is_seen(2)
        assert bench.pane == "tree"
        await pilot.press(*["full_stop"] * 3)  # keys pressed while the steps are being found count
        await until(pilot, lambda: "step 3 of 3" in bench.query_one("#step-bar").text, "all three")


async def test_reading_anew_says_when_nothing_differs(two_runs):
    app = TracedeskApp(two_runs, strict=True, ascii=False)
    async with app.run_test(size=LARGE) as pilot:
        await ready(pilot, two_runs)
        await pilot.press("r")
        await until(pilot, lambda: notes(app), "an answer")
        assert notes(app) == ["run-2 reads as it did before."]


# -- lines and pages -------------------------------------------------------------------


def side(*spans):
    trace = make_trace(make_span("r", "agent \x1b[31m", start_ms=0, end_ms=9), *spans)
    ids, parents = [s.span_id for s in trace.spans], [s.parent_id for s in trace.spans]
    return Side(trace, SpanTree.build(ids, parents, [s.start_ns for s in trace.spans]), read(trace))


def some_comparison():
    left = side(make_tool("a", "a" * 200, "r", arguments={"x": 1}), make_tool("b", "b", "r"))
    right = side(make_tool("a", "a" * 200, "r", arguments={"x": "1"}), make_tool("c", "c", "r"))
    return Comparison(left, right)


@pytest.mark.parametrize("width", [30, 80, 91, 92, 150])
def test_every_line_fits_and_shows_nothing_that_acts(width):
    model = Compared(some_comparison())
    for at in range(len(model)):
        text = "".join(piece.text for piece in compared_line(model, at, width))
        assert len(text) <= width
        assert "\x1b" not in text


@pytest.mark.parametrize("width", [30, 80, 150])
def test_red_green_and_amber_are_left_to_verdicts(width):
    """Whichever of the two passes: their colours say which trace, and signs and letters do too."""
    comparison = some_comparison()
    model = Compared(comparison)
    pieces = [piece for at in range(len(model)) for piece in compared_line(model, at, width)]
    for row in comparison.rows:
        page = pair_page(pair_told(comparison, *row.pair), width)
        pieces += [piece for line in page for piece in line.pieces]
    pieces += [p for line in trace_page(comparison, [], width) for p in line.pieces]
    roles = {piece.role for piece in pieces if piece.text}
    assert roles.isdisjoint({"ok", "bad", "warn", "hot", "warm"})
    assert {"side-a", "side-b"} <= roles
    for mark, role in (("[-", "side-a"), ("{+", "side-b")):
        assert {p.role for p in words_of("one two three", "one 2 three") if mark in p.text} == {
            role
        }


def words_of(left, right):
    """The pieces of two texts as one."""
    pad = "the same before " * 5
    told = pair_told(Comparison(*(side(make_tool("a", "say", "r", arguments={"text": pad + text}))
                                  for text in (left, right))), 1, 1)  # fmt: skip
    return [piece for line in pair_page(told, 100) for piece in line.pieces]


@pytest.mark.parametrize("width", [30, 100])
def test_a_pair_tells_its_paths_and_types(width):
    comparison = some_comparison()
    lines = [line.text for line in pair_page(pair_told(comparison, 1, 1), width)]
    assert any(line.startswith("  $.x  numeric text") for line in lines)
    assert all(len(line) <= width for line in lines)
    assert "    A number 1" in lines
    assert '    B string "1"' in lines


def test_divergences_are_walked_round():
    model = Compared(some_comparison())
    first = model.next_divergence(0, 1)
    assert model.position(first) == model.first
    assert model.next_divergence(len(model) - 1, 1) == first
    assert model.next_divergence(first, -1) == len(model) - 1
    same = Compared(Comparison(side(), side()))
    assert same.next_divergence(0, 1) is None


def test_marked_words_fold_at_blanks():
    page = Page(20)
    flow(page, [Piece("one two [-three-]", "bad"), Piece("{+four+} five\nsix " + "x" * 30)], 2)
    lines = [line.text for line in page.lines]
    assert lines[0] == "  one two [-three-]"
    assert all(len(line) <= 20 for line in lines)
    assert "".join("".join(lines).split()).count("x") == 31

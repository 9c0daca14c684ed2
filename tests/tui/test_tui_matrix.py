"""Matrix and scores over a real desk: from a cell to the span that failed, from a version to what
flipped, and what the screens say when there is nothing."""

import json
from contextlib import asynccontextmanager

import pytest
from piloting import lines_of, until

from tracedesk.evaluation.progress import Progress
from tracedesk.model.execution import ExecutionKind
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.screens.matrix import MatrixScreen
from tracedesk.tui.screens.scores import ScoresScreen
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.view_models.plot import Bar, plot

CASES = """\
version: 1
cases:
  - name: Books for four
    assertions:
      - target: node_call
        expected_name: create_booking
        expected_arguments: {party: 4}
  - name: Answers
    assertions:
      - {target: response_regex, pattern: booked}
"""

START = 1_780_000_000_000_000_000
DAY = 86_400_000_000_000


def booking(party, version, day=0):
    """A canonical body: an agent of a version that books for a party."""

    def span(span_id, name, parent, attributes):
        start = START + day * DAY
        return {
            "span_id": span_id, "name": name, "parent_span_id": parent, "status": {"code": 1},
            "start_time_unix_nano": start, "end_time_unix_nano": start + 10**9,
            "attributes": attributes,
        }  # fmt: skip

    said = {"gen_ai.prompt": "A table for four", "gen_ai.response.text": "It is booked."}
    return {
        "metadata": {"version": version},
        "spans": [
            span("a" * 16, "booking agent", None, said),
            span("b" * 16, "look around", "a" * 16, {}),
            span("c" * 16, "create_booking", "a" * 16, {
                "gen_ai.tool.name": "create_booking",
                "gen_ai.tool.call.arguments": json.dumps({"party": party}),
            }),
        ],
    }  # fmt: skip


@pytest.fixture
def judged_desk(tmp_path, open_desk, call):
    """Two versions were asked the same; the later one books for the wrong party."""
    (tmp_path / "testcases").mkdir()
    (tmp_path / "testcases" / "booking.yaml").write_text(CASES)
    desk = open_desk()
    for body in (booking(4, "1.0"), booking("4", "1.1", day=1), booking(4, "1.2", day=2)):
        assert call(desk, "/public/traces", body, content_type="application/json")[0] == 201
    return desk


@asynccontextmanager
async def counted_screen(desk, key, size=(120, 36), traces=3):
    """The workbench over a desk, with a key pressed, and everything counted."""
    app = TracedeskApp(desk, strict=True, ascii=False)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: not desk.totals().get("pending"), "evaluated")
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, Workbench), "the screen is open")
        screen = app.screen
        await until(
            pilot,
            lambda: screen.gathered and len(screen.gathered.survey.tally().traces) == traces,
            "all is counted",
        )
        await pilot.pause()
        yield app, pilot


async def test_from_a_cell_to_the_span_and_the_assertion_that_failed(judged_desk):
    async with counted_screen(judged_desk, "M") as (app, pilot):
        screen = app.screen
        assert isinstance(screen, MatrixScreen)
        first = lines_of(app, "#matrix")[0]
        assert first.startswith(" ✗ Books for four")
        assert "[1/3*]" in first, "the cursor stands where most failures began"
        view = screen.query_one("#failures")
        await until(pilot, lambda: view.failure is not None, "what failed is read")
        (failure,) = view.failures.values()
        assert "create_booking was called" in failure.reason

        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "back in the workbench")
        bench = app.screen
        await until(
            pilot,
            lambda: bench.opened is not None and bench.opened.row.id == failure.trace,
            "its trace is open",
        )
        await until(pilot, lambda: bench.span.label == "create_booking", "at its span")
        await until(
            pilot,
            lambda: bench.query_one("#page").target.key == f"{failure.case}:a1",
            "at its assertion",
        )
        await until(pilot, lambda: bench.traces.cursor_id == failure.trace, "in the list too")
        assert bench.tab == "verdicts"


async def test_the_list_follows_the_cell_and_the_totals_are_a_column(judged_desk):
    async with counted_screen(judged_desk, "M", size=(80, 24)) as (app, pilot):
        failures = app.screen.query_one("#failures")
        await pilot.press("l")
        await until(
            pilot, lambda: lines_of(app, "#failures")[0] == " nothing failed here", "another cell"
        )
        await pilot.press("h", "G")
        await until(pilot, lambda: failures.with_case, "the totals list every case")
        assert len(failures.failed) == 1
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.pane == "failures", "the list has the focus")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.pane == "matrix", "and gives it back")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "the workbench")


async def test_version_window_and_filter_narrow_what_is_counted(judged_desk):
    async with counted_screen(judged_desk, "M") as (app, pilot):
        screen = app.screen

        def counted():
            return sum(row.evaluated for row in screen.view.matrix.rows)

        await pilot.press("v")
        await until(pilot, lambda: counted() == 2, "version 1.0 alone")
        assert "version 1.0" in screen.query_one("#header").text
        await pilot.press("v", "v", "v")
        await until(pilot, lambda: counted() == 6, "all versions again")
        await pilot.press("w")
        await until(pilot, lambda: not screen.view.matrix.rows, "nothing in the last 24 h")
        assert "w window" in lines_of(app, "#matrix")[0]
        await pilot.press("w", "w", "w")
        await until(pilot, lambda: counted() == 6, "all time again")
        await pilot.press("f", *"version=1.1", "enter")
        await until(pilot, lambda: counted() == 2, "what the filter finds")
        await pilot.press("escape")
        await until(pilot, lambda: counted() == 6, "the filter is dropped")


@pytest.mark.parametrize("key", ["M", "S"])
async def test_counts_of_a_run_that_goes_on_are_called_so(judged_desk, monkeypatch, key):
    async with counted_screen(judged_desk, key) as (app, pilot):
        header = app.screen.query_one("#header")
        assert "so far" not in header.text
        monkeypatch.setattr(judged_desk, "progress", lambda: Progress(done=3_120, total=10_000))
        await until(
            pilot, lambda: "3,120 of 10,000 evaluated so far · 3 traces" in header.text, "partial"
        )
        monkeypatch.setattr(judged_desk, "progress", lambda: Progress())
        await until(pilot, lambda: "so far" not in header.text, "and the whole")


async def test_a_wrong_filter_says_so_and_changes_nothing(judged_desk):
    async with counted_screen(judged_desk, "M") as (app, pilot):
        await pilot.press("f", *"statos:failed", "enter")
        problem = app.screen.query_one(".problem")
        await until(pilot, lambda: "did you mean" in str(problem.content), "it is said")
        await pilot.press("escape")
        assert app.screen.looking.filter == ""


async def test_from_a_version_to_what_flipped_and_to_its_trace(judged_desk):
    async with counted_screen(judged_desk, "S") as (app, pilot):
        screen = app.screen
        assert isinstance(screen, ScoresScreen)
        assert "83.3" in lines_of(app, "#numbers")[0]
        assert "5 of 6 points in 6 results" in lines_of(app, "#numbers")[0]
        await pilot.press("t")
        await until(pilot, lambda: lines_of(app, "#entries")[0].startswith("   1.2"), "versions")
        await pilot.press("j", "enter")
        await until(pilot, lambda: screen.compared is not None, "compared with the one before")
        assert str(screen.query_one("#flips-pane").border_title) == "version 1.0 → version 1.1"
        (flip,) = screen.compared.found.broken
        assert any("✓→✗  Books for four" in line for line in lines_of(app, "#flips"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Workbench), "back in the workbench")
        bench = app.screen
        await until(
            pilot, lambda: bench.opened and bench.opened.row.id == flip.trace, "the trace is open"
        )
        await until(pilot, lambda: bench.span.label == "create_booking", "at its span")


async def test_any_two_can_be_compared(judged_desk):
    async with counted_screen(judged_desk, "S") as (app, pilot):
        await pilot.press("t", "G", "m", "g", "enter")
        await until(pilot, lambda: app.screen.compared is not None, "compared")
        assert app.screen.compared.title == "version 1.0 → version 1.2"
        assert not app.screen.compared.found.broken
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.pane == "scores", "one step back")


async def test_an_edit_of_a_case_file_stands_there_with_what_it_flipped(judged_desk, tmp_path):
    async with counted_screen(judged_desk, "S") as (app, pilot):
        screen = app.screen
        (tmp_path / "testcases" / "booking.yaml").write_text(CASES.replace("party: 4", "party: 5"))
        await until(
            pilot,
            lambda: any(entry.edit for entry in screen.view.entries),
            "the edit is marked",
        )
        await until(
            pilot,
            lambda: len(list(judged_desk.store.history.executions(kind=ExecutionKind.EDIT))) == 3,
            "what it said of each trace is kept",
        )
        at = next(at for at, entry in enumerate(screen.view.entries) if entry.edit)
        assert "testcases/booking.yaml: Books for four" in lines_of(app, "#entries")[at]
        screen.view.cursor = at
        await pilot.press("enter")
        await until(pilot, lambda: screen.compared is not None, "compared")
        assert {flip.name for flip in screen.compared.found.broken} == {"Books for four"}
        assert len(screen.compared.found.broken) == 2


@pytest.mark.parametrize("key", ["M", "S"])
async def test_an_empty_history_says_what_is_missing(tmp_path, open_desk, call, key):
    desk = open_desk()
    async with counted_screen(desk, key, size=(80, 24), traces=0) as (app, pilot):
        view = "#matrix" if key == "M" else "#entries"
        assert "no trace is stored yet" in lines_of(app, view)[0]
        call(desk, "/public/traces", booking(4, "1.0"), content_type="application/json")
        await until(pilot, lambda: "no test case is active" in lines_of(app, view)[0], "the next")


# -- the plot --------------------------------------------------------------------------


def drawn(bars, width, height, **options):
    return ["".join(piece.text for piece in line) for line in plot(bars, width, height, **options)]


def test_a_bar_is_as_tall_as_its_number_which_stands_above_it():
    lines = drawn([Bar("a", 100.0), Bar("b", 50.0, "▲"), Bar("c", None)], 17, 7)
    assert [line.rstrip() for line in lines] == [
        "     100",
        " 100 ███",
        "     ███ 50",
        "     ███ ███",
        "   0 ███ ███ –",
        "         ▲",
        "     a   b   c",
    ]


def test_points_that_do_not_fit_are_left_out_and_that_is_said():
    bars = [Bar(f"03-{n:02}", float(n)) for n in range(1, 32)]
    lines = drawn(bars, 45, 8)
    assert lines[-1].strip().startswith("… 21 earlier, 03-22")
    assert lines[-1].rstrip().endswith("03-31")
    assert {len(line) for line in lines} == {45}


def test_without_box_characters_bars_are_whole_cells():
    assert not set("▁▂▃▄▅▆▇") & set("".join(drawn([Bar("a", 42.0)], 40, 9, eighths=False)))


# -- evaluation held up ----------------------------------------------------------------


async def test_evaluation_is_paused_and_goes_on(judged_desk):
    app = TracedeskApp(judged_desk, strict=True, ascii=False)
    async with app.run_test(size=(120, 36)) as pilot:
        header = app.screen.query_one("#header")
        await until(pilot, lambda: not judged_desk.totals().get("pending"), "evaluated")
        await pilot.press("H")
        await until(pilot, lambda: judged_desk.progress().paused, "paused")
        await until(pilot, lambda: "evaluation paused" in header.text, "the header says so")
        await pilot.press("H")
        await until(pilot, lambda: not judged_desk.progress().paused, "going on")
        await until(pilot, lambda: "paused" not in header.text, "the header is itself again")
        await pilot.press("K")
        await until(
            pilot,
            lambda: any("Nothing is being" in str(n.message) for n in app._notifications),
            "there was nothing to cancel, and that is said",
        )


async def test_trouble_of_the_evaluation_is_told_once_and_stays_in_the_header(
    judged_desk, monkeypatch
):
    app = TracedeskApp(judged_desk, strict=True, ascii=False)
    async with app.run_test(size=(120, 36)) as pilot:
        bench = app.screen
        locked = Progress(trouble="the database is locked")
        monkeypatch.setattr(judged_desk, "progress", lambda: locked)
        told = []
        monkeypatch.setattr(bench, "notify", lambda message, **_: told.append(message))
        bench.heed_evaluation()
        bench.heed_evaluation()
        assert told == ["Evaluation waits: the database is locked"]
        header = bench.query_one("#header")
        await until(pilot, lambda: "evaluation waits: the database is lo" in header.text, "said")

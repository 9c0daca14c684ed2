"""The tree under a pilot: runs of siblings, the time axis, the critical path."""

import msgspec
from every_screen import shown
from fake_desk import FakeDesk, booking_verdicts

from tracedesk.model.trace import Kind, Status
from tracedesk.model.verdict import Evidence, Outcome
from tracedesk.testing import make_span, make_trace
from tracedesk.tui.screens import judged, work


def nightly():
    """An agent that fetches fourteen times, waits, and answers."""
    spans = [
        make_span("r", "Nightly agent", start_ms=0, end_ms=60_000, kind=Kind.AGENT),
        make_span("t", "search", "r", start_ms=0, end_ms=6_000, kind=Kind.TOOL),
        *(
            make_span(f"g{n}", "http GET", "t", start_ms=n * 400, end_ms=n * 400 + 300)
            for n in range(14)
        ),
        make_span("w", "poll", "r", start_ms=50_000, end_ms=51_000, status=Status.ERROR),
        make_span("a", "answer", "r", start_ms=51_000, end_ms=60_000, kind=Kind.MODEL),
    ]
    return make_trace(*spans)


def nightly_desk():
    desk = FakeDesk()
    desk.add(nightly(), "nightly")
    return desk


def ruler(session):
    """Both lines above the tree."""
    widget = session.screen.query_one("#ruler")
    return [widget.render_line(y).text.strip() for y in range(widget.size.height)]


async def test_enter_opens_a_run_of_siblings_and_h_closes_it_again(workbench):
    async with workbench(nightly_desk()) as session:
        await session.press("enter", "j", "j")
        assert "http GET ×14  max 300ms" in session.lines("#spans")[2]
        await session.press("enter", "j", "j")
        assert session.screen.pane == "tree"
        assert len(session.lines("#spans")) == 18
        assert session.screen.span.span_id == "g2"
        await session.press("h")
        assert len(session.lines("#spans")) == 5
        assert session.screen.span.span_id == "g0"
        await session.press("h")
        assert session.screen.span.span_id == "t"


async def test_a_failing_member_comes_to_stand_alone_while_one_looks_on(workbench):
    desk = nightly_desk()
    async with workbench(desk) as session:
        await session.press("enter", "G")
        failing = msgspec.structs.replace(
            booking_verdicts().verdicts[1], evidence=(Evidence("g7", role="violated"),)
        )
        assert failing.outcome is Outcome.FAIL
        (trace_id,) = desk.traces
        desk.judge(trace_id, msgspec.structs.replace(booking_verdicts(), verdicts=(failing,)))
        await session.until(lambda: len(session.lines("#spans")) == 7, "it stands alone")
        assert "✗1" in session.lines("#spans")[3]
        assert session.screen.span.span_id == "a", "the cursor stays on its span"
        await session.press("]", "f")
        assert session.screen.span.span_id == "g7"


async def test_a_search_shows_its_hits_out_of_a_run_and_leaves_the_cursor_there(workbench):
    desk = FakeDesk()
    trace = nightly()
    trace.spans[9].status_message = "needle"
    desk.add(trace, "nightly")
    async with workbench(desk) as session:
        await session.press("enter", "/")
        await session.type("needle")
        await session.until(lambda: session.screen.rows.searching, "the hit is kept")
        await session.press("enter")
        assert session.screen.span.span_id == "g7"
        await session.press("escape")
        assert session.screen.span.span_id == "g7"
        assert session.screen.rows.is_visible(session.screen.span_view.row)


async def test_idle_time_folds_and_unfolds(workbench):
    async with workbench(nightly_desk()) as session:
        await session.press("enter")
        above, below = ruler(session)
        assert "⋯44s⋯" in above
        assert "44.0s idle" in below
        await session.press("z")
        assert "⋯" not in "".join(ruler(session))


async def test_zooming_panning_and_going_back(workbench):
    async with workbench(nightly_desk()) as session:
        await session.press("enter", "j", "+", "+")
        _, below = ruler(session)
        assert "zoom ×4" in below
        assert "[" in below
        assert "]" in below
        window = session.screen.rows.time.window
        before = window.shown
        await session.press(">")
        assert window.shown.start_ns > before.start_ns
        await session.press("shift+left")
        assert window.shown == before
        await session.press("-")
        assert "zoom ×2" in ruler(session)[1]
        await session.press("0")
        assert "zoom" not in ruler(session)[1]


async def test_the_zoom_outlives_a_trace_that_grows(workbench):
    desk = nightly_desk()
    async with workbench(desk) as session:
        await session.press("enter", "j", "+")
        before = session.screen.rows.time.shown
        grown = nightly()
        grown.spans.append(make_span("x", "more", "r", start_ms=2_000, end_ms=2_100))
        (trace_id,) = desk.traces
        desk.grow(trace_id, grown)
        await session.until(lambda: len(session.screen.rows.tree) == 19, "it has grown")
        shown = session.screen.rows.time.shown
        assert (shown.start_ns, shown.end_ns) == (before.start_ns, before.end_ns)


async def test_a_cursor_that_nobody_moved_stays_at_the_top_of_a_trace_that_grows(workbench):
    """Exporters send children first: the root that comes later is what the trace opens at."""
    desk = FakeDesk()
    first = make_span("c", "chat", "r", start_ms=10, end_ms=20)
    root = make_span("r", "agent", start_ms=0, end_ms=90)
    trace_id = desk.add(make_trace(first), "grows")
    async with workbench(desk) as session:
        assert session.screen.span.label == "chat"
        desk.grow(trace_id, make_trace(first, root))
        await session.until(lambda: len(session.screen.rows.tree) == 2, "its root has come")
        assert session.screen.span.label == "agent"
        await session.press("enter", "j")
        desk.grow(trace_id, make_trace(first, root, make_span("b", "plan", "r", start_ms=5)))
        await session.until(lambda: len(session.screen.rows.tree) == 3, "and a sibling before it")
        assert session.screen.span.label == "chat"


async def test_the_critical_path_is_marked_and_summed_until_c_again(workbench):
    async with workbench(nightly_desk()) as session:
        await session.press("enter", "c")
        await session.until(lambda: session.screen.rows.time.path is not None, "it is found")
        assert "◆ 18 spans 14.2s of 60.0s" in ruler(session)[1]
        assert all("◆┃" in line for line in session.lines("#spans"))
        await session.press("c")
        assert "◆" not in "".join(session.lines("#spans"))


async def test_a_trace_without_times_says_so(workbench):
    desk = FakeDesk()
    desk.add(make_trace(make_span("a")), "untimed")
    async with workbench(desk) as session:
        await session.press("enter", "+", "0", "<", "z", "c")
        told = [note.message for note in session.app._notifications]
        assert any("no times" in text for text in told)
        assert any("no duration" in text for text in told)


async def test_a_small_screen_has_no_minimap_until_there_is_something_to_say(workbench):
    async with workbench(nightly_desk(), size=(80, 24)) as session:
        await session.press("enter")
        assert len(ruler(session)) == 1
        await session.press("+")
        await session.until(lambda: len(ruler(session)) == 2, "it is zoomed")
        assert "zoom ×2" in ruler(session)[1]


async def test_ascii_draws_all_of_it_without_other_characters(workbench):
    async with workbench(nightly_desk(), ascii=True) as session:
        await session.press("enter", "+", "c")
        await session.until(lambda: session.screen.rows.time.path is not None, "it is found")
        drawn = shown(session.app)
        assert any("zoom x2" in line for line in drawn)
        assert [line for line in drawn if not line.isascii()] == []


async def test_a_large_sketch_folds_its_idle_time_once_that_was_looked_for(workbench, monkeypatch):
    class Sketching(FakeDesk):
        def load(self, trace_id):
            return msgspec.structs.replace(super().load(trace_id), sketch=True)

    monkeypatch.setattr(work, "HURRIED_FROM", 1)
    desk = Sketching()
    desk.add(nightly(), "nightly")
    async with workbench(desk) as session:
        await session.press("enter")
        assert "44.0s idle" in ruler(session)[1]
        assert "⋯" in session.lines("#spans")[0]


async def test_a_jump_to_a_failure_waits_until_the_failures_are_known(workbench):
    async with workbench() as session:
        screen = session.screen
        known = screen.verdicts
        await session.press("enter")
        screen.set_verdicts(None)
        await session.press("right_square_bracket", "f")
        assert not session.app._notifications, "there may be failures"
        assert screen.span_view.cursor == 0
        screen.set_verdicts(known)
        await session.settle()
        assert screen.span_view.cursor > 0
        assert screen.tab == "verdicts"


async def test_a_jump_that_waits_for_long_says_so(workbench, monkeypatch):
    monkeypatch.setattr(judged, "HEED_S", 0.01)
    async with workbench() as session:
        session.screen.set_verdicts(None)
        await session.press("right_square_bracket", "f")
        await session.until(lambda: session.app._notifications, "it is said")
        (told,) = session.app._notifications
        assert told.message == "The verdicts of this trace are not known yet; the jump will follow."

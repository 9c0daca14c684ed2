"""How the workbench looks: one picture a situation, the clock and the desk fixed.

A changed picture is looked at before it is accepted: ``pytest tests/snapshots --snapshot-update``.
"""

import pytest
from fake_desk import NOW_NS, FakeDesk, booking_desk, booking_file, passing_case
from textual.worker import WorkerCancelled

from tracedesk.evaluation.progress import Progress
from tracedesk.testcases.models import Diagnostic
from tracedesk.tui.app import TracedeskApp

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (160, 45)


@pytest.fixture
def looks(snap_compare):
    """Compare the screen after some keys with its picture."""

    def compare(*keys, size, desk=None, theme=None, ascii=False):
        app = TracedeskApp(desk or booking_desk(), now_ns=lambda: NOW_NS, strict=True, ascii=ascii)

        async def run_before(pilot):
            if theme is not None:
                app.theme = theme
            await settle(pilot)
            for key in keys:
                await pilot.press(key)
                await settle(pilot)

        return snap_compare(app, terminal_size=size, run_before=run_before)

    return compare


async def settle(pilot):
    """Let workers finish and their answers be painted."""
    for _ in range(4):
        try:
            await pilot.app.workers.wait_for_complete()
        except WorkerCancelled:
            continue
        await pilot.pause()


class TestLayout:
    """The same trace on three sizes of screen."""

    def test_large(self, looks):
        """Three panes, the tests drawer below."""
        assert looks("enter", "j", "j", size=LARGE)

    def test_large_light(self, looks):
        """The light theme."""
        assert looks("enter", "j", "j", size=LARGE, theme="tracedesk-light")

    def test_middle(self, looks):
        """Tree and detail."""
        assert looks("enter", size=MIDDLE)

    def test_middle_list(self, looks):
        """The list lies over them."""
        assert looks("enter", "L", size=MIDDLE)

    def test_small_list(self, looks):
        """One pane: the list."""
        assert looks(size=SMALL)

    def test_small_failure(self, looks):
        """One pane: the tree, and the failure under the cursor."""
        assert looks("enter", "right_square_bracket", "f", size=SMALL)

    def test_ascii(self, looks):
        """No glyph beyond ASCII."""
        assert looks("enter", size=MIDDLE, ascii=True)


class TestContent:
    """What can be read."""

    def test_verdicts(self, looks):
        """Evidence of a failed assertion, chosen in the drawer."""
        assert looks("tab", "tab", "tab", "j", "j", "enter", size=LARGE)

    def test_broken_file(self, looks):
        """A test file that no longer parses: where, and that its verdicts are stale."""
        desk = booking_desk()
        fault = Diagnostic(
            file="booking.cases.yaml", line=11, column=17, code="unknown_target",
            message="unknown target 'node_cal'; did you mean 'node_call'?",
        )  # fmt: skip
        desk.files = [booking_file(diagnostics=(fault,), stale=True)]
        assert looks("enter", size=LARGE, desk=desk)

    def test_chat(self, looks):
        """The conversation of a trace."""
        assert looks("enter", "2", size=LARGE)

    def test_attributes(self, looks):
        """Attributes as a tree, JSON in text opened."""
        assert looks("enter", "j", "3", size=MIDDLE, theme="tracedesk-light")

    def test_value(self, looks):
        """A value in full."""
        assert looks("enter", "j", "j", "tab", "o", size=MIDDLE)

    def test_pending(self, looks):
        """Verdicts of the past while an evaluation is awaited."""
        desk = booking_desk()
        newest = desk.rows_newest_first()[0].id
        desk.judge(newest, passing_case(), pending=True)
        desk.state = Progress(done=312, total=4_120)
        assert looks("enter", size=LARGE, desk=desk)

    def test_help(self, looks):
        """Keys of the spans pane."""
        assert looks("enter", "question_mark", size=MIDDLE)

    def test_empty(self, looks):
        """How to send the first trace."""
        assert looks(size=MIDDLE, desk=FakeDesk())

"""The one-line bars as text."""

import pytest

from tracedesk.model.verdict import Outcome
from tracedesk.tui.actions import PREFIXES, footer_for
from tracedesk.tui.text import cells
from tracedesk.tui.view_models import bars


def text(pieces):
    return "".join(piece.text for piece in pieces)


def header(width=160, **fields):
    state = bars.HeaderState(**{"state": "listening", "url": "http://127.0.0.1:4318", **fields})
    left, right = bars.header(state, width)
    return text(left).strip(), text(right).strip()


def test_the_header_of_a_busy_day():
    left, right = header(
        database="traces.db", agent="booking", traces=4_120,
        totals={"pass": 412, "fail": 9, Outcome.MISSING: 3}, done=312, queued=4_120,
    )  # fmt: skip
    assert left == "tracedesk  ● :4318   traces.db   booking   ✓ 412 ✗ 9 ? 3"
    assert right == "evaluating 312 of 4,120 ━━━━━━━━━━   4,120 traces"


def test_a_small_header_keeps_what_matters():
    assert header(70, database="traces.db", totals={"fail": 9}) == ("● :4318   ✗ 9", "0 traces")


@pytest.mark.parametrize(
    ("state", "url", "message", "shown"),
    [
        ("listening", "http://127.0.0.1:4319", "port 4318 is taken", "● :4319  port 4318 is taken"),
        ("listening", "http://0.0.0.0:4318", "", "● 0.0.0.0:4318"),
        ("failed", None, "port 4318 is taken", "✖  failed  port 4318 is taken"),
        ("attached", "http://127.0.0.1:4318", "", "● :4318 attached"),
        ("starting", None, "", "○  starting"),
    ],
)
def test_the_header_says_how_the_endpoint_is(state, url, message, shown):
    assert header(90, state=state, url=url, message=message)[0] == shown


TAKEN = "port 4318 is taken by another program; OTLP over gRPC is off: port 4317 is taken too"


@pytest.mark.parametrize(
    ("width", "left"),
    [
        (40, "● :4319   ✓ 6 ✗ 4 ? 4"),
        (80, "● :4319  port 4318 is taken by another program; OTL…   ✓ 6 ✗ 4 ? 4"),
        (160, f"tracedesk  ● :4319  {TAKEN}   traces.db   ✓ 6 ✗ 4 ? 4"),
    ],
)
def test_a_long_notice_is_cut_before_anything_that_is_counted(width, left):
    found = header(
        width, url="http://127.0.0.1:4319", message=TAKEN, database="traces.db", traces=14,
        totals={"pass": 6, "fail": 4, "missing": 4},
    )  # fmt: skip
    assert found == (left, "14 traces")
    assert cells("".join(found)) < width - 1


def test_the_breadcrumb_has_crumbs_left_and_filters_right():
    left, right = bars.breadcrumb(["traces", "chat-7731", "search"], ["agent:booking"], 80)
    assert text(left).strip() == "traces › chat-7731 › search"
    assert text(right).strip() == "agent:booking Esc✗"


@pytest.mark.parametrize("width", [20, 40, 80, 160])
def test_the_breadcrumb_fits(width):
    left, right = bars.breadcrumb(["traces", "x" * 90, "y" * 90], [], width)
    assert cells(text(left) + text(right)) <= max(width, 40)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_footer_always_offers_help(width):
    shown = text(bars.footer(footer_for("tree"), width))
    assert "? help" in shown
    assert cells(shown) <= width


@pytest.mark.parametrize("pane", ["list", "tree", "tests"])
@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_footer_has_room_for_what_is_needed_most(pane, width):
    shown = text(bars.footer(footer_for(pane), width))
    assert cells(shown) <= width
    assert "]f next failure" in shown
    assert "Tab pane" in shown
    assert ("a assert" in shown) == (pane != "list")


def test_while_a_field_is_open_the_footer_tells_its_keys():
    assert text(bars.field_keys(completes=True)) == " Enter keep   Tab complete   Esc take back"
    assert text(bars.field_keys(completes=False)) == " Enter keep   Esc take back"


def test_the_hint_after_a_first_key_names_what_may_follow():
    hint = text(bars.prefix_hint("y", 200))
    assert hint.startswith(" y ")
    assert "v copy value  k copy path" in hint
    assert hint.endswith("any other key: never mind")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("width", [80, 120, 160])
def test_every_key_that_may_follow_is_told_at_eighty_columns(prefix, width):
    hint = text(bars.prefix_hint(prefix, width))
    assert cells(hint) <= width
    assert all(f" {key} " in hint for key in PREFIXES[prefix])


def test_what_the_drawer_says_of_the_last_run():
    assert bars.saved_note(None, 0, 0.0) == ""
    assert bars.saved_note(None, 1_240, 6.2) == "1,240 re-run · 6 ms"
    running = bars.so_far(3_120, 10_000)
    assert running == "3,120 of 10,000 evaluated so far"
    assert bars.saved_note(None, 3, 6.2, 1_240, running) == running
    assert bars.so_far(3_120, 10_000, paused=True) == "3,120 of 10,000 evaluated, paused"
    assert bars.so_far(0, 0) == bars.so_far(7, 7) == ""
    assert bars.saved_note(None, 3, 6.2, 1_240) == "3 of 1,240 re-run · 6 ms"
    assert bars.saved_note(None, 1_240, 30_772.0, 1_240) == "1,240 re-run · 30.8s"

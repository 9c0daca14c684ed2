"""What was received and refused, in the header and in full; and traces that are removed."""

import pytest
from fake_desk import NOW_NS, FakeDesk, booking_desk, booking_trace

from tracedesk.store.ledger import Counts, Entry, Ledger
from tracedesk.tui.screens.modals import LedgerScreen
from tracedesk.tui.view_models import bars
from tracedesk.tui.view_models.pages.ledger import ledger_page

MINUTE = 60_000_000_000


def entry(agent_id, event, code="", count=1, **fields):
    fields = {"size": 0, "last_ns": NOW_NS - 5 * MINUTE, "message": "", **fields}
    return Entry(agent_id=agent_id, event=event, code=code, count=count, **fields)


LEDGER = Ledger(
    (
        entry("booking", "accepted", count=1_204, size=3_600_000),
        entry("booking", "replaced", count=2),
        entry("booking", "refused", "VALIDATION_ERROR", 2, message="spans[0].name is required"),
        entry("booking", "dropped", "spans_without_id", 7),
        entry("booking", "removed", "retention", 100),
        entry("", "refused", "UNAUTHORIZED", message="this API key is unknown here"),
    )
)


def header(width, **fields):
    state = bars.HeaderState(state="listening", url="http://127.0.0.1:4318", **fields)
    return "".join(piece.text for piece in bars.header(state, width)[1]).strip()


@pytest.mark.parametrize(
    ("width", "received", "refused", "shown"),
    [
        (160, 1_204, 3, "1,204 in · 3 refused · 1,100 traces"),
        (160, 1_204, 0, "1,204 in · 1,100 traces"),
        (160, 0, 0, "1,100 traces"),
        (80, 1_204, 3, "3 refused · 1,100 traces"),
    ],
)
def test_the_header_counts_what_came_in(width, received, refused, shown):
    assert header(width, traces=1_100, received=received, refused=refused) == shown


def test_a_refusal_is_coloured_as_a_warning():
    state = bars.HeaderState(state="listening", refused=3)
    roles = {piece.text: piece.role for piece in bars.header(state, 160)[1]}
    assert roles["3 refused"] == "warn"


def test_the_page_tells_refusals_first_then_each_agent():
    lines = ledger_page(LEDGER, Counts(5, 1), 100, now_ns=NOW_NS)
    shown = [line.text.rstrip() for line in lines]
    assert shown[0] == "since this desk was opened: 5 received, 1 refused"
    assert "         2  VALIDATION_ERROR for booking, last 5m ago" in shown
    assert "            spans[0].name is required" in shown
    assert "         1  UNAUTHORIZED, last 5m ago" in shown
    assert "booking  3.6 MB received" in shown
    assert "     1,204  accepted  new traces" in shown
    assert any("(spans without id)" in line for line in shown)
    assert any("100  removed" in line and "(retention)" in line for line in shown)


def test_an_empty_ledger_says_so():
    lines = ledger_page(Ledger(), Counts(), 60, now_ns=NOW_NS)
    assert [line.text for line in lines] == [
        "since this desk was opened: 0 received",
        "Nothing was sent yet.",
    ]


async def test_the_ledger_opens_over_the_workbench_and_closes(workbench):
    desk = booking_desk()
    desk.entries, desk.taken_in = LEDGER, Counts(1_206, 3)
    async with workbench(desk, size=(120, 36)) as session:
        await session.until(lambda: "3 refused" in session.bar("#header"), "the header counts")
        await session.press("I")
        await session.until(lambda: isinstance(session.app.screen, LedgerScreen), "it opens")
        await session.press("escape")
        assert session.app.screen is session.screen


async def test_an_open_trace_that_is_removed_makes_way_for_the_next(workbench):
    desk = FakeDesk()
    desk.add(booking_trace(), "older")
    newest = desk.add(booking_trace(), "newest")
    async with workbench(desk, size=(160, 45)) as session:
        await session.until(lambda: "newest" in session.bar("#breadcrumb"), "it is open")
        desk.remove(newest)
        await session.until(lambda: "older" in session.bar("#breadcrumb"), "the next is open")
        assert len(session.app._notifications) == 1


async def test_the_last_trace_that_is_removed_leaves_an_empty_workbench(workbench):
    desk = FakeDesk()
    only = desk.add(booking_trace(), "only")
    async with workbench(desk, size=(160, 45)) as session:
        await session.press("enter", "j")
        await session.until(lambda: "only" in session.bar("#breadcrumb"), "it is open")
        desk.remove(only)
        await session.until(lambda: session.screen.has_class("-empty"), "nothing is left")
        await session.press("j", "enter", "1", "4", "v", "x")
        assert session.screen.opened is None


@pytest.mark.parametrize(("width", "told"), [(80, 1), (200, 0)])
async def test_a_notice_that_the_header_cuts_is_told_in_full_once(workbench, width, told):
    desk = booking_desk()
    desk.endpoint.message = "port 4318 is taken by another program; OTLP over gRPC is off, too"
    async with workbench(desk, size=(width, 36)) as session:
        await session.until(lambda: "port 4318 is" in session.bar("#header"), "the header has it")
        await session.settle()
        session.screen.read_state()
        await session.settle()
        assert [n.message for n in session.app._notifications] == [desk.endpoint.message] * told


async def test_a_database_that_was_deleted_is_said_until_it_is_back(workbench):
    desk = booking_desk()
    async with workbench(desk, size=(160, 45)) as session:
        desk.gone = "the database traces.db was deleted or moved while it was open"
        session.screen.heed_store()
        await session.until(lambda: "deleted or moved" in session.bar("#header"), "it is said")
        assert "✖ :4318 failed" in session.bar("#header")
        desk.gone = ""
        session.screen.heed_store()
        await session.until(lambda: "● :4318" in session.bar("#header"), "it is there again")

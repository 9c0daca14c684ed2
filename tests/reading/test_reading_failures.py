"""What spans say only in events: why they failed, and which event holds a text."""

import pytest

from tracedesk.model.trace import Event, Status, Trace
from tracedesk.reading import read
from tracedesk.testing import make_span, make_tool, make_trace


def raised(**said: str) -> Event:
    return Event("exception", None, {f"exception.{name}": text for name, text in said.items()})


def traced(*events: Event, status: Status = Status.ERROR, message: str = "") -> Trace:
    return make_trace(make_tool("t", "track_order", status=status, message=message, events=events))


RAISED = raised(type="TimeoutError", message="no carrier")


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (traced(RAISED), "TimeoutError: no carrier"),
        (traced(RAISED, message="gave up"), "gave up"),
        (traced(), ""),
        (traced(raised(message="lost")), "lost"),
        (traced(raised()), ""),
        (traced(RAISED, status=Status.OK), ""),
    ],
)
def test_a_failed_call_says_what_its_exception_said(trace: Trace, why: str) -> None:
    (call,) = read(trace).calls
    assert call.status_message == why


def test_the_source_of_a_text_is_the_event_that_holds_it() -> None:
    trace = make_trace(
        make_span(
            "chat",
            attributes={"gen_ai.request.model": "m"},
            events=(
                Event("gen_ai.system.message", None, {"content": "Be brief."}),
                Event("gen_ai.user.message", None, {"content": "Where is it?"}),
                Event("gen_ai.tool.message", None, {"content": "{}", "id": "call_1"}),
                Event("gen_ai.choice", None, {"message": {"content": "In Zaragoza."}}),
            ),
        )
    )
    reading = read(trace)
    assert reading.input.source is not None
    assert reading.response.source is not None
    assert (reading.input.text, reading.input.source.place) == (
        "Where is it?",
        "gen_ai.user.message",
    )
    assert reading.response.source.place == "gen_ai.choice"
    assert reading.system.source is not None
    assert (reading.system.text, reading.system.source.place) == (
        "Be brief.",
        "gen_ai.system.message",
    )
